"""The records of a check: what was asked of each model, what it came to, and what passed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any, Literal

from analyzer.checking.figures import FIGURES
from analyzer.errors import AnalyzerError, CheckError
from analyzer.ir import Bound
from analyzer.report import SCHEMA_VERSION, Report

__all__ = ["Check", "Checked", "Finding", "Growth", "Status"]

_TOLD = 3
"""How many reasons an error names; the result has them all."""


class Status(StrEnum):
    """What came of one thing that was asked; all but ``ok`` fail."""

    OK = "ok"
    BROKEN = "broken"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A layer whose own figure grew; ``before`` is None of a layer that is new."""

    layer: str
    before: int | None
    after: int

    @property
    def amount(self) -> int:
        """By how much it grew."""
        return self.after - (self.before or 0)

    def __str__(self) -> str:
        new = " (new)" if self.before is None else ""
        return f"{self.layer or 'the model itself'} +{self.amount:,}{new}"

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in the JSON."""
        return {"layer": self.layer, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was asked of a model, and what came of it.

    Attributes:
        rule: ``max`` (no more than), ``expect`` (exactly), ``baseline`` (no more than the baseline
            and the growth that is allowed), ``complete`` (nothing is left uncounted).
        figure: which figure is bounded, a name in ``FIGURES``; None of ``complete``.
        limit: the most, or the exact number.
        before: the figure of the baseline.
        value: the figure of the model, None where nobody knows it.
        bound: what ``value`` is to the true one.
        status: whether it holds.
        reason: why not, or on which condition it does; else empty.
        layers: those that grew, most first, of a figure that grew.
    """

    rule: Literal["max", "expect", "baseline", "complete"]
    figure: str | None = None
    limit: int | None = None
    before: int | None = None
    value: int | None = None
    bound: Bound = Bound.EXACT
    status: Status
    reason: str = ""
    layers: tuple[Growth, ...] = ()

    @property
    def name(self) -> str:
        """What it is called by, as an option is: ``max-macs``."""
        return self.rule if self.figure is None else f"{self.rule}-{self.figure}"

    @property
    def share(self) -> Fraction | None:
        """How much of the budget is used, exactly; None where there is nothing to divide."""
        if self.value is None or not self.limit:
            return None
        return Fraction(self.value, self.limit)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as in the JSON."""
        return {
            "name": self.name,
            "rule": self.rule,
            "figure": self.figure,
            "unit": None if self.figure is None else FIGURES[self.figure].unit,
            "limit": self.limit,
            "before": self.before,
            "value": self.value,
            "bound": self.bound.words,
            "status": self.status.value,
            "reason": self.reason,
            "layers": [growth.to_dict() for growth in self.layers],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found of one model.

    Attributes:
        name: the model's own, or the one that the settings give it.
        report: on the model; None where it could not be read.
        findings: one for each thing that was asked.
        missing: what could not be counted, whether completeness was asked for or not.
        notes: the report's, and what a reader of its figures should know.
        error: why the model could not be read, or its baseline not be used.
    """

    name: str
    report: Report | None = field(repr=False)
    findings: tuple[Finding, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: AnalyzerError | None = None

    @property
    def failures(self) -> tuple[Finding, ...]:
        """What is broken, or cannot be told."""
        return tuple(finding for finding in self.findings if finding.status is not Status.OK)

    @property
    def passed(self) -> bool:
        """Whether everything that was asked holds."""
        return self.error is None and not self.failures

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it did not pass, a line each."""
        read = () if self.error is None else (" ".join(str(self.error).split()),)
        return (*read, *(finding.reason for finding in self.failures))

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in the JSON."""
        read = {} if self.report is None else self.report.to_dict()
        return {
            "name": self.name,
            "model": read.get("model"),
            "inputs": read.get("inputs"),
            "convention": read.get("convention"),
            "convention_version": read.get("convention_version"),
            "passed": self.passed,
            "error": None if self.error is None else str(self.error),
            "findings": [finding.to_dict() for finding in self.findings],
            "missing": list(self.missing),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of a check of one model or several. ``print`` shows it.

    Attributes:
        models: what was found of each, in the order in which they were asked for.
    """

    models: tuple[Checked, ...]

    @property
    def passed(self) -> bool:
        """Whether everything that was asked of every model holds."""
        return all(model.passed for model in self.models)

    def require(self) -> Check:
        """Return the check if it passed.

        Raises:
            CheckError: something is broken or cannot be told; the message says what.
            AnalyzerError: nothing is, but a model could not be read.
        """
        if self.passed:
            return self
        failed = [model for model in self.models if not model.passed]
        names = ", ".join(model.name for model in failed)
        told = f"{len(failed)} of {len(self.models)} models failed: {names}"
        if len(self.models) == 1:
            reasons = failed[0].reasons
            more = f"; and {len(reasons) - _TOLD} more" if len(reasons) > _TOLD else ""
            told = f"{names}: {'; '.join(reasons[:_TOLD])}{more}"
        errors = [model.error for model in failed if model.error is not None]
        if any(model.failures for model in failed):
            raise CheckError(told)
        # The worst one says what kind of fault it is, and with that the exit code.
        worst = max(errors, key=lambda error: error.exit_code)
        raise type(worst)(told) from worst

    def __str__(self) -> str:
        return self.render("table")

    def _repr_html_(self) -> str:
        return self.render("html")

    def render(self, format: str = "table") -> str:
        """Return the check as text in one of the formats."""
        from analyzer.checking.present import present_check
        from analyzer.discovery import registry

        return registry().renderer(format).render(present_check(self))

    def to_dict(self) -> dict[str, Any]:
        """Return what ``analyzer check --format json`` writes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "passed": self.passed,
            "models": [model.to_dict() for model in self.models],
        }
