"""Functions of single elements, and what they make of the stored tensors that they read."""

from __future__ import annotations

import re

from analyzer import Kind, Operation, ops
from analyzer_tensorflow.call import Call, Mapper
from analyzer_tensorflow.values import Claim, Value

__all__ = ["TABLE", "added"]

FUNCTIONS: dict[str, str] = {
    "Abs": "abs",
    "Acos": "acos",
    "Acosh": "acosh",
    "Asin": "asin",
    "Asinh": "asinh",
    "Atan": "atan",
    "Atan2": "atan2",
    "Atanh": "atanh",
    "BesselI0": "Bessel",
    "BesselI0e": "Bessel",
    "BesselI1": "Bessel",
    "BesselI1e": "Bessel",
    "BesselJ0": "Bessel",
    "BesselJ1": "Bessel",
    "BesselK0": "Bessel",
    "BesselK0e": "Bessel",
    "BesselK1": "Bessel",
    "BesselK1e": "Bessel",
    "BesselY0": "Bessel",
    "BesselY1": "Bessel",
    "BitwiseAnd": "bitwise and",
    "BitwiseOr": "bitwise or",
    "BitwiseXor": "bitwise xor",
    "Ceil": "ceil",
    "ClipByValue": "clamp",
    "Cos": "cos",
    "Cosh": "cosh",
    "Digamma": "digamma",
    "Div": "divide",
    "DivNoNan": "divide",
    "Elu": "elu",
    "Equal": "equal",
    "Erf": "erf",
    "Erfc": "erfc",
    "Erfinv": "inverse erf",
    "Exp": "exp",
    "Expm1": "expm1",
    "FakeQuantWithMinMaxArgs": "fake quantize",
    "Floor": "floor",
    "FloorDiv": "floor divide",
    "FloorMod": "remainder",
    "Greater": "greater",
    "GreaterEqual": "greater or equal",
    "Igamma": "incomplete gamma",
    "Igammac": "incomplete gamma",
    "Inv": "reciprocal",
    "Invert": "bitwise not",
    "IsFinite": "is finite",
    "IsInf": "is infinite",
    "IsNan": "is nan",
    "LeakyRelu": "leaky relu",
    "LeftShift": "shift left",
    "Less": "less",
    "LessEqual": "less or equal",
    "Lgamma": "log gamma",
    "Log": "log",
    "Log1p": "log1p",
    "LogicalAnd": "logical and",
    "LogicalNot": "logical not",
    "LogicalOr": "logical or",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Mod": "remainder",
    "Mul": "multiply",
    "MulNoNan": "multiply",
    "Ndtri": "inverse normal",
    "Neg": "negate",
    "NextAfter": "next after",
    "NotEqual": "not equal",
    "Polygamma": "polygamma",
    "Pow": "power",
    "RealDiv": "divide",
    "Reciprocal": "reciprocal",
    "Relu": "relu",
    "Relu6": "relu6",
    "RightShift": "shift right",
    "Rint": "round",
    "Round": "round",
    "Rsqrt": "reciprocal square root",
    "Select": "select",
    "SelectV2": "select",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Sign": "sign",
    "Sin": "sin",
    "Sinh": "sinh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Sqrt": "square root",
    "Square": "square",
    "SquaredDifference": "squared difference",
    "Sub": "subtract",
    "Tan": "tan",
    "Tanh": "tanh",
    "TruncateDiv": "divide",
    "TruncateMod": "remainder",
    "Xdivy": "divide",
    "Xlog1py": "x log1p y",
    "Xlogy": "x log y",
    "Zeta": "zeta",
}
"""Operations that are one function of an element, to its name in ``analyzer.ops``."""

_OF_COMPLEX = {
    "add": "complex add",
    "divide": "complex divide",
    "equal": "complex equal",
    "exp": "complex exp",
    "log": "complex log",
    "multiply": "complex multiply",
    "negate": "complex negate",
    "not equal": "complex equal",
    "reciprocal": "complex reciprocal",
    "select": "select",
    "sign": "complex sign",
    "square": "complex multiply",
    "subtract": "complex subtract",
}
_NOT_LEARNED = re.compile(
    r"mask|quant(?!ized)|zero_?point|causal|inv_?freq|rotary|rope|freqs|position_ids|rescaling",
    re.IGNORECASE,
)


def function_of(call: Call, name: str) -> Operation | None:
    """Return a function of each element; of complex numbers only those that are settled."""
    if any(value.dtype.startswith("complex") for value in call.inputs):
        if name not in _OF_COMPLEX:
            return None
        name = _OF_COMPLEX[name]
    return ops.Elementwise(function=name, elements=call.y.elements)


def _function(call: Call) -> Operation | None:
    _claim_statistics(call)
    if call.op == "Mul":
        claim_operands(call, "scale")
    return function_of(call, FUNCTIONS[call.op])


def _claim_statistics(call: Call) -> None:
    """Find the stored numbers of a batch normalisation that is written as arithmetic.

    ``γ / √(variance + ε)`` is computed from them alone, and the mean times that is taken from β.
    """
    if not all(value.derived or value.stored is not None for value in call.inputs):
        return
    for at, value in enumerate(call.inputs):
        step = value.step
        if step is None:
            continue
        role = ""
        if call.op == "Rsqrt" and step.native in ("Add", "AddV2"):
            role = "running variance"
        elif (call.op == "Sub" and at == 1 and step.native == "Mul") or (
            call.op == "Mul" and step.native == "Neg"
        ):
            role = "running mean"
        for stored, _ in step.uses if role else ():
            if len(stored.shape) and stored.shape != (1,):
                call.uses.append((stored, Claim(role, ("channels",), Kind.STATE)))
    if call.op == "Sub":
        call.claim(0, "offset", ("channels",), assumed=True)


def added(call: Call) -> Operation | None:
    """Return an addition; of a bias where one operand is a stored vector."""
    bias = claim_operands(call, "bias")
    found = function_of(call, "add")
    if bias and isinstance(found, ops.Elementwise):
        return ops.Elementwise(function=found.function, elements=found.elements, bias=True)
    return found


def claim_operands(call: Call, role: str) -> bool:
    """Settle what stored operands are to an addition or a product; say whether one is a bias.

    A float tensor of more than one element that is added to or multiplied with activations is
    learnable as far as anybody can tell from the graph, unless its name marks a mask or the like.
    """
    if all(value.stored is not None or value.settled for value in call.inputs):
        return False
    bias = False
    for at, value in enumerate(call.inputs):
        if value.stored is None or not _is_weight(value):
            continue
        vector = sum(size > 1 for size in value.sizes) <= 1
        named = role if vector or role == "scale" else "embedding"
        axes = tuple("channels" if size > 1 else "1" for size in value.sizes) if vector else ()
        call.claim(at, named, axes, assumed=True)
        bias = bias or named == "bias"
    return bias


def _is_weight(value: Value) -> bool:
    assert value.stored is not None
    variable = value.stored.trainable is not None
    floating = value.dtype.startswith(("float", "bfloat", "complex"))
    return floating and (variable or (value.elements > 1 and not _is_mask(value)))


def _is_mask(value: Value) -> bool:
    return value.stored is not None and bool(_NOT_LEARNED.search(value.stored.name))


def _sum(call: Call) -> Operation | None:
    """Add n tensors: n − 1 additions an element."""
    steps = [function_of(call, "add") for _ in call.inputs[1:]]
    if not steps:
        return ops.free(call.op, because="there is one operand, and it is the result")
    return None if None in steps else call.fused(*steps)


def _absolute(call: Call) -> Operation:
    return ops.Elementwise(function="complex abs", elements=call.y.elements)


def _conjugate(call: Call) -> Operation:
    if not call.x.dtype.startswith("complex"):
        return ops.free(call.op, because=ops.NO_OP)
    return ops.Elementwise(function="complex conjugate", elements=call.y.elements)


def _angle(call: Call) -> Operation:
    name = "complex angle" if call.x.dtype.startswith("complex") else "angle"
    return ops.Elementwise(function=name, elements=call.y.elements)


def _fake_quantize(call: Call) -> Operation:
    """Quantise between limits that are learned or measured, and back."""
    for at in (1, 2):
        call.claim(at, "limit of quantisation", assumed=True)
    return ops.Elementwise(function="fake quantize", elements=call.y.elements)


def _approximately(call: Call) -> Operation:
    elements = call.y.elements
    return call.fused(
        ops.Elementwise(function="absolute difference", elements=elements),
        ops.Elementwise(function="less", elements=elements),
    )


def _of_square(call: Call) -> Operation:
    """Half the sum of squares."""
    return call.fused(
        ops.Reduction(function="sum of squares", in_elements=call.x.elements, out_elements=1),
        ops.Elementwise(function="divide", elements=1),
    )


TABLE: dict[str, Mapper] = {
    **dict.fromkeys(FUNCTIONS, _function),
    "AccumulateNV2": _sum,
    "AddN": _sum,
    "Angle": _angle,
    "ApproximateEqual": _approximately,
    "ComplexAbs": _absolute,
    "Conj": _conjugate,
    "FakeQuantWithMinMaxVars": _fake_quantize,
    "FakeQuantWithMinMaxVarsPerChannel": _fake_quantize,
    "L2Loss": _of_square,
}
"""Operations on single elements, to the functions that translate them."""
