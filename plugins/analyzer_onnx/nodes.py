"""Nodes as the walk wants them: named in messages, arguments in place, one spelling a thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analyzer_onnx.dtypes import element_type
from analyzer_onnx.values import Value

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["as_cast", "bound", "named"]


def named(node: NodeProto) -> str:
    """Return what to call a node in a message."""
    return f"{node.op_type} node {node.name or ', '.join(node.output)!r}"


def as_cast(
    node: NodeProto, inputs: Sequence[Value | None]
) -> tuple[NodeProto, Sequence[Value | None]]:
    """Write a ``CastLike``, of whose second operand only the type is read, as the ``Cast``."""
    from onnx import helper

    value, like = inputs[:2]
    to = element_type(like.dtype) if like is not None else 0
    cast = helper.make_node("Cast", node.input[:1], node.output, name=node.name, to=to)
    cast.metadata_props.extend(node.metadata_props)
    return cast, [value]


def bound(node: NodeProto, given: dict[str, Any]) -> NodeProto:
    """Put the arguments of a function's call where its body refers to them."""
    if not any(attribute.ref_attr_name for attribute in node.attribute):
        return node
    import onnx

    whole = onnx.NodeProto()
    whole.CopyFrom(node)
    del whole.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            whole.attribute.append(attribute)
        elif attribute.ref_attr_name in given:
            made = whole.attribute.add()
            made.CopyFrom(given[attribute.ref_attr_name])
            made.name = attribute.name
    return whole
