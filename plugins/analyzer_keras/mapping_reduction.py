"""Sums, means, extremes over axes, and running ones along an axis."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from analyzer.ops import AdaptivePooling, Operation, PoolKind, Reduction, mean_over
from analyzer_keras.calls import Call, Found, Translator

__all__ = ["REDUCTION", "reduced_axes"]


def reduced_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Return the axes that a Keras ``axis`` stands for: None is all of them."""
    if axis is None:
        return tuple(range(rank))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(sorted({one % rank for one in axes})) if rank else ()


def _reduce(function: str) -> Translator:
    def translate(call: Call) -> Operation:
        return _reduction(function, prod(call["x"].shape), call.elements)

    return translate


def _reduction(function: str, in_elements: int, out_elements: int) -> Reduction:
    return Reduction(function=function, in_elements=in_elements, out_elements=out_elements)


def _mean(call: Call) -> Operation:
    shape = tuple(call["x"].shape)
    return mean_over(shape, reduced_axes(call.setting("axis"), len(shape)))


def _max(call: Call) -> Operation:
    """Return a maximum, a global pooling where a mean over the same axes would be one."""
    shape = tuple(call["x"].shape)
    like = mean_over(shape, reduced_axes(call.setting("axis"), len(shape)))
    if isinstance(like, AdaptivePooling):
        return replace(like, pool=PoolKind.MAX)
    return _reduction("max", prod(shape), call.elements)


def _moments(call: Call) -> Operation:
    """Return mean and variance, of which the variance's reduction computes both."""
    mean, _ = call.outputs
    return _reduction("variance", prod(call["x"].shape), prod(mean.shape))


def _norm(call: Call) -> Operation | list[Found]:
    order = call.setting("ord")
    shape = call["x"].shape
    vector = isinstance(call.setting("axis"), int) or len(shape) == 1
    if order in (None, "fro") or (order == 2 and vector):
        name = "L2 norm"
    elif order == 1 and vector:
        name = "L1 norm"
    else:
        return _unknown_norm()
    return _reduction(name, prod(shape), call.elements)


def _unknown_norm() -> Operation:
    from analyzer.ops import Unknown

    return Unknown(name="keras.ops.Norm")


def _running(function: str) -> Translator:
    """Translate a running sum or product: n − 1 operations along the axis, as in one reduction."""

    def translate(call: Call) -> Operation:
        shape = tuple(call["x"].shape)
        (length,) = (
            (prod(shape),)
            if call.setting("axis") is None
            else (shape[call.setting("axis") % len(shape)],)
        )
        rows = prod(shape) // length if length else 0
        return _reduction(function, prod(shape), rows)

    return translate


REDUCTION: dict[str, Translator] = {
    "All": _reduce("all"),
    "Amax": _max,
    "Amin": _reduce("min"),
    "Any": _reduce("any"),
    "Argmax": _reduce("argmax"),
    "Argmin": _reduce("argmin"),
    "Cumprod": _running("product"),
    "Cumsum": _running("sum"),
    "Logsumexp": _reduce("log sum exp"),
    "Max": _max,
    "Mean": _mean,
    "Min": _reduce("min"),
    "Moments": _moments,
    "Norm": _norm,
    "Prod": _reduce("product"),
    "Std": _reduce("standard deviation"),
    "Sum": _reduce("sum"),
    "Var": _reduce("variance"),
}
