"""What an operation is, and what it costs.

An :class:`Operation` is a frozen record of one mathematical operation with every size that it
depends on. Its :meth:`Operation.cost` is the counting rule; record and rule stand side by side, so
a new operation is one class in one place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from analyzer.expression import ZERO, Expression, Factor, product, total

__all__ = [
    "Category",
    "Cost",
    "Operation",
    "spatial_axes",
    "spatial_factors",
    "transposed_window_lesson",
    "window_lesson",
]


class Category(StrEnum):
    """What a floating-point operation is part of. Every FLOP is in exactly one category."""

    CONTRACTION = "contraction"
    BIAS = "bias"
    ACTIVATION = "activation"
    NORMALIZATION = "normalization"
    SOFTMAX = "softmax"
    POOLING = "pooling"
    ELEMENTWISE = "elementwise"
    REDUCTION = "reduction"
    RESAMPLING = "resampling"


_WORK = tuple(category for category in Category if category is not Category.CONTRACTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an operation costs. FLOPs are derived: 2 a MAC, plus one expression a category.

    Attributes:
        macs: multiply-accumulate pairs of linear contractions.
        bias, activation, normalization, softmax, pooling, elementwise, reduction, resampling:
            scalar floating-point operations of that category.
        free: why it costs nothing, for an operation that does not; a cost is never zero by
            accident.
        flops_per_mac: 2, a multiplication and an addition; a convention may say otherwise.

    >>> cost = Cost(macs=product(rows=2, inputs=3, outputs=4), bias=product(rows=2, outputs=4))
    >>> cost.flops.value
    56
    """

    macs: Expression = ZERO
    bias: Expression = ZERO
    activation: Expression = ZERO
    normalization: Expression = ZERO
    softmax: Expression = ZERO
    pooling: Expression = ZERO
    elementwise: Expression = ZERO
    reduction: Expression = ZERO
    resampling: Expression = ZERO
    free: str = ""
    flops_per_mac: int = 2

    @property
    def by_category(self) -> Mapping[Category, Expression]:
        """FLOPs of each category that is not empty."""
        found: dict[Category, Expression] = {}
        if self.macs.value:
            found[Category.CONTRACTION] = product(
                Factor("operations a MAC", self.flops_per_mac), self.macs
            )
        for category in _WORK:
            work: Expression = getattr(self, category)
            if work.value:
                found[category] = work
        return found

    @property
    def flops(self) -> Expression:
        """All floating-point operations."""
        return total(self.by_category.values())


class Operation(ABC):
    """One mathematical operation with concrete sizes.

    Subclasses are frozen, slotted, keyword-only dataclasses of hashable fields.

    Attributes:
        lesson: a sentence or two on why it costs what it costs, for ``explain``.
        roles: for each role a parameter can have here, why there are that many.
    """

    __slots__ = ()
    lesson: ClassVar[str] = ""
    roles: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def cost(self) -> Cost | None:
        """Return what it costs, or None when that is not known."""

    def parameter_counts(self) -> Mapping[str, Expression]:
        """Return, for each role, how many parameters the operation needs, in named factors."""
        return {}

    def parts(self) -> tuple[Operation, ...]:
        """Return the smaller operations that this consists of, where each has its own tensors."""
        return ()

    def shape_lesson(self) -> tuple[str, ...]:
        """Say in lines how the sizes of the output follow from those of the input."""
        return ()

    @property
    def kind(self) -> str:
        """Name of the operation in reports."""
        return type(self).__name__


_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def spatial_axes(prefix: str, rank: int) -> tuple[str, ...]:
    """Name the spatial axes of a window or a map.

    >>> spatial_axes("kernel", 2)
    ('kernel height', 'kernel width')
    """
    axes = _AXES.get(rank) or tuple(f"axis {axis}" for axis in range(rank))
    return tuple(f"{prefix} {axis}" for axis in axes)


def spatial_factors(prefix: str, sizes: tuple[int, ...]) -> tuple[Expression, ...]:
    """Name the spatial sizes of a window or a map.

    >>> [factor.names() for factor in spatial_factors("kernel", (3, 3))]
    ['kernel height', 'kernel width']
    """
    axes = spatial_axes(prefix, len(sizes))
    return tuple(Factor(axis, size) for axis, size in zip(axes, sizes, strict=True))


def window_lesson(
    in_spatial: tuple[int, ...],
    out_spatial: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
) -> tuple[str, ...]:
    """Say how the size of a map follows from a sliding window, axis by axis.

    >>> window_lesson((32,), (32,), (3,), (1,), (1,), ((1, 1),))
    ('output length = ⌊(32 + 1 + 1 − 1·(3 − 1) − 1) / 1⌋ + 1 = 32',)
    """
    names = spatial_axes("output", len(kernel))
    lines = []
    for name, size, result, window, step, spread, (before, after) in zip(
        names, in_spatial, out_spatial, kernel, stride, dilation, padding, strict=True
    ):
        reach = size + before + after - spread * (window - 1) - 1
        sign = "⌊⌋" if reach // step + 1 == result else "⌈⌉"
        inner = f"({size} + {before} + {after} − {spread}·({window} − 1) − 1) / {step}"
        lines.append(f"{name} = {sign[0]}{inner}{sign[1]} + 1 = {result}")
    return tuple(lines)


def transposed_window_lesson(
    in_spatial: tuple[int, ...],
    out_spatial: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
) -> tuple[str, ...]:
    """Say how the size of a map follows from a window that spreads each element.

    What a framework adds at the end besides (its output padding) is the last number.

    >>> transposed_window_lesson((16,), (32,), (3,), (2,), (1,), ((1, 1),))
    ('output length = (16 − 1)·2 + 1·(3 − 1) + 1 − 1 − 1 + 1 = 32',)
    """
    lines = []
    for name, size, result, window, step, spread, (before, after) in zip(
        spatial_axes("output", len(kernel)),
        in_spatial,
        out_spatial,
        kernel,
        stride,
        dilation,
        padding,
        strict=True,
    ):
        added = result - ((size - 1) * step + spread * (window - 1) + 1 - before - after)
        more = f" {'+' if added > 0 else '−'} {abs(added)}" if added else ""
        spelled = f"({size} − 1)·{step} + {spread}·({window} − 1) + 1 − {before} − {after}{more}"
        lines.append(f"{name} = {spelled} = {result}")
    return tuple(lines)
