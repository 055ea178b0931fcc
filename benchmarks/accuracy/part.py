"""The part ``accuracy``: measured, judged and put into tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analyzer.document import Block, Cell, Heading, Items, Table, Text
from benchmarks.accuracy import FRAMEWORKS
from benchmarks.accuracy.judging import NUMBERS, OURS, Answer, Row, Verdict
from benchmarks.accuracy.running import listed, rows

__all__ = ["failures", "measure", "present"]

TITLES = {"macs": "MACs", "parameters": "Parameters"}


def measure(*, quick: bool = False) -> dict[str, Any]:
    """Ask everybody about everything."""
    return {
        module: {
            **listed(module),
            "rows": [row.to_dict() for row in rows(module, quick=quick)],
        }
        for module in FRAMEWORKS
    }


def failures(data: Mapping[str, Any]) -> list[str]:
    """Say where somebody is right and we are not."""
    return [line for found in data.values() for line in _behind(_rows(found))]


def _behind(rows: Sequence[Row]) -> Iterator[str]:
    for case in _names(rows):
        for number in NUMBERS:
            answers = {row.tool: getattr(row, number) for row in rows if row.case == case}
            right = [tool for tool, said in answers.items() if said.verdict is Verdict.RIGHT]
            if right and OURS not in right:
                own = answers[OURS]
                yield (
                    f"{rows[0].framework}, {case}: {', '.join(right)} right about "
                    f"{TITLES[number]} ({own.truth:,}), ours says {own.said} ({own.text}) {own.why}"
                )


def present(data: Mapping[str, Any]) -> Iterator[Block]:
    """Return the tables of every framework."""
    yield Heading(text="Is it right?", level=2)
    yield Text(
        text="Truth is made in the run: every product of matrices and every convolution that the "
        "framework executes is executed once more on ones, so that what comes out adds up to the "
        "number of multiplications. Cells say “right” where a tool gives that number to the "
        "digit, else by how much it is off. FLOPs are halved to MACs, except fvcore's, which are "
        "MACs; a tool that gives nothing but FLOPs of everything together can hardly be right."
    )
    for found in data.values():
        yield from _framework(found)


def _framework(found: Mapping[str, Any]) -> Iterator[Block]:
    rows = _rows(found)
    yield Heading(text=found["name"], level=3)
    yield Text(text=", ".join(f"{name} {said}" for name, said in found["versions"].items()))
    yield _summary(rows)
    for number in NUMBERS:
        yield _table(rows, number)
    if crashes := sorted(_crashes(rows)):
        yield Text(text="What crashed:")
        yield Items(items=tuple(crashes))


def _rows(found: Mapping[str, Any]) -> list[Row]:
    return [Row.from_dict(row) for row in found["rows"]]


def _names(rows: Sequence[Row], attribute: str = "case") -> tuple[str, ...]:
    return tuple(dict.fromkeys(getattr(row, attribute) for row in rows))


def _summary(rows: Sequence[Row]) -> Table:
    counts: dict[str, dict[str, Counter[Verdict]]] = {
        tool: {
            number: Counter(getattr(row, number).verdict for row in rows if row.tool == tool)
            for number in NUMBERS
        }
        for tool in _names(rows, "tool")
    }
    versions = {row.tool: row.version for row in rows if row.version}
    order = sorted(counts, key=lambda tool: -counts[tool]["macs"][Verdict.RIGHT])
    return Table(
        title="How often each is right",
        columns=(
            "tool", "version", "MACs right", "wrong", "a bound", "crashed", "no number",
            "not installed", "parameters right", "wrong",
        ),
        rows=tuple(
            (
                tool,
                versions.get(tool, ""),
                *(counts[tool]["macs"][verdict] for verdict in Verdict),
                counts[tool]["parameters"][Verdict.RIGHT],
                counts[tool]["parameters"][Verdict.WRONG],
            )
            for tool in order
        ),
    )  # fmt: skip


def _table(rows: Sequence[Row], number: str) -> Table:
    tools = [
        tool
        for tool in _names(rows, "tool")
        if any(
            getattr(row, number).verdict not in (Verdict.NOT_SUPPORTED, Verdict.NOT_INSTALLED)
            for row in rows
            if row.tool == tool
        )
    ]
    answers = {(row.case, row.tool): getattr(row, number) for row in rows}

    def line(case: str) -> Iterator[Cell]:
        truth: Answer = answers[case, tools[0]]
        yield case
        yield truth.truth
        for tool in tools:
            yield answers[case, tool].text

    return Table(
        title=TITLES[number],
        columns=("model", "truth", *tools),
        rows=tuple(tuple(line(case)) for case in _names(rows)),
    )


def _crashes(rows: Sequence[Row]) -> Iterator[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.macs.verdict is Verdict.CRASHED:
            reasons.setdefault((row.tool, row.macs.why), []).append(row.case)
    for (tool, why), cases in reasons.items():
        yield f"{tool}: {why} ({', '.join(cases)})"
