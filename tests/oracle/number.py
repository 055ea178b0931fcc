"""A number that counts its own operations.

The oracle runs the textbook algorithm of an operation on :class:`Counted` scalars. Every
arithmetic step bumps a shared :class:`Tally` by one, so a count comes out of *running* the
algorithm and never out of a formula.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from analyzer.ops import Category

Array = npt.NDArray[Any]
"""An array of :class:`Counted` (dtype object) or, outside the counting, of floats."""


class Tally:
    """What was done so far: MACs, and scalar operations by category."""

    def __init__(self, seed: int = 0, *, complex_numbers: bool = False) -> None:
        self.macs = 0
        self.complex_numbers = complex_numbers
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

    def made(self, value: Any) -> Any:
        """Make a counting number of the value's own kind: of two parts if it has two."""
        if isinstance(value, complex):
            return Complex(self.number(value.real), self.number(value.imag))
        return self.number(value)

    def array(self, values: npt.ArrayLike) -> Array:
        """Make an array of counting numbers."""
        plain = np.asarray(values)
        made = np.empty(plain.shape, dtype=object)
        for place in np.ndindex(plain.shape):
            made[place] = self.made(plain[place].item())
        return made

    def random(self, *shape: int) -> Array:
        """Make an array of arbitrary counting numbers."""
        values = self._random.normal(size=shape)
        if self.complex_numbers:
            return self.array(values + 1j * self._random.normal(size=shape))
        return self.array(values)

    def accumulator(self) -> Any:
        """Make the accumulator of one element of a contraction."""
        return ComplexAccumulator(self) if self.complex_numbers else Accumulator(self)


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

    def take_away(self, weight: Counted, x: Counted) -> None:
        """Multiply and take away, which is as much."""
        with self.tally.within(Category.CONTRACTION):
            self.value = self.value - weight * x
        self.tally.macs += 1


class Complex:
    """A complex number, computed by its parts."""

    __slots__ = ("imag", "real")

    def __init__(self, real: Counted, imag: Counted) -> None:
        self.real = real
        self.imag = imag

    @property
    def tally(self) -> Tally:
        return self.real.tally

    def __complex__(self) -> complex:
        return complex(float(self.real), float(self.imag))

    def __add__(self, other: Complex) -> Complex:
        return Complex(self.real + other.real, self.imag + other.imag)

    def __sub__(self, other: Complex) -> Complex:
        return Complex(self.real - other.real, self.imag - other.imag)

    def __neg__(self) -> Complex:
        return Complex(-self.real, -self.imag)

    def __mul__(self, other: Complex) -> Complex:
        return Complex(
            self.real * other.real - self.imag * other.imag,
            self.real * other.imag + self.imag * other.real,
        )

    def __truediv__(self, other: Complex) -> Complex:
        above = Complex(
            self.real * other.real + self.imag * other.imag,
            self.imag * other.real - self.real * other.imag,
        )
        return above.scaled(other.power())

    def scaled(self, divisor: Counted | float) -> Complex:
        """Divide both parts by a real number."""
        return Complex(self.real / divisor, self.imag / divisor)

    def conjugate(self) -> Complex:
        """Turn the sign of the second part."""
        return Complex(self.real, -self.imag)

    def power(self) -> Counted:
        """Add up the squares of the parts."""
        return self.real * self.real + self.imag * self.imag

    def times(self, factor: complex) -> Complex:
        """Multiply by a number that nobody has to compute."""
        return Complex(
            self.real * factor.real - self.imag * factor.imag,
            self.real * factor.imag + self.imag * factor.real,
        )


class ComplexAccumulator:
    """The sum of one element of a contraction of complex numbers: four MACs a step."""

    __slots__ = ("imag", "real")

    def __init__(self, tally: Tally) -> None:
        self.real = Accumulator(tally)
        self.imag = Accumulator(tally)

    @property
    def value(self) -> Complex:
        return Complex(self.real.value, self.imag.value)

    def add(self, weight: Complex, x: Complex) -> None:
        """Multiply and accumulate, part by part."""
        self.real.add(weight.real, x.real)
        self.real.take_away(weight.imag, x.imag)
        self.imag.add(weight.real, x.imag)
        self.imag.add(weight.imag, x.real)


Summand = TypeVar("Summand", Counted, Complex)
"""What can be added up."""


def _quotient(a: float, b: float) -> float:
    return a / b if b else math.nan  # a division is counted, whatever comes of it


def plain(number: Counted | float) -> float:
    """Return the number that is counted, or the constant itself."""
    return number.value if isinstance(number, Counted) else number


def values(array: Array) -> npt.NDArray[Any]:
    """Return the plain numbers of an array."""
    if any(isinstance(number, Complex) for number in array.flat):
        return array.astype(np.complex128)
    return array.astype(np.float64)


def select(condition: bool, this: Counted, other: Counted) -> Counted:
    """Take one of two numbers that were both computed. Selecting is no arithmetic."""
    return this if condition else other


def summed(numbers: list[Summand]) -> Summand:
    """Add up numbers, starting with the first."""
    return reduce(operator.add, numbers)


def largest(numbers: list[Counted]) -> Counted:
    """Find the largest number, starting with the first."""
    first, *rest = numbers
    for number in rest:
        first = first.maximum(number)
    return first
