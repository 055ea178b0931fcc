"""Functions applied to each element: arithmetic, activations, comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from analyzer.errors import ModelError
from analyzer.expression import Factor, Words, product
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
    "absolute difference": Function(2, "|x − y|"),
    "acos": Function(1, "acos x"),
    "acosh": Function(1, "acosh x"),
    "add": Function(1, "x + y"),
    "affine": Function(2, "α·x + β", _ACT),
    "angle": Function(1, "x < 0 ? π : 0"),
    "asin": Function(1, "asin x"),
    "asinh": Function(1, "asinh x"),
    "atan": Function(1, "atan x"),
    "atan2": Function(1, "atan2(x, y)"),
    "atanh": Function(1, "atanh x"),
    "Bessel": Function(1, "I, J, K or Y of x, of an order, scaled or not"),
    "binary cross entropy": Function(10, "−(y·max(log x, −100) + (1 − y)·max(log(1 − x), −100))"),
    "binary cross entropy of logits": Function(9, "max(x, 0) − x·y + log(1 + exp(−|x|))"),
    "bitwise and": Function(1, "x & y"),
    "bitwise not": Function(1, "~x"),
    "bitwise or": Function(1, "x | y"),
    "bitwise xor": Function(1, "x ^ y"),
    "ceil": Function(1, "⌈x⌉"),
    "celu": Function(5, "x > 0 ? x : α·(exp(x / α) − 1)", _ACT),
    "clamp": Function(2, "min(max(x, low), high)"),
    "complex abs": Function(4, "√(a² + b²)"),
    "complex add": Function(2, "(a + c) + (b + d)i"),
    "complex angle": Function(1, "atan2(b, a)"),
    "complex conjugate": Function(1, "a − bi"),
    "complex divide": Function(11, "(a + bi)·(c − di) / (c² + d²)"),
    "complex equal": Function(3, "a = c ∧ b = d"),
    "complex exp": Function(5, "exp(a)·(cos b + i sin b)"),
    "complex log": Function(6, "log √(a² + b²) + i·atan2(b, a)"),
    "complex multiply": Function(6, "(ac − bd) + (ad + bc)i"),
    "complex multiply and add": Function(8, "x + y·z, of complex numbers"),
    "complex negate": Function(2, "−a − bi"),
    "complex reciprocal": Function(6, "(a − bi) / (a² + b²)"),
    "complex sign": Function(6, "z / √(a² + b²)"),
    "complex subtract": Function(2, "(a − c) + (b − d)i"),
    "copy sign": Function(1, "|x| with the sign of y"),
    "cos": Function(1, "cos x"),
    "cosh": Function(1, "cosh x"),
    "dequantize": Function(2, "(q − z)·s"),
    "digamma": Function(1, "ψ x"),
    "divide": Function(1, "x / y"),
    "dropout": Function(2, "x · mask · scale"),
    "elu": Function(4, "x > 0 ? x : α·(exp(x) − 1)", _ACT),
    "entropy": Function(3, "−x·log x"),
    "equal": Function(1, "x = y"),
    "erf": Function(1, "erf x"),
    "erfc": Function(2, "1 − erf x"),
    "exp": Function(1, "exp x"),
    "exp2": Function(1, "2ˣ"),
    "expm1": Function(2, "exp(x) − 1"),
    "fake quantize": Function(7, "(clamp(round(x / s) + z, low, high) − z)·s"),
    "floor": Function(1, "⌊x⌋"),
    "floor divide": Function(2, "⌊x / y⌋"),
    "fractional part": Function(2, "x − trunc x"),
    "from polar": Function(4, "r·cos φ + i·r·sin φ"),
    "gated linear unit": Function(5, "a · (1 / (1 + exp(−b)))", _ACT),
    "gelu": Function(5, "x / 2 · (1 + erf(x / √2))", _ACT),
    "gelu tanh": Function(8, "0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))", _ACT),
    "greater": Function(1, "x > y"),
    "greater or equal": Function(1, "x ≥ y"),
    "hard shrink": Function(2, "−λ ≤ x ≤ λ ? 0 : x", _ACT),
    "hard sigmoid": Function(4, "clamp(αx + β, 0, 1)", _ACT),
    "hard sigmoid of keras": Function(4, "clamp(x / 6 + 0.5, 0, 1)", _ACT),
    "hard swish": Function(5, "x · clamp(x / 6 + 0.5, 0, 1)", _ACT),
    "hard tanh": Function(2, "min(max(x, low), high)", _ACT),
    "Heaviside": Function(2, "x > 0 ? 1 : x = 0 ? y : 0"),
    "Huber": Function(7, "|x − y| < δ ? ½·(x − y)² : δ·(|x − y| − ½·δ)"),
    "hypotenuse": Function(4, "√(x² + y²)"),
    "incomplete gamma": Function(1, "P(x, y) or Q(x, y)"),
    "interpolate": Function(3, "x + w·(y − x)"),
    "inverse erf": Function(1, "erf⁻¹ x"),
    "inverse normal": Function(1, "Φ⁻¹ x"),
    "is finite": Function(1, "x finite?"),
    "is infinite": Function(1, "x infinite?"),
    "is nan": Function(1, "x ≠ x"),
    "leaky relu": Function(2, "x > 0 ? x : α·x", _ACT),
    "less": Function(1, "x < y"),
    "less or equal": Function(1, "x ≤ y"),
    "linear": Function(0, "x", _ACT),
    "log": Function(1, "log x"),
    "log1p": Function(2, "log(1 + x)"),
    "log2": Function(1, "log₂ x"),
    "log10": Function(1, "log₁₀ x"),
    "log add exp": Function(8, "m + log(1 + exp(−|x − y|)), m = max(x, y)"),
    "log gamma": Function(1, "log |Γ x|"),
    "log normal": Function(6, "log Φ x = log(½·erfc(−x / √2))"),
    "log sigmoid": Function(5, "−log(1 + exp(−x))", _ACT),
    "logical and": Function(1, "x ∧ y"),
    "logical not": Function(1, "¬x"),
    "logical or": Function(1, "x ∨ y"),
    "logical xor": Function(1, "x ⊕ y"),
    "logit": Function(3, "log(x / (1 − x))"),
    "maximum": Function(1, "max(x, y)"),
    "minimum": Function(1, "min(x, y)"),
    "mish": Function(5, "x · tanh(log(1 + exp x))", _ACT),
    "multiply": Function(1, "x · y"),
    "multiply and add": Function(2, "x + y·z"),
    "multiply, divide and add": Function(3, "x + v·y / z"),
    "multiply, multiply and add": Function(3, "x + v·y·z"),
    "negate": Function(1, "−x"),
    "next after": Function(1, "the next number after x towards y"),
    "not equal": Function(1, "x ≠ y"),
    "polygamma": Function(1, "ψ⁽ⁿ⁾ x"),
    "power": Function(1, "xʸ"),
    "prelu": Function(2, "x > 0 ? x : α·x", _ACT),
    "put in bins": Function(7, "low ≤ x ≤ high: count[⌊(x − low)·bins / range⌋] + 1"),
    "quantization scale": Function(
        7, "s = max((max(high, 0) − min(low, 0)) / steps, ε); round(min(low, 0) / s)"
    ),
    "quantize": Function(5, "clamp(round(x / s) + z, low, high)"),
    "quick gelu": Function(6, "x · (1 / (1 + exp(−(1.702·x))))", _ACT),
    "reciprocal": Function(1, "1 / x"),
    "reciprocal square root": Function(2, "1 / √x"),
    "relu": Function(1, "max(x, 0)", _ACT),
    "relu6": Function(2, "min(max(x, 0), 6)", _ACT),
    "remainder": Function(4, "x − ⌊x / y⌋·y"),
    "replace what is not finite": Function(3, "x = NaN ? a : x = ∞ ? b : x = −∞ ? c : x"),
    "round": Function(1, "round x"),
    "scaled erfc": Function(5, "exp(x²)·(1 − erf x)"),
    "scaled tanh": Function(3, "α·tanh(β·x)", _ACT),
    "select": Function(0, "c ? x : y"),
    "selu": Function(5, "λ·(x > 0 ? x : α·(exp(x) − 1))", _ACT),
    "shift left": Function(1, "x · 2ʸ, as bits"),
    "shift right": Function(1, "⌊x / 2ʸ⌋, as bits"),
    "sigmoid": Function(4, "1 / (1 + exp(−x))", _ACT),
    "sign": Function(1, "sign x"),
    "silu": Function(5, "x · (1 / (1 + exp(−x)))", _ACT),
    "sin": Function(1, "sin x"),
    "sine cardinal": Function(4, "x = 0 ? 1 : sin(πx) / (πx)"),
    "sinh": Function(1, "sinh x"),
    "smooth L1": Function(7, "|x − y| < β ? ½·(x − y)² / β : |x − y| − ½·β"),
    "soft margin": Function(5, "log(1 + exp(−y·x))"),
    "soft shrink": Function(4, "x > λ ? x − λ : x < −λ ? x + λ : 0", _ACT),
    "softplus": Function(3, "log(1 + exp x)", _ACT),
    "softsign": Function(3, "x / (1 + |x|)", _ACT),
    "sparse plus": Function(5, "x ≤ −1 ? 0 : x < 1 ? ¼·(x + 1)² : x", _ACT),
    "sparse sigmoid": Function(4, "x ≤ −1 ? 0 : x ≥ 1 ? 1 : ½·(x + 1)", _ACT),
    "square": Function(1, "x · x"),
    "square root": Function(1, "√x"),
    "squared difference": Function(2, "(x − y)²"),
    "squared relu": Function(2, "max(x, 0)²", _ACT),
    "squareplus": Function(5, "½·(x + √(x² + b))", _ACT),
    "subtract": Function(1, "x − y"),
    "tan": Function(1, "tan x"),
    "tanh": Function(1, "tanh x", _ACT),
    "tanh shrink": Function(2, "x − tanh x", _ACT),
    "threshold": Function(1, "x > t ? x : v", _ACT),
    "truncate": Function(1, "trunc x"),
    "x log1p y": Function(4, "x = 0 ? 0 : x·log(1 + y)"),
    "x log y": Function(3, "x = 0 ? 0 : x·log y"),
    "zeta": Function(1, "ζ(x, y)"),
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

    def work_lesson(self) -> tuple[Words, ...]:
        return (f"{self.function}: {FUNCTIONS[self.function].formula}",)

    @property
    def kind(self) -> str:
        return self.function
