"""The part ``speed``: seconds and memory of a report, beside the other tools."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.accuracy.judging import OURS, Verdict
from benchmarks.measuring import child, in_turns
from benchmarks.speed import subjects
from benchmarks.speed.figures import (
    LIGHT,
    LOADED,
    Found,
    answer,
    both,
    ended,
    megabytes,
    processor,
    right,
    seconds,
    total,
)
from benchmarks.speed.networks import LIGHT_FILE, NETWORKS
from benchmarks.speed.tables import present
from benchmarks.targets import Target, missed

__all__ = ["failures", "measure", "present", "targets"]

PROMISED = ("Llama-3-70B", "ResNet-50", "ViT-B/16")
"""Networks on which no tool that gives the right number may be faster."""

KERAS = "ResNet50 of Keras"
PROFILER = "tensorflow profiler"
READERS = ("onnx-tool", "onnx_opcounter")
"""Other tools that may not get through a large file."""

QUICK = ("small CNN",)


def measure(*, quick: bool = False) -> dict[str, Any]:
    """Measure each subject in a process of its own, and each tool in one of its own besides."""
    rounds = 1 if quick else 5
    most = 2 if quick else None
    return {
        "quick": quick,
        "networks": {
            name: _network(name, rounds) for name in (QUICK if quick else sorted(NETWORKS))
        },
        "sets": {
            "classifiers of torchvision": child(subjects.classifiers, most=most),
            LIGHT: child(subjects.light, rounds=rounds, most=most),
        },
        "large": _large(28, 64 if quick else 3584, 1 if quick else 3),
    }


def _network(name: str, rounds: int) -> dict[str, Any]:
    """Measure each tool alone; those that get through take turns in one process then."""
    asked = child(subjects.asked, name=name)
    if "failed" in asked:
        return asked
    alone = {tool: partial(child, subjects.whole, name=name, tool=tool) for tool in asked["tools"]}
    processes = in_turns(alone, min(rounds, 3), warm=False)
    reasons = {tool: ended(ones) for tool, ones in processes.items()}
    fit = [tool for tool, why in reasons.items() if not why]
    found = child(subjects.network, name=name, rounds=rounds, only=fit)
    for tool, why in reasons.items():
        if why and tool != OURS and "failed" not in found:
            found["tools"][tool] = {"seconds": [], "macs": None, "failed": why}
    return {**found, "processes": processes}


def _large(layers: int, features: int, rounds: int) -> dict[str, Any]:
    from tests.onnx_files import write_chain

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.onnx")
        macs = write_chain(path, layers=layers, features=features)
        contenders = {
            by: partial(child, subjects.large, path=str(path), by=by, features=features)
            for by in (OURS, LOADED, *READERS)
        }
        given = in_turns(contenders, rounds, warm=False)
        return {"bytes": path.stat().st_size, "macs": macs, "processes": given}


def targets(data: Found) -> Iterator[Target]:
    """Yield what was promised of what was measured."""
    for name, found in data["networks"].items():
        if "failed" in found:
            continue
        if name in PROMISED:
            fastest = min(right(found), key=partial(seconds, found), default=None)
            yield _beside(name, found, fastest or "the fastest that is right", limit=1)
        if name == KERAS:
            yield _beside(name, found, PROFILER, limit=0.1)
        if not name.endswith(LIGHT_FILE):  # these are promised together, as a set
            yield _share(name, seconds(found, OURS, "engine"), seconds(found, OURS))
    light = data["sets"][LIGHT]
    read = [] if "failed" in light else both(light, "onnx-tool")
    ours = total(read, OURS)
    yield Target(
        name=f"{LIGHT}, reports beside onnx-tool",
        measured=ours / total(read, "onnx-tool") if read else None,
        limit=1,
    )
    if read:
        yield _share(LIGHT, total(read, OURS, "engine"), ours)
    mine, loaded = (data["large"]["processes"][by] for by in (OURS, LOADED))
    measured = not ended(mine) and not ended(loaded)
    yield Target(
        name=f"large ONNX file, a report beside {LOADED}",
        measured=processor(mine) / processor(loaded) if measured else None,
        limit=1 / 3,
    )
    yield Target(
        name="large ONNX file, memory in MB",
        measured=megabytes(mine) if measured else None,
        limit=200,
    )


def _beside(name: str, found: Found, tool: str, limit: float) -> Target:
    """Promise a report in no more than a share of another tool's time."""
    measured = found["tools"].get(tool, {}).get("seconds")
    return Target(
        name=f"{name}, a report beside {tool}",
        measured=seconds(found, OURS) / seconds(found, tool) if measured else None,
        limit=limit,
    )


def _share(name: str, engine: float, report: float) -> Target:
    """Promise that most of a report is reading: rules, totals and liveness are the rest."""
    return Target(
        name=f"{name}, the engine's share of a report", measured=engine / report, limit=0.2
    )


def failures(data: Found) -> list[str]:
    """Say what of ours failed, and which promise is broken; a quick look is no measurement."""
    return [*_broken(data), *([] if data["quick"] else missed(targets(data)))]


def _broken(data: Found) -> Iterator[str]:
    for name, found in data["networks"].items():
        if why := found.get("failed") or ended(found["processes"][OURS]):
            yield f"{name}: {why}"
        elif (ours := answer(found, OURS)) is None or ours.verdict is not Verdict.RIGHT:
            yield f"{name}: ours is {found['tools'][OURS]['macs']}, the truth {found['truth']}"
    for name, found in data["sets"].items():
        if why := found.get("failed"):
            yield f"{name}: {why}"
    for by in (OURS, LOADED):
        if why := ended(data["large"]["processes"][by]):
            yield f"large ONNX file, {by}: {why}"
