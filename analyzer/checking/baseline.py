"""A report of yesterday beside one of today: what grew, by how much, and in which layers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from analyzer.checking.figures import FIGURES, Figure, Measured, measure
from analyzer.checking.judge import percent_text, quantity, why_not
from analyzer.checking.result import Finding, Growth, Status
from analyzer.errors import UsageError
from analyzer.ir import Bound
from analyzer.report import SCHEMA_VERSION, Report

__all__ = ["grown", "read_baseline", "write_baseline"]

_LAYERS_NAMED = 3
_OF_LAYERS = {
    "active": ("parameters", "active"),
    "flops": ("flops",),
    "macs": ("macs",),
    "parameters": ("parameters", "total"),
    "state": ("parameters", "state"),
    "trainable": ("parameters", "trainable"),
}
"""Where a figure stands in the JSON of a layer; the others are told of whole models only."""

_PARTS = {"active": "parameters", "trainable": "parameters"}
"""Figures that are most often the whole of another one, and then say nothing that it does not."""


def read_baseline(path: Path) -> Mapping[str, Any]:
    """Read what ``analyzer summary --format json`` wrote.

    Raises:
        UsageError: there is no such file, or something else is in it.
    """
    advice = "make one with 'analyzer summary MODEL --format json' or 'analyzer check'"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version = data["schema_version"]
    except OSError as error:
        raise UsageError(
            f"baseline {str(path)!r} cannot be read: {error.strerror}; {advice} --write-baseline"
        ) from error
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise UsageError(
            f"baseline {str(path)!r} is no report in JSON; {advice} --write-baseline"
        ) from error
    if str(version).partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        raise UsageError(
            f"baseline {str(path)!r} is of schema version {version}, and this analyzer reads "
            f"{SCHEMA_VERSION}; make it anew with --write-baseline"
        )
    try:
        for figure in FIGURES.values():
            measure(figure, data)
        for name in _OF_LAYERS:
            dict(_own(data, name))
        _counted_as(data)
        _inputs(data)
    except (AttributeError, KeyError, TypeError) as error:
        raise UsageError(
            f"baseline {str(path)!r} is no whole report in JSON ({type(error).__name__}: {error}); "
            f"{advice} --write-baseline"
        ) from error
    checked: Mapping[str, Any] = data
    return checked


def write_baseline(report: Report, path: Path) -> None:
    """Write a report where the next check looks for it.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(report.render("json") + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"baseline {str(path)!r} cannot be written: {error.strerror}") from error


def grown(
    before: Mapping[str, Any], after: Mapping[str, Any], allowed: Fraction
) -> tuple[Finding, ...]:
    """Hold every figure that the baseline knows to it; ``allowed`` is a share of each.

    Raises:
        UsageError: the baseline counts in another way.
    """
    if _counted_as(before) != _counted_as(after):
        one, other = (" ".join(map(str, _counted_as(report))) for report in (before, after))
        raise UsageError(
            f"the baseline was made under convention {one}, and this check counts by {other}; "
            "take the same --convention, or make it anew with --write-baseline"
        )
    found = (_grown(name, before, after, allowed) for name in FIGURES)
    return tuple(finding for finding in found if finding is not None)


def changed_inputs(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Say whether the baseline is of other inputs: then work differs without any other change."""
    if _sizes(before) == _sizes(after):  # what they are called changes nothing
        return ()
    return (f"the inputs were {_inputs(before)} in the baseline, and are {_inputs(after)} now",)


def _grown(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any], allowed: Fraction
) -> Finding | None:
    figure = FIGURES[name]
    old, new = measure(figure, before), measure(figure, after)
    if old.value is None and new.value is None:
        return None
    if name in _PARTS and (old, new) == tuple(
        measure(FIGURES[_PARTS[name]], report) for report in (before, after)
    ):
        return None
    if old.value is None or new.value is None:
        where = "in the baseline; make it anew with --write-baseline" * (old.value is None)
        return Finding(
            rule="baseline", figure=name, before=old.value, value=new.value, bound=new.bound,
            status=Status.UNKNOWN, reason=f"{figure.title}: not known {where or 'any more'}",
        )  # fmt: skip
    limit = old.value + int(old.value * allowed)
    over = new.value > limit
    layers = _layers(name, before, after) if over else ()
    status, reason = Status.OK, ""
    if over:
        status = Status.BROKEN
        most = f"; {quantity(figure, limit)} are allowed" if allowed else ""
        where = f"; most in {_named(layers)}" if layers else ""
        by = new.value - old.value
        reason = (
            f"{figure.title}: grew by {by:,}{percent_text(by, old.value)}, from "
            f"{old.bound.sign}{quantity(figure, old.value)} to "
            f"{new.bound.sign}{quantity(figure, new.value)}{most}{where}"
        )
    if _certain(over, old, new):
        pass
    elif old.bound is new.bound and _uncounted(before) == _uncounted(after):
        condition = f"{figure.title}: {old.bound.words} then and now; what was counted is compared"
        reason = f"{reason}; {condition}" if reason else condition
    else:
        status = Status.UNKNOWN
        reason = (
            f"{figure.title}: {old.bound.words} in the baseline and {new.bound.words} now; whether "
            f"it grew cannot be told: {_why(figure, old, new, before, after)}"
        )
    return Finding(
        rule="baseline", figure=name, limit=limit, before=old.value, value=new.value,
        bound=new.bound, status=status, reason=reason, layers=layers,
    )  # fmt: skip


def _certain(over: bool, old: Measured, new: Measured) -> bool:
    """Say whether what is seen of two bounds holds of the true figures too."""
    if over:
        return Bound.LOWER not in old.bound and Bound.UPPER not in new.bound
    return Bound.UPPER not in old.bound and Bound.LOWER not in new.bound


def _why(
    figure: Figure,
    old: Measured,
    new: Measured,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> str:
    sides = (("before", old, before), ("now", new, after))
    return "; ".join(
        f"{when}, {why_not(figure, side.bound, report)}"
        for when, side, report in sides
        if side.bound is not Bound.EXACT
    )


def _layers(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Growth, ...]:
    """Name the layers that grew by what they do themselves, most first.

    None where the baseline was written with ``--depth``: what a layer in it does itself is not
    all that it holds.
    """
    if name not in _OF_LAYERS:
        return ()
    old, new = (dict(_own(report, name)) for report in (before, after))
    total = measure(FIGURES[name], before).value
    if total is None or sum(old.values()) < total:
        return ()
    grown = [
        Growth(layer=path, before=old.get(path), after=value)
        for path, value in new.items()
        if value > old.get(path, 0)
    ]
    return tuple(sorted(grown, key=lambda growth: -growth.amount))


def _named(layers: Sequence[Growth]) -> str:
    more = f" and {len(layers) - _LAYERS_NAMED} more" if len(layers) > _LAYERS_NAMED else ""
    return ", ".join(map(str, layers[:_LAYERS_NAMED])) + more


def _own(report: Mapping[str, Any], name: str) -> Iterator[tuple[str, int]]:
    for layer in report["layers"]:
        value = layer["own"]
        for key in _OF_LAYERS[name]:
            value = value[key]
        yield layer["path"], value or 0


def _counted_as(report: Mapping[str, Any]) -> tuple[str, int]:
    return report["convention"], report["convention_version"]


def _uncounted(report: Mapping[str, Any]) -> tuple[Any, Any]:
    return report["coverage"]["unknown"], report["coverage"]["unsettled_parameters"]


def _sizes(report: Mapping[str, Any]) -> list[tuple[object, object]]:
    return [(tensor["shape"], tensor["dtype"]) for tensor in report["inputs"]]


def _inputs(report: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{tensor['name'] or 'input'} {'×'.join(map(str, tensor['shape'])) or 'scalar'} "
        f"{tensor['dtype']}"
        for tensor in report["inputs"]
    )
