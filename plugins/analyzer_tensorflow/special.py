"""Nodes that are no operations: variables, constants, calls, and lists of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer import ModelError
from analyzer.dtypes import is_floating
from analyzer.ops import COPY, VIEW, Unknown, free
from analyzer_tensorflow.arrays import ARRAYS
from analyzer_tensorflow.call import attribute_of
from analyzer_tensorflow.control import CONTROL
from analyzer_tensorflow.nodes import dtype_name
from analyzer_tensorflow.values import Value

if TYPE_CHECKING:
    from analyzer_tensorflow.walk import Walk

__all__ = ["SPECIAL"]

Special = Callable[["Walk", Any, Sequence[Value]], Sequence[Value]]

_SMALL_NUMBERS = 64
_SMALL_INTEGERS = 65_536
"""Elements of a constant up to which it may be wanted as numbers: of a shape, of indices."""


def _constant(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    """Give a constant, which may turn out to be a weight; the elements of a large one stay away."""
    proto = node.attr["value"].tensor
    shape = _sizes(proto.tensor_shape)
    if shape is None:
        raise ModelError(f"constant {node.name!r} has no shape; the file is damaged")
    dtype = dtype_name(node.attr["dtype"].type)
    elements = prod(shape)
    most = _SMALL_NUMBERS if is_floating(dtype) else _SMALL_INTEGERS
    stored = None
    if walk.constants and elements and not _is_filled(proto, elements):
        stored = walk.keep("/".join((*walk.scope_of(node), node.name.split("/")[-1])), shape, dtype)
    if elements > most:
        return [
            walk.value(shape, node.attr["dtype"].type, maker="Const", settled=True, stored=stored)
        ]
    made = walk.make(node, ())
    return [Value(shape, dtype, made.outputs[0], maker="Const", settled=True, stored=stored)]


def _is_filled(proto: Any, elements: int) -> bool:
    """Say whether a constant is one number, repeated: no weights are."""
    given = [len(values) for field, values in proto.ListFields() if field.name.endswith("_val")]
    return elements > 1 and given == [1]


def _sizes(proto: Any) -> tuple[int, ...] | None:
    if proto.unknown_rank or any(dim.size < 0 for dim in proto.dim):
        return None
    return tuple(dim.size for dim in proto.dim)


def _handle(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    """Give the handle of a variable."""
    return [_variable(walk, node, handle=True)]


def _reference(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    """Give a variable as TensorFlow 1 has it: a tensor that can be assigned to."""
    return [_variable(walk, node, handle=False)]


def _variable(walk: Walk, node: Any, *, handle: bool) -> Value:
    shape = _sizes(node.attr["shape"].shape)
    if shape is None:
        raise ModelError(
            f"variable {node.name!r} has no fixed shape; such variables cannot be counted"
        )
    native = node.attr["dtype"].type
    known = walk.variables.get(node.name)
    name = known.name if known is not None else attribute_of(node, "shared_name") or node.name
    stored = walk.keep(name, shape, dtype_name(native), variable=node.name)
    if known is not None:
        stored.trainable = known.trainable
    if not handle:
        return walk.value(shape, native, maker=node.op, stored=stored)
    return walk.handle(stored)


def _read(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    """Read a variable: the result is the variable itself."""
    stored = inputs[0].stored
    native = node.attr["dtype"].type
    if stored is None:
        raise ModelError(f"node {node.name!r} reads something that is no variable")
    return [walk.value(stored.shape, native, maker=node.op, stored=stored)]


def _shape_of_variable(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    stored = inputs[0].stored
    rank = len(stored.shape) if stored is not None else 0
    return [walk.value((rank,), attribute_of(node, "out_type", 3), settled=True)]


def _gather_from(plain: str) -> Special:
    """Look up in a variable as in the tensor that it holds."""

    def special(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
        from tensorflow.core.framework import node_def_pb2

        stored = inputs[0].stored
        if stored is None:
            raise ModelError(f"node {node.name!r} reads something that is no variable")
        native = node.attr["dtype"].type
        table = walk.value(stored.shape, native, maker="ReadVariableOp", stored=stored)
        gather = node_def_pb2.NodeDef(op=plain, name=node.name)
        gather.attr["Tparams"].type = native
        gather.attr["Tindices"].CopyFrom(node.attr["Tindices"])
        return walk.plain(gather, [table, inputs[1]])

    return special


def _given(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    raise ModelError(
        f"placeholder {node.name!r} is an input that the signature does not name; give another "
        "signature, or save the model again"
    )


def _first(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    """Hand on what comes in."""
    return inputs


def _call(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    return walk.call(node.attr["f"].func.name, inputs, node)


# Lists of tensors, which a loop reads and writes one by one.


def _list(walk: Walk, each: tuple[Any, str], length: int | None) -> Value:
    from tensorflow import variant

    made = walk.value((), variant, maker="TensorList")
    made.each, made.length = each, length
    return made


def _reserve(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    shape = walk.numbers(inputs[0])
    length = walk.numbers(inputs[1]) if len(inputs) > 1 else None
    sizes = None if shape is None else tuple(int(size) for size in shape.reshape(-1))
    whole = sizes if sizes is not None and shape.ndim and min(sizes, default=0) >= 0 else None
    each = (whole, node.attr["element_dtype"].type)
    return [_list(walk, each, None if length is None else int(length))]


def _from_tensor(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    tensor = inputs[0]
    made = _list(walk, (tensor.sizes[1:], node.attr["element_dtype"].type), tensor.sizes[0])
    made.base, made.settled = tensor, tensor.settled
    return [made]


def _get_item(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    holder = inputs[0]
    shape = holder.each[0] if holder.each else None
    item = walk.value(shape, node.attr["element_dtype"].type, maker=node.op)
    if holder.settled:
        item.settled = True
        return [item]
    item.base = holder if holder.base is not None and holder.origin.dtype else None
    operation = free("element of a list", because=VIEW)
    source = [holder.origin] if item.base is not None else []
    walk.add(operation if shape is not None else _unknown(node), node, source, [item])
    return [item]


def _set_item(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    holder, item = inputs[0], inputs[2]
    made = _list(walk, (item.shape, node.attr["element_dtype"].type), holder.length)
    walk.add(free("element of a list", because=COPY), node, [item], [made])
    return [made]


def _push(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    holder, item = inputs
    length = None if holder.length is None else holder.length + 1
    made = _list(walk, (item.shape, node.attr["element_dtype"].type), length)
    walk.add(free("element of a list", because=COPY), node, [item], [made])
    return [made]


def _pop(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    (item,) = _get_item(walk, node, inputs)
    length = None if inputs[0].length is None else inputs[0].length - 1
    return [_list(walk, inputs[0].each or (None, ""), length), item]


def _stack(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    holder = inputs[0]
    shape = holder.each[0] if holder.each else None
    said = walk.numbers(inputs[1])
    if shape is None and said is not None and said.ndim and (said >= 0).all():
        shape = tuple(int(size) for size in said)
    length = holder.length
    if length is None and attribute_of(node, "num_elements", -1) >= 0:
        length = attribute_of(node, "num_elements")
    whole = None if shape is None or length is None else (length, *shape)
    made = walk.value(whole, node.attr["element_dtype"].type, maker=node.op)
    if holder.settled:
        made.settled = True
        return [made]
    operation = free("stack", because=COPY) if whole is not None else _unknown(node)
    walk.add(operation, node, [], [made])
    return [made]


def _length(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    return [walk.value((), 3, settled=True)]


def _unknown(node: Any) -> Unknown:
    return Unknown(name=f"tensorflow.{node.op}")


SPECIAL: dict[str, Special] = {
    **ARRAYS,
    **CONTROL,
    "Const": _constant,
    "EmptyTensorList": _reserve,
    "HostConst": _constant,
    "Identity": _first,
    "IdentityN": _first,
    "PartitionedCall": _call,
    "Placeholder": _given,
    "PlaceholderV2": _given,
    "PlaceholderWithDefault": _first,
    "ReadVariableOp": _read,
    "RefIdentity": _first,
    "ResourceGather": _gather_from("Gather"),
    "ResourceGatherNd": _gather_from("GatherNd"),
    "StatefulPartitionedCall": _call,
    "TPUPartitionedCall": _call,
    "TensorListFromTensor": _from_tensor,
    "TensorListGetItem": _get_item,
    "TensorListLength": _length,
    "TensorListPopBack": _pop,
    "TensorListPushBack": _push,
    "TensorListReserve": _reserve,
    "TensorListSetItem": _set_item,
    "TensorListStack": _stack,
    "VarHandleOp": _handle,
    "Variable": _reference,
    "VariableShape": _shape_of_variable,
    "VariableV2": _reference,
}
"""Types of nodes that are read here, to the functions that do it."""
