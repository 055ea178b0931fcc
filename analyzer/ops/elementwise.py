"""Functions applied to each element: arithmetic, activations, comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from analyzer.errors import ModelError
from analyzer.expression import Factor, product
from analyzer.ops.base import Category, Cost, Operation

__all__ = ["FUNCTIONS", "Elementwise", "Function"]


class Function(NamedTuple):
    """Reference decomposition of a function of one element (or one pair).

    Attributes:
        flops: scalar operations an element.
        formula: the decomposition that is counted.
        category: where they are reported.
    """

    flops: int
    formula: str
    category: Category = Category.ELEMENTWISE


_ACT = Category.ACTIVATION

FUNCTIONS: dict[str, Function] = {
    "abs": Function(1, "|x|"),
    "acos": Function(1, "acos x"),
    "acosh": Function(1, "acosh x"),
    "add": Function(1, "x + y"),
    "asin": Function(1, "asin x"),
    "asinh": Function(1, "asinh x"),
    "atan": Function(1, "atan x"),
    "atan2": Function(1, "atan2(x, y)"),
    "atanh": Function(1, "atanh x"),
    "bitwise and": Function(1, "x & y"),
    "bitwise not": Function(1, "~x"),
    "bitwise or": Function(1, "x | y"),
    "bitwise xor": Function(1, "x ^ y"),
    "ceil": Function(1, "⌈x⌉"),
    "celu": Function(5, "x > 0 ? x : α·(exp(x / α) − 1)", _ACT),
    "clamp": Function(2, "min(max(x, low), high)"),
    "cos": Function(1, "cos x"),
    "cosh": Function(1, "cosh x"),
    "divide": Function(1, "x / y"),
    "dropout": Function(2, "x · mask · scale"),
    "elu": Function(4, "x > 0 ? x : α·(exp(x) − 1)", _ACT),
    "equal": Function(1, "x = y"),
    "erf": Function(1, "erf x"),
    "erfc": Function(2, "1 − erf x"),
    "exp": Function(1, "exp x"),
    "expm1": Function(2, "exp(x) − 1"),
    "fake quantize": Function(7, "(clamp(round(x / s) + z, low, high) − z)·s"),
    "floor": Function(1, "⌊x⌋"),
    "floor divide": Function(2, "⌊x / y⌋"),
    "gated linear unit": Function(5, "a · (1 / (1 + exp(−b)))", _ACT),
    "gelu": Function(5, "x / 2 · (1 + erf(x / √2))", _ACT),
    "gelu tanh": Function(8, "0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))", _ACT),
    "greater": Function(1, "x > y"),
    "greater or equal": Function(1, "x ≥ y"),
    "hard sigmoid": Function(4, "clamp(αx + β, 0, 1)", _ACT),
    "hard sigmoid of keras": Function(4, "clamp(x / 6 + 0.5, 0, 1)", _ACT),
    "hard swish": Function(5, "x · clamp(x / 6 + 0.5, 0, 1)", _ACT),
    "hard tanh": Function(2, "min(max(x, low), high)", _ACT),
    "is finite": Function(1, "x finite?"),
    "is infinite": Function(1, "x infinite?"),
    "is nan": Function(1, "x ≠ x"),
    "leaky relu": Function(2, "x > 0 ? x : α·x", _ACT),
    "less": Function(1, "x < y"),
    "less or equal": Function(1, "x ≤ y"),
    "linear": Function(0, "x", _ACT),
    "log": Function(1, "log x"),
    "log sigmoid": Function(5, "−log(1 + exp(−x))", _ACT),
    "log1p": Function(2, "log(1 + x)"),
    "log2": Function(1, "log₂ x"),
    "log10": Function(1, "log₁₀ x"),
    "logical and": Function(1, "x ∧ y"),
    "logical not": Function(1, "¬x"),
    "logical or": Function(1, "x ∨ y"),
    "logical xor": Function(1, "x ⊕ y"),
    "maximum": Function(1, "max(x, y)"),
    "minimum": Function(1, "min(x, y)"),
    "mish": Function(5, "x · tanh(log(1 + exp x))", _ACT),
    "multiply": Function(1, "x · y"),
    "multiply and add": Function(2, "x + y·z"),
    "negate": Function(1, "−x"),
    "not equal": Function(1, "x ≠ y"),
    "power": Function(1, "xʸ"),
    "prelu": Function(2, "x > 0 ? x : α·x", _ACT),
    "quick gelu": Function(6, "x · (1 / (1 + exp(−(1.702·x))))", _ACT),
    "reciprocal": Function(1, "1 / x"),
    "reciprocal square root": Function(2, "1 / √x"),
    "relu": Function(1, "max(x, 0)", _ACT),
    "relu6": Function(2, "min(max(x, 0), 6)", _ACT),
    "remainder": Function(4, "x − ⌊x / y⌋·y"),
    "round": Function(1, "round x"),
    "select": Function(0, "c ? x : y"),
    "selu": Function(5, "λ·(x > 0 ? x : α·(exp(x) − 1))", _ACT),
    "shift left": Function(1, "x · 2ʸ, as bits"),
    "shift right": Function(1, "⌊x / 2ʸ⌋, as bits"),
    "sigmoid": Function(4, "1 / (1 + exp(−x))", _ACT),
    "sign": Function(1, "sign x"),
    "silu": Function(5, "x · (1 / (1 + exp(−x)))", _ACT),
    "sin": Function(1, "sin x"),
    "sinh": Function(1, "sinh x"),
    "softplus": Function(3, "log(1 + exp x)", _ACT),
    "softsign": Function(3, "x / (1 + |x|)", _ACT),
    "square": Function(1, "x · x"),
    "square root": Function(1, "√x"),
    "squared relu": Function(2, "max(x, 0)²", _ACT),
    "subtract": Function(1, "x − y"),
    "tan": Function(1, "tan x"),
    "tanh": Function(1, "tanh x", _ACT),
    "tanh shrink": Function(2, "x − tanh x", _ACT),
    "threshold": Function(1, "x > t ? x : v", _ACT),
    "truncate": Function(1, "trunc x"),
}
"""Every function of one element that is counted, with its reference decomposition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elementwise(Operation):
    """A function of each element: ``shapes broadcast → elements``.

    Attributes:
        function: a name in :data:`FUNCTIONS`.
        elements: number of elements of the result.
        bias: the other operand is a stored bias, so that the additions are reported as such.

    Raises:
        ModelError: the function is none of :data:`FUNCTIONS`.

    >>> Elementwise(function="sigmoid", elements=10).cost().flops.numbers()
    '10·4'
    """

    function: str
    elements: int
    bias: bool = False

    lesson: ClassVar[str] = (
        "The function is computed once for each element, as the scalar operations of its formula."
    )
    roles: ClassVar[dict[str, str]] = {
        "bias": "one number a channel, added at every place",
        "scale": "one number a channel, multiplied at every place",
        "slope": "the learned slope of the negative side",
        "embedding": "one learned vector for each position, added to what stands there",
    }

    def __post_init__(self) -> None:
        if self.function not in FUNCTIONS:
            raise ModelError(
                f"elementwise function {self.function!r} is not known; "
                "add it to analyzer.ops.elementwise.FUNCTIONS or give an operation of your own"
            )

    def cost(self) -> Cost:
        function = FUNCTIONS[self.function]
        if not function.flops:
            return Cost(free=f"{function.formula}: nothing is computed")
        count = product(
            Factor("elements", self.elements),
            Factor(f"operations of {self.function}", function.flops),
        )
        if self.bias:
            return Cost(bias=count)
        if function.category is Category.ACTIVATION:
            return Cost(activation=count)
        return Cost(elementwise=count)

    @property
    def kind(self) -> str:
        return self.function
