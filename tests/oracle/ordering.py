"""Sorting, searching and the choice of boxes, as loops over scalars."""

from __future__ import annotations

from analyzer.ops import Category, NonMaximumSuppression, Search, Sort
from tests.oracle.number import Array, Counted, Tally
from tests.oracle.registry import oracle


def best(numbers: list[Counted], kept: int) -> list[Counted]:
    """Return the ``kept`` largest numbers, the largest first, by binary insertion."""
    held: list[Counted] = []
    for number in numbers:
        place = _place(held, number)
        held.insert(place, number)
        del held[kept:]
    return held


def _place(held: list[Counted], number: Counted) -> int:
    """Find where a number belongs among larger ones before it; the first part is never smaller."""
    low, high = 0, len(held)  # the places that remain
    while low < high:
        middle = low + (high - low + 2) // 2 - 1
        if number > held[middle]:
            high = middle
        else:
            low = middle + 1
    return low


def place_in(order: list[Counted], number: Counted) -> int:
    """Return how many numbers of an ascending order are not larger, by binary search."""
    low, high = 0, len(order)
    while low < high:
        middle = low + (high - low + 2) // 2 - 1
        if number < order[middle]:
            high = middle
        else:
            low = middle + 1
    return low


def suppressed(boxes: Array, scores: list[Counted], limit: float) -> list[int]:
    """Return which boxes ``(n, 4)`` stay, the best first; every pair is compared."""
    order = {id(score): at for at, score in enumerate(scores)}
    ranked = [order[id(score)] for score in best(scores, len(scores))]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in boxes]
    gone: set[int] = set()
    for rank, one in enumerate(ranked):
        for other in ranked[rank + 1 :]:
            a, b = boxes[one], boxes[other]
            left, top = a[0].maximum(b[0]), a[1].maximum(b[1])
            right, bottom = a[2].minimum(b[2]), a[3].minimum(b[3])
            shared = (right - left).maximum(0) * (bottom - top).maximum(0)
            share = shared / (areas[one] + areas[other] - shared)
            if share > limit and one not in gone:
                gone.add(other)
    return [one for one in ranked if one not in gone]


@oracle(Sort)
def _sort(operation: Sort, tally: Tally) -> None:
    if operation.kept < 1:
        return
    for _ in range(operation.rows):  # each is better than all before it, which takes the most
        best([tally.number(value) for value in range(operation.size)], operation.kept)


@oracle(Search)
def _search(operation: Search, tally: Tally) -> None:
    order = [tally.number(value) for value in range(operation.size)]
    for _ in range(operation.look_ups):
        place_in(order, tally.number(-1.0))


@oracle(NonMaximumSuppression)
def _non_maximum_suppression(operation: NonMaximumSuppression, tally: Tally) -> None:
    with tally.within(Category.ELEMENTWISE):
        for _ in range(operation.batch):
            scores = [tally.number(value) for value in range(operation.boxes)]
            suppressed(tally.random(operation.boxes, 4), scores, 0.5)
