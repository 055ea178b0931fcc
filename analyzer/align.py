"""Finds which operation of one model answers to which of another, by what they compute.

Names play no part. Operations that hold parameters or contract tensors are the anchors: they are
aligned as sequences first; what is left over is then matched by kind and size.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from math import prod

import numpy as np
from numpy.typing import NDArray

from analyzer.engine import Counted, Work
from analyzer.ir import Parameter
from analyzer.ops import (
    VIEW,
    BatchNormalization,
    Convolution,
    Einsum,
    Elementwise,
    Embedding,
    Free,
    Linear,
    Normalization,
    Operation,
    Recurrent,
)
from analyzer.report import Report

__all__ = ["Pair", "Unit", "align", "units"]


@dataclass(slots=True, eq=False)
class Unit:
    """What is matched as one: an operation, and a bias that a graph adds right after it.

    Attributes:
        entries: the counted nodes; empty for parameters that no operation reads.
        parameters: stored tensors that belong here: those whose first reader this is.
        layer: path of the layer in which it ran.
        position: place in the model's order.
        constant: it depends on no input of the model.
    """

    entries: list[Counted]
    parameters: list[Parameter]
    layer: str
    position: int
    constant: bool = False
    work: Work = field(default_factory=Work)

    @property
    def operation(self) -> Operation | None:
        """The main operation."""
        return self.entries[0].node.operation if self.entries else None

    @property
    def kind(self) -> str:
        """Name of the main operation, or of the parameters that nothing reads."""
        if self.operation is not None:
            return self.operation.kind
        return " and ".join(dict.fromkeys(p.role or "parameter" for p in self.parameters))

    @property
    def is_anchor(self) -> bool:
        """Whether it holds parameters or contracts tensors."""
        return bool(self.parameters) or self.work.macs > 0

    @property
    def signature(self) -> tuple[Hashable, ...]:
        """What it computes, apart from how large the map is on which it does."""
        return _signature(self)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two units that answer to each other, or one without a counterpart."""

    a: Unit | None
    b: Unit | None

    @property
    def unit(self) -> Unit:
        """The one there is; of two, the first model's."""
        found = self.a or self.b
        assert found is not None
        return found

    @property
    def is_lone(self) -> bool:
        """Whether it is without a counterpart."""
        return self.a is None or self.b is None


def units(report: Report) -> list[Unit]:
    """Cut a report into units, in the order of the model. Every figure is in exactly one."""
    made: list[Unit] = []
    by_output: dict[int, Unit] = {}
    homeless = {parameter.name: parameter for parameter in report.model.parameters}
    readers = _readers(report)
    varying = {tensor.storage for tensor in report.model.inputs}
    for entry in report.entries:
        node = entry.node
        mine = [
            homeless.pop(name)
            for name in node.parameters
            if name in homeless and readers[name] is entry
        ]
        varies = any(tensor.storage in varying for tensor in node.inputs)
        before = next((by_output[t.storage] for t in node.inputs if t.storage in by_output), None)
        host = before if before and _adds_bias(entry, mine, before) else None
        host = host or _other_direction(entry, made)
        if host is not None:
            unit = host
            unit.entries.append(entry)
            unit.parameters.extend(mine)
        elif entry.cost is not None and entry.cost.free and not mine:
            unit = None
        else:
            unit = Unit([entry], mine, node.layer, len(made), constant=not varies)
            made.append(unit)
        if unit is not None:
            unit.work.add(entry.work)
        for tensor in node.outputs:
            if varies:
                varying.add(tensor.storage)
            if _is_view(entry):
                continue  # it is still the result of what it is a view of
            if unit is not None:
                by_output[tensor.storage] = unit
            else:
                by_output.pop(tensor.storage, None)
    made.extend(_unread(report, homeless, len(made)))
    return made


def _readers(report: Report) -> dict[str, Counted]:
    """Return the first reader of each parameter. A view reads nothing, so one is only made do."""
    found: dict[str, Counted] = {}
    for entry in report.entries:
        for name in entry.node.parameters:
            if name not in found or (_is_view(found[name]) and not _is_view(entry)):
                found[name] = entry
    return found


def _is_view(entry: Counted) -> bool:
    return entry.cost is not None and entry.cost.free == VIEW


def align(a: Sequence[Unit], b: Sequence[Unit]) -> list[Pair]:
    """Match the units of two models; every unit is in exactly one pair."""
    pairs: list[Pair] = []
    free_a, free_b = list(a), list(b)

    def take(found: Iterable[tuple[Unit, Unit]]) -> None:
        made = [Pair(one, other) for one, other in found]
        pairs.extend(made)
        taken = {id(unit) for pair in made for unit in (pair.a, pair.b)}
        free_a[:] = [unit for unit in free_a if id(unit) not in taken]
        free_b[:] = [unit for unit in free_b if id(unit) not in taken]

    anchors_a = [unit for unit in a if unit.is_anchor and unit.entries]
    anchors_b = [unit for unit in b if unit.is_anchor and unit.entries]
    anchored = _sequence(anchors_a, anchors_b)
    take(anchored)
    ends = {id(unit): at for at, pair in enumerate(anchored) for unit in pair}
    gaps = {**_gaps(a, ends), **_gaps(b, ends)}
    take(_by_key(free_a, free_b, lambda unit: unit.operation and (gaps[id(unit)], unit.operation)))
    take(_by_key(free_a, free_b, lambda unit: unit.operation))
    take(_by_key(free_a, free_b, lambda unit: unit.signature))
    take(_by_key(free_a, free_b, lambda unit: _family(unit) if not unit.is_anchor else None))
    pairs += [Pair(unit, None) for unit in free_a] + [Pair(None, unit) for unit in free_b]
    return pairs


def _gaps(units: Sequence[Unit], ends: dict[int, int]) -> dict[int, int]:
    """Return after which matched anchor each unit stands."""
    gaps, gap = {}, -1
    for unit in units:
        gap = ends.get(id(unit), gap)
        gaps[id(unit)] = gap
    return gaps


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
    return sum(1 for _ in takewhile(lambda pair: pair[0].operation == pair[1].operation, both))


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
                operations.setdefault(_without_bias(unit.operation), len(operations)),
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


def _adds_bias(entry: Counted, stored: Sequence[Parameter], host: Unit) -> bool:
    """Say whether an addition gives a contraction its bias, in whatever shape it is stored."""
    operation = entry.node.operation
    if not isinstance(operation, Elementwise) or operation.function != "add" or not host.work.macs:
        return False
    made = host.signature[2] if isinstance(host.operation, (Linear, Convolution, Einsum)) else None
    return operation.bias or (len(stored) == 1 and stored[0].elements == made)


def _other_direction(entry: Counted, made: Sequence[Unit]) -> Unit | None:
    """Return the unit of the first direction, where a framework runs the two as two layers."""
    if not made or not isinstance(entry.node.operation, Recurrent):
        return None
    last = made[-1].entries[-1].node
    read = {tensor.storage for tensor in entry.node.inputs}
    follows = any(tensor.storage in read for tensor in last.outputs)
    return made[-1] if last.operation == entry.node.operation and not follows else None


def _unread(report: Report, homeless: dict[str, Parameter], position: int) -> list[Unit]:
    """Put parameters that no operation reads into units of their own, one a layer and role."""
    holders = {name: layer.path for layer in report.model.layers for name in layer.parameters}
    groups: dict[tuple[str, str], list[Parameter]] = {}
    for name, parameter in homeless.items():
        groups.setdefault((holders.get(name, ""), parameter.role), []).append(parameter)
    return [
        Unit([], group, layer, position + at)
        for at, ((layer, _), group) in enumerate(groups.items())
    ]


def _family(unit: Unit) -> Hashable:
    return unit.signature[0]


def _signature(unit: Unit) -> tuple[Hashable, ...]:
    match unit.operation:
        case Convolution(transposed=False, groups=1, kernel=kernel) as conv if prod(kernel) == 1:
            return ("dense", conv.in_channels, conv.out_channels)
        case Convolution() as conv:
            return (
                conv.kind,
                conv.in_channels,
                conv.out_channels,
                conv.groups,
                conv.kernel,
            )
        case Linear() as dense:
            return ("dense", dense.in_features, dense.out_features)
        case Einsum(operands=operands, output=output) as einsum if unit.parameters:
            sizes = dict(einsum.sizes)
            summed = prod(sizes[label] for label in operands[-1] if label not in output)
            made = prod(sizes[label] for label in operands[-1] if label in output)
            return ("dense", summed, made)
        case BatchNormalization(channels=channels):
            return ("batch normalization", channels)
        case Normalization() as norm:
            return (norm.kind, norm.features)
        case Embedding(vocabulary=vocabulary, width=width):
            return ("embedding", vocabulary, width)
        case Recurrent() as cell:
            return (
                cell.kind,
                cell.input_size,
                cell.hidden_size,
                cell.layers,
                sum(
                    part.node.operation.directions
                    for part in unit.entries
                    if isinstance(part.node.operation, Recurrent)
                ),
            )
        case None:
            return ("unread", unit.kind, sum(p.elements for p in unit.parameters))
        case Free():  # frameworks have many names for moving things
            return ("free", *(parameter.elements for parameter in unit.parameters))
        case operation:
            return (operation.kind, *(parameter.elements for parameter in unit.parameters))
