"""A number that somebody read somewhere, and which figures agree with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from analyzer.errors import UsageError
from analyzer.units import COUNT_UNITS

__all__ = ["Answer", "Figure", "Sought"]

_NUMBER = re.compile(
    r"(?P<digits>\d[\d,_' ]*(?:\.\d*)?|\.\d+)(?P<power>[eE]\+?\d{1,2})?\s*"
    r"(?P<unit>[kKMGBTP]?)(?:[ -]?(?:FLOPs?|MACs?|MAdds?|mult-adds|ops|params?|parameters))?",
    re.IGNORECASE,
)
_FACTORS = {Fraction(1): "", Fraction(2): "twice", Fraction(1, 2): "half of"}
"""What a number may be to a figure, by the two ways to count a MAC; tried in this order."""


class Figure(NamedTuple):
    """A figure that a number may be: whose it is, what they call it, and its value."""

    convention: str
    word: str
    value: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a figure stands to the number that is sought.

    Attributes:
        figure: one of those that were looked among.
        how: ``"exactly"``, ``"rounded"``, ``"cut off"``, ``"twice"``, ``"half of"``,
            ``"the nearest"``.
    """

    figure: Figure
    how: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "convention": self.figure.convention,
            "word": self.figure.word,
            "value": self.figure.value,
            "how": self.how,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A number with the digits that were given of it.

    Attributes:
        text: as it was given.
        value: what it stands for.
        step: what its last digit counts.

    >>> sought = Sought.of("4.11 GFLOPs")
    >>> sought.value, sought.step
    (Fraction(4110000000, 1), Fraction(10000000, 1))
    """

    text: str
    value: Fraction
    step: Fraction

    @classmethod
    def of(cls, number: str | int) -> Sought:
        """Understand ``4111512576``, ``"4,111,512,576"``, ``"4.11G"``, ``"4.1e9"``.

        Raises:
            UsageError: it is not understood.
        """
        text = str(number).strip()
        found = _NUMBER.fullmatch(text)
        if not found or isinstance(number, bool):
            raise UsageError(
                f"number {text!r} is not understood; write it as in 4111512576, 4.11G or 4.1e9"
            )
        digits = re.sub(r"[,_' ]", "", found["digits"])
        given = Decimal(digits + (found["power"] or ""))
        unit = found["unit"]
        scale = Fraction(COUNT_UNITS[unit if unit in COUNT_UNITS else unit.upper()])
        exponent = given.as_tuple().exponent
        assert isinstance(exponent, int)  # the pattern has no room for NaN and infinity
        return cls(text=text, value=Fraction(given) * scale, step=Fraction(10) ** exponent * scale)

    def among(self, figures: Sequence[Figure]) -> tuple[Answer, ...]:
        """Return the figures that agree; else those of which it is twice or half; else the nearest.

        >>> [answer.how for answer in Sought.of("4.1k").among([Figure("a", "MACs", 4089)])]
        ['rounded']
        """
        known = [(figure, figure.value) for figure in figures if figure.value is not None]
        for factor, name in _FACTORS.items():
            told = ((figure, self._how(value * factor)) for figure, value in known)
            found = [Answer(figure=figure, how=name or how) for figure, how in told if how]
            if found:
                return tuple(found)
        if not known:
            return ()
        nearest, _ = min(known, key=lambda one: abs(one[1] - self.value))
        return (Answer(figure=nearest, how="the nearest"),)

    def _how(self, figure: Fraction | int) -> str:
        away = figure - self.value
        if not away:
            return "exactly"
        if abs(away) * 2 <= self.step and self.step > 1:
            return "rounded"
        return "cut off" if 0 < away < self.step else ""
