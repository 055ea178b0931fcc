"""Finds where the same operations read each other in another way."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from analyzer.comparing.unit import Pair, Unit

__all__ = ["FLOW", "connected_otherwise"]

FLOW = "connected in another way"


def connected_otherwise(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs with which the flow of data begins to be another, in the first model.

    Each operation is known by what it computes and by all that its result is made of. Siblings may
    have been matched crosswise, so it is not asked which pairs read which, but whether both models
    have the same such operations. Where one stands in one model only nothing can be said.
    """
    working = [pair for pair in pairs if pair.unit.entries and not _is_beside(pair)]
    if any(pair.is_lone for pair in working):
        return []
    numbers: dict[Hashable, int] = {}
    in_a, in_b = (_histories(working, numbers, of_b=of_b) for of_b in (False, True))
    if sorted(own for own, _ in in_a.values()) == sorted(own for own, _ in in_b.values()):
        return []
    there_b = {own for own, _ in in_b.values()}
    there_a = {own for own, _ in in_a.values()}
    return [
        pair
        for pair in working
        if _begins(in_a[id(pair)], there_b) or _begins(in_b[id(pair)], there_a)
    ]


def _is_beside(pair: Pair) -> bool:
    """Say whether it is work on masks and positions, or on constants."""
    return any(unit is not None and (unit.aside or unit.constant) for unit in (pair.a, pair.b))


def _begins(history: tuple[int, tuple[int, ...]], there: set[int]) -> bool:
    own, read = history
    return own not in there and there.issuperset(read)


def _histories(
    pairs: Sequence[Pair], numbers: dict[Hashable, int], *, of_b: bool
) -> dict[int, tuple[int, tuple[int, ...]]]:
    """Return a number for what the result of each pair's unit is made of, and those of its sources.

    Equal histories have one number, in both models.
    """
    units = [(unit, pair) for pair in pairs if (unit := pair.b if of_b else pair.a) is not None]
    units.sort(key=lambda item: item[0].position)
    at: dict[int, int] = {}
    found: dict[int, tuple[int, tuple[int, ...]]] = {}
    for unit, pair in units:
        read = tuple(sorted({at[place] for place in unit.sources if place in at}))
        own = numbers.setdefault((_computed(pair.a), _computed(pair.b), read), len(numbers))
        at |= dict.fromkeys((unit.position, *unit.covers), own)
        found[id(pair)] = own, read
    return found


def _computed(unit: Unit | None) -> Hashable:
    return unit and (unit.form, unit.signature)
