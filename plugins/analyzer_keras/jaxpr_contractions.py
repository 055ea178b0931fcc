"""Primitives of JAX that are products of matrices, convolutions and systems of equations."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from analyzer import Operation
from analyzer.ops import (
    Convolution,
    Factorization,
    FourierTransform,
    Linear,
    MatrixProduct,
    TriangularSolve,
    spatial_axes,
)
from analyzer_keras.jaxpr_call import Equation, Maker, elementwise, unknown

__all__ = ["CONTRACTIONS"]


def _product(equation: Equation) -> Operation:
    """``(*batch, *m, *k), (*batch, *k, *n) → (*batch, *m, *n)``, the axes in any order.

    It is a dense layer where one of the two is stored and has no axis of the batch.
    """
    left, right = equation.shape(0), equation.shape(1)
    (left_summed, right_summed), (left_batch, right_batch) = equation["dimension_numbers"]
    if not left_summed:
        return elementwise(equation, "multiply")
    k = prod(left[axis] for axis in left_summed)
    batch = prod(left[axis] for axis in left_batch)
    m = _rest(left, (*left_summed, *left_batch))
    n = _rest(right, (*right_summed, *right_batch))
    stored = [at for at in (0, 1) if equation.stored(at) is not None]
    if len(stored) != 1 or left_batch:
        for at in stored:
            equation.plays(at, "kernel")
        return MatrixProduct(batch=batch, m=m, k=k, n=n, complex_numbers=equation.of_complex)
    (at,) = stored
    summed = right_summed if at else left_summed
    rank = len(equation.shape(at))
    names = tuple("input features" if axis in summed else "output features" for axis in range(rank))
    equation.plays(at, "kernel", names if rank == 2 else ())
    return Linear(
        rows=m if at else n,
        in_features=k,
        out_features=n if at else m,
        bias=False,
        complex_numbers=equation.of_complex,
    )


def _grouped_product(equation: Equation) -> Operation:
    """``(rows, k), (groups, k, n) → (rows, n)``: each row times the matrix of its group."""
    numbers = equation["ragged_dot_dimension_numbers"]
    (left_summed, right_summed), (left_batch, right_batch) = numbers.dot_dimension_numbers
    left, right = equation.shape(0), equation.shape(1)
    groups = tuple(numbers.rhs_group_dimensions)
    equation.plays(1, "kernel")
    return MatrixProduct(
        batch=prod(left[axis] for axis in left_batch),
        m=_rest(left, (*left_summed, *left_batch)),
        k=prod(left[axis] for axis in left_summed),
        n=_rest(right, (*right_summed, *right_batch, *groups)),
        complex_numbers=equation.of_complex,
    )


def _rest(shape: tuple[int, ...], axes: Sequence[int]) -> int:
    return prod(size for axis, size in enumerate(shape) if axis not in axes)


def _convolution(equation: Equation) -> Operation:
    """Convolve maps; the axes may stand in any order.

    Holes between the elements of the map (``lhs_dilation``) are what a transposed convolution is
    made of: the distance of its windows is that of the elements.
    """
    numbers = equation["dimension_numbers"]
    into = [equation.shape(0)[axis] for axis in numbers.lhs_spec]
    filters, per_group, *kernel = (equation.shape(1)[axis] for axis in numbers.rhs_spec)
    out = [equation.out_shape[axis] for axis in numbers.out_spec]
    stride, spread = tuple(equation["window_strides"]), tuple(equation["lhs_dilation"])
    dilation = tuple(equation["rhs_dilation"])
    padding = tuple((int(before), int(after)) for before, after in equation["padding"])
    transposed = any(step > 1 for step in spread)
    if transposed and any(step > 1 for step in stride):
        return unknown(equation, window_strides=stride, lhs_dilation=spread)
    names = ["filters", "input channels", *spatial_axes("kernel", len(kernel))]
    order = dict(zip(numbers.rhs_spec, names, strict=True))
    equation.plays(1, "kernel", [order[axis] for axis in range(len(order))])
    if transposed:
        stride = spread
        padding = tuple(
            (gap * (taps - 1) - before, gap * (taps - 1) - after)
            for (before, after), taps, gap in zip(padding, kernel, dilation, strict=True)
        )
    return Convolution(
        batch=into[0] // int(equation["batch_group_count"]),
        in_channels=into[1],
        out_channels=filters,
        groups=into[1] // per_group if per_group else 1,
        in_spatial=tuple(into[2:]),
        out_spatial=tuple(out[2:]),
        kernel=tuple(kernel),
        stride=stride,
        dilation=dilation,
        padding=padding,
        bias=False,
        transposed=transposed,
        complex_numbers=equation.of_complex,
    )


def _transform(equation: Equation) -> Operation:
    """Transform the last axes; a transform back divides by the number of elements."""
    kind = str(equation["fft_type"].name)
    sizes = tuple(map(int, equation["fft_lengths"]))
    whole = equation.out_shape if kind == "IRFFT" else equation.shape(0)
    elements = prod(sizes)
    return FourierTransform(
        rows=prod(whole) // elements if elements else 0,
        sizes=sizes,
        real="R" in kind,
        scaled=kind.startswith("I"),
    )


def _factors(method: str) -> Maker:
    def make(equation: Equation) -> Operation:
        *batch, rows, columns = equation.shape(0)
        if rows != columns or equation.of_complex:
            return unknown(equation, shape=equation.shape(0))
        return Factorization(method=method, batch=prod(batch), size=columns)

    return make


def _substitution(equation: Equation) -> Operation:
    """``(*batch, n, n), (*batch, n, columns)``, or its transpose from the other side."""
    if equation.of_complex:
        return unknown(equation, dtype="complex")
    size = equation.shape(0)[-1]
    return TriangularSolve(
        batch=1,
        size=size,
        columns=equation.elements // size if size else 0,
        unit_diagonal=bool(equation["unit_diagonal"]),
    )


CONTRACTIONS: dict[str, Maker] = {
    "cholesky": _factors("Cholesky"),
    "conv_general_dilated": _convolution,
    "dot_general": _product,
    "fft": _transform,
    "lu": _factors("LU"),
    "ragged_dot_general": _grouped_product,
    "triangular_solve": _substitution,
}
"""Name of a primitive → function that makes our operation."""
