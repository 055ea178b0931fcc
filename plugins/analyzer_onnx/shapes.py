"""Shapes and types of an operator's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from analyzer_onnx import contrib_shapes
from analyzer_onnx.blocks import Blocks
from analyzer_onnx.call import Call
from analyzer_onnx.dtypes import element_type
from analyzer_onnx.inferred import NOTHING, Inferred, Shaper
from analyzer_onnx.own_shapes import AT_MOST, SHAPES
from analyzer_onnx.told import Told
from analyzer_onnx.values import Value

if TYPE_CHECKING:
    from onnx import TypeProto

    from analyzer_onnx.nodes import OnnxNode

__all__ = ["Shapes"]

_RULES: dict[str, Shaper] = {**SHAPES, **contrib_shapes.TABLE}
_DATA_FOR_INFERENCE = 1024
_MOST_REMEMBERED = 10_000
_LARGEST_REMEMBERED = 4096  # bytes of a node; those of a forest of decision trees are many more


class Shapes:
    """Finds shapes and types of outputs; what was asked once is remembered, for nets repeat.

    Attributes:
        blocks: what is known of maps whose channels are kept in blocks.
    """

    def __init__(self, ir_version: int) -> None:
        self.ir_version = ir_version
        self.blocks = Blocks()
        self._found: dict[Any, list[Inferred]] = {}

    def infer(self, call: Call, opsets: dict[str, int]) -> list[Inferred]:
        """Return shape and type of each output.

        Our own rule is asked first where there is one, then ONNX's with the known data, then one
        that says how many there are at most.

        Raises:
            ModelError: the inputs cannot be what the operator takes.
        """
        found = _ask(_RULES.get(call.op_type), call)
        if any(one.shape is None or one.dtype is None for one in found):
            found = _filled(found, self._by_onnx(call.node, call.inputs, opsets))
        if call.op_type in AT_MOST and any(one.shape is None for one in found):
            found = _filled(found, _ask(AT_MOST[call.op_type], call))
        return found

    def _by_onnx(
        self, node: OnnxNode, inputs: Sequence[Value | None], opsets: dict[str, int]
    ) -> list[Inferred]:
        version = opsets.get(node.domain, 0)
        schema = _schema(node.op_type, version, node.domain)
        if schema is None:
            return [NOTHING] * len(node.output)
        known = {
            at: value.data
            for at, value in enumerate(inputs)
            if value is not None
            and value.known
            and value.shape is not None
            and value.elements <= _DATA_FOR_INFERENCE
        }
        key = (
            node.full_name,
            version,
            *[attribute.SerializeToString() for attribute in node.attributes.values()],
            *[None if value is None else (value.dtype, value.shape) for value in inputs],
            *map(bool, node.output),
            *((at, data.tobytes()) for at, data in known.items() if data is not None),
        )
        found = self._found.get(key)
        if found is None:
            found = _inferred(schema, node, inputs, known, opsets, self.ir_version)
            if len(self._found) < _MOST_REMEMBERED and node.proto.ByteSize() <= _LARGEST_REMEMBERED:
                self._found[key] = found
        return found


def _ask(shaper: Shaper | None, call: Call) -> list[Inferred]:
    """Ask a rule that needs all shapes; one that cannot make sense of the node says nothing."""
    missing = [NOTHING] * len(call.node.output)
    if shaper is None:
        return missing
    for value in call.inputs:
        if value is not None and value.shape is None:
            return missing
    try:
        made = shaper(call)
    except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return missing
    if len(made) != len(missing):
        made = (made + missing[len(made) :])[: len(missing)]
    for one in made:
        if one.shape and min(one.shape) < 0:
            return missing
    return made


def _filled(found: list[Inferred], more: list[Inferred]) -> list[Inferred]:
    return [
        other if one.shape is None else one._replace(dtype=one.dtype or other.dtype)
        for one, other in zip(found, more, strict=True)
    ]


def _inferred(
    schema: Any,
    node: OnnxNode,
    inputs: Sequence[Value | None],
    known: dict[int, Any],
    opsets: dict[str, int],
    ir_version: int,
) -> list[Inferred]:
    from onnx import checker, numpy_helper, shape_inference

    pairs = list(zip(node.input, inputs, strict=True))
    try:
        found = shape_inference.infer_node_outputs(
            schema,
            node.proto,
            {name: _type(value.dtype, value.shape) for name, value in pairs if value is not None},
            input_data={
                pairs[at][0]: numpy_helper.from_array(data, pairs[at][0])
                for at, data in known.items()
            },
            opset_imports=_imports(tuple(opsets.items())),
            ir_version=ir_version,
        )
    except (checker.ValidationError, shape_inference.InferenceError, RuntimeError, ValueError):
        return [NOTHING] * len(node.output)
    return [_of_type(found[name]) if name in found else NOTHING for name in map(str, node.output)]


@lru_cache
def _schema(op_type: str, version: int, domain: str) -> Any:
    from onnx import defs

    if not defs.has(op_type, domain=domain, max_inclusive_version=version):
        return None
    return defs.get_schema(op_type, max_inclusive_version=version, domain=domain)


@lru_cache
def _type(dtype: str, shape: tuple[int, ...] | None) -> TypeProto:
    from onnx import helper

    return helper.make_tensor_type_proto(element_type(dtype), shape)


@lru_cache
def _imports(opsets: tuple[tuple[str, int], ...]) -> list[Any]:
    from onnx import helper

    return [helper.make_opsetid(domain, version) for domain, version in opsets]


def _of_type(type_proto: TypeProto) -> Inferred:
    if not type_proto.HasField("tensor_type"):
        return NOTHING
    told = Told.of(type_proto)
    return Inferred(told.shape, told.dtype)
