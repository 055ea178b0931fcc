"""Arrays of tensors as TensorFlow 1 has them, which a loop reads and writes one by one.

What is known of an array goes with its ``flow``, the number that orders reads and writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from analyzer.ops import COPY, VIEW, Unknown, free
from analyzer_tensorflow.call import attribute_of
from analyzer_tensorflow.values import Value

if TYPE_CHECKING:
    from analyzer_tensorflow.walk import Walk

__all__ = ["ARRAYS"]


def _flow(walk: Walk, like: Value, each: Any, length: int | None) -> Value:
    from tensorflow import float32

    made = walk.value((), float32, maker="TensorArray")
    made.dtype = ""  # it is no tensor to the model
    made.each, made.length, made.base = each, length, like.base
    return made


def _make(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    size = walk.numbers(inputs[0])
    shape = attribute_of(node, "element_shape")
    known = shape is not None and not shape.unknown_rank
    sizes = tuple(dim.size for dim in shape.dim) if known else None
    if sizes is not None and min(sizes, default=0) < 0:
        sizes = None
    handle = walk.handle()
    length = None if size is None else int(size.reshape(-1)[0])
    return [handle, _flow(walk, handle, (sizes, node.attr["dtype"].type), length)]


def _write(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    _, _, item, flow = inputs
    made = _flow(walk, flow, (item.shape, node.attr["T"].type), flow.length)
    walk.add(free("element of a list", because=COPY), node, [item], [made])
    return [made]


def _scatter(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    _, _, whole, flow = inputs
    shape = None if whole.shape is None else whole.shape[1:]
    length = None if whole.shape is None else whole.shape[0]
    made = _flow(walk, flow, (shape, node.attr["T"].type), length)
    made.base = whole
    return [made]


def _read(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    flow = inputs[-1]
    shape = flow.each[0] if flow.each else None
    item = walk.value(shape, node.attr["dtype"].type, maker=node.op)
    source = [flow.origin] if flow.base is not None and flow.origin.dtype else []
    item.base = flow if source else None
    operation = free("element of a list", because=VIEW)
    walk.add(operation if shape is not None else _unknown(node), node, source, [item])
    return [item]


def _gather(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    _, places, flow = inputs
    shape = flow.each[0] if flow.each else None
    length = flow.length
    if length is None and places.shape is not None and places.settled:
        length = places.elements
    whole = None if shape is None or length is None else (length, *shape)
    made = walk.value(whole, node.attr["dtype"].type, maker=node.op)
    operation = free("stack", because=COPY) if whole is not None else _unknown(node)
    walk.add(operation, node, [], [made])
    return [made]


def _size(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    import numpy as np

    length = inputs[-1].length
    if length is None:
        return [walk.value((), 3, settled=True)]
    return [walk.constant(np.asarray(length, np.int32))]


def _unknown(node: Any) -> Unknown:
    return Unknown(name=f"tensorflow.{node.op}")


ARRAYS: dict[str, Callable[[Walk, Any, Sequence[Value]], Sequence[Value]]] = {
    "TensorArrayGatherV3": _gather,
    "TensorArrayReadV3": _read,
    "TensorArrayScatterV3": _scatter,
    "TensorArraySizeV3": _size,
    "TensorArrayV3": _make,
    "TensorArrayWriteV3": _write,
}
"""Types of nodes that make, read and write arrays, to the functions that read them."""
