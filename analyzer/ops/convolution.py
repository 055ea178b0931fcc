"""Convolutions of one to three (or more) spatial axes, and their transposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from analyzer.errors import ModelError
from analyzer.expression import ZERO, Expression, Factor, Formula, Quotient, Words, product
from analyzer.ops.base import (
    Cost,
    Operation,
    complex_macs,
    complex_sums,
    spatial_factors,
    window_lesson,
)

__all__ = ["Convolution"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution(Operation):
    """``(batch, in_channels, *in_spatial) → (batch, out_channels, *out_spatial)``.

    Taps that fall on padding are counted, as the frameworks' own counters do. ``padding`` is a
    pair (before, after) for each spatial axis. With ``complex_numbers`` each MAC is four of real
    numbers, and each addition two.

    Raises:
        ModelError: ``groups`` does not divide the channels.

    >>> Convolution(batch=1, in_channels=3, out_channels=32, groups=1, in_spatial=(32, 32),
    ...             out_spatial=(32, 32), kernel=(3, 3), stride=(1, 1), dilation=(1, 1),
    ...             padding=((1, 1), (1, 1)), bias=True).cost().macs.value
    884736
    """

    batch: int
    in_channels: int
    out_channels: int
    groups: int
    in_spatial: tuple[int, ...]
    out_spatial: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    bias: bool
    transposed: bool = False
    complex_numbers: bool = False

    lesson: ClassVar[str] = (
        "A filter is a small window with one weight for each of its places and each input channel "
        "that it sees. The same weights are used at every place of the map, so the parameters do "
        "not depend on the size of the image, while the work does."
    )
    roles: ClassVar[Mapping[str, str]] = {
        "kernel": "a weight for each place of the window and each input channel, for every filter",
        "bias": "one number a filter, added at every place of its map",
    }

    def __post_init__(self) -> None:
        for name in ("in_channels", "out_channels"):
            if self.groups < 1 or getattr(self, name) % self.groups:
                raise ModelError(
                    f"convolution: groups={self.groups} does not divide {name}="
                    f"{getattr(self, name)}; check the shape of its kernel"
                )

    def cost(self) -> Cost:
        if self.transposed:
            places = spatial_factors("input", self.in_spatial)
            filters = product(input_channels=self.in_channels, **self._per_group("filters"))
        else:
            places = spatial_factors("output", self.out_spatial)
            filters = product(filters=self.out_channels, **self._per_group("input channels"))
        batch = Factor("batch", self.batch)
        macs = product(batch, *places, filters, *spatial_factors("kernel", self.kernel))
        outputs: Expression = ZERO
        if self.bias:
            maps = spatial_factors("output", self.out_spatial)
            outputs = product(batch, *maps, Factor("filters", self.out_channels))
        return Cost(
            macs=complex_macs(macs, self.complex_numbers),
            bias=complex_sums(outputs, self.complex_numbers),
        )

    def parameter_counts(self) -> Mapping[str, Expression]:
        if self.transposed:
            filters = product(input_channels=self.in_channels, **self._per_group("filters"))
        else:
            filters = product(**self._per_group("input channels"), filters=self.out_channels)
        kernel = product(*spatial_factors("kernel", self.kernel), filters)
        bias = product(one_bias_a_filter=self.out_channels)
        return {"kernel": kernel, "bias": bias} if self.bias else {"kernel": kernel}

    def parameter_lesson(self) -> tuple[Words, ...]:
        if self.groups == 1:
            return ()
        name, channels = ("input channels", self.in_channels)
        if self.transposed:
            name, channels = ("filters", self.out_channels)
        each = Quotient(Factor(name, channels), Factor("groups", self.groups))
        return (
            Formula(expression=each, result=f"{name} per group"),
            "the channels are divided into groups, and a filter sees those of its own group only",
        )

    def shape_lesson(self) -> tuple[Words, ...]:
        sizes = window_lesson(self, transposed=self.transposed)
        return (*sizes, f"channels = filters = {self.out_channels}")

    @property
    def kind(self) -> str:
        return "TransposedConvolution" if self.transposed else "Convolution"

    def _per_group(self, what: str) -> dict[str, int]:
        channels = self.in_channels if what == "input channels" else self.out_channels
        name = what if self.groups == 1 else f"{what} per group"
        return {name: channels // self.groups}
