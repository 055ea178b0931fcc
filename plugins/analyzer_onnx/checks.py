"""Whether a node can be what it says: its operands, results and attributes by its operator."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from analyzer import ModelError
from analyzer_onnx.nodes import named

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["require_fitting"]


class _Signature(NamedTuple):
    """What an operator takes and gives, at least and at most, and its attributes by type."""

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    attributes: dict[str, int]
    required: frozenset[str]


def require_fitting(node: NodeProto, opsets: dict[str, int]) -> None:
    """Hold a node to the definition of its operator, where there is one.

    So nobody else has to ask whether an operand is there, or a number no text.

    Raises:
        ModelError: a name is no text, or the node has not what the operator needs.
    """
    texts = (node.op_type, node.domain, node.name, *node.input, *node.output)
    given = {attribute.name: attribute.type for attribute in node.attribute}
    if not {*map(type, texts), *map(type, given)} <= {str}:
        raise ModelError(f"node {node.name!r}: a name in it is no text; the file is damaged")
    domain = "" if node.domain == "ai.onnx" else node.domain
    signature = _signature(node.op_type, domain, opsets.get(domain, 0))
    if signature is None:
        return
    for what, names, (least, most) in (
        ("inputs", node.input, signature.inputs),
        ("outputs", node.output, signature.outputs),
    ):
        if not least <= len(names) <= most:
            raise ModelError(
                f"{named(node)} has {len(names)} {what}, and its operator has {least} to {most}; "
                "the file is damaged, or says another operator set than it uses"
            )
    for name, kind in given.items():
        if kind and signature.attributes.get(name, kind) != kind:
            raise ModelError(
                f"{named(node)}: attribute {name!r} has another type than its operator gives it; "
                "the file is damaged"
            )
    missing = signature.required - given.keys()
    if missing:
        raise ModelError(
            f"{named(node)} has no attribute {', '.join(sorted(missing))}, which its operator "
            "needs; the file is damaged, or says another operator set than it uses"
        )


@cache
def _signature(op_type: str, domain: str, version: int) -> _Signature | None:
    from onnx import defs

    if not defs.has(op_type, domain=domain, max_inclusive_version=version):
        return None
    schema = defs.get_schema(op_type, max_inclusive_version=version, domain=domain)
    return _Signature(
        (schema.min_input, schema.max_input),
        (schema.min_output, schema.max_output),
        {name: int(attribute.type.value) for name, attribute in schema.attributes.items()},
        frozenset(name for name, attribute in schema.attributes.items() if attribute.required),
    )
