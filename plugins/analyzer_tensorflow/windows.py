"""Where a sliding window stands: sizes, strides, dilation, padding, from a node's attributes."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.ops import same_padding
from analyzer_tensorflow.call import Call

__all__ = ["Window", "spatial_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window over a map, ``padding`` as a pair (before, after) for each spatial axis."""

    in_spatial: tuple[int, ...]
    out_spatial: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @classmethod
    def of(
        cls,
        call: Call,
        kernel: tuple[int, ...],
        into: tuple[int, ...],
        out: tuple[int, ...],
        strides: list[int] | None = None,
    ) -> Window:
        """Read it; ``into`` and ``out`` are the spatial sizes of the finer and the coarser map."""
        rank = len(kernel)
        stride = _spatial(call, strides or call.attribute("strides", []), rank)
        dilation = _spatial(call, call.attribute("dilations", []), rank)
        explicit = call.attribute("explicit_paddings", []) or []
        how = call.attribute("padding", "VALID")
        padding: tuple[tuple[int, int], ...] = ((0, 0),) * rank
        if how == "EXPLICIT" and explicit:
            pairs = list(zip(explicit[::2], explicit[1::2], strict=True))
            padding = tuple(pairs[1:-1] if call.channels_last else pairs[2:])
        elif how == "SAME":
            padding = tuple(
                same_padding(*axis)
                for axis in zip(into, out, kernel, stride, dilation, strict=True)
            )
        return cls(
            in_spatial=into, out_spatial=out, stride=stride, dilation=dilation, padding=padding
        )


def _spatial(call: Call, sizes: list[int], rank: int) -> tuple[int, ...]:
    """Return those of an attribute's numbers that are for spatial axes; 1 where it is left out."""
    if not sizes:
        return (1,) * rank
    if len(sizes) == rank:
        return tuple(sizes)
    return tuple(sizes[1 : 1 + rank] if call.channels_last else sizes[2 : 2 + rank])


def spatial_of(call: Call, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the spatial sizes of a map."""
    return shape[1:-1] if call.channels_last else shape[2:]
