"""How much two operations have in common, as a number by which models are aligned."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analyzer.comparing.unit import Unit
from analyzer.ops import Convolution, Linear, Operation, Recurrent

__all__ = ["Likeness", "computed", "exactly", "score_of_equals"]

_SAME_TYPES = 14
_SAME_MAP = 11
_SAME_SIGNATURE = 14
_SAME_BOTH = 20
_SAME = 23


class Likeness:
    """Scores a match: 0 for none, and the more the more two have in common.

    1 to 4 is for what two of one kind share, 12 to 15 for one kind on a map of the same size, 14
    for the same computation on a map of another size, so that a stride in another place is no
    reason to match a layer with its neighbour; 20 for the same on the same map, most for the same
    of everything; and on one map more if the layers around are of the same types. Signatures are
    numbered part by part: comparing numbers is much cheaper than comparing them.
    """

    def __init__(self, a: Sequence[Unit], b: Sequence[Unit]) -> None:
        signatures: dict[tuple[Hashable, ...], int] = {}
        operations: dict[Hashable, int] = {}
        types: dict[Hashable, int] = {}
        biased: dict[Hashable, int] = {}
        read: dict[Hashable, int] = {}
        numbered = [
            (
                signatures.setdefault(unit.signature, len(signatures)),
                operations.setdefault(computed(unit), len(operations)),
                unit.places,
                types.setdefault(unit.types, len(types)),
                biased.setdefault(exactly(unit), len(biased)),
                read.setdefault(unit.reads, len(read)),
            )
            for unit in (*a, *b)
        ]
        self.a = numbered[: len(a)]
        columns = np.array(numbered[len(a) :], dtype=np.int64).reshape(-1, 6).T
        self.signatures_b, self.operations_b, self.places_b, self.types_b = columns[:4]
        self.biased_b, self.read_b = columns[4:]
        parts: dict[Hashable, int] = {}
        self.lengths = np.array([len(signature) for signature in signatures])
        self.parts = np.full((len(signatures), max(self.lengths, default=0)), -1)
        for at, signature in enumerate(signatures):
            numbers = [parts.setdefault(part, len(parts)) for part in signature]
            self.parts[at, : len(numbers)] = numbers
        self.known: dict[int, NDArray[np.int64]] = {}

    def row(self, i: int) -> NDArray[np.int64]:
        """Return the scores of the i-th of the first sequence with each of the second."""
        signature, operation, places, types, biased, read = self.a[i]
        if signature not in self.known:
            self.known[signature] = self._scores(signature)
        scores = self.known[signature][self.signatures_b]
        same_map = (self.places_b == places) & (scores > 0)
        same = self.signatures_b == signature
        scores = np.where(same, _SAME_SIGNATURE, scores + _SAME_MAP * same_map)
        scores = np.where(same & same_map, _SAME_BOTH, scores)
        scores = np.where(self.operations_b == operation, _SAME, scores)
        # Between two that are the same but for that, and then for what they read.
        scores += 2 * (self.biased_b == biased) + ((self.read_b == read) & (scores > 0))
        scores += _SAME_TYPES * ((self.types_b == types) & same_map)
        return scores

    def _scores(self, signature: int) -> NDArray[np.int64]:
        mine = self.parts[signature]
        shared = ((self.parts == mine) & (mine >= 0)).sum(axis=1)
        longest = np.maximum(self.lengths, self.lengths[signature])
        scores: NDArray[np.int64] = 1 + 4 * (shared - 1) // longest
        scores[self.parts[:, 0] != mine[0]] = 0
        return scores


def exactly(unit: Unit) -> Hashable:
    """Tell apart what has a bias or none, is a first use of what is stored, runs in a loop."""
    return unit.form, unit.signature, not unit.parameters, unit.entries[0].times


def computed(unit: Unit) -> tuple[Hashable, ...]:
    """Return what a unit computes, on a map of which size, with a bias or without."""
    return (_without_bias(unit.form), unit.signature)


def score_of_equals(pair: tuple[Unit, Unit]) -> int:
    """Return the score of two units of equal form."""
    one, other = pair
    score = _SAME + 2 * (exactly(one) == exactly(other)) + (one.reads == other.reads)
    return score + _SAME_TYPES * (one.types == other.types)


def _without_bias(operation: Operation | None) -> Operation | None:
    match operation:
        case Convolution(bias=True) | Linear(bias=True):
            return replace(operation, bias=False)
        case Recurrent():
            return replace(operation, biases=0)
    return operation
