"""What is known of a result without counting anything: shape arithmetic, and views of weights."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer import Bound
from analyzer_onnx.dtypes import DTYPES
from analyzer_onnx.evaluate import LARGEST_KNOWN, MOVES, evaluate, is_evaluable, largest_known
from analyzer_onnx.inferred import Inferred
from analyzer_onnx.values import Stored, Value, bound_of, merged, numbers_of

if TYPE_CHECKING:
    from analyzer_onnx.nodes import OnnxNode
    from analyzer_onnx.walk import Walk

__all__ = ["filled", "fold", "moved", "partly", "view"]

_VIEWS = frozenset(
    {
        "Cast",
        "Concat",
        "DequantizeLinear",
        "Expand",
        "Flatten",
        "Gather",
        "Identity",
        "Pad",
        "QuantizeLinear",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    }
)
"""Operators behind which a weight is a weight all the same."""

_NO_LARGER = frozenset(
    {
        "Cast",
        "Compress",
        "Flatten",
        "Identity",
        "NonZero",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "StringNormalizer",
        "StringSplit",
        "TopK",
        "Transpose",
        "Unique",
        "Unsqueeze",
    }
)
"""Operators whose results are about as small as their operands, whatever shape they have."""

_MONOTONE = frozenset(
    {
        "Add",
        "Cast",
        "Ceil",
        "Concat",
        "Flatten",
        "Floor",
        "Identity",
        "Max",
        "Min",
        "Mul",
        "ReduceMax",
        "ReduceProd",
        "ReduceSum",
        "Sum",
        "Transpose",
    }
)
"""Operators whose results grow with their operands: of bounds they make bounds of the same sort."""

_MONOTONE_IN_FIRST = frozenset(
    {
        "Div",
        "Expand",
        "Gather",
        "Pow",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Sub",
        "Tile",
        "Unsqueeze",
    }
)
"""The same of their first operand alone; the others have to be known."""

_HOLD_SIZES = frozenset(
    {"Cast", "Concat", "Gather", "Identity", "Mul", "Reshape", "Shape", "Slice", "Unsqueeze"}
)
"""Operators of whose results negative numbers are those that the file itself puts in."""


def fold(
    walk: Walk, node: OnnxNode, inputs: Sequence[Value | None], outputs: Sequence[Value]
) -> bool:
    """Evaluate shape arithmetic: small, and no arithmetic on stored floats."""
    given = [value for value in inputs if value is not None]
    if node.op_type in ("Shape", "Size"):
        if given[0].shape is None:
            return False
        try:
            data = [_shape_of(node, given[0].shape)]
        except OverflowError:  # a size that no integer of ONNX's can say
            return False
        sources: tuple[Stored, ...] = ()
        numbers = given[0].bound
    else:
        if not _is_foldable(node, given, outputs):
            return False
        after = _numbers_after(node, given)
        if after is None:
            return False
        numbers = after
        opset = walk.opsets.get("", 0)
        arrays = [None if value is None else value.data for value in inputs]
        found = evaluate(node, opset, arrays)
        if found is None or len(found) < len(outputs):
            return False
        data, sources = found, merged(moved(node, given))
    for output, array in zip(outputs, data, strict=False):
        output.data = array
        output.shape = tuple(array.shape)
        output.constant = True
        output.stored = sources
        output.view = all(value.view for value in given) and node.op_type in _VIEWS
        output.bound, output.numbers = Bound.EXACT, numbers
        output.storage = walk.new_storage()
        output.axes = _axes(node, given[0], output) if output.view else None
    return True


def _is_foldable(node: OnnxNode, given: Sequence[Value], outputs: Sequence[Value]) -> bool:
    kind = node.op_type
    if not given or not is_evaluable(kind) or not all(value.known for value in given):
        return False
    if kind not in MOVES and any(
        value.weight and value.floating and value.elements > 1 for value in given
    ):
        return False
    if kind not in _NO_LARGER and any(output.shape is None for output in outputs):
        return False
    if any(output.shape and output.elements > largest_known(output.dtype) for output in outputs):
        return False
    return not bound_of(given)


def _numbers_after(node: OnnxNode, given: Sequence[Value]) -> Bound | None:
    """Return what the results are to the true ones; None where even that cannot be said.

    A size is never negative, so that nobody has to know it to know that it is not -1, which
    exporters ask of every size before they expand a tensor.
    """
    kind, bound = node.op_type, numbers_of(given)
    if not bound:
        return bound
    if kind in _MONOTONE or (kind in _MONOTONE_IN_FIRST and not numbers_of(given[1:])):
        return bound
    if kind == "Where" and not given[0].numbers:
        return bound
    least = given[1].data if kind == "Equal" and not given[1].numbers else None
    if least is not None and (least < 0).all() and given[0].maker in _HOLD_SIZES:
        return Bound.EXACT
    return None


def filled(walk: Walk, node: OnnxNode, inputs: Sequence[Value | None]) -> Value | None:
    """Return what a ``ConstantOfShape`` gives for a shape that the file stores: a stored tensor.

    Whole models come without their weights, each written so. None where it is more than that.
    """
    shape, told = inputs[0], node.given.get("value")
    if shape is None or not shape.view or shape.floating or shape.data is None:
        return None
    sizes = tuple(shape.data.reshape(-1).tolist())
    dtype = "float32" if told is None else DTYPES.get(told.data_type)
    if dtype is None or min(sizes, default=0) < 0:
        return None
    output = walk.value(node.output[0], node, Inferred(sizes, dtype), (shape,))
    output.constant = True
    if output.elements <= largest_known(dtype):
        found = evaluate(node, walk.opsets.get("", 0), [shape.data])
        output.data = found[0] if found else None
    _generate(walk, output)
    return output


def view(walk: Walk, node: OnnxNode, given: Sequence[Value], outputs: Sequence[Value]) -> bool:
    """Follow weights through operators that only move, cast or unpack them."""
    if node.op_type == "ConstantOfShape" and given[0].view and outputs[0].shape is not None:
        _generate(walk, outputs[0])
        return True
    sources = moved(node, given)
    if node.op_type not in _VIEWS or not all(value.view for value in sources):
        return False
    if any(output.shape is None for output in outputs):
        return False
    base = given[0]
    for output in outputs:
        output.stored, output.view, output.constant = merged(sources), True, True
        output.axes = _axes(node, base, output)
        output.storage = base.storage
    return True


def moved(node: OnnxNode, given: Sequence[Value]) -> Sequence[Value]:
    """Return the operands that a result is made of; where it is a view, the others say how."""
    return given[:1] if node.op_type in _VIEWS and node.op_type != "Concat" else given


def _generate(walk: Walk, output: Value) -> None:
    """Let a tensor filled from a stored shape stand for a weight, if it is used as one."""
    held = walk.weights.hold(output.name, output.sizes, output.dtype, walk.place, generated=True)
    output.stored, output.axes, output.storage = held.stored, held.axes, held.storage
    output.view = output.constant = True


def partly(node: OnnxNode, inputs: Sequence[Value | None]) -> tuple[int | None, ...] | None:
    """Return those of a few integers that are known, where some are not: parts of a new shape."""
    if node.op_type in ("Cast", "Identity"):
        return None if inputs[0] is None else inputs[0].partial
    if node.op_type != "Concat":
        return None
    numbers: list[int | None] = []
    for value in inputs:
        if value is None or value.shape is None or len(value.shape) != 1 or value.floating:
            return None
        if value.elements > LARGEST_KNOWN or value.bound or value.numbers:
            return None
        if value.known and value.data is not None:
            numbers.extend(int(number) for number in value.data)
        else:
            numbers.extend(value.partial or [None] * value.elements)
    return tuple(numbers)


def _shape_of(node: OnnxNode, shape: tuple[int, ...]) -> Any:
    import numpy as np

    if node.op_type == "Size":
        return np.asarray(prod(shape), dtype=np.int64)
    ends = slice(node.given.get("start", 0), node.given.get("end"))
    return np.asarray(shape[ends], dtype=np.int64)


def _axes(node: OnnxNode, base: Value, output: Value) -> tuple[int | None, ...] | None:
    if base.axes is None or node.op_type in ("Cast", "DequantizeLinear", "Identity"):
        return base.axes
    if node.op_type == "Transpose":
        order = node.given.get("perm") or reversed(range(len(base.axes)))
        return tuple(base.axes[axis] for axis in order)
    kept = [axis for axis, size in zip(base.axes, base.sizes, strict=True) if size != 1]
    if [size for size in base.sizes if size != 1] != [size for size in output.sizes if size != 1]:
        return None
    if node.op_type not in ("Flatten", "Reshape", "Squeeze", "Unsqueeze"):
        return None
    return tuple(kept.pop(0) if size != 1 else None for size in output.sizes)
