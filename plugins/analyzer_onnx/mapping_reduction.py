"""Normalisations, softmax, pooling, reductions and resampling."""

from __future__ import annotations

from math import prod

from analyzer import Kind, Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.windows import Window

__all__ = ["TABLE"]


def _batch_normalization(call: Call) -> Operation:
    x = call.x.sizes
    channels = x[1] if len(x) > 1 else 1
    call.claim(1, "scale", ("channels",))
    call.claim(2, "offset", ("channels",))
    call.claim(3, "running mean", ("channels",), kind=Kind.STATE)
    call.claim(4, "running variance", ("channels",), kind=Kind.STATE)
    return ops.BatchNormalization(
        elements=prod(x),
        channels=channels,
        scale=True,
        offset=True,
        training=bool(call.attribute("training_mode", 0)),
    )


def _layer_normalization(call: Call) -> Operation:
    x = call.x.sizes
    axis = call.attribute("axis", -1) % max(1, len(x))
    centered = call.op_type == "LayerNormalization"
    features = prod(x[axis:])
    axes = ("features",) if axis == len(x) - 1 else ()
    call.claim(1, "scale", axes)
    if centered:
        call.claim(2, "offset", axes)
    return ops.Normalization(
        style="layer" if centered else "RMS",
        groups=prod(x[:axis]),
        size=features,
        features=features,
        scale=True,
        offset=centered and call.has(2),
        centered=centered,
    )


def _group_normalization(call: Call) -> Operation:
    x = call.x.sizes
    instance = call.op_type == "InstanceNormalization"
    groups = x[1] if instance else call.attribute("num_groups")
    call.claim(1, "scale", ("channels",))
    call.claim(2, "offset", ("channels",))
    return ops.Normalization(
        style="instance" if instance else "group",
        groups=x[0] * groups,
        size=prod(x[1:]) // groups,
        features=x[1],
        scale=True,
        offset=True,
    )


def _l2_normalization(call: Call) -> Operation | None:
    x = call.x.sizes
    if call.attribute("p", 2) != 2:
        return None
    size = x[call.attribute("axis", -1) % len(x)]
    return ops.Normalization(
        style="L2",
        groups=prod(x) // size if size else 0,
        size=size,
        centered=False,
        averaged=False,
        epsilon=False,
    )


def _local_response_normalization(call: Call) -> Operation:
    return ops.LocalResponseNormalization(elements=prod(call.x.sizes), size=call.attribute("size"))


def _softmax(call: Call) -> Operation | None:
    """Before operator set 13 all axes from ``axis`` on are normalised together."""
    x = call.x.sizes
    if call.op_type == "Hardmax":
        return None
    together = call.opset < 13
    axis = call.attribute("axis", 1 if together else -1)
    axis = axis % len(x) if x else 0
    size = prod(x[axis:]) if together else x[axis]
    return ops.Softmax(
        rows=prod(x) // size if size else 0, size=size, logarithm=call.op_type == "LogSoftmax"
    )


def _pooling(call: Call) -> Operation:
    x = call.x.sizes
    kernel = tuple(call.attribute("kernel_shape"))
    window = Window.of(call, kernel=kernel)
    return ops.Pooling(
        pool=ops.PoolKind.MAX if call.op_type == "MaxPool" else ops.PoolKind.AVERAGE,
        batch=x[0],
        channels=x[1],
        in_spatial=x[2:],
        out_spatial=call.y.sizes[2:],
        kernel=kernel,
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        count_padding=bool(call.attribute("count_include_pad", 0)),
    )


def _global_pooling(call: Call) -> Operation:
    x = call.x.sizes
    return ops.AdaptivePooling(
        pool=ops.PoolKind.MAX if call.op_type == "GlobalMaxPool" else ops.PoolKind.AVERAGE,
        batch=x[0],
        channels=x[1],
        in_spatial=x[2:],
        out_spatial=(1,) * len(x[2:]),
    )


_REDUCTIONS: dict[str, str] = {
    "ArgMax": "argmax",
    "ArgMin": "argmin",
    "ReduceL1": "L1 norm",
    "ReduceL2": "L2 norm",
    "ReduceLogSum": "log sum",
    "ReduceLogSumExp": "log sum exp",
    "ReduceMax": "max",
    "ReduceMin": "min",
    "ReduceProd": "product",
    "ReduceSum": "sum",
    "ReduceSumSquare": "sum of squares",
}


def _reduction(call: Call) -> Operation:
    if call.x.elements and call.y.elements == call.x.elements and _reduces_nothing(call):
        return ops.free(call.op_type, because="there are no axes to reduce")
    return ops.Reduction(
        function=_REDUCTIONS[call.op_type],
        in_elements=call.x.elements,
        out_elements=call.y.elements,
    )


def _reduces_nothing(call: Call) -> bool:
    return bool(call.attribute("noop_with_empty_axes", 0)) and not call.integers("axes", 1)


def _mean(call: Call) -> Operation:
    rank = len(call.x.sizes)
    if _reduces_nothing(call):
        return ops.free("ReduceMean", because="there are no axes to reduce")
    axes = call.integers("axes", 1) or list(range(rank))
    return ops.mean_over(call.x.sizes, tuple(axes))


def _cumulative_sum(call: Call) -> Operation:
    """Count a running sum of n elements as n − 1 additions, as many as their sum."""
    axis = call.numbers(1)
    size = call.x.sizes[axis[0]] if axis else 1
    return ops.Reduction(
        function="sum" if call.op_type == "CumSum" else "product",
        in_elements=call.x.elements,
        out_elements=call.x.elements // size if size else 0,
    )


def _resize(call: Call) -> Operation:
    before, after = call.x.sizes, call.y.sizes
    changed = sum(old != new for old, new in zip(before, after, strict=True))
    return ops.Interpolation(
        method=call.attribute("mode", "nearest"), axes=changed, out_elements=prod(after)
    )


TABLE: dict[str, Mapper] = {
    **dict.fromkeys(_REDUCTIONS, _reduction),
    "AveragePool": _pooling,
    "BatchNormalization": _batch_normalization,
    "CumProd": _cumulative_sum,
    "CumSum": _cumulative_sum,
    "GlobalAveragePool": _global_pooling,
    "GlobalMaxPool": _global_pooling,
    "GroupNormalization": _group_normalization,
    "InstanceNormalization": _group_normalization,
    "LRN": _local_response_normalization,
    "LayerNormalization": _layer_normalization,
    "LogSoftmax": _softmax,
    "LpNormalization": _l2_normalization,
    "MaxPool": _pooling,
    "RMSNormalization": _layer_normalization,
    "ReduceMean": _mean,
    "Resize": _resize,
    "Softmax": _softmax,
    "Upsample": _resize,
}
"""Standard operators over groups of elements, to the functions that translate them."""
