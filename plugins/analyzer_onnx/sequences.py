"""Sequences of tensors: where their length is known, each element is followed as a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from analyzer_onnx.nodes import OnnxNode
from analyzer_onnx.values import Scope, Value

if TYPE_CHECKING:
    from analyzer_onnx.walk import Walk

__all__ = ["SEQUENCES"]

Inputs = Sequence[Value | None]
Handler = Callable[["Walk", OnnxNode, Inputs, Scope], None]

_MOST_PARTS = 4096


def _split(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    """Write ``SplitToSequence`` as the ``Split`` and the ``Squeeze`` that it is."""
    given = node.given
    value = inputs[0]
    if value is None or not value.shape:
        _unknown(walk, node, inputs, scope)
        return
    axis = given.get("axis", 0) % len(value.shape)
    sizes = _sizes(inputs[1] if len(inputs) > 1 else None, value.shape[axis], len(inputs) > 1)
    if sizes is None:
        _unknown(walk, node, inputs, scope)
        return
    name = node.output[0]
    parts = [f"{name}/{at}" for at in range(len(sizes))]
    made = _run(walk, node, "Split", [value], parts, {"axis": axis}, ("split", sizes))
    if len(inputs) < 2 and not given.get("keepdims", 1):
        made = [
            _run(walk, node, "Squeeze", [part], [part.name], {}, ("axes", [axis]))[0]
            for part in made
        ]
    scope[name] = _sequence(name, made)


def _alike_items(sequence: Value | None) -> Value | None:
    """Return a tensor that any of a sequence is like, None where they differ."""
    if sequence is None or sequence.items is None:
        return None if sequence is None else sequence.each
    shapes = {(item.shape, item.dtype) for item in sequence.items}
    return sequence.items[0] if len(shapes) == 1 and sequence.items[0].shape is not None else None


def _sizes(split: Value | None, size: int, given: bool) -> list[int] | None:
    """Return the sizes of the parts; None where nobody knows them, or they are too many to list."""
    if not given:
        return [1] * size if size <= _MOST_PARTS else None
    if split is None or not split.known or split.data is None:
        return None
    if split.data.ndim:
        return [int(number) for number in split.data]
    each = int(split.data)
    if each <= 0 or size > each * _MOST_PARTS:
        return None
    return [min(each, size - start) for start in range(0, size, each)]


def _run(
    walk: Walk,
    node: OnnxNode,
    op_type: str,
    values: list[Value],
    outputs: list[str],
    attributes: dict[str, Any],
    numbers: tuple[str, list[int]] | None = None,
) -> list[Value]:
    """Execute a standard operator in the place of a node.

    ``numbers`` are an attribute before operator set 13 and an input from then on.
    """
    import numpy as np
    from onnx import helper

    values, attributes = list(values), dict(attributes)
    if numbers is not None:
        name, given = numbers
        if walk.opsets.get("", 0) >= 13:
            known = Value(name, (len(given),), "int64", 0, constant=True)
            known.data = np.asarray(given, np.int64)
            values.append(known)
        else:
            attributes[name] = given
    plain = helper.make_node(
        op_type, [value.name for value in values], outputs, node.name, **attributes
    )
    plain.metadata_props.extend(node.proto.metadata_props)
    return walk.execute(OnnxNode(plain), values)


def _sequence(name: str, items: Sequence[Value]) -> Value:
    return Value(name, None, "", 0, items=tuple(items))


def _unknown(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    for name, value in zip(node.output, walk.execute(node, inputs), strict=True):
        scope[name] = value


def _construct(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    scope[node.output[0]] = _sequence(node.output[0], [item for item in inputs if item is not None])


def _at(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    """Take one tensor out; where it is not known which one, any will do if all are alike."""
    sequence = inputs[0]
    at = _place(sequence, inputs[1])
    if at is not None and sequence is not None and sequence.items is not None:
        scope[node.output[0]] = sequence.items[at]
        return
    like = _alike_items(sequence)
    if like is None:
        _unknown(walk, node, inputs, scope)
        return
    name = node.output[0]
    scope[name] = Value(name, like.shape, like.dtype, walk.new_storage(), bound=like.bound)


def _place(sequence: Value | None, index: Value | None, *, end: int = 0) -> int | None:
    """Return where in a sequence an index points; ``end`` is 1 where behind the last is a place."""
    if sequence is None or sequence.items is None or index is None or index.data is None:
        return None
    at, length = int(index.data.reshape(-1)[0]), len(sequence.items)
    if not -length <= at < length + end:
        return None
    return at % length if at < 0 else at


def _erase(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    sequence = inputs[0]
    if sequence is None or not sequence.items:
        _unknown(walk, node, inputs, scope)
        return
    at = _place(sequence, inputs[1]) if len(inputs) > 1 and inputs[1] is not None else None
    if at is None:
        at = len(sequence.items) - 1
        if len(inputs) > 1 and inputs[1] is not None and _alike_items(sequence) is None:
            _unknown(walk, node, inputs, scope)
            return
    items = (*sequence.items[:at], *sequence.items[at + 1 :])
    scope[node.output[0]] = _sequence(node.output[0], items)


def _insert(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    sequence, item = inputs[:2]
    index = inputs[2] if len(inputs) > 2 else None
    if sequence is None or sequence.items is None or item is None:
        _unknown(walk, node, inputs, scope)
        return
    items = list(sequence.items)
    at = len(items) if index is None else _place(sequence, index, end=1)
    if at is None:
        alike = all((one.shape, one.dtype) == (item.shape, item.dtype) for one in items)
        if index is None or index.known or not alike:
            _unknown(walk, node, inputs, scope)
            return
        at = len(items)
    items.insert(at, item)
    scope[node.output[0]] = _sequence(node.output[0], items)


def _length(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    import numpy as np

    sequence = inputs[0]
    if sequence is None or sequence.items is None:
        _unknown(walk, node, inputs, scope)
        return
    length = Value(node.output[0], (), "int64", walk.new_storage(), constant=True)
    length.data = np.asarray(len(sequence.items), np.int64)
    scope[node.output[0]] = length


def _concat(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    """Write ``ConcatFromSequence`` as the ``Unsqueeze`` and the ``Concat`` that it is."""
    given, sequence = node.given, inputs[0]
    if sequence is None or not sequence.items:
        _unknown(walk, node, inputs, scope)
        return
    items, axis = list(sequence.items), given["axis"]
    if given.get("new_axis", 0):
        items = [
            _run(walk, node, "Unsqueeze", [item], [item.name], {}, ("axes", [axis]))[0]
            for item in items
        ]
    scope[node.output[0]] = _run(walk, node, "Concat", items, [node.output[0]], {"axis": axis})[0]


def _optional(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    name = node.output[0]
    value = inputs[0] if inputs else None
    scope[name] = Value(name, None, "", 0, present=False) if value is None else value


def _has_element(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    import numpy as np

    value = inputs[0] if inputs else None
    present = False if value is None else value.present
    if present is None:
        _unknown(walk, node, inputs, scope)
        return
    known = Value(node.output[0], (), "bool", walk.new_storage(), constant=True)
    known.data = np.asarray(present)
    scope[node.output[0]] = known


def _element(walk: Walk, node: OnnxNode, inputs: Inputs, scope: Scope) -> None:
    """Take an optional value for what it holds: where it is empty, this does not run."""
    value = inputs[0]
    if value is None:
        _unknown(walk, node, inputs, scope)
        return
    made = copy(value)
    made.present = True
    scope[node.output[0]] = made


SEQUENCES: dict[str, Handler] = {
    "ConcatFromSequence": _concat,
    "Optional": _optional,
    "OptionalGetElement": _element,
    "OptionalHasElement": _has_element,
    "SequenceAt": _at,
    "SequenceConstruct": _construct,
    "SequenceEmpty": _construct,
    "SequenceErase": _erase,
    "SequenceInsert": _insert,
    "SequenceLength": _length,
    "SplitToSequence": _split,
}
"""Operators on sequences and optional values, to the functions that follow them."""
