"""Functions of each element: arithmetic, comparisons, activations."""

from __future__ import annotations

from math import prod

from analyzer.ops import NO_OP, Elementwise, Operation, free
from analyzer_keras.calls import Call, Found, Translator

__all__ = ["ELEMENTWISE"]


def _function(name: str) -> Translator:
    def translate(call: Call) -> Operation:
        return Elementwise(function=name, elements=call.elements)

    return translate


def _add(call: Call) -> Operation:
    """Return an addition, of a bias where one operand is a stored vector."""
    bias = any(
        call.is_parameter(name) and prod(call[name].shape) == max(call[name].shape, default=1)
        for name in ("x1", "x2")
    )
    return Elementwise(function="add", elements=call.elements, bias=bias)


def _clip(call: Call) -> Operation:
    bounds = sum(
        call.setting(name) is not None and not _infinite(call.setting(name))
        for name in ("x_min", "x_max")
    )
    if bounds == 0:
        return free("clip", because=NO_OP)
    name = "clamp" if bounds == 2 else "maximum"
    return Elementwise(function=name, elements=call.elements)


def _infinite(bound: object) -> bool:
    return isinstance(bound, float) and bound in (float("inf"), float("-inf"))


def _gelu(call: Call) -> Operation:
    name = "gelu tanh" if call.setting("approximate") else "gelu"
    return Elementwise(function=name, elements=call.elements)


def _relu(call: Call) -> Operation | list[Found]:
    """Return ``keras.activations.relu``, with its ceiling, slope and threshold."""
    ceiling = call.setting("max_value")
    if call.setting("negative_slope"):
        name = "leaky relu"
    elif call.setting("threshold"):
        name = "threshold"
    elif ceiling is not None:
        return Elementwise(
            function="relu6" if ceiling == 6 else "hard tanh", elements=call.elements
        )
    else:
        name = "relu"
    if ceiling is None:
        return Elementwise(function=name, elements=call.elements)
    return _chain(call, [name, "clamp"])


def _chain(call: Call, functions: list[str]) -> list[Found]:
    """Return one function after the other, the first on the operation's own operand."""
    last = len(functions) - 1
    return [
        Found(
            Elementwise(function=name, elements=call.elements),
            None if at == last else call.shape,
            ("x",) if at == 0 else (),
        )
        for at, name in enumerate(functions)
    ]


def _glu(call: Call) -> Operation | list[Found]:
    half = Elementwise(function="sigmoid", elements=call.elements)
    gated = Elementwise(function="multiply", elements=call.elements)
    return [Found(half, call.shape, ("x",)), Found(gated, None, ("x",))]


ELEMENTWISE: dict[str, Translator] = {
    "Abs": _function("abs"),
    "Absolute": _function("abs"),
    "Add": _add,
    "Arccos": _function("acos"),
    "Arccosh": _function("acosh"),
    "Arcsin": _function("asin"),
    "Arcsinh": _function("asinh"),
    "Arctan": _function("atan"),
    "Arctan2": _function("atan2"),
    "Arctanh": _function("atanh"),
    "BitwiseAnd": _function("bitwise and"),
    "BitwiseInvert": _function("bitwise not"),
    "BitwiseLeftShift": _function("shift left"),
    "BitwiseNot": _function("bitwise not"),
    "BitwiseOr": _function("bitwise or"),
    "BitwiseRightShift": _function("shift right"),
    "BitwiseXor": _function("bitwise xor"),
    "Ceil": _function("ceil"),
    "Celu": _function("celu"),
    "Clip": _clip,
    "Cos": _function("cos"),
    "Cosh": _function("cosh"),
    "Deg2rad": _function("multiply"),
    "Divide": _function("divide"),
    "Elu": _function("elu"),
    "Equal": _function("equal"),
    "Erf": _function("erf"),
    "Erfc": _function("erfc"),
    "Exp": _function("exp"),
    "Expm1": _function("expm1"),
    "Fabs": _function("abs"),
    "Floor": _function("floor"),
    "FloorDivide": _function("floor divide"),
    "Fmax": _function("maximum"),
    "Fmin": _function("minimum"),
    "Fmod": _function("remainder"),
    "Gelu": _gelu,
    "Glu": _glu,
    "Greater": _function("greater"),
    "GreaterEqual": _function("greater or equal"),
    "HardSigmoid": _function("hard sigmoid of keras"),
    "HardSilu": _function("hard swish"),
    "HardTanh": _function("hard tanh"),
    "Isfinite": _function("is finite"),
    "Isinf": _function("is infinite"),
    "Isnan": _function("is nan"),
    "LeakyRelu": _function("leaky relu"),
    "LeftShift": _function("shift left"),
    "Less": _function("less"),
    "LessEqual": _function("less or equal"),
    "Log": _function("log"),
    "Log10": _function("log10"),
    "Log1p": _function("log1p"),
    "Log2": _function("log2"),
    "LogSigmoid": _function("log sigmoid"),
    "LogicalAnd": _function("logical and"),
    "LogicalNot": _function("logical not"),
    "LogicalOr": _function("logical or"),
    "LogicalXor": _function("logical xor"),
    "Maximum": _function("maximum"),
    "Minimum": _function("minimum"),
    "Mish": _function("mish"),
    "Mod": _function("remainder"),
    "Multiply": _function("multiply"),
    "Negative": _function("negate"),
    "NotEqual": _function("not equal"),
    "Power": _function("power"),
    "Rad2deg": _function("multiply"),
    "ReLU": _relu,
    "Reciprocal": _function("reciprocal"),
    "Relu": _function("relu"),
    "Relu6": _function("relu6"),
    "RightShift": _function("shift right"),
    "Round": _function("round"),
    "Rsqrt": _function("reciprocal square root"),
    "Selu": _function("selu"),
    "Sigmoid": _function("sigmoid"),
    "Sign": _function("sign"),
    "Silu": _function("silu"),
    "Sin": _function("sin"),
    "Sinh": _function("sinh"),
    "Softplus": _function("softplus"),
    "Softsign": _function("softsign"),
    "Sqrt": _function("square root"),
    "Square": _function("square"),
    "Subtract": _function("subtract"),
    "Tan": _function("tan"),
    "Tanh": _function("tanh"),
    "TanhShrink": _function("tanh shrink"),
    "Threshold": _function("threshold"),
    "TrueDivide": _function("divide"),
    "Trunc": _function("truncate"),
    "Where": _function("select"),
}
