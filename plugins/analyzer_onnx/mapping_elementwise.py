"""Functions of single elements, and what they make of the stored tensors that they read."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper
from analyzer_onnx.values import Value

__all__ = ["TABLE", "claim_operands"]

FUNCTIONS: dict[str, str] = {
    "Abs": "abs",
    "Acos": "acos",
    "Acosh": "acosh",
    "Add": "add",
    "And": "logical and",
    "Asin": "asin",
    "Asinh": "asinh",
    "Atan": "atan",
    "Atanh": "atanh",
    "BitwiseAnd": "bitwise and",
    "BitwiseNot": "bitwise not",
    "BitwiseOr": "bitwise or",
    "BitwiseXor": "bitwise xor",
    "Ceil": "ceil",
    "Celu": "celu",
    "Cos": "cos",
    "Cosh": "cosh",
    "Div": "divide",
    "Elu": "elu",
    "Equal": "equal",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "Greater": "greater",
    "GreaterOrEqual": "greater or equal",
    "HardSigmoid": "hard sigmoid",
    "HardSwish": "hard swish",
    "IsInf": "is infinite",
    "IsNaN": "is nan",
    "LeakyRelu": "leaky relu",
    "Less": "less",
    "LessOrEqual": "less or equal",
    "Log": "log",
    "Mish": "mish",
    "Mod": "remainder",
    "Mul": "multiply",
    "Neg": "negate",
    "Not": "logical not",
    "Or": "logical or",
    "Pow": "power",
    "Reciprocal": "reciprocal",
    "Relu": "relu",
    "Round": "round",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Sign": "sign",
    "Sin": "sin",
    "Sinh": "sinh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Sqrt": "square root",
    "Sub": "subtract",
    "Tan": "tan",
    "Tanh": "tanh",
    "ThresholdedRelu": "threshold",
    "Where": "select",
    "Xor": "logical xor",
}
"""Standard operators that are one function of an element, to its name in ``analyzer.ops``."""

_MASKABLE = frozenset({"QLinearSoftmax", "Softmax"})
_VARIADIC = {"Max": "maximum", "Mean": "add", "Min": "minimum", "Sum": "add"}
_ROLES = {"Add": "bias", "Mul": "scale", "Sum": "bias"}
_MEASURING = frozenset({"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger"})
_NOT_LEARNED = re.compile(
    r"mask|quant(?!ized)|zero_?point|causal|inv_?freq|rotary|rope|(cos|sin)_?cache|freqs|position_ids|"
    r"rescaling",
    re.IGNORECASE,
)


def _function(call: Call) -> Operation:
    bias = claim_operands(call, _ROLES.get(call.op_type))
    return ops.Elementwise(function=FUNCTIONS[call.op_type], elements=prod(call.y.sizes), bias=bias)


def claim_operands(call: Call, role: str | None, places: Sequence[int] | None = None) -> bool:
    """Settle what stored operands are to an addition or a product; say whether one is a bias.

    A tensor of more than one number that is added to or multiplied with activations is learnable
    as far as anybody can tell from the graph: a bias, a scale, a position embedding. Names and
    uses that mark a mask, a table of angles or a scale of quantisation are not.

    Numbers are floats; at ``places``, where these are given, integers stand for numbers, too.
    """
    integers = places is not None
    indices = range(len(call.inputs)) if places is None else places
    operands = {index: call.input(index) for index in indices if call.has(index)}
    values = operands.values()
    if role is None or all(value.constant for value in values):
        return False
    if any(value.maker in _MEASURING for value in values):
        return False  # the scale of a weight, beside a measured one or a product of integers
    bias = False
    for index, value in operands.items():
        if not value.weight or not (value.floating or integers):
            continue
        if value.elements <= 1 and not _is_lone_bias(call, value):
            continue
        if _is_mask(value, call.readers):
            continue
        vector = sum(size > 1 for size in value.sizes) == 1 or value.elements == 1
        named = role if vector or role == "scale" else "embedding"
        named_axes = ("channels" if size > 1 else "1" for size in value.sizes)
        axes = tuple(named_axes) if vector else ()
        call.claim(index, named, axes, assumed=True)
        bias = bias or named == "bias"
    return bias


def _is_lone_bias(call: Call, value: Value) -> bool:
    """Tell the bias of a layer with one output feature from a number that is added to all."""
    products = [other for other in call.inputs if other is not None and other.maker == "MatMul"]
    return call.op_type == "Add" and value.sizes == (1,) and bool(products)


def _is_mask(value: Value, readers: Set[str]) -> bool:
    """Take what is added to all heads alike, right before a softmax, for a mask of attention.

    What differs from head to head there is a learned bias of positions.
    """
    if not _MASKABLE.isdisjoint(readers) and len(value.sizes) > 1 and prod(value.sizes[-3:-2]) == 1:
        return True
    return any(_NOT_LEARNED.search(stored.name) for stored in value.stored)


def _variadic(call: Call) -> Sequence[Operation]:
    bias = claim_operands(call, _ROLES.get(call.op_type))
    elements = prod(call.y.sizes)
    name = _VARIADIC[call.op_type]
    work: list[Operation] = [ops.Elementwise(function=name, elements=elements, bias=bias)] * max(
        0, len(call.inputs) - 1
    )
    if call.op_type == "Mean":
        work.append(ops.Elementwise(function="divide", elements=elements))
    return work or [ops.free(call.op_type, because="there is one operand, and it is the result")]


def _clip(call: Call) -> Operation:
    low = call.numbers(1) if call.opset >= 11 else _attribute(call, "min")
    high = call.numbers(2) if call.opset >= 11 else _attribute(call, "max")
    elements = prod(call.y.sizes)
    if low == [0.0] and high == [6.0]:
        return ops.Elementwise(function="relu6", elements=elements)
    bounded_below = call.has(1) if call.opset >= 11 else low is not None
    bounded_above = call.has(2) if call.opset >= 11 else high is not None
    if bounded_below and bounded_above:
        return ops.Elementwise(function="clamp", elements=elements)
    if bounded_below or bounded_above:
        name = "maximum" if bounded_below else "minimum"
        return ops.Elementwise(function=name, elements=elements)
    return ops.free("Clip", because="it has no bounds")


def _attribute(call: Call, name: str) -> list[float] | None:
    value = call.attribute(name)
    return None if value is None else [float(value)]


def _gelu(call: Call) -> Operation:
    tanh = call.attribute("approximate", "none") == "tanh"
    return ops.Elementwise(function="gelu tanh" if tanh else "gelu", elements=prod(call.y.sizes))


def _shift(call: Call) -> Operation:
    direction = call.attribute("direction").lower()
    return ops.Elementwise(function=f"shift {direction}", elements=prod(call.y.sizes))


def _shrink(call: Call) -> Operation:
    """Make zero of what is near it, and move the rest towards it unless the bias is 0."""
    name = "soft shrink" if call.attribute("bias", 0.0) else "hard shrink"
    return ops.Elementwise(function=name, elements=prod(call.y.sizes))


def _swish(call: Call) -> Operation:
    """``x / (1 + exp(−α·x))``, for ``SwiGLU`` multiplied with a second operand."""
    elements = prod(call.y.sizes)
    product = ops.Elementwise(function="multiply", elements=elements)
    return call.fused(
        product if call.attribute("alpha", 1.0) != 1.0 else None,
        ops.Elementwise(function="silu", elements=elements),
        product if call.op_type == "SwiGLU" else None,
    )


def _prelu(call: Call) -> Operation:
    shape = call.input(1).sizes
    call.claim(1, "slope", tuple("channels" if size > 1 else "1" for size in shape))
    return ops.Elementwise(function="prelu", elements=prod(call.y.sizes))


def _dropout(call: Call) -> Operation:
    training = call.numbers(2)
    if training is not None and training[0]:
        return ops.Elementwise(function="dropout", elements=prod(call.y.sizes))
    return ops.free("Dropout", because=ops.NO_OP)


TABLE: dict[str, Mapper] = {
    **dict.fromkeys(FUNCTIONS, _function),
    "BitShift": _shift,
    "Clip": _clip,
    "Dropout": _dropout,
    "Gelu": _gelu,
    "Max": _variadic,
    "Mean": _variadic,
    "Min": _variadic,
    "PRelu": _prelu,
    "Shrink": _shrink,
    "Sum": _variadic,
    "SwiGLU": _swish,
    "Swish": _swish,
}
"""Standard operators on single elements, to the functions that translate them."""
