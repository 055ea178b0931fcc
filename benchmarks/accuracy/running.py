"""Asks every tool about every model, each framework in a process of its own."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from benchmarks.accuracy import FRAMEWORKS
from benchmarks.accuracy.cases import framework
from benchmarks.accuracy.judging import Row, judged
from benchmarks.peers import Figures
from benchmarks.truth import Truth

__all__ = ["listed", "rows"]

ENVIRONMENT: Mapping[str, Mapping[str, str]] = {
    "flax": {"KERAS_BACKEND": "jax"},
    "keras": {"KERAS_BACKEND": "tensorflow"},
    "keras on jax": {"KERAS_BACKEND": "jax"},
    "tensorflow": {"KERAS_BACKEND": "tensorflow"},
}
"""Variables that choose a framework's backend, by its name."""

APART = Path(os.environ.get("BENCHMARKS_APART", Path(sys.prefix) / "apart"))
"""Where tools are installed, in folders by their names, that cannot be installed together."""

PATIENCE = 600
"""Seconds after which a tool is said to give no answer."""


def rows(
    name: str,
    *,
    only: Sequence[str] = (),
    asked: Sequence[str] = (),
    quick: bool = False,
    patience: float = PATIENCE,
) -> Iterator[Row]:
    """Yield a row for each model of a framework and each tool, as they are answered.

    A tool that brings its process down, or that never ends, has crashed; the others go on.

    Args:
        name: one of :data:`benchmarks.accuracy.FRAMEWORKS`.
        only: parts of the names of the models that are wanted; all without any.
        asked: names of the tools that are wanted; all without any.
        quick: leave whole networks out.
        patience: seconds after which a tool is said to give no answer.
    """
    module = FRAMEWORKS[name]
    with ExitStack() as stack:
        pool = stack.enter_context(_pool(name))
        cases, tools = pool.schedule(_names, (module, quick)).result()
        pools = {
            tool: stack.enter_context(_pool(name, folder=APART / tool)) if apart else pool
            for tool, apart in tools
            if not asked or tool in asked
        }
        for case, covers in cases:
            if only and not any(part.lower() in case.lower() for part in only):
                continue
            truth = pool.schedule(_truth, (module, case), timeout=PATIENCE).result()
            for tool, of_tool in pools.items():
                figures = _answered(of_tool, module, case, tool, patience)
                macs, parameters = judged(figures, truth)
                yield Row(
                    framework=name,
                    case=case,
                    covers=covers,
                    tool=tool,
                    version=figures.version,
                    macs=macs,
                    parameters=parameters,
                )


def listed(name: str) -> dict[str, Any]:
    """Return a framework's name, and the versions of what its models are made of."""
    with _pool(name) as pool:
        found = pool.schedule(_about, (FRAMEWORKS[name],)).result()
    assert isinstance(found, dict)
    return found


def _pool(name: str, folder: Path | None = None) -> ProcessPool:
    return ProcessPool(
        max_workers=1,
        context=get_context("spawn"),
        initializer=_prepare,
        initargs=(ENVIRONMENT.get(name, {}), folder),
    )


def _answered(pool: ProcessPool, module: str, case: str, tool: str, patience: float) -> Figures:
    try:
        figures = pool.schedule(_ask, (module, case, tool), timeout=patience).result()
        assert isinstance(figures, Figures)
        return figures
    except TimeoutError:
        return Figures(tool=tool, failed=f"no answer in {patience:g} seconds")
    except ProcessExpired as error:
        return Figures(tool=tool, failed=f"the process ended with code {error.exitcode}")


def _prepare(environment: Mapping[str, str], folder: Path | None) -> None:
    """Set what has to be set before a framework is imported."""
    os.environ.update({"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"})
    os.environ.update(environment)
    warnings.simplefilter("ignore")
    if folder:
        sys.path.insert(0, str(folder))


def _names(module: str, quick: bool) -> tuple[list[tuple[str, str]], list[tuple[str, bool]]]:
    found = framework(module)
    cases = [(case.name, case.covers) for case in found.cases if case.quick or not quick]
    return cases, [(tool, tool in found.apart) for tool in found.tools]


def _truth(module: str, case: str) -> Truth:
    found = framework(module)
    try:
        return found.truth(found.case(case).build())
    except Exception as error:
        error.add_note(f"Truth of {case!r} in {module}")
        raise


def _ask(module: str, case: str, tool: str) -> Figures:
    found = framework(module)
    return found.tools[tool](found.case(case).build())


def _about(module: str) -> dict[str, Any]:
    found = framework(module)
    return {"name": found.name, "versions": {name: version(name) for name in found.versions}}
