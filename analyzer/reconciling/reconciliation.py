"""One model under every named convention, and the steps from one number to the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from analyzer.conventions import ANALYZER, Convention, Surroundings
from analyzer.engine import Bound, Counted, count
from analyzer.garbage import no_collection
from analyzer.ops.base import Category
from analyzer.reconciling.sought import Answer, Figure, Sought
from analyzer.report import Report

__all__ = ["Reconciliation", "Term", "Told", "reconcile_report"]

SCHEMA_VERSION = "1.0"
_TWICE = "2 operations a MAC"
_INTEGERS = "operations on integers are no FLOPs"
_BRANCH = "another way of a branch is the costliest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One step from our MACs to the number of a tool.

    Attributes:
        operation: kind of operation, empty where it is about all of them.
        reason: why the tool counts it so.
        operations: how many such operations run.
        amount: what it adds; negative where the tool counts less.
    """

    operation: str
    reason: str
    operations: int
    amount: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "operation": self.operation,
            "reason": self.reason,
            "operations": self.operations,
            "amount": self.amount,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a convention's tool tells of a model.

    Attributes:
        convention: by which it was counted.
        number: the tool's one number; None where it tells none, or there was no graph.
        bound: what that is to the true one.
        parameters: as the tool tells them; None where it tells none, or nobody can say.
        terms: the steps from our MACs to the number, the largest first; they add up exactly.
        note: what a reader should know of these figures.
    """

    convention: Convention
    number: int | None
    bound: Bound
    parameters: int | None
    terms: tuple[Term, ...]
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.convention.name,
            "version": self.convention.version,
            "checked": self.convention.checked,
            "word": self.convention.word if self.convention.number else "",
            "number": self.number,
            "bound": self.bound.words,
            "parameters": self.parameters,
            "steps": [term.to_dict() for term in self.terms],
            "note": self.note,
        }


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """A model under several conventions. ``print`` shows it, ``to_dict`` is the JSON.

    Attributes:
        report: under the convention ``analyzer``; its MACs are where the steps start.
        told: what each convention's tool tells.
        sought: a number to look for among them, where one was given.
    """

    report: Report = field(repr=False)
    told: tuple[Told, ...]
    sought: Sought | None = None

    def __getitem__(self, name: str) -> Told:
        """Return what the tool of one convention tells.

        Raises:
            UnknownNameError: the convention is not among them.
        """
        from analyzer.discovery import named

        return named({one.convention.name: one for one in self.told}, name, "convention")

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The figures that agree with the number that was sought, the nearest if none does."""
        return self.sought.among(list(self._figures())) if self.sought else ()

    def _figures(self) -> Iterator[Figure]:
        totals = self.report.totals
        yield Figure("analyzer", "MACs", totals.macs)
        yield Figure("analyzer", "parameters", totals.parameters.total)
        for one in self.told:
            yield Figure(one.convention.name, one.convention.word, one.number)
            yield Figure(one.convention.name, "parameters", one.parameters)

    def __str__(self) -> str:
        return self.render("table")

    def _repr_html_(self) -> str:
        return self.render("html")

    def render(self, format: str = "table") -> str:
        """Return the reconciliation as text in one of the formats."""
        from analyzer.discovery import registry
        from analyzer.reconciling.present import present_reconciliation

        return registry().renderer(format).render(present_reconciliation(self))

    def to_dict(self) -> dict[str, Any]:
        """Return what ``analyzer reconcile --format json`` writes."""
        report = self.report.to_dict()
        return {
            "schema_version": SCHEMA_VERSION,
            "model": report["model"],
            "inputs": report["inputs"],
            "notes": report["notes"],
            "macs": report["totals"]["macs"],
            "parameters": report["totals"]["parameters"],
            "conventions": [one.to_dict() for one in self.told],
            "sought": (
                None
                if self.sought is None
                else {
                    "number": self.sought.text,
                    "answers": [answer.to_dict() for answer in self.answers],
                }
            ),
        }


@no_collection()
def reconcile_report(
    report: Report, conventions: Iterable[Convention], number: str | int | None = None
) -> Reconciliation:
    """Count the model of a report under conventions, and find the steps between the numbers.

    Raises:
        UsageError: the number that is sought is not understood.
    """
    sought = None if number is None else Sought.of(number)
    around = Surroundings(report.model)
    if report.convention is not ANALYZER:
        from analyzer.analysis import report_on

        report = report_on(report.model, ANALYZER)
    told = tuple(_told(report, convention, around) for convention in conventions)
    return Reconciliation(report=report, told=told, sought=sought)


def _told(report: Report, convention: Convention, around: Surroundings) -> Told:
    model = report.model
    parameters = convention.parameters(model) if convention.parameters else None
    if report.totals.macs is None or convention.number is None:
        return Told(
            convention=convention,
            number=None,
            bound=Bound.EXACT,
            parameters=parameters,
            terms=(),
            note=convention.note(model),
        )
    is_ours = convention is report.convention
    entries = report.entries if is_ours else count(model, convention, around).entries
    terms = _terms(entries, convention, around, report.totals.macs)
    return Told(
        convention=convention,
        number=report.totals.macs + sum(term.amount for term in terms),
        bound=_bound(entries),
        parameters=parameters,
        terms=terms,
        note=convention.note(model),
    )


def _bound(entries: Iterable[Counted]) -> Bound:
    bound = Bound.EXACT
    for entry in entries:
        bound |= entry.bound if entry.cost is not None else entry.bound | Bound.LOWER
    return bound


def _terms(
    entries: Sequence[Counted], convention: Convention, around: Surroundings, macs: int
) -> tuple[Term, ...]:
    """Add up what each kind of operation and reason makes of our MACs."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    ours = 0
    for entry in entries:
        own = around.cost(entry.node.operation)
        if own is not None:
            ours += own.macs.value * entry.times
        once: dict[tuple[str, str], int] = {}
        for kind, reason, amount in _differences(entry, around, convention):
            if amount:
                once[kind, reason] = once.get((kind, reason), 0) + amount
        for key, amount in once.items():
            runs, so_far = found.get(key, (0, 0))
            found[key] = (runs + entry.times, so_far + amount * entry.times)
    if ours != macs:
        found["", _BRANCH] = (0, ours - macs)
    terms = (
        Term(operation=kind, reason=reason, operations=runs, amount=amount)
        for (kind, reason), (runs, amount) in found.items()
        if amount
    )
    return tuple(sorted(terms, key=lambda term: (-abs(term.amount), term.operation, term.reason)))


def _differences(
    entry: Counted, around: Surroundings, convention: Convention
) -> Iterator[tuple[str, str, int]]:
    """Yield what one run of an operation differs by from its MACs: kind, reason, amount."""
    cost, own = entry.cost, around.cost(entry.node.operation)
    if own is None:
        return
    kind = entry.node.operation.kind
    if cost is None:
        yield kind, "nobody can say what the tool counts", -own.macs.value
        return
    macs = cost.macs.value
    why = cost.because or cost.free or "counted in another way"
    yield kind, why, macs - own.macs.value
    if convention.number == "macs":
        return
    if not convention.tells(entry.integer):
        yield kind, _INTEGERS, -macs
        return
    yield "", _TWICE, macs * (cost.flops_per_mac - 1)
    for category, work in cost.by_category.items():
        if category is not Category.CONTRACTION:
            why = cost.because or category.value
            # Not in one step with MACs that are counted otherwise: the sum would tell neither.
            is_another = cost.because and category is Category.BIAS and macs != own.macs.value
            yield kind, f"{category.value}, {why}" if is_another else why, work.value
