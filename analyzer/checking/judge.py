"""Whether a figure keeps to a budget: yes, no, or nobody can tell; and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from analyzer.checking.figures import FIGURES, Figure, Measured, measure
from analyzer.checking.result import Finding, Status
from analyzer.ir import Bound
from analyzer.units import bytes_text, some_text

__all__ = [
    "NO_GRAPH",
    "at_most",
    "exactly",
    "is_complete",
    "missing",
    "percent_text",
    "quantity",
    "why_not",
]

NO_GRAPH = "there is no graph, only parameters: MACs, FLOPs and activations are not known"


def at_most(name: str, limit: int, report: Mapping[str, Any]) -> Finding:
    """Hold a figure to the most that it may be.

    A lower bound can break a budget and never keep it; an upper bound the other way round.
    """
    figure, found = FIGURES[name], measure(FIGURES[name], report)
    if found.value is None:
        status, reason = Status.UNKNOWN, _absent(figure, report)
    elif found.value <= limit and Bound.LOWER not in found.bound:
        status, reason = Status.OK, ""
    elif found.value > limit and Bound.UPPER not in found.bound:
        over = found.value - limit
        status, reason = (
            Status.BROKEN,
            f"{figure.title}: {_marked(figure, found)}, which is {over:,}"
            f"{percent_text(over, limit)} over the {quantity(figure, limit)} allowed",
        )
    else:
        status = Status.UNKNOWN
        reason = (
            f"{figure.title}: {_marked(figure, found)}, and {quantity(figure, limit)} are allowed; "
            f"whether that holds cannot be told: {why_not(figure, found.bound, report)}"
        )
    return Finding(
        rule="max", figure=name, limit=limit, value=found.value, bound=found.bound, status=status,
        reason=reason,
    )  # fmt: skip


def exactly(name: str, limit: int, report: Mapping[str, Any]) -> Finding:
    """Hold a figure to the number that it has to be."""
    figure, found = FIGURES[name], measure(FIGURES[name], report)
    if found.value is None:
        status, reason = Status.UNKNOWN, _absent(figure, report)
    elif found.value == limit and found.bound is Bound.EXACT:
        status, reason = Status.OK, ""
    elif (found.value > limit and Bound.UPPER not in found.bound) or (
        found.value < limit and Bound.LOWER not in found.bound
    ):
        apart = found.value - limit
        status, reason = (
            Status.BROKEN,
            f"{figure.title}: {_marked(figure, found)}, which is {abs(apart):,} "
            f"{'more' if apart > 0 else 'less'} than the {quantity(figure, limit)} expected",
        )
    else:
        status = Status.UNKNOWN
        reason = (
            f"{figure.title}: {_marked(figure, found)}, and {quantity(figure, limit)} are expected;"
            f" whether that holds cannot be told: {why_not(figure, found.bound, report)}"
        )
    return Finding(
        rule="expect", figure=name, limit=limit, value=found.value, bound=found.bound,
        status=status, reason=reason,
    )  # fmt: skip


def is_complete(report: Mapping[str, Any]) -> Finding:
    """Ask that nothing is left uncounted."""
    lacking = missing(report)
    if not lacking:
        return Finding(rule="complete", status=Status.OK)
    return Finding(
        rule="complete", status=Status.BROKEN, reason=f"not complete: {'; '.join(lacking)}"
    )


def missing(report: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what could not be counted, a line each; an upper bound lacks nothing."""
    coverage, found = report["coverage"], []
    if report["totals"]["macs"] is None:
        found.append(NO_GRAPH)
    for unknown in coverage["unknown"]:
        layers = [layer or "the model itself" for layer in unknown["layers"]]
        found.append(f"{unknown['count']} × {unknown['operation']} in {some_text(layers)}")
    if not coverage["complete"] and not coverage["unknown"]:
        found.append("there may be more work than what is counted: the notes say why")
    if coverage["unsettled_parameters"]:
        found.append(_unsettled(coverage))
    return tuple(found)


def why_not(figure: Figure, bound: Bound, report: Mapping[str, Any]) -> str:
    """Say what makes a figure a bound."""
    coverage = report["coverage"]
    if figure.bounded_by == "parameters":
        return _unsettled(coverage)
    unknown = [f"{unknown['count']} × {unknown['operation']}" for unknown in coverage["unknown"]]
    if unknown and Bound.LOWER in bound:
        return f"{', '.join(unknown)} could not be counted"
    if bound is Bound.NEITHER:
        return "what is counted is no bound of the work, and the notes say why"
    return f"of the work only the {bound.words} is known, and the notes say why"


def quantity(figure: Figure, value: int) -> str:
    """Write a value out, bytes in KiB and MiB besides."""
    in_units = bytes_text(value) if figure.unit == "bytes" else ""
    return f"{value:,} ({in_units})" if in_units else f"{value:,}"


def percent_text(part: int, whole: int) -> str:
    """Write a share in brackets, never as 0.00 where there is one; nothing of nothing.

    >>> percent_text(-1, 8), percent_text(1, 10**9), percent_text(1, 0)
    (' (-12.50%)', ' (less than 0.01%)', '')
    """
    if not whole:
        return ""
    share = 100 * Fraction(part, whole)
    return f" ({float(share):,.2f}%)" if abs(share) >= Fraction(1, 100) else " (less than 0.01%)"


def _absent(figure: Figure, report: Mapping[str, Any]) -> str:
    if report["totals"]["macs"] is None:
        return f"{figure.title}: not known, for there is no graph, only parameters"
    return f"{figure.title}: not known, for no run of this model could be watched"


def _marked(figure: Figure, found: Measured) -> str:
    assert found.value is not None
    return f"{found.bound.sign}{quantity(figure, found.value)}"


def _unsettled(coverage: Mapping[str, Any]) -> str:
    return (
        f"{coverage['unsettled_parameters']:,} stored elements are read only by operations that "
        "could not be counted, and may be learnable"
    )
