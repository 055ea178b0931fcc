"""Counts that can explain themselves.

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
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import prod

__all__ = ["ONE", "ZERO", "Expression", "Factor", "Product", "Sum", "product", "total"]


class Expression(ABC):
    """An integer together with the way it comes about.

    Immutable. ``value`` is an exact integer; ``+`` and ``*`` build larger expressions. Negative is
    only a :class:`Factor` that reads as a subtraction, never a count as a whole.
    """

    __slots__ = ("value",)
    value: int

    @abstractmethod
    def numbers(self) -> str:
        """Return the derivation with the numbers put in: ``'3·3·3·32 + 32'``."""

    @abstractmethod
    def names(self) -> str:
        """Return the derivation in words: ``'kernel height × filters + filters'``."""

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

    def numbers(self) -> str:
        return str(self.value)

    def names(self) -> str:
        return self.name

    def _key(self) -> tuple[object, ...]:
        return (self.name, self.value)


class Product(Expression):
    """Several expressions multiplied."""

    __slots__ = ("factors",)

    def __init__(self, factors: tuple[Expression, ...]) -> None:
        self.factors = factors
        self.value = prod(factor.value for factor in factors)

    def numbers(self) -> str:
        return "·".join(_bracket(factor, factor.numbers()) for factor in self.factors) or "1"

    def names(self) -> str:
        return " × ".join(_bracket(factor, factor.names()) for factor in self.factors) or "1"

    def _key(self) -> tuple[object, ...]:
        return self.factors


class Sum(Expression):
    """Several expressions added; terms that are negative factors read as subtractions."""

    __slots__ = ("terms",)

    def __init__(self, terms: tuple[Expression, ...]) -> None:
        self.terms = terms
        self.value = sum(term.value for term in terms)

    def numbers(self) -> str:
        return _join(self.terms, [term.numbers().removeprefix("-") for term in self.terms])

    def names(self) -> str:
        return _join(self.terms, [term.names() for term in self.terms])

    def _key(self) -> tuple[object, ...]:
        return self.terms


ZERO = Sum(())
ONE = Product(())


def product(*factors: Expression, **named: int) -> Expression:
    """Multiply expressions and named integers, in the order given.

    An underscore in a name reads as a space.

    >>> product(batch=2, output_height=5).names()
    'batch × output height'
    """
    return _product(
        (*factors, *(Factor(name.replace("_", " "), value) for name, value in named.items()))
    )


def total(terms: Iterable[Expression]) -> Expression:
    """Add expressions, leaving out terms that are zero.

    >>> total([product(a=2), ZERO, product(b=3)]).numbers()
    '2 + 3'
    """
    kept: list[Expression] = []
    for term in terms:
        if isinstance(term, Sum):
            kept.extend(term.terms)
        elif term.value:
            kept.append(term)
    if not kept:
        return ZERO
    return kept[0] if len(kept) == 1 else Sum(tuple(kept))


def _product(parts: Iterable[Expression]) -> Expression:
    factors: list[Expression] = []
    for part in parts:
        factors.extend(part.factors if isinstance(part, Product) else (part,))
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


def _bracket(expression: Expression, text: str) -> str:
    return f"({text})" if isinstance(expression, Sum) and len(expression.terms) > 1 else text


def _join(terms: tuple[Expression, ...], texts: list[str]) -> str:
    if not terms:
        return "0"
    joined = ("− " if terms[0].value < 0 else "") + texts[0]
    for term, text in zip(terms[1:], texts[1:], strict=True):
        joined += (" − " if term.value < 0 else " + ") + text
    return joined
