"""Models of the ``onnx_ir`` package, as ``ModelProto`` without their weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analyzer import ModelError
from analyzer_onnx.wire import is_large

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

__all__ = ["from_onnx_ir"]


def from_onnx_ir(model: Any) -> ModelProto:
    """Return an ``onnx_ir.Model`` as a message; the elements of large tensors are not asked for.

    They would be read or computed at that moment. The graph is copied first, the tensors are not.

    Raises:
        ModelError: ``onnx_ir`` cannot write the model.
    """
    from onnx_ir import serde

    try:
        copied = model.clone()
        for graph in (copied.graph, *copied.functions.values()):
            _lighten(graph)
            for inner in graph.subgraphs():
                _lighten(inner)
        return serde.serialize_model(copied)
    except (serde.SerdeError, AttributeError, NotImplementedError, TypeError, ValueError) as error:
        reasons = " ".join(" ".join(str(one) for one in _causes(error)).split())
        raise ModelError(
            f"the onnx_ir model {model.graph.name!r} cannot be written as ONNX: {reasons[:300]}"
        ) from error


def _lighten(graph: Any) -> None:
    """Put in place of every tensor of a graph one that is written as it is, without a copy."""
    import onnx_ir
    from onnx_ir.serde import TensorProtoTensor

    for value in getattr(graph, "initializers", {}).values():
        tensor = value if value.const_value is None else value.const_value
        value.const_value = TensorProtoTensor(_header(tensor, value.name))
    for node in graph:
        for name, attribute in list(node.attributes.items()):
            if attribute.is_ref():
                continue
            held = attribute.value
            if attribute.type == onnx_ir.AttributeType.TENSOR:
                held = TensorProtoTensor(_header(held, held.name))
            elif attribute.type == onnx_ir.AttributeType.TENSORS:
                held = [TensorProtoTensor(_header(one, one.name)) for one in held]
            else:
                continue
            node.attributes[name] = onnx_ir.Attr(name, attribute.type, held)


def _header(tensor: Any, name: str | None) -> TensorProto:
    """Return a tensor as a message, without its elements where they are many."""
    import onnx_ir
    from onnx import TensorProto
    from onnx_ir import serde

    external = isinstance(tensor, onnx_ir.ExternalTensor)
    bare = isinstance(tensor, onnx_ir.Value)  # an initializer of which only the shape is there
    if external or not (bare or is_large(tensor.dtype.value, tensor.nbytes)):
        header = serde.serialize_tensor(tensor)
    else:
        header = TensorProto(data_type=tensor.dtype.value, dims=tensor.shape.numpy())
    header.name = name or ""
    return header


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
