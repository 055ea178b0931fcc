"""Convolutions, as loops over scalars."""

from __future__ import annotations

from itertools import product

import numpy as np

from analyzer.ops import Category, Convolution
from tests.oracle.number import Array, Tally
from tests.oracle.registry import oracle

Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


def convolution(
    tally: Tally,
    x: Array,
    kernel: Array,
    bias: Array | None,
    stride: Sizes,
    dilation: Sizes,
    padding: Padding,
    groups: int,
) -> Array:
    """``(batch, in, *spatial)`` with a kernel ``(out, in / groups, *window)``; padding is zeros."""
    filters, seen, *window = kernel.shape
    padded = _padded(tally, x, padding)
    places = tuple(
        len(range(0, size - step * (width - 1), jump))
        for size, width, jump, step in zip(padded.shape[2:], window, stride, dilation, strict=True)
    )
    result = np.empty((x.shape[0], filters, *places), dtype=object)
    for image, out, *place in np.ndindex(result.shape):
        first = (out // (filters // groups)) * seen
        window_sum = tally.accumulator()
        for channel in range(seen):
            for tap in np.ndindex(*window):
                at = tuple(
                    p * jump + t * step
                    for p, jump, t, step in zip(place, stride, tap, dilation, strict=True)
                )
                window_sum.add(kernel[(out, channel, *tap)], padded[(image, first + channel, *at)])
        result[(image, out, *place)] = window_sum.value
    return _with_bias(tally, result, bias)


def transposed_convolution(
    tally: Tally,
    x: Array,
    kernel: Array,
    bias: Array | None,
    stride: Sizes,
    dilation: Sizes,
    padding: Padding,
    groups: int,
    more: Sizes,
) -> Array:
    """Each input element spreads the kernel ``(in, out / groups, *window)`` over the output.

    ``padding`` is cut away from the full result; ``more`` is what is added at its ends.
    """
    channels, given, *window = kernel.shape
    full = tuple(
        (size - 1) * jump + step * (width - 1) + 1 + extra
        for size, jump, step, width, extra in zip(
            x.shape[2:], stride, dilation, window, more, strict=True
        )
    )
    sums = np.empty((x.shape[0], given * groups, *full), dtype=object)
    for corner in np.ndindex(sums.shape):
        sums[corner] = tally.accumulator()
    for image, channel, *place in np.ndindex(x.shape):
        first = (channel // (channels // groups)) * given
        for out, tap in product(range(given), np.ndindex(*window)):
            at = tuple(
                p * jump + t * step
                for p, jump, t, step in zip(place, stride, tap, dilation, strict=True)
            )
            sums[(image, first + out, *at)].add(
                kernel[(channel, out, *tap)], x[(image, channel, *place)]
            )
    cut = tuple(
        slice(before, size - after) for (before, after), size in zip(padding, full, strict=True)
    )
    kept: Array = sums[(slice(None), slice(None), *cut)]
    result = np.empty(kept.shape, dtype=object)
    for corner in np.ndindex(kept.shape):
        result[corner] = kept.item(*corner).value
    return _with_bias(tally, result, bias)


def _padded(tally: Tally, x: Array, padding: Padding) -> Array:
    sizes = (
        size + before + after for size, (before, after) in zip(x.shape[2:], padding, strict=True)
    )
    dtype = complex if tally.complex_numbers else float
    padded = tally.array(np.zeros((*x.shape[:2], *sizes), dtype=dtype))
    inner = tuple(
        slice(before, before + size) for size, (before, _) in zip(x.shape[2:], padding, strict=True)
    )
    padded[(slice(None), slice(None), *inner)] = x
    return padded


def _with_bias(tally: Tally, result: Array, bias: Array | None) -> Array:
    if bias is not None:
        with tally.within(Category.BIAS):
            for place in np.ndindex(result.shape):
                result[place] = result[place] + bias[place[1]]
    return result


@oracle(Convolution)
def _convolution(operation: Convolution, tally: Tally) -> Array:
    x = tally.random(operation.batch, operation.in_channels, *operation.in_spatial)
    bias = tally.random(operation.out_channels) if operation.bias else None
    stride, dilation, padding = operation.stride, operation.dilation, operation.padding
    groups = operation.groups
    if operation.transposed:
        shape = (operation.in_channels, operation.out_channels // groups, *operation.kernel)
        more = tuple(
            out + before + after - (size - 1) * jump - step * (width - 1) - 1
            for out, (before, after), size, jump, step, width in zip(
                operation.out_spatial,
                padding,
                operation.in_spatial,
                stride,
                dilation,
                operation.kernel,
                strict=True,
            )
        )
        result = transposed_convolution(
            tally, x, tally.random(*shape), bias, stride, dilation, padding, groups, more
        )
    else:
        shape = (operation.out_channels, operation.in_channels // groups, *operation.kernel)
        result = convolution(
            tally, x, tally.random(*shape), bias, stride, dilation, padding, groups
        )
    assert result.shape == (operation.batch, operation.out_channels, *operation.out_spatial)
    return result
