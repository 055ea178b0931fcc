"""Nodes as the walk wants them: named in messages, arguments in place, one spelling a thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analyzer_onnx.dtypes import element_type
from analyzer_onnx.values import Value

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["as_cast", "bound", "named", "without"]


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
    """Put the arguments of a function's call where its body refers to them, however deep."""
    if not _refers(node):
        return node
    import onnx

    whole = onnx.NodeProto()
    whole.CopyFrom(node)
    del whole.attribute[:]
    for attribute in node.attribute:
        if attribute.ref_attr_name:
            if attribute.ref_attr_name in given:
                made = whole.attribute.add()
                made.CopyFrom(given[attribute.ref_attr_name])
                made.name = attribute.name
            continue
        made = whole.attribute.add()
        made.CopyFrom(attribute)
        for graph in (made.g, *made.graphs) if made.HasField("g") else made.graphs:
            inner = [bound(one, given) for one in graph.node]
            del graph.node[:]
            graph.node.extend(inner)
    return whole


def without(node: NodeProto, inputs: Sequence[Value | None]) -> NodeProto:
    """Leave out the names of operands that a function's caller has left out."""
    names = ["" if value is None else name for name, value in zip(node.input, inputs, strict=True)]
    if names == list(node.input):
        return node
    import onnx

    whole = onnx.NodeProto()
    whole.CopyFrom(node)
    whole.input[:] = names
    return whole


def _refers(node: NodeProto) -> bool:
    return any(
        attribute.ref_attr_name
        or (attribute.HasField("g") and any(map(_refers, attribute.g.node)))
        or any(_refers(one) for graph in attribute.graphs for one in graph.node)
        for attribute in node.attribute
    )
