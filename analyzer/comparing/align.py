"""Finds which operation of one model answers to which of another, by what they compute.

Names play no part. Operations that hold parameters or contract tensors are the anchors: they are
aligned as sequences first; what is left over is then matched by kind and size.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from itertools import groupby, takewhile
from math import inf

import numpy as np
from numpy.typing import NDArray

from analyzer.comparing.joined import joined
from analyzer.comparing.likeness import Likeness, computed, exactly, score_of_equals
from analyzer.comparing.order import by_structure, longest_first
from analyzer.comparing.spelled import QUANTISING, answers, in_steps, is_activation, more_cells
from analyzer.comparing.unit import Pair, Unit
from analyzer.ops import Convolution, Elementwise, MatrixProduct

__all__ = ["align", "by_key"]

_GAP = 4
_UNSURE = 32


def align(a: Sequence[Unit], b: Sequence[Unit]) -> list[Pair]:
    """Match the units of two models; every unit is in exactly one pair.

    What is no anchor is matched with its like: work on masks and positions with such work, and
    integers with integers, unless all but that is equal.
    """
    a, b = joined(a, b), joined(b, a)
    pairs: list[Pair] = []
    free_a, free_b = list(a), list(b)

    def take(found: Iterable[tuple[Unit, Unit]]) -> None:
        made = [Pair(one, other) for one, other in found]
        pairs.extend(made)
        taken = {id(unit) for pair in made for unit in (pair.a, pair.b)}
        free_a[:] = [unit for unit in free_a if id(unit) not in taken]
        free_b[:] = [unit for unit in free_b if id(unit) not in taken]

    take(by_key(free_a, free_b, _table))
    anchored = _anchored(free_a, free_b)
    take(anchored)
    ends = {id(unit): at for at, pair in enumerate(anchored) for unit in pair}
    gaps = {**_gaps(a, ends), **_gaps(b, ends)}
    take(by_key(free_a, free_b, lambda unit: _same_here(unit, gaps[id(unit)])))
    products = {float(at) for at, (one, _) in enumerate(anchored) if _is_product(one)}
    answered = list(_answered(free_a, free_b, gaps, products))
    pairs += answered
    gone = {id(unit) for pair in answered for unit in (pair.a, pair.b)}
    free_a = [unit for unit in free_a if id(unit) not in gone]
    free_b = [unit for unit in free_b if id(unit) not in gone]
    keys: tuple[Callable[[Unit], Hashable], ...] = (
        lambda unit: _like(unit, gaps[id(unit)], unit.signature),
        lambda unit: isinstance(unit.operation, Convolution) and (gaps[id(unit)], unit.kind),
        lambda unit: _is_arithmetic(unit) and _like(unit, gaps[id(unit)], unit.work.size),
        _same,
        lambda unit: _like(unit, unit.signature),
        lambda unit: None if unit.is_anchor else _like(unit, unit.signature[0]),
        lambda unit: None if unit.is_anchor else (unit.form, unit.aside),
    )
    for key in keys:
        take(by_key(free_a, free_b, key))
    pairs += [Pair(unit, None) for unit in free_a] + [Pair(None, unit) for unit in free_b]
    return pairs


def _anchored(a: Sequence[Unit], b: Sequence[Unit]) -> list[tuple[Unit, Unit]]:
    """Align the anchors in the order in which they run, or in one that siblings do not change.

    Branches that do not read each other may run in any order.
    """
    score, found = _in_order(a, b)
    if _is_all_the_same(found, a, b):
        return found
    _, sorted_so = _in_order(by_structure(a), by_structure(b))
    if not _is_all_the_same(sorted_so, a, b):  # more than the order is another
        better, sorted_so = _in_order(longest_first(a), longest_first(b))
        if better <= score:
            return found
    return sorted(sorted_so, key=lambda pair: pair[0].position)


def _in_order(a: Iterable[Unit], b: Iterable[Unit]) -> tuple[int, list[tuple[Unit, Unit]]]:
    return _sequence(*([unit for unit in side if _is_anchor(unit)] for side in (a, b)))


def _is_all_the_same(
    found: Sequence[tuple[Unit, Unit]], a: Iterable[Unit], b: Iterable[Unit]
) -> bool:
    same = sum(computed(one) == computed(other) for one, other in found)
    return same == sum(map(_is_anchor, a)) == sum(map(_is_anchor, b))


def _is_anchor(unit: Unit) -> bool:
    return unit.is_anchor and bool(unit.entries)


def _gaps(units: Sequence[Unit], ends: dict[int, int]) -> dict[int, float]:
    """Return of each unit which matched anchor is the first of those that its result goes into."""
    gaps: dict[int, float] = {}
    by_position: dict[int, float] = {}
    for unit in reversed(units):
        places = {unit.position, *unit.covers}
        gap = min(by_position.get(at, inf) for at in places)
        gaps[id(unit)] = gap
        end = ends.get(id(unit), gap)
        for at in unit.sources:
            by_position[at] = min(by_position.get(at, inf), end)
    return gaps


def _table(unit: Unit) -> Hashable:
    """Return by what tables are matched, for these are looked up in any order."""
    return unit.signature if unit.is_anchor and unit.signature[0] == "embedding" else None


def _same(unit: Unit) -> Hashable:
    """Return a key that is one only for the same operation, with as much that it has learned."""
    return unit.form and _like(unit, unit.form, unit.signature)


def _same_here(unit: Unit, gap: float) -> Hashable:
    """Return a key that is one only for the same operation before the same anchor."""
    return unit.form and _like(unit, gap, unit.form, unit.entries[0].times)


def _is_arithmetic(unit: Unit) -> bool:
    """Say whether it is no function by itself, so that another of the same cost may stand for it.

    A square is a power, to divide is to multiply by the reciprocal.
    """
    is_elementwise = isinstance(unit.operation, Elementwise) and not unit.is_anchor
    return is_elementwise and not is_activation(unit) and unit.kind not in QUANTISING


def _is_product(unit: Unit) -> bool:
    return isinstance(unit.form, MatrixProduct) and not unit.parameters


def _answered(
    a: Iterable[Unit], b: Iterable[Unit], gaps: dict[int, float], products: Container[float]
) -> Iterator[Pair]:
    """Find what is spelled out, or another function, between the same anchors.

    ``products`` are those of the anchors that multiply activations by each other.
    """
    between: dict[float, tuple[list[Unit], list[Unit]]] = {}
    for side, units in enumerate((a, b)):
        for unit in units:
            between.setdefault(gaps[id(unit)], ([], []))[side].append(unit)
    left: tuple[list[Unit], list[Unit]] = ([], [])
    reasons = set()
    for gap, sides in between.items():
        taken: set[int] = set()
        lacking = any(map(_learns, sides[0])) != any(map(_learns, sides[1]))
        # A block that one of them lacks is no other way to write something.
        found_here = in_steps(*sides) if lacking else answers(*sides, attending=gap in products)
        for found in found_here:
            taken |= {id(unit) for unit in (*found.a, *found.b)}
            reasons.add(found.reason)
            if len(found.a) == len(found.b) == 1:
                yield Pair(found.a[0], found.b[0], found.reason)
                continue
            yield from (Pair(unit, None, found.reason) for unit in found.a)
            yield from (Pair(None, unit, found.reason) for unit in found.b)
        for rest, some in zip(left, sides, strict=True):
            rest += [unit for unit in some if id(unit) not in taken]
    for found in more_cells(*left, reasons):
        yield from (Pair(unit, None, found.reason) for unit in found.a)
        yield from (Pair(None, unit, found.reason) for unit in found.b)


def _learns(unit: Unit) -> bool:
    """Say whether it contracts activations with what it learned."""
    return unit.work.macs > 0 and bool(unit.parameters)


def _sequence(a: Sequence[Unit], b: Sequence[Unit]) -> tuple[int, list[tuple[Unit, Unit]]]:
    """Align two sequences so that the sum of likenesses is greatest (Needleman and Wunsch).

    Returns that sum and what is matched.

    What both begin and end with is matched at once, but for the last of it. A gap
    costs a little however long it is, so that what one model lacks is one block rather than several
    parts of blocks. ``along`` is what the rest gives after a match, ``inside`` after a gap; of each
    place only the way is kept, in bits.
    """
    start = _common(a, b)
    end = _common(a[start:][::-1], b[start:][::-1])
    rest_a, rest_b = a[start : len(a) - end], b[start : len(b) - end]
    likeness = Likeness(rest_a, rest_b)
    inside = np.zeros(len(rest_b) + 1, dtype=np.int64)
    along = inside - _GAP
    along[-1] = 0
    ways = []
    for i in reversed(range(len(rest_a))):
        scores = likeness.row(i)
        matched = np.where(scores > 0, along[1:] + scores, -2 * _GAP)
        open_gap = np.zeros_like(along)
        np.maximum.accumulate(np.maximum(inside[:-1], matched)[::-1], out=open_gap[-2::-1])
        along = np.append(np.maximum(matched, open_gap[:-1] - _GAP), -_GAP)
        bits = (along[:-1] == matched, open_gap[:-1] == matched, open_gap[:-1] == inside[:-1])
        ways.append([np.packbits(some) for some in bits])
        inside = open_gap
    found = list(zip(a[:start], b[:start], strict=False))
    ended = list(zip(a[len(a) - end :], b[len(b) - end :], strict=True))
    score = int(along[0]) + sum(map(score_of_equals, found + ended))
    i = j = 0
    in_gap = False
    while i < len(rest_a) and j < len(rest_b):
        after_match, after_gap, passed = ways[-1 - i]
        if _bit(after_gap if in_gap else after_match, j):
            found.append((rest_a[i], rest_b[j]))
            i, j, in_gap = i + 1, j + 1, False
        elif not in_gap:
            in_gap = True
        elif _bit(passed, j):
            i += 1
        else:
            j += 1
    return score, _reordered(_slid(_slid(found + ended, b, of_b=True), a, of_b=False))


def _reordered(found: Sequence[tuple[Unit, Unit]]) -> list[tuple[Unit, Unit]]:
    """Match like with like where both models have the same side by side, in another order."""
    kept: list[tuple[Unit, Unit]] = []
    for unlike, run in groupby(found, key=lambda pair: pair[0].signature != pair[1].signature):
        pairs = list(run)
        ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        same = by_key(ours, theirs, _same) if unlike else []
        kept += same if len(same) == len(pairs) else pairs
    return kept


def _slid(
    found: list[tuple[Unit, Unit]], units: Sequence[Unit], *, of_b: bool
) -> list[tuple[Unit, Unit]]:
    """Slide what one sequence has more to where it begins and ends with whole layers.

    Of ``x y x y``, where the other has ``x y``, ``y x`` could be what is more, and ``x y`` as well.
    """
    at = {id(unit): place for place, unit in enumerate(units)}
    ends = [at[id(pair[of_b])] for pair in found]
    for k in range(1, len(found)):
        start, end = ends[k - 1] + 1, ends[k]  # what is more, after pair k − 1
        gap = end - start
        if not gap:
            continue
        left = right = 0
        while (
            k - 1 - left >= 0
            and ends[k - 1 - left] == start - 1 - left
            and _alike(units[start - 1 - left], units[end - 1 - left])
        ):
            left += 1
        while (
            k + right < len(found)
            and ends[k + right] == end + right
            and _alike(units[start + right], units[end + right])
        ):
            right += 1
        shifts = sorted(range(-left, right + 1), key=abs)
        best = min(shifts, key=lambda shift: _cut_through(units, start + shift, end + shift))
        for pair in range(k + best, k):
            ends[pair] += gap
        for pair in range(k, k + best):
            ends[pair] -= gap
    moved = [units[end] for end in ends]
    return [
        (pair[0], unit) if of_b else (unit, pair[1])
        for pair, unit in zip(found, moved, strict=True)
    ]


def _alike(one: Unit, other: Unit) -> bool:
    return one.form == other.form and len(one.around) == len(other.around)


def _cut_through(units: Sequence[Unit], start: int, end: int) -> int:
    """Return how many layers the two ends of a row of units cut through."""
    return _shared(units, start) + _shared(units, end)


def _shared(units: Sequence[Unit], at: int) -> int:
    if not 0 < at < len(units):
        return 1  # the model itself, as between any two of its layers
    both = zip(units[at - 1].around, units[at].around, strict=False)
    return sum(1 for _ in takewhile(lambda layers: layers[0] == layers[1], both))


def _common(a: Sequence[Unit], b: Sequence[Unit]) -> int:
    """Return with how many equal operations two sequences surely begin.

    The last equal ones may be equal by chance, and belong to what only one has.
    """
    both = zip(a, b, strict=False)
    count = sum(1 for _ in takewhile(_is_surely_equal, both))
    return count if count == len(a) == len(b) else max(count - _UNSURE, 0)


def _is_surely_equal(pair: tuple[Unit, Unit]) -> bool:
    one, other = pair
    return exactly(one) == exactly(other) and one.reads == other.reads


def _bit(packed: NDArray[np.uint8], at: int) -> bool:
    return bool(packed[at // 8] >> (7 - at % 8) & 1)


def by_key(
    a: Sequence[Unit], b: Sequence[Unit], key: Callable[[Unit], Hashable]
) -> list[tuple[Unit, Unit]]:
    """Match units of equal key in order; a key that is false matches nothing."""
    waiting: dict[Hashable, list[Unit]] = {}
    for unit in b:
        waiting.setdefault(key(unit), []).append(unit)
    found = []
    for unit in a:
        same = waiting.get(key(unit)) if key(unit) else None
        if same:
            found.append((unit, same.pop(0)))
    return found


def _like(unit: Unit, *key: Hashable) -> Hashable:
    """Return a key that is one only for units of one sort."""
    return key if unit.work.macs else (*key, unit.aside, unit.integer)
