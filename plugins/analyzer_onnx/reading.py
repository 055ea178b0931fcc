"""From a parsed ONNX model to the common representation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer import Mode, Model, ModelBuilder, Request
from analyzer_onnx.emit import emit
from analyzer_onnx.reader import require_model
from analyzer_onnx.signature import concrete_inputs, declared_inputs
from analyzer_onnx.values import Scope, Value
from analyzer_onnx.walk import Walk

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["read"]


def read(proto: ModelProto, request: Request) -> Model:
    """Return the representation of a model.

    Raises:
        InputError: an input does not fit, or a dimension is open that nothing tells.
        ModelError: the graph is damaged.
    """
    require_model(proto, repr(request.source))
    builder = ModelBuilder(
        name=request.name or proto.graph.name,
        framework="ONNX",
        framework_version=_version(proto),
        source=request.source,
    )
    walk = Walk(proto, builder.storage)
    scope = Scope()
    inputs = []
    for declared, shape, data in concrete_inputs(declared_inputs(proto.graph), request):
        value = Value(declared.name, shape, declared.dtype, builder.storage(), _data=data)
        scope[declared.name] = value
        inputs.append(value)
    outputs = walk.graph(proto.graph, scope)
    ordered = proto.producer_name != "tf2onnx"
    emit(builder, walk.steps, walk.weights.stored.values(), outputs, ordered=ordered)
    for note in (*walk.notes, *_notes(walk.weights.files, request)):
        builder.note(note)
    return builder.build(
        inputs=[tensor for value in inputs if (tensor := value.tensor()) is not None],
        outputs=[tensor for value in outputs if (tensor := value.tensor()) is not None],
    )


def _notes(files: Iterable[str], request: Request) -> Iterator[str]:
    """Tell what the user might take for a reason to doubt the numbers, and need not."""
    source = Path(request.source)
    absent = [name for name in files if source.is_file() and not (source.parent / name).exists()]
    if absent:
        yield (
            f"weights are kept in {', '.join(map(repr, absent))}, which is not there; "
            "their shapes are in the model's own file, and nothing else is needed"
        )
    if request.mode is Mode.TRAIN:
        yield "an ONNX file runs as it was exported; training mode changes nothing in it"


def _version(model: ModelProto) -> str:
    """Return the versions of the format that the file is written in.

    >>> from types import SimpleNamespace as It
    >>> _version(It(ir_version=8, opset_import=[It(domain="", version=17)]))  # type: ignore
    'opset 17, IR 8'
    """
    opsets = [
        f"{opset.domain} {opset.version}" if opset.domain else str(opset.version)
        for opset in sorted(model.opset_import, key=lambda opset: str(opset.domain))
    ]
    return f"opset {', '.join(opsets)}, IR {model.ir_version}"
