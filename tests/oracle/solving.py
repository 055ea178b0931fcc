"""Factorizations and triangular systems, as loops over scalars."""

from __future__ import annotations

import numpy as np

from analyzer.ops import Category, Factorization, TriangularSolve
from tests.oracle.number import Array, Counted, Tally
from tests.oracle.registry import oracle


def cholesky(a: Array) -> Array:
    """Return L with ``A = L·Lᵀ``, of which only the lower half is filled."""
    size = len(a)
    lower = a.copy()
    for column in range(size):
        for row in range(column, size):
            rest = a[row, column]
            for before in range(column):
                rest = rest - lower[row, before] * lower[column, before]
            lower[row, column] = rest.sqrt() if row == column else rest / lower[column, column]
    return lower


def lu(a: Array) -> tuple[list[int], Array]:
    """Return the order of the rows, and L below the diagonal with U on and above it."""
    size = len(a)
    both, order = a.copy(), list(range(size))
    for column in range(size):
        lengths = [abs(both[row, column]) for row in range(column, size)]
        pivot = column
        for row in range(column + 1, size):
            if lengths[row - column] > lengths[pivot - column]:
                pivot = row
        both[[column, pivot]] = both[[pivot, column]]
        order[column], order[pivot] = order[pivot], order[column]
        for row in range(column + 1, size):
            both[row, column] = both[row, column] / both[column, column]
            for right in range(column + 1, size):
                both[row, right] = both[row, right] - both[row, column] * both[column, right]
    return order, both


def substituted(lower: Array, right: list[Counted], *, unit_diagonal: bool) -> list[Counted]:
    """Solve ``L·x = b`` from the first unknown to the last."""
    found: list[Counted] = []
    for row, whole in enumerate(right):
        rest = whole
        for at, known in enumerate(found):
            rest = rest - lower[row, at] * known
        found.append(rest if unit_diagonal else rest / lower[row, row])
    return found


@oracle(Factorization)
def _factorization(operation: Factorization, tally: Tally) -> None:
    with tally.within(Category.ELEMENTWISE):
        for _ in range(operation.batch):
            a = tally.array(np.eye(operation.size) * 4 + 1)
            cholesky(a) if operation.method == "Cholesky" else lu(a)


@oracle(TriangularSolve)
def _triangular_solve(operation: TriangularSolve, tally: Tally) -> None:
    with tally.within(Category.ELEMENTWISE):
        for _ in range(operation.batch * operation.columns):
            lower = tally.random(operation.size, operation.size)
            right = list(tally.random(operation.size))
            substituted(lower, right, unit_diagonal=operation.unit_diagonal)
