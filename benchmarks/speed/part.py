"""The part ``speed``: seconds and memory of a report, beside the other tools."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from analyzer.document import Block, Cell, Heading, Table, Text
from benchmarks.measuring import child, in_turns
from benchmarks.speed import subjects
from benchmarks.speed.subjects import OURS
from benchmarks.targets import Target, missed

__all__ = ["failures", "measure", "present", "targets"]

PROMISED = ("Llama-3-70B", "ResNet-50", "ViT-B/16")
"""Networks on which no tool that gives the right number may be faster."""

QUICK = ("small CNN",)

LOADED = "onnx.load"


def measure(*, quick: bool = False) -> dict[str, Any]:
    """Measure each subject in a process of its own."""
    rounds = 1 if quick else 5
    names = QUICK if quick else sorted(subjects.NETWORKS)
    found: dict[str, Any] = {
        name: child(subjects.network, name=name, rounds=rounds) for name in names
    }
    if not quick:
        found["ResNet50 of Keras"] = child(subjects.keras, rounds=rounds)
    most = 2 if quick else None
    return {
        "quick": quick,
        "networks": found,
        "sets": {
            "classifiers of torchvision": child(subjects.classifiers, most=most),
            "light models of onnx": child(subjects.light, rounds=rounds, most=most),
        },
        "large": _large(28, 64 if quick else 3584, 1 if quick else 3),
    }


def _large(layers: int, features: int, rounds: int) -> dict[str, Any]:
    from tests.onnx_files import write_chain

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.onnx")
        write_chain(path, layers=layers, features=features)
        contenders = {
            by: partial(child, subjects.large, path=str(path), by=by) for by in (OURS, LOADED)
        }
        given = in_turns(contenders, rounds, warm=False)
        return {"bytes": path.stat().st_size, "processes": given}


def _right(found: Mapping[str, Any], tool: str) -> bool | None:
    """Whether a tool's number is the truth; None where no truth was made or the tool failed."""
    said = found["tools"][tool]
    if found["truth"] is None or said["failed"]:
        return None
    return bool(said["macs"] == found["truth"])


def _median(said: Mapping[str, Any]) -> float:
    return statistics.median(said["seconds"])


def _sum(found: Mapping[str, Any], tool: str) -> float:
    """Return the seconds of a tool on the models of a set that everybody got through."""
    whole = [
        tools
        for tools in found["models"].values()
        if not any(said["failed"] for said in tools.values())
    ]
    return sum(_median(tools[tool]) for tools in whole)


def _peers(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the medians of the other tools whose number is not wrong."""
    return {
        tool: _median(said)
        for tool, said in found["tools"].items()
        if tool != OURS and not said["failed"] and _right(found, tool) is not False
    }


def _broken(data: Mapping[str, Any]) -> Iterator[str]:
    for name, found in (data["networks"] | data["sets"]).items():
        if why := found.get("failed"):
            yield f"{name}: {why}"
    for name, found in data["networks"].items():
        if "tools" in found and _right(found, OURS) is False:
            yield f"{name}: ours is {found['tools'][OURS]['macs']}, the truth {found['truth']}"
    for by, processes in data["large"]["processes"].items():
        yield from (f"large file, {by}: {one['failed']}" for one in processes if "failed" in one)


def targets(data: Mapping[str, Any]) -> Iterator[Target]:
    """Yield what was promised of what was measured."""
    for name, found in data["networks"].items():
        if "failed" in found or not (peers := _peers(found)):
            continue
        mine, fastest = _median(found["tools"][OURS]), min(peers, key=lambda tool: peers[tool])
        if name in PROMISED:
            yield Target(
                name=f"{name}, time beside {fastest}", measured=mine / peers[fastest], limit=1
            )
        elif name == "ResNet50 of Keras":
            yield Target(
                name=f"{name}, time beside {fastest}", measured=mine / peers[fastest], limit=0.1
            )
    light = data["sets"]["light models of onnx"]
    if "failed" not in light and (theirs := _sum(light, "onnx-tool")):
        yield Target(
            name="light models of onnx, time beside onnx-tool",
            measured=_sum(light, OURS) / theirs,
            limit=1,
        )
    processes = data["large"]["processes"]
    if not any("failed" in one for ones in processes.values() for one in ones):
        taken = {by: _whole(ones) for by, ones in processes.items()}
        yield Target(
            name="large ONNX file, time beside onnx.load",
            measured=taken[OURS] / taken[LOADED],
            limit=1 / 3,
        )
        yield Target(
            name="large ONNX file, memory in MB",
            measured=max(one["peak_bytes"] for one in processes[OURS]) / 1e6,
            limit=200,
        )


def _whole(processes: list[dict[str, Any]]) -> float:
    return statistics.median(one["process"]["processor"] for one in processes)


def failures(data: Mapping[str, Any]) -> list[str]:
    """Say what failed, and which promise is broken; a quick look is no measurement."""
    return [*_broken(data), *([] if data["quick"] else missed(targets(data)))]


def present(data: Mapping[str, Any]) -> Iterator[Block]:
    """Return the tables: networks, sets of models, the large file."""
    yield Heading(text="How long does a report take?", level=2)
    yield Text(
        text="Processor time in milliseconds after imports, medians of calls in turns, one core. "
        "Ours is the whole report. A number is right where it is what the run of the network "
        "on ones counted; without data there is no such run. Memory is that of the process in "
        "which all tools ran."
    )
    for name, found in data["networks"].items():
        if "failed" in found:
            yield Text(text=f"{name}: {found['failed']}.")
            continue
        yield Table(
            title=f"{name}, {found['peak_bytes'] / 1e6:,.0f} MB",
            columns=("tool", "ms", "ours is", "MACs", "right"),
            rows=tuple(_row(found, tool) for tool in found["tools"]),
        )
    yield Table(
        title="Sets of models, the seconds of those that both get through",
        columns=("set", "models", "tool", "tool, ms", "ours, ms", "ours is"),
        rows=tuple(_rows_of_sets(data["sets"])),
    )
    yield Table(
        title=f"An ONNX file of {data['large']['bytes'] / 1e9:.2g} GB, whole processes",
        columns=("read by", "processor, ms", "most memory, MB"),
        rows=tuple(_rows_of_large(data["large"]["processes"])),
    )


def _row(found: Mapping[str, Any], tool: str) -> tuple[Cell, ...]:
    said = found["tools"][tool]
    if said["failed"]:
        return (tool, "", "", said["failed"], "")
    seconds = _median(said)
    right = {True: "yes", False: "no", None: "not known"}[_right(found, tool)]
    times = "" if tool == OURS else _times(_median(found["tools"][OURS]), seconds)
    macs = said["macs"]
    return (tool, f"{1000 * seconds:.1f}", times, "" if macs is None else f"{macs:,.0f}", right)


def _times(mine: float, theirs: float) -> str:
    return f"{mine / theirs:.2f} times" if theirs else ""


def _rows_of_sets(sets: Mapping[str, Any]) -> Iterator[tuple[Cell, ...]]:
    for name, found in sets.items():
        if "failed" in found:
            yield (name, "", found["failed"], "", "", "")
            continue
        models = list(found["models"].values())
        both = sum(not any(said["failed"] for said in tools.values()) for tools in models)
        for tool in [tool for tool in models[0] if tool != OURS]:
            mine, theirs = _sum(found, OURS), _sum(found, tool)
            times = (f"{1000 * theirs:.0f}", f"{1000 * mine:.0f}", _times(mine, theirs))
            yield (name, f"{both} of {len(models)}", tool, *times)


def _rows_of_large(processes: Mapping[str, Any]) -> Iterator[tuple[Cell, ...]]:
    for by, ones in processes.items():
        if any("failed" in one for one in ones):
            yield (by, next(one["failed"] for one in ones if "failed" in one), "")
        else:
            memory = max(one["peak_bytes"] for one in ones) / 1e6
            yield (by, f"{1000 * _whole(ones):.0f}", f"{memory:.0f}")
