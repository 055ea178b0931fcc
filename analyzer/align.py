"""Finds which operation of one model answers to which of another, by what they compute.

Names play no part. Operations that hold parameters or contract tensors are the anchors: they are
aligned as sequences first; what is left over is then matched by kind and size.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

from analyzer.engine import Counted, Work
from analyzer.ir import Parameter
from analyzer.ops import (
    BatchNormalization,
    Convolution,
    Einsum,
    Elementwise,
    Embedding,
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


def units(report: Report) -> list[Unit]:
    """Cut a report into units, in the order of the model. Every figure is in exactly one."""
    made: list[Unit] = []
    by_output: dict[int, Unit] = {}
    homeless = {parameter.name: parameter for parameter in report.model.parameters}
    varying = {tensor.storage for tensor in report.model.inputs}
    for entry in report.entries:
        node = entry.node
        mine = [homeless.pop(name) for name in node.parameters if name in homeless]
        varies = any(tensor.storage in varying for tensor in node.inputs)
        before = next((by_output[t.storage] for t in node.inputs if t.storage in by_output), None)
        host = before if _adds_bias(entry) and before and before.work.macs else None
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
            if unit is not None:
                by_output[tensor.storage] = unit
            else:
                by_output.pop(tensor.storage, None)
    made.extend(_unread(report, homeless, len(made)))
    return made


def align(a: Sequence[Unit], b: Sequence[Unit]) -> list[Pair]:
    """Match the units of two models; every unit is in exactly one pair."""
    pairs: list[Pair] = []
    free_a, free_b = list(a), list(b)

    def take(found: Iterable[tuple[Unit, Unit]]) -> None:
        for one, other in found:
            pairs.append(Pair(one, other))
            free_a.remove(one)
            free_b.remove(other)

    anchors_a = [unit for unit in a if unit.is_anchor and unit.entries]
    anchors_b = [unit for unit in b if unit.is_anchor and unit.entries]
    take(_sequence(anchors_a, anchors_b))
    take(_by_key(free_a, free_b, lambda unit: unit.operation))
    take(_by_key(free_a, free_b, lambda unit: unit.signature))
    take(_by_key(free_a, free_b, lambda unit: _family(unit) if not unit.is_anchor else None))
    pairs += [Pair(unit, None) for unit in free_a] + [Pair(None, unit) for unit in free_b]
    return pairs


def _sequence(a: Sequence[Unit], b: Sequence[Unit]) -> list[tuple[Unit, Unit]]:
    """Align two sequences so that the sum of likenesses is greatest (Needleman and Wunsch)."""
    numbers: dict[_Key, int] = {}  # comparing numbers is much cheaper than comparing operations
    keys_a = [numbers.setdefault(_key(unit), len(numbers)) for unit in a]
    keys_b = [numbers.setdefault(_key(unit), len(numbers)) for unit in b]
    known = list(numbers)
    start = 0
    while start < min(len(a), len(b)) and keys_a[start] == keys_b[start]:
        start += 1
    rest_a, rest_b = keys_a[start:], keys_b[start:]
    cache: dict[tuple[int, int], int] = {}
    best = [[0] * (len(rest_b) + 1) for _ in range(len(rest_a) + 1)]
    for i in range(len(rest_a) - 1, -1, -1):
        for j in range(len(rest_b) - 1, -1, -1):
            key = (rest_a[i], rest_b[j])
            score = cache.get(key)
            if score is None:
                score = cache[key] = _likeness(known[key[0]], known[key[1]])
            here = max(best[i + 1][j], best[i][j + 1])
            best[i][j] = max(here, best[i + 1][j + 1] + score) if score else here
    found = list(zip(a[:start], b[:start], strict=True))
    i = j = 0
    while i < len(rest_a) and j < len(rest_b):
        score = cache[(rest_a[i], rest_b[j])]
        if score and best[i][j] == best[i + 1][j + 1] + score:
            found.append((a[start + i], b[start + j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


_Key = tuple[tuple[Hashable, ...], Operation | None]


def _key(unit: Unit) -> _Key:
    return unit.signature, unit.operation


def _likeness(a: _Key, b: _Key) -> int:
    """Score a match: 0 for none, more for the same computation, most for the same sizes too."""
    if a[1] == b[1]:
        return 10
    if a[0] == b[0]:
        return 9
    if a[0][0] != b[0][0]:
        return 0
    shared = sum(one == other for one, other in zip(a[0], b[0], strict=False))
    return 1 + 4 * (shared - 1) // max(len(a[0]), len(b[0]))


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


def _adds_bias(entry: Counted) -> bool:
    operation = entry.node.operation
    return isinstance(operation, Elementwise) and operation.bias


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
        case operation:
            return (operation.kind, *(parameter.elements for parameter in unit.parameters))
