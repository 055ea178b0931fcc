"""Normalisations, as loops over scalars."""

from __future__ import annotations

import numpy as np

from analyzer.ops import (
    BatchNormalization,
    Category,
    LocalResponseNormalization,
    Normalization,
)
from tests.oracle.number import Array, Counted, Tally, summed
from tests.oracle.registry import oracle

EPSILON = 1e-5
MOMENTUM = 0.1


def normalized(
    numbers: list[Counted], *, centered: bool = True, averaged: bool = True, epsilon: float = 0.0
) -> list[Counted]:
    """``(x − μ) / √(mean (x − μ)² + ε)`` of one group; without μ it is RMS, without mean L2."""
    if centered:
        mean = summed(numbers) / len(numbers)
        numbers = [number - mean for number in numbers]
    power = summed([number * number for number in numbers])
    if averaged:
        power = power / len(numbers)
    if epsilon:
        power = power + epsilon
    deviation = power.sqrt()
    return [number / deviation for number in numbers]


def batch_normalization(
    x: Array,
    mean: Array,
    variance: Array,
    scale: Array | None,
    offset: Array | None,
    *,
    training: bool = False,
    stored: bool = True,
) -> Array:
    """``(batch, channels) → (batch, channels)``; training changes stored ``mean``, ``variance``."""
    result = np.empty(x.shape, dtype=object)
    for channel in range(x.shape[1]):
        numbers = list(x[:, channel])
        if training:
            of_batch = summed(numbers) / len(numbers)
            centered = [number - of_batch for number in numbers]
            spread = summed([number * number for number in centered]) / len(numbers)
            for old, new in ((mean, of_batch), (variance, spread)) if stored else ():
                old[channel] = old[channel] * (1 - MOMENTUM) + new * MOMENTUM
        else:
            centered = [number - mean[channel] for number in numbers]
            spread = variance[channel]
        deviation = (spread + EPSILON).sqrt()
        result[:, channel] = [number / deviation for number in centered]
    return _affine(result, scale, offset)


def local_response_normalization(x: Array, size: int, alpha: float, beta: float, k: float) -> Array:
    """``x / (k + α / size · Σ x²)^β`` over windows of channels: ``(batch, channels)``.

    Windows reach over zeros at both ends, which are added like any other number.
    """
    result = np.empty(x.shape, dtype=object)
    tally: Tally = x.flat[0].tally
    for row in range(x.shape[0]):
        zeros = [tally.number(0.0) for _ in range(size)]
        squares = [*zeros, *(number * number for number in x[row]), *zeros]
        for channel in range(x.shape[1]):
            start = size + channel - size // 2
            power = summed(squares[start : start + size])
            result[row, channel] = x[row, channel] / (power * (alpha / size) + k) ** beta
    return result


def _affine(x: Array, scale: Array | None, offset: Array | None) -> Array:
    """Scale and offset each column by its own numbers, taken in turn."""
    result = x.copy()
    for row, column in np.ndindex(x.shape):
        if scale is not None:
            result[row, column] = result[row, column] * scale[column % len(scale)]
        if offset is not None:
            result[row, column] = result[row, column] + offset[column % len(offset)]
    return result


@oracle(BatchNormalization)
def _batch_normalization(operation: BatchNormalization, tally: Tally) -> Array:
    channels = operation.channels
    with tally.within(Category.NORMALIZATION):
        return batch_normalization(
            tally.random(operation.elements // channels, channels),
            tally.random(channels),
            tally.array(np.ones(channels)),
            tally.random(channels) if operation.scale else None,
            tally.random(channels) if operation.offset else None,
            training=operation.training,
            stored=operation.running_statistics,
        )


@oracle(Normalization)
def _normalization(operation: Normalization, tally: Tally) -> Array:
    with tally.within(Category.NORMALIZATION):
        rows = np.empty((operation.groups, operation.size), dtype=object)
        for row, numbers in enumerate(tally.random(operation.groups, operation.size)):
            rows[row] = normalized(
                list(numbers),
                centered=operation.centered,
                averaged=operation.averaged,
                epsilon=EPSILON if operation.epsilon else 0.0,
            )
        features = operation.features
        return _affine(
            rows,
            tally.random(features) if operation.scale else None,
            tally.random(features) if operation.offset else None,
        )


@oracle(LocalResponseNormalization)
def _local_response_normalization(operation: LocalResponseNormalization, tally: Tally) -> Array:
    with tally.within(Category.NORMALIZATION):
        return local_response_normalization(
            tally.random(1, operation.elements), operation.size, 1e-4, 0.75, 1.0
        )
