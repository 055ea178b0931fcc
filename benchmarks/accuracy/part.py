"""The part ``accuracy``: measured, judged and put into tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import shorten
from typing import Any

from analyzer.document import Block, Cell, Heading, Items, Table, Text
from benchmarks.accuracy import FRAMEWORKS
from benchmarks.accuracy.judging import BESIDES, NUMBERS, OURS, UNPADDED, Answer, Row, Verdict
from benchmarks.accuracy.running import listed, rows

__all__ = ["failures", "measure", "present"]

REASON = 160
"""Letters of a reason: some errors are whole pages."""

BY_DATA = ("control flow", "dynamic shapes")
"""What models cover whose work may follow from data."""

TITLES = {"macs": "MACs", "parameters": "Parameters"}


def measure(*, quick: bool = False) -> dict[str, Any]:
    """Ask everybody about everything, in the frameworks that are installed."""
    found = {}
    for module in FRAMEWORKS:
        try:
            about = listed(module)
        except ImportError:  # and where no distribution is found
            continue
        found[module] = {**about, "rows": [row.to_dict() for row in rows(module, quick=quick)]}
    return found


def failures(data: Mapping[str, Any]) -> list[str]:
    """Say where we are not right; a bound that holds will do where data decide and nobody knows."""
    return [line for found in data.values() for line in _behind(found["name"], _rows(found))]


def _behind(framework: str, rows: Sequence[Row]) -> Iterator[str]:
    for row in (row for row in rows if row.tool == OURS):
        for number in NUMBERS:
            own: Answer = getattr(row, number)
            others = [getattr(other, number).verdict for other in rows if other.case == row.case]
            bound = row.covers in BY_DATA and Verdict.RIGHT not in others
            if own.verdict is not Verdict.RIGHT and not (own.verdict is Verdict.BOUND and bound):
                yield (
                    f"{framework}, {row.case}: {TITLES[number]} are {own.truth:,}, ours says "
                    f"{own.said} ({own.text}) {own.why}".rstrip()
                )


def present(data: Mapping[str, Any]) -> Iterator[Block]:
    """Return the tables of every framework."""
    yield Heading(text="Is it right?", level=2)
    yield Text(
        text="Truth is made in the run: every product of matrices and every convolution that the "
        "framework executes is executed once more on ones, so that what comes out adds up to the "
        "number of multiplications. A cell says by how much a tool's multiply-accumulates are off; "
        "FLOPs are halved to them, but fvcore's, which are MACs. XLA leaves out the products with "
        "padding by its definition, and is held to the truth without them. Some tools count other "
        "work besides by their own definition: more than the truth may be just what they mean."
    )
    yield Text(
        text="Parameters are the elements that an optimizer learns, each storage once: those that "
        "the framework calls so, in ONNX those that the author of the model or the exported module "
        "does; weights that were quantised are as many as before."
    )
    yield Items(
        items=(
            "✓: that number, to the digit",
            "+3 %, all: the tool has one number of FLOPs for everything, and half of it is that "
            "much more; nobody can tell whether the products in it are right",
            "+3 %, a bound: the tool says itself that it gives a bound, and it holds; how often a "
            "loop runs may be in the data, which no report without data knows",
            "crashed: the tool ended in an error, or gave no answer in time",
            "—: the tool has no such number",
        )
    )
    yield _overview(data)
    for found in data.values():
        yield from _framework(found)


def _overview(data: Mapping[str, Any]) -> Table:
    """Say of each framework how many models ours is right about, and who comes next."""

    def line(found: Mapping[str, Any]) -> tuple[Cell, ...]:
        rows = _rows(found)
        right = Counter(row.tool for row in rows if row.macs.verdict is Verdict.RIGHT)
        bounds = sum(row.tool == OURS and row.macs.verdict is Verdict.BOUND for row in rows)
        others = [tool for tool in _names(rows, "tool") if tool != OURS]
        most = max((right[tool] for tool in others), default=0)
        best = ", ".join(tool for tool in others if right[tool] == most) if most else "nobody"
        return (found["name"], len(_names(rows)), right[OURS], bounds, most, best)

    return Table(
        title="MACs of how many models are right",
        columns=("framework", "models", "ours", "ours, a bound", "the best other tool", "which"),
        rows=tuple(map(line, data.values())),
    )


def _framework(found: Mapping[str, Any]) -> Iterator[Block]:
    rows = _rows(found)
    yield Heading(text=found["name"], level=3)
    yield Text(text=", ".join(f"{name} {said}" for name, said in found["versions"].items()))
    yield _summary(rows)
    for number in NUMBERS:
        yield from _answers(rows, number)
    if crashes := sorted(_crashes(rows)):
        yield Text(text="What crashed:")
        yield Items(items=tuple(crashes))


def _rows(found: Mapping[str, Any]) -> list[Row]:
    return [Row.from_dict(row) for row in found["rows"]]


def _names(rows: Sequence[Row], attribute: str = "case") -> tuple[str, ...]:
    return tuple(dict.fromkeys(getattr(row, attribute) for row in rows))


def _summary(rows: Sequence[Row]) -> Table:
    tools = {tool: [row for row in rows if row.tool == tool] for tool in _names(rows, "tool")}
    counts = {
        tool: {number: Counter(getattr(row, number).verdict for row in of) for number in NUMBERS}
        for tool, of in tools.items()
    }
    order = sorted(tools, key=lambda tool: -counts[tool]["macs"][Verdict.RIGHT])
    some = [verdict for verdict in Verdict if any(counts[tool]["macs"][verdict] for tool in tools)]

    def line(tool: str) -> Iterator[Cell]:
        yield tool
        yield next((row.version for row in tools[tool] if row.version), "")
        yield from (counts[tool]["macs"][verdict] for verdict in some)
        tells = any(row.parameters.said is not None for row in tools[tool])
        yield counts[tool]["parameters"][Verdict.RIGHT] if tells else None
        yield BESIDES.get(tool, "")

    return Table(
        title=f"What each says of {len(_names(rows))} models",
        columns=(
            *("tool", "version", *(f"MACs {it.value}" for it in some)),
            *("parameters right", "what it counts besides"),
        ),
        rows=tuple(tuple(line(tool)) for tool in order),
    )


def _answers(rows: Sequence[Row], number: str) -> Iterator[Block]:
    """Yield the table of a number; models of which everybody tells it rightly are left out."""
    answers: dict[tuple[str, str], Answer] = {
        (row.case, row.tool): getattr(row, number) for row in rows
    }
    tools = [
        tool
        for tool in _names(rows, "tool")
        if any(answers[case, tool].said is not None for case in _names(rows))
    ]
    cases = _names(rows)
    alike = [
        case
        for case in cases
        if all(answers[case, tool].verdict is Verdict.RIGHT for tool in tools)
    ]
    unpadded = [tool for tool in tools if number == "macs" and tool in UNPADDED][:1]
    if some := [case for case in cases if case not in alike]:
        yield Table(
            title=TITLES[number],
            columns=("model", "truth", *("without padding" for _ in unpadded), *tools),
            rows=tuple(
                (
                    case,
                    *(answers[case, tool].truth for tool in (OURS, *unpadded)),
                    *(answers[case, tool].text for tool in tools),
                )
                for case in some
            ),
        )
    if alike:
        which = f"the other {len(alike)} models" if some else f"all {len(alike)} models"
        told = f"told rightly by {', '.join(tools)}"
        yield Text(text=f"{TITLES[number]} of {which} are {told}.")


def _crashes(rows: Sequence[Row]) -> Iterator[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.macs.verdict is Verdict.CRASHED:
            reasons.setdefault((row.tool, row.macs.why), []).append(row.case)
    for (tool, why), cases in reasons.items():
        yield f"{tool}: {shorten(why, REASON, placeholder=' …')} ({', '.join(cases)})"
