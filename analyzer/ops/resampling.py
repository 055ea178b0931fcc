"""Resizing of maps."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from analyzer.errors import ModelError
from analyzer.expression import Factor, Sum, product, total
from analyzer.ops.base import Cost, Operation

__all__ = ["Interpolation", "Sampling"]

_SUPPORT = {"nearest": 1, "linear": 2, "cubic": 4}
_REACH = {"linear": 1, "cubic": 2, "lanczos": 3}
"""How far from its centre a filter reaches, in elements of the coarser of two maps."""
_MOST_PLACES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolation(Operation):
    """A map resized: each result is a weighted sum of ``support ** axes`` neighbours.

    ``axes`` is the number of axes whose size changes; ``method`` is
    ``"nearest"`` (a copy, free), ``"linear"`` (2 neighbours an axis) or ``"cubic"`` (4). The
    weights depend only on the sizes and are not counted. ``antialiased`` gives the sizes before
    and after of each axis for a filter that widens as the map shrinks, so that every element has
    its share: it reaches 1 (linear), 2 (cubic) or 3 (``"lanczos"``) elements of the coarser map to
    either side, and is cut at the edges.

    Raises:
        ModelError: the method is another one, or an antialiased axis has too many places.

    >>> Interpolation(method="linear", axes=2, out_elements=10).cost().flops.value
    70
    """

    method: str
    axes: int
    out_elements: int
    antialiased: tuple[tuple[int, int], ...] = ()

    lesson: ClassVar[str] = (
        "Each element of the result is a weighted sum of its neighbours in the original: one "
        "multiplication for each neighbour and one addition less."
    )

    def __post_init__(self) -> None:
        known = _REACH if self.antialiased else _SUPPORT
        if self.method not in known:
            raise ModelError(
                f"interpolation method {self.method!r} is not known; known are "
                f"{', '.join(sorted(known))}"
            )
        longest = max((after for _, after in self.antialiased), default=0)
        if longest > _MOST_PLACES:
            raise ModelError(
                f"antialiased resizing to {longest} places along an axis: the filter is followed "
                f"from place to place, for {_MOST_PLACES} of them at most; give smaller sizes"
            )

    def cost(self) -> Cost:
        if self.antialiased:
            return self._cost_of_filter()
        neighbours = _SUPPORT[self.method] ** self.axes
        if neighbours == 1:
            return Cost(free="the nearest element is copied")
        work = total((Factor("products", neighbours), Factor("additions", neighbours - 1)))
        return Cost(resampling=product(product(elements=self.out_elements), work))

    def _cost_of_filter(self) -> Cost:
        places = prod(after for _, after in self.antialiased)
        taps = (
            Factor(f"taps along axis {axis}", _taps(_REACH[self.method], *sizes))
            for axis, sizes in enumerate(self.antialiased)
        )
        map_work = Sum((product(Factor("product and sum", 2), *taps), Factor("places", -places)))
        maps = Factor("maps", self.out_elements // places if places else 0)
        return Cost(resampling=product(maps, map_work))


def _taps(reach: int, before: int, after: int) -> int:
    """Elements under the filter, summed over all places of an axis."""
    step = before / after if after else 0.0
    radius = reach * max(step, 1.0)
    taps = 0
    for place in range(after):
        centre = step * (place + 0.5)
        first = max(int(centre - radius + 0.5), 0)
        taps += min(int(centre + radius + 0.5), before) - first
    return taps


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling(Operation):
    """Maps read at ``points`` that lie between their elements, ``channels`` numbers at each.

    A point in −1 … 1 is scaled and moved to where the elements are (2 an axis); one that is not
    ``normalized`` counts elements already. Nearest rounds it; linear
    takes its whole and broken part and what is left of one (3 an axis) and multiplies them to a
    weight for each of ``2 ** axes`` corners; cubic has 4 weights an axis, polynomials of the four
    distances (27 an axis), multiplied for ``4 ** axes`` neighbours. Each channel is then a weighted
    sum.

    Raises:
        ModelError: the method is none of these.

    >>> Sampling(method="linear", points=1, axes=2, channels=10).cost().flops.numbers()
    '1·(2·2 + 2·3 + 4·1 + 10·(4 + 4 − 1))'
    """

    method: str
    points: int
    axes: int
    channels: int
    normalized: bool = True

    lesson: ClassVar[str] = (
        "Where to read is computed and not known beforehand, so the weights of the neighbours are "
        "worked out anew for each point; all channels share them."
    )

    def __post_init__(self) -> None:
        if self.method not in _SUPPORT:
            raise ModelError(
                f"sampling method {self.method!r} is not known; known are "
                f"{', '.join(sorted(_SUPPORT))}"
            )

    def cost(self) -> Cost:
        axes = Factor("axes", self.axes)
        neighbours = _SUPPORT[self.method] ** self.axes
        parts = [product(axes, Factor("scale and move", 2))] if self.normalized else []
        if neighbours == 1:
            parts.append(product(axes, Factor("round", 1)))
        else:
            of_axis = {"linear": 3, "cubic": 27}[self.method]
            sums = Sum(
                (Factor("products", neighbours), Factor("sums", neighbours), Factor("1", -1))
            )
            parts += [
                product(axes, Factor("weights of an axis", of_axis)),
                product(Factor("neighbours", neighbours), Factor("their weights", self.axes - 1)),
                product(Factor("channels", self.channels), sums),
            ]
        return Cost(resampling=product(product(points=self.points), total(parts)))
