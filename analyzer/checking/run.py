"""Checks models, one after the other: what is wrong with one does not hide the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from analyzer.checking.baseline import changed_inputs, grown, read_baseline, write_baseline
from analyzer.checking.judge import NO_GRAPH, at_most, exactly, is_complete, missing
from analyzer.checking.result import Check, Checked, Finding
from analyzer.checking.settings import Asked
from analyzer.errors import AnalyzerError, PluginError, UsageError
from analyzer.report import Report

__all__ = ["check_models"]

_Around = Callable[[Asked], AbstractContextManager[object]]


def check_models(
    several: Iterable[Asked], *, write: bool = False, around: _Around | None = None
) -> Check:
    """Check models, all of them, whatever is wrong with one.

    Args:
        several: the models, with what is asked of each.
        write: baselines are written, and not compared with.
        around: a context in which each is checked.

    Raises:
        UsageError: nothing is asked of one of them, or its baseline is missing or another's.
    """
    several = tuple(several)
    for asked in several:
        if not asked.asks_something:
            raise UsageError(
                f"nothing is asked of {asked.called}; give a budget, as in --max-macs 300M, "
                "an exact figure, as in --expect-parameters 1,000, --complete or --baseline"
            )
        if asked.allow_growth and asked.baseline is None:
            raise UsageError(
                f"{asked.called} may grow, and no baseline says from what; give one with --baseline"
            )
        if write and not isinstance(asked.baseline, Path):
            raise UsageError(f"{asked.called} has no baseline to write; say where with --baseline")
    files = Counter(asked.baseline for asked in several if isinstance(asked.baseline, Path))
    for file, times in files.items():
        if times > 1:
            raise UsageError(
                f"{times} models have the baseline {str(file)!r}; give each its own in "
                "pyproject.toml, or write {name} in it"
            )
    found = []
    for asked in several:
        with around(asked) if around is not None else nullcontext():
            found.append(_checked(asked, write=write))
    return Check(models=tuple(found))


def _checked(asked: Asked, *, write: bool) -> Checked:
    name = asked.called
    findings: list[Finding] = []
    report = None
    notes: tuple[str, ...] = ()
    try:
        report = _report(asked)
        data = report.to_dict()
        name = asked.name or report.model.name or name
        notes = _notes(report)
        findings += [at_most(figure, limit, data) for figure, limit in asked.most.items()]
        findings += [exactly(figure, limit, data) for figure, limit in asked.exact.items()]
        if asked.complete:
            findings.append(is_complete(data))
        if isinstance(asked.baseline, Path) and write:
            write_baseline(report, asked.baseline)
            notes += (f"baseline written: {asked.baseline}",)
        elif asked.baseline is not None:
            before = _before(asked.baseline)
            notes += changed_inputs(before, data)
            findings += grown(before, data, asked.allow_growth)
    except AnalyzerError as error:
        failed: AnalyzerError | None = error
    except Exception as fault:  # the other models are checked all the same
        failed = PluginError(
            f"a fault of the analyser or of a plugin: {type(fault).__name__}: {fault}; "
            "run again with --debug and report what it prints"
        )
        failed.__cause__ = fault
    else:
        failed = None
    return Checked(
        name=name,
        report=report,
        findings=tuple(findings),
        missing=() if report is None else missing(report.to_dict()),
        notes=notes,
        error=failed,
    )


def _report(asked: Asked) -> Report:
    from analyzer.api import analyze

    if isinstance(asked.model, Report):
        return asked.model
    return analyze(asked.model, **asked.reading)


def _before(baseline: Path | Mapping[str, Any]) -> Mapping[str, Any]:
    return read_baseline(baseline) if isinstance(baseline, Path) else baseline


def _notes(report: Report) -> tuple[str, ...]:
    """Return the report's notes, and what it marks without a note."""
    notes, counts, convention = list(report.notes), report.totals.parameters, report.convention
    if report.totals.macs is None:
        notes.append(NO_GRAPH)
    if counts.assumed:
        notes.append(
            f"{counts.assumed:,} of the {counts.total:,} learnable parameters are assumed from "
            "their use"
        )
    if convention.name != "analyzer":
        notes.append(f"counted under the convention {convention.name} {convention.version}")
    return tuple(notes)
