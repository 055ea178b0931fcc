"""Shapes and types of an operator's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer_onnx.dtypes import DTYPES, element_type
from analyzer_onnx.einsum import Labelled
from analyzer_onnx.values import Value

if TYPE_CHECKING:
    from onnx import NodeProto, TypeProto

__all__ = ["Inferred", "infer", "static_shape"]

_DATA_FOR_INFERENCE = 1024


class Inferred(NamedTuple):
    """What is known of one output; either can be missing."""

    shape: tuple[int, ...] | None
    dtype: str | None


_NOTHING = Inferred(None, None)


def infer(
    node: NodeProto,
    inputs: Sequence[Value | None],
    opsets: dict[str, int],
    ir_version: int,
) -> list[Inferred]:
    """Return shape and type of each output: by ONNX's own rules with the known data, else ours."""
    found = _by_onnx(node, inputs, opsets, ir_version)
    own = _OWN.get(node.op_type)
    if (
        own is None
        or node.domain not in ("", "ai.onnx")
        or all(one.shape is not None for one in found)
    ):
        return found
    if any(value is None or value.shape is None for value in inputs[:1]):
        return found
    return [
        one if one.shape is not None else made
        for one, made in zip(found, own(node, inputs), strict=False)
    ]


def _by_onnx(
    node: NodeProto,
    inputs: Sequence[Value | None],
    opsets: dict[str, int],
    ir_version: int,
) -> list[Inferred]:
    from onnx import checker, numpy_helper, shape_inference

    domain = "" if node.domain == "ai.onnx" else node.domain
    schema = _schema(node.op_type, opsets.get(domain, 0), domain)
    if schema is None:
        return [_NOTHING] * len(node.output)
    types: dict[str, TypeProto] = {}
    known: dict[str, Any] = {}
    for name, value in zip(node.input, inputs, strict=True):
        if value is None:
            continue
        types[name] = _type(value.dtype, value.shape)
        if value.shape is not None and value.known and value.elements <= _DATA_FOR_INFERENCE:
            known[name] = numpy_helper.from_array(value.data, name)
    try:
        found = shape_inference.infer_node_outputs(
            schema,
            node,
            types,
            input_data=known,
            opset_imports=_imports(tuple(opsets.items())),
            ir_version=ir_version,
        )
    except (checker.ValidationError, shape_inference.InferenceError, RuntimeError, ValueError):
        return [_NOTHING] * len(node.output)
    return [_of_type(found[name]) if name in found else _NOTHING for name in map(str, node.output)]


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


def static_shape(type_proto: TypeProto) -> tuple[int, ...] | None:
    """Return the sizes in a type, None unless all are numbers."""
    tensor = type_proto.tensor_type
    if not tensor.HasField("shape"):
        return None
    sizes = tuple(
        dimension.dim_value if dimension.HasField("dim_value") else -1
        for dimension in tensor.shape.dim
    )
    return None if any(size < 0 for size in sizes) else sizes


def _dropout(node: NodeProto, inputs: Sequence[Value | None]) -> list[Inferred]:
    """Give the mask the shape of what it masks."""
    assert inputs[0] is not None
    return [Inferred(inputs[0].shape, inputs[0].dtype), Inferred(inputs[0].shape, "bool")]


def _einsum(node: NodeProto, inputs: Sequence[Value | None]) -> list[Inferred]:
    """Read equations that ONNX's own rule refuses, such as those with spaces."""
    values = [value for value in inputs if value is not None and value.shape is not None]
    if len(values) < len(inputs):
        return [_NOTHING]
    labelled = Labelled.of(node.attribute[0].s.decode(), [value.sizes for value in values])
    return [Inferred(labelled.shape, values[0].dtype)]


_OWN = {"Dropout": _dropout, "Einsum": _einsum}


def _of_type(type_proto: TypeProto) -> Inferred:
    if not type_proto.HasField("tensor_type"):
        return _NOTHING
    dtype = DTYPES.get(type_proto.tensor_type.elem_type)
    return Inferred(static_shape(type_proto), dtype)
