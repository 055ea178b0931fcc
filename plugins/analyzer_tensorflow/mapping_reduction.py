"""Normalisations, softmax, pooling, reductions."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from analyzer import Kind, Operation, ops
from analyzer_tensorflow.call import Call, Mapper
from analyzer_tensorflow.windows import Window, spatial_of

__all__ = ["TABLE"]


def _batch_normalization(call: Call) -> Operation:
    x = call.x.sizes
    training = bool(call.attribute("is_training", True))
    channels = x[-1] if call.channels_last else x[1]
    call.claim(1, "scale", ("channels",))
    call.claim(2, "offset", ("channels",))
    if not training:
        call.claim(3, "running mean", ("channels",), kind=Kind.STATE)
        call.claim(4, "running variance", ("channels",), kind=Kind.STATE)
    whole = ops.BatchNormalization(
        elements=prod(x),
        channels=channels,
        scale=not _is_constant(call, 1, 1.0),
        offset=not _is_constant(call, 2, 0.0),
        training=training,
        running_statistics=not training,
    )
    if call.op != "_FusedBatchNormEx":
        return whole
    added = ops.Elementwise(function="add", elements=prod(x))
    function = call.attribute("activation_mode", "Identity")
    active = ops.Elementwise(function="relu", elements=prod(x)) if function == "Relu" else None
    return call.fused(whole, added if len(call.inputs) > 5 else None, active)


def _is_constant(call: Call, index: int, number: float) -> bool:
    """Say whether an input is filled with one number: layers without a scale are written so."""
    numbers = call.numbers(index)
    return numbers is not None and all(one == number for one in numbers)


def _local_response(call: Call) -> Operation:
    size = 2 * int(call.attribute("depth_radius", 5)) + 1
    return ops.LocalResponseNormalization(elements=call.x.elements, size=size)


def _softmax(call: Call) -> Operation:
    size = call.x.sizes[-1]
    rows = call.x.elements // size if size else 0
    return ops.Softmax(rows=rows, size=size, logarithm=call.op == "LogSoftmax")


def _cross_entropy(call: Call) -> Operation:
    """Take a softmax's logarithm times the labels, summed; its gradient comes with it."""
    rows, size = call.x.sizes
    elements = rows * size
    dense = call.op == "SoftmaxCrossEntropyWithLogits"
    return call.fused(
        ops.Softmax(rows=rows, size=size, logarithm=True),
        ops.Elementwise(function="multiply", elements=elements) if dense else None,
        ops.Reduction(function="sum", in_elements=elements, out_elements=rows) if dense else None,
        ops.Elementwise(function="negate", elements=rows),
        ops.Elementwise(function="exp", elements=elements),
        ops.Elementwise(function="subtract", elements=elements if dense else rows),
    )


def _pooling(call: Call) -> Operation | None:
    x, y = call.x.sizes, call.y.sizes
    sizes = call.attribute("ksize") or call.numbers(1)
    strides = call.attribute("strides") or call.numbers(2)
    if sizes is None or strides is None:
        return None
    rank = len(x) - 2
    last = call.channels_last
    kernel = tuple(int(one) for one in (sizes[1 : 1 + rank] if last else sizes[2:]))
    if sizes[0] != 1 or sizes[-1 if last else 1] != 1:  # over images, or over channels
        return None
    into, out = spatial_of(call, x), spatial_of(call, y)
    window = Window.of(call, kernel, into, out, [int(one) for one in strides])
    return ops.Pooling(
        pool=ops.PoolKind.AVERAGE if call.op.startswith("Avg") else ops.PoolKind.MAX,
        batch=x[0],
        channels=x[-1] if last else x[1],
        in_spatial=into,
        out_spatial=out,
        kernel=kernel,
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
    )


_REDUCTIONS: dict[str, str] = {
    "All": "all",
    "Any": "any",
    "ArgMax": "argmax",
    "ArgMin": "argmin",
    "EuclideanNorm": "L2 norm",
    "Max": "max",
    "Min": "min",
    "Prod": "product",
    "Sum": "sum",
}
_OF_COMPLEX = {"product": "complex product", "sum": "complex sum", "L2 norm": "complex L2 norm"}


def _reduction(call: Call) -> Operation | None:
    name = _REDUCTIONS[call.op]
    if call.x.dtype.startswith("complex"):
        name = _OF_COMPLEX.get(name, "")
    if not name:
        return None
    whole = ops.Reduction(function=name, in_elements=call.x.elements, out_elements=call.y.elements)
    axes = call.numbers(1)
    if name != "max" or axes is None or not axes:
        return whole
    like = ops.mean_over(call.x.sizes, tuple(int(axis) for axis in axes))
    if isinstance(like, ops.AdaptivePooling):  # a maximum over whole maps is a pooling
        return replace(like, pool=ops.PoolKind.MAX)
    return whole


def _mean(call: Call) -> Operation:
    x, axes = call.x, call.numbers(1)
    if x.dtype.startswith("complex"):
        return ops.Reduction(
            function="complex mean", in_elements=x.elements, out_elements=call.y.elements
        )
    if axes is None:
        return ops.Reduction(function="mean", in_elements=x.elements, out_elements=call.y.elements)
    return ops.mean_over(x.sizes, tuple(int(axis) for axis in axes))


def _running(call: Call) -> Operation | None:
    """Count a running sum of n elements as n − 1 additions, as many as their sum."""
    axis = call.numbers(1)
    if axis is None:
        return None
    size = call.x.sizes[int(axis[0])] if call.x.sizes else 1
    name = "product" if call.op == "Cumprod" else "sum"
    if call.x.dtype.startswith("complex"):
        name = f"complex {name}"
    rows = call.x.elements // size if size else 0
    return ops.Reduction(function=name, in_elements=call.x.elements, out_elements=rows)


_SEGMENTS: dict[str, str] = {
    "SegmentMax": "max",
    "SegmentMaxV2": "max",
    "SegmentMean": "mean",
    "SegmentMin": "min",
    "SegmentMinV2": "min",
    "SegmentProd": "product",
    "SegmentProdV2": "product",
    "SegmentSum": "sum",
    "SegmentSumV2": "sum",
    "UnsortedSegmentMax": "max",
    "UnsortedSegmentMin": "min",
    "UnsortedSegmentProd": "product",
    "UnsortedSegmentSum": "sum",
}


def _segments(call: Call) -> Operation:
    """Reduce groups of rows, none of them empty."""
    return _ragged(_SEGMENTS[call.op], call.x.elements, call.y.elements)


def _chosen_segments(call: Call) -> Operation:
    """Reduce groups of rows that are looked up first."""
    rows = call.inputs[1].elements
    width = prod(call.x.sizes[1:])
    if call.x.stored is not None:
        call.claim(0, "embedding", ("vocabulary", "width"))
    name = "mean" if "Mean" in call.op else "sum"
    summed = _ragged(name, rows * width, call.y.elements)
    if "SqrtN" not in call.op:
        return summed
    groups = call.y.sizes[0] if call.y.sizes else 1
    return call.fused(
        summed,
        ops.Elementwise(function="square root", elements=groups),
        ops.Elementwise(function="divide", elements=call.y.elements),
    )


def _ragged(name: str, elements: int, results: int) -> Operation:
    return ops.Reduction(function=name, in_elements=elements, out_elements=results, ragged=True)


def _bincount(call: Call) -> Operation:
    """Count how often each number comes, or add up what each weighs: one addition each."""
    counted = call.x if call.op in ("Bincount", "DenseBincount") else call.inputs[1]
    return ops.Elementwise(function="add", elements=counted.elements)


def _histogram(call: Call) -> Operation:
    return ops.Elementwise(function="put in bins", elements=call.x.elements)


TABLE: dict[str, Mapper] = {
    **dict.fromkeys(_REDUCTIONS, _reduction),
    **dict.fromkeys(_SEGMENTS, _segments),
    "AvgPool": _pooling,
    "AvgPool3D": _pooling,
    "Bincount": _bincount,
    "Cumprod": _running,
    "Cumsum": _running,
    "DenseBincount": _bincount,
    "FusedBatchNorm": _batch_normalization,
    "FusedBatchNormV2": _batch_normalization,
    "FusedBatchNormV3": _batch_normalization,
    "HistogramFixedWidth": _histogram,
    "LRN": _local_response,
    "LogSoftmax": _softmax,
    "MaxPool": _pooling,
    "MaxPool3D": _pooling,
    "MaxPoolV2": _pooling,
    "MaxPoolWithArgmax": _pooling,
    "Mean": _mean,
    "RaggedBincount": _bincount,
    "Softmax": _softmax,
    "SoftmaxCrossEntropyWithLogits": _cross_entropy,
    "SparseBincount": _bincount,
    "SparseSegmentMean": _chosen_segments,
    "SparseSegmentMeanWithNumSegments": _chosen_segments,
    "SparseSegmentSqrtN": _chosen_segments,
    "SparseSegmentSqrtNWithNumSegments": _chosen_segments,
    "SparseSegmentSum": _chosen_segments,
    "SparseSegmentSumWithNumSegments": _chosen_segments,
    "SparseSoftmaxCrossEntropyWithLogits": _cross_entropy,
    "_FusedBatchNormEx": _batch_normalization,
}
"""Operations over groups of elements, to the functions that translate them."""
