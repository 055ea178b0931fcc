"""Resizing of maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from analyzer.errors import ModelError
from analyzer.expression import Factor, product, total
from analyzer.ops.base import Cost, Operation

__all__ = ["Interpolation"]

_SUPPORT = {"nearest": 1, "linear": 2, "cubic": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolation(Operation):
    """A map resized: each result is a weighted sum of ``support ** axes`` neighbours.

    ``axes`` is the number of axes whose size changes; ``method`` is
    ``"nearest"`` (a copy, free), ``"linear"`` (2 neighbours an axis) or ``"cubic"`` (4). The
    weights depend only on the sizes and are not counted.

    Raises:
        ModelError: the method is another one.

    >>> Interpolation(method="linear", axes=2, out_elements=10).cost().flops.value
    70
    """

    method: str
    axes: int
    out_elements: int

    lesson: ClassVar[str] = (
        "Each element of the result is a weighted sum of its neighbours in the original: one "
        "multiplication for each neighbour and one addition less."
    )

    def __post_init__(self) -> None:
        if self.method not in _SUPPORT:
            raise ModelError(
                f"interpolation method {self.method!r} is not known; known are "
                f"{', '.join(sorted(_SUPPORT))}"
            )

    def cost(self) -> Cost:
        neighbours = _SUPPORT[self.method] ** self.axes
        if neighbours == 1:
            return Cost(free="the nearest element is copied")
        work = total((Factor("products", neighbours), Factor("additions", neighbours - 1)))
        return Cost(resampling=product(product(elements=self.out_elements), work))
