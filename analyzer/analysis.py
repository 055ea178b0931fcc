"""From a counted model to a report: sums over layers, parameters, coverage."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from analyzer.conventions import Convention
from analyzer.engine import Bound, Counted, Work, count
from analyzer.garbage import no_collection
from analyzer.ir import Kind, Layer, Model, Parameter
from analyzer.memory import eager_peak_bytes, peak_activation_bytes, unique_bytes
from analyzer.ops.control import Unknown
from analyzer.report import (
    NOTHING,
    Coverage,
    Figures,
    LayerReport,
    Memory,
    ParameterCounts,
    Report,
    Totals,
    UnknownOperation,
)

__all__ = ["report_on"]


@no_collection()
def report_on(model: Model, convention: Convention) -> Report:
    """Count a model under a convention and return the report."""
    counts = count(model, convention)
    layers = _Layers(model, counts.entries)
    work = layers.work
    coverage = _coverage(counts.entries, work.bound, _unsettled(model, counts.entries))
    graph = model.nodes is not None
    # Of operations of one name the first tells why: those after it may fail because of it.
    operations = (entry.node.operation for entry in reversed(counts.entries))
    reasons = {
        operation.kind: f" ({operation.because})"
        for operation in operations
        if isinstance(operation, Unknown) and operation.because
    }
    bounds = [
        f"{unknown.count} × {unknown.operation} could not be counted"
        f"{reasons.get(unknown.operation, '')}: the totals are lower bounds"
        for unknown in coverage.unknown
    ]
    if coverage.unsettled_parameters:
        bounds.append(
            f"{coverage.unsettled_parameters:,} stored elements are read only by operations that "
            "could not be counted; they stand under constants and may be learnable, so the "
            "parameters are a lower bound"
        )
    note = convention.note(model) if graph else ""
    convention_note = (f"{convention.checked or convention.name}: {note}",) if note else ()
    report = Report(
        model=model,
        entries=counts.entries,
        convention=convention,
        totals=Totals(
            parameters=parameter_counts(model.parameters),
            macs=work.macs if graph else None,
            flops=work.flops if graph else None,
            flops_by_category=(
                {
                    category.value: flops
                    for category, flops in sorted(work.flops_by_category.items())
                }
                if graph
                else None
            ),
            integer_ops=work.integer_ops if graph else None,
            memory=_memory(model),
        ),
        coverage=coverage,
        notes=(*model.notes, *convention_note, *counts.notes, *bounds),
    )
    # They know their report, so it comes first.
    object.__setattr__(report, "layers", layers.reports(report))
    return report


def parameter_counts(parameters: Iterable[Parameter]) -> ParameterCounts:
    """Add up stored elements by kind."""
    trainable = frozen = active = assumed = state = constants = 0
    for parameter in parameters:
        match parameter.kind:
            case Kind.STATE:
                state += parameter.elements
            case Kind.CONSTANT:
                constants += parameter.elements
            case Kind.LEARNABLE:
                active += parameter.active_elements
                assumed += parameter.elements if parameter.assumed else 0
                if parameter.trainable:
                    trainable += parameter.elements
                else:
                    frozen += parameter.elements
    return ParameterCounts(
        total=trainable + frozen,
        trainable=trainable,
        frozen=frozen,
        active=active,
        assumed=assumed,
        state=state,
        constants=constants,
    )


def _memory(model: Model) -> Memory:
    stored = dict.fromkeys(Kind, 0)
    for parameter in model.parameters:
        stored[parameter.kind] += parameter.stored_bytes
    return Memory(
        parameter_bytes=stored[Kind.LEARNABLE],
        state_bytes=stored[Kind.STATE],
        constant_bytes=stored[Kind.CONSTANT],
        input_bytes=unique_bytes(model.inputs),
        output_bytes=unique_bytes(model.outputs),
        peak_activation_bytes=peak_activation_bytes(model),
        eager_peak_activation_bytes=eager_peak_bytes(model.allocations),
    )


def _unsettled(model: Model, entries: Iterable[Counted]) -> int:
    """Count stored elements that only unknown operations read: nobody can say what they are.

    A single number is left out: it is a scale or a setting.
    """
    known: set[str] = set()
    unsettled: set[str] = set()
    for entry in entries:
        (unsettled if entry.cost is None else known).update(entry.node.parameters)
    unsettled -= known
    return sum(
        parameter.elements
        for parameter in model.parameters
        if parameter.kind is Kind.CONSTANT
        and parameter.elements > 1
        and parameter.name in unsettled
    )


def _coverage(entries: Iterable[Counted], bound: Bound, unsettled: int) -> Coverage:
    counted = free = 0
    unknown: dict[str, list[str]] = {}
    for entry in entries:
        if entry.cost is None:
            unknown.setdefault(entry.node.operation.kind, []).append(entry.node.layer)
        elif entry.cost.free:
            free += 1
        else:
            counted += 1
    return Coverage(
        bound=bound,
        unsettled_parameters=unsettled,
        operations=counted + free + sum(len(layers) for layers in unknown.values()),
        counted=counted,
        free=free,
        unknown=tuple(
            UnknownOperation(operation=name, count=len(layers), layers=tuple(dict.fromkeys(layers)))
            for name, layers in unknown.items()
        ),
    )


@dataclass(slots=True)
class _Sums:
    """Running sums of one layer: by itself, and with its sublayers where it has some.

    ``held`` counts the parameters of the layer itself, ``stored`` those of all that is in it which
    no other layer holds; the few that several hold are kept by name, so that each is counted once
    in whatever holds them all.
    """

    own: Work = field(default_factory=Work)
    inside: Work | None = None
    held: ParameterCounts = NOTHING
    stored: ParameterCounts = NOTHING
    shared: dict[str, None] = field(default_factory=dict)

    @property
    def whole(self) -> Work:
        """What the layer and everything in it did."""
        if self.inside is None:
            return self.own
        work = Work()
        work.add(self.own)
        work.add(self.inside)
        return work


class _Layers:
    """The sums of all layers, made once; ``work`` is what the whole model does."""

    def __init__(self, model: Model, entries: Iterable[Counted]) -> None:
        self.model = model
        self.graph = model.nodes is not None
        self.parameters: Mapping[str, Parameter] = {
            parameter.name: parameter for parameter in model.parameters
        }
        self.holders: dict[str, list[str]] = {}
        for layer in model.layers:
            for name in layer.parameters:
                self.holders.setdefault(name, []).append(layer.path)
        self.work = Work()
        self.sums = {layer.path: _Sums() for layer in model.layers}
        for entry in entries:
            self.sums[entry.node.layer].own.add(entry.work)
        for layer in reversed(model.layers):
            self._hand_up(layer)

    def _hand_up(self, layer: Layer) -> None:
        """Add the finished sums of a layer to those of the one that holds it."""
        here = self.sums[layer.path]
        here.held = self._stored(layer.parameters)
        shared = {name: None for name in layer.parameters if len(self.holders[name]) > 1}
        if shared:
            here.shared |= shared
            here.stored += self._stored([name for name in layer.parameters if name not in shared])
        else:
            here.stored += here.held
        if layer.parent is None:
            self.work.add(here.whole)
            return
        above = self.sums[layer.parent]
        if above.inside is None:
            above.inside = Work()
        above.inside.add(here.whole)
        above.stored += here.stored
        above.shared |= here.shared

    def reports(self, report: Report) -> tuple[LayerReport, ...]:
        """Return the figures of all layers."""
        depths: dict[str, int] = {}
        made = []
        for layer in self.model.layers:
            depths[layer.path] = 0 if layer.parent is None else depths[layer.parent] + 1
            here = self.sums[layer.path]
            own = self._figures(here.own, here.held)
            made.append(
                LayerReport(
                    path=layer.path,
                    parent=layer.parent,
                    depth=depths[layer.path],
                    type=layer.type,
                    calls=layer.calls,
                    figures=(
                        own
                        if here.inside is None
                        else self._figures(here.whole, here.stored + self._stored(here.shared))
                    ),
                    own=own,
                    outputs=layer.outputs,
                    shared_with=self._shared_with(layer),
                    report=report,
                )
            )
        return tuple(made)

    def _stored(self, names: Collection[str]) -> ParameterCounts:
        if not names:
            return NOTHING
        return parameter_counts(self.parameters[name] for name in names)

    def _figures(self, work: Work, stored: ParameterCounts) -> Figures:
        return Figures(
            parameters=stored,
            macs=work.macs if self.graph else None,
            flops=work.flops if self.graph else None,
            bound=work.bound,
        )

    def _shared_with(self, layer: Layer) -> tuple[str, ...]:
        if not layer.parameters:
            return layer.aliases
        others = [other for name in layer.parameters for other in self.holders[name]]
        shared = dict.fromkeys(other for other in others if other != layer.path)
        return (*shared, *layer.aliases)
