"""Primitives of JAX that combine elements: over axes, along an axis, in windows, in order."""

from __future__ import annotations

from math import prod

from analyzer import Operation
from analyzer.ops import Pooling, PoolKind, Reduction, Sort
from analyzer_keras.jaxpr_call import Equation, Maker, elementwise, unknown

__all__ = ["REDUCTIONS"]


def _reduction(name: str, *, logical: bool = False) -> Maker:
    """Return what makes a reduction; ``logical`` is one of truths, unless whole numbers come."""

    def make(equation: Equation) -> Operation:
        if logical and not equation.is_type("bool"):
            return unknown(equation, dtype="integer")
        return _reduced(equation, name, prod(equation.shape()), equation.elements)

    return make


def _reduced(equation: Equation, name: str, elements: int, results: int) -> Operation:
    if equation.of_complex:
        if name not in ("product", "sum"):
            return unknown(equation, dtype="complex")
        name = f"complex {name}"
    return Reduction(function=name, in_elements=elements, out_elements=results)


def _running(name: str) -> Maker:
    """Return what makes a running reduction: n − 1 steps along the axis, as in one reduction."""

    def make(equation: Equation) -> Operation:
        rows, _ = _rows(equation, equation["axis"])
        return _reduced(equation, name, prod(equation.shape()), rows)

    return make


def _running_log_sum_exp(equation: Equation) -> Operation:
    """Each step adds one more power to the logarithm of their sum."""
    rows, size = _rows(equation, equation["axis"])
    return elementwise(equation, "log add exp", rows * max(size - 1, 0))


def _rows(equation: Equation, axis: int) -> tuple[int, int]:
    """Return how many rows there are along an axis, and how long they are."""
    shape = equation.shape()
    size = shape[axis]
    return (prod(shape) // size if size else 0), size


def _sort(equation: Equation) -> Operation:
    rows, size = _rows(equation, equation["dimension"])
    return Sort(rows=rows, size=size, kept=size)


def _largest(equation: Equation) -> Operation:
    rows, size = _rows(equation, equation["axis"])
    return Sort(rows=rows, size=size, kept=equation["k"])


def _in_windows(name: str) -> Maker:
    """Return what makes a reduction of windows; a maximum of maps is a pooling."""

    def make(equation: Equation) -> Operation:
        window = tuple(equation["window_dimensions"])
        spatial = _spatial(window)
        if name == "max" and spatial and set(equation["base_dilation"]) == {1}:
            return _pooling(equation, spatial)
        return _reduced(equation, name, equation.elements * prod(window), equation.elements)

    return make


def _spatial(window: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of a map, which stand after the batch and before or after the channels."""
    rank = len(window)
    if rank < 3 or window[0] != 1 or window[-1] != 1 != window[1]:
        return tuple(range(2, rank)) if rank > 2 and window[:2] == (1, 1) else ()
    return tuple(range(1, rank - 1))


def _pooling(equation: Equation, axes: tuple[int, ...]) -> Operation:
    shape, out = equation.shape(), equation.out_shape
    (channels,) = set(range(1, len(shape))) - set(axes)

    def along(sizes: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(int(sizes[axis]) for axis in axes)

    return Pooling(
        pool=PoolKind.MAX,
        batch=shape[0],
        channels=shape[channels],
        in_spatial=along(shape),
        out_spatial=along(out),
        kernel=along(equation["window_dimensions"]),
        stride=along(equation["window_strides"]),
        dilation=along(equation["window_dilation"]),
        padding=tuple(
            (int(low), int(high)) for low, high in map(equation["padding"].__getitem__, axes)
        ),
    )


REDUCTIONS: dict[str, Maker] = {
    "argmax": _reduction("argmax"),
    "argmin": _reduction("argmin"),
    "cumlogsumexp": _running_log_sum_exp,
    "cummax": _running("max"),
    "cummin": _running("min"),
    "cumprod": _running("product"),
    "cumsum": _running("sum"),
    "reduce_and": _reduction("all", logical=True),
    "reduce_max": _reduction("max"),
    "reduce_min": _reduction("min"),
    "reduce_or": _reduction("any", logical=True),
    "reduce_prod": _reduction("product"),
    "reduce_sum": _reduction("sum"),
    "reduce_window_max": _in_windows("max"),
    "reduce_window_min": _in_windows("min"),
    "reduce_window_sum": _in_windows("sum"),
    "sort": _sort,
    "top_k": _largest,
}
"""Name of a primitive → function that makes our operation."""
