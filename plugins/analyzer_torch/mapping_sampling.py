"""Resizing, reading between elements, the operators of torchvision, and order."""

from __future__ import annotations

from torch import Tensor

from analyzer import Operation
from analyzer.ops import (
    COPY,
    Convolution,
    Elementwise,
    Interpolation,
    MatrixProduct,
    NonMaximumSuppression,
    Reduction,
    Sampling,
    Search,
    Sort,
    free,
)
from analyzer_torch.call import Call, Maker
from analyzer_torch.mapping_common import elementwise, fused, unknown

__all__ = ["ORDERINGS", "RESAMPLINGS", "SAMPLINGS"]


def _resampling(method: str) -> Maker:
    def make(call: Call) -> Operation:
        before, after = call.first.shape, call.output.shape
        changed = sum(old != new for old, new in zip(before, after, strict=True))
        return Interpolation(method=method, axes=changed, out_elements=call.output.numel())

    return make


def _filtering(method: str) -> Maker:
    """Resize by a filter that widens as the map shrinks."""

    def make(call: Call) -> Operation:
        sizes = zip(call.first.shape, call.output.shape, strict=True)
        changed = tuple((old, new) for old, new in sizes if old != new)
        if not changed:
            return free(call.name, because=COPY)
        return Interpolation(
            method=method,
            axes=len(changed),
            out_elements=call.output.numel(),
            antialiased=changed,
        )

    return make


def _grid_sampling(call: Call) -> Operation:
    """``(batch, channels, *in), (batch, *out, axes) → (batch, channels, *out)``."""
    grid: Tensor = call["grid"]
    axes = grid.shape[-1]
    method = ("linear", "nearest", "cubic")[call.get("interpolation_mode", 0)]
    return Sampling(
        method=method,
        points=grid.numel() // axes if axes else 0,
        axes=axes,
        channels=call.first.shape[1],
    )


def _affine_grid(call: Call) -> Operation:
    """``(batch, axes, axes + 1) → (batch, *places, axes)``: each place times the matrix."""
    batch, axes, features = call["theta"].shape
    places = call.output.numel() // (batch * axes) if batch else 0
    return MatrixProduct(batch=batch, m=places, k=features, n=axes)


def _aligned_regions(call: Call) -> Operation:
    """``(batch, channels, *spatial), (boxes, 5) → (boxes, channels, height, width)``.

    The corners of a box are scaled (and moved, if ``aligned``), its sizes taken and divided by the
    number of bins; each bin is the mean of ``sampling_ratio ** 2`` samples. Without that number,
    the size of a box decides how many there are. Where each bin has channels of its own
    (``ps_roi_align``), those of the result are read at each point.
    """
    ratio = call["sampling_ratio"]
    if ratio <= 0:
        return unknown(call, "the larger a box, the more samples a bin has", sampling_ratio=ratio)
    boxes, results = call["rois"].shape[0], call.output.numel()
    channels = call.output.shape[1]
    points = results // channels * ratio**2 if channels else 0
    return fused(
        call,
        elementwise(call, "multiply", 4 * boxes),
        elementwise(call, "subtract", (6 if call.get("aligned", True) else 2) * boxes),
        elementwise(call, "divide", 2 * boxes),
        Sampling(method="linear", points=points, axes=2, channels=channels),
        Reduction(function="mean", in_elements=points * channels, out_elements=results),
    )


def _deformable_convolution(call: Call) -> Operation:
    """Convolve with taps that are moved by offsets, and may be weighted by a mask."""
    source, weight = call["input"], call["weight"]
    filters, _, *kernel = weight.shape
    batch, channels, *spatial = source.shape
    out_spatial = tuple(call.output.shape[2:])
    per_group = "" if call["groups"] == 1 else " per group"
    axes = ("filters", f"input channels{per_group}", "kernel height", "kernel width")
    call.plays(weight, "kernel", axes)
    call.plays(call["bias"], "bias", ("filters",))
    taps = call["offset"].numel() // 2  # each is moved along two axes
    each = channels // call["offset_groups"]
    masked = elementwise(call, "multiply", taps * each) if call["use_mask"] else None
    convolution = Convolution(
        batch=batch,
        in_channels=channels,
        out_channels=filters,
        groups=call["groups"],
        in_spatial=tuple(spatial),
        out_spatial=out_spatial,
        kernel=tuple(kernel),
        stride=(call["stride_h"], call["stride_w"]),
        dilation=(call["dilation_h"], call["dilation_w"]),
        padding=tuple((call[f"pad_{axis}"],) * 2 for axis in "hw"),
        bias=True,  # one of zeros where a layer has none
    )
    sampled = Sampling(method="linear", points=taps, axes=2, channels=each)
    return fused(call, sampled, masked, convolution)


def _suppression(call: Call) -> Operation:
    return NonMaximumSuppression(batch=1, boxes=call["dets"].shape[0])


def _along(call: Call, dim: int | None) -> tuple[int, int]:
    """Return how many rows there are along an axis, and how long they are; None: all in one."""
    source: Tensor = call.first
    if dim is None or not source.dim():
        return 1, source.numel()
    size = source.shape[dim]
    return (source.numel() // size if size else 0), size


def _sort(call: Call) -> Operation:
    rows, size = _along(call, call["dim"])
    return Sort(rows=rows, size=size, kept=size)


def _largest(call: Call) -> Operation:
    rows, size = _along(call, call["dim"])
    return Sort(rows=rows, size=size, kept=call["k"])


def _of_rank(call: Call) -> Operation:
    """Find the k-th of each row: the last of its k first, or of its k last."""
    rows, size = _along(call, call["dim"])
    return Sort(rows=rows, size=size, kept=min(call["k"], size - call["k"] + 1))


def _median(call: Call) -> Operation:
    rows, size = _along(call, call.get("dim"))
    return Sort(rows=rows, size=size, kept=(size + 1) // 2)


def _quantile(call: Call) -> Operation:
    """Sort, find the place ``q · (n − 1)``, and read there, between two neighbours or at one."""
    rows, size = _along(call, call["dim"])
    shares = call.output.numel() // rows if rows else 0
    between = call["interpolation"] in ("linear", "midpoint")
    return fused(
        call,
        Sort(rows=rows, size=size, kept=size),
        elementwise(call, "multiply", shares),
        elementwise(call, "fractional part", shares),
        elementwise(call, "interpolate") if between else None,
    )


def _neighbours(call: Call, rows: int, size: int, width: int = 1) -> Operation | None:
    pairs = rows * (size - 1) * width
    return Elementwise(function="equal", elements=pairs) if pairs > 0 else None


def _mode(call: Call) -> Operation:
    """Sort, then compare neighbours: the longest run wins."""
    rows, size = _along(call, call["dim"])
    return fused(call, Sort(rows=rows, size=size, kept=size), _neighbours(call, rows, size))


def _unique(call: Call) -> Operation:
    """Sort all elements, then compare neighbours."""
    size = call.first.numel()
    return fused(call, Sort(rows=1, size=size, kept=size), _neighbours(call, 1, size))


def _unique_slices(call: Call) -> Operation:
    """Sort slices, which are compared to their ends, then compare neighbours."""
    width, size = _along(call, call["dim"])
    return fused(call, Sort(rows=width, size=size, kept=size), _neighbours(call, 1, size, width))


def _unique_in_a_row(call: Call) -> Operation:
    """Compare neighbours, elements or whole slices."""
    width, size = _along(call, call.get("dim"))
    return fused(call, _neighbours(call, 1, size, width) or free(call.name, because=COPY))


def _searched(order: str, looked_up: str) -> Maker:
    def make(call: Call) -> Operation:
        sought = call[looked_up]
        look_ups = sought.numel() if isinstance(sought, Tensor) else 1
        return Search(look_ups=look_ups, size=call[order].shape[-1])

    return make


RESAMPLINGS: dict[str, Maker] = {
    "_upsample_bicubic2d_aa": _filtering("cubic"),
    "_upsample_bilinear2d_aa": _filtering("linear"),
    "_upsample_lanczos2d_aa": _filtering("lanczos"),
    "_upsample_nearest_exact1d": _resampling("nearest"),
    "_upsample_nearest_exact2d": _resampling("nearest"),
    "_upsample_nearest_exact3d": _resampling("nearest"),
    "upsample_bicubic2d": _resampling("cubic"),
    "upsample_bilinear2d": _resampling("linear"),
    "upsample_linear1d": _resampling("linear"),
    "upsample_nearest1d": _resampling("nearest"),
    "upsample_nearest2d": _resampling("nearest"),
    "upsample_nearest3d": _resampling("nearest"),
    "upsample_trilinear3d": _resampling("linear"),
}
"""ATen name → function that makes our operation, for resizing."""

SAMPLINGS: dict[str, Maker] = {
    "_grid_sampler_2d_cpu_fallback": _grid_sampling,
    "affine_grid_generator": _affine_grid,
    "cudnn_affine_grid_generator": _affine_grid,
    "cudnn_grid_sampler": _grid_sampling,
    "grid_sampler_2d": _grid_sampling,
    "grid_sampler_3d": _grid_sampling,
    "torchvision.deform_conv2d": _deformable_convolution,
    "torchvision.nms": _suppression,
    "torchvision.ps_roi_align": _aligned_regions,
    "torchvision.qnms": _suppression,
    "torchvision.qroi_align": _aligned_regions,
    "torchvision.roi_align": _aligned_regions,
}
"""Name → function that makes our operation, for places between elements, and boxes."""

ORDERINGS: dict[str, Maker] = {
    "_unique": _unique,
    "_unique2": _unique,
    "bucketize": _searched("boundaries", "self"),
    "kthvalue": _of_rank,
    "median": _median,
    "mode": _mode,
    "nanmedian": _median,
    "nanquantile": _quantile,
    "quantile": _quantile,
    "searchsorted": _searched("sorted_sequence", "self"),
    "sort": _sort,
    "topk": _largest,
    "unique_consecutive": _unique_in_a_row,
    "unique_dim": _unique_slices,
    "unique_dim_consecutive": _unique_in_a_row,
}
"""ATen name → function that makes our operation, for what puts elements in order."""
