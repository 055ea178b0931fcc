"""How the known collections of models build without fetching weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

__all__ = ["without_weights"]

_WITHOUT_WEIGHTS: dict[str, Mapping[str, object]] = {
    "timm": {"pretrained": False},
    "torchvision": {"init_weights": False, "weights": None, "weights_backbone": None},
}
"""Collection → arguments of its builders that keep them from fetching or drawing weights."""


def without_weights(
    target: str, factory: Callable[..., object], given: Mapping[str, object]
) -> dict[str, object]:
    """Return the arguments for a builder; what the user gave wins."""
    ours = _WITHOUT_WEIGHTS.get(target.partition(":")[0].partition(".")[0], {})
    known = _arguments(factory) if ours else set()
    return {**{name: value for name, value in ours.items() if name in known}, **given}


def _arguments(factory: Callable[..., object]) -> set[str]:
    """Names of a builder's arguments, with those that it hands on to the class it returns."""
    signature = inspect.signature(factory)
    names = set(signature.parameters)
    made = signature.return_annotation
    handed_on = inspect.getmro(made) if inspect.isclass(made) and "kwargs" in names else ()
    for owner in handed_on:
        further = inspect.signature(owner).parameters
        names.update(further)
        if "kwargs" not in further:
            break
    return names
