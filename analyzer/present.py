"""Lays a report out as a document: the table of layers, the totals, what could not be counted."""

from __future__ import annotations

from collections import Counter

from analyzer.document import Block, Cell, Document, Heading, Items, Table, Text
from analyzer.report import LayerReport, Report
from analyzer.units import bound_text, bytes_text, shape_text

__all__ = ["present_report"]

_ROWS_AT_A_GLANCE = 60


def present_report(report: Report, *, depth: int | None = None) -> Document:
    """Lay out a report.

    ``depth`` cuts the tree of layers everywhere; without it the table for people is cut where it
    would pass sixty rows, and says so.
    """
    shown = depth if depth is not None else _depth_at_a_glance(report)
    model = report.model
    visible = [layer for layer in report.layers if layer.depth <= shown]
    head: list[Block] = [
        Heading(text=f"{model.name} · {model.framework} {model.framework_version}"),
        Text(text=_inputs(report)),
        _layer_table(report, visible),
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


def _inputs(report: Report) -> str:
    each = [
        f"{tensor.name or 'input'} {shape_text(tensor.shape)} {tensor.dtype}"
        for tensor in report.model.inputs
    ]
    convention = f"convention {report.convention.name} {report.convention.version}"
    return f"{', '.join(each) or 'no inputs'} · {convention}"


def _layer_table(report: Report, layers: list[LayerReport]) -> Table:
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
        state = (figures.parameters.state,) if with_state else ()
        rows.append(
            (
                name,
                layer.type + calls,
                outputs,
                figures.parameters.total,
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
    # Rows that would say nothing: all parameters are active, no integers, nobody watched a run.
    idle = (
        ("  active for one token", parameters.total, ""),
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
        )
        for layer in layers
    ]
    columns = (
        "path type calls total trainable frozen active state constants macs flops "
        "own_total own_macs own_flops complete outputs"
    )
    return Table(columns=tuple(columns.split()), rows=tuple(rows))
