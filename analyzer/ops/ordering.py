"""Putting elements in order, finding places in an order, and keeping the best boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from analyzer.expression import ZERO, Expression, Factor, Sum, product, total
from analyzer.ops.base import Cost, Operation

__all__ = ["NonMaximumSuppression", "Search", "Sort"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort(Operation):
    """The ``kept`` first elements of each row, in order: ``(rows, size) → (rows, kept)``.

    How many comparisons a sort needs depends on the elements; the reference is the most that
    insertion by binary search can need. Each element in turn is put in its place among the best
    so far, of which ``kept`` are held: the i-th takes ``⌈log₂ min(i, kept + 1)⌉`` comparisons. With
    all kept that is the worst case of a merge sort, n·⌈log₂ n⌉ − 2^⌈log₂ n⌉ + 1; with one it is a
    maximum, n − 1. Moving the elements is free.

    >>> [Sort(rows=1, size=8, kept=kept).cost().flops.value for kept in (1, 8)]
    [7, 17]
    """

    rows: int
    size: int
    kept: int

    lesson: ClassVar[str] = (
        "Each element is compared with the middle one of the best so far, then with the middle one "
        "of the half in which it belongs, and so on: twice the elements to keep is one comparison "
        "more for each."
    )

    def cost(self) -> Cost:
        kept = min(self.kept, self.size)
        if kept < 1 or self.size < 2 or not self.rows:
            return Cost(free="there is nothing to compare")
        return Cost(elementwise=product(product(rows=self.rows), _comparisons(self.size, kept)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(Operation):
    """The place of each of ``look_ups`` elements in an order of ``size``, by binary search.

    There are ``size + 1`` places, and ``⌈log₂ (size + 1)⌉`` comparisons always find one.

    >>> Search(look_ups=10, size=7).cost().flops.numbers()
    '10·3'
    """

    look_ups: int
    size: int

    lesson: ClassVar[str] = "Each comparison with the middle element halves the places that remain."

    def cost(self) -> Cost:
        depth = Factor("⌈log₂ of the places⌉", _depth(self.size + 1))
        count = product(Factor("look-ups", self.look_ups), depth)
        return Cost(elementwise=count) if count.value else Cost(free="there is nothing to compare")


def _comparisons(size: int, kept: int) -> Expression:
    """Σ ⌈log₂ min(i, kept + 1)⌉ over the elements 1 … size."""
    depth = _depth(min(kept + 1, size))
    return Sum(
        (
            product(Factor("elements", size), Factor("⌈log₂ of those held⌉", depth)),
            Factor("less for the first, which have few before them", 1 - (1 << depth)),
        )
    )


def _depth(places: int) -> int:
    """How often places must be halved until one is left: ⌈log₂ places⌉."""
    return (places - 1).bit_length()


@dataclass(frozen=True, slots=True, kw_only=True)
class NonMaximumSuppression(Operation):
    """Of ``boxes`` in each of ``batch`` lists, those that no better one overlaps too much.

    How many pairs are really compared depends on the boxes; the reference is that none is
    suppressed: each list is sorted by score, and every pair is compared once. A pair takes the
    corners of what both cover (2 max, 2 min), its width and height (2 −, 2 max with 0), their
    product, and its share of what either covers, held to the limit (+, −, /, >).

    >>> NonMaximumSuppression(batch=1, boxes=2).cost().flops.numbers()
    '1·(2·1 − 1 + 2·3 + 1·13)'
    """

    batch: int
    boxes: int

    lesson: ClassVar[str] = (
        "Every box may have to be compared with every better one, so the work grows with the "
        "square of the number of boxes."
    )

    def cost(self) -> Cost:
        if not self.boxes or not self.batch:
            return Cost(free="there are no boxes")
        pairs = Factor("pairs", self.boxes * (self.boxes - 1) // 2)
        work = (
            _comparisons(self.boxes, self.boxes) if self.boxes > 1 else ZERO,
            product(Factor("boxes", self.boxes), Factor("operations for an area", 3)),
            product(pairs, Factor("operations a pair", 13)),
        )
        return Cost(elementwise=product(product(batch=self.batch), total(work)))
