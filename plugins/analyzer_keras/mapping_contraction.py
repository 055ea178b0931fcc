"""Convolutions, matrix products, einsum, attention."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from analyzer.ops import (
    Attention,
    Convolution,
    Einsum,
    Elementwise,
    Linear,
    Mask,
    MatrixProduct,
    Operation,
    spatial_axes,
)
from analyzer_keras.calls import Call, Found, Translator, channels_last
from analyzer_keras.windows import Window, pairs, spatial_of

__all__ = ["CONTRACTIONS"]


def _convolution(call: Call) -> Operation:
    """Translate ``(batch, …, in), (*kernel, in / groups, filters) → (batch, …, filters)``."""
    kernel = tuple(call["kernel"].shape)
    call.use(
        "kernel", "kernel", (*spatial_axes("kernel", len(kernel) - 2), "input channels", "filters")
    )
    window = Window.of(call, kernel[:-2])
    return Convolution(
        batch=call["inputs"].shape[0],
        in_channels=window.in_channels,
        out_channels=kernel[-1],
        groups=window.in_channels // kernel[-2],
        in_spatial=window.in_spatial,
        out_spatial=window.out_spatial,
        kernel=kernel[:-2],
        stride=window.stride,
        dilation=window.dilation,
        padding=window.padding,
        bias=False,
    )


def _depthwise(call: Call, kernel_name: str = "kernel") -> Convolution:
    """Translate a convolution of each channel by itself, with ``multiplier`` filters each."""
    *sizes, channels, multiplier = call[kernel_name].shape
    axes = (*spatial_axes("kernel", len(sizes)), "input channels", "filters per channel")
    call.use(kernel_name, "kernel", axes)
    window = Window.of(call, tuple(sizes))
    return Convolution(
        batch=call["inputs"].shape[0],
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


def _separable(call: Call) -> list[Found]:
    """Translate a depthwise convolution and the 1 × 1 convolution that mixes its channels."""
    depthwise = _depthwise(call, "depthwise_kernel")
    rank = len(depthwise.kernel)
    axes = (*spatial_axes("kernel", rank), "input channels", "filters")
    call.use("pointwise_kernel", "kernel", axes)
    pointwise = Convolution(
        batch=depthwise.batch,
        in_channels=depthwise.out_channels,
        out_channels=call["pointwise_kernel"].shape[-1],
        groups=1,
        in_spatial=depthwise.out_spatial,
        out_spatial=depthwise.out_spatial,
        kernel=(1,) * rank,
        stride=(1,) * rank,
        dilation=(1,) * rank,
        padding=((0, 0),) * rank,
        bias=False,
    )
    channels = (depthwise.out_channels,)
    between = (
        (*depthwise.out_spatial, *channels)
        if channels_last(call)
        else (*channels, *depthwise.out_spatial)
    )
    return [
        Found(depthwise, (depthwise.batch, *between), ("inputs", "depthwise_kernel")),
        Found(pointwise, None, ("pointwise_kernel",)),
    ]


def _transposed(call: Call) -> Operation:
    """Translate ``(batch, …, in), (*kernel, filters, in) → (batch, …, filters)``."""
    *sizes, filters, channels = call["kernel"].shape
    call.use("kernel", "kernel", (*spatial_axes("kernel", len(sizes)), "filters", "input channels"))
    rank = len(sizes)
    last = channels_last(call)
    into, out = spatial_of(call["inputs"].shape, last=last), spatial_of(call.shape, last=last)
    stride, dilation = (
        pairs(call.setting("strides"), rank),
        pairs(call.setting("dilation_rate"), rank),
    )
    return Convolution(
        batch=call["inputs"].shape[0],
        in_channels=channels,
        out_channels=filters,
        groups=1,
        in_spatial=into,
        out_spatial=out,
        kernel=tuple(sizes),
        stride=stride,
        dilation=dilation,
        padding=tuple(
            _halves((size - 1) * step + (taps - 1) * gap + 1 - result)
            for size, step, taps, gap, result in zip(
                into, stride, sizes, dilation, out, strict=True
            )
        ),
        bias=False,
        transposed=True,
    )


def _halves(total: int) -> tuple[int, int]:
    total = max(total, 0)
    return total // 2, total - total // 2


def _matmul(call: Call) -> Operation:
    """Translate ``(…, m, k) @ (…, k, n)``: a dense layer where the second one is stored."""
    left, right = tuple(call["x1"].shape), tuple(call["x2"].shape)
    if len(right) == 2 and call.is_parameter("x2") and not call.is_parameter("x1"):
        return _dense(call, "x2", rows=prod(left[:-1]), sizes=right)
    return _product(left, right)


def _dense(call: Call, kernel: str, *, rows: int, sizes: Sequence[int]) -> Operation:
    call.use(kernel, "kernel", ("input features", "output features"))
    inputs, outputs = sizes
    return Linear(rows=rows, in_features=inputs, out_features=outputs, bias=False)


def _product(left: tuple[int, ...], right: tuple[int, ...]) -> Operation:
    import numpy as np

    left = left if len(left) > 1 else (1, *left)
    right = right if len(right) > 1 else (*right, 1)
    batch = prod(np.broadcast_shapes(left[:-2], right[:-2]))
    return MatrixProduct(batch=batch, m=left[-2], k=left[-1], n=right[-1])


def _dot(call: Call) -> Operation:
    """Translate ``dot``: over the last axis of the first and the last but one of the second."""
    left, right = tuple(call["x1"].shape), tuple(call["x2"].shape)
    if not left or not right:
        return Elementwise(function="multiply", elements=call.elements)
    if len(right) <= 2:
        return _matmul(call)
    return MatrixProduct(
        batch=1, m=prod(left[:-1]), k=left[-1], n=prod(right) // left[-1] if left[-1] else 0
    )


def _inner(call: Call) -> Operation:
    left, right = tuple(call["x1"].shape), tuple(call["x2"].shape)
    if not left or not right:
        return Elementwise(function="multiply", elements=call.elements)
    return MatrixProduct(batch=1, m=prod(left[:-1]), k=left[-1], n=prod(right[:-1]))


def _outer(call: Call) -> Operation:
    return Elementwise(function="multiply", elements=call.elements)


def _vdot(call: Call) -> Operation:
    return MatrixProduct(batch=1, m=1, k=prod(call["x1"].shape), n=1)


def _tensordot(call: Call) -> Operation:
    """Translate ``tensordot``: a dense layer where it ends in a stored matrix."""
    left, right = tuple(call["x1"].shape), tuple(call["x2"].shape)
    axes = call.setting("axes", 2)
    if isinstance(axes, int):
        summed = tuple(left[len(left) - axes :])
        plain = axes == 1
    else:
        first = axes[0] if isinstance(axes[0], (tuple, list)) else (axes[0],)
        second = axes[1] if isinstance(axes[1], (tuple, list)) else (axes[1],)
        summed = tuple(left[axis] for axis in first)
        plain = len(first) == 1 and second[0] % len(right) == 0
    k = prod(summed)
    rows, columns = prod(left) // k, prod(right) // k
    if plain and len(right) == 2 and call.is_parameter("x2"):
        return _dense(call, "x2", rows=rows, sizes=right)
    return MatrixProduct(batch=1, m=rows, k=k, n=columns)


def _einsum(call: Call) -> Operation:
    """Translate ``einsum``: a dense layer where one operand is a stored kernel without a batch."""
    operands = list(call["operands"])
    labels, output = _labels(call.setting("subscripts"), operands, len(call.shape))
    sizes = {
        label: size
        for text, operand in zip(labels, operands, strict=True)
        for label, size in zip(text, operand.shape, strict=True)
        if size != 1
    }
    for label in {*"".join(labels), *output}:
        sizes.setdefault(label, 1)
    stored = [at for at, operand in enumerate(operands) if call.parameter_of(operand)]
    if len(operands) == 2 and len(stored) == 1:
        kernel, other = labels[stored[0]], labels[1 - stored[0]]
        summed = [label for label in kernel if label in other and label not in output]
        made = [label for label in kernel if label not in other and label in output]
        plain = len(set(kernel)) == len(kernel) == len(summed) + len(made)
        kept = [label for label in other if label not in summed]
        if plain and summed and made and all(label in output for label in kept):
            name = call.parameter_of(operands[stored[0]])
            assert name is not None
            axes = tuple(
                "input features" if label in summed else "output features" for label in kernel
            )
            call.roles[name] = ("kernel", axes if len(kernel) == 2 else ())
            return Linear(
                rows=prod(sizes[label] for label in kept),
                in_features=prod(sizes[label] for label in summed),
                out_features=prod(sizes[label] for label in made),
                bias=False,
            )
    return Einsum(operands=tuple(labels), output=output, sizes=tuple(sorted(sizes.items())))


def _labels(subscripts: str, operands: Sequence[Any], out_rank: int) -> tuple[list[str], str]:
    """Return the labels of operands and result, with an ellipsis written out."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    spare = [label for label in map(chr, range(ord("A"), ord("z"))) if label.isalpha()]
    spare = [label for label in spare if label not in text]
    widest = max(
        (len(operand.shape) - len(term.replace("...", "")))
        for term, operand in zip(terms, operands, strict=True)
    )
    dots = "".join(spare[: max(widest, 0)])

    def written(term: str, rank: int) -> str:
        if "..." not in term:
            return term
        count = rank - (len(term) - 3)
        return term.replace("...", dots[len(dots) - count :])

    labels = [
        written(term, len(operand.shape)) for term, operand in zip(terms, operands, strict=True)
    ]
    if arrow:
        return labels, written(right, out_rank)
    together = "".join(labels)
    once = sorted(label for label in set(together) if together.count(label) == 1)
    implied = dots if "..." in left else ""
    return labels, implied + "".join(label for label in once if label not in implied)


def _attention(call: Call) -> Operation:
    """Translate ``(batch, queries, heads, width)`` attention, masked or not."""
    batch, queries, heads, width = call["query"].shape
    _, keys, kv_heads, v_width = call["value"].shape
    if call["bias"] is not None:
        mask = Mask.ADDITIVE
    elif call["mask"] is not None:
        mask = Mask.BOOLEAN
    else:
        mask = Mask.CAUSAL if call.setting("is_causal") else Mask.NONE
    return Attention(
        batch=batch,
        heads=heads,
        kv_heads=kv_heads,
        queries=queries,
        keys=keys,
        qk_width=width,
        v_width=v_width,
        mask=mask,
    )


CONTRACTIONS: dict[str, Translator] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "DepthwiseConv": _depthwise,
    "Dot": _dot,
    "DotProductAttention": _attention,
    "Einsum": _einsum,
    "Inner": _inner,
    "Matmul": _matmul,
    "Outer": _outer,
    "SeparableConv": _separable,
    "Tensordot": _tensordot,
    "Vdot": _vdot,
}
