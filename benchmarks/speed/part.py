"""The part ``speed``: seconds and memory of a report, beside the other tools."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from analyzer.document import Block, Cell, Heading, Table, Text
from benchmarks.measuring import child, in_turns
from benchmarks.speed import subjects
from benchmarks.speed.networks import NETWORKS
from benchmarks.speed.subjects import OURS
from benchmarks.targets import Target, missed

__all__ = ["failures", "measure", "present", "targets"]

Found = Mapping[str, Any]

PROMISED = ("Llama-3-70B", "ResNet-50", "ViT-B/16")
"""Networks on which no tool that gives the right number may be faster."""

KERAS = "ResNet50 of Keras"
PROFILER = "tensorflow profiler"
LIGHT = "light models of onnx"
LOADED = "onnx.load"
READERS = ("onnx-tool", "onnx_opcounter")
"""Other tools that may not get through a large file."""

QUICK = ("small CNN",)


def measure(*, quick: bool = False) -> dict[str, Any]:
    """Measure each subject in a process of its own, and each tool in one of its own besides."""
    rounds = 1 if quick else 5
    networks = {name: _network(name, rounds) for name in (QUICK if quick else sorted(NETWORKS))}
    most = 2 if quick else None
    return {
        "quick": quick,
        "networks": networks,
        "sets": {
            "classifiers of torchvision": child(subjects.classifiers, most=most),
            LIGHT: child(subjects.light, rounds=rounds, most=most),
        },
        "large": _large(28, 64 if quick else 3584, 1 if quick else 3),
    }


def _network(name: str, rounds: int) -> dict[str, Any]:
    found = child(subjects.network, name=name, rounds=rounds)
    tools = [tool for tool, said in found.get("tools", {}).items() if not said["failed"]]
    alone = {tool: partial(child, subjects.whole, name=name, tool=tool) for tool in tools}
    return {**found, "processes": in_turns(alone, min(rounds, 3), warm=False)}


def _large(layers: int, features: int, rounds: int) -> dict[str, Any]:
    from tests.onnx_files import write_chain

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.onnx")
        write_chain(path, layers=layers, features=features)
        contenders = {
            by: partial(child, subjects.large, path=str(path), by=by)
            for by in (OURS, LOADED, *READERS)
        }
        given = in_turns(contenders, rounds, warm=False)
        return {"bytes": path.stat().st_size, "processes": given}


def targets(data: Found) -> Iterator[Target]:
    """Yield what was promised of what was measured."""
    for name, found in data["networks"].items():
        if "failed" in found:
            continue
        if name in PROMISED and (right := _right(found)):
            fastest = min(right, key=lambda tool: _seconds(found, tool))
            yield _beside(f"{name}, a report beside {fastest}", found, fastest, limit=1)
        if name == KERAS and not found["tools"][PROFILER]["failed"]:
            yield _beside(f"{name}, a report beside {PROFILER}", found, PROFILER, limit=0.1)
        engine = median(found["tools"][OURS]["engine"])
        yield _share(name, engine, _seconds(found, OURS))
    light = data["sets"][LIGHT]
    if "failed" not in light and (both := _both(light, "onnx-tool")):
        whole = _sum(both, OURS)
        measured = whole / _sum(both, "onnx-tool")
        yield Target(name=f"{LIGHT}, reports beside onnx-tool", measured=measured, limit=1)
        yield _share(LIGHT, _sum(both, OURS, "engine"), whole)
    processes = data["large"]["processes"]
    if not any("failed" in one for by in (OURS, LOADED) for one in processes[by]):
        yield Target(
            name=f"large ONNX file, a report beside {LOADED}",
            measured=_processor(processes[OURS]) / _processor(processes[LOADED]),
            limit=1 / 3,
        )
        yield Target(
            name="large ONNX file, memory in MB", measured=_megabytes(processes[OURS]), limit=200
        )


def _beside(name: str, found: Found, tool: str, limit: float) -> Target:
    return Target(name=name, measured=_seconds(found, OURS) / _seconds(found, tool), limit=limit)


def _share(name: str, engine: float, report: float) -> Target:
    """Promise that most of a report is reading: rules, totals and liveness are the rest."""
    return Target(
        name=f"{name}, the engine's share of a report", measured=engine / report, limit=0.2
    )


def _right(found: Found) -> list[str]:
    """Return the other tools that gave the right number; without a truth, those that agree."""
    truth = found["tools"][OURS]["macs"] if found["truth"] is None else found["truth"]
    tools = found["tools"].items()
    return [tool for tool, said in tools if tool != OURS and said["macs"] == truth]


def _seconds(found: Found, tool: str) -> float:
    return float(median(found["tools"][tool]["seconds"]))


def _both(found: Found, tool: str) -> list[Found]:
    """Return what was measured of the models of a set that ours and another tool read."""
    models = found["models"].values()
    return [tools for tools in models if not any(tools[by]["failed"] for by in (OURS, tool))]


def _sum(models: list[Found], tool: str, what: str = "seconds") -> float:
    """Return the seconds of a tool on all of these."""
    return float(sum(median(tools[tool][what]) for tools in models))


def _processor(processes: list[dict[str, Any]]) -> float:
    return float(median(one["process"]["processor"] for one in processes))


def _megabytes(processes: list[dict[str, Any]]) -> float:
    return float(max(one["peak_bytes"] for one in processes) / 1e6)


def failures(data: Found) -> list[str]:
    """Say what failed, and which promise is broken; a quick look is no measurement."""
    return [*_broken(data), *([] if data["quick"] else missed(targets(data)))]


def _broken(data: Found) -> Iterator[str]:
    for name, found in (data["networks"] | data["sets"]).items():
        if why := found.get("failed"):
            yield f"{name}: {why}"
        elif (truth := found.get("truth")) is not None and found["tools"][OURS]["macs"] != truth:
            yield f"{name}: ours is {found['tools'][OURS]['macs']}, the truth {truth}"
        yield from _ended(name, found.get("processes", {}))
    large = data["large"]["processes"]
    yield from _ended("large ONNX file", {by: large[by] for by in (OURS, LOADED)})


def _ended(name: str, processes: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    for tool, ones in processes.items():
        for why in sorted({one["failed"] for one in ones if one.get("failed")}):
            yield f"{name}, {tool} in a process of its own: {why}"


def present(data: Found) -> Iterator[Block]:
    """Return the tables: networks, sets of models, the large file."""
    yield Heading(text="How long does a report take?", level=2)
    yield Text(
        text="Processor time on one core, medians of calls in turns. Ours is the whole report, "
        "theirs the one number. “In process” is one call after imports, among calls of all the "
        "others; a process of its own imports, builds the model, calls once, and needs that much "
        "memory at most. A number is right where it is what a run of the network on ones counted; "
        "a network without data has no such run, and there the numbers can but agree. "
        "ultralytics-thop is not timed: it bears thop's name, and cannot take turns with it."
    )
    for name, found in data["networks"].items():
        if "failed" in found:
            yield Text(text=f"{name}: {found['failed']}.")
        else:
            yield _table(name, found)
    yield Table(
        title="Sets of models, one call for each after imports",
        columns=("models", "that both read", "tool", "tool, ms", "ours, ms", "ours is"),
        rows=tuple(_rows_of_sets(data["sets"])),
    )
    if "failed" not in data["sets"][LIGHT]:
        yield _light(data["sets"][LIGHT])
    yield Table(
        title=f"An ONNX file of {data['large']['bytes'] / 1e9:.2g} GB, whole processes",
        columns=("read by", "processor, ms", "memory, MB"),
        rows=tuple(_rows_of_large(data["large"]["processes"])),
    )


def _table(name: str, found: Found) -> Table:
    fastest = sorted(
        (tool for tool, said in found["tools"].items() if not said["failed"]),
        key=partial(_seconds, found),
    )
    failed = [tool for tool in found["tools"] if tool not in fastest]
    return Table(
        title=name,
        columns=("tool", "MACs", "in process, ms", "ours is", "process, s", "ours is", "MB"),
        rows=tuple(_row(found, tool) for tool in (*fastest, *failed)),
    )


def _row(found: Found, tool: str) -> tuple[Cell, ...]:
    said, right = found["tools"][tool], (OURS, *_right(found))
    if said["failed"]:
        return (tool, said["failed"], None, None, None, None, None)
    seconds = _seconds(found, tool)
    cells: tuple[Cell, ...] = (
        tool,
        "right" if tool in right else "none" if said["macs"] is None else "not right",
        f"{1000 * seconds:,.0f}",
        _times(_seconds(found, OURS), seconds, tool),
    )
    alone = found.get("processes", {})
    if any(one.get("failed") for one in alone.get(tool, [{"failed": True}])):
        return (*cells, "", "", "")
    whole, mine = _processor(alone[tool]), _processor(alone[OURS])
    return (*cells, f"{whole:.1f}", _times(mine, whole, tool), f"{_megabytes(alone[tool]):,.0f}")


def _times(mine: float, theirs: float, tool: str = "") -> str:
    return "" if tool == OURS or not theirs else f"{mine / theirs:.2f} of it"


def _rows_of_sets(sets: Found) -> Iterator[tuple[Cell, ...]]:
    for name, found in sets.items():
        if "failed" in found:
            yield (name, "", found["failed"], "", "", "")
            continue
        models = list(found["models"].values())
        for tool in [tool for tool in models[0] if tool != OURS]:
            both = _both(found, tool)
            mine, theirs = _sum(both, OURS), _sum(both, tool)
            times = (f"{1000 * theirs:,.0f}", f"{1000 * mine:,.0f}", _times(mine, theirs))
            yield (name, f"{len(both)} of {len(models)}", tool, *times)


def _light(found: Found) -> Table:
    return Table(
        title="Light models of onnx, one by one",
        columns=("model", "onnx-tool, ms", "ours, ms", "ours is", "the same MACs"),
        rows=tuple(
            (
                name,
                f"{1000 * median(tools['onnx-tool']['seconds']):.1f}",
                f"{1000 * median(tools[OURS]['seconds']):.1f}",
                _times(median(tools[OURS]["seconds"]), median(tools["onnx-tool"]["seconds"])),
                "yes" if tools[OURS]["macs"] == tools["onnx-tool"]["macs"] else "no",
            )
            for name, tools in found["models"].items()
            if tools in _both(found, "onnx-tool")
        ),
    )


def _rows_of_large(processes: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[Cell, ...]]:
    for by, ones in processes.items():
        if any("failed" in one for one in ones):
            yield (by, next(one["failed"] for one in ones if "failed" in one), "")
        else:
            yield (by, f"{1000 * _processor(ones):,.0f}", f"{_megabytes(ones):,.0f}")
