"""The part ``startup``: how long the command takes before it does anything, and what it imports."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from analyzer.document import Block, Cell, Heading, Table, Text
from benchmarks.light import light_files
from benchmarks.measuring import Process, in_turns, median, run
from benchmarks.targets import Target, missed

__all__ = ["failures", "measure", "present", "targets"]

BARE = "python -c pass"

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "analyzer --help": ("--help",),
    "analyzer plugins": ("plugins",),
    "analyzer summary": ("summary", "light_squeezenet.onnx"),
}
"""What is started, by the name that it has in the tables; files are of the onnx package."""

LIMITS = {"analyzer --help": 0.15, "analyzer plugins": 0.15, "analyzer summary": 0.6}
"""Seconds of processor time."""

FRAMEWORKS = ("jax", "keras", "tensorflow", "torch")
"""What none of these commands may import."""

RUN = "from analyzer.cli import main; main()"
"""What the installed script does."""

MODULES = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
"""


def measure(*, quick: bool = False) -> dict[str, Any]:
    """Start everything in turns."""
    commands = {name: _arguments(*command) for name, command in COMMANDS.items()}
    contenders = {BARE: partial(run, "-c", "pass")} | {
        name: partial(run, "-c", RUN, *arguments) for name, arguments in commands.items()
    }
    runs = in_turns(contenders, 2 if quick else 21)
    for name, processes in runs.items():
        for process in processes:
            _must_work(name, process)
    bare = _modules("pass")
    return {
        "quick": quick,
        "commands": {
            name: {
                "samples": [
                    {"wall": process.wall, "processor": process.processor} for process in processes
                ],
                "modules": len(found := _modules(RUN, *commands[name]) if name != BARE else bare),
                "packages": sorted(_packages(found) - _packages(bare)),
            }
            for name, processes in runs.items()
        },
    }


def _arguments(*command: str) -> tuple[str, ...]:
    files = {path.name: str(path) for path in light_files()}
    return tuple(files.get(word, word) for word in command)


def _must_work(name: str, process: Process) -> None:
    if process.code:
        raise RuntimeError(f"{name} ended with code {process.code}: {process.errors}")


def _modules(code: str, *arguments: str) -> list[str]:
    process = run("-c", MODULES + code, *arguments)
    _must_work(code, process)
    modules: list[str] = json.loads(process.errors.splitlines()[-1])
    return modules


def _packages(modules: list[str]) -> set[str]:
    """Return what is imported besides Python's own library."""
    tops = {module.partition(".")[0] for module in modules}
    return {top for top in tops - sys.stdlib_module_names if not top.startswith("_")}


def targets(data: Mapping[str, Any]) -> Iterator[Target]:
    """Yield what was promised."""
    for name, limit in LIMITS.items():
        found = data["commands"][name]
        yield Target(
            name=f"{name}, least seconds of processor time",
            measured=min(sample["processor"] for sample in found["samples"]),
            limit=limit,
        )
        yield Target(
            name=f"{name}, frameworks imported",
            measured=len(set(FRAMEWORKS) & set(found["packages"])),
            limit=0,
        )


def failures(data: Mapping[str, Any]) -> list[str]:
    """Say which promise is broken; a quick look is no measurement."""
    return [] if data["quick"] else missed(targets(data))


def present(data: Mapping[str, Any]) -> Iterator[Block]:
    """Return the table of commands."""
    yield Heading(text="Does the command start at once?", level=2)
    runs = len(data["commands"][BARE]["samples"])
    yield Text(
        text=f"Time of whole processes in milliseconds, {runs} runs of each in turns, "
        "beside an interpreter that does nothing. The summary is of "
        f"{COMMANDS['analyzer summary'][1]}, one of the models that come with onnx."
    )
    yield Table(
        columns=(
            *("command", "processor, median, ms", "least, ms", "wall, median, ms"),
            *("modules", "packages that are not Python's"),
        ),
        rows=tuple(_row(name, found) for name, found in data["commands"].items()),
    )


def _row(name: str, found: Mapping[str, Any]) -> tuple[Cell, ...]:
    seconds = [sample["processor"] for sample in found["samples"]]
    return (
        name,
        round(1000 * statistics.median(seconds)),
        round(1000 * min(seconds)),
        round(1000 * median(found["samples"], "wall")),
        found["modules"],
        ", ".join(found["packages"]),
    )
