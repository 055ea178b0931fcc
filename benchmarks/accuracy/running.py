"""Asks every tool about every model, each framework in a process of its own."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from multiprocessing import get_context
from typing import Any

from pebble import ProcessExpired, ProcessPool

from benchmarks.accuracy.cases import framework
from benchmarks.accuracy.judging import Row, judged
from benchmarks.peers import Figures
from benchmarks.truth import Truth

__all__ = ["listed", "rows"]

ENVIRONMENT: Mapping[str, Mapping[str, str]] = {}
"""Variables that choose a framework's backend, by the name of its module."""

PATIENCE = 600
"""Seconds after which a tool is said to give no answer."""


def rows(module: str, *, only: Sequence[str] = (), quick: bool = False) -> Iterator[Row]:
    """Yield a row for each model of a framework and each tool, as they are answered.

    A tool that brings its process down, or that never ends, has crashed; the others go on.

    Args:
        module: one of :data:`benchmarks.accuracy.FRAMEWORKS`.
        only: parts of the names of the models that are wanted; all without any.
        quick: leave whole networks out.
    """
    with _pool(module) as pool:
        cases, tools = pool.schedule(_names, (module, quick)).result()
        for case, covers in cases:
            if only and not any(part.lower() in case.lower() for part in only):
                continue
            truth = pool.schedule(_truth, (module, case), timeout=PATIENCE).result()
            for name in tools:
                figures = _answered(pool, module, case, name)
                macs, parameters = judged(figures, truth)
                yield Row(
                    framework=module,
                    case=case,
                    covers=covers,
                    tool=name,
                    version=figures.version,
                    macs=macs,
                    parameters=parameters,
                )


def listed(module: str) -> dict[str, Any]:
    """Return a framework's name, and the versions of what its models are made of."""
    with _pool(module) as pool:
        found = pool.schedule(_about, (module,)).result()
    assert isinstance(found, dict)
    return found


def _pool(module: str) -> ProcessPool:
    return ProcessPool(
        max_workers=1, context=get_context("spawn"), initializer=_prepare, initargs=(module,)
    )


def _answered(pool: ProcessPool, module: str, case: str, tool: str) -> Figures:
    try:
        figures = pool.schedule(_ask, (module, case, tool), timeout=PATIENCE).result()
        assert isinstance(figures, Figures)
        return figures
    except TimeoutError:
        return Figures(tool=tool, failed=f"no answer in {PATIENCE} seconds")
    except ProcessExpired as error:
        return Figures(tool=tool, failed=f"the process ended with code {error.exitcode}")


def _prepare(module: str) -> None:
    """Set what has to be set before a framework is imported."""
    os.environ.update({"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"})
    os.environ.update(ENVIRONMENT.get(module, {}))
    warnings.simplefilter("ignore")


def _names(module: str, quick: bool) -> tuple[list[tuple[str, str]], list[str]]:
    found = framework(module)
    cases = [(case.name, case.covers) for case in found.cases if case.quick or not quick]
    return cases, list(found.tools)


def _truth(module: str, case: str) -> Truth:
    found = framework(module)
    return found.truth(found.case(case).build())


def _ask(module: str, case: str, tool: str) -> Figures:
    found = framework(module)
    return found.tools[tool](found.case(case).build())


def _about(module: str) -> dict[str, Any]:
    found = framework(module)
    return {"name": found.name, "versions": {name: version(name) for name in found.versions}}
