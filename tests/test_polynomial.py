"""Exact interpolation, and where polynomials change their sign."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from analyzer.scaling.polynomial import Polynomial, interpolate, largest_along, sign_changes

COEFFICIENTS = st.fractions(min_value=-9, max_value=9, max_denominator=6)


def polynomial(coefficients: list[Fraction], variables: int, degree: int) -> Polynomial:
    powers = product(range(degree + 1), repeat=variables)
    terms = dict(zip(powers, coefficients, strict=False))
    return Polynomial({each: value for each, value in terms.items() if value})


@given(
    st.lists(COEFFICIENTS, min_size=9, max_size=9),
    st.lists(st.integers(1, 50), min_size=3, max_size=3, unique=True),
    st.lists(st.integers(1, 50), min_size=3, max_size=3, unique=True),
)
def test_a_polynomial_is_found_again(
    coefficients: list[Fraction], first: list[int], second: list[int]
) -> None:
    true = polynomial(coefficients, 2, 2)
    scaled = Polynomial({powers: each * 60 for powers, each in true.terms.items()})
    values: dict[tuple[int, ...], int] = {
        point: int(scaled(point)) for point in product(first, second)
    }
    assert interpolate([first, second], values) == scaled


@given(st.lists(COEFFICIENTS, min_size=5, max_size=5), st.integers(1, 20), st.integers(1, 7))
def test_sign_changes_are_where_values_say_so(
    coefficients: list[Fraction], start: int, step: int
) -> None:
    found = polynomial(coefficients, 1, 4)
    sizes = range(start, start + 40 * step, step)
    signs = [(value > 0) - (value < 0) for value in (found((size,)) for size in sizes)]
    there = [at for at, sign in enumerate(signs) if sign]
    expected = [(low, high) for low, high in pairwise(there) if signs[low] != signs[high]]
    assert sign_changes(found, 0, sizes) == expected


@given(st.lists(st.lists(COEFFICIENTS, min_size=3, max_size=3), min_size=1, max_size=4))
def test_the_largest_is_the_largest(several: list[list[Fraction]]) -> None:
    pieces = [polynomial(each, 1, 2) for each in several]
    sizes = range(1, 30)
    for first, last, piece in largest_along(pieces, 0, sizes):
        for size in range(first, last + 1):
            assert piece((size,)) == max(each((size,)) for each in pieces)
    spans = [(first, last) for first, last, _ in largest_along(pieces, 0, sizes)]
    assert spans[0][0] == 1
    assert spans[-1][1] == 29
    assert all(one[1] + 1 == next[0] for one, next in pairwise(spans))


def test_what_never_exceeds_is_told_by_signs() -> None:
    small = Polynomial({(1, 1): Fraction(2)})
    large = Polynomial({(1, 1): Fraction(2), (0, 1): Fraction(1)})
    assert small.never_exceeds(large, (1, 1))
    assert not large.never_exceeds(small, (1, 1))
    # x² − 3x is negative at 1, and not from 3 on
    curve = Polynomial({(2, 0): Fraction(1)})
    line = Polynomial({(1, 0): Fraction(3)})
    assert line.never_exceeds(curve, (3, 1))
    assert not line.never_exceeds(curve, (1, 1))


def test_text() -> None:
    terms: dict[tuple[int, ...], Fraction] = {
        (0, 0): Fraction(5),
        (1, 0): Fraction(-1),
        (0, 2): Fraction(1, 2),
        (1, 2): Fraction(1234567),
    }
    assert Polynomial(terms).text(("b", "s")) == "5 − b + 1/2·s² + 1,234,567·b·s²"
    assert Polynomial({}).text(("b", "s")) == "0"
    assert Polynomial({(1,): Fraction(-2)}).text(("n",)) == "−2·n"
    assert Polynomial({(12,): Fraction(1)}).text(("n",)) == "n¹²"
