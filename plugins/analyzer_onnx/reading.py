"""From a parsed ONNX model to the common representation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer import Mode, Model, ModelBuilder, Request, no_collection
from analyzer_onnx.emit import emit
from analyzer_onnx.external import notes_on
from analyzer_onnx.reader import require_model
from analyzer_onnx.scopes import keeps_order
from analyzer_onnx.signature import concrete_inputs, declared_inputs, named_sizes, takes_batch
from analyzer_onnx.values import Scope, Value
from analyzer_onnx.walk import Walk

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["read"]

_OLDEST = 7  # operator set since which operators stretch their operands as numpy does


def read(proto: ModelProto, request: Request) -> Model:
    """Return the representation of a model.

    Raises:
        InputError: an input does not fit, or a dimension is open that nothing tells.
        ModelError: the graph is damaged.
    """
    require_model(proto, repr(request.source))
    with no_collection():
        return _read(proto, request)


def _read(proto: ModelProto, request: Request) -> Model:
    builder = ModelBuilder(
        name=request.name or proto.graph.name,
        framework="ONNX",
        framework_version=_version(proto),
        source=request.source,
    )
    walk = Walk(proto, builder.storage)
    scope = Scope()
    inputs = []
    signature = declared_inputs(proto.graph)
    concrete = concrete_inputs(signature, request)
    for declared, shape, data in concrete:
        value = Value(declared.name, shape, declared.dtype, builder.storage(), _data=data)
        scope[declared.name] = value
        inputs.append(value)
    outputs = walk.graph(proto.graph, scope)
    ordered = keeps_order(proto)
    emit(builder, walk.steps, walk.weights.stored.values(), outputs, ordered=ordered)
    notes = notes_on(walk.weights.files.sizes, Path(request.source))
    for note in (*walk.notes, *notes, *_notes(proto, request)):
        builder.note(note)
    return builder.build(
        inputs=[tensor for value in inputs if (tensor := value.tensor()) is not None],
        outputs=[tensor for value in outputs if (tensor := value.tensor()) is not None],
        dims=named_sizes(signature, [shape for _, shape, _ in concrete], request),
    )


def _notes(proto: ModelProto, request: Request) -> Iterator[str]:
    """Tell what of the file, and of the request, has no or another effect than one might think."""
    import onnx

    opset = {one.domain: one.version for one in proto.opset_import}.get("", _OLDEST)
    newest = onnx.defs.onnx_opset_version()
    if opset > newest:
        yield (
            f"the file uses operator set {opset}, and the onnx {onnx.__version__} that is "
            f"installed knows them up to {newest}: operators are read as they are there"
        )
    if opset < _OLDEST:
        yield (
            f"the file uses operator set {opset}; of those before {_OLDEST} only operators that "
            "still mean the same are counted: export the model again with a newer one"
        )
    if (
        request.batch_size > 1
        and not request.inputs
        and not takes_batch(declared_inputs(proto.graph))
    ):
        yield (
            f"the batch size {request.batch_size} has no effect: the file leaves no dimension of "
            "an input open for it"
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
