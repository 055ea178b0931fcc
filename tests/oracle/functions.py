"""Every function of an element and every reduction, written out as scalar steps."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import torch

from analyzer.ops import FUNCTIONS, Category, Elementwise, Reduction
from tests.oracle.number import Complex, Counted, Tally, largest, plain, select, summed
from tests.oracle.registry import oracle

LOW, HIGH, ALPHA, BETA = -0.5, 0.5, 0.75, 0.125
SELU_ALPHA, SELU_LAMBDA = 1.6732632423543772, 1.0507009873554805
SCALE, ZERO_POINT = 0.25, 3.0


def _clamp(x: Counted, low: float, high: float) -> Counted:
    return x.maximum(low).minimum(high)


def _sigmoid(x: Counted) -> Counted:
    return 1 / (1 + (-x).exp())


def _elu(x: Counted, alpha: float) -> Counted:
    return select(x > 0, x, (x.exp() - 1) * alpha)


def _gelu_tanh(x: Counted) -> Counted:
    inner = (x + x**3 * 0.044715) * math.sqrt(2 / math.pi)
    return x * 0.5 * (1 + inner.tanh())


def _fake_quantize(x: Counted) -> Counted:
    q = _clamp((x / SCALE).round() + ZERO_POINT, 0, 7)
    return (q - ZERO_POINT) * SCALE


def _quantization_scale(high: Counted, low: Counted) -> Counted:
    below = low.minimum(0)
    scale = ((high.maximum(0) - below) / 255).maximum(1e-9)
    return (below / scale).round()


def _remainder(x: Counted, y: Counted) -> Counted:
    return x - (x / y).floor() * y


def _one(function: Callable[[float], float]) -> Callable[[Counted], Counted]:
    """A primitive of one number."""
    return lambda x: x.unary(function)


def _two(function: Callable[[float, float], float]) -> Callable[[Counted, Counted], Counted]:
    """A primitive of two numbers."""
    return lambda x, y: x.binary(function, y)


def _bits(function: Callable[[int, int], int]) -> Callable[[Counted, Counted], Counted]:
    """A primitive of two integers."""
    return lambda x, y: x.binary(lambda a, b: function(int(a), int(b)), y)


def _shrunk(x: Counted) -> Counted:
    less, more = x - HIGH, x + HIGH
    above, below = x > HIGH, x < -HIGH
    return less if above else more if below else x.tally.number(0.0)


def _sparse_plus(x: Counted) -> Counted:
    below, inside = x.binary(operator.le, -1), x < 1
    curve = _squared(x + 1) * 0.25
    return x.tally.number(0.0) if below.value else curve if inside else x


def _sparse_sigmoid(x: Counted) -> Counted:
    below, above = x.binary(operator.le, -1), x.binary(operator.ge, 1)
    line = (x + 1) * 0.5
    return x.tally.number(0.0) if below.value else x.tally.number(1.0) if above.value else line


def _bounded_log(x: Counted) -> Counted:
    return x.log().maximum(-100)


def _log_add(x: Counted, y: Counted) -> Counted:
    return x.maximum(y) + ((-abs(x - y)).exp() + 1).log()


def _huber(x: Counted, y: Counted) -> Counted:
    apart = abs(x - y)
    inner, outer = apart * apart * 0.5, (apart - 0.5 * ALPHA) * ALPHA
    return select(apart < ALPHA, inner, outer)


def _smooth(x: Counted, y: Counted) -> Counted:
    apart = abs(x - y)
    inner, outer = apart * apart * 0.5 / ALPHA, apart - 0.5 * ALPHA
    return select(apart < ALPHA, inner, outer)


def _replaced(x: Counted) -> Counted:
    # Each is asked for, whichever it is.
    is_nan, is_largest, is_least = (
        x.binary(operator.ne, x), x.binary(operator.eq, math.inf), x.binary(operator.eq, -math.inf)
    )  # fmt: skip
    if any(map(plain, (is_nan, is_largest, is_least))):
        return x.tally.number(0.0)
    return x


def _polynomial(x: Counted, name: str) -> Counted:
    """A function that a library has, and that no formula of the others gives."""
    function = getattr(torch.special, name)
    return x.unary(lambda value: function(torch.tensor(value, dtype=torch.float64)).item())


def _library(name: str) -> Callable[[Counted], Counted]:
    return lambda x: _polynomial(x, name)


def _library_of_two(name: str) -> Callable[[Counted, Counted], Counted]:
    def both(a: float, b: float) -> float:
        first, second = (torch.tensor(value, dtype=torch.float64) for value in (a, b))
        return float(getattr(torch.special, name)(first, second))

    return lambda x, y: x.binary(both, y)


def _binned(x: Counted) -> Counted:
    """Count a number in the bin where it belongs, and return the bin."""
    inside = x.binary(operator.ge, -2), x.binary(operator.le, 2)
    place = ((x - -2) * 8 / (2 - -2)).floor()
    one_more = x.tally.number(0.0) + 1
    return place if all(map(plain, (*inside, one_more))) else x.tally.number(-1.0)


def _sine_cardinal(x: Counted) -> Counted:
    at_zero = x.binary(operator.eq, 0)
    angle = x * math.pi
    return x.tally.number(1.0) if at_zero.value else angle.unary(math.sin) / angle


def _turned(length: Counted, angle: Counted) -> Complex:
    return Complex(length * angle.unary(math.cos), length * angle.unary(math.sin))


def _heaviside(x: Counted, y: Counted) -> Counted:
    positive, zero = x > 0, x.binary(operator.eq, 0)
    return x.tally.number(1.0) if positive else y if zero.value else x.tally.number(0.0)


UNARY: dict[str, Callable[[Any], Any]] = {
    "abs": abs,
    "acos": _one(math.acos),
    "acosh": _one(math.acosh),
    "affine": lambda x: x * ALPHA + BETA,
    "angle": lambda x: x.tally.number(math.pi if x < 0 else 0.0),
    "asin": _one(math.asin),
    "asinh": _one(math.asinh),
    "atan": _one(math.atan),
    "atanh": _one(math.atanh),
    "Bessel": _library("bessel_j0"),
    "bitwise not": _one(lambda x: ~int(x)),
    "ceil": _one(math.ceil),
    "celu": lambda x: select(x > 0, x, ((x / ALPHA).exp() - 1) * ALPHA),
    "clamp": lambda x: _clamp(x, LOW, HIGH),
    "complex abs": lambda z: z.power().sqrt(),
    "complex angle": lambda z: z.imag.binary(math.atan2, z.real),
    "complex conjugate": Complex.conjugate,
    "complex exp": lambda z: _turned(z.real.exp(), z.imag),
    "complex log": lambda z: Complex(z.power().sqrt().log(), z.imag.binary(math.atan2, z.real)),
    "complex negate": operator.neg,
    "complex reciprocal": lambda z: z.conjugate().scaled(z.power()),
    "complex sign": lambda z: z.scaled(z.power().sqrt()),
    "cos": _one(math.cos),
    "cosh": _one(math.cosh),
    "dequantize": lambda x: (x - ZERO_POINT) * SCALE,
    "digamma": _library("digamma"),
    "elu": lambda x: _elu(x, ALPHA),
    "entropy": lambda x: -x * x.log(),
    "erf": Counted.erf,
    "erfc": lambda x: 1 - x.erf(),
    "exp": Counted.exp,
    "exp2": _one(math.exp2),
    "expm1": lambda x: x.exp() - 1,
    "fake quantize": _fake_quantize,
    "floor": Counted.floor,
    "fractional part": lambda x: x - x.unary(math.trunc),
    "gelu": lambda x: x / 2 * (1 + (x / math.sqrt(2)).erf()),
    "gelu tanh": _gelu_tanh,
    "hard shrink": lambda x: x.tally.number(0.0) if (x > LOW) & (x < HIGH) else x,
    "hard sigmoid": lambda x: _clamp(x * ALPHA + BETA, 0, 1),
    "hard sigmoid of keras": lambda x: _clamp(x / 6 + 0.5, 0, 1),
    "hard swish": lambda x: x * _clamp(x / 6 + 0.5, 0, 1),
    "hard tanh": lambda x: _clamp(x, LOW, HIGH),
    "inverse erf": _library("erfinv"),
    "inverse normal": _library("ndtri"),
    "is finite": _one(math.isfinite),
    "is infinite": _one(math.isinf),
    "is nan": _one(lambda x: x != x),  # what nan is known by
    "leaky relu": lambda x: select(x > 0, x, x * ALPHA),
    "linear": lambda x: x,
    "log": Counted.log,
    "log1p": lambda x: (1 + x).log(),
    "log2": _one(math.log2),
    "log10": _one(math.log10),
    "log gamma": _one(math.lgamma),
    "log normal": lambda x: (0.5 * (1 - ((-x) / math.sqrt(2)).erf())).log(),
    "log sigmoid": lambda x: -((1 + (-x).exp()).log()),
    "logical not": _one(operator.not_),
    "logit": lambda x: (x / (1 - x)).log(),
    "mish": lambda x: x * (1 + x.exp()).log().tanh(),
    "negate": operator.neg,
    "polygamma": _one(lambda x: torch.polygamma(1, torch.tensor(x, dtype=torch.float64)).item()),
    "put in bins": _binned,
    "quantize": lambda x: _clamp((x / SCALE).round() + ZERO_POINT, 0, 7),
    "quick gelu": lambda x: x * _sigmoid(x * 1.702),
    "reciprocal": lambda x: 1 / x,
    "reciprocal square root": lambda x: 1 / x.sqrt(),
    "relu": lambda x: x.maximum(0),
    "relu6": lambda x: _clamp(x, 0, 6),
    "replace what is not finite": _replaced,
    "round": Counted.round,
    "scaled erfc": lambda x: _squared(x).exp() * (1 - x.erf()),
    "scaled tanh": lambda x: (x * BETA).tanh() * ALPHA,
    "selu": lambda x: _elu(x, SELU_ALPHA) * SELU_LAMBDA,
    "sigmoid": _sigmoid,
    "sign": _one(lambda x: math.copysign(1, x) if x else 0),
    "silu": lambda x: x * _sigmoid(x),
    "sin": _one(math.sin),
    "sine cardinal": _sine_cardinal,
    "sinh": _one(math.sinh),
    "soft shrink": _shrunk,
    "softplus": lambda x: (1 + x.exp()).log(),
    "softsign": lambda x: x / (1 + abs(x)),
    "sparse plus": _sparse_plus,
    "sparse sigmoid": _sparse_sigmoid,
    "square": lambda x: x * x,
    "square root": Counted.sqrt,
    "squared relu": lambda x: _squared(x.maximum(0)),
    "squareplus": lambda x: (x + (_squared(x) + 4).sqrt()) / 2,
    "tan": _one(math.tan),
    "tanh": Counted.tanh,
    "tanh shrink": lambda x: x - x.tanh(),
    "threshold": lambda x: select(x > LOW, x, x.tally.number(HIGH)),
    "truncate": _one(math.trunc),
}
"""Functions of one number."""

BINARY: dict[str, Callable[..., Any]] = {
    "absolute difference": lambda x, y: abs(x - y),
    "add": operator.add,
    "atan2": _two(math.atan2),
    "binary cross entropy": lambda x, y: -(y * _bounded_log(x) + (1 - y) * _bounded_log(1 - x)),
    "binary cross entropy of logits": lambda x, y: (
        x.maximum(0) - x * y + ((-abs(x)).exp() + 1).log()
    ),
    "bitwise and": _bits(operator.and_),
    "bitwise or": _bits(operator.or_),
    "bitwise xor": _bits(operator.xor),
    "complex add": operator.add,
    "complex divide": operator.truediv,
    "complex equal": lambda x, y: x.real.binary(operator.eq, y.real).binary(
        operator.and_, x.imag.binary(operator.eq, y.imag)
    ),
    "complex multiply": operator.mul,
    "complex subtract": operator.sub,
    "copy sign": _two(math.copysign),
    "divide": operator.truediv,
    "equal": _two(operator.eq),
    "floor divide": lambda x, y: (x / y).floor(),
    "from polar": _turned,
    "gated linear unit": lambda x, gate: x * _sigmoid(gate),
    "greater": _two(operator.gt),
    "greater or equal": _two(operator.ge),
    "Heaviside": _heaviside,
    "Huber": _huber,
    "hypotenuse": lambda x, y: (x * x + y * y).sqrt(),
    "incomplete gamma": _library_of_two("gammainc"),
    "less": _two(operator.lt),
    "less or equal": _two(operator.le),
    "log add exp": _log_add,
    "logical and": _two(lambda x, y: bool(x) and bool(y)),
    "logical or": _two(lambda x, y: bool(x) or bool(y)),
    "logical xor": _two(lambda x, y: bool(x) is not bool(y)),
    "maximum": Counted.maximum,
    "minimum": Counted.minimum,
    "multiply": operator.mul,
    "next after": _two(math.nextafter),
    "not equal": _two(operator.ne),
    "power": operator.pow,
    "prelu": lambda x, y: select(x > 0, x, x * y),
    "quantization scale": _quantization_scale,
    "remainder": _remainder,
    "shift left": _bits(operator.lshift),
    "shift right": _bits(operator.rshift),
    "smooth L1": _smooth,
    "soft margin": lambda x, y: ((-y * x).exp() + 1).log(),
    "squared difference": lambda x, y: _squared(x - y),
    "subtract": operator.sub,
    "x log1p y": lambda x, y: select(x.binary(operator.eq, 0).value, x, x * (1 + y).log()),
    "x log y": lambda x, y: select(x.binary(operator.eq, 0).value, x, x * y.log()),
    "zeta": _library_of_two("zeta"),
}
"""Functions of a pair of numbers."""

TERNARY: dict[str, Callable[..., Any]] = {
    "complex multiply and add": lambda x, y, z: x + y * z,
    "dropout": lambda x, mask, scale: x * mask * scale,
    "interpolate": lambda x, y, w: x + w * (y - x),
    "multiply and add": lambda x, y, z: x + y * z,
    "multiply, divide and add": lambda x, y, z: x + y * ALPHA / z,
    "multiply, multiply and add": lambda x, y, z: x + y * ALPHA * z,
    "select": lambda c, x, y: select(bool(plain(c)), x, y),
}
"""Functions of three numbers."""

_U, _V, _W = 0.625 - 0.25j, -1.75 + 0.5j, 0.375 + 2j

ARGUMENTS: dict[str, tuple[complex, ...]] = {
    "acosh": (1.5,),
    "binary cross entropy": (0.625, 0.25),
    "bitwise and": (12, 10),
    "bitwise not": (12,),
    "bitwise or": (12, 10),
    "bitwise xor": (12, 10),
    "complex abs": (_U,),
    "complex add": (_U, _V),
    "complex angle": (_U,),
    "complex conjugate": (_U,),
    "complex divide": (_U, _V),
    "complex equal": (_U, _V),
    "complex exp": (_U,),
    "complex log": (_U,),
    "complex multiply": (_U, _V),
    "complex multiply and add": (_U, _V, _W),
    "complex negate": (_U,),
    "complex reciprocal": (_U,),
    "complex sign": (_U,),
    "complex subtract": (_U, _V),
    "incomplete gamma": (0.625, 1.75),
    "shift left": (12, 2),
    "shift right": (12, 2),
    "x log1p y": (0.625, 1.75),
    "x log y": (0.625, 1.75),
    "zeta": (2.5, 1.75),
}
"""Arguments for functions that are not defined at the usual ones."""


def arguments(name: str) -> tuple[complex, ...]:
    """Return arguments at which a function can be evaluated."""
    usual: tuple[complex, ...] = (0.625, -1.75, 0.375)
    places = 1 if name in UNARY else 2 if name in BINARY else 3
    return ARGUMENTS.get(name, usual[:places])


def apply(name: str, *numbers: Any) -> Any:
    """Evaluate a function step by step."""
    match numbers:
        case (x,):
            return UNARY[name](x)
        case (x, y):
            return BINARY[name](x, y)
        case (x, y, z):
            return TERNARY[name](x, y, z)
    raise TypeError(f"{name} of {len(numbers)} numbers")


def _mean(numbers: list[Counted]) -> Counted:
    return summed(numbers) / len(numbers)


def _log_sum_exp(numbers: list[Counted]) -> Counted:
    top = largest(numbers)
    return top + summed([(number - top).exp() for number in numbers]).log()


def _variance(numbers: list[Counted]) -> Counted:
    mean = _mean(numbers)
    return _mean([_squared(number - mean) for number in numbers])


def _squared(number: Counted) -> Counted:
    return number * number


def _folded(
    function: Callable[[float, float], float],
) -> Callable[[list[Counted]], Counted]:
    def fold(numbers: list[Counted]) -> Counted:
        first, *rest = numbers
        for number in rest:
            first = first.binary(function, number)
        return first

    return fold


def _place(better: Callable[[Counted, Counted], bool]) -> Callable[[list[Counted]], Counted]:
    def find(numbers: list[Counted]) -> Counted:
        best = 0
        for at in range(1, len(numbers)):
            if better(numbers[at], numbers[best]):
                best = at
        return numbers[0].tally.number(best)

    return find


def _complex_mean(numbers: list[Complex]) -> Complex:
    return summed(numbers).scaled(len(numbers))


def _folded_product(numbers: list[Complex]) -> Complex:
    return reduce(operator.mul, numbers)


def _number_or_zero(x: Counted) -> Counted:
    return x.tally.number(0.0) if x.binary(operator.ne, x).value else x


REDUCING: dict[str, Callable[[Any], Any]] = {
    "all": _folded(lambda x, y: bool(x) and bool(y)),
    "any": _folded(lambda x, y: bool(x) or bool(y)),
    "argmax": _place(operator.gt),
    "argmin": _place(operator.lt),
    "Chebyshev distance": lambda pairs: largest([abs(x - y) for x, y in pairs]),
    "complex L2 norm": lambda numbers: summed([number.power() for number in numbers]).sqrt(),
    "complex mean": _complex_mean,
    "complex product": _folded_product,
    "complex sum": summed,
    "count": lambda numbers: summed([number.binary(operator.ne, 0) for number in numbers]),
    "Euclidean distance": lambda pairs: summed([_squared(x - y) for x, y in pairs]).sqrt(),
    "L1 norm": lambda numbers: summed([abs(number) for number in numbers]),
    "L2 norm": lambda numbers: summed([_squared(number) for number in numbers]).sqrt(),
    "log sum": lambda numbers: summed(numbers).log(),
    "log sum exp": _log_sum_exp,
    "Lp norm": lambda numbers: summed([abs(number) ** 3 for number in numbers]) ** (1 / 3),
    "Manhattan distance": lambda pairs: summed([abs(x - y) for x, y in pairs]),
    "max": largest,
    "maximum norm": lambda numbers: largest([abs(number) for number in numbers]),
    "mean": _mean,
    "min": _folded(min),
    "min and max": lambda numbers: (_folded(min)(numbers), largest(numbers)),
    "minimum norm": lambda numbers: _folded(min)([abs(number) for number in numbers]),
    "Minkowski distance": lambda pairs: summed([abs(x - y) ** 3 for x, y in pairs]) ** (1 / 3),
    "product": _folded(operator.mul),
    "standard deviation": lambda numbers: _variance(numbers).sqrt(),
    "sum": summed,
    "sum of numbers": lambda numbers: summed([_number_or_zero(number) for number in numbers]),
    "sum of squares": lambda numbers: summed([_squared(number) for number in numbers]),
    "variance": _variance,
}
"""Reductions of several numbers to one."""


@oracle(Elementwise)
def _elementwise(operation: Elementwise, tally: Tally) -> None:
    category = Category.BIAS if operation.bias else FUNCTIONS[operation.function].category
    with tally.within(category):
        for _ in range(operation.elements):
            given = [tally.made(number) for number in arguments(operation.function)]
            apply(operation.function, *given)


@oracle(Reduction)
def _reduction(operation: Reduction, tally: Tally) -> list[Any]:
    if not operation.out_elements or not operation.in_elements:
        return []
    function, results = operation.function, operation.out_elements
    numbers = operands(tally, function, operation.in_elements)
    # Of ragged groups the first takes what the others leave over: one element each.
    longest = operation.in_elements - (results - 1)
    each = operation.in_elements // results
    sizes = [longest, *[1] * (results - 1)] if operation.ragged else [each] * results
    starts = [sum(sizes[:at]) for at in range(results)]
    with tally.within(Category.REDUCTION):
        return [
            REDUCING[function](numbers[start : start + size])
            for start, size in zip(starts, sizes, strict=True)
        ]


def operands(tally: Tally, function: str, count: int) -> list[Any]:
    """Make what a reduction takes: numbers, complex ones, or pairs whose distance it is."""
    plain_numbers = np.linspace(0.5, 2, count)
    if function.startswith("complex"):
        return list(tally.array(plain_numbers + 1j))
    numbers = list(tally.array(plain_numbers))
    if function.endswith("distance"):
        return list(zip(numbers, tally.array(plain_numbers[::-1] ** 2), strict=True))
    return numbers
