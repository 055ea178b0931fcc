"""Calls of ours inside graphs of TorchScript, which can call functions but no objects.

TorchScript takes the annotations here as they stand, so they are not kept as strings.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["Watcher", "mark_graphs", "undeprecated", "watched_by"]


class Watcher(Protocol):
    """Who is told what runs."""

    def enter(self, path: str) -> None:
        """Take note that a call of a module begins."""

    def result(self, tensor: Tensor) -> None:
        """Take note of a tensor that the running module returns."""

    def leave(self) -> None:
        """Take note that the call ends."""


class _Watching(threading.local):
    by: Watcher | None = None


_watching = _Watching()


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Let the marks in the graphs that this thread runs tell a watcher."""
    _watching.by = watcher
    try:
        yield
    finally:
        _watching.by = None


def _enter(path: str) -> None:
    if _watching.by is not None:
        _watching.by.enter(path)


def _result(tensor: Tensor) -> None:
    if _watching.by is not None:
        _watching.by.result(tensor)


def _leave() -> None:
    if _watching.by is not None:
        _watching.by.leave()


def _mark_enter(path: str) -> None:
    _enter(path)


def _mark_result(tensor: Tensor) -> None:
    _result(tensor)


def _mark_leave() -> None:
    _leave()


@cache
def mark_graphs() -> dict[str, Any]:
    """Return graphs that call a watcher's methods, by their names, to be put into other graphs."""
    with undeprecated():
        for called in (_enter, _result, _leave):
            torch.jit.ignore(called)  # type: ignore[no-untyped-call]  # called, not compiled
        marks = {"enter": _mark_enter, "leave": _mark_leave, "result": _mark_result}
        return {name: torch.jit.script(mark).graph for name, mark in marks.items()}


@contextmanager
def undeprecated() -> Iterator[None]:
    """Say nothing of TorchScript being deprecated: who brings some has made the choice."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", message=".torch.jit", category=category)
        yield
