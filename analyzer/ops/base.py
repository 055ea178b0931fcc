"""What an operation is, and what it costs.

An :class:`Operation` is a frozen record of one mathematical operation with every size that it
depends on. Its :meth:`Operation.cost` is the counting rule; record and rule stand side by side, so
a new operation is one class in one place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from analyzer.expression import (
    ZERO,
    Expression,
    Factor,
    Formula,
    Quotient,
    Sum,
    Words,
    product,
    total,
)

if TYPE_CHECKING:
    from analyzer.ir import Node

__all__ = [
    "Category",
    "Cost",
    "Operation",
    "complex_macs",
    "complex_sums",
    "same_padding",
    "spatial_axes",
    "spatial_factors",
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
        because: why a convention counts it in its own way, where it is not zero.

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
    because: str = ""
    _by_category: dict[Category, Expression] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @property
    def by_category(self) -> Mapping[Category, Expression]:
        """FLOPs of each category that is not empty; found once, for nets repeat."""
        if self._by_category is None:
            object.__setattr__(self, "_by_category", self._categories())
        return self._by_category or {}

    def _categories(self) -> dict[Category, Expression]:
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

    @classmethod
    def of_all(cls, costs: Iterable[Cost]) -> Cost:
        """Add costs up: what several operations cost together.

        Raises:
            ValueError: a MAC is not the same number of FLOPs in all of them.

        >>> Cost.of_all([Cost(macs=product(a=2)), Cost(macs=product(b=3)), Cost(free="a view")])
        Cost(macs=<a + b = 2 + 3 = 5>)
        """
        every = list(costs)
        work: dict[str, Any] = {
            name: total(getattr(cost, name) for cost in every) for name in ("macs", *_WORK)
        }
        if any(expression.value for expression in work.values()):
            flops_per_mac = {cost.flops_per_mac for cost in every if cost.macs.value} or {2}
            if len(flops_per_mac) > 1:
                raise ValueError(f"a MAC cannot be {sorted(flops_per_mac)} FLOPs in one step")
            because = _each_once(cost.because for cost in every)
            return cls(**work, flops_per_mac=flops_per_mac.pop(), because=because)
        return cls(free=_each_once(cost.free for cost in every))

    def __repr__(self) -> str:
        given = {name: getattr(self, name) for name in ("macs", *_WORK, "free", "because")}
        return f"Cost({', '.join(f'{name}={it!r}' for name, it in given.items() if it)})"


def _each_once(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


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

    def bodies(self) -> tuple[tuple[Node, ...], ...]:
        """Return the rows of nodes that may run inside this, of a loop or a branch."""
        return ()

    def elements_read(self, stored: int) -> Expression | None:
        """Return how many elements of a tensor that stores so many are read, None for all."""
        return None

    def parameter_lesson(self) -> tuple[Words, ...]:
        """Say in lines how many parameters there are together, where that is worth a formula."""
        return ()

    def shape_lesson(self) -> tuple[Words, ...]:
        """Say in lines how the sizes of the output follow from those of the input."""
        return ()

    def work_lesson(self) -> tuple[Words, ...]:
        """Say in lines what is computed, where the name does not tell it."""
        return ()

    @property
    def kind(self) -> str:
        """Name of the operation in reports."""
        return type(self).__name__


def complex_macs(macs: Expression, complex_numbers: bool) -> Expression:
    """Return the MACs of real numbers: one of complex numbers is four of their parts.

    >>> complex_macs(product(rows=5), True).names()
    'real products a complex one × rows'
    """
    return product(Factor("real products a complex one", 4), macs) if complex_numbers else macs


def complex_sums(additions: Expression, complex_numbers: bool) -> Expression:
    """Return the additions of real numbers: one of complex numbers is two of their parts.

    >>> complex_sums(product(rows=5), True).value
    10
    """
    if not (complex_numbers and additions.value):
        return additions
    return product(Factor("real and imaginary part", 2), additions)


_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def same_padding(into: int, out: int, taps: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the padding before and after with which ``out`` windows fit; the odd one after.

    >>> same_padding(224, 112, 3, 2, 1)
    (0, 1)
    """
    total = max((out - 1) * stride + (taps - 1) * dilation + 1 - into, 0)
    return total // 2, total - total // 2


@cache
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
    return tuple([Factor(axis, size) for axis, size in zip(axes, sizes, strict=True)])


class _Windowed(Protocol):
    """An operation whose window slides over a map, or spreads over one."""

    @property
    def in_spatial(self) -> tuple[int, ...]: ...
    @property
    def out_spatial(self) -> tuple[int, ...]: ...
    @property
    def kernel(self) -> tuple[int, ...]: ...
    @property
    def stride(self) -> tuple[int, ...]: ...
    @property
    def dilation(self) -> tuple[int, ...]: ...
    @property
    def padding(self) -> tuple[tuple[int, int], ...]: ...


def window_lesson(windowed: _Windowed, *, transposed: bool = False) -> tuple[Formula, ...]:
    """Say how the size of a map follows from a sliding window, axis by axis.

    ``transposed`` is for a window that spreads each element; what a framework then adds at the end
    besides (its output padding) is the last number. What is zero is left out.

    >>> from types import SimpleNamespace as It
    >>> window = {"kernel": (3,), "dilation": (1,), "padding": ((1, 1),)}
    >>> slid = It(in_spatial=(32,), out_spatial=(32,), stride=(1,), **window)
    >>> window_lesson(slid)[0].expression.numbers()
    '⌊(32 + 1 + 1 − 1·(3 − 1) − 1) / 1⌋ + 1'
    >>> spread = It(in_spatial=(16,), out_spatial=(32,), stride=(2,), **window)
    >>> window_lesson(spread, transposed=True)[0].expression.numbers()
    '(16 − 1)·2 + 1·(3 − 1) + 1 − 1 − 1 + 1'
    """
    spell = _spread if transposed else _slid
    axes = zip(
        windowed.in_spatial,
        windowed.out_spatial,
        windowed.kernel,
        windowed.stride,
        windowed.dilation,
        windowed.padding,
        strict=True,
    )
    names = spatial_axes("", len(windowed.kernel))
    return tuple(
        Formula(expression=spell(name.strip(), *axis), result=f"output {name.strip()}")
        for name, axis in zip(names, axes, strict=True)
    )


def _slid(
    axis: str,
    size: int,
    result: int,
    window: int,
    step: int,
    dilation: int,
    padding: tuple[int, int],
) -> Expression:
    before, after = padding
    reach = total(
        (
            Factor(f"input {axis}", size),
            Factor("padding before", before),
            Factor("padding after", after),
            product(Factor("dilation", -dilation), _less_one(Factor(f"kernel {axis}", window))),
            Factor("1", -1),
        )
    )
    up = reach.value // step + 1 != result
    return total((Quotient(reach, Factor("stride", step), up=up), Factor("1", 1)))


def _spread(
    axis: str,
    size: int,
    result: int,
    window: int,
    step: int,
    dilation: int,
    padding: tuple[int, int],
) -> Expression:
    before, after = padding
    spread = total(
        (
            product(_less_one(Factor(f"input {axis}", size)), Factor("stride", step)),
            product(Factor("dilation", dilation), _less_one(Factor(f"kernel {axis}", window))),
            Factor("1", 1),
            Factor("padding before", -before),
            Factor("padding after", -after),
        )
    )
    return total((spread, Factor("output padding", result - spread.value)))


def _less_one(size: Factor) -> Expression:
    return Sum((size, Factor("1", -1)))
