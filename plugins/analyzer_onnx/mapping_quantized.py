"""Integers that stand for numbers, and arithmetic on them.

A number is ``(q − z)·s``. A contraction multiplies the integers themselves, and each result is
quantised again; zero points are settled beforehand, and cost nothing. Everything else is done with
the numbers that integers stand for: they are dequantised, and the results quantised.
"""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.mapping_elementwise import claim_operands
from analyzer_onnx.mapping_linear import convolution, general_product, matrix_product, recurrent
from analyzer_onnx.mapping_movement import claim_joined

__all__ = ["TABLE", "dequantized", "dynamic_scale", "quantized"]


def quantized(elements: int) -> Operation:
    """Return ``clamp(round(x / s) + z, low, high)``."""
    return ops.Elementwise(function="quantize", elements=elements)


def dequantized(elements: int) -> Operation:
    """Return ``(q − z)·s``."""
    return ops.Elementwise(function="dequantize", elements=elements)


def dynamic_scale(elements: int) -> tuple[Operation, ...]:
    """Return the search for the least and the largest number, and the scale between them."""
    return (
        ops.Reduction(function="min and max", in_elements=elements, out_elements=1),
        ops.Elementwise(function="quantization scale", elements=1),
    )


def _quantize(call: Call) -> Operation:
    """Floating-point numbers of few bits are not rounded to integers, and have no zero point."""
    elements = prod(call.y.sizes)
    if call.y.floating:
        return ops.Elementwise(function="divide", elements=elements)
    return quantized(elements)


def _dequantize(call: Call) -> Operation:
    elements = prod(call.y.sizes)
    if call.x.floating:
        return ops.Elementwise(function="multiply", elements=elements)
    return dequantized(elements)


def _dynamic_quantize(call: Call) -> Operation:
    return call.fused(*dynamic_scale(call.x.elements), quantized(call.x.elements))


def _convolution(call: Call) -> Operation:
    """``x, scale, zero point, w, scale, zero point, scale, zero point, bias``."""
    last = bool(call.attribute("channels_last", 0))
    product = convolution(call, weight=3, bias=8, channels_last=last)
    return call.fused(product, quantized(prod(call.y.sizes)))


def _integer_convolution(call: Call) -> Operation:
    return convolution(call, bias=None)


def _product(call: Call) -> Operation:
    """Take ``a, scale, zero point, b, scale, zero point, scale, zero point``."""
    return call.fused(matrix_product(call, 0, 3), quantized(prod(call.y.sizes)))


def _general_product(call: Call) -> Operation:
    """Take ``a, scale, zero point, b, scale, zero point, c``, and a scale and zero point, or none.

    The factor α goes into the scale; without one the results are floats.
    """
    work = general_product(call, left=0, right=3, addend=6)
    scaled = [step for step in work if getattr(step, "function", "") != "multiply"]
    elements = prod(call.y.sizes)
    whole = quantized(elements) if call.has(7) else _scaled(elements)
    return call.fused(*scaled, whole)


def _scaled(elements: int) -> Operation:
    return ops.Elementwise(function="multiply", elements=elements)


def _product_to_floats(call: Call) -> Operation:
    """Take ``a, b, scales of both, zero points of both, bias``: integers in, floats out."""
    return call.fused(matrix_product(call, bias=6), _scaled(prod(call.y.sizes)))


def _dynamic_product(call: Call) -> Operation:
    """Take ``a, b, scale, zero point, bias``; the scale of a is found first."""
    elements = call.x.elements
    return call.fused(
        *dynamic_scale(elements),
        quantized(elements),
        matrix_product(call, bias=4),
        _scaled(prod(call.y.sizes)),
    )


def _dynamic_lstm(call: Call) -> Operation | None:
    """``x, kernels, bias, …``: inputs and states get a scale, products are of integers.

    The kernels are ``(directions, inputs, gates · hidden)``. A row is quantised before a product,
    and the sums of products of a gate are multiplied with a scale after it.
    """
    directions, inputs, _ = call.input(1).sizes
    layer = recurrent(call, "LSTM", swapped=True)
    if not isinstance(layer, ops.Recurrent):
        return None
    runs = layer.batch * layer.steps * directions
    rows = runs * (inputs + layer.hidden_size)
    sums = 2 * runs * layer.gates * layer.hidden_size
    return call.fused(*dynamic_scale(rows), quantized(rows), layer, _scaled(sums))


def _of_two(function: str, role: str) -> Mapper:
    """Take ``a, scale, zero point, b, scale, zero point``, and the scale of the result."""

    def make(call: Call) -> Operation:
        elements = prod(call.y.sizes)
        bias = claim_operands(call, role, (0, 3))
        return call.fused(
            *(dequantized(call.input(index).elements) for index in (0, 3)),
            ops.Elementwise(function=function, elements=elements, bias=bias),
            quantized(elements),
        )

    return make


def _of_one(function: str) -> Mapper:
    def make(call: Call) -> Operation:
        elements = prod(call.y.sizes)
        step = ops.Elementwise(function=function, elements=elements)
        return call.fused(dequantized(elements), step, quantized(elements))

    return make


def _softmax(call: Call) -> Operation:
    x = call.x.sizes
    together = call.attribute("opset") < 13
    axis = call.attribute("axis", -1) % len(x)
    size = prod(x[axis:]) if together else x[axis]
    rows = prod(x) // size if size else 0
    return call.fused(dequantized(prod(x)), ops.Softmax(rows=rows, size=size), quantized(prod(x)))


def _joined(call: Call) -> Operation:
    """``scale, zero point, then each tensor with its own``: all are brought to one scale."""
    places = range(2, len(call.inputs), 3)
    claim_joined(call, places)
    elements = sum(call.input(index).elements for index in places)
    return call.fused(dequantized(elements), quantized(elements))


def _selected(call: Call) -> Operation:
    elements = prod(call.y.sizes)
    return call.fused(dequantized(elements), quantized(elements))


def _mean(call: Call) -> Operation:
    axes = tuple(call.attribute("axes"))
    mean = ops.mean_over(call.x.sizes, axes)
    return call.fused(dequantized(call.x.elements), mean, quantized(prod(call.y.sizes)))


def _sum(call: Call) -> Operation:
    results = prod(call.y.sizes)
    return ops.Reduction(function="sum", in_elements=call.x.elements, out_elements=results)


def _multiplied(call: Call) -> Operation:
    """Return ``(a − its zero point)·(b − its zero point)``, in whole numbers."""
    subtracted = sum(call.input(index).elements for index in (0, 2) if call.has(index + 1))
    product = _scaled(prod(call.y.sizes))
    return call.fused(
        ops.Elementwise(function="subtract", elements=subtracted) if subtracted else None, product
    )


def _ordered_product(call: Call) -> Operation:
    """Take ``a, scale, b, scale, scale of the result, bias, c, scale``."""
    elements = prod(call.y.sizes)
    added = call.has(6)
    return call.fused(
        matrix_product(call, 0, 2, bias=5),
        dequantized(elements) if added else None,
        ops.Elementwise(function="add", elements=elements) if added else None,
        quantized(elements),
    )


def _ordered_normalization(call: Call) -> Operation:
    """``x, scale, γ, β, scale of the result``."""
    x = call.x.sizes
    call.claim(2, "scale", ("features",))
    call.claim(3, "offset", ("features",))
    norm = ops.Normalization(
        style="layer",
        groups=prod(x[:-1]),
        size=x[-1],
        features=x[-1],
        scale=True,
        offset=call.has(3),
    )
    return call.fused(dequantized(prod(x)), norm, quantized(prod(x)))


_MICROSOFT: dict[str, Mapper] = {
    "DequantizeLinear": _dequantize,
    "DequantizeWithOrder": _dequantize,
    "DynamicQuantizeLSTM": _dynamic_lstm,
    "DynamicQuantizeMatMul": _dynamic_product,
    "MatMulInteger16": matrix_product,
    "MatMulIntegerToFloat": _product_to_floats,
    "MulInteger": _multiplied,
    "QGemm": _general_product,
    "QLinearAdd": _of_two("add", "bias"),
    "QLinearConcat": _joined,
    "QLinearConv": _convolution,
    "QLinearLeakyRelu": _of_one("leaky relu"),
    "QLinearMul": _of_two("multiply", "scale"),
    "QLinearReduceMean": _mean,
    "QLinearSigmoid": _of_one("sigmoid"),
    "QLinearSoftmax": _softmax,
    "QLinearWhere": _selected,
    "QOrderedGelu": _of_one("gelu"),
    "QOrderedLayerNormalization": _ordered_normalization,
    "QOrderedMatMul": _ordered_product,
    "QuantizeLinear": _quantize,
    "QuantizeWithOrder": _quantize,
    "ReduceSumInteger": _sum,
}

TABLE: dict[str, Mapper] = {
    "ConvInteger": _integer_convolution,
    "DequantizeLinear": _dequantize,
    "DynamicQuantizeLinear": _dynamic_quantize,
    "MatMulInteger": matrix_product,
    "QLinearConv": _convolution,
    "QLinearMatMul": _product,
    "QuantizeLinear": _quantize,
    **{f"com.microsoft::{name}": mapper for name, mapper in _MICROSOFT.items()},
}
"""Operators on quantised numbers, to the functions that translate them."""
