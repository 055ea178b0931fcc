"""Lays a comparison out as a document: all totals, then every reason with what it accounts for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set

from analyzer.comparing.comparison import (
    Comparison,
    Comparisons,
    Difference,
    LayerPair,
    Verdict,
    difference_of,
    figures_of,
)
from analyzer.comparing.reasons import ALONE, Amount
from analyzer.comparing.rows import Status
from analyzer.document import Block, Cell, Document, Heading, Items, Table, Text
from analyzer.ir import Bound
from analyzer.memory import peak_of
from analyzer.printed import total_printed
from analyzer.report import Report
from analyzer.units import bound_text, some_text

__all__ = ["present_comparison"]

_FIGURES = (
    "Parameters",
    "State",
    "Constants",
    "MACs",
    "FLOPs",
    "Operations on integers",
    "Stored bytes",
)
_STATUS = {
    Status.MATCHED: "matched",
    Status.DIFFERENT: "matched with differences",
    Status.ONLY_A: "only in the first",
    Status.ONLY_B: "only in the second",
}


def present_comparison(found: Comparisons, *, layers: bool = False) -> Document:
    """Lay out a comparison of two models or more; ``layers`` shows each pair of layers too."""
    titles = _titles(found.reports)
    blocks: list[Block] = [
        Heading(text=f"{_listed(titles)}: {found.verdict}"),
        *_verdicts(found, titles),
        _totals(found.reports, titles),
        *_peaks(found.reports, titles),
        *_unknown(found.reports, titles),
    ]
    for one, title in zip(found.each, titles[1:], strict=True):
        several = f": {titles[0]} and {title}" if len(found.each) > 1 else ""
        if one.differences:
            blocks += [
                Heading(text=f"Why{several}", level=2),
                Text(text="Each figure is the first model less the second."),
                _reasons(one),
                Text(text=_remainder(one)),
            ]
        if layers:
            blocks += [Heading(text=f"Layers{several}", level=2), _layer_table(one)]
    notes = [
        f"{title}: {note}"
        for report, title in zip(found.reports, titles, strict=True)
        for note in report.notes
    ]
    notes += dict.fromkeys(line for report in found.reports for line in total_printed(report))
    if notes:
        blocks += [Heading(text="Notes", level=2), Items(items=tuple(notes))]
    return Document(
        blocks=tuple(blocks),
        table=_layer_records(found) if layers else _records(found),
        data=found.to_dict(),
    )


def _verdicts(found: Comparisons, titles: Sequence[str]) -> Iterator[Block]:
    if len(found.each) == 1:
        yield Text(text=_verdict(found.each[0]))
        return
    yield Items(
        items=tuple(
            f"{title}: {_verdict(one)}" for one, title in zip(found.each, titles[1:], strict=True)
        )
    )


def _verdict(one: Comparison) -> str:
    totals = one.a.totals
    parameters = f"{totals.parameters.total:,} learnable parameters"
    named = "; what differs is named below" if one.differences else ""
    match one.verdict, one.work_known:
        case Verdict.IDENTICAL, True:
            text = "the same operations, parameters and costs"
        case Verdict.IDENTICAL, False:
            text = "the same stored tensors"
        case Verdict.EQUIVALENT, True:
            text = f"the same {parameters} and {totals.macs:,} MACs{named}"
        case Verdict.UNTOLD, True:
            text = f"the same {parameters}, but not all work is known where they differ"
        case Verdict.UNTOLD, False:
            text = f"the same {parameters}, but nothing is known of the work"
        case _:
            text = "they differ in learnable parameters" + " or MACs" * one.work_known
    return f"{one.verdict.value.capitalize()}: {text}."


def _unknown(reports: Sequence[Report], titles: Sequence[str]) -> Iterator[Block]:
    """Say what is bounded, and what is not known at all."""
    lines = []
    for report, title in zip(reports, titles, strict=True):
        if report.totals.macs is None:
            lines.append(
                f"{title} has no graph, only stored tensors: its work is unknown, and what it "
                "stores is compared."
            )
        elif report.coverage.bound is not Bound.EXACT:
            words = report.coverage.bound.words
            what = words if words == "no bound" else f"a {words}"
            lines.append(f"MACs and FLOPs of {title} are {what}: the notes say why.")
    if lines:
        yield Items(items=tuple(lines))


def _totals(reports: Sequence[Report], titles: Sequence[str]) -> Table:
    """Set all totals side by side; of two models with their difference."""
    totals = [report.totals for report in reports]
    signs = [report.coverage.bound.sign for report in reports]
    stored_signs = ["≥ " * bool(report.coverage.unsettled_parameters) for report in reports]
    exact = [""] * len(reports)
    figures: list[tuple[str, list[int | None], list[str]]] = [
        ("Parameters (learnable)", [one.parameters.total for one in totals], stored_signs),
        ("  trainable", [one.parameters.trainable for one in totals], exact),
        ("State (stored, not learned)", [one.parameters.state for one in totals], exact),
        ("Constants", [one.parameters.constants for one in totals], exact),
        ("MACs", [one.macs for one in totals], signs),
        ("FLOPs", [one.flops for one in totals], signs),
        ("Operations on integers", [one.integer_ops for one in totals], signs),
        ("Stored bytes", [one.memory.stored_bytes for one in totals], exact),
        ("Peak of activations, bytes", [one.memory.peak_activation_bytes for one in totals], exact),
    ]
    all_trainable = [one.parameters.total for one in totals]
    rows: list[tuple[Cell, ...]] = []
    for name, values, marks in figures:
        if name == "  trainable" and values == all_trainable:
            continue
        if name in ("Constants", "Operations on integers") and not any(values):
            continue
        cells = [bound_text(value, mark) for value, mark in zip(values, marks, strict=True)]
        rows.append((name, *cells, *_less(values)))
    difference = ("Difference",) if len(reports) == 2 else ()
    return Table(columns=("", *titles, *difference), rows=tuple(rows))


def _less(values: Sequence[int | None]) -> tuple[Cell, ...]:
    if len(values) != 2:
        return ()
    one, other = values
    return (None if one is None or other is None else one - other,)


def _peaks(reports: Sequence[Report], titles: Sequence[str]) -> Iterator[Block]:
    """Say where each model has the most activations: a maximum is not divided up."""
    places = []
    for report, title in zip(reports, titles, strict=True):
        peak = peak_of(report.model)
        if peak is not None and peak.node is not None:
            layer = peak.node.layer or "the model itself"
            places.append(f"{layer} ({peak.node.operation.kind}) in {title}")
    if places:
        yield Text(text=f"The peak of activations is at {'; at '.join(places)}.")


def _reasons(one: Comparison) -> Table:
    """List the reasons; a figure in which no reason differs is left out."""
    total = difference_of(one.a, one.b, one.work_known)
    amounts = [difference.amount for difference in one.differences]
    shown = [name for name in figures_of(total) if any(getattr(it, name) for it in amounts)]
    columns = [
        title for title, name in zip(_FIGURES, figures_of(total), strict=True) if name in shown
    ]
    return Table(
        columns=("Reason", *columns, "Layers"),
        rows=tuple(
            (it.reason, *(getattr(it.amount, name) for name in shown), _places(one, it))
            for it in one.differences
        ),
        footer=("Total", *(getattr(total, name) for name in shown), "") if shown else (),
    )


def _remainder(one: Comparison) -> str:
    left = {name: value for name, value in figures_of(one.remainder).items() if value}
    if not left:
        return "Remainder: none; the reasons add up to every difference."
    return "Remainder: " + ", ".join(f"{value:,} {name}" for name, value in left.items())


def _places(one: Comparison, difference: Difference) -> str:
    sides = (
        (one.a, difference.layers_a, {pair.layer_a for pair in one.layers if pair.layer_b}),
        (one.b, difference.layers_b, {pair.layer_b for pair in one.layers if pair.layer_a}),
    )
    if difference.reason.endswith(ALONE):
        texts = [", ".join(_rows(*side)) for side in sides]
    else:
        texts = [some_text([layer or "(model)" for layer in layers]) for _, layers, _ in sides]
    return " / ".join(text or "—" for text in texts)


def _rows(report: Report, layers: Sequence[str], matched: Set[str | None]) -> Iterator[str]:
    """Name the first and the last of layers side by side between which nothing is matched."""
    wanted = set(layers)
    by_parent: dict[str | None, list[str]] = {}
    for layer in report.model.layers:
        by_parent.setdefault(layer.parent, []).append(layer.path)
    for side_by_side in by_parent.values():
        row: list[str] = []
        for path in (*side_by_side, None):
            if path is not None and path in wanted:
                row.append(path or "(model)")
            elif row and (path is None or path in matched):
                yield row[0] if len(row) == 1 else f"{row[0]} … {row[-1]} ({len(row)})"
                row = []


def _layer_table(one: Comparison) -> Table:
    """List which layer answers to which; those of a block that one model lacks make one row."""
    rows = tuple(
        (
            pair.layer_a if pair.layer_a is None else pair.layer_a or "(model)",
            pair.layer_b if pair.layer_b is None else pair.layer_b or "(model)",
            ", ".join(pair.operations),
            _STATUS[pair.status],
            "; ".join(_reason(reason, amount) for reason, amount in pair.differences),
        )
        for pair in one.layers
    )
    columns = ("First", "Second", "Operations", "Status", "Differences")
    return Table(columns=columns, rows=rows)


def _reason(reason: str, amount: Amount) -> str:
    figures = zip(_FIGURES, figures_of(amount).values(), strict=True)
    told = ", ".join(f"{value:+,} {name}" for name, value in figures if value)
    return f"{reason} ({told})" if told else reason


def _records(found: Comparisons) -> Table:
    """Every reason of every comparison, for programs that read rows."""
    return Table(
        columns=("Models", "Reason", *_FIGURES, "Layers of the first", "Layers of the second"),
        rows=tuple(
            (
                models,
                it.reason,
                *figures_of(it.amount).values(),
                " ".join(layer or "(model)" for layer in it.layers_a),
                " ".join(layer or "(model)" for layer in it.layers_b),
            )
            for models, one in zip(_letters(found), found.each, strict=True)
            for it in one.differences
        ),
    )


def _layer_records(found: Comparisons) -> Table:
    return Table(
        columns=("Models", "First", "Second", "Operations", "Status", "Reasons", *_FIGURES),
        rows=tuple(
            (
                models,
                pair.layer_a,
                pair.layer_b,
                ", ".join(pair.operations),
                pair.status.value,
                "; ".join(reason for reason, _ in pair.differences),
                *figures_of(_sum(pair)).values(),
            )
            for models, one in zip(_letters(found), found.each, strict=True)
            for pair in one.layers
        ),
    )


def _sum(pair: LayerPair) -> Amount:
    return sum((amount for _, amount in pair.differences), start=Amount())


def _letters(found: Comparisons) -> Iterable[str]:
    return (f"a, {chr(ord('b') + at)}" for at in range(len(found.each)))


def _titles(reports: Sequence[Report]) -> tuple[str, ...]:
    """Name each model; by its source, and by its letter, where others have the same name."""
    names = [f"{report.model.name} ({report.model.framework})" for report in reports]
    sources = [report.model.source or name for report, name in zip(reports, names, strict=True)]
    by_name, by_source = Counter(names), Counter(sources)
    titles = []
    for at, (name, source) in enumerate(zip(names, sources, strict=True)):
        title = name if by_name[name] == 1 else source
        again = by_name[name] > 1 and by_source[source] > 1
        titles.append(f"{title} ({chr(ord('a') + at)})" if again else title)
    return tuple(titles)


def _listed(titles: Sequence[str]) -> str:
    return f"{', '.join(titles[:-1])} and {titles[-1]}"
