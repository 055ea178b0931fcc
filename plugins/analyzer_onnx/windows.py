"""Strides, dilations and paddings of sliding windows, ``auto_pad`` made concrete."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer_onnx.call import Call

__all__ = ["Window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a window slides: everything for each spatial axis, padding as (before, after)."""

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, call: Call, *, kernel: tuple[int, ...], transposed: bool = False) -> Window:
        """Read the window of a convolution or a pooling."""
        rank = len(kernel)
        stride = tuple(call.attribute("strides", [1] * rank))
        dilation = tuple(call.attribute("dilations", [1] * rank))
        automatic = call.attribute("auto_pad", "NOTSET")
        pads = call.attribute("pads", [0] * (2 * rank))
        if automatic in ("SAME_UPPER", "SAME_LOWER"):
            maps = (call.x.sizes[2:], call.y.sizes[2:])
            places, sizes = maps if transposed else maps[::-1]
            padding = tuple(
                _same(place, size, (width - 1) * spread + 1, step, automatic == "SAME_UPPER")
                for place, size, width, step, spread in zip(
                    places, sizes, kernel, stride, dilation, strict=True
                )
            )
        else:
            padding = tuple(zip(pads[:rank], pads[rank:], strict=True))
        return cls(stride=stride, dilation=dilation, padding=padding)


def _same(places: int, size: int, reach: int, step: int, upper: bool) -> tuple[int, int]:
    """Pad so that the window has ``places``; of an odd number the larger half after (upper)."""
    whole = max(0, (places - 1) * step + reach - size)
    less, more = whole // 2, whole - whole // 2
    return (less, more) if upper else (more, less)
