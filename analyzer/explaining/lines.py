"""Lays explanations out: one layer as a lesson, several in a line each, with what they teach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_

from analyzer.document import Block, Cell, Document, Formula, Heading, Items, Table, Text
from analyzer.errors import UsageError
from analyzer.explaining.explanation import Explanation, Explanations
from analyzer.explaining.lesson import counted_as, details, lesson, lessons, name_of, remarks
from analyzer.expression import Expression, Sum, total
from analyzer.ir import Bound, Kind
from analyzer.printed import non_trainable_printed, total_printed
from analyzer.units import bound_text, count_text, shape_text, some_text

__all__ = ["DETAILS", "present_explanation"]

DETAILS = ("line", "lesson")

_TERMS_IN_A_LINE = 8
"""What is a sum of more than these shows its value alone; the lesson has its terms."""


def present_explanation(
    explanation: Explanation | Explanations, detail: str | None = None
) -> Document:
    """Lay an explanation out in some detail; for what that can be see `Explanation.document`.

    Raises:
        UsageError: the detail is not one of :data:`DETAILS`.
    """
    if detail is not None and detail not in DETAILS:
        raise UsageError(f"detail {detail!r} is not known; choose {' or '.join(DETAILS)}")
    rows = [part for part in explanation.walk() if _worth_a_line(part, explanation)]
    alone = [*explanation.walk()] == [*explanation.explained[:1]]
    if detail == "line":
        blocks = [*_head(explanation), *_table(rows, folded=True), *_notes(explanation)]
    elif detail == "lesson" and not alone:
        blocks = [
            *_head(explanation, "layer by layer"),
            *_lessons(rows),
            *_stored(explanation),
            *_notes(explanation),
        ]
    elif alone:
        blocks = list(lesson(explanation.explained[0]))
    else:
        blocks = [*_head(explanation), *_lines_and_lessons(explanation, rows)]
    return Document(blocks=tuple(blocks), table=_records(rows), data=explanation.to_dict())


def _worth_a_line(part: Explanation, whole: Explanation | Explanations) -> bool:
    """Say whether a layer does more than to hold others."""
    if part.learnable.value or not part.parts:
        return True
    return bool(part.layer.own.macs if part is whole else part.steps)


def _head(explanation: Explanation | Explanations, how: str = "") -> Iterator[Block]:
    report = explanation.report
    how = f", {how}" if how else ""
    if isinstance(explanation, Explanations):
        many = f"{len(explanation)} layer{'s' * (len(explanation) > 1)}"
        yield Heading(text=f"{report.model.name} · {explanation.asked} · {many}{how}")
    else:
        yield Heading(text=f"{name_of(explanation)} · {explanation.layer.type}{how}")
    yield from counted_as(report)


def _lines_and_lessons(
    explanation: Explanation | Explanations, rows: Sequence[Explanation]
) -> Iterator[Block]:
    yield Text(
        text="Learnable parameters are the numbers that training changes: the kernels (weights) "
        "and biases of layers, the scales and offsets of normalisations, embeddings."
    )
    yield from _table(rows, folded=False)
    yield from _stored(explanation)
    itself = explanation.explained[0] if isinstance(explanation, Explanation) else None
    yield from _factors([part for part in rows if part is not itself])
    blocks = list(lessons(rows, named=True))
    if blocks:
        yield Heading(text="Why", level=2)
        yield from blocks
    if itself and (itself.steps or any(one.kind is not Kind.CONSTANT for one in itself.parameters)):
        yield Heading(text=f"What {itself.layer.path or 'the model'} does itself", level=2)
        yield from details(itself, level=3)
    yield from _notes(explanation)


def _lessons(rows: Sequence[Explanation]) -> Iterator[Block]:
    for first, *others in _alike(rows):
        yield from lesson(first, level=2, alike=[other.layer.path for other in others])


def _stored(explanation: Explanation | Explanations) -> Iterator[Block]:
    """Say what the numbers of a whole layer or model are, that are stored in it."""
    if isinstance(explanation, Explanations):
        return
    layer = explanation.layer
    counts = layer.parameters
    lines = [
        f"{count_text(counts.total)} learnable parameters = {count_text(counts.trainable)} "
        f"trainable + {count_text(counts.frozen)} frozen"
    ]
    if counts.active != counts.total:
        lines.append(f"{count_text(counts.active)} of them are active for one token")
    if counts.assumed:
        lines.append(f"{_numbers(counts.assumed)} assumed to be learnable from the use")
    if counts.state:
        lines.append(
            f"{_numbers(counts.state)} state: stored and updated, but not learned "
            "(running means and variances, batch counters)"
        )
    if counts.constants:
        lines.append(f"{_numbers(counts.constants)} constant: stored, never trained")
    if layer.parent is None:
        lines += [*total_printed(layer.report), *non_trainable_printed(layer.report)]
    yield Items(items=tuple(lines))


def _numbers(count: int) -> str:
    return f"{count_text(count)} number{' is' if count == 1 else 's are'}"


def _notes(explanation: Explanation | Explanations) -> Iterator[Block]:
    notes = explanation.report.notes
    if notes and (isinstance(explanation, Explanations) or explanation.layer.parent is None):
        yield Heading(text="Notes", level=2)
        yield Items(items=notes)


def _alike(rows: Sequence[Explanation]) -> list[list[Explanation]]:
    """Put layers together of which the same can be said, in the order of their first."""
    groups: dict[object, list[Explanation]] = {}
    for part in rows:
        stored = tuple(
            (one.role, one.kind, one.expression, one.bytes, one.why, one.parameter.trainable)
            for one in part.parameters
        )
        done = tuple(
            (step.entry.node.operation, step.entry.cost, step.times, step.bound, step.traffic)
            for step in part.steps
        )
        outputs = tuple((tensor.shape, tensor.dtype) for tensor in part.layer.outputs)
        layer = part.layer
        key = (layer.type, layer.calls, stored, done, outputs, bool(layer.shared_with))
        groups.setdefault(key, []).append(part)
    return list(groups.values())


def _table(rows: Sequence[Explanation], *, folded: bool) -> Iterator[Table]:
    """Yield the lines; ``folded`` puts layers that are alike in one."""
    groups = _alike(rows) if folded else [[part] for part in rows]
    lines = tuple(_line(group) for group in groups)
    if lines:
        yield Table(
            columns=(
                "Layer",
                "Type",
                "Output",
                "Learnable parameters",
                "MACs",
                "FLOPs",
                "Stored bytes",
            ),
            rows=lines,
            footer=_footer(rows) if len(rows) > 1 else (),
        )


def _line(group: Sequence[Explanation]) -> tuple[Cell, ...]:
    part = group[0]
    layer, own = part.layer, part.layer.own
    path = layer.path or "(the model itself)"
    if len(group) > 1:
        path = f"×{len(group)}: {path}{',' if len(group) == 2 else ' …'} {group[-1].layer.path}"
    outputs = ", ".join(shape_text(tensor.shape) for tensor in layer.outputs)
    return (
        path,
        layer.type + (f" ×{layer.calls}" if layer.calls > 1 else ""),
        outputs or "—" * bool(layer.calls),
        _short(part.learnable),
        _worked(own.macs, own.bound, part.macs),
        bound_text(own.flops, own.bound.sign),
        part.stored_bytes.value,
    )


def _worked(macs: int | None, bound: Bound, derived: Expression) -> Cell:
    """Show MACs derived, where they are exact."""
    if macs is None or bound is not Bound.EXACT or macs != derived.value:
        return bound_text(macs, bound.sign)
    return _short(derived)


def _short(expression: Expression) -> Cell:
    if not expression.value:
        return expression.value
    terms = len(expression.terms) if isinstance(expression, Sum) else 1
    if terms > _TERMS_IN_A_LINE:
        return expression.value
    return Formula(expression=expression, names=False)


def _footer(rows: Sequence[Explanation]) -> tuple[Cell, ...]:
    """Add the lines up; a tensor that several layers hold is added once."""
    stored = {one.name: one for part in rows for one in part.parameters}.values()
    learnable = (one.expression.value for one in stored if one.kind is Kind.LEARNABLE)
    own = [part.layer.own for part in rows]
    sign = reduce(or_, (figures.bound for figures in own)).sign
    unread = any(figures.macs is None for figures in own)
    return (
        "Total",
        "",
        "",
        sum(learnable),
        bound_text(None if unread else sum(figures.macs or 0 for figures in own), sign),
        bound_text(None if unread else sum(figures.flops or 0 for figures in own), sign),
        sum(one.bytes.value for one in stored),
    )


def _factors(rows: Sequence[Explanation]) -> Iterator[Block]:
    """Say once for each sort of layer how its numbers come about, in names."""
    groups: dict[object, list[Explanation]] = {}
    told: dict[object, tuple[tuple[str, Cell], ...]] = {}
    for part in rows:
        derived = tuple(
            {(what, str(cell)): (what, cell) for what, cell in _in_names(part)}.values()
        )
        key = (part.layer.type, tuple((what, str(cell)) for what, cell in derived))
        groups.setdefault(key, []).append(part)
        told[key] = derived
    lines: list[tuple[Cell, ...]] = []
    for sort, group in groups.items():
        layers = some_text([part.layer.path or "the model itself" for part in group])
        head = (layers, group[0].layer.type)
        for what, cell in told[sort]:
            lines.append((*head, what, cell))
            head = ("", "")
    if lines:
        yield Heading(text="In factors", level=2)
        yield Table(columns=("Layers", "Type", "What", "In factors"), rows=tuple(lines))


def _in_names(part: Explanation) -> Iterator[tuple[str, Cell]]:
    for parameter in part.parameters:
        if parameter.kind is Kind.CONSTANT:
            continue
        kind = "" if parameter.kind is Kind.LEARNABLE else f", {parameter.kind}"
        yield f"{parameter.role or 'parameter'}{kind}", _named(parameter.expression)
    for step in part.steps:
        if step.macs.value:
            yield "MACs", _named(step.macs, label=step.kind if len(part.steps) > 1 else "")
    for step in part.steps:
        unit = "integer operations" if step.entry.integer else "FLOPs"
        for category, work in step.work.items():
            if category != "contraction":
                label = step.kind if len(part.steps) > 1 else ""
                yield f"{unit}, {category}", _named(work, label=label)
        if step.entry.cost is None:
            yield unit, f"{step.kind}: not known, and not zero"
    yield from (("", remark) for remark in remarks(part))


def _named(expression: Expression, label: str = "") -> Cell:
    return Formula(expression=expression, label=label, numbers=False, value=False)


def _records(rows: Sequence[Explanation]) -> Table:
    """Every figure in its own column, for programs."""
    lines: list[tuple[Cell, ...]] = []
    for part in rows:
        layer, own = part.layer, part.layer.own
        reads = (step.every_run(step.traffic.read).value for step in part.steps)
        writes = (step.every_run(step.traffic.written).value for step in part.steps)
        names = [_named(part.learnable)] if part.learnable.value else []
        lines.append(
            (
                layer.path or "(the model itself)",
                layer.type,
                part.learnable.numbers(),
                part.learnable.value,
                own.parameters.state,
                part.macs.numbers(),
                own.macs,
                total(work for step in part.steps for work in step.work.values()).numbers(),
                own.flops,
                "yes" if Bound.LOWER not in own.bound else "no",
                part.stored_bytes.value,
                sum(reads),
                sum(writes),
                "; ".join(map(str, (*names, *remarks(part)))),
            )
        )
    columns = (
        "Layer,Type,Derivation,Parameters,State,MACs derived,MACs,FLOPs derived,FLOPs,Complete,"
        "Stored bytes,Bytes read,Bytes written,Why"
    )
    return Table(columns=tuple(columns.split(",")), rows=tuple(lines))
