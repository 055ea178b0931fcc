"""Fourier transforms, and systems of linear equations."""

from __future__ import annotations

from math import inf, prod

from analyzer.ops import (
    Elementwise,
    Factorization,
    FourierTransform,
    MatrixProduct,
    Operation,
    Reduction,
    TriangularSolve,
)
from analyzer_keras.calls import Call, Translator
from analyzer_keras.mapping_common import (
    elementwise,
    fused,
    has_complex,
    reduced,
    reduced_axes,
    shape_of,
    unknown,
)

__all__ = ["SYSTEMS", "TRANSFORMS"]


def _transform(axes: int, *, scaled: bool = False) -> Translator:
    """Return a translator of a transform of complex numbers, that come as two tensors."""

    def translate(call: Call) -> Operation:
        shape = shape_of(call["x"][0])
        return _fourier(shape[:-axes], shape[-axes:], scaled=scaled)

    return translate


def _fourier(
    rows: tuple[int, ...], sizes: tuple[int, ...], *, real: bool = False, scaled: bool = False
) -> Operation:
    return FourierTransform(rows=prod(rows), sizes=sizes, real=real, scaled=scaled)


def _of_reals(call: Call) -> Operation:
    shape = shape_of(call["x"])
    return _fourier(shape[:-1], (call.setting("fft_length", shape[-1]),), real=True)


def _to_reals(call: Call) -> Operation:
    """Transform back: the results are divided by how many they are."""
    return _fourier(call.shape[:-1], call.shape[-1:], real=True, scaled=True)


def _short_time(call: Call) -> Operation:
    """``(…, length) → (…, frames, frequencies)``: each frame is windowed and transformed."""
    size = call.setting("fft_length")
    frames = call.shape[:-1]
    windowed = call.setting("window") is not None
    return fused(
        call,
        elementwise(call, "multiply", prod(frames) * size) if windowed else None,
        _fourier(frames, (size,), real=True),
    )


def _short_time_back(call: Call) -> Operation:
    """Transform each frame back, window it, and add up where frames overlap.

    The window is scaled beforehand so that its overlaps add up to one.
    """
    size = call.setting("fft_length")
    frames = shape_of(call["x"][0])[:-1]
    windowed = call.setting("window") is not None
    return fused(
        call,
        _fourier(frames, (size,), real=True, scaled=True),
        elementwise(call, "multiply", prod(frames) * size) if windowed else None,
        elementwise(call, "add", prod(frames) * size),
    )


def _square(call: Call, name: str) -> tuple[int, int] | None:
    """Return how many matrices there are and their size; None if they are not square or complex."""
    *batch, rows, columns = shape_of(call[name])
    if rows != columns or has_complex(call):
        return None
    return prod(batch), columns


def _factors(method: str) -> Translator:
    def translate(call: Call) -> Operation:
        found = _square(call, "x")
        if found is None:
            return unknown(call, shape=shape_of(call["x"]))
        return Factorization(method=method, batch=found[0], size=found[1])

    return translate


def _solved(matrix: str) -> Translator:
    """``A⁻¹·B``, or ``A⁻¹``: factors, and two triangular systems for every column."""

    def translate(call: Call) -> Operation:
        found = _square(call, matrix)
        if found is None:
            return unknown(call, shape=shape_of(call[matrix]))
        batch, size = found
        columns = call.elements // size if size else 0
        return fused(
            call,
            Factorization(method="LU", batch=batch, size=size),
            TriangularSolve(batch=1, size=size, columns=columns, unit_diagonal=True),
            TriangularSolve(batch=1, size=size, columns=columns),
        )

    return translate


def _substituted(matrix: str, *, systems: int = 1) -> Translator:
    """Solve triangular systems for every column; the inverse of ``L·Lᵀ`` takes two."""

    def translate(call: Call) -> Operation:
        found = _square(call, matrix)
        if found is None:
            return unknown(call, shape=shape_of(call[matrix]))
        size = found[1]
        columns = call.elements // size if size else 0
        return fused(call, *[TriangularSolve(batch=1, size=size, columns=columns)] * systems)

    return translate


def _determinant(call: Call) -> Operation:
    """Multiply the diagonal that LU leaves, or add up its logarithms."""
    found = _square(call, "x")
    if found is None:
        return unknown(call, shape=shape_of(call["x"]))
    batch, size = found
    elements = batch * size
    factors = Factorization(method="LU", batch=batch, size=size)
    if not elements:
        return factors
    of_diagonal = reduced(call, "product", elements, batch)
    if call.name == "Det":
        return fused(call, factors, of_diagonal)
    return fused(
        call,
        factors,
        elementwise(call, "sign", elements),
        of_diagonal,
        elementwise(call, "abs", elements),
        elementwise(call, "log", elements),
        reduced(call, "sum", elements, batch),
    )


_OF_VECTORS = {
    None: "L2 norm",
    0: "count",
    1: "L1 norm",
    2: "L2 norm",
    inf: "maximum norm",
    -inf: "minimum norm",
}
_OF_MATRICES = {1: ("max", 0), -1: ("min", 0), inf: ("max", 1), -inf: ("min", 1)}
"""Norms that are an extreme of the sums |x| of columns (0) or rows (1): which, and whose."""


def _norm(call: Call) -> Operation:
    """Name a vector's norm by its order; a matrix has norms of its own."""
    shape, order = shape_of(call["x"]), call.setting("ord")
    axes = call.setting("axis")
    axes = tuple(range(len(shape))) if axes is None else axes
    elements = prod(shape)
    if isinstance(axes, int) or len(axes) == 1:
        return reduced(call, _OF_VECTORS.get(order, "Lp norm"), elements, call.elements)
    if order in (None, "fro"):
        return reduced(call, "L2 norm", elements, call.elements)
    if order not in _OF_MATRICES:
        return unknown(call, ord=order)
    extreme, summed = _OF_MATRICES[order]
    sums = elements // shape[axes[summed]] if elements else 0
    return fused(
        call,
        reduced(call, "L1 norm", elements, sums),
        reduced(call, extreme, sums, call.elements),
    )


def _correlation(call: Call) -> Operation:
    """``(rows, samples) → (rows, rows)``: covariances, divided by both deviations, kept in ±1."""
    shape = shape_of(call["x"])
    rows, samples = shape if len(shape) == 2 else (1, prod(shape))
    pairs = rows * rows
    return fused(
        call,
        Reduction(function="mean", in_elements=rows * samples, out_elements=rows),
        Elementwise(function="subtract", elements=rows * samples),
        MatrixProduct(batch=1, m=rows, k=samples, n=rows),
        Elementwise(function="divide", elements=pairs),
        Elementwise(function="square root", elements=rows),
        Elementwise(function="divide", elements=2 * pairs),
        Elementwise(function="clamp", elements=pairs),
    )


def _trace(call: Call) -> Operation:
    """Add up each diagonal, which an offset makes shorter."""
    shape, offset = shape_of(call["x"]), call.setting("offset", 0)
    axes = reduced_axes((call.setting("axis1", 0), call.setting("axis2", 1)), len(shape))
    rows, columns = (shape[axis] for axis in axes)
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    return reduced(call, "sum", call.elements * length, call.elements)


TRANSFORMS: dict[str, Translator] = {
    "FFT": _transform(1),
    "FFT2": _transform(2),
    "IFFT2": _transform(2, scaled=True),
    "IRFFT": _to_reals,
    "ISTFT": _short_time_back,
    "RFFT": _of_reals,
    "STFT": _short_time,
}

SYSTEMS: dict[str, Translator] = {
    "Cholesky": _factors("Cholesky"),
    "CholeskyInverse": _substituted("x", systems=2),
    "Corrcoef": _correlation,
    "Det": _determinant,
    "Inv": _solved("x"),
    "Logdet": _determinant,
    "LuFactor": _factors("LU"),
    "Norm": _norm,
    "Slogdet": _determinant,
    "Solve": _solved("a"),
    "SolveTriangular": _substituted("a"),
    "Trace": _trace,
}
