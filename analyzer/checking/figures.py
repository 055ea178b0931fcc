"""The figures that a budget can be set for, and what a report says of each.

A report is read here as plain data, so that one that was written to a file yesterday is read like
one that was made just now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from analyzer.ir import Bound

__all__ = ["FIGURES", "Figure", "Measured", "measure"]

_MEMORY = ("totals", "memory")
_PARAMETERS = ("totals", "parameters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of a report.

    Attributes:
        title: as tables call it.
        unit: what a budget for it is written in.
        paths: where it stands in the JSON of a report; the figure is the sum of these.
        bounded_by: what makes it a bound: work that could not be counted, stored elements of
            which nobody can say what they are, or nothing.
    """

    title: str
    unit: Literal["count", "bytes"] = "count"
    paths: tuple[tuple[str, ...], ...]
    bounded_by: Literal["work", "parameters", "nothing"] = "work"


FIGURES: Mapping[str, Figure] = {
    "parameters": Figure(
        title="Parameters (learnable)",
        paths=((*_PARAMETERS, "total"),),
        bounded_by="parameters",
    ),
    "trainable": Figure(
        title="Trainable parameters",
        paths=((*_PARAMETERS, "trainable"),),
        bounded_by="parameters",
    ),
    "active": Figure(
        title="Parameters active for one token",
        paths=((*_PARAMETERS, "active"),),
        bounded_by="parameters",
    ),
    "state": Figure(
        title="State (stored, not learned)",
        paths=((*_PARAMETERS, "state"),),
        bounded_by="parameters",
    ),
    "macs": Figure(title="MACs", paths=(("totals", "macs"),)),
    "flops": Figure(title="FLOPs", paths=(("totals", "flops"),)),
    "integer-ops": Figure(title="Operations on integers", paths=(("totals", "integer_ops"),)),
    "parameter-bytes": Figure(
        title="Parameter bytes",
        unit="bytes",
        paths=((*_MEMORY, "parameter_bytes"),),
        bounded_by="parameters",
    ),
    "size": Figure(
        title="Size (all that is stored), bytes",
        unit="bytes",
        paths=tuple(
            (*_MEMORY, part) for part in ("parameter_bytes", "state_bytes", "constant_bytes")
        ),
        bounded_by="nothing",
    ),
    "peak": Figure(
        title="Peak of activations, bytes",
        unit="bytes",
        paths=((*_MEMORY, "peak_activation_bytes"),),
    ),
    "eager-peak": Figure(
        title="Peak of activations as run eagerly, bytes",
        unit="bytes",
        paths=((*_MEMORY, "eager_peak_activation_bytes"),),
    ),
    "memory": Figure(
        title="Peak bytes, all in all", unit="bytes", paths=((*_MEMORY, "peak_bytes"),)
    ),
}
"""By the name that options and settings call them by, in the order of a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure of a report: its value, None where nobody knows, and what it is to the true one."""

    value: int | None
    bound: Bound


def measure(figure: Figure, report: Mapping[str, Any]) -> Measured:
    """Read a figure off the JSON of a report.

    Raises:
        KeyError, TypeError: this is not the JSON of a report.
    """
    from analyzer.ir import Bound  # the command's help needs the figures, and not this

    coverage = report["coverage"]
    bounds = {bound.words: bound for bound in (Bound.EXACT, *Bound, Bound.NEITHER)}
    bound = {
        "work": bounds[coverage["bound"]],
        "parameters": Bound.LOWER if coverage["unsettled_parameters"] else Bound.EXACT,
        "nothing": Bound.EXACT,
    }[figure.bounded_by]
    parts = [_at(report, path) for path in figure.paths]
    if None in parts:
        return Measured(value=None, bound=Bound.EXACT)
    return Measured(value=sum(part for part in parts if part is not None), bound=bound)


def _at(report: Mapping[str, Any], path: tuple[str, ...]) -> int | None:
    found: Any = report
    for key in path:
        found = found[key]
    if found is None or (isinstance(found, int) and not isinstance(found, bool)):
        return found
    raise TypeError(f"{'.'.join(path)} is {found!r}")
