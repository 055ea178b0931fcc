"""Interpolation, as loops over scalars."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from analyzer.ops import Category, Interpolation
from tests.oracle.number import Array, Tally, summed
from tests.oracle.registry import oracle

Taps = list[tuple[int, float]]


def interpolation(x: Array, places: tuple[int, ...], method: str) -> Array:
    """Resize all axes of ``x``; pixels are squares whose centres are matched."""
    result = np.empty(places, dtype=object)
    for place in np.ndindex(places):
        axes = [
            _taps(method, at, size, count)
            for at, size, count in zip(place, x.shape, places, strict=True)
        ]
        neighbours = list(product(*axes))
        if len(neighbours) == 1:
            result[place] = x[tuple(at for at, _ in neighbours[0])]
            continue
        result[place] = summed(
            [
                x[tuple(at for at, _ in taps)] * math.prod(weight for _, weight in taps)
                for taps in neighbours
            ]
        )
    return result


def _taps(method: str, at: int, size: int, count: int) -> Taps:
    """Neighbours along one axis with their weights, which depend on nothing but the sizes."""
    if method == "nearest":
        return [(at * size // count, 1.0)]
    centre = (at + 0.5) * size / count - 0.5
    if method == "linear":
        centre = max(centre, 0.0)
    first = math.floor(centre)
    t = centre - first
    if method == "linear":
        weighted = [(first, 1 - t), (first + 1, t)]
    else:
        weighted = [(first + step, _cubic(step - t)) for step in (-1, 0, 1, 2)]
    return [(min(max(place, 0), size - 1), weight) for place, weight in weighted]


def _cubic(distance: float, a: float = -0.75) -> float:
    x = abs(distance)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a


@oracle(Interpolation)
def _interpolation(operation: Interpolation, tally: Tally) -> Array:
    places = (operation.out_elements,) + (1,) * (operation.axes - 1)
    with tally.within(Category.RESAMPLING):
        return interpolation(tally.random(*(3,) * operation.axes), places, operation.method)
