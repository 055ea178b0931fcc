"""Strides, dilations and paddings of sliding windows, ``auto_pad`` made concrete."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.ops import same_padding
from analyzer_onnx.call import Call

__all__ = ["Window", "places"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a window slides: everything for each spatial axis, padding as (before, after)."""

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @classmethod
    def of(
        cls,
        call: Call,
        *,
        kernel: tuple[int, ...],
        maps: tuple[tuple[int, ...], tuple[int, ...]] | None = None,
        transposed: bool = False,
    ) -> Window:
        """Read the window of a convolution or a pooling.

        ``maps`` are the spatial sizes before and after, which else follow the channels.
        """
        rank = len(kernel)
        stride = tuple(call.attribute("strides", [1] * rank))
        dilation = tuple(call.attribute("dilations", [1] * rank))
        automatic = call.attribute("auto_pad", "NOTSET")
        pads = call.attribute("pads", [0] * (2 * rank))
        if automatic in ("SAME_UPPER", "SAME_LOWER"):
            before, after = maps or (call.x.sizes[2:], call.y.sizes[2:])
            counts, sizes = (before, after) if transposed else (after, before)
            halves = [
                same_padding(*axis)
                for axis in zip(sizes, counts, kernel, stride, dilation, strict=True)
            ]
            upper = automatic == "SAME_UPPER"  # of an odd number the larger half comes after
            padding = tuple(pair if upper else pair[::-1] for pair in halves)
        else:
            padding = tuple(zip(pads[:rank], pads[rank:], strict=True))
        return cls(stride=stride, dilation=dilation, padding=padding)


def places(
    call: Call,
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    *,
    transposed: bool = False,
    pads: list[int] | None = None,
) -> tuple[int, ...]:
    """Return the spatial sizes of what a window that slides over some sizes gives.

    ``pads`` are those of an operator that takes them as an input.
    """
    rank = len(kernel)
    stride = call.attribute("strides", [1] * rank)
    dilation = call.attribute("dilations", [1] * rank)
    automatic = call.attribute("auto_pad", "NOTSET")
    if pads is None:
        pads = call.attribute("pads", [0] * (2 * rank))
    added = call.attribute("output_padding", [0] * rank)
    found = []
    for axis, size in enumerate(sizes):
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        padded = 0 if automatic == "VALID" else pads[axis] + pads[axis + rank]
        if automatic.startswith("SAME"):
            found.append(size * stride[axis] if transposed else -(-size // stride[axis]))
        elif transposed:
            found.append((size - 1) * stride[axis] + added[axis] + reach - padded)
        else:
            room = size + padded - reach
            up = bool(call.attribute("ceil_mode", 0))
            found.append((-(-room // stride[axis]) if up else room // stride[axis]) + 1)
    return tuple(found)
