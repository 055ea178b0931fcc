"""Shapes that TensorFlow cannot work out, because data decides them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from analyzer import Bound
from analyzer_tensorflow.call import attribute_of
from analyzer_tensorflow.values import Value

__all__ = ["LARGEST", "largest", "untold"]

Sizes = tuple[int | None, ...]
Numbers = Callable[[Value], Any]


def largest(
    node: Any, at: int, sizes: Sizes | None, inputs: Sequence[Value], numbers: Numbers
) -> tuple[tuple[int, ...] | None, Bound]:
    """Return the largest shape that an output can have, and what it is to the true one.

    Where nobody can say how large an axis may get, it counts as 1; where even the rank is open,
    there is no shape.
    """
    known = [value for value in inputs if value.shape is not None]
    if sizes is not None and len(known) == len(inputs) and node.op in SLICES:
        whole = SLICES[node.op](node, inputs)
        cut = (most if size is None else size for size, most in zip(sizes, whole, strict=True))
        return tuple(cut), Bound.UPPER
    most = LARGEST.get(node.op)
    if most is not None and len(known) == len(inputs):
        found = most(node, at, inputs, numbers)
        if found is not None:
            shape, bound = found
            return shape, bound
    told = attribute_of(node, "_output_shapes")
    if told is not None and at < len(told):
        proto = told[at]
        if not proto.unknown_rank:
            stored = tuple(dim.size if dim.size >= 0 else None for dim in proto.dim)
            if sizes is None:
                sizes = stored
            elif len(stored) == len(sizes):
                sizes = tuple(b if a is None else a for a, b in zip(sizes, stored, strict=True))
    if sizes is None:
        return None, Bound.NEITHER
    closed = tuple(1 if size is None else size for size in sizes)
    return closed, Bound.EXACT if closed == sizes else Bound.NEITHER


def untold(node: Any, op_def: Any) -> list[tuple[tuple[int, ...] | None, Any]]:
    """Return shapes and types of a node's outputs by what it says itself.

    Of an operation that nobody knows the attributes are all there is.
    """
    types = []
    for name in ("Tout", "output_types", "out_types", "T", "dtype", "DstT"):
        found = attribute_of(node, name)
        if found is not None:
            types = list(found) if isinstance(found, list) else [found]
            break
    shapes = attribute_of(node, "_output_shapes") or attribute_of(node, "output_shapes") or []
    count = max(len(types), len(shapes), 1)
    if op_def is not None and len(op_def.output_arg) > count:
        count = len(op_def.output_arg)
    types += [types[-1] if types else 1] * (count - len(types))
    made = []
    for at in range(count):
        shape = None
        if at < len(shapes) and not shapes[at].unknown_rank:
            sizes = [dim.size for dim in shapes[at].dim]
            shape = tuple(sizes) if min(sizes, default=0) >= 0 else None
        made.append((shape, types[at]))
    return made


Found = tuple[tuple[int, ...], Bound] | None


def _places(node: Any, at: int, inputs: Sequence[Value], numbers: Numbers) -> Found:
    """``Where``: at most all elements, one row of indices each."""
    shape = inputs[0].sizes
    return (prod(shape), len(shape)), Bound.UPPER


def _unique(node: Any, at: int, inputs: Sequence[Value], numbers: Numbers) -> Found:
    """At most all elements are different, or all slices along an axis."""
    shape = inputs[0].sizes
    axis = numbers(inputs[1]) if node.op.endswith("V2") else None
    if axis is None or not axis.size:
        return (inputs[0].elements,), Bound.UPPER
    return (shape if at == 0 else (shape[int(axis.reshape(-1)[0])],)), Bound.UPPER


def _difference(node: Any, at: int, inputs: Sequence[Value], numbers: Numbers) -> Found:
    return (inputs[0].elements,), Bound.UPPER


def _boxes(node: Any, at: int, inputs: Sequence[Value], numbers: Numbers) -> Found:
    """At most as many boxes as there are, or as are asked for."""
    boxes = inputs[0].sizes[0]
    asked = numbers(inputs[2]) if len(inputs) > 2 else None
    count = boxes if asked is None else min(boxes, int(asked))
    return ((count,), Bound.UPPER) if at < 2 else ((), Bound.EXACT)


def _partitions(node: Any, at: int, inputs: Sequence[Value], numbers: Numbers) -> Found:
    data, parts = inputs
    rest = data.sizes[len(parts.sizes) :]
    return (parts.elements, *rest), Bound.UPPER


def _groups(node: Any, at: int, inputs: Sequence[Value], numbers: Numbers) -> Found:
    """As many groups as their numbers tell, or as there are rows."""
    ids = inputs[-1]
    known = numbers(ids)
    rest = inputs[0].sizes[1:]
    if known is None:
        return (ids.elements, *rest), Bound.UPPER
    return (int(known.max(initial=-1)) + 1, *rest), Bound.EXACT


def _looked_up(node: Any, at: int, inputs: Sequence[Value], numbers: Numbers) -> Found:
    return inputs[1].sizes, Bound.EXACT


def _slice(node: Any, inputs: Sequence[Value]) -> Sequence[int]:
    return inputs[0].sizes


def _strided_slice(node: Any, inputs: Sequence[Value]) -> Sequence[int]:
    """Follow what each place of an index does to the axes: ``x[2, ..., None, :n]``."""
    shape = list(inputs[0].sizes)
    bits = {
        name: attribute_of(node, f"{name}_mask", 0)
        for name in ("ellipsis", "new_axis", "shrink_axis")
    }
    places = [
        next((name for name, mask in bits.items() if mask >> at & 1), "")
        for at in range(inputs[1].sizes[0])
    ]
    found: list[int] = []
    for at, place in enumerate(places):
        later = sum(other != "new_axis" for other in places[at + 1 :])
        taken = {"ellipsis": max(len(shape) - later, 0), "new_axis": 0}.get(place, 1)
        axes, shape = shape[:taken], shape[taken:]
        found += {"new_axis": [1], "shrink_axis": []}.get(place, axes)
    return found + shape


SLICES: dict[str, Callable[[Any, Sequence[Value]], Sequence[int]]] = {
    "Slice": _slice,
    "StridedSlice": _strided_slice,
}
"""Operations that cut a part out of an axis, to the sizes of the whole ones in their results."""

LARGEST: dict[str, Callable[[Any, int, Sequence[Value], Numbers], Found]] = {
    "DynamicPartition": _partitions,
    "ListDiff": _difference,
    "LookupTableFind": _looked_up,
    "LookupTableFindV2": _looked_up,
    "NonMaxSuppression": _boxes,
    "NonMaxSuppressionV2": _boxes,
    "NonMaxSuppressionV3": _boxes,
    "NonMaxSuppressionV4": _boxes,
    "NonMaxSuppressionV5": _boxes,
    "NonMaxSuppressionWithOverlaps": _boxes,
    "SegmentMax": _groups,
    "SegmentMean": _groups,
    "SegmentMin": _groups,
    "SegmentProd": _groups,
    "SegmentSum": _groups,
    "SparseSegmentMean": _groups,
    "SparseSegmentSqrtN": _groups,
    "SparseSegmentSum": _groups,
    "Unique": _unique,
    "UniqueV2": _unique,
    "UniqueWithCounts": _unique,
    "UniqueWithCountsV2": _unique,
    "Where": _places,
}
"""Operations whose results are as large as data make them, to the largest that can be."""
