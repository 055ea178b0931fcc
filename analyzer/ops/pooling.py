"""Pooling over windows and over whole maps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import comb, gcd, prod
from typing import ClassVar

from analyzer.expression import Expression, Factor, Sum, Words, product
from analyzer.ops.base import Cost, Operation, spatial_factors, window_lesson
from analyzer.ops.reduction import Reduction

__all__ = ["AdaptivePooling", "PoolKind", "Pooling", "mean_over", "taps_below"]


class PoolKind(StrEnum):
    """What is taken from a window."""

    MAX = "max"
    AVERAGE = "average"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooling(Operation):
    """``(batch, channels, *in_spatial) → (batch, channels, *out_spatial)`` by sliding windows.

    A maximum of k is k − 1 comparisons, padding counted. An average divides the sum of the taps it
    averages over: with ``count_padding`` those on padding too.

    >>> Pooling(pool=PoolKind.MAX, batch=1, channels=1, in_spatial=(4, 4), out_spatial=(2, 2),
    ...         kernel=(2, 2), stride=(2, 2), dilation=(1, 1),
    ...         padding=((0, 0), (0, 0))).cost().pooling.numbers()
    '1·1·2·2·(2·2 − 1)'
    """

    pool: PoolKind
    batch: int
    channels: int
    in_spatial: tuple[int, ...]
    out_spatial: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    count_padding: bool = False

    lesson: ClassVar[str] = (
        "A window slides over each channel and keeps its largest element, or the average. There is "
        "nothing to learn: pooling has no parameters."
    )

    @property
    def kind(self) -> str:
        return f"{self.pool.capitalize()}Pooling"

    def cost(self) -> Cost:
        maps = product(batch=self.batch, channels=self.channels)
        if self.pool is PoolKind.MAX:
            window = Sum((product(*spatial_factors("window", self.kernel)), Factor("1", -1)))
            return Cost(pooling=product(maps, *spatial_factors("output", self.out_spatial), window))
        taps = tuple(self._taps(axis) for axis in range(len(self.kernel)))
        return Cost(pooling=product(maps, *spatial_factors("taps averaged along", taps)))

    def shape_lesson(self) -> tuple[Words, ...]:
        return window_lesson(self)

    def _taps(self, axis: int) -> int:
        """Taps that all windows along one axis average over, the ones on padding if they count."""
        before, after = self.padding[axis] if self.count_padding else (0, 0)
        low = self.padding[axis][0] - before
        high = low + before + self.in_spatial[axis] + after
        sizes = (self.kernel[axis], self.out_spatial[axis], self.stride[axis], self.dilation[axis])
        return taps_below(high, *sizes) - taps_below(low, *sizes)


def taps_below(end: int, taps: int, windows: int, stride: int, dilation: int) -> int:
    """Count the taps of all windows whose place, from the first one's, is less than ``end``.

    Tap k of window i is at i·stride + k·dilation, so that ⌈(end − k·dilation) / stride⌉ windows
    have theirs below, of those that there are. No size is looped over: it may be any number.

    >>> taps_below(5, taps=3, windows=4, stride=2, dilation=1)
    7
    """
    if not windows:
        return 0
    everywhere = min(max(-((windows * stride - stride - end) // dilation), 0), taps)
    somewhere = min(max(-(-end // dilation), everywhere), taps)
    fewest = end - (somewhere - 1) * dilation + stride - 1
    more = _sum_of_floors(somewhere - everywhere, stride, dilation, fewest)
    return windows * everywhere + more


def _sum_of_floors(terms: int, divisor: int, step: int, start: int) -> int:
    """Return Σ ⌊(start + i·step) / divisor⌋ over i < terms, in the way of Euclid's algorithm.

    >>> _sum_of_floors(4, 3, 5, 2) == sum((2 + i * 5) // 3 for i in range(4))
    True
    """
    found = 0
    while terms:
        found += comb(terms, 2) * (step // divisor) + terms * (start // divisor)
        step, start = step % divisor, start % divisor
        terms, rest = divmod(step * terms + start, divisor)
        start, divisor, step = rest, step, divisor
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptivePooling(Operation):
    """``(batch, channels, *in_spatial) → (batch, channels, *out_spatial)``, windows to fit.

    Window i of n over a length L reaches from ⌊i·L/n⌋ to ⌈(i+1)·L/n⌉; one window is the whole map
    (global pooling).

    >>> AdaptivePooling(pool=PoolKind.AVERAGE, batch=1, channels=8, in_spatial=(7, 7),
    ...                 out_spatial=(1, 1)).cost().pooling.value
    392
    """

    pool: PoolKind
    batch: int
    channels: int
    in_spatial: tuple[int, ...]
    out_spatial: tuple[int, ...]

    lesson: ClassVar[str] = (
        "Each channel is divided into as many windows as there are outputs, and of each the "
        "largest element is kept, or the average; with one output the window is the whole map. "
        "There is nothing to learn: pooling has no parameters."
    )

    @property
    def kind(self) -> str:
        reach = "Global" if prod(self.out_spatial) == 1 else "Adaptive"
        return f"{reach}{self.pool.capitalize()}Pooling"

    def cost(self) -> Cost:
        maps = product(batch=self.batch, channels=self.channels)
        # Windows share a place wherever one ends between two elements.
        taps = tuple(
            size + windows - gcd(size, windows)
            for size, windows in zip(self.in_spatial, self.out_spatial, strict=True)
        )
        taken: Expression = product(*spatial_factors("taps along", taps))
        if self.pool is PoolKind.MAX:
            taken = Sum((taken, Factor("outputs", -prod(self.out_spatial))))
        return Cost(pooling=product(maps, taken))


def mean_over(shape: tuple[int, ...], axes: tuple[int, ...]) -> Operation:
    """Return the mean over some axes: a global average pooling where that is what it is.

    A mean over all axes of a rank-4 or rank-5 tensor but the first and one other is pooling,
    whichever way the framework spells it.

    >>> mean_over((1, 64, 7, 7), (2, 3)).kind
    'GlobalAveragePooling'
    >>> mean_over((1, 64), (1,)).kind
    'mean'
    """
    reduced = {axis % len(shape) for axis in axes} if shape else set()
    kept = [axis for axis in range(len(shape)) if axis not in reduced]
    if len(shape) in (4, 5) and len(kept) == 2 and kept[0] == 0 and kept[1] in (1, len(shape) - 1):
        spatial = tuple(shape[axis] for axis in sorted(reduced))
        return AdaptivePooling(
            pool=PoolKind.AVERAGE,
            batch=shape[0],
            channels=shape[kept[1]],
            in_spatial=spatial,
            out_spatial=(1,) * len(spatial),
        )
    outputs = prod(shape[axis] for axis in kept)
    return Reduction(function="mean", in_elements=prod(shape), out_elements=outputs)
