"""The part ``growth``: what a report costs as models grow.

Time and memory must grow as the number of operations does, and not at all with the sizes of
tensors and of weights, for neither is ever there.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from math import log
from pathlib import Path
from statistics import linear_regression
from typing import Any

import analyzer
from analyzer.document import Block, Cell, Heading, Table, Text
from benchmarks.cost_models import CHAINS
from benchmarks.measuring import child, memory
from benchmarks.targets import Target, missed

__all__ = ["failures", "measure", "present", "targets"]

OPERATIONS = {
    "torch": (100, 1_000, 10_000, 100_000),
    "onnx": (100, 1_000, 10_000, 100_000),
    "keras": (100, 1_000, 10_000),
    "tensorflow": (100, 1_000, 10_000),
}
"""Lengths of chains by importer; Keras and TensorFlow take minutes to build longer ones."""

QUICK = 1_000
"""The longest chain of a quick look."""

FEATURES: Sequence[int] = (32, 128, 512, 2_048)
"""Widths of the layers of a short chain: its weights grow as their squares."""

ROWS: Sequence[int] = (1, 100, 10_000, 1_000_000)
"""Rows of the input of a short chain of the least width."""

SHORT = 64
"""Operations of the chain whose tensors grow."""

STEEPEST = 1.2
"""What the exponent of growth may be: 1 is linear, and caches that do not hold all add to it."""

MOST_TIMES, MOST_MEGABYTES = 1.3, 10.0
"""How much more a report of large tensors may take than one of small ones."""

Point = Mapping[str, Any]


def one(importer: str, operations: int, features: int, rows: int) -> dict[str, Any]:
    """Measure the report of a chain, after some of chains like it: seconds and bytes of memory."""
    make = CHAINS[importer]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(3):
            analyzer.analyze(*make(folder, SHORT, 8, 1))
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 10 * operations))  # Keras builds models recursively
        subject = make(folder, operations, features, rows)
        sys.setrecursionlimit(limit)
        _fill(subject.model)
        seconds = []
        gc.collect()
        before = _bytes("VmRSS")
        _forget_the_peak()
        for _ in range(3 if operations > 1_000 else 15):
            start = time.process_time()
            report = analyzer.analyze(*subject)
            seconds.append(time.process_time() - start)
        return {
            "seconds": min(seconds),  # in another process the machine has another mood
            "bytes": max(_bytes("VmHWM") - before, 0),
            "weight_bytes": report.totals.memory.parameter_bytes,
        }


def _fill(model: Any) -> None:
    """Give a module of PyTorch weights that are there: who copied or read them would be seen."""
    if hasattr(model, "to_empty"):
        model.to_empty(device="cpu")
        for weight in model.parameters():
            weight.detach().fill_(1)


def _bytes(what: str) -> int:
    found = memory(what)
    if found is None:
        raise RuntimeError("growth of memory is told by /proc, which only Linux has")
    return found


def _forget_the_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def measure(*, quick: bool = False) -> dict[str, Any]:
    """Measure each chain in a process of its own."""
    few = slice(0, 2) if quick else slice(None)
    lengths = {
        importer: [length for length in several if length <= QUICK or not quick]
        for importer, several in OPERATIONS.items()
        if not quick or importer in {"onnx", "torch"}
    }
    return {
        "quick": quick,
        "operations": {
            importer: [_point(importer, length, 8, 1) for length in several]
            for importer, several in lengths.items()
        },
        "tensor size": {
            importer: [_point(importer, SHORT, FEATURES[0], rows) for rows in ROWS[few]]
            for importer in lengths
        },
        "weight bytes": {
            importer: [_point(importer, SHORT, features, 1) for features in FEATURES[few]]
            for importer in lengths
        },
    }


def _point(importer: str, operations: int, features: int, rows: int) -> dict[str, Any]:
    size = {"operations": operations, "features": features, "rows": rows}
    found = child(one, importer=importer, **size)
    if "failed" in found:
        raise RuntimeError(f"{importer}, {size}: {found['failed']}")
    return {**size, **{name: found[name] for name in ("seconds", "bytes", "weight_bytes")}}


def exponent(points: Sequence[Point], what: str) -> float:
    """Return p of the power of the number of operations that fits best, from 1,000 on.

    >>> exponent([{"operations": n, "seconds": 3 * n**2} for n in (1_000, 10_000)], "seconds")
    2.0
    """
    far = [point for point in points if point["operations"] >= 1_000]
    sizes, values = ([log(point[name]) for point in far] for name in ("operations", what))
    return round(linear_regression(sizes, values).slope, 6)


def targets(data: Mapping[str, Any]) -> Iterator[Target]:
    """Yield what was promised."""
    if not data["quick"]:
        for importer, points in data["operations"].items():
            for what in ("seconds", "bytes"):
                yield Target(
                    name=f"{importer}, exponent of {what} in operations",
                    measured=exponent(points, what),
                    limit=STEEPEST,
                )
    for grown in ("tensor size", "weight bytes"):
        for importer, points in data[grown].items():
            yield Target(
                name=f"{importer}, times as long from the least to the greatest {grown}",
                measured=points[-1]["seconds"] / points[0]["seconds"],
                limit=MOST_TIMES,
            )
            yield Target(
                name=f"{importer}, more megabytes from the least to the greatest {grown}",
                measured=(points[-1]["bytes"] - points[0]["bytes"]) / 1e6,
                limit=MOST_MEGABYTES,
            )


def failures(data: Mapping[str, Any]) -> list[str]:
    """Say which promise is broken; a quick look is no measurement."""
    return [] if data["quick"] else missed(targets(data))


def present(data: Mapping[str, Any]) -> Iterator[Block]:
    """Return a table for each thing that grows."""
    yield Heading(text="How does it grow?", level=2)
    yield Text(
        text="Least processor time of several reports, and the memory that they take besides what "
        "the process had, each in a process of its own after small models of the same kind. The "
        f"models are chains of layers; those whose tensors or weights grow have {SHORT} operations."
    )
    yield _table(data["operations"], "operations", lambda point: point["operations"])
    yield _table(
        data["tensor size"],
        "elements of each activation",
        lambda point: point["rows"] * point["features"],
    )
    yield _table(
        data["weight bytes"],
        "bytes of weights",
        lambda point: point["weight_bytes"],
    )


def _table(grown: Mapping[str, Sequence[Point]], name: str, size: Any) -> Table:
    columns = (name, *(f"{importer}, {unit}" for importer in grown for unit in ("ms", "MB")))
    sizes = sorted({size(point) for points in grown.values() for point in points})
    by_size = {
        importer: {size(point): point for point in points} for importer, points in grown.items()
    }
    return Table(
        title=f"By {name}",
        columns=columns,
        rows=tuple(
            (at, *(cell for found in by_size.values() for cell in _cells(found.get(at))))
            for at in sizes
        ),
    )


def _cells(point: Point | None) -> tuple[Cell, Cell]:
    if point is None:
        return None, None
    return round(1000 * point["seconds"], 1), round(point["bytes"] / 1e6, 1)
