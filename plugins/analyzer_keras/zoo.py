"""Callables of ``keras.applications`` are called so that no weights are fetched, nor drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from analyzer_keras.backends import with_backend

__all__ = ["making", "without_weights"]

_ZOO = ("keras.applications", "keras.src.applications", "keras.api.applications")


def without_weights(
    target: str, factory: Callable[..., object], given: Mapping[str, object]
) -> dict[str, object]:
    """Return the arguments, with ``weights=None`` where the zoo's callable would fetch some."""
    arguments = dict(given)
    if target.startswith(_ZOO) or _from_zoo(factory):
        try:
            parameters = inspect.signature(factory).parameters
        except (TypeError, ValueError):
            return arguments
        if "weights" in parameters:
            arguments.setdefault("weights", None)
    return arguments


def making(
    factory: Callable[..., object], arguments: Mapping[str, object]
) -> AbstractContextManager[object]:
    """Return a context in which a model is made: one of the zoo without weights has no values."""
    if not _from_zoo(factory) or arguments.get("weights", "") is not None:
        return with_backend(own_code=True)  # it may import Keras only now
    from analyzer_keras.patches import without_values

    return without_values()


def _from_zoo(factory: Callable[..., object]) -> bool:
    return (getattr(factory, "__module__", None) or "").startswith(_ZOO)
