"""Operators on numbers of few bits, whose weights come packed in an object or as integers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from analyzer import Operation
from analyzer.ops import COPY, Convolution, Elementwise, Linear, free
from analyzer_torch.call import Call, Maker
from analyzer_torch.mapping_common import elementwise, fused, reduced, unknown

__all__ = ["QUANTIZED"]

_UNPACKED = "a weight is unpacked: it is the same for every input"

_ACTIVATIONS = {"leaky_relu": "leaky relu", "relu": "relu", "tanh": "tanh"}
"""How the name of an operator that does several things ends, and the last of them."""


def _packed(call: Call) -> Any:
    return next(value for value in call.arguments.values() if isinstance(value, torch.ScriptObject))


def _around(call: Call, product: Operation) -> Operation:
    """Give a product of integers what comes before and after it.

    Its result is brought to the scale of the output. The scale of a dynamic one's input is found
    first; then the result are floats, which the scales of both sides are multiplied with.
    """
    source: Tensor = call.first
    name = call.name
    last = next((name for end, name in _ACTIVATIONS.items() if call.name.endswith(end)), None)
    dynamic = "dynamic" in name
    if "fp16" in name:
        return fused(call, product, elementwise(call, "relu") if "relu" in name else None)
    return fused(
        call,
        reduced(call, "min and max", source.numel(), 1) if dynamic else None,
        Elementwise(function="quantize", elements=source.numel()) if dynamic else None,
        product,
        elementwise(call, "add") if "add" in name else None,
        elementwise(call, "relu") if dynamic and "relu" in name else None,
        elementwise(call, last) if last and not dynamic else None,
        elementwise(call, "multiply" if dynamic else "quantize"),
    )


def _linear(call: Call) -> Operation:
    """``(…, in), packed (out, in) → (…, out)``."""
    weight, bias = _packed(call).unpack()
    out_features, in_features = weight.shape
    rows = call.first.numel() // in_features
    linear = Linear(
        rows=rows, in_features=in_features, out_features=out_features, bias=bias is not None
    )
    return _around(call, linear)


def _convolution(call: Call) -> Operation:
    """``(batch, in, *spatial), packed (out, in / groups, *kernel) → (batch, out, *spatial)``."""
    packed = _packed(call)
    weight, bias = packed.unpack()
    source, output = call.first, call.output
    axes = source.dim() - 2

    def each(sizes: Any) -> tuple[int, ...]:
        return tuple(sizes)[-axes:]  # in one dimension, it is packed as in two

    convolution = Convolution(
        batch=source.shape[0],
        in_channels=source.shape[1],
        out_channels=output.shape[1],
        groups=packed.groups(),
        in_spatial=tuple(source.shape[2:]),
        out_spatial=tuple(output.shape[2:]),
        kernel=each(weight.shape[2:]),
        stride=each(packed.stride()),
        dilation=each(packed.dilation()),
        padding=tuple((size, size) for size in each(packed.padding())),
        bias=bias is not None,
        transposed=bool(packed.transpose()),
    )
    return _around(call, convolution)


def _of_two(name: str) -> Maker:
    """Both sides get their scale, and the result that of the output."""

    def make(call: Call) -> Operation:
        operands = [tensor for tensor in call.tensors() if tensor.dtype.is_floating_point is False]
        return fused(
            call,
            *(Elementwise(function="dequantize", elements=one.numel()) for one in operands[:2]),
            elementwise(call, name),
            elementwise(call, "relu") if call.name.endswith("relu") else None,
            elementwise(call, "quantize"),
        )

    return make


def _joined(call: Call) -> Operation:
    if call["scale"] is not None or call.name.endswith("relu"):
        return unknown(call)
    return free(call.name, because=COPY)


def _unpacked(call: Call) -> Operation:
    """Turn integers into the numbers they stand for; a weight's are the same for every input."""
    stored = call.stored(call.first)
    if stored is None or call.first.numel() < 2:
        return Elementwise(function="dequantize", elements=call.first.numel())
    call.unpacked = stored
    return free("dequantize", because=_UNPACKED)


def _quantized(call: Call) -> Operation:
    return Elementwise(function="quantize", elements=call.output.numel())


def _limits(call: Call) -> Operation:
    """Find the least and the greatest number, of all or of each row, and the scale between."""
    found = call.output.numel()
    return fused(
        call,
        reduced(call, "min and max", call.first.numel(), found),
        Elementwise(function="quantization scale", elements=found),
    )


QUANTIZED: dict[str, Maker] = {
    "quantized.add": _of_two("add"),
    "quantized.add_relu": _of_two("add"),
    "quantized.cat": _joined,
    "quantized.conv1d": _convolution,
    "quantized.conv1d_dynamic": _convolution,
    "quantized.conv1d_relu": _convolution,
    "quantized.conv2d": _convolution,
    "quantized.conv2d_add": _convolution,
    "quantized.conv2d_add_relu": _convolution,
    "quantized.conv2d_dynamic": _convolution,
    "quantized.conv2d_relu": _convolution,
    "quantized.conv3d": _convolution,
    "quantized.conv3d_dynamic": _convolution,
    "quantized.conv3d_relu": _convolution,
    "quantized.conv_transpose1d": _convolution,
    "quantized.conv_transpose1d_dynamic": _convolution,
    "quantized.conv_transpose2d": _convolution,
    "quantized.conv_transpose2d_dynamic": _convolution,
    "quantized.conv_transpose3d": _convolution,
    "quantized.conv_transpose3d_dynamic": _convolution,
    "quantized.linear": _linear,
    "quantized.linear_dynamic": _linear,
    "quantized.linear_dynamic_fp16": _linear,
    "quantized.linear_leaky_relu": _linear,
    "quantized.linear_relu": _linear,
    "quantized.linear_relu_dynamic": _linear,
    "quantized.linear_relu_dynamic_fp16": _linear,
    "quantized.linear_tanh": _linear,
    "quantized.mul": _of_two("multiply"),
    "quantized.mul_relu": _of_two("multiply"),
    "quantized_decomposed.choose_qparams": _limits,
    "quantized_decomposed.choose_qparams_per_token": _limits,
    "quantized_decomposed.choose_qparams_per_token_asymmetric": _limits,
    "quantized_decomposed.choose_qparams_symmetric": _limits,
    "quantized_decomposed.dequantize_per_channel": _unpacked,
    "quantized_decomposed.dequantize_per_channel_group": _unpacked,
    "quantized_decomposed.dequantize_per_tensor": _unpacked,
    "quantized_decomposed.dequantize_per_token": _unpacked,
    "quantized_decomposed.quantize_per_channel": _quantized,
    "quantized_decomposed.quantize_per_channel_group": _quantized,
    "quantized_decomposed.quantize_per_tensor": _quantized,
    "quantized_decomposed.quantize_per_token": _quantized,
}
"""Name → function that makes our operation, for ``torch.ao.nn.quantized`` and programs that
spell quantisation out."""
