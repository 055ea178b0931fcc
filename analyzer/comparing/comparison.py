"""Models side by side, and a named reason for every difference between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from analyzer.comparing.align import align
from analyzer.comparing.blocks import named_by_blocks
from analyzer.comparing.cut import units
from analyzer.comparing.flow import FLOW, connected_otherwise
from analyzer.comparing.reasons import Amount, Part, name_reasons
from analyzer.comparing.rows import Status, layer_pairs
from analyzer.comparing.stored import align_stored, stored_reasons, stored_units
from analyzer.comparing.unit import Pair
from analyzer.errors import UsageError
from analyzer.garbage import no_collection
from analyzer.ir import Bound
from analyzer.memory import peak_of
from analyzer.report import SCHEMA_VERSION, Report

if TYPE_CHECKING:
    from analyzer.document import Document

__all__ = [
    "Comparison",
    "Comparisons",
    "Difference",
    "LayerPair",
    "Verdict",
    "compare_all",
    "compare_reports",
]


class Verdict(StrEnum):
    """How much models have in common, from most to least."""

    IDENTICAL = "identical"
    EQUIVALENT = "equivalent"
    UNTOLD = "cannot be told"
    DIFFERENT = "different"

    def is_at_least(self, verdict: str) -> bool:
        """Say whether this is as much as another, or more.

        >>> Verdict.IDENTICAL.is_at_least("equivalent")
        True
        """
        order = list(Verdict)
        return order.index(self) <= order.index(Verdict(verdict))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One reason for which two models differ: how much of everything, and where.

    Attributes:
        reason: in the field's words.
        amount: first model less second; of what two files of tensors store, work is 0.
        layers_a: layers of the first model in which it stands; a block that stands in one model
            only is named as a whole.
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
            **figures_of(self.amount),
            "layers": [list(self.layers_a), list(self.layers_b)],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPair:
    """A layer of one model and the one of the other that answers to it, or one that is alone.

    Attributes:
        layer_a: path in the first model, None where nothing answers.
        layer_b: path in the second.
        operations: kinds of what is done there.
        status: matched, matched with differences, or in one model only.
        differences: amounts by reason; they add up, over all layers, to those of the comparison.
    """

    layer_a: str | None
    layer_b: str | None
    operations: tuple[str, ...]
    status: Status
    differences: tuple[tuple[str, Amount], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "layers": [self.layer_a, self.layer_b],
            "operations": list(self.operations),
            "status": self.status.value,
            "differences": [
                {"reason": reason, **figures_of(amount)} for reason, amount in self.differences
            ],
        }


class _Result(ABC):
    """What all results of comparing have in common: they can be shown and written."""

    def __str__(self) -> str:
        return self.render("table")

    def _repr_html_(self) -> str:
        return self.render("html")

    def render(self, format: str = "table", *, layers: bool = False) -> str:
        """Return the result as text in one of the formats; ``layers`` shows each pair of them."""
        from analyzer.discovery import registry

        return registry().renderer(format).render(self.document(layers=layers))

    def document(self, *, layers: bool = False) -> Document:
        """Return the result as headings, text and tables, before a format is chosen."""
        from analyzer.comparing.present import present_comparison

        return present_comparison(self._all(), layers=layers)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``analyzer compare --format json`` writes."""
        return _plain(self._all())

    @abstractmethod
    def _all(self) -> Comparisons: ...


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison(_Result):
    """The result of a comparison. ``print`` shows it; figures are the first model less the second.

    Attributes:
        a: report on the first model.
        b: report on the second.
        work_known: whether both have a graph; of files of tensors only what is stored is compared.
        verdict: identical, equivalent (the same learnable parameters and MACs), different, or that
            it cannot be told, because of what was not counted.
        differences: by reason, the largest first.
        remainder: what no reason explains; always zero.
        layers: which layer answers to which, in the order of the models.
        matched: how many operations answer to each other.
        only_a: how many of the first have no counterpart.
        only_b: how many of the second.
    """

    a: Report
    b: Report
    work_known: bool
    verdict: Verdict
    differences: tuple[Difference, ...]
    remainder: Amount
    layers: tuple[LayerPair, ...]
    matched: int
    only_a: int
    only_b: int

    def __repr__(self) -> str:
        return f"<Comparison: {self.verdict}, {len(self.differences)} reasons>"

    def is_at_least(self, verdict: str) -> bool:
        """Say whether the models are ``"identical"`` or at least ``"equivalent"``."""
        return self.verdict.is_at_least(verdict)

    def _all(self) -> Comparisons:
        return Comparisons(reports=(self.a, self.b), each=(self,))


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparisons(_Result):
    """Several models, each compared with the first.

    Attributes:
        reports: on all models; the first is the reference.
        each: the comparison of the first with every other.
    """

    reports: tuple[Report, ...]
    each: tuple[Comparison, ...]

    def __repr__(self) -> str:
        return f"<Comparisons: {self.verdict}, {len(self.reports)} models>"

    @property
    def verdict(self) -> Verdict:
        """What holds for all of them."""
        return max((found.verdict for found in self.each), key=list(Verdict).index)

    def is_at_least(self, verdict: str) -> bool:
        """Say whether all are ``"identical"``, or at least ``"equivalent"``, to the first."""
        return self.verdict.is_at_least(verdict)

    def _all(self) -> Comparisons:
        return self


def compare_all(reports: Sequence[Report]) -> Comparison | Comparisons:
    """Compare the first of some reports with every other.

    Raises:
        UsageError: they were made under different conventions.
    """
    first, *others = reports
    each = tuple(compare_reports(first, other) for other in others)
    return each[0] if len(each) == 1 else Comparisons(reports=tuple(reports), each=each)


@no_collection()
def compare_reports(a: Report, b: Report) -> Comparison:
    """Compare two reports.

    Raises:
        UsageError: they were made under different conventions.
    """
    if a.convention.name != b.convention.name:
        raise UsageError(
            f"the reports were made under the conventions {a.convention.name!r} and "
            f"{b.convention.name!r}; analyse both under one"
        )
    work_known = a.totals.macs is not None and b.totals.macs is not None
    if work_known:
        pairs = align(units(a), units(b))
        parts = name_reasons(pairs, same_inputs=_same_inputs(a, b))
        if all(map(_is_alike, pairs)) and not parts:
            parts = [
                Part(reason=FLOW, amount=Amount(), pair=pair) for pair in connected_otherwise(pairs)
            ]
        parts = named_by_blocks(parts, pairs, a, b)
    else:
        pairs = align_stored(stored_units(a), stored_units(b))
        parts = stored_reasons(pairs)
    remainder = difference_of(a, b, work_known)
    for part in parts:
        remainder = remainder - part.amount
    matched = [pair for pair in pairs if not pair.is_lone]
    return Comparison(
        a=a,
        b=b,
        work_known=work_known,
        verdict=_verdict(a, b, pairs, parts),
        differences=_grouped(parts),
        remainder=remainder,
        layers=tuple(_layer_pairs(pairs, parts)),
        matched=len(matched),
        only_a=sum(pair.b is None for pair in pairs),
        only_b=sum(pair.a is None for pair in pairs),
    )


def _verdict(a: Report, b: Report, pairs: Sequence[Pair], parts: Sequence[Part]) -> Verdict:
    unlike = [pair for pair in pairs if not _is_alike(pair)]
    if not unlike and not parts and (a.totals.macs is None) == (b.totals.macs is None):
        return Verdict.IDENTICAL
    if a.totals.parameters.total != b.totals.parameters.total:
        return Verdict.DIFFERENT
    if None in (a.totals.macs, b.totals.macs) or any(map(_is_bound, unlike)):
        return Verdict.UNTOLD
    return Verdict.EQUIVALENT if a.totals.macs == b.totals.macs else Verdict.DIFFERENT


def _is_alike(pair: Pair) -> bool:
    return pair.a is not None and pair.b is not None and pair.a.whole == pair.b.whole


def _is_bound(pair: Pair) -> bool:
    """Say whether the work of one of the two is not known, or not exactly."""
    return any(unit.work.bound is not Bound.EXACT for unit in (pair.a, pair.b) if unit)


def _layer_pairs(pairs: Sequence[Pair], parts: Sequence[Part]) -> Iterable[LayerPair]:
    for row in layer_pairs(pairs, parts):
        yield LayerPair(
            layer_a=row.layer_a,
            layer_b=row.layer_b,
            operations=tuple(row.operations),
            status=row.status,
            differences=tuple(row.differences.items()),
        )


def _grouped(parts: Iterable[Part]) -> tuple[Difference, ...]:
    groups: dict[str, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.reason, []).append(part)
    found = [
        Difference(
            reason=reason,
            amount=sum((part.amount for part in same), start=Amount()),
            layers_a=tuple(dict.fromkeys(part.place_a for part in same if part.pair.a)),
            layers_b=tuple(dict.fromkeys(part.place_b for part in same if part.pair.b)),
        )
        for reason, same in groups.items()
    ]
    return tuple(sorted(found, key=_largest))


def _largest(difference: Difference) -> tuple[int, ...]:
    amount = difference.amount
    figures = (amount.parameters, amount.macs, amount.flops, amount.state, amount.stored_bytes)
    return tuple(-abs(figure) for figure in figures)


def difference_of(a: Report, b: Report, work_known: bool) -> Amount:
    """Return what two models differ by, as their totals tell; without work where it is unknown."""
    return _whole(a, work_known) - _whole(b, work_known)


def _whole(report: Report, work_known: bool) -> Amount:
    totals = report.totals
    return Amount(
        parameters=totals.parameters.total,
        state=totals.parameters.state,
        constants=totals.parameters.constants,
        macs=(totals.macs or 0) if work_known else 0,
        flops=(totals.flops or 0) if work_known else 0,
        integer_ops=(totals.integer_ops or 0) if work_known else 0,
        stored_bytes=totals.memory.stored_bytes,
    )


def figures_of(amount: Amount) -> dict[str, int]:
    """Return the figures of an amount by their names."""
    return {figure.name: getattr(amount, figure.name) for figure in fields(amount)}


def _same_inputs(a: Report, b: Report) -> bool:
    """Say whether both were given as much; one may take more (masks) of the same size."""
    sizes_a, sizes_b = ({t.elements for t in report.model.inputs} for report in (a, b))
    return sizes_a <= sizes_b or sizes_b <= sizes_a


def _plain(found: Comparisons) -> dict[str, Any]:
    first = found.reports[0]
    return {
        "schema_version": SCHEMA_VERSION,
        "convention": first.convention.name,
        "convention_version": first.convention.version,
        "verdict": found.verdict.value,
        "complete": all(report.coverage.complete for report in found.reports),
        "models": [_plain_model(report) for report in found.reports],
        "comparisons": [
            {
                "models": [0, at],
                "verdict": one.verdict.value,
                "work_known": one.work_known,
                "differences": [difference.to_dict() for difference in one.differences],
                "remainder": figures_of(one.remainder),
                "operations": {"matched": one.matched, "only": [one.only_a, one.only_b]},
                "layers": [pair.to_dict() for pair in one.layers],
            }
            for at, one in enumerate(found.each, start=1)
        ],
    }


def _plain_model(report: Report) -> dict[str, Any]:
    plain = report.to_dict()
    peak = peak_of(report.model)
    node = peak.node if peak is not None else None
    return {
        **plain["model"],
        "inputs": plain["inputs"],
        "totals": plain["totals"],
        "bound": report.coverage.bound.words,
        "peak_at": None
        if node is None
        else {"layer": node.layer, "operation": node.operation.kind},
        "notes": plain["notes"],
    }
