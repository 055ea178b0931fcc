"""Where operations of two aligned models stand to each other."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from analyzer.comparing.unit import Pair, Unit

__all__ = ["Ordered", "by_structure"]


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


def by_structure(units: Sequence[Unit]) -> list[Unit]:
    """Sort units so that each comes after what it reads, whatever order its branches ran in."""
    at = {place: unit for unit in units for place in (unit.position, *unit.covers)}
    reads = {id(unit): [at[place] for place in unit.sources if place in at] for unit in units}
    looks: dict[int, int] = {}
    read: set[int] = set()
    for unit in units:
        below = sorted(looks.get(id(one), 0) for one in reads[id(unit)])
        looks[id(unit)] = hash((unit.form, unit.signature, *below))
        read.update(id(one) for one in reads[id(unit)])

    def look(unit: Unit) -> int:
        return looks[id(unit)]

    ordered: dict[int, Unit] = {}
    ends = sorted((unit for unit in units if id(unit) not in read), key=look)
    waiting = [(unit, False) for unit in reversed(ends)]
    while waiting:
        unit, is_done = waiting.pop()
        if id(unit) in ordered:
            continue
        if is_done:
            ordered[id(unit)] = unit
            continue
        waiting.append((unit, True))
        above = [one for one in reads[id(unit)] if one.position < unit.position]
        waiting += [(one, False) for one in sorted(above, key=look, reverse=True)]
    return list(ordered.values())
