"""Interpolation, as loops over scalars."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from analyzer.ops import Category, Interpolation, Sampling
from tests.oracle.number import Array, Counted, Tally, summed
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


def filtered(x: Array, places: tuple[int, ...], method: str) -> Array:
    """Resize all axes of ``x`` by a filter as wide as the coarser map's elements need."""
    result = np.empty(places, dtype=object)
    for place in np.ndindex(places):
        axes = [
            _filter_taps(method, at, size, count)
            for at, size, count in zip(place, x.shape, places, strict=True)
        ]
        result[place] = summed(
            [
                x[tuple(at for at, _ in taps)] * math.prod(weight for _, weight in taps)
                for taps in product(*axes)
            ]
        )
    return result


def _filter_taps(method: str, at: int, size: int, count: int) -> Taps:
    reach, weight_at = FILTERS[method]
    step = size / count
    wide = max(step, 1.0)
    centre = step * (at + 0.5)
    first = max(int(centre - reach * wide + 0.5), 0)
    last = min(int(centre + reach * wide + 0.5), size)
    weights = [weight_at((place - centre + 0.5) / wide) for place in range(first, last)]
    return [
        (place, weight / sum(weights))
        for place, weight in zip(range(first, last), weights, strict=True)
    ]


def _lanczos(distance: float) -> float:
    return float(np.sinc(distance) * np.sinc(distance / 3)) if abs(distance) < 3 else 0.0


def _sharp_cubic(distance: float) -> float:
    return _cubic(distance, -0.5) if abs(distance) < 2 else 0.0


FILTERS: dict[str, tuple[int, Callable[[float], float]]] = {
    "cubic": (2, _sharp_cubic),
    "lanczos": (3, _lanczos),
    "linear": (1, lambda distance: max(1 - abs(distance), 0.0)),
}
"""How far each filter reaches, and its weight at a distance."""


def sampled(
    tally: Tally, maps: Array, points: Array, method: str, *, normalized: bool = True
) -> Array:
    """``(channels, *sizes), (points, axes)`` → ``(points, channels)``; borders repeat.

    Points are in −1 … 1 if they are ``normalized``, else in elements.
    """
    channels, *sizes = maps.shape
    result = np.empty((len(points), channels), dtype=object)
    for number, point in enumerate(points):
        places = list(point)
        if normalized:
            places = [x * (size / 2) + (size - 1) / 2 for x, size in zip(point, sizes, strict=True)]
        axes = [_weights(place, method) for place in places]
        corners = [_corner(taps, sizes) for taps in product(*axes)]
        for channel in range(channels):
            result[number, channel] = (
                maps[(channel, *corners[0][0])]
                if method == "nearest"
                else summed([maps[(channel, *at)] * weight for at, weight in corners])
            )
    return result


def _corner(taps: tuple[tuple[int, Any], ...], sizes: list[int]) -> tuple[tuple[int, ...], Any]:
    """Where a neighbour is on the map, and the product of its weights."""
    weight = taps[0][1]
    for _, other in taps[1:]:
        weight = weight if weight is None else weight * other
    at = (min(max(place, 0), size - 1) for (place, _), size in zip(taps, sizes, strict=True))
    return tuple(at), weight


def _weights(place: Counted, method: str) -> list[tuple[int, Any]]:
    if method == "nearest":
        return [(int(float(place.round())), None)]
    low = place.floor()
    t = place - low
    first = int(float(low))
    if method == "linear":
        return [(first, 1 - t), (first + 1, t)]
    near, far, farthest = 1 - t, t + 1, 2 - t
    weights = (_outer(far), _inner(t), _inner(near), _outer(farthest))
    return [(first + step, weight) for step, weight in zip((-1, 0, 1, 2), weights, strict=True)]


def _inner(x: Counted, a: float = -0.75) -> Counted:
    return (x * (a + 2) - (a + 3)) * x * x + 1


def _outer(x: Counted, a: float = -0.75) -> Counted:
    return ((x * a - 5 * a) * x + 8 * a) * x - 4 * a


@oracle(Sampling)
def _sampling(operation: Sampling, tally: Tally) -> Array:
    maps = tally.random(operation.channels, *(3,) * operation.axes)
    with tally.within(Category.RESAMPLING):
        points = tally.random(operation.points, operation.axes)
        return sampled(tally, maps, points, operation.method, normalized=operation.normalized)


@oracle(Interpolation)
def _interpolation(operation: Interpolation, tally: Tally) -> Array | list[Array]:
    if operation.antialiased:
        before, after = zip(*operation.antialiased, strict=True)
        maps = operation.out_elements // math.prod(after)
        with tally.within(Category.RESAMPLING):
            return [filtered(tally.random(*before), after, operation.method) for _ in range(maps)]
    places = (operation.out_elements,) + (1,) * (operation.axes - 1)
    with tally.within(Category.RESAMPLING):
        return interpolation(tally.random(*(3,) * operation.axes), places, operation.method)
