"""How a tool is run: quietly, on a copy, with everything put back that it changed."""

from __future__ import annotations

import copy
import functools
import io
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    contextmanager,
    nullcontext,
    redirect_stderr,
    redirect_stdout,
)
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Concatenate, ParamSpec, TypeVar

from benchmarks.reasons import reason

__all__ = ["Figures", "attributes_kept", "deep_copy", "quiet", "tool", "uncopied"]

P = ParamSpec("P")
M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a tool says of a model, each number under the name that the tool gives it.

    None means that the tool does not give such a number.

    Attributes:
        tool: name of the tool, with the way in which it was run.
        version: of the distribution that the tool is part of.
        macs: what it calls MACs, MAdds or mult-adds.
        flops: what it calls FLOPs, which may well be MACs.
        parameters: what it calls parameters.
        transcendentals: what XLA calls so.
        bound: what the tool itself says it could not count, so that its numbers are bounds.
        failed: why there are no numbers, in one line; empty where there are.
        seconds: how long the tool took, after the model was copied.
        processor_seconds: how long the processor worked for it, on all cores.
        installed: False where there is no such tool, which is no failure of its own.
    """

    tool: str
    version: str = ""
    macs: int | None = None
    flops: int | None = None
    parameters: int | None = None
    transcendentals: int | None = None
    bound: str = ""
    failed: str = ""
    seconds: float = field(default=0.0, compare=False)
    processor_seconds: float = field(default=0.0, compare=False)
    installed: bool = True


def _as_it_is(model: Any) -> Any:
    return model


def tool(
    name: str,
    distribution: str,
    *,
    prepare: Callable[[Any], Any] = _as_it_is,
    within: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Callable[
    [Callable[Concatenate[M, P], Mapping[str, Any]]], Callable[Concatenate[M, P], Figures]
]:
    """Make a function that returns a tool's numbers one that returns its figures.

    Beside its numbers it may return what they are, ``bound``.

    Args:
        name: of the tool, with the way in which it is run.
        distribution: that the tool is part of.
        prepare: what is done to the model before, for which the tool's time does not run.
        within: makes what the tool runs within, for which its time does not run either.
    """

    def decorate(
        run: Callable[Concatenate[M, P], Mapping[str, Any]],
    ) -> Callable[Concatenate[M, P], Figures]:
        @functools.wraps(run)
        def figures(model: M, /, *args: P.args, **kwargs: P.kwargs) -> Figures:
            try:
                installed = version(distribution)
            except PackageNotFoundError:
                why = f"{distribution} is not installed"
                return Figures(tool=name, failed=why, installed=False)
            try:
                with quiet(), within():
                    prepared = prepare(model)
                    wall, processor = time.perf_counter(), time.process_time()
                    numbers = run(prepared, *args, **kwargs)
                    wall = time.perf_counter() - wall
                    processor = time.process_time() - processor
                return Figures(
                    tool=name,
                    version=installed,
                    seconds=wall,
                    processor_seconds=processor,
                    **_whole(numbers),
                )
            except (Exception, SystemExit) as error:  # any failure of a tool is a result
                said = reason(str(error))
                why = f"{type(error).__name__}: {said}" if said else type(error).__name__
                return Figures(tool=name, version=installed, failed=why)

        return figures

    return decorate


def _whole(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts as integers: some tools carry them in floats."""
    counts = {name: number for name, number in numbers.items() if name != "bound"}
    for name, number in counts.items():
        if number != int(number):
            raise ValueError(f"{name} is {number}, which is no count")
    return {"bound": numbers.get("bound", ""), **{name: int(counts[name]) for name in counts}}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what tools print, warn and log away."""
    logged = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logged)


@contextmanager
def attributes_kept(*holders: object) -> Iterator[None]:
    """Put back what is patched in modules and classes; some tools do not, and none on failure."""
    before = [(holder, dict(vars(holder))) for holder in holders]
    try:
        yield
    finally:
        for holder, attributes in before:
            now = dict(vars(holder))
            for name in now.keys() - attributes.keys():
                delattr(holder, name)
            for name, value in attributes.items():
                if now.get(name) is not value:
                    setattr(holder, name, value)


_COPYING = ContextVar("_COPYING", default=True)


def deep_copy(model: M) -> M:
    """Copy a model: tools leave hooks and buffers on what they measure."""
    return copy.deepcopy(model) if _COPYING.get() else model


@contextmanager
def uncopied() -> Iterator[None]:
    """Give tools the models themselves, where memory is measured and nobody comes after."""
    token = _COPYING.set(False)
    try:
        yield
    finally:
        _COPYING.reset(token)
