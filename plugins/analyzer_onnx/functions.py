"""Functions: the model's own, and those that ONNX defines operators by. Both are walked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analyzer import ModelError
from analyzer_onnx.dtypes import element_type
from analyzer_onnx.nodes import OnnxNode, bound, named, read_nodes
from analyzer_onnx.scopes import function_label
from analyzer_onnx.told import told_of
from analyzer_onnx.values import Scope, Value

if TYPE_CHECKING:
    from onnx import FunctionProto, TypeProto

    from analyzer_onnx.walk import Walk

__all__ = ["DEEPEST", "Functions", "opsets_of", "readers_of", "run_function"]

DEEPEST = 64
"""How deep graphs and functions may be nested."""
_MOST_CALLED = 200_000
_SAME_NUMBERS = frozenset(
    {
        "Cast",
        "DequantizeLinear",
        "Flatten",
        "Identity",
        "QuantizeLinear",
        "Reshape",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)
"""Operators whose results are the numbers of their first operand, in other places or other bits."""


def opsets_of(imports: Iterable[Any]) -> dict[str, int]:
    """Return the version of each operator set."""
    return {"" if opset.domain == "ai.onnx" else opset.domain: opset.version for opset in imports}


class Functions:
    """Finds the function that a node calls, if it calls one."""

    def __init__(self, functions: Iterable[FunctionProto]) -> None:
        self._own = {
            ("" if one.domain == "ai.onnx" else one.domain, one.name, _overload(one)): one
            for one in functions
        }

    def own(self, node: OnnxNode) -> FunctionProto | None:
        """Return the model's own function of this name."""
        if not self._own:
            return None
        return self._own.get((node.domain, node.op_type, _overload(node.proto)))

    def defined(
        self, node: OnnxNode, inputs: Sequence[Value | None], opsets: Mapping[str, int]
    ) -> FunctionProto | None:
        """Return what ONNX defines an operator by, for those that nobody translates."""
        from onnx import FunctionProto, defs

        opset = opsets.get(node.domain, 0)
        if not defs.has(node.op_type, opset, node.domain):
            return None
        schema = defs.get_schema(node.op_type, opset, node.domain)
        fixed = [one for one in schema.function_opset_versions if one <= opset]
        if fixed:
            text = schema.get_function_with_opset_version(max(fixed))
        else:
            made = [one for one in schema.context_dependent_function_opset_versions if one <= opset]
            if not made:
                return None
            try:
                text = schema.get_context_dependent_function_with_opset_version(
                    max(made), node.proto.SerializeToString(), [_type_of(value) for value in inputs]
                )
            except (RuntimeError, ValueError):  # it needs a type that nobody knows
                return None
        return FunctionProto.FromString(text) if text else None


def _overload(named_thing: Any) -> str:
    return str(getattr(named_thing, "overload", ""))


def _type_of(value: Value | None) -> bytes:
    return bytes(_type(value).SerializeToString())


def _type(value: Value | None) -> TypeProto:
    from onnx import TypeProto, helper

    if value is None:
        return TypeProto()
    if value.is_sequence:
        return helper.make_sequence_type_proto(
            _type(value.each or next(iter(value.items or ()), None))
        )
    return helper.make_tensor_type_proto(element_type(value.dtype), value.shape)


def run_function(
    walk: Walk,
    function: FunctionProto,
    node: OnnxNode,
    inputs: Sequence[Value | None],
    outer: Scope,
    *,
    own: bool,
) -> None:
    """Walk the body of a function with the arguments of a call; the model's own is a layer.

    Raises:
        ModelError: it never ends, or is damaged.
    """
    if len(walk.place) >= DEEPEST:
        raise ModelError(f"{named(node)}: functions call each other without an end")
    walk.called += len(function.node)
    if walk.called > _MOST_CALLED:
        raise ModelError(
            f"{named(node)}: functions that call each other come to more than {_MOST_CALLED} "
            "nodes; the file is damaged, or made to be so"
        )
    scope = Scope() if own else Scope(outer)  # the body of a SequenceMap reads what is around
    for at, name in enumerate(function.input):
        value = inputs[at] if at < len(inputs) else None
        scope[name] = Value(name, None, "", 0, present=False) if value is None else value
    before = walk.opsets, walk.place, walk.layer, walk.types, walk.told, walk.readers
    path, types = walk.where(node)
    walk.layer = walk.layer if path is None else path
    walk.types = (*types, *("",) * len(walk.layer))[: len(walk.layer)]
    if own and (label := function_label(function, node)):
        walk.layer = (*walk.layer, walk.numbered(walk.layer, label, node))
        walk.types = (*walk.types, function.name)
    walk.opsets = walk.opsets | opsets_of(function.opset_import)
    walk.place = (*walk.place, function.name)
    walk.told = told_of(getattr(function, "value_info", ()))
    given = {attribute.name: attribute for attribute in function.attribute_proto}
    given |= node.attributes
    nodes = read_nodes([bound(inner, given) for inner in function.node])
    walk.readers = readers_of(nodes)
    for inner in nodes:
        walk.node(inner, scope)
    walk.opsets, walk.place, walk.layer, walk.types, walk.told, walk.readers = before
    for name, inside in zip(node.output, function.output, strict=False):
        if name:
            outer[name] = walk.need(scope, inside, named(node))


def readers_of(nodes: Sequence[OnnxNode]) -> dict[str, set[str]]:
    """Return the operators that read each tensor, itself or moved or written in another type."""
    readers: dict[str, set[str]] = {}
    for node in reversed(nodes):
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
        if node.op_type in _SAME_NUMBERS and node.input and node.output:
            readers[node.input[0]] |= readers.get(node.output[0], set())
    return readers
