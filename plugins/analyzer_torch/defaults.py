"""What a model's library tells: its name, and the sizes that torchvision and timm trained for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from analyzer import Input, InputSpec, normalize_inputs, resized
from analyzer_torch import huggingface
from analyzer_torch.inputs import Told

__all__ = ["completed", "inputs_for", "name_of", "told"]

_CLIP = 16
"""Frames of a clip in torchvision's published figures for video models."""

_FLOW = 512
"""Height and width of both images in torchvision's published figures for optical flow."""

_IMAGE = ("batch", "channels", "height", "width")
_DETECTOR = "torchvision.models.detection.transform.GeneralizedRCNNTransform"
_RAFT = "torchvision.models.optical_flow.raft.RAFT"


def name_of(source: str, model: nn.Module) -> str:
    """Return what timm or transformers calls a model that it made, "" where it is of neither.

    One that the user's own function made goes by the name of that function.
    """
    library = re.split("[.:]", source)[0]
    config = getattr(model, "default_cfg", None)
    if library == "timm" and isinstance(config, Mapping):
        return str(config.get("architecture") or "")
    if library == "transformers" and huggingface.is_pretrained(model):
        return huggingface.name_of(model)
    return ""


def told(
    source: str, model: nn.Module, batch_size: int, dims: Mapping[str, int] | None = None
) -> Told:
    """Return the inputs that the model's library tells, none if it is of none that does.

    ``dims`` are sizes that are to be others; a note tells of sizes that nobody asked for.
    """
    found = _told(source, model, batch_size)
    inputs = tuple(resized(item, dims or {}) for item in found.inputs)
    if huggingface.is_pretrained(model):
        return Told(inputs, huggingface.note_on(model, inputs))
    return Told(inputs, found.note if inputs == tuple(found.inputs) else "")


def _told(source: str, model: nn.Module, batch_size: int) -> Told:
    if huggingface.is_pretrained(model):
        return Told(huggingface.inputs_of(model, batch_size))
    config = getattr(model, "default_cfg", None)
    if isinstance(config, Mapping) and "input_size" in config:
        return Told((InputSpec(shape=(batch_size, *_timm_size(model, config)), axes=_IMAGE),))
    if _is_a(getattr(model, "transform", None), _DETECTOR):
        return _images_to_search(model, batch_size)
    if _is_a(model, _RAFT):
        pair = (InputSpec(shape=(batch_size, 3, _FLOW, _FLOW), axes=_IMAGE),) * 2
        return Told(pair, f"both images are 3x{_FLOW}x{_FLOW}, as for torchvision's own figures")
    package, _, name = source.partition(":")
    if package.partition(".")[0] != "torchvision":
        return Told()
    size = getattr(model, "image_size", None)
    if isinstance(size, int):  # a vision transformer is built for one size
        return Told((InputSpec(shape=(batch_size, 3, size, size), axes=_IMAGE),))
    return Told(_of_torchvision(name.rpartition(".")[2], batch_size))


def completed(
    model: nn.Module, said: Sequence[Input], dims: Mapping[str, int] | None = None
) -> Told:
    """Return what was said, with what the model's library adds to it, at the sizes of ``dims``."""
    if huggingface.is_pretrained(model):
        return huggingface.completed(model, said, dims or {})
    return Told(said)


def _is_a(thing: object, kind: str) -> bool:
    """Say whether a thing is of a class, told by its full name, or of one derived from it."""
    return kind in (f"{one.__module__}.{one.__qualname__}" for one in type(thing).__mro__)


def _timm_size(model: nn.Module, config: Mapping[str, Any]) -> tuple[int, ...]:
    """Return channels, height and width: as configured, unless the model was built for others."""
    channels, height, width = config["input_size"]
    if config.get("fixed_input_size"):
        sizes = (getattr(module, "img_size", None) for module in model.modules())
        height, width = next(
            (size for size in sizes if isinstance(size, tuple) and len(size) == 2), (height, width)
        )
    first = config.get("first_conv")
    convolutions = dict(model.named_modules())
    convolution = convolutions.get(first) if isinstance(first, str) else None
    if isinstance(convolution, nn.Conv2d):
        channels = convolution.in_channels
    return channels, height, width


def _images_to_search(model: Any, batch_size: int) -> Told:
    """Return images of the size to which a detector brings all that it gets."""
    width, height = model.transform.fixed_size or (model.transform.min_size[-1],) * 2
    image = InputSpec(shape=(3, height, width), axes=_IMAGE[1:])
    return Told(
        normalize_inputs([[image] * batch_size]),
        f"an image is 3x{height}x{width}, the size to which the model brings others; give yours "
        "as in --input images[0]=3x480x640",
    )


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
    if video:
        axes = ("batch", "channels", "frames", "height", "width")
        return (InputSpec(shape=(batch_size, 3, _CLIP, height, width), axes=axes),)
    return (InputSpec(shape=(batch_size, 3, height, width), axes=_IMAGE),)
