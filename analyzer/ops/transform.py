"""Fourier transforms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from analyzer.expression import Expression, Factor, product, total
from analyzer.ops.base import Cost, Operation

__all__ = ["FourierTransform"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FourierTransform(Operation):
    """The fast Fourier transform of ``rows`` arrays of some ``sizes``, one axis after the other.

    An axis of N = p₁·p₂·… takes one stage for each prime factor. A stage of p multiplies all but
    the first of each p numbers by a root of unity, and transforms each p by the definition: 5 real
    operations a number for p = 2, and so 5·N·log₂ N for a power of two; 8·(p − 1) for others. Of
    ``real`` numbers two are transformed at once, as the two parts of a complex one, so that the
    last axis costs half; and of that axis only N // 2 + 1 numbers are left for the others, for the
    rest mirrors them. A transform back is the same.

    Attributes:
        rows: how many arrays are transformed.
        sizes: of the transformed axes, that of the real numbers last.
        real: one side of the transform are real numbers.
        scaled: each number of the result is multiplied by a constant.

    >>> FourierTransform(rows=1, sizes=(1024,)).cost().flops.value == 5 * 1024 * 10
    True
    """

    rows: int
    sizes: tuple[int, ...]
    real: bool = False
    scaled: bool = False

    lesson: ClassVar[str] = (
        "By the definition each of N results is a sum of N products. The fast transform halves the "
        "problem again and again, so N·log₂ N steps are enough. No weights are learned."
    )

    def cost(self) -> Cost:
        *others, last = self.sizes
        left = last // 2 + 1 if self.real else last
        rows = product(rows=self.rows)
        work: list[Expression] = [
            product(rows, Factor("transforms", prod(others)), _stages(last, halved=self.real))
        ]
        for axis, size in enumerate(others):
            beside = left * prod(others[:axis] + others[axis + 1 :])
            work.append(product(rows, Factor("transforms", beside), _stages(size)))
        if self.scaled:
            parts = prod(self.sizes) * (1 if self.real else 2)
            work.append(product(rows, Factor("numbers that are scaled", parts)))
        found = total(work)
        return Cost(elementwise=found) if found.value else Cost(free="one number stays as it is")


def _stages(size: int, *, halved: bool = False) -> Expression:
    """Return what one transform costs; every number takes part in every stage."""
    each = sum(5 if prime == 2 else 8 * (prime - 1) for prime in _primes(size))
    if not halved:
        return product(Factor("size", size), Factor("operations in all stages", each))
    if size % 2 == 0:
        return product(Factor("half the size", size // 2), Factor("operations in all stages", each))
    return product(Factor("size", size), Factor("half the operations in all stages", each // 2))


def _primes(size: int) -> Iterator[int]:
    """Yield the prime factors of a number, each as often as it divides.

    >>> list(_primes(400))
    [2, 2, 2, 2, 5, 5]
    """
    prime = 2
    while prime * prime <= size:
        while size % prime == 0:
            yield prime
            size //= prime
        prime += 1
    if size > 1:
        yield size
