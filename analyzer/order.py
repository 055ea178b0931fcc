"""Where operations of two aligned models stand to each other."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from analyzer.unit import Pair, Unit

__all__ = ["Ordered"]


class Ordered:
    """Units of one model with their pairs, in the order of the model."""

    def __init__(self, found: Iterable[tuple[Unit, Pair]]) -> None:
        self.items = sorted(found, key=lambda item: item[0].position)
        self.positions = [unit.position for unit, _ in self.items]

    def between(self, low: float, high: float) -> list[tuple[Unit, Pair]]:
        """Return those whose positions lie between two others."""
        return self.items[bisect_right(self.positions, low) : bisect_left(self.positions, high)]

    def before(self, unit: Unit) -> Pair | None:
        """Return the pair of the last one that stands before a unit of the same model."""
        at = bisect_left(self.positions, unit.position)
        return self.items[at - 1][1] if at else None
