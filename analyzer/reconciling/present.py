"""Lays a reconciliation out as a document: what each tool says, and the steps to its number."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.document import Block, Cell, Document, Heading, Items, Table, Text
from analyzer.present import inputs_text
from analyzer.reconciling.reconciliation import Reconciliation, Told
from analyzer.units import bound_text, count_text

__all__ = ["present_reconciliation"]

_AGREES = {
    "cut off": "are the first digits of",
    "exactly": "is exactly",
    "half of": "is half of",
    "rounded": "is, to the digits given,",
    "the nearest": "is none of these figures; the nearest is",
    "twice": "is twice",
}


def present_reconciliation(reconciliation: Reconciliation) -> Document:
    """Lay out a reconciliation."""
    report = reconciliation.report
    model = report.model
    blocks: list[Block] = [
        Heading(text=f"{model.name} · {model.framework} {model.framework_version}"),
        Text(text=inputs_text(model)),
    ]
    if reconciliation.sought is not None:
        blocks.append(Items(items=tuple(_answers(reconciliation))))
    blocks.append(_numbers(reconciliation))
    if report.totals.macs is not None:
        blocks.append(Heading(text="From our MACs to each number", level=2))
        blocks += [_steps(one, report.totals.macs) for one in reconciliation.told if one.terms]
        same = [one for one in reconciliation.told if one.number is not None and not one.terms]
        blocks += [Text(text=f"{_whose(one)} are our MACs as they are.") for one in same]
    notes = list(report.notes)
    names: dict[str, list[str]] = {}
    for one in reconciliation.told:
        if one.note:
            names.setdefault(one.note, []).append(one.convention.name)
    notes += [f"{', '.join(some)}: {note}" for note, some in names.items()]
    if notes:
        blocks += [Heading(text="Notes", level=2), Items(items=tuple(notes))]
    return Document(
        blocks=tuple(blocks), table=_records(reconciliation), data=reconciliation.to_dict()
    )


def _answers(reconciliation: Reconciliation) -> Iterator[str]:
    sought = reconciliation.sought
    assert sought is not None
    if not reconciliation.answers:
        yield f"{sought.text}: there is no figure to compare it with"
    whose: dict[tuple[str, int | None], dict[str, list[str]]] = {}
    for answer in reconciliation.answers:
        figure = answer.figure
        words = whose.setdefault((answer.how, figure.value), {})
        words.setdefault(figure.word, []).append(figure.convention)
    for (how, value), words in whose.items():
        each = (f"{word} of {', '.join(names)}" for word, names in words.items())
        yield f"{sought.text} {_AGREES[how]} {count_text(value)}: {'; '.join(each)}"


def _numbers(reconciliation: Reconciliation) -> Table:
    totals = reconciliation.report.totals
    sign = reconciliation.report.coverage.bound.sign
    rows: list[tuple[Cell, ...]] = [
        ("analyzer", "", "MACs", bound_text(totals.macs, sign), totals.parameters.total)
    ]
    for one in reconciliation.told:
        convention = one.convention
        tells = convention.parameters is not None
        rows.append(
            (
                convention.name,
                convention.checked,
                convention.word if convention.number else "",
                bound_text(one.number, one.bound.sign) if convention.number else "",
                one.parameters if tells else "",
            )
        )
    columns = ("Convention", "As told by", "Its word", "Number", "Parameters")
    return Table(columns=columns, rows=tuple(rows))


def _whose(told: Told) -> str:
    return f"{told.convention.name}'s {told.convention.word}"


def _steps(told: Told, macs: int) -> Table:
    rows: list[tuple[Cell, ...]] = [("MACs", "", "", macs)]
    rows += [
        (term.operation or "all", term.reason, term.operations or "", term.amount)
        for term in told.terms
    ]
    return Table(
        columns=("Step", "Why", "Times", "Amount"),
        rows=tuple(rows),
        footer=(_whose(told), "", "", told.number),
    )


def _records(reconciliation: Reconciliation) -> Table:
    macs = reconciliation.report.totals.macs
    rows: list[tuple[Cell, ...]] = []
    for one in reconciliation.told:
        convention = one.convention
        head: tuple[Cell, ...] = (convention.name, convention.word, one.number, one.parameters)
        rows.append((*head, "MACs", "", None, macs))
        rows += [
            (*head, term.operation, term.reason, term.operations, term.amount) for term in one.terms
        ]
    columns = "convention word number parameters operation reason operations amount"
    return Table(columns=tuple(columns.split()), rows=tuple(rows))
