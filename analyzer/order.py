"""Where operations of two aligned models stand to each other."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from math import inf

from analyzer.cut import Pair, Unit

__all__ = ["Ordered", "Places"]


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


class Places:
    """Where a lone unit of one model would stand in the other, by the anchors around it."""

    def __init__(self, anchors: Iterable[tuple[Unit, Unit]]) -> None:
        ordered = sorted((here.position, there.position) for here, there in anchors)
        self.positions = [here for here, _ in ordered]
        there = [position for _, position in ordered]
        self.low = list(accumulate(there, max, initial=-1.0))
        self.high = list(accumulate(reversed(there), min, initial=inf))[::-1]

    def around(self, unit: Unit) -> tuple[float, float]:
        """Return the positions in the other model between which the unit would stand."""
        at = bisect_left(self.positions, unit.position)
        return self.low[at], self.high[at]
