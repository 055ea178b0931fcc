"""Contractions with what follows them in one step, quantisation, and sparse tensors."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from analyzer import Operation, ops
from analyzer_tensorflow import mapping_linear
from analyzer_tensorflow.call import Call, Mapper

__all__ = ["TABLE"]

_ACTIVATIONS = {
    "Elu": "elu",
    "GeluApproximate": "gelu tanh",
    "GeluExact": "gelu",
    "LeakyRelu": "leaky relu",
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
}
_CONTRACTIONS = {
    "_FusedConv2D": "Conv2D",
    "_FusedConv3D": "Conv3D",
    "_FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "_FusedMatMul": "MatMul",
}


def _fused(call: Call) -> Operation | None:
    """Translate a contraction, then a bias, a second addend, an activation, as it says."""
    whole = mapping_linear.TABLE[_CONTRACTIONS[call.op]](call)
    if whole is None:
        return None
    elements = call.y.elements
    steps: list[Operation] = [whole]
    at = 2
    for name in call.attribute("fused_ops", []):
        if name in ("BiasAdd", "Add"):
            stored = call.claim(at, "bias") if name == "BiasAdd" else False
            steps.append(ops.Elementwise(function="add", elements=elements, bias=stored))
            at += 1
        elif name in _ACTIVATIONS:
            steps.append(ops.Elementwise(function=_ACTIVATIONS[name], elements=elements))
        else:
            return None
    return call.fused(*steps)


def _each(function: str) -> Mapper:
    def make(call: Call) -> Operation:
        return ops.Elementwise(function=function, elements=call.y.elements)

    return make


def _measured(call: Call) -> Operation:
    """Quantise and back between the least and the greatest element."""
    found = ops.Elementwise(function="fake quantize", elements=call.y.elements)
    if call.attribute("range_given", False):
        return found
    results = call.y.sizes[call.attribute("axis", -1)] if call.attribute("axis", -1) >= 0 else 1
    extremes = ops.Reduction(
        function="min and max", in_elements=call.y.elements, out_elements=results
    )
    return call.fused(extremes, found)


def _sparse_product(call: Call) -> Operation:
    """Multiply each stored element with a row: a product of as many rows as there are elements."""
    return ops.MatrixProduct(
        batch=1, m=call.inputs[1].elements, k=1, n=call.y.sizes[-1] if call.y.sizes else 1
    )


def _sparse(function: str) -> Mapper:
    def make(call: Call) -> Operation:
        return ops.Elementwise(function=function, elements=call.inputs[1].elements)

    return make


def _sparse_reduction(function: str) -> Mapper:
    def make(call: Call) -> Operation:
        return ops.Reduction(
            function=function,
            in_elements=call.inputs[1].elements,
            out_elements=call.y.elements,
            ragged=True,
        )

    return make


def _contrast(call: Call) -> Operation:
    """Move every channel of a picture away from its mean."""
    height, width = call.x.sizes[-3:-1]
    elements = call.x.elements
    means = elements // (height * width) if height * width else 0
    return call.fused(
        ops.Reduction(function="mean", in_elements=elements, out_elements=means),
        ops.Elementwise(function="subtract", elements=elements),
        ops.Elementwise(function="multiply", elements=elements),
        ops.Elementwise(function="add", elements=elements),
    )


def _dilation(call: Call) -> Operation:
    """Take the largest sum of a window and a filter."""
    call.claim(1, "kernel", ("kernel height", "kernel width", "channels"))
    taps = prod(call.inputs[1].sizes[:2]) * call.y.elements
    return call.fused(
        ops.Elementwise(function="add", elements=taps),
        ops.Reduction(function="max", in_elements=taps, out_elements=call.y.elements),
    )


def _three_diagonals(call: Call) -> Operation:
    *batch, rows, columns = call.y.sizes
    return ops.MatrixProduct(batch=prod(batch), m=rows, k=3, n=columns)


def _log_determinant(call: Call) -> Operation:
    """Factorize, and add up the logarithms of the absolute values of the diagonal."""
    *batch, size, _ = call.x.sizes
    many = prod(batch)
    function: Callable[[str], Operation] = lambda name: ops.Elementwise(  # noqa: E731
        function=name, elements=many * size
    )
    return call.fused(
        ops.Factorization(method="LU", batch=many, size=size),
        function("sign"),
        ops.Reduction(function="product", in_elements=many * size, out_elements=many),
        function("abs"),
        function("log"),
        ops.Reduction(function="sum", in_elements=many * size, out_elements=many),
    )


TABLE: dict[str, Mapper] = {
    **dict.fromkeys(_CONTRACTIONS, _fused),
    "AdjustContrastv2": _contrast,
    "Dequantize": _each("dequantize"),
    "Dilation2D": _dilation,
    "LogMatrixDeterminant": _log_determinant,
    "QuantizeAndDequantizeV2": _measured,
    "QuantizeAndDequantizeV3": _measured,
    "QuantizeAndDequantizeV4": _measured,
    "QuantizeV2": _each("quantize"),
    "SparseDenseCwiseAdd": _sparse("add"),
    "SparseDenseCwiseDiv": _sparse("divide"),
    "SparseDenseCwiseMul": _sparse("multiply"),
    "SparseReduceMax": _sparse_reduction("max"),
    "SparseReduceSum": _sparse_reduction("sum"),
    "SparseTensorDenseAdd": _sparse("add"),
    "SparseTensorDenseMatMul": _sparse_product,
    "TridiagonalMatMul": _three_diagonals,
    "UniformDequantize": _each("dequantize"),
    "UniformQuantize": _each("quantize"),
}
"""Operations of several steps, to the functions that translate them."""
