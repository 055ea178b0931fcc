"""Functions of each element: arithmetic, comparisons, activations."""

from __future__ import annotations

from math import prod

from analyzer.ops import NO_OP, Elementwise, Operation, free
from analyzer_keras.calls import Call, Found, Translator
from analyzer_keras.mapping_common import elementwise, function, has_complex, unknown

__all__ = ["ELEMENTWISE"]


def _add(call: Call) -> Operation:
    """Return an addition, of a bias where one operand is a stored vector."""
    bias = any(
        call.is_parameter(name) and prod(call[name].shape) == max(call[name].shape, default=1)
        for name in ("x1", "x2")
    )
    return elementwise(call, "add", bias=bias)


def _clip(call: Call) -> Operation:
    bounds = sum(
        call.setting(name) is not None and not _infinite(call.setting(name))
        for name in ("x_min", "x_max")
    )
    if bounds == 0:
        return free("clip", because=NO_OP)
    name = "clamp" if bounds == 2 else "maximum"
    return elementwise(call, name)


def _infinite(bound: object) -> bool:
    return isinstance(bound, float) and bound in (float("inf"), float("-inf"))


def _gelu(call: Call) -> Operation:
    name = "gelu tanh" if call.setting("approximate") else "gelu"
    return elementwise(call, name)


def _relu(call: Call) -> Operation | list[Found]:
    """Return ``keras.activations.relu``, with its ceiling, slope and threshold."""
    ceiling = call.setting("max_value")
    if call.setting("negative_slope"):
        name = "leaky relu"
    elif call.setting("threshold"):
        name = "threshold"
    elif ceiling is not None:
        return elementwise(call, "relu6" if ceiling == 6 else "hard tanh")
    else:
        name = "relu"
    if ceiling is None:
        return elementwise(call, name)
    return _chain(call, [name, "clamp"])


def _chain(call: Call, functions: list[str]) -> list[Found]:
    """Return one function after the other, the first on the operation's own operand."""
    last = len(functions) - 1
    return [
        Found(
            elementwise(call, name),
            None if at == last else call.shape,
            ("x",) if at == 0 else (),
        )
        for at, name in enumerate(functions)
    ]


def _power(call: Call) -> Operation:
    """Know no powers of complex numbers: nothing is settled of them."""
    return unknown(call, dtype="complex") if has_complex(call) else elementwise(call, "power")


def _polar(call: Call) -> Operation:
    return Elementwise(function="from polar", elements=call.elements)


ELEMENTWISE: dict[str, Translator] = {
    "Abs": function("abs"),
    "Absolute": function("abs"),
    "Add": _add,
    "Angle": function("angle"),
    "Arccos": function("acos"),
    "Arccosh": function("acosh"),
    "Arcsin": function("asin"),
    "Arcsinh": function("asinh"),
    "Arctan": function("atan"),
    "Arctan2": function("atan2"),
    "Arctanh": function("atanh"),
    "BitwiseAnd": function("bitwise and"),
    "BitwiseInvert": function("bitwise not"),
    "BitwiseLeftShift": function("shift left"),
    "BitwiseNot": function("bitwise not"),
    "BitwiseOr": function("bitwise or"),
    "BitwiseRightShift": function("shift right"),
    "BitwiseXor": function("bitwise xor"),
    "Ceil": function("ceil"),
    "Celu": function("celu"),
    "Clip": _clip,
    "Cos": function("cos"),
    "Cosh": function("cosh"),
    "Deg2rad": function("multiply"),
    "Divide": function("divide"),
    "Elu": function("elu"),
    "Equal": function("equal"),
    "Erf": function("erf"),
    "Erfc": function("erfc"),
    "Erfinv": function("inverse erf"),
    "Exp": function("exp"),
    "Exp2": function("exp2"),
    "Expm1": function("expm1"),
    "Fabs": function("abs"),
    "Floor": function("floor"),
    "FloorDivide": function("floor divide"),
    "Fmax": function("maximum"),
    "Fmin": function("minimum"),
    "Fmod": function("remainder"),
    "Gelu": _gelu,
    "Glu": function("gated linear unit"),
    "Greater": function("greater"),
    "GreaterEqual": function("greater or equal"),
    "HardShrink": function("hard shrink"),
    "HardSigmoid": function("hard sigmoid of keras"),
    "HardSilu": function("hard swish"),
    "HardTanh": function("hard tanh"),
    "Heaviside": function("Heaviside"),
    "Hypot": function("hypotenuse"),
    "I0": function("Bessel"),
    "Isfinite": function("is finite"),
    "Isinf": function("is infinite"),
    "Isnan": function("is nan"),
    "Isneginf": function("equal"),
    "Isposinf": function("equal"),
    "LeakyRelu": function("leaky relu"),
    "LeftShift": function("shift left"),
    "Less": function("less"),
    "LessEqual": function("less or equal"),
    "Log": function("log"),
    "Log10": function("log10"),
    "Log1p": function("log1p"),
    "Log2": function("log2"),
    "LogSigmoid": function("log sigmoid"),
    "Logaddexp": function("log add exp"),
    "Logaddexp2": function("log add exp"),
    "LogicalAnd": function("logical and"),
    "LogicalNot": function("logical not"),
    "LogicalOr": function("logical or"),
    "LogicalXor": function("logical xor"),
    "Maximum": function("maximum"),
    "Minimum": function("minimum"),
    "Mish": function("mish"),
    "Mod": function("remainder"),
    "Multiply": function("multiply"),
    "NanToNum": function("replace what is not finite"),
    "Negative": function("negate"),
    "Nextafter": function("next after"),
    "NotEqual": function("not equal"),
    "Polar": _polar,
    "Power": _power,
    "Rad2deg": function("multiply"),
    "ReLU": _relu,
    "Reciprocal": function("reciprocal"),
    "Relu": function("relu"),
    "Relu6": function("relu6"),
    "RightShift": function("shift right"),
    "Round": function("round"),
    "Rsqrt": function("reciprocal square root"),
    "Selu": function("selu"),
    "Sigmoid": function("sigmoid"),
    "Sign": function("sign"),
    "Signbit": function("less"),
    "Silu": function("silu"),
    "Sin": function("sin"),
    "Sinc": function("sine cardinal"),
    "Sinh": function("sinh"),
    "SoftShrink": function("soft shrink"),
    "Softplus": function("softplus"),
    "Softsign": function("softsign"),
    "SparsePlus": function("sparse plus"),
    "SparseSigmoid": function("sparse sigmoid"),
    "Sqrt": function("square root"),
    "Square": function("square"),
    "Squareplus": function("squareplus"),
    "Subtract": function("subtract"),
    "Tan": function("tan"),
    "Tanh": function("tanh"),
    "TanhShrink": function("tanh shrink"),
    "Threshold": function("threshold"),
    "TrueDivide": function("divide"),
    "Trunc": function("truncate"),
    "Where": function("select"),
}
