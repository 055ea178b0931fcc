"""The labels of an ``einsum``."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["labels_of"]


def labels_of(
    equation: str, shapes: Sequence[tuple[int, ...]], out_rank: int
) -> tuple[list[str], str]:
    """Return the labels of operands and result, with an ellipsis written out.

    >>> labels_of("...ij,jk->...ik", [(2, 3, 4), (4, 5)], 3)
    (['Aij', 'jk'], 'Aik')
    """
    text = equation.replace(" ", "")
    left, _, right = text.partition("->")
    terms = left.split(",")
    spare = [label for label in map(chr, range(ord("A"), ord("Z") + 1)) if label not in text]
    widest = max(
        len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes, strict=True)
    )
    dots = "".join(spare[: max(widest, 0)])

    def written(term: str, rank: int) -> str:
        if "..." not in term:
            return term
        count = rank - (len(term) - 3)
        return term.replace("...", dots[len(dots) - count :] if count else "")

    labels = [written(term, len(shape)) for term, shape in zip(terms, shapes, strict=True)]
    return labels, written(right, out_rank)
