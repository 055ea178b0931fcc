"""Sums, means, extremes over axes, and running ones along an axis."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from analyzer.ops import AdaptivePooling, Operation, PoolKind, Reduction, mean_over
from analyzer_keras.calls import Call, Translator
from analyzer_keras.mapping_common import (
    elementwise,
    fused,
    has_complex,
    reduced,
    reduced_axes,
    rows_along,
    shape_of,
)

__all__ = ["REDUCTION"]


def _reduce(function: str) -> Translator:
    return lambda call: reduced(call, function, prod(shape_of(call["x"])), call.elements)


def _mean(call: Call) -> Operation:
    shape = tuple(call["x"].shape)
    if has_complex(call):
        return reduced(call, "mean", prod(shape), call.elements)
    return mean_over(shape, reduced_axes(call.setting("axis"), len(shape)))


def _max(call: Call) -> Operation:
    """Return a maximum, a global pooling where a mean over the same axes would be one."""
    shape = tuple(call["x"].shape)
    like = mean_over(shape, reduced_axes(call.setting("axis"), len(shape)))
    if isinstance(like, AdaptivePooling):
        return replace(like, pool=PoolKind.MAX)
    return reduced(call, "max", prod(shape), call.elements)


def _moments(call: Call) -> Operation:
    """Return mean and variance, of which the variance's reduction computes both."""
    mean, _ = call.outputs
    return reduced(call, "variance", prod(call["x"].shape), prod(mean.shape))


def _running(function: str) -> Translator:
    """Translate a running sum or product: n − 1 operations along the axis, as in one reduction."""

    def translate(call: Call) -> Operation:
        rows, size = rows_along(shape_of(call["x"]), call.setting("axis"))
        return reduced(call, function, rows * size, rows)

    return translate


def _of_numbers(translate: Translator) -> Translator:
    """Let those that are not a number stand aside: each is first looked at."""

    def of_numbers(call: Call) -> Operation:
        rest = translate(call)
        assert isinstance(rest, Operation)
        return fused(call, elementwise(call, "is nan", prod(shape_of(call["x"]))), rest)

    return of_numbers


def _mean_of_numbers(call: Call) -> Operation:
    """Divide the sum of those that are numbers by how many they are."""
    elements, results = prod(shape_of(call["x"])), call.elements
    return fused(
        call,
        elementwise(call, "is nan", elements),
        *[reduced(call, "sum", elements, results)] * 2,
        elementwise(call, "divide"),
    )


def _spread_of_numbers(call: Call) -> Operation:
    """Return variance or deviation of those that are numbers, which are counted besides."""
    elements, results = prod(shape_of(call["x"])), call.elements
    name = "variance" if call.name == "Nanvar" else "standard deviation"
    return fused(
        call,
        elementwise(call, "is nan", elements),
        reduced(call, "sum", elements, results),
        reduced(call, name, elements, results),
    )


def _segments(function: str) -> Translator:
    """Reduce groups of rows, which a list of their numbers tells; none is empty."""

    def translate(call: Call) -> Operation:
        return Reduction(
            function=function,
            in_elements=prod(shape_of(call["data"])),
            out_elements=call.elements,
            ragged=True,
        )

    return translate


REDUCTION: dict[str, Translator] = {
    "All": _reduce("all"),
    "Amax": _max,
    "Amin": _reduce("min"),
    "Any": _reduce("any"),
    "Argmax": _reduce("argmax"),
    "Argmin": _reduce("argmin"),
    "CountNonzero": _reduce("count"),
    "Cumprod": _running("product"),
    "Cumsum": _running("sum"),
    "Logsumexp": _reduce("log sum exp"),
    "Max": _max,
    "Mean": _mean,
    "Min": _reduce("min"),
    "Moments": _moments,
    "Nanargmax": _of_numbers(_reduce("argmax")),
    "Nanargmin": _of_numbers(_reduce("argmin")),
    "Nancumprod": _of_numbers(_running("product")),
    "Nancumsum": _of_numbers(_running("sum")),
    "Nanmax": _of_numbers(_reduce("max")),
    "Nanmean": _mean_of_numbers,
    "Nanmin": _of_numbers(_reduce("min")),
    "Nanprod": _of_numbers(_reduce("product")),
    "Nanstd": _spread_of_numbers,
    "Nansum": _reduce("sum of numbers"),
    "Nanvar": _spread_of_numbers,
    "Prod": _reduce("product"),
    "SegmentMax": _segments("max"),
    "SegmentMin": _segments("min"),
    "SegmentProd": _segments("product"),
    "SegmentSum": _segments("sum"),
    "Std": _reduce("standard deviation"),
    "Sum": _reduce("sum"),
    "Var": _reduce("variance"),
}
