"""Primitives of JAX that are functions of each element."""

from __future__ import annotations

from math import inf

from analyzer import Operation
from analyzer.ops import COPY, NO_OP, free
from analyzer_keras.jaxpr_call import Equation, Maker, elementwise, function

__all__ = ["ELEMENTWISE"]


def _addition(equation: Equation) -> Operation:
    """Return an addition, of a bias where one operand is a stored vector."""
    return elementwise(equation, "add", bias=_with_stored(equation, vector="bias", table=""))


def _multiplication(equation: Equation) -> Operation:
    _with_stored(equation, vector="scale", table="scale")
    return elementwise(equation, "multiply")


def _with_stored(equation: Equation, *, vector: str, table: str) -> bool:
    """Give a stored operand its role, and say whether it is a vector."""
    for at in range(len(equation.inputs)):
        stored = equation.stored(at)
        if stored is not None:
            equation.plays(at, stored.role or (vector if stored.vector else table))
            return stored.vector
    return False


def _maximum(equation: Equation) -> Operation:
    """Return a maximum; with zero it is what every framework calls relu, with −∞ nothing."""
    if not any(equation.is_type(kind) for kind in ("bfloat", "float")):
        return elementwise(equation, "maximum")
    known = [one.known for one in equation.inputs if one.known is not None and one.shape == ()]
    bounds = [float(value()) for value in known]
    if -inf in bounds:
        return free("maximum", because=NO_OP)
    return elementwise(equation, "relu" if 0 in bounds else "maximum")


def _whole_power(equation: Equation) -> Operation:
    """``x ** y`` for a whole number y."""
    exponent = equation["y"]
    if exponent in (0, 1):
        return free("power", because=NO_OP if exponent else COPY)
    return elementwise(equation, {2: "square", -1: "reciprocal"}.get(exponent, "power"))


def _of_bits(logical: str, bitwise: str) -> Maker:
    def make(equation: Equation) -> Operation:
        return elementwise(equation, logical if equation.is_type("bool") else bitwise)

    return make


ELEMENTWISE: dict[str, Maker] = {
    "abs": function("abs"),
    "acos": function("acos"),
    "acosh": function("acosh"),
    "add": _addition,
    "add_any": _addition,
    "and": _of_bits("logical and", "bitwise and"),
    "asin": function("asin"),
    "asinh": function("asinh"),
    "atan": function("atan"),
    "atan2": function("atan2"),
    "atanh": function("atanh"),
    "bessel_i0e": function("Bessel"),
    "bessel_i1e": function("Bessel"),
    "cbrt": function("power"),
    "ceil": function("ceil"),
    "clamp": function("clamp"),
    "conj": function("complex conjugate"),
    "cos": function("cos"),
    "cosh": function("cosh"),
    "digamma": function("digamma"),
    "div": function("divide"),
    "eq": function("equal"),
    "eq_to": function("equal"),
    "erf": function("erf"),
    "erf_inv": function("inverse erf"),
    "erfc": function("erfc"),
    "exp": function("exp"),
    "exp2": function("exp2"),
    "expm1": function("expm1"),
    "floor": function("floor"),
    "ge": function("greater or equal"),
    "gt": function("greater"),
    "igamma": function("incomplete gamma"),
    "igammac": function("incomplete gamma"),
    "integer_pow": _whole_power,
    "is_finite": function("is finite"),
    "le": function("less or equal"),
    "le_to": function("less or equal"),
    "lgamma": function("log gamma"),
    "log": function("log"),
    "log1p": function("log1p"),
    "logistic": function("sigmoid"),
    "lt": function("less"),
    "lt_to": function("less"),
    "max": _maximum,
    "min": function("minimum"),
    "mul": _multiplication,
    "mulhi": function("multiply"),
    "ne": function("not equal"),
    "neg": function("negate"),
    "nextafter": function("next after"),
    "not": _of_bits("logical not", "bitwise not"),
    "or": _of_bits("logical or", "bitwise or"),
    "polygamma": function("polygamma"),
    "pow": function("power"),
    "rem": function("remainder"),
    "round": function("round"),
    "rsqrt": function("reciprocal square root"),
    "select_n": function("select"),
    "shift_left": function("shift left"),
    "shift_right_arithmetic": function("shift right"),
    "shift_right_logical": function("shift right"),
    "sign": function("sign"),
    "sin": function("sin"),
    "sinh": function("sinh"),
    "sqrt": function("square root"),
    "square": function("square"),
    "sub": function("subtract"),
    "tan": function("tan"),
    "tanh": function("tanh"),
    "xor": _of_bits("logical xor", "bitwise xor"),
    "zeta": function("zeta"),
}
"""Name of a primitive → function that makes our operation."""
