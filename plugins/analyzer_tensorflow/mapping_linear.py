"""Contractions, and the biases that belong to them."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from analyzer import Operation, ops
from analyzer_tensorflow.call import Call, Mapper
from analyzer_tensorflow.einsum import labels_of
from analyzer_tensorflow.mapping_elementwise import added
from analyzer_tensorflow.values import Step, Value
from analyzer_tensorflow.windows import Window, spatial_of

__all__ = ["TABLE"]


def _is_complex(call: Call) -> bool:
    return call.y.dtype.startswith("complex")


def _convolution(call: Call) -> Operation:
    """Translate ``(batch, …, in), (*kernel, in / groups, filters) → (batch, …, filters)``."""
    x, kernel, y = call.x.sizes, call.inputs[1].sizes, call.y.sizes
    channels = x[-1] if call.channels_last else x[1]
    axes = (*ops.spatial_axes("kernel", len(kernel) - 2), "input channels", "filters")
    call.claim(1, "kernel", axes)
    window = Window.of(call, kernel[:-2], spatial_of(call, x), spatial_of(call, y))
    return ops.Convolution(
        batch=x[0],
        in_channels=channels,
        out_channels=kernel[-1],
        groups=channels // kernel[-2] if kernel[-2] else 1,
        in_spatial=window.in_spatial,
        out_spatial=window.out_spatial,
        kernel=kernel[:-2],
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        bias=False,
        complex_numbers=_is_complex(call),
    )


def _depthwise(call: Call) -> Operation:
    """Translate a convolution of each channel by itself, with ``multiplier`` filters each."""
    x, y = call.x.sizes, call.y.sizes
    *sizes, channels, multiplier = call.inputs[1].sizes
    call.claim(
        1,
        "kernel",
        (*ops.spatial_axes("kernel", len(sizes)), "input channels", "filters per channel"),
    )
    window = Window.of(call, tuple(sizes), spatial_of(call, x), spatial_of(call, y))
    return ops.Convolution(
        batch=x[0],
        in_channels=channels,
        out_channels=channels * multiplier,
        groups=channels,
        in_spatial=window.in_spatial,
        out_spatial=window.out_spatial,
        kernel=tuple(sizes),
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        bias=False,
    )


def _transposed(call: Call) -> Operation:
    """Translate ``sizes, (*kernel, filters, in), (batch, …, in) → (batch, …, filters)``.

    It is the gradient of a convolution, which layers use as a transposed one.
    """
    x, kernel, y = call.inputs[2].sizes, call.inputs[1].sizes, call.y.sizes
    depthwise = call.op.startswith("Depthwise")
    filters = y[-1] if call.channels_last else y[1]
    channels = x[-1] if call.channels_last else x[1]
    axes = (*ops.spatial_axes("kernel", len(kernel) - 2), "filters", "input channels")
    call.claim(1, "kernel", axes)
    window = Window.of(call, kernel[:-2], spatial_of(call, y), spatial_of(call, x))
    groups = filters if depthwise else filters // kernel[-2] if kernel[-2] else 1
    return ops.Convolution(
        batch=x[0],
        in_channels=channels,
        out_channels=filters,
        groups=groups,
        in_spatial=window.out_spatial,
        out_spatial=window.in_spatial,
        kernel=kernel[:-2],
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        bias=False,
        transposed=True,
    )


def _matmul(call: Call) -> Operation:
    """Translate a product of two matrices: a dense layer where one is stored."""
    left = _turned(call.x.sizes, call.attribute("transpose_a", False))
    right = _turned(call.inputs[1].sizes, call.attribute("transpose_b", False))
    return _dense(call, left, right)


def _batch_matmul(call: Call) -> Operation:
    left = _turned(call.x.sizes, call.attribute("adj_x", False))
    right = _turned(call.inputs[1].sizes, call.attribute("adj_y", False))
    return _dense(call, left, right)


def _dense(call: Call, left: tuple[int, ...], right: tuple[int, ...]) -> Operation:
    shared = prod(right[:-2]) == 1
    if call.inputs[1].weight is None or call.x.weight is not None or not shared:
        return _product(call, left, right)
    turned = call.attribute("transpose_b", False) or call.attribute("adj_y", False)
    axes = (
        ("output features", "input features") if turned else ("input features", "output features")
    )
    call.claim(1, "kernel", axes)
    return ops.Linear(
        rows=prod(left[:-1]),
        in_features=right[-2],
        out_features=right[-1],
        bias=False,
        complex_numbers=_is_complex(call),
    )


def _product(call: Call, left: tuple[int, ...], right: tuple[int, ...]) -> Operation:
    call.claim(0, "kernel", assumed=True)
    call.claim(1, "kernel", assumed=True)
    return ops.MatrixProduct(
        batch=prod(call.y.sizes[:-2]),
        m=left[-2],
        k=left[-1],
        n=right[-1],
        complex_numbers=_is_complex(call),
    )


def _turned(shape: tuple[int, ...], turned: bool) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1], shape[-2]) if turned else shape


def _einsum(call: Call) -> Operation:
    """Translate ``einsum``: a dense layer where one operand is a stored kernel without a batch."""
    shapes = [value.sizes for value in call.inputs]
    labels, output = labels_of(call.attribute("equation"), shapes, len(call.y.sizes))
    sizes: dict[str, int] = {}
    for text, shape in zip(labels, shapes, strict=True):
        for label, size in zip(text, shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 1)) if size != 1 else sizes.get(label, 1)
    stored = [at for at, value in enumerate(call.inputs) if value.weight is not None]
    if len(labels) == 2 and len(stored) == 1:
        kernel, other = labels[stored[0]], labels[1 - stored[0]]
        summed = [label for label in kernel if label in other and label not in output]
        made = [label for label in kernel if label not in other and label in output]
        kept = [label for label in other if label not in summed]
        plain = len(set(kernel)) == len(kernel) == len(summed) + len(made)
        if plain and summed and made and all(label in output for label in kept):
            axes = ("input features" if one in summed else "output features" for one in kernel)
            call.claim(stored[0], "kernel", tuple(axes) if len(kernel) == 2 else ())
            return ops.Linear(
                rows=prod(sizes[label] for label in kept),
                in_features=prod(sizes[label] for label in summed),
                out_features=prod(sizes[label] for label in made),
                bias=False,
            )
    for at in stored:
        call.claim(at, "kernel", assumed=True)
    return ops.Einsum(
        operands=tuple(labels),
        output=output,
        sizes=tuple(sorted(sizes.items())),
        complex_numbers=_is_complex(call),
    )


def _bias(call: Call) -> Operation | None:
    """Put a stored bias into the contraction just before, where nothing else reads its result."""
    bias = call.inputs[1]
    for at, (value, other) in enumerate(((call.x, bias), (bias, call.x))):
        step = _contraction(value)
        if other.stored is None or step is None or call.y.sizes != value.sizes:
            continue
        operation = step.operation
        assert isinstance(operation, ops.Linear | ops.Convolution)
        if isinstance(operation, ops.Convolution):
            width, axis = operation.out_channels, "filters"
        else:
            width, axis = operation.out_features, "output features"
        if other.elements != width or not _is_last(other.sizes, call.y.sizes):
            continue
        call.claim(1 - at, "bias", (axis,))
        step.operation = replace(operation, bias=True)
        call.merged = step
        call.y.base = value
        return None
    return added(call)


def _is_last(bias: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Say whether a bias has one number a feature: a vector, or one in the shape of the heads."""
    if sum(size > 1 for size in bias) <= 1:
        return True
    while bias and bias[0] == 1:
        bias = bias[1:]
    return whole[len(whole) - len(bias) :] == bias


def _contraction(value: Value) -> Step | None:
    """Return the contraction that made a value, if it alone is what is made of its result."""
    step = value.step
    if step is None:
        return None
    while value.base is not None and value.step is step and value.readers == 1:
        value = value.base
    operation = step.operation
    without = isinstance(operation, ops.Linear | ops.Convolution) and not operation.bias
    return step if without and value.readers == 1 and value is step.outputs[0] else None


def _dilated(call: Call) -> Operation:
    """Read what TensorFlow writes around a dilated convolution as that convolution.

    ``SpaceToBatchND`` makes of a map as many as the dilation has places, each of them is convolved
    without gaps, and ``BatchToSpaceND`` puts them together again. A convolution along one axis has
    a second one of size 1 in between.
    """
    moved = ops.free(call.op, because=ops.COPY)
    step, block = call.x.step, call.numbers(1)
    if step is None or block is None or not step.inputs:
        return moved
    operation, before = step.operation, step.inputs[0].step
    spread = before is not None and before.native == "SpaceToBatchND" and not before.dropped
    if not spread or before is None or not isinstance(operation, ops.Convolution):
        return moved
    source, rank = before.inputs[0], len(operation.kernel)
    last = step.outputs[0].sizes[-1] == operation.out_channels
    ones = (1,) * (rank - len(block))
    into, out = (*ones, *_places(source.sizes, last)), (*ones, *_places(call.y.sizes, last))
    gaps = (*ones, *(int(gap) for gap in block))
    only = len({len(into), len(out), len(gaps), rank}) == 1 and call.x.readers == 1
    if not only or set(operation.stride) != {1} or operation.in_spatial[: len(ones)] != ones:
        return moved
    needed = [
        max((taps - 1) * gap + size - old, 0)
        for taps, gap, size, old in zip(operation.kernel, gaps, out, into, strict=True)
    ]
    step.operation = replace(
        operation,
        batch=source.sizes[0],
        in_spatial=into,
        out_spatial=out,
        dilation=gaps,
        padding=tuple((total // 2, total - total // 2) for total in needed),
    )
    for value, maker in ((step.inputs[0], before), (call.x, step)):
        _drop_views(value, maker)
    step.inputs, step.outputs = [source], [call.y]
    before.dropped = True
    call.merged = step
    return moved


def _drop_views(value: Value, maker: Step) -> None:
    """Leave out the views that lead to a value from what made it."""
    while value.made_by is not maker and value.made_by is not None and value.base is not None:
        value.made_by.dropped = True
        value = value.base


def _places(shape: tuple[int, ...], last: bool) -> tuple[int, ...]:
    return shape[1:-1] if last else shape[2:]


TABLE: dict[str, Mapper] = {
    "Add": _bias,
    "AddV2": _bias,
    "BatchMatMul": _batch_matmul,
    "BatchMatMulV2": _batch_matmul,
    "BatchMatMulV3": _batch_matmul,
    "BatchToSpaceND": _dilated,
    "BiasAdd": _bias,
    "BiasAddV1": _bias,
    "Conv": _convolution,
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _transposed,
    "Conv2DBackpropInputV2": _transposed,
    "Conv3D": _convolution,
    "Conv3DBackpropInput": _transposed,
    "Conv3DBackpropInputV2": _transposed,
    "DepthwiseConv2dNative": _depthwise,
    "DepthwiseConv2dNativeBackpropInput": _transposed,
    "Einsum": _einsum,
    "MatMul": _matmul,
    "SparseMatMul": _matmul,
    "XlaEinsum": _einsum,
}
"""Operations that multiply and sum, to the functions that translate them."""
