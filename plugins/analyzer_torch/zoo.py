"""What the known collections of models tell: how to build without weights, and input shapes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from analyzer import InputSpec

__all__ = ["default_inputs", "inputs_for", "without_weights"]

_WITHOUT_WEIGHTS: dict[str, Mapping[str, object]] = {
    "timm": {"pretrained": False},
    "torchvision": {"init_weights": False, "weights": None, "weights_backbone": None},
}
"""Collection → arguments of its builders that keep them from fetching or drawing weights."""

_CLIP = 16
"""Frames of a clip in torchvision's published figures for video models."""


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


def default_inputs(source: str, model: object, batch_size: int) -> tuple[InputSpec, ...]:
    """Return the inputs that the model's collection tells, none if it is of none that does."""
    config = getattr(model, "default_cfg", None)
    if config is not None and "input_size" in config:
        return (InputSpec(shape=(batch_size, *config["input_size"])),)
    package, _, name = source.partition(":")
    if package.partition(".")[0] != "torchvision":
        return ()
    size = getattr(model, "image_size", None)
    if isinstance(size, int):  # a vision transformer is built for one size
        return (InputSpec(shape=(batch_size, 3, size, size)),)
    return _of_torchvision(name.rpartition(".")[2], batch_size)


def _of_torchvision(name: str, batch_size: int) -> tuple[InputSpec, ...]:
    from torchvision import models

    try:
        weights: Any = models.get_model_weights(name).DEFAULT
    except ValueError:  # a class or a helper, which is no model with weights
        return ()
    return inputs_for(weights, batch_size)


def inputs_for(weights: Any, batch_size: int) -> tuple[InputSpec, ...]:
    """Return the size to which the transforms of torchvision's weights crop, none if they don't."""
    transforms = weights.transforms()
    crop = getattr(transforms, "crop_size", None) or getattr(transforms, "resize_size", None)
    if not crop:
        return ()
    height, width = crop if len(crop) == 2 else crop * 2
    video = type(transforms).__name__ == "VideoClassification"
    frames = (_CLIP,) if video else ()
    return (InputSpec(shape=(batch_size, 3, *frames, height, width)),)
