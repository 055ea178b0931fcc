"""``xla``: what XLA's cost analysis counts of convolutions and products of matrices.

Its elementwise work depends on how a program is spelled, so it is no property of a model.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer.conventions.base import Convention
from analyzer.expression import Factor, product

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analyzer.conventions.base import Rules
    from analyzer.conventions.place import Place
    from analyzer.ir import Model, Node
    from analyzer.ops.base import Cost
    from analyzer.ops.convolution import Convolution

__all__ = ["XLA"]

_NAMES = ("depth", "height", "width")


def _contraction(place: Place) -> Cost | None:
    from analyzer.ops.base import Cost

    if not place.cost.macs.value:
        return Cost(free=place.cost.free or "not counted here: its work depends on the program")
    return None if _is_repeated(place) else Cost(macs=place.cost.macs)


def _is_repeated(place: Place) -> bool:
    """Whether it is in a loop: XLA counts its body once, unless the program lays the loop open."""
    return id(place.node) in place.of_model(_repeated)


def _repeated(model: Model) -> frozenset[int]:
    return frozenset(map(id, _in_loops(model.nodes or (), False)))


def _in_loops(nodes: Iterable[Node], inside: bool) -> Iterator[Node]:
    from analyzer.ops.control import Repeat

    for node in nodes:
        if inside:
            yield node
        match node.operation:
            case Repeat(times=times, exact=exact):
                is_loop = inside or times != 1 or not exact
            case _:
                is_loop = inside
        for body in node.operation.bodies():
            yield from _in_loops(body, is_loop)


def _convolution(place: Place) -> Cost | None:
    """Leave out the taps that fall on padding, or (transposed) beyond the edges of the result."""
    from analyzer.ops.base import Cost

    if _is_repeated(place):
        return None
    operation: Any = place.operation
    taps = _taps(operation)
    every = operation.in_spatial if operation.transposed else operation.out_spatial
    if prod(taps) == prod(every) * prod(operation.kernel):
        return Cost(macs=place.cost.macs)
    own = prod(every) * prod(operation.kernel)
    channels = Factor("filters and channels", place.cost.macs.value // (operation.batch * own))
    axes = _NAMES[-len(taps) :] if len(taps) <= len(_NAMES) else tuple(map(str, range(len(taps))))
    factors = (Factor(f"taps along {axis}", count) for axis, count in zip(axes, taps, strict=True))
    macs = product(product(batch=operation.batch), channels, *factors)
    return Cost(macs=macs, because="taps on padding are left out")


def _taps(operation: Convolution) -> tuple[int, ...]:
    """Return how many taps of all windows fall on elements, along each axis."""
    from analyzer.ops.pooling import taps_below

    found = []
    for axis, (before, _) in enumerate(operation.padding):
        windows, size = operation.out_spatial[axis], operation.in_spatial[axis]
        if operation.transposed:
            windows, size = size, windows
        sizes = (operation.kernel[axis], windows, operation.stride[axis], operation.dilation[axis])
        found.append(taps_below(before + size, *sizes) - taps_below(before, *sizes))
    return tuple(found)


def _recurrent(place: Place) -> None:
    """Nobody can say: XLA counts the body of a loop once, and what stands in it is up to Keras."""


@cache
def _rules() -> Rules:
    from analyzer import ops

    return {ops.Convolution: _convolution, ops.Recurrent: _recurrent}


XLA = Convention(
    name="xla",
    version=1,
    word="flops",
    checked="XLA of jaxlib 0.10",
    description=(
        "the flops of convolutions and products of matrices in XLA's cost analysis: 2 a MAC, taps "
        "on padding left out; no recurrent layers"
    ),
    rules=_rules,
    otherwise=_contraction,
    frameworks=("Keras", "TensorFlow"),
    remark=(
        "counts elementwise work too, as a program spells it; these are its convolutions and "
        "products of matrices alone"
    ),
)
