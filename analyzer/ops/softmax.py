"""Softmax and its logarithm, along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from analyzer.expression import ZERO, Expression, Factor, Sum, product, total
from analyzer.ops.base import Cost, Operation

__all__ = ["Softmax", "softmax_cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Operation):
    """``(rows, size) → (rows, size)``, each row summing to one.

    Computed as ``exp(x − max) / Σ exp(x − max)``; its logarithm as
    ``(x − max) − log Σ exp(x − max)``.

    >>> Softmax(rows=1, size=10).cost().softmax.value
    48
    """

    rows: int
    size: int
    logarithm: bool = False

    lesson: ClassVar[str] = (
        "For each row of n: the maximum (n − 1), its subtraction (n), exponentials (n), their sum "
        "(n − 1), and a division each (n)."
    )

    def cost(self) -> Cost:
        rows = product(rows=self.rows)
        return Cost(softmax=softmax_cost(rows, self.size, logarithm=self.logarithm))


def softmax_cost(rows: Expression, size: int, *, logarithm: bool = False) -> Expression:
    """Return the FLOPs of a softmax: max, subtract, exp, sum, divide (or log and subtract)."""
    if not size:
        return ZERO
    last = "subtractions of the logarithm" if logarithm else "divisions"
    parts = (
        Sum((Factor("comparisons for the maximum", size), Factor("1", -1))),
        Factor("subtractions of the maximum", size),
        Factor("exponentials", size),
        Sum((Factor("additions", size), Factor("1", -1))),
        Factor("logarithm", int(logarithm)),
        Factor(last, size),
    )
    return product(rows, total(parts))
