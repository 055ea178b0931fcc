"""Factorizations of square matrices, and the triangular systems that they leave to be solved."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import ClassVar

from analyzer.errors import ModelError
from analyzer.expression import Factor, product, total
from analyzer.ops.base import Cost, Operation

__all__ = ["Factorization", "TriangularSolve"]

_METHODS = ("Cholesky", "LU")


@dataclass(frozen=True, slots=True, kw_only=True)
class Factorization(Operation):
    """A product of triangular matrices: ``(batch, size, size)``, twice.

    ``"Cholesky"``: A = L·Lᵀ, column by column; ``"LU"``: P·A = L·U by elimination, each pivot the
    largest |x| of its column (Golub and Van Loan, Matrix Computations, algorithms 4.2.1, 3.4.1).

    Raises:
        ModelError: the method is another one.

    >>> Factorization(method="Cholesky", batch=1, size=3).cost().flops.numbers()
    '1·(2·4 + 3 + 3)'
    """

    method: str
    batch: int
    size: int

    lesson: ClassVar[str] = (
        "Each column is cleared with those before it, so the work grows with the cube of the size: "
        "n³/3 for Cholesky, which uses the symmetry, and 2·n³/3 for LU."
    )

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise ModelError(
                f"factorization {self.method!r} is not known; known are {', '.join(_METHODS)}"
            )

    @property
    def kind(self) -> str:
        return f"{self.method}Factorization"

    def cost(self) -> Cost:
        n = self.size
        others = [Factor("divisions below the diagonal", comb(n, 2))]
        if self.method == "Cholesky":
            steps = Factor("products taken away", comb(n + 1, 3))
            others.append(Factor("square roots", n))
        else:
            steps = Factor("products taken away", 2 * comb(n, 3) + comb(n, 2))  # Σ k² over k < n
            others.append(Factor("|x| of a column", comb(n + 1, 2)))
            others.append(Factor("comparisons", comb(n, 2)))
        work = total((product(Factor("product and difference", 2), steps), *others))
        return Cost(elementwise=product(product(batch=self.batch), work))


@dataclass(frozen=True, slots=True, kw_only=True)
class TriangularSolve(Operation):
    """``L·X = B`` by substitution: ``(batch, size, size), (batch, size, columns)``.

    >>> TriangularSolve(batch=1, size=3, columns=2).cost().flops.numbers()
    '1·2·(2·3 + 3)'
    """

    batch: int
    size: int
    columns: int
    unit_diagonal: bool = False

    lesson: ClassVar[str] = (
        "Each unknown takes one product for every unknown that is known already."
    )

    def cost(self) -> Cost:
        work = total(
            (
                product(Factor("product and difference", 2), Factor("pairs", comb(self.size, 2))),
                Factor("divisions", 0 if self.unit_diagonal else self.size),
            )
        )
        each = product(batch=self.batch, columns=self.columns)
        return Cost(elementwise=product(each, work))
