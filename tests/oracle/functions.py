"""Every function of an element and every reduction, written out as scalar steps."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np

from analyzer.ops import FUNCTIONS, Category, Elementwise, Reduction
from tests.oracle.number import Array, Counted, Tally, largest, plain, select, summed
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


UNARY: dict[str, Callable[[Counted], Counted]] = {
    "abs": abs,
    "acos": _one(math.acos),
    "acosh": _one(math.acosh),
    "asin": _one(math.asin),
    "asinh": _one(math.asinh),
    "atan": _one(math.atan),
    "atanh": _one(math.atanh),
    "bitwise not": _one(lambda x: ~int(x)),
    "ceil": _one(math.ceil),
    "celu": lambda x: select(x > 0, x, ((x / ALPHA).exp() - 1) * ALPHA),
    "clamp": lambda x: _clamp(x, LOW, HIGH),
    "cos": _one(math.cos),
    "cosh": _one(math.cosh),
    "elu": lambda x: _elu(x, ALPHA),
    "erf": Counted.erf,
    "erfc": lambda x: 1 - x.erf(),
    "exp": Counted.exp,
    "expm1": lambda x: x.exp() - 1,
    "fake quantize": _fake_quantize,
    "floor": Counted.floor,
    "gelu": lambda x: x / 2 * (1 + (x / math.sqrt(2)).erf()),
    "gelu tanh": _gelu_tanh,
    "hard sigmoid": lambda x: _clamp(x * ALPHA + BETA, 0, 1),
    "hard sigmoid of keras": lambda x: _clamp(x / 6 + 0.5, 0, 1),
    "hard swish": lambda x: x * _clamp(x / 6 + 0.5, 0, 1),
    "hard tanh": lambda x: _clamp(x, LOW, HIGH),
    "is finite": _one(math.isfinite),
    "is infinite": _one(math.isinf),
    "is nan": _one(lambda x: x != x),  # what nan is known by
    "leaky relu": lambda x: select(x > 0, x, x * ALPHA),
    "linear": lambda x: x,
    "log": Counted.log,
    "log sigmoid": lambda x: -((1 + (-x).exp()).log()),
    "log1p": lambda x: (1 + x).log(),
    "log2": _one(math.log2),
    "log10": _one(math.log10),
    "logical not": _one(operator.not_),
    "mish": lambda x: x * (1 + x.exp()).log().tanh(),
    "negate": operator.neg,
    "quick gelu": lambda x: x * _sigmoid(x * 1.702),
    "reciprocal": lambda x: 1 / x,
    "reciprocal square root": lambda x: 1 / x.sqrt(),
    "relu": lambda x: x.maximum(0),
    "relu6": lambda x: _clamp(x, 0, 6),
    "round": Counted.round,
    "selu": lambda x: _elu(x, SELU_ALPHA) * SELU_LAMBDA,
    "sigmoid": _sigmoid,
    "sign": _one(lambda x: math.copysign(1, x) if x else 0),
    "silu": lambda x: x * _sigmoid(x),
    "sin": _one(math.sin),
    "sinh": _one(math.sinh),
    "softplus": lambda x: (1 + x.exp()).log(),
    "softsign": lambda x: x / (1 + abs(x)),
    "square": lambda x: x * x,
    "square root": Counted.sqrt,
    "squared relu": lambda x: _squared(x.maximum(0)),
    "tan": _one(math.tan),
    "tanh": Counted.tanh,
    "tanh shrink": lambda x: x - x.tanh(),
    "threshold": lambda x: select(x > LOW, x, x.tally.number(HIGH)),
    "truncate": _one(math.trunc),
}
"""Functions of one number."""

BINARY: dict[str, Callable[[Counted, Counted], Counted]] = {
    "add": operator.add,
    "atan2": _two(math.atan2),
    "bitwise and": _bits(operator.and_),
    "bitwise or": _bits(operator.or_),
    "bitwise xor": _bits(operator.xor),
    "divide": operator.truediv,
    "equal": _two(operator.eq),
    "floor divide": lambda x, y: (x / y).floor(),
    "gated linear unit": lambda x, gate: x * _sigmoid(gate),
    "greater": _two(operator.gt),
    "greater or equal": _two(operator.ge),
    "less": _two(operator.lt),
    "less or equal": _two(operator.le),
    "logical and": _two(lambda x, y: bool(x) and bool(y)),
    "logical or": _two(lambda x, y: bool(x) or bool(y)),
    "logical xor": _two(lambda x, y: bool(x) is not bool(y)),
    "maximum": Counted.maximum,
    "minimum": Counted.minimum,
    "multiply": operator.mul,
    "not equal": _two(operator.ne),
    "power": operator.pow,
    "prelu": lambda x, y: select(x > 0, x, x * y),
    "remainder": _remainder,
    "shift left": _bits(operator.lshift),
    "shift right": _bits(operator.rshift),
    "subtract": operator.sub,
}
"""Functions of a pair of numbers."""

TERNARY: dict[str, Callable[[Counted, Counted, Counted], Counted]] = {
    "dropout": lambda x, mask, scale: x * mask * scale,
    "multiply and add": lambda x, y, z: x + y * z,
    "select": lambda c, x, y: select(bool(plain(c)), x, y),
}
"""Functions of three numbers."""

ARGUMENTS: dict[str, tuple[float, ...]] = {
    "acosh": (1.5,),
    "bitwise and": (12, 10),
    "bitwise not": (12,),
    "bitwise or": (12, 10),
    "bitwise xor": (12, 10),
    "shift left": (12, 2),
    "shift right": (12, 2),
}
"""Arguments for functions that are not defined at the usual ones."""


def arguments(name: str) -> tuple[float, ...]:
    """Return arguments at which a function can be evaluated."""
    usual = (0.625, -1.75, 0.375)
    places = 1 if name in UNARY else 2 if name in BINARY else 3
    return ARGUMENTS.get(name, usual[:places])


def apply(name: str, *numbers: Counted) -> Counted:
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


REDUCING: dict[str, Callable[[list[Counted]], Counted]] = {
    "all": _folded(lambda x, y: bool(x) and bool(y)),
    "any": _folded(lambda x, y: bool(x) or bool(y)),
    "argmax": _place(operator.gt),
    "argmin": _place(operator.lt),
    "L1 norm": lambda numbers: summed([abs(number) for number in numbers]),
    "L2 norm": lambda numbers: summed([_squared(number) for number in numbers]).sqrt(),
    "log sum": lambda numbers: summed(numbers).log(),
    "log sum exp": _log_sum_exp,
    "max": largest,
    "mean": _mean,
    "min": _folded(min),
    "product": _folded(operator.mul),
    "standard deviation": lambda numbers: _variance(numbers).sqrt(),
    "sum": summed,
    "sum of squares": lambda numbers: summed([_squared(number) for number in numbers]),
    "variance": _variance,
}
"""Reductions of several numbers to one."""


@oracle(Elementwise)
def _elementwise(operation: Elementwise, tally: Tally) -> None:
    category = Category.BIAS if operation.bias else FUNCTIONS[operation.function].category
    with tally.within(category):
        for _ in range(operation.elements):
            given = [tally.number(number) for number in arguments(operation.function)]
            apply(operation.function, *given)


@oracle(Reduction)
def _reduction(operation: Reduction, tally: Tally) -> list[Counted]:
    if not operation.out_elements or not operation.in_elements:
        return []
    each = operation.in_elements // operation.out_elements
    rows: Array = tally.array(np.linspace(0.5, 2, operation.in_elements)).reshape(-1, each)
    with tally.within(Category.REDUCTION):
        return [REDUCING[operation.function](list(row)) for row in rows]
