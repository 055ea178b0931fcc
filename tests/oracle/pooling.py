"""Pooling, as loops over scalars."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from analyzer.ops import AdaptivePooling, Category, Pooling, PoolKind
from tests.oracle.number import Array, Counted, Tally, largest, summed
from tests.oracle.registry import oracle

Sizes = tuple[int, ...]


def pooling(
    tally: Tally,
    x: Array,
    places: Sizes,
    pool: PoolKind,
    kernel: Sizes,
    stride: Sizes,
    dilation: Sizes,
    padding: tuple[tuple[int, int], ...],
    *,
    count_padding: bool = False,
) -> Array:
    """``(batch, channels, *spatial) → (batch, channels, *places)``.

    A maximum looks at every tap, those on padding (−∞) too. An average takes the taps that lie on
    the map and, where padding counts, on the padding that was asked for; what hangs over beyond
    that, as a last window may, is never averaged over.
    """
    result = np.empty((*x.shape[:2], *places), dtype=object)
    for image, channel, *place in np.ndindex(result.shape):
        window: list[Counted] = []
        for tap in np.ndindex(*kernel):
            at = tuple(
                p * jump + t * step - before
                for p, jump, t, step, (before, _) in zip(
                    place, stride, tap, dilation, padding, strict=True
                )
            )
            on_map = all(0 <= p < size for p, size in zip(at, x.shape[2:], strict=True))
            on_padding = not on_map and all(
                -before <= p < size + after
                for p, size, (before, after) in zip(at, x.shape[2:], padding, strict=True)
            )
            if on_map:
                window.append(x[(image, channel, *at)])
            elif pool is PoolKind.MAX:
                window.append(tally.number(-math.inf))
            elif on_padding and count_padding:
                window.append(tally.number(0.0))
        result[(image, channel, *place)] = _taken(window, pool)
    return result


def adaptive_pooling(x: Array, places: Sizes, pool: PoolKind) -> Array:
    """As many windows as are asked for, each as large as it must be to cover the map."""
    result = np.empty((*x.shape[:2], *places), dtype=object)
    for image, channel, *place in np.ndindex(result.shape):
        reach = (
            range(math.floor(p * size / count), math.ceil((p + 1) * size / count))
            for p, size, count in zip(place, x.shape[2:], places, strict=True)
        )
        window = [x[(image, channel, *at)] for at in product(*reach)]
        result[(image, channel, *place)] = _taken(window, pool)
    return result


def _taken(window: list[Counted], pool: PoolKind) -> Counted:
    return largest(window) if pool is PoolKind.MAX else summed(window) / len(window)


@oracle(Pooling)
def _pooling(operation: Pooling, tally: Tally) -> Array:
    with tally.within(Category.POOLING):
        return pooling(
            tally,
            tally.random(operation.batch, operation.channels, *operation.in_spatial),
            operation.out_spatial,
            operation.pool,
            operation.kernel,
            operation.stride,
            operation.dilation,
            operation.padding,
            count_padding=operation.count_padding,
        )


@oracle(AdaptivePooling)
def _adaptive_pooling(operation: AdaptivePooling, tally: Tally) -> Array:
    with tally.within(Category.POOLING):
        x = tally.random(operation.batch, operation.channels, *operation.in_spatial)
        return adaptive_pooling(x, operation.out_spatial, operation.pool)
