"""Two models side by side, and a named reason for every difference between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from analyzer.align import align
from analyzer.cut import units
from analyzer.document import Block, Cell, Document, Heading, Items, Table, Text
from analyzer.errors import UsageError
from analyzer.printed import total_printed
from analyzer.reasons import Amount, Part, name_reasons
from analyzer.report import SCHEMA_VERSION, Report
from analyzer.units import some_text

__all__ = ["Comparison", "Difference", "Verdict", "compare_reports", "present_comparison"]


class Verdict(StrEnum):
    """How much two models have in common, from most to least."""

    IDENTICAL = "identical"
    EQUIVALENT = "equivalent"
    DIFFERENT = "different"


_MEANING = {
    Verdict.IDENTICAL: "the same operations, parameters and costs",
    Verdict.EQUIVALENT: "the same learnable parameters and MACs; what differs is named below",
    Verdict.DIFFERENT: "they differ in learnable parameters or MACs",
}


_FIGURES = (
    "Parameters",
    "State",
    "Constants",
    "MACs",
    "FLOPs",
    "Operations on integers",
    "Stored bytes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One reason for which the models differ: how much of everything, and where.

    Attributes:
        reason: in the field's words.
        amount: first model less second.
        layers_a: layers of the first model in which it stands.
        layers_b: layers of the second.
    """

    reason: str
    amount: Amount
    layers_a: tuple[str, ...]
    layers_b: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "reason": self.reason,
            **_plain(self.amount),
            "layers": [list(self.layers_a), list(self.layers_b)],
        }


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The result of a comparison. ``print`` shows it; figures are the first model less the second.

    Attributes:
        a: report on the first model.
        b: report on the second.
        verdict: identical, equivalent (the same learnable parameters and MACs), or different.
        differences: by reason, the largest first.
        remainder: what no reason explains; always zero.
        matched: how many operations answer to each other.
        only_a: how many of the first have no counterpart.
        only_b: how many of the second.
    """

    a: Report = field(repr=False)
    b: Report = field(repr=False)
    verdict: Verdict
    differences: tuple[Difference, ...]
    remainder: Amount
    matched: int
    only_a: int
    only_b: int

    def is_at_least(self, verdict: str) -> bool:
        """Say whether the models are ``"identical"`` or at least ``"equivalent"``."""
        order = list(Verdict)
        return order.index(self.verdict) <= order.index(Verdict(verdict))

    def __str__(self) -> str:
        return self.render("table")

    def _repr_html_(self) -> str:
        return self.render("html")

    def render(self, format: str = "table") -> str:
        """Return the comparison as text in one of the formats."""
        from analyzer.discovery import registry

        return registry().renderer(format).render(present_comparison(self))

    def to_dict(self) -> dict[str, Any]:
        """Return what ``analyzer compare --format json`` writes."""
        memories = [report.totals.memory.to_dict() for report in (self.a, self.b)]
        return {
            "schema_version": SCHEMA_VERSION,
            "models": [
                {**one["model"], "inputs": one["inputs"], "totals": one["totals"]}
                for one in (self.a.to_dict(), self.b.to_dict())
            ],
            "convention": self.a.convention.name,
            "convention_version": self.a.convention.version,
            "verdict": self.verdict.value,
            "complete": self.a.coverage.complete and self.b.coverage.complete,
            "differences": [difference.to_dict() for difference in self.differences],
            "remainder": _plain(self.remainder),
            "alignment": {
                "matched": self.matched,
                "only": [self.only_a, self.only_b],
            },
            "memory": {
                name: [memory[name] for memory in memories]
                for name in ("peak_activation_bytes", "eager_peak_activation_bytes", "peak_bytes")
            },
        }


def compare_reports(a: Report, b: Report) -> Comparison:
    """Compare two reports.

    Raises:
        UsageError: they were made under different conventions, or one model has no graph.
    """
    if a.convention.name != b.convention.name:
        raise UsageError(
            f"the reports were made under the conventions {a.convention.name!r} and "
            f"{b.convention.name!r}; analyse both under one"
        )
    for report in (a, b):
        if report.totals.macs is None:
            raise UsageError(
                f"{report.model.name} has no graph, only parameters; compare needs operations"
            )
    pairs = align(units(a), units(b))
    parts = name_reasons(pairs, same_inputs=_same_inputs(a, b))
    remainder = _whole(a) - _whole(b)
    for part in parts:
        remainder = remainder - part.amount
    matched = [pair for pair in pairs if not pair.is_lone]
    unlike = any(pair.a and pair.b and pair.a.whole != pair.b.whole for pair in matched)
    alike = not parts and not unlike and len(matched) == len(pairs)
    same = a.totals.parameters.total == b.totals.parameters.total and a.totals.macs == b.totals.macs
    return Comparison(
        a=a,
        b=b,
        verdict=(Verdict.IDENTICAL if alike else Verdict.EQUIVALENT if same else Verdict.DIFFERENT),
        differences=_grouped(parts),
        remainder=remainder,
        matched=len(matched),
        only_a=sum(pair.b is None for pair in pairs),
        only_b=sum(pair.a is None for pair in pairs),
    )


def present_comparison(comparison: Comparison) -> Document:
    """Lay out a comparison: both totals, then every reason with what it accounts for."""
    a, b = comparison.a, comparison.b
    verdict = comparison.verdict
    differences = Table(
        columns=("Reason", *_FIGURES, "Layers"),
        rows=tuple(_row(difference) for difference in comparison.differences),
        footer=("Total", *_plain(_whole(a) - _whole(b)).values(), ""),
    )
    blocks: list[Block] = [
        Heading(text=f"{' and '.join(_titles(comparison))}: {verdict}"),
        Text(text=f"{verdict.value.capitalize()}: {_MEANING[verdict]}."),
        _totals(comparison),
    ]
    bounds = [report.coverage.bound for report in (a, b)]
    if any(bounds):
        each = " and ".join(bound.words for bound in bounds)
        blocks.append(Text(text=f"MACs and FLOPs are {each}: the notes say why."))
    if comparison.differences:
        blocks += [
            Heading(text="Why", level=2),
            Text(text="Each figure is the first model less the second."),
            differences,
            Text(text=f"Remainder: {_remainder(comparison.remainder)}"),
        ]
    notes = [f"{_title(report)}: {note}" for report in (a, b) for note in report.notes]
    notes += [line for report in (a, b) for line in total_printed(report)]
    if notes:
        blocks += [Heading(text="Notes", level=2), Items(items=tuple(notes))]
    return Document(blocks=tuple(blocks), table=differences, data=comparison.to_dict())


def _totals(comparison: Comparison) -> Table:
    a, b = comparison.a.totals, comparison.b.totals
    figures: list[tuple[str, int | None, int | None]] = [
        ("Parameters (learnable)", a.parameters.total, b.parameters.total),
        ("State (stored, not learned)", a.parameters.state, b.parameters.state),
        ("Constants", a.parameters.constants, b.parameters.constants),
        ("MACs", a.macs, b.macs),
        ("FLOPs", a.flops, b.flops),
        ("Operations on integers", a.integer_ops, b.integer_ops),
        ("Stored bytes", a.memory.stored_bytes, b.memory.stored_bytes),
    ]
    rows: list[tuple[Cell, ...]] = [
        (name, one, other, None if one is None or other is None else one - other)
        for name, one, other in figures
    ]
    peaks = (a.memory.peak_activation_bytes, b.memory.peak_activation_bytes)
    rows.append(("Peak of activations, bytes", *peaks, ""))
    return Table(columns=("", *_titles(comparison), "Difference"), rows=tuple(rows))


def _row(difference: Difference) -> tuple[Cell, ...]:
    layers = [_some(difference.layers_a), _some(difference.layers_b)]
    where = " / ".join(text or "—" for text in layers)
    return (difference.reason, *_plain(difference.amount).values(), where)


def _some(layers: tuple[str, ...]) -> str:
    return some_text([layer or "(model)" for layer in layers])


def _grouped(parts: Iterable[Part]) -> tuple[Difference, ...]:
    groups: dict[str, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.reason, []).append(part)
    found = []
    for reason, same in groups.items():
        amount = Amount()
        for part in same:
            amount = amount + part.amount
        ordered_a = {part.pair.a.layer: None for part in same if part.pair.a}
        ordered_b = {part.pair.b.layer: None for part in same if part.pair.b}
        found.append(
            Difference(
                reason=reason, amount=amount, layers_a=tuple(ordered_a), layers_b=tuple(ordered_b)
            )
        )
    return tuple(sorted(found, key=_largest))


def _largest(difference: Difference) -> tuple[int, ...]:
    amount = difference.amount
    return tuple(-abs(figure) for figure in (amount.parameters, amount.macs, amount.flops))


def _whole(report: Report) -> Amount:
    totals = report.totals
    return Amount(
        parameters=totals.parameters.total,
        state=totals.parameters.state,
        constants=totals.parameters.constants,
        macs=totals.macs or 0,
        flops=totals.flops or 0,
        integer_ops=totals.integer_ops or 0,
        stored_bytes=totals.memory.stored_bytes,
    )


def _plain(amount: Amount) -> dict[str, int]:
    return {figure.name: getattr(amount, figure.name) for figure in fields(amount)}


def _remainder(amount: Amount) -> str:
    return ", ".join(
        f"{value:,} {name.replace('_', ' ')}" for name, value in _plain(amount).items()
    )


def _title(report: Report) -> str:
    return f"{report.model.name} ({report.model.framework})"


def _titles(comparison: Comparison) -> tuple[str, str]:
    """Name both models, by their sources where their names and frameworks are the same."""
    a, b = comparison.a, comparison.b
    if _title(a) != _title(b):
        return _title(a), _title(b)
    return a.model.source or "the first", b.model.source or "the second"


def _same_inputs(a: Report, b: Report) -> bool:
    """Say whether both were given as much; one may take more (masks) of the same size."""
    sizes_a, sizes_b = ({t.elements for t in report.model.inputs} for report in (a, b))
    return sizes_a <= sizes_b or sizes_b <= sizes_a
