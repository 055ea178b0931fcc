"""Time and memory of calls and of whole processes, taken in turns.

Nothing here imports a framework. Libraries that repeat one benchmark many times in a row (pyperf)
do not serve: who runs first would meet another mood of the machine than who runs last, and what
counts is how the one is to the other.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.reasons import reason

__all__ = ["Process", "child", "in_turns", "median", "memory", "run", "turned"]

T = TypeVar("T")

ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}
"""One core for everybody: some run the network's kernels on as many as there are."""

_FOUND = "found: "

PATIENCE = 3600
"""Seconds after which a process is ended."""


def memory(what: str = "VmHWM") -> int | None:
    """Return the most memory that this process had at once, in bytes, or has now: ``VmRSS``.

    None where the system does not tell, as Linux does. ``ru_maxrss`` will not do: Linux hands a
    parent's down to the child that it starts.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = status.read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(what))


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that has ended.

    Attributes:
        wall: seconds from its start to its end.
        processor: seconds that the processor worked for it, imports and all.
        code: with which it ended; negative is the signal that ended it.
        output: what it printed.
        errors: what it printed on standard error.
    """

    wall: float
    processor: float
    code: int
    output: str
    errors: str


def run(*arguments: str) -> Process:
    """Run Python with these arguments, on one core and with its bytecode kept."""
    variables = {**os.environ, **ENVIRONMENT}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    start, before = time.perf_counter(), _processor_of_children()
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=variables,
            timeout=PATIENCE,
        )
        code, output, errors = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        code, output, errors = -1, "", f"no answer in {PATIENCE} seconds"
    return Process(
        wall=time.perf_counter() - start,
        processor=_processor_of_children() - before,
        code=code,
        output=output,
        errors=errors,
    )


def _processor_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def child(function: Callable[..., Mapping[str, Any]], **told: Any) -> dict[str, Any]:
    """Call a function of a module in a new process, and return what it found.

    What is told and what is found goes through JSON. Added are ``peak_bytes``, the most memory that
    the process had, and ``process``, what all of it took; where it fails, ``failed`` says why.
    """
    spec = sys.modules[function.__module__].__spec__  # a module that is run calls itself __main__
    name = f"{spec.name if spec else function.__module__}:{function.__qualname__}"
    process = run("-m", "benchmarks.measuring", name, json.dumps(told))
    whole = {"wall": process.wall, "processor": process.processor}
    if process.code:
        last = (process.errors.strip().splitlines() or [""])[-1]
        why = reason(f"ended with code {process.code}: {last}".strip(": "))
        return {"process": whole, "failed": why}
    line = next(line for line in process.output.splitlines() if line.startswith(_FOUND))
    return {**json.loads(line.removeprefix(_FOUND)), "process": whole}


def _called(name: str, told: str) -> None:
    module, _, function = name.partition(":")
    found = getattr(import_module(module), function)(**json.loads(told))
    print("\n" + _FOUND + json.dumps({**found, "peak_bytes": memory()}))


def in_turns(
    contenders: Mapping[str, Callable[[], T]], rounds: int, *, warm: bool = True
) -> dict[str, list[T]]:
    """Call A B C, B C A, … and return what each gave; a first round that warms up is left out.

    Garbage is collected between calls: nobody is to pay for what another left.
    """
    given: dict[str, list[T]] = {name: [] for name in contenders}
    for round_ in range(rounds + warm):
        for name, call in turned(contenders, round_).items():
            gc.collect()
            result = call()
            if round_ or not warm:
                given[name].append(result)
    return given


def turned(contenders: Mapping[str, T], by: int) -> dict[str, T]:
    """Let another begin: nobody is to come always behind the same one.

    >>> list(turned({"a": 1, "b": 2, "c": 3}, 4))
    ['b', 'c', 'a']
    """
    names = list(contenders)
    by %= max(len(names), 1)
    return {name: contenders[name] for name in (*names[by:], *names[:by])}


def median(samples: Sequence[Mapping[str, float]], what: str) -> float:
    """Return the median of one figure of some samples."""
    return statistics.median(sample[what] for sample in samples)


if __name__ == "__main__":
    _called(*sys.argv[1:])
