"""Lays a report out as a document: the table of layers, the totals, what could not be counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from analyzer.document import Block, Cell, Document, Heading, Items, Table, Text
from analyzer.garbage import no_collection
from analyzer.ir import Kind, Model, Parameter
from analyzer.report import LayerReport, Report
from analyzer.units import bound_text, bytes_text, shape_text, some_text

__all__ = ["counted_text", "inputs_text", "present_report"]

_ROWS_AT_A_GLANCE = 60

_SHARED = "† "
"""Before the figure of a layer that holds parameters together with layers outside it."""


@no_collection()
def present_report(report: Report, *, depth: int | None = None) -> Document:
    """Lay out a report.

    ``depth`` cuts the tree of layers everywhere; without it the table for people is cut where it
    would pass sixty rows, and says so.
    """
    shown = depth if depth is not None else _depth_at_a_glance(report)
    model = report.model
    visible = [layer for layer in report.layers if layer.depth <= shown]
    sharing = _Sharing.of(report)
    head: list[Block] = [
        Heading(text=f"{model.name} · {model.framework} {model.framework_version}"),
        Text(text=counted_text(report)),
        _layer_table(report, visible, sharing),
        *sharing.lines(visible),
    ]
    folded = len(report.layers) - len(visible)
    if folded:
        head.append(
            Text(text=f"{folded} deeper layers are folded into these; --depth N shows more.")
        )
    notes: list[Block] = []
    if report.notes:
        notes = [Heading(text="Notes", level=2), Items(items=report.notes)]
    data = report.to_dict()
    if depth is not None:
        kept = {layer.path for layer in visible}
        data["layers"] = [layer for layer in data["layers"] if layer["path"] in kept]
    return Document(
        blocks=(*head, _totals_table(report), *notes),
        table=_records(visible if depth is not None else list(report.layers)),
        data=data,
    )


def _depth_at_a_glance(report: Report) -> int:
    at = Counter(layer.depth for layer in report.layers)
    rows = deepest = 0
    for depth in sorted(at):
        rows += at[depth]
        if rows > _ROWS_AT_A_GLANCE and depth > 1:
            break
        deepest = depth
    return deepest


def inputs_text(model: Model) -> str:
    """Say what a model was given."""
    each = [
        f"{tensor.name or 'input'} {shape_text(tensor.shape)} {tensor.dtype}"
        for tensor in model.inputs
    ]
    return ", ".join(each) or "no inputs"


def counted_text(report: Report) -> str:
    """Say what a model was given, and how it was counted."""
    convention = report.convention
    counted = f"convention {convention.name} {convention.version}"
    if convention.number == "flops" and convention.word.upper() != "FLOPS":
        counted += f" (what it calls {convention.word} stands under FLOPs)"
    return f"{inputs_text(report.model)} · {counted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sharing:
    """The parameters that several layers hold, for whose sake a column may not add up.

    Attributes:
        parameters: each of them once.
        holders: the layers that hold them.
        rows: layers inside or above which some of their holders are, but not all; the root is one
            where it holds them itself, as its row says what it does itself.
    """

    parameters: tuple[Parameter, ...]
    holders: tuple[str, ...]
    rows: frozenset[tuple[Kind, str]]

    @classmethod
    def of(cls, report: Report) -> _Sharing:
        parents = {layer.path: layer.parent for layer in report.layers}
        held: dict[str, list[str]] = {}
        for layer in report.model.layers:
            for name in layer.parameters:
                held.setdefault(name, []).append(layer.path)
        shared = [
            parameter
            for parameter in report.model.parameters
            if len(held.get(parameter.name, ())) > 1 and parameter.kind is not Kind.CONSTANT
        ]
        rows: set[tuple[Kind, str]] = set()
        for parameter in shared:
            holders = held[parameter.name]
            inside = Counter(row for path in holders for row in _rows_of(path, parents))
            rows |= {(parameter.kind, row) for row, some in inside.items() if some < len(holders)}
        everyone = dict.fromkeys(path for parameter in shared for path in held[parameter.name])
        return cls(parameters=tuple(shared), holders=tuple(everyone), rows=frozenset(rows))

    def mark(self, value: int, kind: Kind, path: str) -> Cell:
        """Return a figure of a layer's, marked where others hold a part of it too."""
        return bound_text(value, _SHARED if (kind, path) in self.rows else "")

    def lines(self, visible: list[LayerReport]) -> Iterator[Text]:
        """Say what the mark means, if it is to be seen."""
        if self.rows.isdisjoint((kind, layer.path) for kind in Kind for layer in visible):
            return
        elements = sum(parameter.elements for parameter in self.parameters)
        layers = some_text([path or "the model itself" for path in self.holders])
        yield Text(
            text=f"{_SHARED}{elements:,} elements stand in more than one layer ({layers}) and are "
            "counted once in the total."
        )


def _rows_of(path: str, parents: Mapping[str, str | None]) -> Iterator[str]:
    """Go from a layer up to those whose rows its figures are part of."""
    yield path
    while (above := parents[path]) is not None and parents[above] is not None:
        yield above
        path = above


def _layer_table(report: Report, layers: list[LayerReport], sharing: _Sharing) -> Table:
    # State is a column only where there is some: most readers look for learnable parameters.
    with_state = bool(report.totals.parameters.state)
    rows: list[tuple[Cell, ...]] = []
    for layer in layers:
        # The model itself is the last line; what it does outside its layers stands in the first.
        if layer.parent is None:
            if not _does_something_itself(layer):
                continue
            name, figures = "(the model itself)", layer.own
        else:
            name = "  " * (layer.depth - 1) + _last(layer)
            figures = layer.figures
        calls = f" ×{layer.calls}" if layer.calls > 1 else ""
        outputs = ", ".join(shape_text(tensor.shape) for tensor in layer.outputs)
        counts = figures.parameters
        state = (sharing.mark(counts.state, Kind.STATE, layer.path),) if with_state else ()
        rows.append(
            (
                name,
                layer.type + calls,
                outputs or "—" * bool(layer.calls),
                sharing.mark(counts.total, Kind.LEARNABLE, layer.path),
                *state,
                bound_text(figures.macs, figures.bound.sign),
                bound_text(figures.flops, figures.bound.sign),
            )
        )
    totals, sign = report.totals, report.coverage.bound.sign
    state_total = (totals.parameters.state,) if with_state else ()
    return Table(
        columns=(
            "Layer",
            "Type",
            "Output",
            "Parameters",
            *(("State",) if with_state else ()),
            "MACs",
            "FLOPs",
        ),
        rows=tuple(rows),
        footer=(
            "Total",
            "",
            "",
            bound_text(totals.parameters.total, "≥ " * bool(report.coverage.unsettled_parameters)),
            *state_total,
            bound_text(totals.macs, sign),
            bound_text(totals.flops, sign),
        ),
    )


def _does_something_itself(layer: LayerReport) -> bool:
    own, alone = layer.own, len(layer.report.layers) == 1
    stored = own.parameters.total or own.parameters.state
    return bool(stored or own.flops or own.bound or alone)


def _last(layer: LayerReport) -> str:
    parent = layer.parent or ""
    return layer.path.removeprefix(parent).lstrip("./") or layer.path


def _totals_table(report: Report) -> Table:
    totals = report.totals
    parameters, memory, coverage = totals.parameters, totals.memory, report.coverage
    bound = f", {coverage.bound.words}" if coverage.bound else ""
    categories = sorted((totals.flops_by_category or {}).items(), key=lambda item: -item[1])
    rows: list[tuple[Cell, ...]] = [
        (
            f"Parameters (learnable){', at least' if coverage.unsettled_parameters else ''}",
            parameters.total,
            "",
        ),
        ("  trainable", parameters.trainable, ""),
        ("  frozen", parameters.frozen, ""),
        ("  active for one token", parameters.active, ""),
        ("  assumed from their use", parameters.assumed, ""),
        ("State (stored, not learned)", parameters.state, ""),
        ("Constants (stored, never trained)", parameters.constants, ""),
        (f"MACs{bound}", totals.macs, ""),
        (f"FLOPs{bound}", totals.flops, ""),
        *((f"  {category}", flops, "") for category, flops in categories),
        ("Operations on integers", totals.integer_ops, ""),
        _bytes("Parameter bytes", memory.parameter_bytes),
        _bytes("State bytes", memory.state_bytes),
        _bytes("Constant bytes", memory.constant_bytes),
        _bytes("Input bytes", memory.input_bytes),
        _bytes("Output bytes", memory.output_bytes),
        _bytes("Peak of activations, bytes", memory.peak_activation_bytes),
        _bytes("  as run eagerly", memory.eager_peak_activation_bytes),
        _bytes("Peak bytes", memory.peak_bytes),
        ("Operations", coverage.operations if totals.macs is not None else None, _coverage(report)),
    ]
    # Rows that would say nothing: all parameters are active, none is assumed, no integers, nobody
    # watched a run.
    idle = (
        ("  active for one token", parameters.total, ""),
        ("  assumed from their use", 0, ""),
        ("Operations on integers", 0, ""),
        ("  as run eagerly", None, ""),
    )
    shown = tuple(row for row in rows if row not in idle)
    return Table(columns=("Totals", "", ""), rows=shown)


def _bytes(name: str, value: int | None) -> tuple[Cell, ...]:
    return name, value, bytes_text(value)


def _coverage(report: Report) -> str:
    if report.totals.macs is None:
        return "there was no graph"
    coverage = report.coverage
    unknown = sum(unknown.count for unknown in coverage.unknown)
    return f"{coverage.counted:,} counted, {coverage.free:,} free, {unknown:,} unknown"


def _records(layers: list[LayerReport]) -> Table:
    """Every figure of every layer, for programs that read rows."""
    rows: list[tuple[Cell, ...]] = [
        (
            layer.path,
            layer.type,
            layer.calls,
            *layer.parameters.to_dict().values(),
            layer.macs,
            layer.flops,
            layer.own.parameters.total,
            layer.own.macs,
            layer.own.flops,
            "yes" if layer.complete else "no",
            " ".join("x".join(map(str, tensor.shape)) or "scalar" for tensor in layer.outputs),
            " ".join(layer.shared_with),
        )
        for layer in layers
    ]
    columns = (
        "path type calls total trainable frozen active assumed state constants macs flops "
        "own_total own_macs own_flops complete outputs shared_with"
    )
    return Table(columns=tuple(columns.split()), rows=tuple(rows))
