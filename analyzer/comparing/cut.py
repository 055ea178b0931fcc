"""Cuts a report into what is matched as one when models are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from analyzer.comparing.laid_open import laid_open
from analyzer.comparing.signature import is_scale
from analyzer.comparing.unit import Unit, join
from analyzer.dtypes import bits, is_floating
from analyzer.engine import Counted
from analyzer.ir import Kind, Parameter, Tensor
from analyzer.ops import (
    CAST,
    COPY,
    FILL,
    VIEW,
    Convolution,
    Einsum,
    Elementwise,
    Embedding,
    Linear,
    Operation,
    Recurrent,
    Repeat,
)
from analyzer.report import Report

__all__ = ["units"]


_NEAREST = 3


def units(report: Report) -> list[Unit]:
    """Cut a report into units, in the order of the model. Every figure is in exactly one."""
    cut = _Cut(report)
    for entry, whole in cut.steps:
        cut.add(entry, whole)
    made = [unit for unit in cut.made if unit.entries]
    if all(unit.aside for unit in made):  # a model of nothing but integers works on these
        for unit in made:
            unit.aside = False
    around, types = _around(report)
    kinds = {at: unit.kind for unit in made for at in (unit.position, *unit.covers)}
    for unit in made:
        unit.reads = frozenset(kinds[at] for at in unit.sources if at in kinds)
        unit.around, unit.types = around[unit.layer], types[unit.layer]
        unit.settled = True
    return [*made, *_unread(report, cut.homeless, made)]


def _around(
    report: Report,
) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[str, ...]]]:
    """Return for each layer the numbers of those around it, and the types of the nearest."""
    around: dict[str, tuple[int, ...]] = {}
    types: dict[str, tuple[str, ...]] = {}
    for at, layer in enumerate(report.model.layers):
        outer = layer.parent
        around[layer.path] = (*(() if outer is None else around[outer]), at)
        types[layer.path] = (layer.type, *(() if outer is None else types[outer][:_NEAREST]))
    return around, types


class _Cut:
    def __init__(self, report: Report) -> None:
        self.made: list[Unit] = []
        self.by_output: dict[int, Unit] = {}  # whose result a tensor is
        self.origins: dict[int, frozenset[int]] = {}  # of which units' results it is made
        self.homeless = {parameter.name: parameter for parameter in report.model.parameters}
        self.steps = list(laid_open(report))
        self.readers = _readers(entry for entry, _ in self.steps)
        self.flow = _Flow(report)

    def add(self, entry: Counted, whole: Operation) -> None:
        """Put a step where it belongs: to the unit that it finishes, or into one of its own."""
        node = entry.node
        mine = [
            self.homeless.pop(name)
            for name in node.parameters
            if name in self.homeless and self.readers[name] is entry
        ]
        constant, aside, carried = self.flow.through(entry)
        origins = [self.origins[t.storage] for t in node.inputs if t.storage in self.origins]
        origin = frozenset().union(*origins)
        if carried and self.made:
            origin |= {self.made[-1].position}
        unit = self._host(entry, mine)
        for table in _tables(entry, mine) if unit is None else ():
            mine.remove(table)
            origin |= {len(self.made)}
            look_up = _look_up(entry, table)
            self.made.append(
                Unit([look_up], [table], node.layer, len(self.made), True, whole=whole)
            )
        if unit is not None:
            unit.entries.append(entry)
            unit.parameters.extend(mine)
        elif entry.cost is None or not entry.cost.free or mine:
            masking = not aside and any(t.storage in self.flow.asides for t in node.inputs)
            at = len(self.made)
            unit = Unit([entry], mine, node.layer, at, constant, aside, masking, whole)
            self.made.append(unit)
        if unit is not None:
            unit.work.add(entry.work)
            unit.steady |= any(t.storage not in self.flow.varying for t in node.inputs)
            unit.sources |= origin - {unit.position, *unit.covers}
            unit.shared |= self.flow.sizes(set(node.parameters) - {one.name for one in mine})
        if not _is_free(entry, VIEW):  # a view is still the result of what it is a view of
            self._written(entry, unit)
        made = origin if unit is None else frozenset({unit.position})
        self.origins |= dict.fromkeys((tensor.storage for tensor in node.outputs), made)

    def _host(self, entry: Counted, mine: Sequence[Parameter]) -> Unit | None:
        read = entry.node.inputs
        before = [self.by_output[t.storage] for t in read if t.storage in self.by_output]
        some = list(dict.fromkeys(before))
        dense = [unit for unit in some if isinstance(unit.operation, Linear)]
        if len(dense) > 1 and _adds_biases(entry, mine, dense):
            one = join(dense)
            self.made[one.position] = one
            for unit in dense:
                unit.entries = []
            self.by_output |= {t.storage: one for e in one.entries for t in e.node.outputs}
            return one
        host = next((unit for unit in some if _follows_on(entry, mine, unit)), None)
        return host or _other_direction(entry, self.made)

    def _written(self, entry: Counted, unit: Unit | None) -> None:
        if unit is None and _is_free(entry, CAST) and entry.node.inputs:
            unit = self.by_output.get(entry.node.inputs[0].storage)
        for tensor in entry.node.outputs:
            if unit is not None:
                self.by_output[tensor.storage] = unit
            else:
                self.by_output.pop(tensor.storage, None)


class _Flow:
    """Follows what depends on the model's inputs, and what activations flow through.

    Activations are inputs of floating-point numbers or bytes, and what is made with learned
    numbers. Of other inputs (token ids, a mask) come masks and positions, until then. What is read
    in a loop or after it, and was not written before, the loop has carried from run to run.
    """

    def __init__(self, report: Report) -> None:
        inputs = report.model.inputs
        learned = (p for p in report.model.parameters if p.kind is Kind.LEARNABLE)
        self.learned = {parameter.name: parameter.elements for parameter in learned}
        self.varying = {tensor.storage for tensor in inputs}
        self.asides: set[int] = set()
        self.active = {tensor.storage for tensor in inputs if _is_active(tensor.dtype)}
        self.known = set(self.varying)
        nodes = report.model.nodes or ()
        self.looped = any(isinstance(node.operation, Repeat) for node in nodes)

    def through(self, entry: Counted) -> tuple[bool, bool, bool]:
        """Say whether an operation depends on no input, works on no activations, and on a loop."""
        node = entry.node
        if _is_free(entry, FILL):  # it asks a tensor for its shape only
            return True, True, False
        carried = self._carried(entry)
        varies = carried or any(tensor.storage in self.varying for tensor in node.inputs)
        active = any(tensor.storage in self.active for tensor in node.inputs)
        active |= carried and any(
            is_floating(t.dtype) and t.elements > 1 for t in (*node.inputs, *node.outputs)
        )
        learns = any(name in self.learned for name in node.parameters)
        written = {tensor.storage for tensor in node.outputs}
        if not (active or learns):
            self.asides |= {tensor.storage for tensor in node.outputs if tensor.elements > 1}
        if varies:
            self.varying |= written
        if active or (varies and learns):
            self.active |= written
        return not varies, not (active or learns), carried

    def _carried(self, entry: Counted) -> bool:
        """Say whether something is read that a loop has left there, and no operation has written.

        What moves elements and reads nothing moves those of a list that a loop has filled.
        """
        node = entry.node
        unknown = {t.storage for t in node.inputs if t.storage not in self.known}
        self.known |= {tensor.storage for tensor in node.outputs} | unknown
        moves = _is_free(entry, COPY) and not node.inputs and not node.parameters
        if self.looped:
            self.varying |= unknown
        return self.looped and (bool(unknown) or moves)

    def sizes(self, names: Iterable[str]) -> frozenset[int]:
        """Return how many elements the learned ones of some stored tensors have."""
        return frozenset(self.learned[name] for name in names if name in self.learned)


def _is_active(dtype: str) -> bool:
    return is_floating(dtype) or (bits(dtype) <= 8 and dtype != "bool")


def _readers(entries: Iterable[Counted]) -> dict[str, Counted]:
    """Return the first reader of each parameter. To move it is not to read it: one is made do."""
    found: dict[str, Counted] = {}
    for entry in entries:
        for name in entry.node.parameters:
            if name not in found or (_only_moves(found[name]) and not _only_moves(entry)):
                found[name] = entry
    return found


def _only_moves(entry: Counted) -> bool:
    """Say whether it moves what is stored, for another operation to read."""
    return _is_free(entry, VIEW) or (_is_free(entry, COPY) and not entry.node.inputs)


def _is_free(entry: Counted, because: str) -> bool:
    return entry.cost is not None and entry.cost.free == because


def _follows_on(entry: Counted, stored: Sequence[Parameter], host: Unit) -> bool:
    """Say whether an operation only finishes what another does."""
    if entry.node.operation.kind == "multiply":  # with the scale of integers, or two of these
        scales = {tensor.storage for tensor in host.entries[0].node.outputs[1:]}
        return (host.entries[-1].integer and host.work.macs > 0) or (
            host.kind == "quantize" and any(t.storage in scales for t in entry.node.inputs)
        )
    return _adds_bias(entry, stored, host) or _adds_offset(entry, stored, host)


def _adds_bias(entry: Counted, stored: Sequence[Parameter], host: Unit) -> bool:
    """Say whether an addition gives a contraction its bias, in whatever shape it is stored."""
    operation = entry.node.operation
    if not isinstance(operation, Elementwise) or operation.function != "add" or not host.work.macs:
        return False
    if operation.bias or not isinstance(host.operation, (Linear, Convolution, Einsum)):
        return operation.bias
    return len(stored) == 1 and host.signature[2:3] == (stored[0].elements,)


def _adds_offset(entry: Counted, stored: Sequence[Parameter], host: Unit) -> bool:
    """Say whether an addition gives scaled channels their offsets."""
    if entry.node.operation.kind not in ("add", "subtract") or len(stored) != 1:
        return False
    return (
        is_scale(host)
        and len(host.parameters) == 1
        and stored[0].kind is Kind.LEARNABLE
        and stored[0].elements == host.parameters[0].elements
    )


def _tables(entry: Counted, stored: Sequence[Parameter]) -> list[Parameter]:
    """Return the tables of vectors that an elementwise operation reads as they are stored."""
    if not isinstance(entry.node.operation, Elementwise):
        return []
    return [one for one in stored if one.role == "embedding" and 1 < one.elements > one.shape[-1]]


def _look_up(entry: Counted, table: Parameter) -> Counted:
    """Return the look-up of what an operation reads of a table, as a step of its own."""
    width = table.shape[-1]
    rows = table.elements // width
    written = entry.node.outputs[0].shape
    read = min(rows, *written[-2:-1])
    step = Embedding(look_ups=read, vocabulary=rows, width=width)
    found = Tensor(shape=(read, width), dtype=table.dtype, storage=table.storage)
    node = replace(
        entry.node, operation=step, inputs=(), outputs=(found,), parameters=(table.name,)
    )
    return replace(entry, node=node, cost=step.cost())


def _adds_biases(entry: Counted, stored: Sequence[Parameter], hosts: Sequence[Unit]) -> bool:
    """Say whether an addition gives several dense layers their biases, stored as one."""
    operation = entry.node.operation
    if not isinstance(operation, Elementwise) or not operation.bias or len(stored) != 1:
        return False
    inputs, outputs = zip(*(unit.signature[1:] for unit in hosts), strict=True)
    return len(set(inputs)) == 1 and stored[0].elements == sum(outputs)


def _other_direction(entry: Counted, made: Sequence[Unit]) -> Unit | None:
    """Return the unit of the first direction, where a framework runs the two as two layers."""
    if not made or not made[-1].entries or not isinstance(entry.node.operation, Recurrent):
        return None
    last = made[-1].entries[-1].node
    read = {tensor.storage for tensor in entry.node.inputs}
    follows = any(tensor.storage in read for tensor in last.outputs)
    return made[-1] if last.operation == entry.node.operation and not follows else None


def _unread(report: Report, homeless: Mapping[str, Parameter], made: Sequence[Unit]) -> list[Unit]:
    """Give parameters that no operation reads to the unit that holds the others of their layer.

    Those of layers in which nothing holds any make units of their own, one a layer and role.
    """
    holders = {name: layer.path for layer in report.model.layers for name in layer.parameters}
    hosts = {unit.layer: unit for unit in reversed(made) if unit.parameters and unit.layer}
    groups: dict[tuple[str, str], list[Parameter]] = {}
    for name, parameter in homeless.items():
        layer = holders.get(name, "")
        if layer in hosts:
            hosts[layer].unread.append(parameter)
        else:
            groups.setdefault((layer, parameter.role), []).append(parameter)
    after = made[-1].position + 1 if made else 0
    return [
        Unit([], group, layer, after + at) for at, ((layer, _), group) in enumerate(groups.items())
    ]
