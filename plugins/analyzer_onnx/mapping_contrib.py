"""Operators of ONNX Runtime that do several things in one step, as its optimizer fuses them."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.mapping_linear import convolution, general_product, matrix_product
from analyzer_onnx.mapping_quantized import dequantized, quantized
from analyzer_onnx.mapping_reduction import global_pooling, pooling

__all__ = ["TABLE", "activated", "fused_convolution", "gated", "pooled"]

_ACTIVATIONS: dict[str, str] = {
    "clip": "clamp",
    "elu": "elu",
    "fastgelu": "gelu tanh",
    "gelu": "gelu",
    "hardsigmoid": "hard sigmoid",
    "hardswish": "hard swish",
    "identity": "linear",
    "leakyrelu": "leaky relu",
    "quickgelu": "quick gelu",
    "relu": "relu",
    "relu2": "squared relu",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "softplus": "softplus",
    "softsign": "softsign",
    "swish": "silu",
    "tanh": "tanh",
}
"""Names in attributes, in lower case and without ``_``, to functions of ``analyzer.ops``."""


def activated(name: str | None, elements: int) -> Operation | None:
    """Return the activation that an attribute names, None where it names none.

    Raises:
        KeyError: it names one that nobody knows.
    """
    if not name or name.lower() == "none":
        return None
    function = _ACTIVATIONS[name.lower().replace("_", "")]
    return ops.Elementwise(function=function, elements=elements)


def _each(function: str, elements: int) -> Operation:
    return ops.Elementwise(function=function, elements=elements)


def _with_activation(call: Call, *steps: Operation) -> Operation | None:
    """Add the activation of an attribute; with a softmax, or one that is new, nobody knows."""
    name = call.attribute("activation")
    try:
        return call.fused(*steps, activated(name, prod(call.y.sizes)))
    except KeyError:
        return None


def fused_convolution(call: Call) -> Operation | None:
    """Convolve, add a map, and activate."""
    last = "Nhwc" in call.op_type
    steps = [convolution(call, channels_last=last)]
    if call.has(3):
        steps.append(_each("add", prod(call.y.sizes)))
    return _with_activation(call, *steps)


def _padded_convolution(call: Call) -> Operation:
    """Take the padding of a transposed convolution, which is an input."""
    return convolution(call, bias=3, transposed=True)


def _fused_gemm(call: Call) -> Operation | None:
    return _with_activation(call, *general_product(call))


def _scaled_gemm(call: Call) -> Operation | None:
    """``α·A·B + β·C`` of eight bits, each with a scale: one factor for all before, one after."""
    steps = general_product(call)
    if call.has(3) or call.has(4):
        steps.append(_each("multiply", prod(call.y.sizes)))
    if call.has(5):
        steps.append(_each("divide", prod(call.y.sizes)))
    return _with_activation(call, *steps)


def _fused_product(call: Call) -> Operation | None:
    swapped = (bool(call.attribute("transA", 0)), bool(call.attribute("transB", 0)))
    inside = (bool(call.attribute("transBatchA", 0)), bool(call.attribute("transBatchB", 0)))
    product = matrix_product(call, swapped=swapped, batch_inside=inside)
    scaled = call.attribute("alpha", 1.0) != 1.0
    steps = [product, *([_each("multiply", prod(call.y.sizes))] * scaled)]
    return _with_activation(call, *steps)


def _product_and_gelu(call: Call) -> Operation:
    return call.fused(matrix_product(call, bias=2), _each("gelu tanh", prod(call.y.sizes)))


def _bias(call: Call, index: int, elements: int) -> Operation | None:
    """Return the addition of an optional bias, and claim it."""
    if not call.has(index):
        return None
    stored = call.claim(index, "bias", ("channels",))
    return ops.Elementwise(function="add", elements=elements, bias=stored)


def _activation(function: str) -> Mapper:
    """Translate a function of each element, after a bias where there is one."""

    def make(call: Call) -> Operation:
        elements = prod(call.y.sizes)
        return call.fused(_bias(call, 1, call.x.elements), _each(function, elements))

    return make


def _quick_gelu(call: Call) -> Operation:
    """``x / (1 + exp(−α·x))``."""
    function = "silu" if call.attribute("alpha", 1.702) == 1.0 else "quick gelu"
    return _each(function, prod(call.y.sizes))


def _scaled_silu(call: Call) -> Operation:
    scaled = call.has(1) or call.attribute("alpha", 1.0) != 1.0
    elements = prod(call.y.sizes)
    return call.fused(_each("multiply", elements) if scaled else None, _each("silu", elements))


def _split_gelu(call: Call) -> Operation:
    """``(…, 2·n), (2·n) → (…, n)``: one half times the activated other half."""
    elements = prod(call.y.sizes)
    return call.fused(
        _bias(call, 1, call.x.elements), _each("gelu", elements), _each("multiply", elements)
    )


def gated(
    elements: int, *, alpha: float = 1.0, beta: float = 0.0, cut: bool = False
) -> tuple[Operation, ...]:
    """Return ``G·sigmoid(α·G)·(L + β)`` for so many G and L, cut off above, and on both sides."""
    return (
        *([_each("minimum", elements), _each("clamp", elements)] * cut),
        _each("silu" if alpha == 1.0 else "quick gelu", elements),
        *([_each("add", elements)] * (beta != 0.0)),
        _each("multiply", elements),
    )


def _clamped_swiglu(call: Call) -> Operation:
    """``G·sigmoid(α·G)·(L + β)``; both halves in one tensor, or in two."""
    alpha = call.attribute("activation_alpha", 1.0)
    beta = call.attribute("activation_beta", 0.0)
    cut = call.attribute("limit", 0.0) > 0
    return call.fused(*gated(prod(call.y.sizes), alpha=alpha, beta=beta, cut=cut))


def _biased(call: Call) -> Operation:
    """``x + bias + skip``."""
    elements = call.x.elements
    return call.fused(_bias(call, 1, elements), _each("add", elements))


def _dropped(call: Call) -> Operation:
    """``dropout(x + bias) + residual``; in inference nothing is dropped."""
    elements = call.x.elements
    residual, training = (2, 4) if "Bias" in call.op_type else (None, 2)
    chosen = call.numbers(training)
    steps = [
        _bias(call, 1, elements) if residual else None,
        _each("dropout", elements) if chosen and chosen[0] else None,
        _each("add", elements) if residual and call.has(residual) else None,
    ]
    return call.fused(*steps) if any(steps) else ops.free(call.node.op_type, because=ops.NO_OP)


def _biased_softmax(call: Call) -> Operation:
    """Softmax over all axes from one on, of the sum with a mask."""
    x = call.x.sizes
    size = prod(x[call.attribute("axis", 1) % len(x) :])
    softmax = ops.Softmax(rows=prod(x) // size if size else 0, size=size)
    return call.fused(_each("add", prod(x)), softmax)


def _finite(call: Call) -> Operation:
    """Ask of every element, then of all the answers."""
    elements = sum(call.input(index).elements for index in range(len(call.inputs)))
    asked = {"isinf_only": "is infinite", "isnan_only": "is nan"}
    name = next((name for key, name in asked.items() if call.attribute(key, 0)), "is finite")
    answers = ops.Reduction(function="all", in_elements=elements, out_elements=1)
    return call.fused(_each(name, elements), answers)


def _distances(call: Call) -> Operation:
    """``(m, k), (n, k) → (m, n)``: the root is taken unless it is the square that is asked for."""
    (m, k), n = call.x.sizes, call.input(1).sizes[0]
    if call.attribute("metric", "sqeuclidean") == "euclidean":
        return ops.Reduction(
            function="Euclidean distance", in_elements=m * n * k, out_elements=m * n
        )
    return call.fused(
        _each("squared difference", m * n * k),
        ops.Reduction(function="sum", in_elements=m * n * k, out_elements=m * n),
    )


def _complex_product(call: Call) -> Operation:
    """``(…, 2), (…, 2) → (…, 2)``, real and imaginary part; a conjugate only changes signs."""
    return _each("complex multiply", prod(call.y.sizes) // 2)


def pooled(kind: ops.PoolKind, *, whole: bool = False) -> Mapper:
    """Pool floats, or integers that stand for them."""

    def make(call: Call) -> Operation:
        last = "Nhwc" in call.op_type or bool(call.attribute("channels_last", 0))
        pool = global_pooling if whole else pooling
        work = pool(call, kind, channels_last=last)
        if "QLinear" not in call.op_type:
            return work
        return call.fused(dequantized(call.x.elements), work, quantized(prod(call.y.sizes)))

    return make


def _scaled_image(call: Call) -> Operation:
    """Scale an image, and add a number to each channel."""
    return _each("multiply and add", prod(call.y.sizes))


def _soft_plus(call: Call) -> Operation:
    """``α·log(1 + exp(β·x))``."""
    elements = prod(call.y.sizes)
    return call.fused(
        _each("multiply", elements), _each("softplus", elements), _each("multiply", elements)
    )


def _scaled_tanh(call: Call) -> Operation:
    """``α·tanh(β·x)``."""
    elements = prod(call.y.sizes)
    return call.fused(
        _each("multiply", elements), _each("tanh", elements), _each("multiply", elements)
    )


def _times(call: Call) -> Operation:
    return _each("multiply", prod(call.y.sizes))


_MICROSOFT: dict[str, Mapper] = {
    "BiasAdd": _biased,
    "BiasDropout": _dropped,
    "BiasGelu": _activation("gelu"),
    "BiasSoftmax": _biased_softmax,
    "BiasSplitGelu": _split_gelu,
    "BitmaskBiasDropout": _dropped,
    "BitmaskDropout": _dropped,
    "CDist": _distances,
    "ComplexMul": _complex_product,
    "ComplexMulConj": _complex_product,
    "ConvTransposeWithDynamicPads": _padded_convolution,
    "FastGelu": _activation("gelu tanh"),
    "FusedConv": fused_convolution,
    "FusedGemm": _fused_gemm,
    "FusedMatMul": _fused_product,
    "FusedMatMulActivation": _fused_product,
    "Gelu": _activation("gelu"),
    "GemmFastGelu": _product_and_gelu,
    "GemmFloat8": _scaled_gemm,
    "IsAllFinite": _finite,
    "MaxpoolWithMask": pooled(ops.PoolKind.MAX),
    "NhwcConv": fused_convolution,
    "NhwcFusedConv": fused_convolution,
    "NhwcMaxPool": pooled(ops.PoolKind.MAX),
    "QLinearAveragePool": pooled(ops.PoolKind.AVERAGE),
    "QLinearGlobalAveragePool": pooled(ops.PoolKind.AVERAGE, whole=True),
    "QuickGelu": _quick_gelu,
    "ScaledSiLU": _scaled_silu,
    "SwiGLU": _clamped_swiglu,
    "TransposeMatMul": _fused_product,
}

TABLE: dict[str, Mapper] = {
    "Affine": _scaled_image,
    "ImageScaler": _scaled_image,
    "ParametricSoftplus": _soft_plus,
    "Scale": _times,
    "ScaledTanh": _scaled_tanh,
    **{f"com.microsoft::{name}": mapper for name, mapper in _MICROSOFT.items()},
}
"""Operators of ONNX Runtime that fuse others, to the functions that translate them."""
