"""Formulas of figures, and where one part of a figure comes to be more than another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from analyzer.ir import Bound
from analyzer.scaling.fitting import Fit, Ground
from analyzer.scaling.polynomial import Polynomial, sign_changes

__all__ = ["FIGURES", "WORK", "Growth", "Overtaking", "overtakings"]

FIGURES: dict[str, str] = {
    "parameters": "Parameters",
    "macs": "MACs",
    "flops": "FLOPs",
    "integer_ops": "Operations on integers",
    "stored_bytes": "Stored bytes",
    "input_bytes": "Input bytes",
    "output_bytes": "Output bytes",
    "peak_activation_bytes": "Peak of activations, bytes",
    "peak_bytes": "Peak bytes",
}
"""What is followed, and what to call it."""

_PIECES = 4
"""Polynomials that a text still lists where a figure is the largest of several."""

WORK = ("macs", "flops", "integer_ops")
"""The figures that are work: a bound on it is one on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A figure, or what a part of it is spent on, as an exact formula of the sizes.

    Attributes:
        figure: one of :data:`FIGURES`.
        spent_on: what the part is spent on, such as ``"dense layers"``; "" for the whole figure.
        fit: the polynomials, where they hold, and the points that prove it; or why there is none.
        symbols: of the variables, in their order.
        bound: what the figure, and so the formula, is to the true one.
    """

    figure: str
    spent_on: str = ""
    fit: Fit
    symbols: tuple[str, ...]
    bound: Bound = Bound.EXACT

    def __bool__(self) -> bool:
        return bool(self.fit)

    def __call__(self, **sizes: int) -> int:
        """Return the figure at sizes by symbol, where the formula is said to hold or not."""
        return self.fit([sizes[symbol] for symbol in self.symbols])

    def __str__(self) -> str:
        """Return the formula as text, why there is none if there is none."""
        if not self.fit:
            return f"no formula: {self.fit.reason}"
        texts = [piece.text(self.symbols) for piece in self.fit.pieces]
        if len(texts) > _PIECES:
            return f"{self.bound.sign}the largest of {len(texts)} polynomials, which JSON tells"
        text = texts[0] if len(texts) == 1 else f"max({'; '.join(texts)})"
        return f"{self.bound.sign}{text}"

    @property
    def polynomial(self) -> Polynomial | None:
        """The polynomial, None where the figure is none, or the largest of several."""
        return self.fit.pieces[0] if len(self.fit.pieces) == 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; coefficients are exact fractions."""
        fit = self.fit
        return {
            "figure": self.figure,
            "spent_on": self.spent_on or None,
            "text": str(self) if fit else None,
            "bound": self.bound.words,
            "largest_of": [_plain(piece) for piece in fit.pieces],
            "sizes": [
                {"first": sizes[0], "last": sizes[-1], "multiple_of": number}
                for sizes, number in zip(fit.sizes, fit.multiple_of, strict=True)
            ],
            "made_of": [list(point) for point in fit.made_of],
            "proved_at": [list(point) for point in fit.proved_at],
            "reason": fit.reason or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaking:
    """A place where one part of a figure comes to be more than another.

    Attributes:
        figure: ``macs`` or ``flops``.
        larger: what is more from there on.
        smaller: what was more before.
        variable: position of the variable that grows.
        before: the last of its sizes where it was not so.
        since: the first of its sizes where it is so.
        others: the other variables' sizes there, None for those that do not matter.
        boundary: what the variable exceeds whatever the others are, where that is a polynomial.
    """

    figure: str
    larger: str
    smaller: str
    variable: int
    before: int
    since: int
    others: tuple[int | None, ...]
    boundary: Polynomial | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "figure": self.figure,
            "larger": self.larger,
            "smaller": self.smaller,
            "variable": self.variable,
            "before": self.before,
            "since": self.since,
            "others": list(self.others),
            "boundary": None if self.boundary is None else _plain(self.boundary),
        }


def _plain(polynomial: Polynomial) -> list[dict[str, Any]]:
    return [
        {
            "numerator": coefficient.numerator,
            "denominator": coefficient.denominator,
            "powers": list(powers),
        }
        for powers, coefficient in polynomial.ordered()
    ]


def overtakings(shares: Sequence[Growth], ground: Ground) -> Iterator[Overtaking]:
    """Compare every two shares of a figure along every variable."""
    for one, other in combinations(shares, 2):
        if one.figure != other.figure or one.polynomial is None or other.polynomial is None:
            continue
        difference = one.polynomial - other.polynomial
        if not difference.terms:
            continue
        yield from _crossings(one, other, _without_common(difference), ground)


def _without_common(polynomial: Polynomial) -> Polynomial:
    """Divide by what divides all terms, such as the batch: it is positive and decides nothing."""
    width = len(next(iter(polynomial.terms)))
    common = [min(powers[at] for powers in polynomial.terms) for at in range(width)]
    return Polynomial(
        {
            tuple(power - less for power, less in zip(powers, common, strict=True)): each
            for powers, each in polynomial.terms.items()
        }
    )


def _crossings(
    one: Growth, other: Growth, difference: Polynomial, ground: Ground
) -> Iterator[Overtaking]:
    """Yield where a difference changes its sign, along each variable that it depends on."""
    for at in difference.variables:
        others = tuple(
            sizes[0] if place != at and place in difference.variables else None
            for place, sizes in enumerate(ground.sizes)
        )
        line = difference
        for place, size in enumerate(others):
            line = line if size is None else line.at(place, size)
        sizes = ground.sizes[at]
        for _, since in sign_changes(line, at, sizes):
            rising = line([sizes[since] if place == at else 1 for place in range(len(others))]) > 0
            yield Overtaking(
                figure=one.figure,
                larger=(one if rising else other).spent_on,
                smaller=(other if rising else one).spent_on,
                variable=at,
                before=sizes[since - 1],
                since=sizes[since],
                others=others,
                boundary=_boundary(difference, at) if any(others) else None,
            )


def _boundary(difference: Polynomial, at: int) -> Polynomial | None:
    """Return what a variable is equal to where a difference is zero, if that is a polynomial."""
    rest = Polynomial({powers: each for powers, each in difference.terms.items() if not powers[at]})
    own = [(powers, each) for powers, each in difference.terms.items() if powers[at]]
    if len(own) != 1 or sum(own[0][0]) != 1:
        return None
    return Polynomial({powers: -each / own[0][1] for powers, each in rest.terms.items()})
