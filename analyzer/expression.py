r"""Counts that can explain themselves.

A count is never a bare integer: it is a :class:`Product` or :class:`Sum` of named
:class:`Factor` objects. Its ``value`` is the number, its ``names()`` and ``numbers()`` are the
derivation, so the two cannot disagree.

>>> kernel = product(kernel_height=3, kernel_width=3, input_channels=3, filters=32)
>>> bias = product(filters=32)
>>> total = kernel + bias
>>> total.value
896
>>> total.numbers()
'3·3·3·32 + 32'
>>> total.names()
'kernel height × kernel width × input channels × filters + filters'
>>> print(product(filters=32, taps=9).latex())
\text{filters} \cdot \text{taps} = 32 \cdot 9 = 288
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from math import prod

from analyzer.units import count_text

__all__ = [
    "ONE",
    "ZERO",
    "Expression",
    "Factor",
    "Formula",
    "Product",
    "Quotient",
    "Sum",
    "Words",
    "product",
    "total",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """How an expression is written: its factors, and the signs between them.

    Attributes:
        factor: writes a factor; a negative one without its sign.
        times, minus, low, high: what is put between factors, before what is taken away, and around
            what is rounded: down, and up.
    """

    factor: Callable[[Factor], str]
    times: str
    minus: str
    low: tuple[str, str]
    high: tuple[str, str]


class Expression(ABC):
    """An integer together with the way it comes about.

    Immutable. ``value`` is an exact integer; ``+`` and ``*`` build larger expressions. Negative is
    only a :class:`Factor` that reads as a subtraction, never a count as a whole.
    """

    __slots__ = ("value",)
    value: int

    def numbers(self) -> str:
        """Return the derivation with the numbers put in: ``'3·3·3·32 + 32'``."""
        return self._signed(_NUMBERS)

    def names(self) -> str:
        """Return the derivation in words: ``'kernel height × filters + filters'``."""
        return self._signed(_NAMES)

    def latex_numbers(self) -> str:
        """Return the derivation with the numbers put in, as LaTeX for a formula."""
        return self._signed(_LATEX_NUMBERS)

    def latex_names(self) -> str:
        """Return the derivation in words, as LaTeX for a formula."""
        return self._signed(_LATEX_NAMES)

    def latex(self) -> str:
        """Return names, numbers and value as one formula in LaTeX."""
        return Formula(expression=self).latex().strip("$")

    @property
    def subtracted(self) -> bool:
        """Whether a sum writes a minus before it: it is, or begins with, a negative factor."""
        return False

    @abstractmethod
    def written(self, notation: Notation) -> str:
        """Return the derivation in a notation, without the minus of what is subtracted."""

    def _signed(self, notation: Notation) -> str:
        return notation.minus * self.subtracted + self.written(notation)

    def __add__(self, other: Expression) -> Expression:
        return total((self, other))

    def __mul__(self, other: Expression) -> Expression:
        return _product((self, other))

    def __bool__(self) -> bool:
        return self.value != 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expression):
            return NotImplemented
        return type(self) is type(other) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def __repr__(self) -> str:
        return f"<{self.names()} = {self.numbers()} = {self.value:,}>"

    @abstractmethod
    def _key(self) -> tuple[object, ...]: ...


class Factor(Expression):
    """One named integer: ``Factor("filters", 32)``. A negative one reads as a subtraction."""

    __slots__ = ("name",)

    def __init__(self, name: str, value: int) -> None:
        self.name = name
        self.value = value

    @property
    def subtracted(self) -> bool:
        return self.value < 0

    def written(self, notation: Notation) -> str:
        return notation.factor(self)

    def _key(self) -> tuple[object, ...]:
        return (self.name, self.value)


class Product(Expression):
    """Several expressions multiplied."""

    __slots__ = ("factors",)

    def __init__(self, factors: tuple[Expression, ...]) -> None:
        self.factors = factors
        self.value = prod([factor.value for factor in factors])

    @property
    def subtracted(self) -> bool:
        return bool(self.factors) and self.factors[0].subtracted

    def written(self, notation: Notation) -> str:
        return notation.times.join(_bracketed(one, notation) for one in self.factors) or "1"

    def _key(self) -> tuple[object, ...]:
        return self.factors


class Sum(Expression):
    """Several expressions added; terms that are negative factors read as subtractions."""

    __slots__ = ("terms",)

    def __init__(self, terms: tuple[Expression, ...]) -> None:
        self.terms = terms
        self.value = sum(term.value for term in terms)

    def written(self, notation: Notation) -> str:
        if not self.terms:
            return "0"
        first, *others = self.terms
        parts = [f"{notation.minus} " * first.subtracted + first.written(notation)]
        for term in others:
            sign = notation.minus if term.subtracted else "+"
            parts.append(f"{sign} {term.written(notation)}")
        return " ".join(parts)

    def _key(self) -> tuple[object, ...]:
        return self.terms


class Quotient(Expression):
    """An integer division, rounded down, or ``up``.

    >>> Quotient(product(elements=3, bits=4), Factor("bits a byte", 8), up=True).numbers()
    '⌈3·4 / 8⌉'
    """

    __slots__ = ("dividend", "divisor", "up")

    def __init__(self, dividend: Expression, divisor: Expression, *, up: bool = False) -> None:
        self.dividend = dividend
        self.divisor = divisor
        self.up = up
        down = dividend.value // divisor.value
        self.value = down + 1 if up and dividend.value % divisor.value else down

    def written(self, notation: Notation) -> str:
        left, right = notation.high if self.up else notation.low
        below = self.divisor.written(notation)
        if isinstance(self.divisor, Product) and len(self.divisor.factors) > 1:
            below = f"({below})"
        elif isinstance(self.divisor, Sum):
            below = _bracketed(self.divisor, notation)
        return f"{left}{_bracketed(self.dividend, notation)} / {below}{right}"

    def _key(self) -> tuple[object, ...]:
        return (self.dividend, self.divisor, self.up)


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A derivation as a reader sees it: in names, with the numbers put in, and what comes out.

    A document can hold one wherever it holds words; ``str`` is its plain text, and a format that
    sets mathematics sets it as such.

    Attributes:
        expression: what is derived.
        label: words before it.
        result: the name of what comes out, the left side of the equation.
        unit: words after it.
        names, numbers, value: which of the three are shown; the same thing is never shown twice.

    >>> print(Formula(expression=product(rows=2, width=3), label="Linear", unit="MACs"))
    Linear: rows × width = 2·3 = 6 MACs
    >>> print(Formula(expression=Factor("one number", 1), result="counters", names=False))
    counters = 1
    """

    expression: Expression
    label: str = ""
    result: str = ""
    unit: str = ""
    names: bool = True
    numbers: bool = True
    value: bool = True

    def __str__(self) -> str:
        sides = self._sides(
            self.result, self.expression.names(), self.expression.numbers(), count_text
        )
        unit = f" {self.unit}" if self.unit else ""
        return (f"{self.label}: " if self.label else "") + " = ".join(sides) + unit

    def latex(self) -> str:
        """Return it as LaTeX for a line of text, the derivation between dollar signs."""
        from analyzer.latex import latex_count, latex_text

        expression = self.expression
        sides = self._sides(
            self.result and rf"\text{{{latex_text(self.result)}}}",
            expression.latex_names(),
            expression.latex_numbers(),
            latex_count,
        )
        label = latex_text(f"{self.label}: ") if self.label else ""
        return f"{label}${' = '.join(sides)}$" + latex_text(f" {self.unit}" * bool(self.unit))

    def _sides(
        self, result: str, names: str, numbers: str, count: Callable[[int], str]
    ) -> list[str]:
        """Return the sides of the equation, none of which says what another one does."""
        plain = numbers in (str(self.expression.value), count(self.expression.value))
        value = count(self.expression.value)
        sides = [
            result,
            names if self.names and names != numbers else "",
            numbers if self.numbers and not (plain and self.value) else "",
            value if self.value else "",
        ]
        return [side for side in sides if side] or [value]


ZERO = Sum(())
ONE = Product(())


def product(*factors: Expression, **named: int) -> Expression:
    """Multiply expressions and named integers, in the order given.

    An underscore in a name reads as a space.

    >>> product(batch=2, output_height=5).names()
    'batch × output height'
    """
    return _product((*factors, *[Factor(_words(name), value) for name, value in named.items()]))


@cache
def _words(name: str) -> str:
    return name.replace("_", " ")


def total(terms: Iterable[Expression]) -> Expression:
    """Add expressions, leaving out terms that are zero.

    >>> total([product(a=2), ZERO, product(b=3)]).numbers()
    '2 + 3'
    """
    kept: list[Expression] = []
    for term in terms:
        if type(term) is Sum:
            kept.extend(term.terms)
        elif term.value:
            kept.append(term)
    if not kept:
        return ZERO
    return kept[0] if len(kept) == 1 else Sum(tuple(kept))


def _product(parts: Iterable[Expression]) -> Expression:
    factors: list[Expression] = []
    for part in parts:
        if type(part) is Product:
            factors.extend(part.factors)
        else:
            factors.append(part)
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


Words = str | Formula
"""What a reader reads: a sentence, or a derivation."""


def _bracketed(expression: Expression, notation: Notation) -> str:
    text = expression.written(notation)
    return f"({text})" if isinstance(expression, Sum) and len(expression.terms) > 1 else text


def _latex_name(factor: Factor) -> str:
    from analyzer.latex import latex_text

    return factor.name if factor.name.isdecimal() else rf"\text{{{latex_text(factor.name)}}}"


_FLOOR, _CEILING = ("⌊", "⌋"), ("⌈", "⌉")
_LATEX_FLOOR, _LATEX_CEILING = (r"\lfloor ", r" \rfloor"), (r"\lceil ", r" \rceil")
_NAMES = Notation(
    factor=lambda factor: factor.name, times=" × ", minus="−", low=_FLOOR, high=_CEILING
)
_NUMBERS = Notation(
    factor=lambda factor: str(abs(factor.value)), times="·", minus="−", low=_FLOOR, high=_CEILING
)
_LATEX_NAMES = Notation(
    factor=_latex_name, times=r" \cdot ", minus="-", low=_LATEX_FLOOR, high=_LATEX_CEILING
)
_LATEX_NUMBERS = Notation(
    factor=lambda factor: str(abs(factor.value)),
    times=r" \cdot ",
    minus="-",
    low=_LATEX_FLOOR,
    high=_LATEX_CEILING,
)
