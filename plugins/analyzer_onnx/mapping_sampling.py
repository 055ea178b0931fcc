"""Places between elements, regions and boxes, order, Fourier transforms and determinants."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.windows import Window

__all__ = ["TABLE"]

_METHODS = {"bicubic": "cubic", "bilinear": "linear"}
"""What ``GridSample`` called its methods before operator set 20, to what they are."""


def _grid_sampling(call: Call) -> Operation:
    """``(batch, channels, *in), (batch, *out, axes) → (batch, channels, *out)``."""
    method = call.attribute("mode", "linear")
    axes = call.input(1).sizes[-1]
    return ops.Sampling(
        method=_METHODS.get(method, method),
        points=call.input(1).elements // axes if axes else 0,
        axes=axes,
        channels=call.x.sizes[1],
    )


def _affine_grid(call: Call) -> Operation:
    """``(batch, axes, axes + 1) → (batch, *places, axes)``: each place times the matrix."""
    batch, axes, features = call.x.sizes
    places = call.y.elements // (batch * axes) if batch else 0
    return ops.MatrixProduct(batch=batch, m=places, k=features, n=axes)


def _aligned_regions(call: Call) -> Operation:
    """``(batch, channels, *spatial), (boxes, 4) → (boxes, channels, height, width)``.

    The corners of a box are scaled (and moved by half, unless they are whole elements), its sizes
    taken and divided by the number of bins; each bin is the mean, or the largest, of
    ``sampling_ratio ** 2`` samples. Without that number the size of a box decides how many.
    """
    ratio = call.attribute("sampling_ratio", 0)
    if ratio <= 0:
        because = "the larger a box, the more samples a bin has"
        return ops.Unknown(name=f"ai.onnx::{call.op_type}", because=because)
    boxes, channels = call.input(1).sizes[0], call.x.sizes[1]
    results = call.y.elements
    points = results // channels * ratio**2 if channels else 0
    default = "half_pixel" if call.opset >= 16 else "output_half_pixel"
    moved = call.attribute("coordinate_transformation_mode", default) == "half_pixel"
    largest = call.attribute("mode", "avg") == "max"
    return call.fused(
        ops.Elementwise(function="multiply", elements=4 * boxes),
        ops.Elementwise(function="subtract", elements=(6 if moved else 2) * boxes),
        ops.Elementwise(function="divide", elements=2 * boxes),
        ops.Sampling(method="linear", points=points, axes=2, channels=channels),
        ops.Reduction(
            function="max" if largest else "mean",
            in_elements=points * channels,
            out_elements=results,
        ),
    )


def _resized_regions(call: Call) -> Operation:
    """``(batch, channels, *spatial), (boxes, 4) → (boxes, channels, height, width)``."""
    channels = call.x.sizes[1]
    method = call.attribute("mode", "bilinear")
    return ops.Sampling(
        method=_METHODS.get(method, method),
        points=call.y.elements // channels if channels else 0,
        axes=2,
        channels=channels,
    )


def _deformable_convolution(call: Call) -> Operation:
    """Convolve with taps that are moved by offsets, and may be weighted by a mask."""
    x, weight = call.x.sizes, call.input(1).sizes
    call.claim(1, "kernel", ("filters", "input channels", *ops.spatial_axes("kernel", 2)))
    bias = call.bias(3, "filters")
    window = Window.of(call, kernel=weight[2:])
    taps = call.input(2).elements // 2  # each is moved along two axes
    each = x[1] // call.attribute("offset_group", 1)
    return call.fused(
        ops.Sampling(method="linear", points=taps, axes=2, channels=each),
        ops.Elementwise(function="multiply", elements=taps * each) if call.has(4) else None,
        ops.Convolution(
            batch=x[0],
            in_channels=x[1],
            out_channels=weight[0],
            groups=call.attribute("group", 1),
            in_spatial=x[2:],
            out_spatial=call.y.sizes[2:],
            kernel=weight[2:],
            stride=window.stride,
            dilation=window.dilation,
            padding=window.padding,
            bias=bias,
        ),
    )


def _suppression(call: Call) -> Operation:
    """``(batch, boxes, 4), (batch, classes, boxes)``: every class has a list of its own."""
    batch, classes, boxes = call.input(1).sizes
    lists = ops.NonMaximumSuppression(batch=batch * classes, boxes=boxes)
    chosen = call.numbers(4)
    if chosen:  # only boxes with a score above the threshold are put in order
        above = ops.Elementwise(function="greater", elements=batch * classes * boxes)
        return call.fused(above, lists)
    return lists


def _largest(call: Call) -> Operation:
    x = call.x.sizes
    axis = call.attribute("axis", -1)
    size = x[axis] if x else 1
    kept = call.y.sizes[axis] if x else 1
    return ops.Sort(rows=prod(x) // size if size else 0, size=size, kept=kept)


def _unique(call: Call) -> Operation:
    """Sort all elements, or slices that are compared to their ends; then compare neighbours."""
    axis = call.attribute("axis")
    size = call.x.elements if axis is None else call.x.sizes[axis]
    width = call.x.elements // size if size else 0
    pairs = width * max(0, size - 1)
    return call.fused(
        ops.Sort(rows=width, size=size, kept=size),
        ops.Elementwise(function="equal", elements=pairs) if pairs else None,
    )


def _columns_to_image(call: Call) -> Operation:
    """Blocks that overlap are added up, each element onto its place."""
    return ops.Elementwise(function="add", elements=call.x.elements)


def _fourier(call: Call) -> Operation:
    """``(batch, …, size, 1 or 2)``, the last axis real and imaginary part; one axis is transformed.

    Of a transform back each number is divided by the size.
    """
    x, y = call.x.sizes, call.y.sizes
    axis = call.attribute("axis", 1)
    if call.has(2):
        axis = (call.numbers(2) or [-2])[0]
    elif call.opset >= 20:
        axis = -2
    axis %= len(x)
    inverse = bool(call.attribute("inverse", 0))
    onesided = bool(call.attribute("onesided", 0))
    given = call.numbers(1)
    size = given[0] if given else (y[axis] if inverse or not onesided else x[axis])
    return ops.FourierTransform(
        rows=prod(x[:-1]) // x[axis] if x[axis] else 0,
        sizes=(size,),
        real=x[-1] == 1 or onesided,
        scaled=inverse,
    )


def _short_fourier(call: Call) -> Operation:
    """``(batch, length, 1 or 2) → (batch, frames, bins, 2)``: frames, windowed, transformed."""
    window, length = (call.inputs[index] if call.has(index) else None for index in (2, 3))
    batch, frames = call.y.sizes[:2]
    told = call.numbers(3) if length is not None else None
    size = told[0] if told else window.sizes[0] if window is not None else 0
    parts = call.x.sizes[2] if len(call.x.sizes) > 2 else 1
    windowed = batch * frames * size * parts
    return call.fused(
        ops.Elementwise(function="multiply", elements=windowed) if window is not None else None,
        ops.FourierTransform(rows=batch * frames, sizes=(size,), real=parts == 1),
    )


def _of_last_axes(call: Call) -> Operation:
    """``(…, *sizes) ↔ (…, *bins, 2)``: real numbers forth (``Rfft``) or back (``Irfft``)."""
    back = call.op_type.endswith("Irfft")
    whole = call.y.sizes if back else call.x.sizes
    axes = call.attribute("signal_ndim", 1)
    sizes = whole[len(whole) - axes :]
    return ops.FourierTransform(
        rows=prod(whole[: len(whole) - axes]),
        sizes=sizes,
        real=bool(call.attribute("onesided", 1)),
        scaled=back or bool(call.attribute("normalized", 0)),
    )


def _determinant(call: Call) -> Operation:
    """Multiply the diagonal that LU leaves."""
    x = call.x.sizes
    batch, size = prod(x[:-2]), x[-1]
    return call.fused(
        ops.Factorization(method="LU", batch=batch, size=size),
        ops.Reduction(function="product", in_elements=batch * size, out_elements=batch)
        if batch * size
        else None,
    )


def _inverse(call: Call) -> Operation:
    """Factor, and solve two triangular systems for every column of the identity."""
    x = call.x.sizes
    size = x[-1]
    columns = prod(x) // size if size else 0
    return call.fused(
        ops.Factorization(method="LU", batch=prod(x[:-2]), size=size),
        ops.TriangularSolve(batch=1, size=size, columns=columns, unit_diagonal=True),
        ops.TriangularSolve(batch=1, size=size, columns=columns),
    )


TABLE: dict[str, Mapper] = {
    "AffineGrid": _affine_grid,
    "Col2Im": _columns_to_image,
    "DFT": _fourier,
    "DeformConv": _deformable_convolution,
    "Det": _determinant,
    "GridSample": _grid_sampling,
    "NonMaxSuppression": _suppression,
    "RoiAlign": _aligned_regions,
    "STFT": _short_fourier,
    "TopK": _largest,
    "Unique": _unique,
    "com.microsoft::CropAndResize": _resized_regions,
    "com.microsoft::GridSample": _grid_sampling,
    "com.microsoft::Inverse": _inverse,
    "com.microsoft::Irfft": _of_last_axes,
    "com.microsoft::Rfft": _of_last_axes,
    "com.microsoft::Unique": _unique,
}
"""Operators that read between elements, order, transform or factor, to their functions."""
