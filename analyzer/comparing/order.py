"""Where operations of two aligned models stand to each other."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from analyzer.comparing.unit import Pair, Unit

__all__ = ["Ordered", "by_structure", "longest_first"]


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
    looks: dict[int, int] = {}
    for unit, above in _reads(units):
        below = sorted(looks.get(id(one), 0) for one in above)
        looks[id(unit)] = hash((unit.form, unit.signature, *below))
    return _after_what_it_reads(units, lambda unit: looks[id(unit)])


def longest_first(units: Sequence[Unit]) -> list[Unit]:
    """Sort units so that each comes after what it reads; of its branches the longest comes first.

    Two models with the same branches, in whatever order they ran, come in one order, though what
    is done in the branches differs; such as a block's main way and its short cut.
    """
    lengths: dict[int, int] = {}
    for unit, above in _reads(units):
        longest = max((lengths.get(id(one), 0) for one in above), default=0)
        lengths[id(unit)] = longest + unit.is_anchor
    return _after_what_it_reads(units, lambda unit: (-lengths[id(unit)], unit.position))


def _reads(units: Sequence[Unit]) -> list[tuple[Unit, list[Unit]]]:
    """Return with each unit those whose results it reads."""
    at = {place: unit for unit in units for place in (unit.position, *unit.covers)}
    return [(unit, [at[place] for place in unit.sources if place in at]) for unit in units]


def _after_what_it_reads(units: Sequence[Unit], key: Callable[[Unit], Any]) -> list[Unit]:
    """Sort units from the inputs on, those that one unit reads by a key."""
    pairs = _reads(units)
    reads = {id(unit): above for unit, above in pairs}
    read = {id(one) for _, above in pairs for one in above}
    ordered: dict[int, Unit] = {}
    ends = sorted((unit for unit in units if id(unit) not in read), key=key)
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
        waiting += [(one, False) for one in sorted(above, key=key, reverse=True)]
    return list(ordered.values())
