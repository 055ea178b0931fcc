"""Images: resized, moved, blurred, in other colours."""

from __future__ import annotations

from math import prod
from typing import Any

from analyzer.ops import (
    COPY,
    NO_OP,
    Convolution,
    Elementwise,
    Factorization,
    Fused,
    Interpolation,
    MatrixProduct,
    Operation,
    Sampling,
    TriangularSolve,
    free,
)
from analyzer_keras.calls import Call, Translator, channels_last
from analyzer_keras.mapping_common import elementwise, fused, shape_of, unknown, words

__all__ = ["IMAGES"]

_METHODS = {"bicubic": "cubic", "bilinear": "linear", "lanczos3": "lanczos", "nearest": "nearest"}


def _sizes(call: Call, images: Any) -> tuple[int, int, int, int]:
    """Return batch, height, width and channels; an image by itself is a batch of one."""
    shape = shape_of(images)
    *batch, a, b, c = shape
    height, width, channels = (a, b, c) if channels_last(call) else (b, c, a)
    return prod(batch), height, width, channels


def _resize(call: Call) -> Operation:
    """Resize by neighbours, or by a filter that widens as the map shrinks."""
    method = _METHODS.get(call.setting("interpolation"))
    _, *before, _ = _sizes(call, call["images"])
    _, *after, _ = _sizes(call, call.outputs[0])
    before = _in_proportion(call, tuple(before), tuple(after))
    changed = tuple((old, new) for old, new in zip(before, after, strict=True) if old != new)
    if not changed:
        return free("resize", because=NO_OP)
    filtered = bool(call.setting("antialias")) and method != "nearest"
    if method is None or (method == "lanczos" and not filtered):
        return unknown(call, interpolation=call.setting("interpolation"))
    return Interpolation(
        method=method,
        axes=len(changed),
        out_elements=call.elements,
        antialiased=changed if filtered else (),
    )


def _in_proportion(call: Call, before: tuple[int, ...], after: tuple[int, ...]) -> list[int]:
    """Return the size that is resized: images may first be cut or padded to the proportions."""
    (height, width), (new_height, new_width) = before, after
    fitting = width * new_height // new_width, height * new_width // new_height
    if call.setting("crop_to_aspect_ratio"):
        return [max(min(size, fit), 1) for size, fit in zip(before, fitting, strict=True)]
    if call.setting("pad_to_aspect_ratio"):
        return [max(size, fit) for size, fit in zip(before, fitting, strict=True)]
    return [height, width]


def _affine(call: Call) -> Operation:
    """Multiply each place by a matrix, and read the image where it says."""
    batch, height, width, channels = _sizes(call, call["images"])
    return fused(
        call,
        MatrixProduct(batch=batch, m=height * width, k=3, n=2),
        _sampled(call, batch * height * width, channels),
    )


def _perspective(call: Call) -> Operation:
    """Find the eight numbers that move four corners, and read each image where they say.

    Of the system of eight equations, eight coefficients are negated products of coordinates. A
    place is then three sums of products, two of them divided by the third.
    """
    batch, height, width, channels = _sizes(call, call["images"])
    systems = prod(shape_of(call["start_points"])[:-2])
    places = batch * height * width
    return fused(
        call,
        elementwise(call, "multiply", 16 * systems),
        elementwise(call, "negate", 16 * systems),
        Factorization(method="LU", batch=systems, size=8),
        TriangularSolve(batch=1, size=8, columns=systems, unit_diagonal=True),
        TriangularSolve(batch=1, size=8, columns=systems),
        MatrixProduct(batch=batch, m=height * width, k=3, n=3),
        elementwise(call, "divide", 2 * places),
        _sampled(call, places, channels),
    )


def _sampled(call: Call, points: int, channels: int) -> Sampling:
    method = _METHODS[call.setting("interpolation")]
    return Sampling(method=method, points=points, axes=2, channels=channels, normalized=False)


def _read_between(call: Call) -> Operation:
    """``(*sizes), (axes, *places) → (*places)``."""
    axes, *places = shape_of(call["coordinates"])
    return Sampling(
        method="linear" if call.setting("order") else "nearest",
        points=prod(places),
        axes=axes,
        channels=1,
        normalized=False,
    )


def _elastic(call: Call) -> Operation:
    """Blur noise for both axes, scale it, and read the image as far beside each place."""
    batch, height, width, channels = _sizes(call, call["images"])
    places = batch * height * width
    taps = 6 * int(call.setting("sigma")) | 1
    return fused(
        call,
        elementwise(call, "multiply", 2 * places),
        *[_blurred(batch, 1, height, width, (taps, taps))] * 2,
        elementwise(call, "multiply", 2 * places),
        elementwise(call, "add", 2 * places),
        _sampled(call, places, channels),
    )


def _blur(call: Call) -> Operation:
    """Convolve each channel; the weights follow from the settings alone."""
    batch, height, width, channels = _sizes(call, call["images"])
    first, second = (int(size) for size in call.setting("kernel_size"))
    return _blurred(batch, channels, height, width, (first, second))


def _blurred(
    batch: int, channels: int, height: int, width: int, kernel: tuple[int, int], filters: int = 1
) -> Convolution:
    return Convolution(
        batch=batch,
        in_channels=channels,
        out_channels=channels * filters,
        groups=channels,
        in_spatial=(height, width),
        out_spatial=(height, width),
        kernel=kernel,
        stride=(1, 1),
        dilation=(1, 1),
        padding=tuple(((taps - 1) // 2, taps // 2) for taps in kernel),
        bias=False,
    )


def _edges(call: Call) -> Operation:
    """Convolve each channel with two filters of 3 × 3."""
    batch, height, width, channels = _sizes(call, call["images"])
    return _blurred(batch, channels, height, width, (3, 3), filters=2)


def _grayscale(call: Call) -> Operation:
    """``(pixels, 3) @ (3) → (pixels)``."""
    batch, height, width, channels = _sizes(call, call["images"])
    if channels == 1:
        return free("rgb to grayscale", because=COPY)
    return MatrixProduct(batch=1, m=batch * height * width, k=3, n=1)


_TO_HSV = {
    "maximum": 2,
    "minimum": 2,
    "subtract": 2,
    "divide": 2,
    "multiply": 2,
    "add": 2,
    "greater": 2,
    "equal": 2,
    "less": 1,
}
"""v = max, range = v − min, s = range / v where v > 0; of h, which is the difference of the other
two over 6 · range and a third or two of a turn more, by which colour is the largest, one of three
ways; a turn is added where it is negative."""
_TO_RGB = {"remainder": 1, "multiply": 7, "subtract": 7, "abs": 3, "clamp": 3, "add": 3}
"""Each colour is v · (1 − s + s · d), its d in 0 … 1 by how far 6 · (h mod 1) is from its own."""


def _colours(steps: dict[str, int]) -> Translator:
    """Return a translator of so many functions a pixel."""

    def translate(call: Call) -> Operation:
        pixels = call.elements // 3
        parts = [
            Elementwise(function=name, elements=times * pixels) for name, times in steps.items()
        ]
        return Fused(name=words(call.name), steps=tuple(parts))

    return translate


IMAGES: dict[str, Translator] = {
    "AffineTransform": _affine,
    "ElasticTransform": _elastic,
    "GaussianBlur": _blur,
    "HSVToRGB": _colours(_TO_RGB),
    "MapCoordinates": _read_between,
    "PerspectiveTransform": _perspective,
    "RGBToGrayscale": _grayscale,
    "RGBToHSV": _colours(_TO_HSV),
    "Resize": _resize,
    "SobelEdges": _edges,
}
