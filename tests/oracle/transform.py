"""Fourier transforms, as loops over scalars."""

from __future__ import annotations

import cmath
from typing import Any

import numpy as np

from analyzer.ops import Category, FourierTransform
from tests.oracle.number import Array, Complex, Tally, summed
from tests.oracle.registry import oracle


def fourier(numbers: list[Complex]) -> list[Complex]:
    """Transform by the smallest prime factor of the length, and then the parts by the next."""
    size = len(numbers)
    if size == 1:
        return numbers
    prime = next(p for p in range(2, size + 1) if size % p == 0)
    parts = [fourier(numbers[start::prime]) for start in range(prime)]
    result: list[Complex] = [numbers[0]] * size
    for at in range(size // prime):
        first, *others = (part[at] for part in parts)
        turned = [other.times(_root(size, at * j)) for j, other in enumerate(others, start=1)]
        for m, found in enumerate(_by_definition([first, *turned])):
            result[at + m * (size // prime)] = found
    return result


def _by_definition(numbers: list[Complex]) -> list[Complex]:
    size = len(numbers)
    first, *others = numbers
    if size == 2:  # the root of unity is −1
        return [first + others[0], first - others[0]]
    return [
        summed(numbers)
        if m == 0
        else summed([first, *(x.times(_root(size, m * j)) for j, x in enumerate(others, start=1))])
        for m in range(size)
    ]


def _root(size: int, power: int) -> complex:
    return cmath.exp(-2j * cmath.pi * (power % size) / size)


def transformed(x: Array, scale: float | None = None) -> Array:
    """Transform every axis of complex numbers."""
    result: Any = x.copy()
    for axis in range(x.ndim):
        lines = np.moveaxis(result, axis, -1)
        for place in np.ndindex(lines.shape[:-1]):
            row = fourier(list(lines[place]))
            for at, found in enumerate(row):
                lines[(*place, at)] = found
    if scale is not None:
        for place in np.ndindex(result.shape):
            number: Complex = result[place]
            result[place] = Complex(number.real * scale, number.imag * scale)
    return np.asarray(result)


@oracle(FourierTransform)
def _fourier_transform(operation: FourierTransform, tally: Tally) -> None:
    with tally.within(Category.ELEMENTWISE):
        for _ in range(operation.rows):
            if operation.real:
                _of_real(operation, tally)
            else:
                shape = operation.sizes
                x = np.asarray(np.random.default_rng(0).normal(size=shape) + 0j)
                transformed(tally.array(x), 0.5 if operation.scaled else None)


def _of_real(operation: FourierTransform, tally: Tally) -> None:
    """Two real rows are one complex row; of the other axes only half of the columns are left."""
    *others, last = operation.sizes
    apart = Tally()
    for _ in range(int(np.prod(others))):
        fourier(list(apart.array(np.arange(last) + 0j)))
    (pairs,) = apart.operations.values() or (0,)
    for _ in range(pairs // 2):
        tally.bump()
    for axis, size in enumerate(others):
        beside = [count for at, count in enumerate(others) if at != axis]
        for _ in range(int(np.prod(beside)) * (last // 2 + 1)):
            fourier(list(tally.array(np.arange(size) + 0j)))
    if operation.scaled:
        for number in tally.array(np.zeros(operation.sizes)).flat:
            number * 0.5
