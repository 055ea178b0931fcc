"""Finds which operation of one model answers to which of another, by what they compute.

Names play no part. Operations that hold parameters or contract tensors are the anchors: they are
aligned as sequences first; what is left over is then matched by kind and size.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from math import inf

import numpy as np
from numpy.typing import NDArray

from analyzer.cut import Pair, Unit
from analyzer.joined import joined
from analyzer.ops import Convolution, Elementwise, Linear, MatrixProduct, Operation, Recurrent
from analyzer.spelled import QUANTISING, answers, is_activation

__all__ = ["align"]


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

    take(_by_key(free_a, free_b, _table))
    anchored = _sequence(
        *([u for u in free if u.is_anchor and u.entries] for free in (free_a, free_b))
    )
    take(anchored)
    ends = {id(unit): at for at, pair in enumerate(anchored) for unit in pair}
    gaps = {**_gaps(a, ends), **_gaps(b, ends)}
    take(_by_key(free_a, free_b, lambda unit: unit.form and _like(unit, gaps[id(unit)], unit.form)))
    products = {float(at) for at, (one, _) in enumerate(anchored) if _is_product(one)}
    answered = list(_answered(free_a, free_b, gaps, products))
    pairs += answered
    gone = {id(pair.unit) for pair in answered}
    free_a = [unit for unit in free_a if id(unit) not in gone]
    free_b = [unit for unit in free_b if id(unit) not in gone]
    keys: tuple[Callable[[Unit], Hashable], ...] = (
        lambda unit: _like(unit, gaps[id(unit)], unit.signature),
        lambda unit: _is_arithmetic(unit) and _like(unit, gaps[id(unit)], unit.work.size),
        _same,
        lambda unit: _like(unit, unit.signature),
        lambda unit: None if unit.is_anchor else _like(unit, unit.signature[0]),
        lambda unit: None if unit.is_anchor else (unit.form, unit.aside),
    )
    for key in keys:
        take(_by_key(free_a, free_b, key))
    pairs += [Pair(unit, None) for unit in free_a] + [Pair(None, unit) for unit in free_b]
    return pairs


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
    for gap, (free_a, free_b) in between.items():
        for found in answers(free_a, free_b, attending=gap in products):
            yield from (Pair(unit, None, found.reason) for unit in found.a)
            yield from (Pair(None, unit, found.reason) for unit in found.b)


def _sequence(a: Sequence[Unit], b: Sequence[Unit]) -> list[tuple[Unit, Unit]]:
    """Align two sequences so that the sum of likenesses is greatest (Needleman and Wunsch).

    What both begin and end with is matched at once. A gap costs nothing, so a row of the table is
    the running maximum of what the row below it gives; of each place only the way is kept, a bit.
    """
    start = _common(a, b)
    end = _common(a[start:][::-1], b[start:][::-1])
    rest_a, rest_b = a[start : len(a) - end], b[start : len(b) - end]
    likeness = _Likeness(rest_a, rest_b)
    best = np.zeros(len(rest_b) + 1, dtype=np.int64)
    matched, passed = [], []
    for i in reversed(range(len(rest_a))):
        scores = likeness.row(i)
        with_match = best[1:] + scores
        row = np.zeros_like(best)
        np.maximum.accumulate(np.maximum(best[:-1], with_match)[::-1], out=row[-2::-1])
        matched.append(np.packbits((scores > 0) & (row[:-1] == with_match)))
        passed.append(np.packbits(row[:-1] == best[:-1]))
        best = row
    found = list(zip(a[:start], b[:start], strict=False))
    i = j = 0
    while i < len(rest_a) and j < len(rest_b):
        if _bit(matched[-1 - i], j):
            found.append((rest_a[i], rest_b[j]))
            i, j = i + 1, j + 1
        elif _bit(passed[-1 - i], j):
            i += 1
        else:
            j += 1
    return [*found, *zip(a[len(a) - end :], b[len(b) - end :], strict=True)]


def _common(a: Sequence[Unit], b: Sequence[Unit]) -> int:
    """Return with how many equal operations two sequences begin."""
    both = zip(a, b, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].form == pair[1].form, both))


def _bit(packed: NDArray[np.uint8], at: int) -> bool:
    return bool(packed[at // 8] >> (7 - at % 8) & 1)


class _Likeness:
    """Scores a match: 0 for none, 1 to 4 by what one kind shares, 9 for the same computation.

    20 is for one of the same sizes too, so that one such is worth two that are not. Signatures are
    numbered part by part: comparing numbers is much cheaper than comparing them.
    """

    def __init__(self, a: Sequence[Unit], b: Sequence[Unit]) -> None:
        signatures: dict[tuple[Hashable, ...], int] = {}
        operations: dict[Hashable, int] = {}
        a_and_b = [
            (
                signatures.setdefault(unit.signature, len(signatures)),
                operations.setdefault((_without_bias(unit.form), unit.signature), len(operations)),
            )
            for unit in (*a, *b)
        ]
        self.a = a_and_b[: len(a)]
        self.signatures_b, self.operations_b = (
            np.array(a_and_b[len(a) :], dtype=np.int64).reshape(-1, 2).T
        )
        parts: dict[Hashable, int] = {}
        self.lengths = np.array([len(signature) for signature in signatures])
        self.parts = np.full((len(signatures), max(self.lengths, default=0)), -1)
        for at, signature in enumerate(signatures):
            numbers = [parts.setdefault(part, len(parts)) for part in signature]
            self.parts[at, : len(numbers)] = numbers
        self.known: dict[int, NDArray[np.int64]] = {}

    def row(self, i: int) -> NDArray[np.int64]:
        """Return the scores of the i-th of the first sequence with each of the second."""
        signature, operation = self.a[i]
        if signature not in self.known:
            self.known[signature] = self._scores(signature)
        return np.where(
            self.operations_b == operation, 20, self.known[signature][self.signatures_b]
        )

    def _scores(self, signature: int) -> NDArray[np.int64]:
        mine = self.parts[signature]
        shared = ((self.parts == mine) & (mine >= 0)).sum(axis=1)
        longest = np.maximum(self.lengths, self.lengths[signature])
        scores: NDArray[np.int64] = 1 + 4 * (shared - 1) // longest
        scores[self.parts[:, 0] != mine[0]] = 0
        scores[signature] = 9
        return scores


def _by_key(
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


def _without_bias(operation: Operation | None) -> Operation | None:
    match operation:
        case Convolution(bias=True) | Linear(bias=True):
            return replace(operation, bias=False)
        case Recurrent():
            return replace(operation, biases=0)
    return operation


def _like(unit: Unit, *key: Hashable) -> Hashable:
    """Return a key that is one only for units of one sort."""
    return key if unit.work.macs else (*key, unit.aside, unit.integer)
