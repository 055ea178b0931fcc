"""What a report costs, in figures that are the same however busy a machine is.

    python -m benchmarks.cost [IMPORTER…]            prints them
    python -m benchmarks.cost [IMPORTER…] --write    records them as ceilings, for the tests

Operations of the representation, rules that the engine evaluated, calls of functions (those of our
own modules apart from all), and the most memory that Python held, each of one analysis after a
first that loads what it needs. Each importer is measured in a process of its own, for what others
have loaded moves the figures of memory.
"""

from __future__ import annotations

import cProfile
import gc
import json
import platform
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

import analyzer
from benchmarks.cost_models import CHAINS, MODELS, PACKAGES, Subject
from benchmarks.measuring import child

__all__ = ["GROWN", "RECORDED", "Cost", "costs", "grown", "recorded"]

RECORDED = Path(__file__).parents[1] / "tests" / "golden" / "cost.json"

GROWN = {
    "operations": 0.05,
    "rules": 0.05,
    "own_calls": 0.05,
    "all_calls": 0.05,
    "peak_bytes": 0.10,
}
"""By how much of what is recorded a figure may grow."""

_OF_LIBRARIES = ("all_calls", "peak_bytes")
"""Figures that other versions of Python and of the libraries move."""

_GROWING = ("own_calls", "all_calls", "peak_bytes")
"""Figures that must grow no faster than the number of operations."""

_PLUGINS = ("analyzer_keras", "analyzer_onnx", "analyzer_tensorflow", "analyzer_torch")
_INLINED = ("<dictcomp>", "<listcomp>", "<setcomp>")
"""Functions that are none in newer versions of Python."""

_SHOWN = 20
_SMALL, _TIMES = 100, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one analysis took.

    Attributes:
        operations: nodes that were counted, loops and branches laid open.
        rules: evaluations of a rule by the engine.
        own_calls: of functions of our own modules.
        all_calls: of all functions, those of libraries and built-in ones among them.
        peak_bytes: the most that Python held besides what it held before.
        most_called: our own functions with the most calls.
    """

    operations: int
    rules: int
    own_calls: int
    all_calls: int
    peak_bytes: int
    most_called: Mapping[str, int]


def costs(importer: str) -> dict[str, Any]:
    """Return what an importer's reports cost.

    Under ``versions`` what the figures of libraries depend on, under ``models`` the cost of each,
    under ``growth`` how many times as much a chain takes that is four times as long, and under
    ``wide`` the costs of a chain of small tensors and of one of large ones.

    Raises:
        RuntimeError: the process that measures has failed.
    """
    found = child(_costs, importer=importer)
    if "failed" in found:
        raise RuntimeError(f"{importer}: {found['failed']}")
    return {name: found[name] for name in ("versions", "models", "growth", "wide")}


def _costs(importer: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return {
            "models": {
                model: asdict(_measured(make(folder))) for model, make in MODELS[importer].items()
            },
            "growth": _growth(importer, folder),
            "wide": [
                asdict(_measured(CHAINS[importer](folder, 8, features, rows)))
                for features, rows in ((256, 1), (1024, 4096))
            ],
            "versions": _versions(importer),
        }


def _measured(subject: Subject) -> Cost:
    """Analyse once to load what is needed, once under a profiler, and once to see the memory."""
    analyzer.analyze(subject.model, subject.inputs)
    profile = cProfile.Profile()
    gc.collect()
    gc.disable()  # it would run at other moments each time
    try:
        report = profile.runcall(analyzer.analyze, subject.model, subject.inputs)
        operations = report.coverage.operations
        del report
        gc.collect()
        tracemalloc.start()
        analyzer.analyze(subject.model, subject.inputs)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    finally:
        gc.enable()
    own: Counter[str] = Counter()
    everything = 0
    for entry in profile.getstats():
        name = "" if isinstance(entry.code, str) else entry.code.co_name
        if name in _INLINED:
            continue
        everything += entry.callcount
        if not isinstance(entry.code, str):
            module = _own_module(entry.code.co_filename)
            if module is not None:
                own[f"{module}: {entry.code.co_qualname}"] += entry.callcount
    rules = sum(
        calls
        for name, calls in own.items()
        if name.startswith("analyzer/ops/") and name.endswith(".cost")
    )
    ranked = sorted(own.items(), key=lambda item: (-item[1], item[0]))
    return Cost(
        operations=operations,
        rules=rules,
        own_calls=own.total(),
        all_calls=everything,
        peak_bytes=peak,
        most_called=dict(ranked[:_SHOWN]),
    )


@cache
def _folders() -> dict[Path, str]:
    found = {}
    for name in ("analyzer", *_PLUGINS):
        spec = find_spec(name)
        for folder in (spec.submodule_search_locations if spec else None) or ():
            found[Path(folder)] = name
    return found


@cache
def _own_module(file: str) -> str | None:
    """Return the name of a file of ours, None for one that is another's."""
    for folder, name in _folders().items():
        if Path(file).is_relative_to(folder):
            return f"{name}/{Path(file).relative_to(folder).as_posix()}"
    return None


def _growth(importer: str, folder: Path) -> dict[str, float]:
    make = CHAINS[importer]
    short, long = (
        _measured(make(folder, operations, 8, 1)) for operations in (_SMALL, _SMALL * _TIMES)
    )
    return {name: getattr(long, name) / getattr(short, name) for name in _GROWING}


def _versions(importer: str) -> dict[str, str]:
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for package in PACKAGES[importer]:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    if importer == "keras":
        from keras import backend

        found["backend"] = backend.backend()
    return found


def recorded() -> dict[str, Any]:
    """Return what was written down."""
    held: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return held


def grown(found: Cost, before: Mapping[str, Any], *, libraries: bool) -> list[str]:
    """Say which figures outgrew what is recorded, by how much, and where; nothing if none did.

    ``libraries`` says whether they are those of the record: else their figures are not compared.
    """
    lines = []
    for name, share in GROWN.items():
        now, then = getattr(found, name), before[name]
        if now > then * (1 + share) and (libraries or name not in _OF_LIBRARIES):
            lines.append(
                f"{name}: {now:,}, recorded {then:,}: {now / then - 1:+.1%}, at most {share:+.0%}"
            )
    if lines:
        held: Mapping[str, int] = before["most_called"]
        least = min(held.values(), default=0)
        more = {name: calls - held.get(name, least) for name, calls in found.most_called.items()}
        for name in sorted(more, key=lambda one: -more[one])[:5]:
            if more[name] > 0:
                then_called = f"{held[name]:,}" if name in held else f"at most {least:,}"
                lines.append(f"  {name}: {found.most_called[name]:,} calls, were {then_called}")
    return lines


@click.command()
@click.argument("importers", nargs=-1, type=click.Choice(list(MODELS)))
@click.option("--write", is_flag=True, help="Record what is found; others stay as they were.")
def main(importers: Sequence[str], write: bool) -> None:
    """Measure what reports cost, by importer; all of them where none is named."""
    table = Table("importer", "model", "operations", "rules", "own calls, each", "all calls, each",
                  "KiB, each")  # fmt: skip
    linear = Table("importer", *(f"{name}, {_TIMES} n to n" for name in _GROWING))
    kept: dict[str, Any] = recorded() if RECORDED.exists() else {}
    for importer in importers or MODELS:
        found = costs(importer)
        kept[importer] = {name: found[name] for name in ("versions", "models")}
        linear.add_row(importer, *(f"{ratio:.2f}" for ratio in found["growth"].values()))
        for model, figures in found["models"].items():
            cost = Cost(**figures)
            each = (cost.own_calls, cost.all_calls, cost.peak_bytes / 1024)
            told = (f"{figure / cost.operations:,.1f}" for figure in each)
            table.add_row(importer, model, f"{cost.operations:,}", f"{cost.rules:,}", *told)
    Console().print(table, linear)
    if write:
        RECORDED.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
