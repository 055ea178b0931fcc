"""Sums, means, extremes and norms over axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from analyzer.errors import ModelError
from analyzer.expression import ZERO, Expression, Factor, Sum, Words, product, total
from analyzer.ops.base import Cost, Operation

__all__ = ["REDUCTIONS", "Reduction", "Steps"]


class Steps(NamedTuple):
    """Scalar operations of a reduction of n elements to one, n − 1 of them to combine.

    Attributes:
        element: besides combining, for each element that is read.
        result: besides combining, for each result.
        formula: the decomposition that is counted.
        combines: how often elements are combined pairwise.
    """

    element: int
    result: int
    formula: str
    combines: int = 1


REDUCTIONS: dict[str, Steps] = {
    "all": Steps(0, 0, "x₁ ∧ x₂ ∧ …"),
    "any": Steps(0, 0, "x₁ ∨ x₂ ∨ …"),
    "argmax": Steps(0, 0, "the place of the maximum: n − 1 comparisons"),
    "argmin": Steps(0, 0, "the place of the minimum: n − 1 comparisons"),
    "Chebyshev distance": Steps(2, 0, "max |x − y|"),
    "complex L2 norm": Steps(3, 1, "√ Σ (a² + b²)"),
    "complex mean": Steps(0, 2, "(Σ a + i Σ b) / n", 2),
    "complex product": Steps(0, 0, "z₁ · z₂ · …", 6),
    "complex sum": Steps(0, 0, "Σ a + i Σ b", 2),
    "count": Steps(1, 0, "Σ (x ≠ 0)"),
    "Euclidean distance": Steps(2, 1, "√ Σ (x − y)²"),
    "L1 norm": Steps(1, 0, "Σ |x|"),
    "L2 norm": Steps(1, 1, "√ Σ x²"),
    "log sum": Steps(0, 1, "log Σ x"),
    "log sum exp": Steps(2, 2, "m + log Σ exp(x − m), m = max x", 2),
    "Lp norm": Steps(2, 1, "(Σ |x|ᵖ)^(1/p)"),
    "Manhattan distance": Steps(2, 0, "Σ |x − y|"),
    "max": Steps(0, 0, "max x"),
    "maximum norm": Steps(1, 0, "max |x|"),
    "mean": Steps(0, 1, "Σ x / n"),
    "min": Steps(0, 0, "min x"),
    "min and max": Steps(0, 0, "min x, max x", 2),
    "minimum norm": Steps(1, 0, "min |x|"),
    "Minkowski distance": Steps(3, 1, "(Σ |x − y|ᵖ)^(1/p)"),
    "product": Steps(0, 0, "x₁ · x₂ · …"),
    "standard deviation": Steps(2, 3, "√(Σ (x − mean)² / n)", 2),
    "sum": Steps(0, 0, "Σ x"),
    "sum of numbers": Steps(1, 0, "Σ (x = NaN ? 0 : x)"),
    "sum of squares": Steps(1, 0, "Σ x²"),
    "variance": Steps(2, 2, "Σ (x − mean)² / n", 2),
}
"""Every reduction that is counted, with its reference decomposition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction(Operation):
    """``in_elements → out_elements``, each result made of ``in_elements / out_elements``.

    Of ``ragged`` groups (bags, segments) only their number is known, and that none is empty.

    Raises:
        ModelError: the function is none of :data:`REDUCTIONS`, or the sizes do not divide.

    >>> Reduction(function="mean", in_elements=12, out_elements=3).cost().flops.value
    12
    """

    function: str
    in_elements: int
    out_elements: int
    ragged: bool = False

    lesson: ClassVar[str] = "Combining n elements takes n − 1 operations; a mean divides once more."

    def __post_init__(self) -> None:
        if self.function not in REDUCTIONS:
            raise ModelError(
                f"reduction {self.function!r} is not known; add it to "
                "analyzer.ops.reduction.REDUCTIONS or give an operation of your own"
            )
        if self.out_elements and self.in_elements % self.out_elements and not self.ragged:
            raise ModelError(
                f"reduction {self.function!r}: {self.in_elements} elements do not divide into "
                f"{self.out_elements} results"
            )

    @property
    def kind(self) -> str:
        return self.function

    def cost(self) -> Cost:
        if self.out_elements == 0:
            return Cost(free="there is no result to compute")
        steps = REDUCTIONS[self.function]
        if self.ragged:
            return _cost_of_ragged(steps, self.in_elements, self.out_elements)
        size = self.in_elements // self.out_elements
        if size == 0:
            return Cost(free="there is nothing to reduce")
        each = Factor("elements each", size)
        once = Sum((each, Factor("1", -1)))
        work = total(
            (
                once if steps.combines == 1 else product(Factor("passes", steps.combines), once),
                product(Factor("operations an element", steps.element), each),
                Factor("operations a result", steps.result),
            )
        )
        if not work.value:
            return Cost(free="one element each: nothing is combined")
        return Cost(reduction=product(Factor("results", self.out_elements), work))

    def work_lesson(self) -> tuple[Words, ...]:
        return (f"{self.function}: {REDUCTIONS[self.function].formula}",)


def _cost_of_ragged(steps: Steps, elements: int, results: int) -> Cost:
    """Return what groups of unequal size cost together; an element alone is not combined."""
    combined: Expression = Sum(
        (Factor("elements", elements), Factor("results", -min(results, elements)))
    )
    if steps.combines != 1 and combined.value:
        combined = product(Factor("passes", steps.combines), combined)
    work = total(
        (
            combined if combined.value else ZERO,
            product(Factor("operations an element", steps.element), Factor("elements", elements)),
            product(Factor("operations a result", steps.result), Factor("results", results)),
        )
    )
    return Cost(reduction=work) if work.value else Cost(free="nothing is combined")
