"""Nodes as the walk wants them: read once, arguments in place, one spelling a thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from analyzer import ModelError
from analyzer_onnx.dtypes import element_type
from analyzer_onnx.values import Value

if TYPE_CHECKING:
    from onnx import AttributeProto, NodeProto

__all__ = ["OnnxNode", "as_cast", "bound", "full_name", "named", "read_nodes", "without"]

_FIELDS = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings"}
"""Types of attributes to the fields that hold them; those from the sixth on are lists."""
_FIRST_LIST = 6


class OnnxNode:
    """A node as the file writes it. Every look into a message costs, so each thing is read once.

    Attributes:
        proto: the message.
        op_type: name of the operator.
        domain: whose operator it is; "" for ONNX's own, however that is written.
        full_name: both: the key of an operator.
        name: the node's own, "" if it has none.
        input: names of what is read, "" for an optional one that is left out.
        output: names of what is written, likewise.
        attributes: by name.

    Raises:
        ModelError: what is to be text is none; protobuf does not check it.
    """

    __slots__ = (
        "_given",
        "attributes",
        "domain",
        "full_name",
        "input",
        "name",
        "op_type",
        "output",
        "proto",
    )

    def __init__(self, proto: NodeProto) -> None:
        self.proto = proto
        self.op_type: str = proto.op_type
        self.domain: str = proto.domain
        self.name: str = proto.name
        self.input: Sequence[str] = proto.input[:]
        self.output: Sequence[str] = proto.output[:]
        self.attributes: dict[str, AttributeProto] = {
            attribute.name: attribute for attribute in proto.attribute[:]
        }
        self._given: dict[str, Any] | None = None
        try:
            "".join((self.op_type, self.domain, self.name))
            "".join((*self.input, *self.output, *self.attributes))
        except TypeError:
            raise ModelError(
                f"node {self.name!r}: a name in it is no text; the file is damaged"
            ) from None
        if self.domain == "ai.onnx":
            self.domain = ""
        self.full_name = f"{self.domain}::{self.op_type}" if self.domain else self.op_type

    @property
    def given(self) -> dict[str, Any]:
        """The attributes as Python values, texts as bytes; read when they are first asked for."""
        if self._given is None:
            self._given = {name: _value(item) for name, item in self.attributes.items()}
        return self._given

    @property
    def holds_graph(self) -> bool:
        """Whether an attribute is a graph."""
        return any(item.HasField("g") for item in self.attributes.values())


def read_nodes(protos: Iterable[NodeProto]) -> list[OnnxNode]:
    """Read all nodes of a graph."""
    return [OnnxNode(proto) for proto in protos]


def _value(attribute: AttributeProto) -> Any:
    """Return what an attribute holds, as ``onnx.helper`` does, which takes ten times as long."""
    kind = attribute.type
    if kind not in _FIELDS or attribute.ref_attr_name:
        from onnx import helper

        return helper.get_attribute_value(attribute)
    held = getattr(attribute, _FIELDS[kind])
    return held if kind < _FIRST_LIST else held[:]


def full_name(domain: str, op_type: str) -> str:
    """Return the key of an operator: with its domain, unless that is ONNX's own.

    >>> full_name("ai.onnx", "Conv"), full_name("com.microsoft", "FusedConv")
    ('Conv', 'com.microsoft::FusedConv')
    """
    return op_type if domain in ("", "ai.onnx") else f"{domain}::{op_type}"


def named(node: OnnxNode) -> str:
    """Return what to call a node in a message."""
    return f"{node.op_type} node {node.name or ', '.join(node.output)!r}"


def as_cast(
    node: OnnxNode, inputs: Sequence[Value | None]
) -> tuple[OnnxNode, Sequence[Value | None]]:
    """Write a ``CastLike``, of whose second operand only the type is read, as the ``Cast``."""
    from onnx import helper

    value, like = inputs[:2]
    to = element_type(like.dtype) if like is not None else 0
    cast = helper.make_node("Cast", node.input[:1], node.output, name=node.name, to=to)
    cast.metadata_props.extend(node.proto.metadata_props)
    return OnnxNode(cast), [value]


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


def without(node: OnnxNode, inputs: Sequence[Value | None]) -> OnnxNode:
    """Leave out the names of operands that a function's caller has left out."""
    names = ["" if value is None else name for name, value in zip(node.input, inputs, strict=True)]
    if names == node.input:
        return node
    import onnx

    whole = onnx.NodeProto()
    whole.CopyFrom(node.proto)
    whole.input[:] = names
    return OnnxNode(whole)


def _refers(node: NodeProto) -> bool:
    return any(
        attribute.ref_attr_name
        or (attribute.HasField("g") and any(map(_refers, attribute.g.node)))
        or any(_refers(one) for graph in attribute.graphs for one in graph.node)
        for attribute in node.attribute
    )
