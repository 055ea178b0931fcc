"""Polynomials of several sizes with exact rational coefficients.

>>> line = interpolate([[1, 2], [5]], {(1, 5): 7, (2, 5): 10})
>>> line.text(("b", "s")), line((10, 5))
('4 + 3·b', Fraction(34, 1))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import comb, prod

__all__ = ["Polynomial", "interpolate", "largest_along", "sign_changes"]

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A sum of monomials.

    Attributes:
        terms: the coefficient of each monomial, which is its powers of the variables in their
            order; none is zero.
    """

    terms: Mapping[tuple[int, ...], Fraction]

    def __call__(self, point: Sequence[int | Fraction]) -> Fraction:
        """Return the value where the variables have these values."""
        return sum(
            (
                coefficient * prod(size**power for size, power in zip(point, powers, strict=True))
                for powers, coefficient in self.terms.items()
            ),
            Fraction(0),
        )

    def __add__(self, other: Polynomial) -> Polynomial:
        found = dict(self.terms)
        for powers, coefficient in other.terms.items():
            found[powers] = found.get(powers, Fraction(0)) + coefficient
        return Polynomial({powers: each for powers, each in found.items() if each})

    def __neg__(self) -> Polynomial:
        return Polynomial({powers: -coefficient for powers, coefficient in self.terms.items()})

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + -other

    @property
    def variables(self) -> tuple[int, ...]:
        """Positions of the variables that it depends on."""
        found = {at for powers in self.terms for at, power in enumerate(powers) if power}
        return tuple(sorted(found))

    def ordered(self) -> Iterator[tuple[tuple[int, ...], Fraction]]:
        """Yield monomials with their coefficients, those of the lowest degree first."""
        order = sorted(self.terms, key=lambda powers: (sum(powers), [-power for power in powers]))
        yield from ((powers, self.terms[powers]) for powers in order)

    def at(self, position: int, value: int) -> Polynomial:
        """Return it with one variable fixed.

        >>> Polynomial({(1, 2): Fraction(3), (0, 2): Fraction(1)}).at(0, 2).text(("b", "s"))
        '7·s²'
        """
        found: dict[tuple[int, ...], Fraction] = {}
        for powers, coefficient in self.terms.items():
            rest = (*powers[:position], 0, *powers[position + 1 :])
            found[rest] = found.get(rest, Fraction(0)) + coefficient * value ** powers[position]
        return Polynomial({powers: each for powers, each in found.items() if each})

    def shifted(self, origin: Sequence[int]) -> Polynomial:
        """Return it as a polynomial of what the variables exceed the origin by.

        >>> Polynomial({(2,): Fraction(1)}).shifted((3,)).text(("d",))
        '9 + 6·d + d²'
        """
        found = self
        for at, start in enumerate(origin):
            moved: dict[tuple[int, ...], Fraction] = {}
            for powers, coefficient in found.terms.items():
                for power in range(powers[at] + 1):
                    to = (*powers[:at], power, *powers[at + 1 :])
                    part = coefficient * comb(powers[at], power) * start ** (powers[at] - power)
                    moved[to] = moved.get(to, Fraction(0)) + part
            found = Polynomial({powers: each for powers, each in moved.items() if each})
        return found

    def never_exceeds(self, other: Polynomial, origin: Sequence[int]) -> bool:
        """Say whether it is seen to be at most the other wherever no variable is below the origin.

        It is seen by signs: no coefficient of the difference, from the origin on, is negative.
        """
        return all(each > 0 for each in (other - self).shifted(origin).terms.values())

    def text(self, symbols: Sequence[str]) -> str:
        """Write it with symbols for the variables: ``7,087,104·b·s + 18,432·b·s²``."""
        text = ""
        for powers, coefficient in self.ordered():
            sign = "-" if coefficient < 0 else "+"
            text += f" {'−' if sign == '-' else '+'} {_monomial(abs(coefficient), powers, symbols)}"
        if text.startswith(" −"):
            return f"−{text[3:]}"
        return text[3:] or "0"


def _monomial(coefficient: Fraction, powers: Sequence[int], symbols: Sequence[str]) -> str:
    factors = [
        symbol + (str(power).translate(_RAISED) if power > 1 else "")
        for symbol, power in zip(symbols, powers, strict=True)
        if power
    ]
    number = f"{coefficient.numerator:,}"
    if coefficient.denominator > 1:
        number += f"/{coefficient.denominator:,}"
    return "·".join(factors if coefficient == 1 and factors else [number, *factors])


def interpolate(
    nodes: Sequence[Sequence[int]], values: Mapping[tuple[int, ...], int]
) -> Polynomial:
    """Return the only polynomial through values on a grid, of that many powers in each variable.

    Args:
        nodes: sizes of each variable, all different; the grid is their product.
        values: by point of the grid.
    """
    # Axis by axis, values at the nodes give way to coefficients of the powers.
    found = {point: Fraction(value) for point, value in values.items()}
    for at, sizes in enumerate(nodes):
        basis = _basis(tuple(sizes))
        summed: dict[tuple[int, ...], Fraction] = {}
        for point, value in found.items():
            if not value:
                continue
            for power, coefficient in enumerate(basis[point[at]]):
                to = (*point[:at], power, *point[at + 1 :])
                summed[to] = summed.get(to, Fraction(0)) + value * coefficient
        found = summed
    return Polynomial({powers: value for powers, value in found.items() if value})


def _basis(sizes: tuple[int, ...]) -> dict[int, list[Fraction]]:
    """Return, for each node, the coefficients of what is 1 there and 0 at the other nodes."""
    basis = {}
    for node in sizes:
        found = [Fraction(1)]
        for other in sizes:
            if other != node:  # times (x − other) / (node − other)
                raised = [Fraction(0), *found]
                lowered = [*(-other * each for each in found), Fraction(0)]
                found = [
                    (one + two) / (node - other) for one, two in zip(raised, lowered, strict=True)
                ]
        basis[node] = found
    return basis


def sign_changes(
    polynomial: Polynomial, position: int, sizes: Sequence[int]
) -> list[tuple[int, int]]:
    """Return where the sign of a polynomial of one variable changes along increasing sizes.

    Each is a pair of positions in ``sizes``: the last with the old sign, the first with the new
    one; between them it is zero, if there is anything between them.

    >>> square = Polynomial({(2,): Fraction(1), (0,): Fraction(-9)})
    >>> sign_changes(square, 0, range(10)), sign_changes(square, 0, range(0, 10, 2))
    ([(2, 4)], [(1, 2)])
    """
    sign = _signs(polynomial, position, sizes)
    changes: list[tuple[int, int]] = []
    last: tuple[int, int] | None = None  # where it was not zero, and its sign there
    for at in _telling(polynomial, position, sizes, sign):
        here = sign(at)
        if here and last is not None and here != last[1]:
            changes.append((last[0], at))
        if here:
            last = (at, here)
    return changes


def largest_along(
    pieces: Sequence[Polynomial], position: int, sizes: Sequence[int]
) -> list[tuple[int, int, Polynomial]]:
    """Return which of several polynomials of one variable is the largest along increasing sizes.

    Each is the first and the last size for which it is so.

    >>> flat, slope = Polynomial({(0,): Fraction(9)}), Polynomial({(1,): Fraction(2)})
    >>> [(first, last) for first, last, _ in largest_along([flat, slope], 0, range(1, 11))]
    [(1, 4), (5, 10)]
    """
    found: list[tuple[int, int, Polynomial]] = []
    at = 0
    while at < len(sizes):
        rest = sizes[at:]
        now = max(pieces, key=lambda piece: _along(piece, position, rest[0]))
        ends = [
            since
            for piece in pieces
            for _, since in sign_changes(piece - now, position, rest)
            if _along(piece, position, rest[since]) > _along(now, position, rest[since])
        ]
        ends += [
            1
            for piece in pieces
            if len(rest) > 1 and _along(piece, position, rest[1]) > _along(now, position, rest[1])
        ]
        last = min(ends, default=len(rest)) - 1
        found.append((rest[0], rest[last], now))
        at += last + 1
    return found


def _along(polynomial: Polynomial, position: int, size: int) -> Fraction:
    return sum(
        (each * size ** powers[position] for powers, each in polynomial.terms.items()),
        Fraction(0),
    )


def _signs(polynomial: Polynomial, position: int, sizes: Sequence[int]) -> Callable[[int], int]:
    """Return what tells the sign at each of the sizes."""

    def sign(at: int) -> int:
        value = _along(polynomial, position, sizes[at])
        return (value > 0) - (value < 0)

    return sign


def _telling(
    polynomial: Polynomial, position: int, sizes: Sequence[int], sign: Callable[[int], int]
) -> list[int]:
    """Return positions of sizes, in order, between which the sign does not change unseen."""
    slope = _derivative(polynomial, position)
    if not slope.terms:
        return [0, len(sizes) - 1]
    # Between two sizes where the slope tells of no turn it is monotonic: it changes its sign once.
    turns = _telling(slope, position, sizes, _signs(slope, position, sizes))
    found: list[int] = []
    for low, high in pairwise(turns):
        found.append(low)
        if high - low > 1 and sign(low) != sign(high):
            found.extend(_steps(low, high, sign))
    found.append(turns[-1])
    return sorted(set(found))


def _steps(low: int, high: int, sign: Callable[[int], int]) -> Iterator[int]:
    """Yield both sides of every place between two where a monotonic function's sign changes."""
    while high - low > 1 and sign(low) != sign(high):
        old, left, right = sign(low), low, high
        while right - left > 1:
            middle = (left + right) // 2
            if sign(middle) == old:
                left = middle
            else:
                right = middle
        yield from (left, right)
        low = right


def _derivative(polynomial: Polynomial, position: int) -> Polynomial:
    return Polynomial(
        {
            (*powers[:position], powers[position] - 1, *powers[position + 1 :]): coefficient
            * powers[position]
            for powers, coefficient in polynomial.terms.items()
            if powers[position]
        }
    )
