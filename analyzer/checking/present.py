"""Lays a check out as a document: every budget with what is used of it, and why some are broken."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.checking.figures import FIGURES
from analyzer.checking.judge import percent_text
from analyzer.checking.result import Check, Checked, Finding, Status
from analyzer.document import Block, Cell, Document, Heading, Items, Table, Text
from analyzer.present import counted_text
from analyzer.units import bound_text, bytes_text

__all__ = ["present_check"]

_RULES = {
    "baseline": "{title}, as the baseline",
    "complete": "Everything is counted",
    "expect": "{title}, exactly",
    "max": "{title}, at most",
}


def present_check(check: Check) -> Document:
    """Lay out a check: a table of budgets, then reasons and notes."""
    blocks: list[Block] = [Heading(text=_title(check))]
    if len(check.models) == 1 and check.models[0].report is not None:
        blocks.append(Text(text=counted_text(check.models[0].report)))
    budgets = _budgets(check)
    if budgets.rows:
        blocks.append(budgets)
    reasons = _lines(check, [model.reasons for model in check.models])
    if reasons:
        blocks += [Heading(text="Why", level=2), Items(items=reasons)]
    notes = _lines(check, [tuple(_notes(model)) for model in check.models])
    if notes:
        blocks += [Heading(text="Notes", level=2), Items(items=notes)]
    return Document(blocks=tuple(blocks), table=_records(check), data=check.to_dict())


def _title(check: Check) -> str:
    if len(check.models) == 1:
        (model,) = check.models
        where = "" if model.report is None else f" · {model.report.model.framework}"
        return f"{model.name}{where}: {'passed' if model.passed else 'failed'}"
    passed = sum(model.passed for model in check.models)
    return f"{passed} of {len(check.models)} models passed"


def _budgets(check: Check) -> Table:
    """Lay out what was asked; which model, and its baseline, are columns only where they tell."""
    several = len(check.models) > 1
    compared = any(
        finding.before is not None for model in check.models for finding in model.findings
    )
    rows: list[tuple[Cell, ...]] = []
    for model in check.models:
        name = model.name
        for asked, used, before, *rest in _rows(model):
            rows.append((*((name,) * several), asked, used, *((before,) * compared), *rest))
            name = ""
    columns = (
        *(("Model",) * several),
        "Asked",
        "Used",
        *(("Baseline",) * compared),
        "Budget",
        "Share, %",
        "Verdict",
        "",
    )
    return Table(columns=columns, rows=tuple(rows))


def _rows(model: Checked) -> Iterator[tuple[Cell, ...]]:
    """Yield what was asked, used, the baseline, the budget, the share, the verdict and a remark."""
    if model.error is not None:
        outcome = "could not be read" if model.report is None else "could not be compared"
        yield ("—", "", "", "", "", outcome, "")
    for finding in model.findings:
        if finding.figure is None:
            yield (_asked(finding), "", "", "", "", finding.status.value, "")
            continue
        if _is_nothing(finding):
            continue
        share = finding.share
        yield (
            _asked(finding),
            bound_text(finding.value, finding.bound.sign),
            "" if finding.before is None else finding.before,
            finding.limit,
            "" if share is None else bound_text(float(100 * share), finding.bound.sign),
            finding.status.value,
            _growth(finding) if finding.rule == "baseline" else _in_units(finding),
        )


def _is_nothing(finding: Finding) -> bool:
    """Whether it is about nothing then and now, as most models have no operations on integers."""
    return finding.rule == "baseline" and finding.before == finding.value == 0


def _asked(finding: Finding) -> str:
    title = "" if finding.figure is None else FIGURES[finding.figure].title
    return _RULES[finding.rule].format(title=title)


def _in_units(finding: Finding) -> str:
    if finding.figure is None or FIGURES[finding.figure].unit != "bytes":
        return ""
    used, most = bytes_text(finding.value), bytes_text(finding.limit)
    return f"{used} of {most}" if used and most else ""


def _growth(finding: Finding) -> str:
    if finding.value is None or finding.before is None or finding.value == finding.before:
        return ""
    by = finding.value - finding.before
    return f"{by:+,}{percent_text(by, finding.before)}"


def _notes(model: Checked) -> Iterator[str]:
    alike: dict[str, list[str]] = {}
    for finding in model.findings:
        if finding.status is Status.OK and finding.reason and not _is_nothing(finding):
            about, _, condition = finding.reason.partition(": ")
            alike.setdefault(condition, []).append(about)
    yield from (f"{'; '.join(about)}: {condition}" for condition, about in alike.items())
    yield from model.notes


def _lines(check: Check, each: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Put the lines of all models together, each with its model where there are several."""
    several = len(check.models) > 1
    return tuple(
        f"{model.name}: {line}" if several else line
        for model, lines in zip(check.models, each, strict=True)
        for line in lines
    )


def _records(check: Check) -> Table:
    """Every finding of every model, for programs that read rows."""
    rows: list[tuple[Cell, ...]] = []
    for model in check.models:
        if model.error is not None:
            blank = ("", "", "", None, None, None, "")
            rows.append((model.name, *blank, "error", model.reasons[0]))
        rows += [
            (
                model.name,
                finding.name,
                finding.rule,
                finding.figure or "",
                finding.limit,
                finding.before,
                finding.value,
                finding.bound.words,
                finding.status.value,
                finding.reason,
            )
            for finding in model.findings
        ]
    columns = "model name rule figure limit before value bound status reason"
    return Table(columns=tuple(columns.split()), rows=tuple(rows))
