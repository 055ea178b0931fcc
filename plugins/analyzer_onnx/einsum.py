"""The equation of an ``Einsum``, with every axis labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analyzer import ModelError

__all__ = ["Labelled"]

_SPARE = "αβγδεζηθικλμνξοπρστυφχψω"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """An equation with its ellipsis and its result written out.

    Attributes:
        operands: labels of each operand, one character an axis.
        output: labels of the result.
        sizes: size of every label.
    """

    operands: tuple[str, ...]
    output: str
    sizes: dict[str, int]

    @classmethod
    def of(cls, equation: str, shapes: Sequence[tuple[int, ...]]) -> Labelled:
        """Label the axes of some operands.

        Raises:
            ModelError: the equation and the operands do not fit.

        >>> Labelled.of("...ij, ...jk", [(7, 2, 3), (3, 4)]).output
        'αik'
        """
        left, arrow, right = equation.replace(" ", "").partition("->")
        terms = left.split(",")
        ranks = [len(term.replace("...", "")) for term in terms]
        if len(terms) != len(shapes) or any(
            len(shape) < rank or (len(shape) > rank and "..." not in term)
            for term, shape, rank in zip(terms, shapes, ranks, strict=False)
        ):
            raise ModelError(f"einsum {equation!r} does not fit operands of {list(shapes)}")
        hidden = [len(shape) - rank for shape, rank in zip(shapes, ranks, strict=True)]
        if not arrow:
            letters = left.replace("...", "").replace(",", "")
            once = sorted(label for label in set(letters) if letters.count(label) == 1)
            right = "..." * ("..." in left) + "".join(once)
        operands = tuple(map(_written_out, terms, hidden))
        sizes: dict[str, int] = {}
        for labels, shape in zip(operands, shapes, strict=True):
            for label, size in zip(labels, shape, strict=True):
                sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
        return cls(operands=operands, output=_written_out(right, max(hidden)), sizes=sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the result."""
        return tuple(self.sizes[label] for label in self.output)


def _written_out(labels: str, hidden: int) -> str:
    """Write an ellipsis out, from the right, so that axes that broadcast have one label."""
    return labels.replace("...", _SPARE[:hidden][::-1])
