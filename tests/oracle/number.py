"""A number that counts its own operations.

The oracle runs the textbook algorithm of an operation on :class:`Counted` scalars. Every
arithmetic step bumps a shared :class:`Tally` by one, so a count comes out of *running* the
algorithm and never out of a formula.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.ops import Category

Array = npt.NDArray[Any]
"""An array of :class:`Counted` (dtype object) or, outside the counting, of floats."""


class Tally:
    """What was done so far: MACs, and scalar operations by category."""

    def __init__(self, seed: int = 0) -> None:
        self.macs = 0
        self.operations: Counter[Category] = Counter()
        self._category = Category.ELEMENTWISE
        self._random = np.random.default_rng(seed)

    @contextmanager
    def within(self, category: Category) -> Iterator[None]:
        """Report the operations inside under a category."""
        outer, self._category = self._category, category
        try:
            yield
        finally:
            self._category = outer

    def bump(self) -> None:
        """Count one scalar operation."""
        self.operations[self._category] += 1

    @property
    def flops_by_category(self) -> Mapping[Category, int]:
        """Operations of each category in which there were any."""
        return {category: count for category, count in self.operations.items() if count}

    def number(self, value: float) -> Counted:
        """Make one counting number."""
        return Counted(value, self)

    def array(self, values: npt.ArrayLike) -> Array:
        """Make an array of counting numbers."""
        plain = np.asarray(values)
        made = np.empty(plain.shape, dtype=object)
        for place in np.ndindex(plain.shape):
            made[place] = Counted(plain[place].item(), self)
        return made

    def random(self, *shape: int) -> Array:
        """Make an array of arbitrary counting numbers."""
        return self.array(self._random.normal(size=shape))

    def accumulator(self) -> Accumulator:
        """Make the accumulator of one element of a contraction."""
        return Accumulator(self)


class Counted:
    """A scalar whose every operation is counted."""

    __slots__ = ("tally", "value")

    def __init__(self, value: float, tally: Tally) -> None:
        self.value = value
        self.tally = tally

    def _made(self, value: float) -> Counted:
        self.tally.bump()
        return Counted(value, self.tally)

    def __float__(self) -> float:
        return float(self.value)

    def __repr__(self) -> str:
        return f"Counted({self.value})"

    def __add__(self, other: Counted | float) -> Counted:
        return self._made(self.value + plain(other))

    def __sub__(self, other: Counted | float) -> Counted:
        return self._made(self.value - plain(other))

    def __mul__(self, other: Counted | float) -> Counted:
        return self._made(self.value * plain(other))

    def __truediv__(self, other: Counted | float) -> Counted:
        return self._made(_quotient(self.value, plain(other)))

    def __pow__(self, other: Counted | float) -> Counted:
        return self._made(self.value ** plain(other))

    def __radd__(self, other: float) -> Counted:
        return self._made(other + self.value)

    def __rsub__(self, other: float) -> Counted:
        return self._made(other - self.value)

    def __rmul__(self, other: float) -> Counted:
        return self._made(other * self.value)

    def __rtruediv__(self, other: float) -> Counted:
        return self._made(_quotient(other, self.value))

    def __neg__(self) -> Counted:
        return self._made(-self.value)

    def __abs__(self) -> Counted:
        return self._made(abs(self.value))

    def __gt__(self, other: Counted | float) -> bool:
        return bool(self._made(self.value > plain(other)).value)

    def __lt__(self, other: Counted | float) -> bool:
        return bool(self._made(self.value < plain(other)).value)

    def binary(self, function: Callable[[Any, Any], Any], other: Counted | float) -> Counted:
        """Apply a primitive function of two numbers: one operation."""
        return self._made(function(self.value, plain(other)))

    def unary(self, function: Callable[[Any], Any]) -> Counted:
        """Apply a primitive function of one number: one operation."""
        return self._made(function(self.value))

    def exp(self) -> Counted:
        return self.unary(math.exp)

    def log(self) -> Counted:
        return self.unary(math.log)

    def sqrt(self) -> Counted:
        return self.unary(math.sqrt)

    def tanh(self) -> Counted:
        return self.unary(math.tanh)

    def erf(self) -> Counted:
        return self.unary(math.erf)

    def floor(self) -> Counted:
        return self.unary(math.floor)

    def round(self) -> Counted:
        return self.unary(round)

    def maximum(self, other: Counted | float) -> Counted:
        return self.binary(max, other)

    def minimum(self, other: Counted | float) -> Counted:
        return self.binary(min, other)


class Accumulator:
    """The sum of one element of a contraction. It starts at zero, and each step is one MAC."""

    __slots__ = ("tally", "value")

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.value = Counted(0.0, tally)

    def add(self, weight: Counted, x: Counted) -> None:
        """Multiply and accumulate: one multiplication and one addition."""
        with self.tally.within(Category.CONTRACTION):
            self.value = self.value + weight * x
        self.tally.macs += 1


def _quotient(a: float, b: float) -> float:
    return a / b if b else math.nan  # a division is counted, whatever comes of it


def plain(number: Counted | float) -> float:
    """Return the number that is counted, or the constant itself."""
    return number.value if isinstance(number, Counted) else number


def values(array: Array) -> npt.NDArray[np.float64]:
    """Return the plain numbers of an array."""
    return array.astype(np.float64)


def select(condition: bool, this: Counted, other: Counted) -> Counted:
    """Take one of two numbers that were both computed. Selecting is no arithmetic."""
    return this if condition else other


def summed(numbers: list[Counted]) -> Counted:
    """Add up numbers, starting with the first."""
    first, *rest = numbers
    for number in rest:
        first = first + number
    return first


def largest(numbers: list[Counted]) -> Counted:
    """Find the largest number, starting with the first."""
    first, *rest = numbers
    for number in rest:
        first = first.maximum(number)
    return first
