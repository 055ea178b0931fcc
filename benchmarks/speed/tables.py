"""How the part ``speed`` looks: networks, sets of models, the large file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from statistics import median
from textwrap import shorten

from analyzer.document import Block, Cell, Heading, Table, Text
from benchmarks.accuracy.judging import OURS, compared
from benchmarks.speed.figures import (
    LIGHT,
    Found,
    answer,
    both,
    ended,
    megabytes,
    processor,
    seconds,
    total,
)

__all__ = ["present"]

RATIO = "ours ÷ it"
REASON = 100
"""Letters of a reason: some errors are whole pages."""


def present(data: Found) -> Iterator[Block]:
    """Return the tables: networks, sets of models, the large file."""
    yield Heading(text="How long does a report take?", level=2)
    yield Text(
        text="Processor time on one core. Ours is the whole report, theirs the one number; “ours ÷ "
        "it” below 1 says that ours takes less. “In process” is the median of calls after imports, "
        "in turns with all others; the model is copied before for who changes it. A process of its "
        "own imports, builds the model and calls once; MB is the most memory that it had. MACs are "
        "right (✓) where they are what a run of the network on ones counted; a network without "
        "data has no such run, and ✓ says there that a number is the same as ours. "
        "ultralytics-thop is not timed: it bears thop's name, and cannot take turns with it."
    )
    for name, found in data["networks"].items():
        if "failed" in found:
            yield Text(text=f"{name}: {found['failed']}.")
        else:
            yield _network(name, found)
    yield Table(
        title="Sets of models: calls after imports, added up",
        columns=("models", "that both read", "MACs as ours", "tool", "tool, ms", "ours, ms", RATIO),
        rows=tuple(_rows_of_sets(data["sets"])),
    )
    if "failed" not in data["sets"][LIGHT]:
        yield _light(data["sets"][LIGHT])
    large = data["large"]
    yield Table(
        title=f"An ONNX file of {large['bytes'] / 1e9:.2g} GB, whole processes",
        columns=("read by", "MACs", "processor, ms", RATIO, "memory, MB"),
        rows=tuple(_rows_of_large(large["processes"], large["macs"])),
    )


def _network(name: str, found: Found) -> Table:
    fastest = sorted(
        (tool for tool, said in found["tools"].items() if not said["failed"]),
        key=partial(seconds, found),
    )
    failed = [tool for tool in found["tools"] if tool not in fastest]
    title = "process, s"
    return Table(
        title=name,
        columns=("tool", "MACs", "in process, ms", RATIO, title, RATIO, "MB", RATIO),
        rows=tuple(_row(found, tool) for tool in (*fastest, *failed)),
    )


def _row(found: Found, tool: str) -> tuple[Cell, ...]:
    said = found["tools"][tool]
    if said["failed"]:
        return (tool, _why(said["failed"]), "", "", "", "", "", "")
    worth = answer(found, tool)
    here, ours = seconds(found, tool), seconds(found, OURS)
    alone, mine = found["processes"][tool], found["processes"][OURS]
    return (
        tool,
        worth.text if worth else "—",
        f"{1000 * here:,.0f}",
        _ratio(ours, here, tool),
        f"{processor(alone):.1f}",
        _ratio(processor(mine), processor(alone), tool),
        _rounded(megabytes(alone)),
        _ratio(megabytes(mine), megabytes(alone), tool),
    )


def _ratio(mine: float | None, theirs: float | None, tool: str = "") -> str:
    return "" if tool == OURS or not mine or not theirs else f"{mine / theirs:.2f}"


def _rounded(megabytes: float | None) -> str:
    return "" if megabytes is None else f"{megabytes:,.0f}"


def _why(failed: str) -> str:
    return shorten(failed, REASON, placeholder=" …")


def _rows_of_sets(sets: Found) -> Iterator[tuple[Cell, ...]]:
    for name, found in sets.items():
        if "failed" in found:
            yield (name, "", "", _why(found["failed"]), "", "", "")
            continue
        models = list(found["models"].values())
        for tool in sorted(tool for tool in models[0] if tool != OURS):
            read = both(found, tool)
            alike = sum(tools[tool]["macs"] == tools[OURS]["macs"] for tools in read)
            mine, theirs = total(read, OURS), total(read, tool)
            times = (f"{1000 * theirs:,.0f}", f"{1000 * mine:,.0f}", _ratio(mine, theirs))
            yield (name, f"{len(read)} of {len(models)}", alike, tool, *times)


def _light(found: Found) -> Table:
    def cells(tools: Found) -> Iterator[Cell]:
        ours = median(tools[OURS]["seconds"])
        yield f"{1000 * ours:.1f}"
        for tool in others:
            if tools[tool]["failed"]:
                yield from (_why(tools[tool]["failed"]), "", "")
                continue
            theirs = median(tools[tool]["seconds"])
            yield from (f"{1000 * theirs:.1f}", _ratio(ours, theirs))
            yield compared(tool, tools[tool]["macs"], tools[OURS]["macs"]).text

    models: Mapping[str, Found] = found["models"]
    others = [tool for tool in next(iter(models.values())) if tool != OURS]
    columns = [name for tool in others for name in (f"{tool}, ms", RATIO, "its MACs beside ours")]
    return Table(
        title="Light models of onnx, one by one, medians",
        columns=("model", "ours, ms", *columns),
        rows=tuple((name, *cells(tools)) for name, tools in models.items()),
    )


def _rows_of_large(
    processes: Mapping[str, Sequence[Found]], macs: int
) -> Iterator[tuple[Cell, ...]]:
    mine = processes[OURS]
    for by, ones in processes.items():
        if why := ended(ones):
            yield (by, _why(why), "", "", "")
            continue
        said = ones[0]["macs"]
        ratio = "" if ended(mine) else _ratio(processor(mine), processor(ones), by)
        yield (
            by,
            "—" if said is None else compared(by, said, macs).text,
            f"{1000 * processor(ones):,.0f}",
            ratio,
            _rounded(megabytes(ones)),
        )
