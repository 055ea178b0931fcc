"""Where a sliding window of a convolution or a pooling stands: sizes, strides, padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analyzer.ops import same_padding
from analyzer_keras.calls import Call, channels_last

__all__ = ["Window", "pairs", "spatial_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window over a map, ``padding`` as a pair (before, after) for each spatial axis."""

    in_channels: int
    in_spatial: tuple[int, ...]
    out_spatial: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, call: Call, kernel: tuple[int, ...]) -> Window:
        """Read it from a call that has ``inputs``; ``padding="same"`` becomes numbers."""
        last, rank = channels_last(call), len(kernel)
        shape = tuple(call["inputs"].shape)
        into, out = spatial_of(shape, last=last), spatial_of(call.shape, last=last)
        stride = pairs(call.setting("strides", kernel), rank)
        dilation = pairs(call.setting("dilation_rate", 1), rank)
        padding = tuple(
            same_padding(*axis) if call.setting("padding") == "same" else (0, 0)
            for axis in zip(into, out, kernel, stride, dilation, strict=True)
        )
        return cls(
            in_channels=shape[-1] if last else shape[1],
            in_spatial=into,
            out_spatial=out,
            stride=stride,
            dilation=dilation,
            padding=padding,
        )


def pairs(value: Any, rank: int) -> tuple[int, ...]:
    """Return a size for each spatial axis, from one number or several.

    >>> pairs(2, 3)
    (2, 2, 2)
    """
    return (value,) * rank if isinstance(value, int) else tuple(map(int, value))


def spatial_of(shape: tuple[int, ...], *, last: bool) -> tuple[int, ...]:
    """Return the spatial sizes of a map with batch first and channels last, or second.

    >>> spatial_of((1, 5, 6, 3), last=True)
    (5, 6)
    """
    return tuple(shape[1:-1] if last else shape[2:])
