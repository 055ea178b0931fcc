"""Fourier transforms, and systems of linear equations."""

from __future__ import annotations

from math import prod

from torch import Tensor

from analyzer import Operation
from analyzer.ops import Factorization, FourierTransform, Reduction, TriangularSolve
from analyzer_torch.call import Call, Maker
from analyzer_torch.mapping_common import elementwise, fused, has_complex, unknown

__all__ = ["SYSTEMS", "TRANSFORMS"]


def _transform(call: Call) -> Operation:
    """Transform some axes, of which the last named is the one of real numbers."""
    real = "c2c" not in call.name
    whole: Tensor = call.output if call.name == "_fft_c2r" else call.first
    sizes = tuple(whole.shape[axis] for axis in call["dim"])
    elements = prod(sizes)
    if not sizes:
        return unknown(call)
    return FourierTransform(
        rows=whole.numel() // elements if elements else 0,
        sizes=sizes,
        real=real,
        scaled=call["normalization"] != 0,
    )


def _square(call: Call, matrix: Tensor) -> tuple[int, int] | None:
    """Return how many matrices there are and their size; None if they are not square or complex."""
    rows, columns = matrix.shape[-2:]
    if rows != columns or has_complex(call):
        return None
    return prod(matrix.shape[:-2]), columns


def _factors(method: str) -> Maker:
    def make(call: Call) -> Operation:
        found = _square(call, call.first)
        if found is None:
            return unknown(call, shape=tuple(call.first.shape))
        return Factorization(method=method, batch=found[0], size=found[1])

    return make


def _substituted(matrix: str, *, both: bool = False, unit: bool = False) -> Maker:
    """Solve triangular systems for every column, or the two of a factorization."""

    def make(call: Call) -> Operation:
        found = _square(call, call[matrix])
        if found is None:
            return unknown(call, shape=call.shape(matrix))
        size = found[1]
        columns = call.output.numel() // size if size else 0
        first = unit or bool(call.get("unitriangular", False))
        steps = [TriangularSolve(batch=1, size=size, columns=columns, unit_diagonal=first)]
        if both:
            steps.append(TriangularSolve(batch=1, size=size, columns=columns))
        return fused(call, *steps)

    return make


def _solved(call: Call) -> Operation:
    """``A⁻¹·B``, or ``A⁻¹``: factors, and two triangular systems for every column."""
    found = _square(call, call["A"])
    if found is None:
        return unknown(call, shape=call.shape("A"))
    batch, size = found
    columns = call.output.numel() // size if size else 0
    return fused(
        call,
        Factorization(method="LU", batch=batch, size=size),
        TriangularSolve(batch=1, size=size, columns=columns, unit_diagonal=True),
        TriangularSolve(batch=1, size=size, columns=columns),
    )


def _inverse_of_factors(call: Call) -> Operation:
    """``(L·Lᵀ)⁻¹``: two triangular systems for every column of the identity."""
    return _substituted("self", both=True)(call)


def _determinant(call: Call) -> Operation:
    """Multiply the diagonal that LU leaves, or add up its logarithms."""
    found = _square(call, call["A"])
    if found is None:
        return unknown(call, shape=call.shape("A"))
    batch, size = found
    elements = batch * size
    factors = Factorization(method="LU", batch=batch, size=size)
    if not elements:
        return factors
    of_diagonal = Reduction(function="product", in_elements=elements, out_elements=batch)
    if call.name == "_linalg_det":
        return fused(call, factors, of_diagonal)
    return fused(
        call,
        factors,
        elementwise(call, "sign", elements),
        of_diagonal,
        elementwise(call, "abs", elements),
        elementwise(call, "log", elements),
        Reduction(function="sum", in_elements=elements, out_elements=batch),
    )


TRANSFORMS: dict[str, Maker] = {
    "_fft_c2c": _transform,
    "_fft_c2r": _transform,
    "_fft_r2c": _transform,
}
"""ATen name → function that makes our operation, for Fourier transforms."""

SYSTEMS: dict[str, Maker] = {
    "_cholesky_solve_helper": _substituted("A", both=True),
    "_linalg_det": _determinant,
    "_linalg_slogdet": _determinant,
    "_linalg_solve_ex": _solved,
    "cholesky_inverse": _inverse_of_factors,
    "cholesky_solve": _substituted("input2", both=True),
    "linalg_cholesky_ex": _factors("Cholesky"),
    "linalg_inv_ex": _solved,
    "linalg_lu": _factors("LU"),
    "linalg_lu_factor_ex": _factors("LU"),
    "linalg_lu_solve": _substituted("LU", both=True, unit=True),
    "linalg_solve_triangular": _substituted("self"),
    "triangular_solve": _substituted("A"),
}
"""ATen name → function that makes our operation, for systems of linear equations."""
