"""Callables of ``keras.applications`` are called so that no weights are fetched."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

__all__ = ["without_weights"]

_ZOO = ("keras.applications", "keras.src.applications", "keras.api.applications")


def without_weights(
    target: str, factory: Callable[..., object], given: Mapping[str, object]
) -> dict[str, object]:
    """Return the arguments, with ``weights=None`` where the zoo's callable would fetch some."""
    arguments = dict(given)
    module = getattr(factory, "__module__", None) or ""
    if target.startswith(_ZOO) or module.startswith(_ZOO):
        try:
            parameters = inspect.signature(factory).parameters
        except (TypeError, ValueError):
            return arguments
        if "weights" in parameters:
            arguments.setdefault("weights", None)
    return arguments
