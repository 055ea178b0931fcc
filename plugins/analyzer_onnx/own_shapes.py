"""Shapes of operators on which ONNX's own rules give up, err, or overflow.

All sizes are Python's integers, so that none is too large.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from math import ceil, prod

from analyzer import Bound, ModelError
from analyzer_onnx import classical_shapes, contrib_shapes, plain_shapes
from analyzer_onnx.call import Call
from analyzer_onnx.dtypes import DTYPES
from analyzer_onnx.einsum import Labelled
from analyzer_onnx.inferred import NOTHING, Inferred, Shaper
from analyzer_onnx.nodes import named
from analyzer_onnx.values import Value

__all__ = ["AT_MOST", "SHAPES"]


def _same(call: Call) -> list[Inferred]:
    return [Inferred(call.x.sizes, call.x.dtype)]


def _dropout(call: Call) -> list[Inferred]:
    """Give the mask the shape of what it masks."""
    return [Inferred(call.x.sizes, call.x.dtype), Inferred(call.x.sizes, "bool")]


def _einsum(call: Call) -> list[Inferred]:
    """Read equations that ONNX's own rule refuses, such as those with spaces."""
    values = [call.input(index) for index in range(len(call.inputs))]
    labelled = Labelled.of(call.attribute("equation"), [value.sizes for value in values])
    return [Inferred(labelled.shape, values[0].dtype)]


def _reshape(call: Call) -> list[Inferred]:
    """Put -1 and 0 in; with one size that nobody knows, the number of elements tells it.

    Raises:
        ModelError: the elements do not fit.
    """
    x = call.x.sizes
    target = _partly(call.input(1)) if call.has(1) else call.attribute("shape")
    if target is None:
        return []
    sizes: list[int | None] = [
        x[at] if size == 0 and not call.attribute("allowzero", 0) else size
        for at, size in enumerate(target)
    ]
    open_sizes = [at for at, size in enumerate(sizes) if size in (None, -1)]
    rest = prod(size for size in sizes if size is not None and size != -1)
    bounded = call.x.bound | (call.input(1).numbers if call.has(1) else Bound.EXACT)
    fits = prod(x) == rest if not open_sizes else rest and prod(x) % rest == 0
    if (not fits and bounded) or len(open_sizes) > 1 or (not rest and open_sizes):
        return []
    if not fits:
        wanted = ["?" if size is None else size for size in target]
        raise ModelError(
            f"{named(call.node)}: {list(x)} does not fit into {wanted}; the file fixes a size that "
            "the inputs do not have: give them the sizes that it was exported with"
        )
    for at in open_sizes:
        sizes[at] = prod(x) // rest
    return [Inferred(tuple(size for size in sizes if size is not None), call.x.dtype)]


def _partly(value: Value) -> Sequence[int | None] | None:
    if value.known and value.data is not None:
        return [int(number) for number in value.data.reshape(-1)]
    return value.partial


def _flatten(call: Call) -> list[Inferred]:
    x, axis = call.x.sizes, call.attribute("axis", 1)
    axis = axis + len(x) if axis < 0 else axis
    return [Inferred((prod(x[:axis]), prod(x[axis:])), call.x.dtype)]


def _concat(call: Call) -> list[Inferred]:
    values = [call.input(index) for index in range(len(call.inputs))]
    first = values[0].sizes
    axis = call.attribute("axis", 1) % len(first)
    if any(len(value.sizes) != len(first) for value in values):
        return []
    joined = sum(value.sizes[axis] for value in values)
    return [Inferred((*first[:axis], joined, *first[axis + 1 :]), values[0].dtype)]


def _tile(call: Call) -> list[Inferred]:
    repeats = call.numbers(1)
    if repeats is None or len(repeats) != len(call.x.sizes):
        return []
    sizes = tuple(size * times for size, times in zip(call.x.sizes, repeats, strict=True))
    return [Inferred(sizes, call.x.dtype)]


def _expand(call: Call) -> list[Inferred]:
    target = call.numbers(1)
    if target is None:
        return []
    pairs = zip_longest(reversed(call.x.sizes), reversed(target), fillvalue=1)
    sizes = tuple(other if size == 1 else size for size, other in pairs)
    return [Inferred(sizes[::-1], call.x.dtype)]


def _constant_of_shape(call: Call) -> list[Inferred]:
    sizes = call.numbers(0)
    given = call.attribute("value")
    dtype = "float32" if given is None else DTYPES.get(given.data_type)
    return [NOTHING if sizes is None else Inferred(tuple(sizes), dtype)]


def _range(call: Call) -> list[Inferred]:
    """Count as runtimes do: ⌈(limit − start) / delta⌉, the difference in the operands' own type."""
    if not all(call.input(index).known for index in range(3)):
        return []
    arrays = [call.input(index).data for index in range(3)]
    start, limit, delta = (array.reshape(-1)[0] for array in arrays if array is not None)
    if not call.x.floating:
        steps = -((int(start) - int(limit)) // int(delta))
    else:
        steps = ceil(float(limit - start) / float(delta))
    return [Inferred((max(0, steps),), call.x.dtype)]


def _one_hot(call: Call) -> list[Inferred]:
    depth = call.numbers(1)
    if depth is None:
        return []
    indices = call.x.sizes
    axis = call.attribute("axis", -1) % (len(indices) + 1)
    return [Inferred((*indices[:axis], int(depth[0]), *indices[axis:]), call.input(2).dtype)]


def _window(call: Call) -> list[Inferred]:
    size = call.numbers(0)
    dtype = DTYPES.get(call.attribute("output_datatype", 1))
    return [Inferred(None if size is None else (int(size[0]),), dtype)]


def _fourier_in_frames(call: Call) -> list[Inferred]:
    """``(batch, samples, 1 or 2) → (batch, frames, bins, 2)``; of real samples half is enough."""
    batch, samples = call.x.sizes[:2]
    step, length = call.numbers(1), call.numbers(3)
    if length is None and call.has(2):
        length = [call.input(2).sizes[0]]
    if step is None or length is None:
        return []
    bins = length[0] // 2 + 1 if call.attribute("onesided", 1) else length[0]
    frames = (samples - length[0]) // step[0] + 1
    return [Inferred((batch, frames, bins, 2), call.x.dtype)]


def _affine_grid(call: Call) -> list[Inferred]:
    sizes = call.numbers(1)
    if sizes is None:
        return []
    return [Inferred((sizes[0], *sizes[2:], len(sizes) - 2), call.x.dtype)]


def _mel_weights(call: Call) -> list[Inferred]:
    bins, length = call.numbers(0), call.numbers(1)
    if bins is None or length is None:
        return []
    dtype = DTYPES.get(call.attribute("output_datatype", 1))
    return [Inferred((length[0] // 2 + 1, bins[0]), dtype)]


def _unpool(call: Call) -> list[Inferred]:
    given = call.numbers(2)
    return [NOTHING if given is None else Inferred(tuple(given), call.x.dtype)]


def _string_split(call: Call) -> list[Inferred]:
    """Say how many parts each text has; how many the longest has is nowhere to be read."""
    return [Inferred(None, "string"), Inferred(call.x.sizes, "int64")]


SHAPES: dict[str, Shaper] = {
    "AffineGrid": _affine_grid,
    "BlackmanWindow": _window,
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Dropout": _dropout,
    "Einsum": _einsum,
    "Expand": _expand,
    "Flatten": _flatten,
    "GroupNormalization": _same,
    "HammingWindow": _window,
    "HannWindow": _window,
    "MaxUnpool": _unpool,
    "MeanVarianceNormalization": _same,
    "MelWeightMatrix": _mel_weights,
    "OneHot": _one_hot,
    "Range": _range,
    "Reshape": _reshape,
    "STFT": _fourier_in_frames,
    "StringSplit": _string_split,
    "Tile": _tile,
    **classical_shapes.TABLE,
    **contrib_shapes.TABLE,
    **plain_shapes.TABLE,
}
"""Operators to what is asked before ONNX's own rule."""


def _at_most(shape: tuple[int, ...], dtype: str) -> Inferred:
    return Inferred(shape, dtype, Bound.UPPER)


def _non_zero(call: Call) -> list[Inferred]:
    """``x → (rank, found)``: at most every element is found."""
    return [_at_most((max(1, len(call.x.sizes)), call.x.elements), "int64")]


def _unique(call: Call) -> list[Inferred]:
    """At most all elements, or all slices, differ; how many there were is known."""
    x, axis = call.x.sizes, call.attribute("axis")
    slices = prod(x) if axis is None else x[axis]
    found = (slices,) if axis is None else x
    which = _at_most((slices,), "int64")
    return [_at_most(found, call.x.dtype), which, Inferred((slices,), "int64"), which]


def _compress(call: Call) -> list[Inferred]:
    """At most as many are kept as there are conditions; those that are known are counted."""
    x, axis = call.x.sizes, call.attribute("axis")
    size = prod(x) if axis is None else x[axis]
    conditions = call.numbers(1)
    if conditions is None:
        kept, bound = min(size, call.input(1).elements), Bound.UPPER
    else:
        kept, bound = sum(map(bool, conditions[:size])), Bound.EXACT
    shape = (kept,) if axis is None else (*x[:axis], kept, *x[axis % len(x) + 1 :])
    return [Inferred(shape, call.x.dtype, bound)]


def _non_maximum_suppression(call: Call) -> list[Inferred]:
    """``(batch, boxes, 4), (batch, classes, boxes) → (found, 3)``."""
    batch, classes, boxes = call.input(1).sizes
    limit = call.numbers(2) if call.has(2) else [0]
    kept = boxes if limit is None else min(boxes, max(0, int(limit[0])))
    return [_at_most((batch * classes * kept, 3), "int64")]


def _top(call: Call) -> list[Inferred]:
    """At most everything is at the top."""
    return [_at_most(call.x.sizes, call.x.dtype), _at_most(call.x.sizes, "int64")]


def _part(call: Call) -> list[Inferred]:
    """At most everything is kept; the first axis that is cut may be any where nobody says it."""
    return [_at_most(call.x.sizes, call.x.dtype)]


def _normalized_texts(call: Call) -> list[Inferred]:
    """At most every word is kept; of none at all, an empty one is."""
    return [_at_most((*call.x.sizes[:-1], max(1, call.x.sizes[-1])), "string")]


AT_MOST: dict[str, Shaper] = {
    "Compress": _compress,
    "NonMaxSuppression": _non_maximum_suppression,
    "NonZero": _non_zero,
    "Slice": _part,
    "StringNormalizer": _normalized_texts,
    "TopK": _top,
    "Unique": _unique,
}
"""Operators whose results have as many elements as the elements of others say, to the most."""
