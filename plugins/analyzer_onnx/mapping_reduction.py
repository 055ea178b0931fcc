"""Normalisations, softmax, pooling, reductions and resampling."""

from __future__ import annotations

from math import prod

from analyzer import Kind, Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.windows import Window

__all__ = ["TABLE", "global_pooling", "pooling"]


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
    if not (instance and _is_bare(call)):
        call.claim(1, "scale", ("channels",))
        call.claim(2, "offset", ("channels",))
    return ops.Normalization(
        style="instance" if instance else "group",
        groups=x[0] * groups,
        size=prod(x[1:]) // groups,
        features=call.input(1).elements,  # before operator set 21 one a group
        scale=True,
        offset=True,
    )


def _is_bare(call: Call) -> bool:
    """Tell ones and zeros that an exporter puts in, for it has groups where this has channels."""
    ones, zeros = call.numbers(1), call.numbers(2)
    if ones is None or zeros is None or call.x.maker != "Reshape":
        return False
    return all(number == 1 for number in ones) and not any(zeros)


def _mean_variance_normalization(call: Call) -> Operation:
    """Normalise over some axes, the channels one by one unless told otherwise."""
    x = call.x.sizes
    axes = {axis % len(x) for axis in call.attribute("axes", [0, 2, 3])}
    size = prod(x[axis] for axis in axes)
    return ops.Normalization(style="MeanVariance", groups=prod(x) // size if size else 0, size=size)


def _norm_normalization(call: Call) -> Operation:
    """Divide by the root of the sum of squares, or by the sum of absolute values."""
    x = call.x.sizes
    size = x[call.attribute("axis", -1) % len(x)]
    rows = prod(x) // size if size else 0
    if call.attribute("p", 2) == 1:
        return call.fused(
            ops.Reduction(function="L1 norm", in_elements=prod(x), out_elements=rows),
            ops.Elementwise(function="divide", elements=prod(x)),
        )
    return ops.Normalization(
        style="L2",
        groups=rows,
        size=size,
        centered=False,
        averaged=False,
        epsilon=False,
    )


def _local_response_normalization(call: Call) -> Operation:
    return ops.LocalResponseNormalization(elements=prod(call.x.sizes), size=call.attribute("size"))


def _softmax(call: Call) -> Operation:
    """Before operator set 13 all axes from ``axis`` on are taken together."""
    x = call.x.sizes
    together = call.opset < 13
    axis = call.attribute("axis", 1 if together else -1)
    axis = axis % len(x) if x else 0
    size = prod(x[axis:]) if together else x[axis]
    rows = prod(x) // size if size else 0
    if call.op_type == "Hardmax":  # the largest becomes 1, all others 0
        return ops.Reduction(function="argmax", in_elements=prod(x), out_elements=rows)
    return ops.Softmax(rows=rows, size=size, logarithm=call.op_type == "LogSoftmax")


def pooling(call: Call, pool: ops.PoolKind, *, channels_last: bool = False) -> Operation:
    """Return a pooling by windows."""
    x, y = call.x.sizes, call.y.sizes
    maps = (x[1:-1], y[1:-1]) if channels_last else (x[2:], y[2:])
    kernel = tuple(call.attribute("kernel_shape"))
    window = Window.of(call, kernel=kernel, maps=maps)
    return ops.Pooling(
        pool=pool,
        batch=x[0],
        channels=x[-1] if channels_last else x[1],
        in_spatial=maps[0],
        out_spatial=maps[1],
        kernel=kernel,
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        count_padding=bool(call.attribute("count_include_pad", 0)),
    )


def _pooling(call: Call) -> Operation:
    largest = call.op_type == "MaxPool"
    return pooling(call, ops.PoolKind.MAX if largest else ops.PoolKind.AVERAGE)


def global_pooling(call: Call, pool: ops.PoolKind, *, channels_last: bool = False) -> Operation:
    """Return a pooling of whole maps."""
    x = call.x.sizes
    spatial = x[1:-1] if channels_last else x[2:]
    return ops.AdaptivePooling(
        pool=pool,
        batch=x[0],
        channels=x[-1] if channels_last else x[1],
        in_spatial=spatial,
        out_spatial=(1,) * len(spatial),
    )


def _global_pooling(call: Call) -> Operation:
    largest = call.op_type == "GlobalMaxPool"
    return global_pooling(call, ops.PoolKind.MAX if largest else ops.PoolKind.AVERAGE)


def _norm_pooling(call: Call) -> Operation:
    """Take the norm of each window, or of a whole map; taps on padding are counted."""
    x, y = call.x.sizes, call.y.sizes
    whole = call.op_type == "GlobalLpPool"
    window = prod(x[2:]) if whole else prod(call.attribute("kernel_shape"))
    function = {1: "L1 norm", 2: "L2 norm"}.get(call.attribute("p", 2), "Lp norm")
    return ops.Reduction(function=function, in_elements=prod(y) * window, out_elements=prod(y))


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
    changed = [sizes for sizes in zip(before, after, strict=True) if sizes[0] != sizes[1]]
    method = call.attribute("mode", "nearest")
    filtered = bool(call.attribute("antialias", 0)) and method != "nearest" and prod(before)
    return ops.Interpolation(
        method=method,
        axes=len(changed),
        out_elements=prod(after),
        antialiased=tuple(changed) if filtered else (),
    )


TABLE: dict[str, Mapper] = {
    **dict.fromkeys(_REDUCTIONS, _reduction),
    "AveragePool": _pooling,
    "BatchNormalization": _batch_normalization,
    "CumProd": _cumulative_sum,
    "CumSum": _cumulative_sum,
    "GlobalAveragePool": _global_pooling,
    "GlobalLpPool": _norm_pooling,
    "GlobalMaxPool": _global_pooling,
    "GroupNormalization": _group_normalization,
    "Hardmax": _softmax,
    "InstanceNormalization": _group_normalization,
    "LRN": _local_response_normalization,
    "LayerNormalization": _layer_normalization,
    "LogSoftmax": _softmax,
    "LpNormalization": _norm_normalization,
    "LpPool": _norm_pooling,
    "MaxPool": _pooling,
    "MeanVarianceNormalization": _mean_variance_normalization,
    "RMSNormalization": _layer_normalization,
    "ReduceMean": _mean,
    "Resize": _resize,
    "Softmax": _softmax,
    "Upsample": _resize,
}
"""Standard operators over groups of elements, to the functions that translate them."""
