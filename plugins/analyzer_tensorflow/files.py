"""Reads SavedModels and graph files by what they say; variables' values stay where they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analyzer import ModelError, UsageError
from analyzer_tensorflow.graphs import Graph, Place, Variable, frozen_graph, shape_of
from analyzer_tensorflow.nodes import Body

__all__ = ["load", "of_saved_model"]

_START = "__saved_model_init_op"
_MOST_LISTED = 8
_NOT_OF_A_MODEL = frozenset(
    {"_all_variables", "_optimizer", "keras_api", "optimizer", "signatures"}
)


def load(path: Path, arguments: Mapping[str, object]) -> Graph:
    """Return the graph in a file or in the folder of a SavedModel.

    Args:
        path: of the folder, of its ``saved_model.pb``, or of a frozen graph.
        arguments: ``signature`` of a SavedModel; ``outputs`` of a graph, separated by commas.

    Raises:
        UsageError: there is no such argument, or no such signature.
        ModelError: the file is damaged or no model of TensorFlow.
    """
    if path.is_dir():
        path = next(
            (
                file
                for name in ("saved_model.pb", "saved_model.pbtxt")
                if (file := path / name).exists()
            ),
            path / "saved_model.pb",
        )
    data = _bytes(path)
    saved = _saved_model(path, data)
    if saved is not None:
        _allow(arguments, ("signature",), "a SavedModel")
        name = arguments.get("signature")
        return of_saved_model(saved, None if name is None else str(name), repr(str(path)))
    _allow(arguments, ("outputs",), "a graph")
    outputs = [part for part in str(arguments.get("outputs", "")).split(",") if part]
    return frozen_graph(_graph_def(path, data), outputs=outputs, where=repr(str(path)))


def _allow(arguments: Mapping[str, object], known: tuple[str, ...], what: str) -> None:
    for name in arguments:
        if name not in known:
            raise UsageError(
                f"--arg {name}: {what} takes only {', '.join(f'{one}=…' for one in known)}"
            )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(
            f"{str(path.parent)!r} has no saved_model.pb; give the folder of a SavedModel"
        ) from None
    except OSError as error:
        raise ModelError(f"{str(path)!r} cannot be read: {error.strerror}") from error


def _saved_model(path: Path, data: bytes) -> Any:
    """Return the SavedModel in a file, None where it holds something else."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    named = path.name.startswith("saved_model.")
    proto = saved_model_pb2.SavedModel()
    try:
        if path.suffix == ".pbtxt":
            return _of_text(path, data, proto) if named else None
        proto.ParseFromString(data)
    except DecodeError as error:
        if named:
            raise ModelError(f"{str(path)!r} is damaged: {error}; copy or save it again") from error
        return None
    # A GraphDef parses as a SavedModel, too: then nothing that one has is there.
    found = len(proto.meta_graphs) > 0 and proto.meta_graphs[0].HasField("graph_def")
    if named and not found:
        raise ModelError(f"{str(path)!r} holds no graph; it is damaged, or no SavedModel")
    return proto if found and proto.saved_model_schema_version else None


def _graph_def(path: Path, data: bytes) -> Any:
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework import graph_pb2

    proto = graph_pb2.GraphDef()
    if path.suffix == ".pbtxt":
        return _of_text(path, data, proto)
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise ModelError(
            f"{str(path)!r} is no graph of TensorFlow, or is damaged: {error}; give a SavedModel "
            "or a frozen GraphDef"
        ) from error
    return proto


def _of_text(path: Path, data: bytes, proto: Any) -> Any:
    from google.protobuf import text_format

    try:
        return text_format.Parse(data.decode(), proto)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{str(path)!r} is no graph as text: {reason}") from error


def of_saved_model(saved: Any, wanted: str | None, where: str) -> Graph:
    """Return the graph of one signature.

    Raises:
        UsageError: there is no such signature.
        ModelError: there is none at all.
    """
    graphs = list(saved.meta_graphs)
    meta = next((one for one in graphs if "serve" in one.meta_info_def.tags), graphs[0])
    signatures = {
        name: one for name, one in meta.signature_def.items() if name != _START and one.outputs
    }
    name = _chosen(signatures, wanted, where)
    signature = signatures[name]
    body = Body.of_graph(meta.graph_def)
    places = []
    for key, info in sorted(signature.inputs.items()):
        if info.WhichOneof("encoding") != "name":
            raise ModelError(
                f"{where}: input {key!r} of signature {name!r} is made of several tensors (sparse "
                "or ragged); give a signature that takes plain ones"
            )
        places.append(
            Place(
                name=" ".join(key.split()),
                node=info.name.partition(":")[0],
                shape=shape_of(info.tensor_shape),
                native=info.dtype,
            )
        )
    results = [
        text
        for _, info in sorted(signature.outputs.items())
        for text in ([info.name] if info.WhichOneof("encoding") == "name" else _parts(info))
    ]
    notes = []
    others = sorted(
        one for one in signatures if one != name and not _alike(signatures[one], signature)
    )
    if others and wanted is None:
        notes.append(
            f"signature {name!r} was read; the file also has {', '.join(others[:_MOST_LISTED])} "
            "(--arg signature=…)"
        )
    return Graph(
        body=body,
        library=list(meta.graph_def.library.function),
        places=places,
        results=results,
        variables=_variables(meta),
        held=_held(meta),
        notes=notes,
        version=meta.meta_info_def.tensorflow_version,
    )


def _chosen(signatures: Mapping[str, Any], wanted: str | None, where: str) -> str:
    if not signatures:
        raise ModelError(
            f"{where} has no signature; save the model again with signatures=model.call"
            ".get_concrete_function(…), or give it as module:callable"
        )
    listed = " ".join(", ".join(sorted(signatures)[:_MOST_LISTED]).split())
    if wanted is not None:
        if wanted not in signatures:
            raise UsageError(f"{where} has no signature {wanted!r}; it has {listed}")
        return wanted
    if "serving_default" in signatures:
        return "serving_default"
    if len(signatures) == 1:
        return next(iter(signatures))
    raise UsageError(f"{where} has several signatures, {listed}; give one with --arg signature=…")


def _alike(one: Any, other: Any) -> bool:
    """Say whether two signatures take and give the same, as Keras's exports have each twice."""

    def told(infos: Any) -> dict[str, tuple[int, str]]:
        return {key: (info.dtype, str(info.tensor_shape)) for key, info in infos.items()}

    return told(one.inputs) == told(other.inputs) and told(one.outputs) == told(other.outputs)


def _parts(info: Any) -> list[str]:
    """Return the tensors that a sparse or ragged result is made of."""
    if info.WhichOneof("encoding") == "coo_sparse":
        sparse = info.coo_sparse
        return [
            sparse.values_tensor_name,
            sparse.indices_tensor_name,
            sparse.dense_shape_tensor_name,
        ]
    return [part.name for part in info.composite_tensor.components if part.name]


def _variables(meta: Any) -> dict[str, Variable]:
    """Return what the file says of its variables, by the names of their handles.

    Handles of variables of one name are numbered. In graphs of TensorFlow 1 a collection lists
    those that are trained.
    """
    from tensorflow.core.framework import variable_pb2

    told: dict[tuple[str, tuple[int | None, ...] | None], bool] = {}
    for node in meta.object_graph_def.nodes:
        if node.WhichOneof("kind") == "variable":
            saved = node.variable
            key = saved.name, shape_of(saved.shape)
            told[key] = saved.trainable or told.get(key, False)
    trained = {
        variable_pb2.VariableDef.FromString(text).variable_name.partition(":")[0]
        for text in meta.collection_def["trainable_variables"].bytes_list.value
    }
    found: dict[str, Variable] = {}
    for node in meta.graph_def.node:
        if node.op in ("VarHandleOp", "VariableV2", "Variable"):
            own = node.attr["shared_name"].s.decode(errors="replace") or node.name
            shape = shape_of(node.attr["shape"].shape)
            names = (own, re.sub(r"_\d+$", "", own))
            name = next((one for one in names if (one, shape) in told), own)
            learned = told.get((name, shape), node.name in trained)
            found[node.name] = Variable(name=name, trainable=learned)
    return found


def _held(meta: Any) -> list[Variable]:
    """Return the variables of the object that was saved, without its optimizer's.

    Keras's exports list each of theirs a second time; those of random generators are no model's.
    """
    nodes = meta.object_graph_def.nodes
    pending, seen = [0] if nodes else [], set()
    found = []
    while pending:
        at = pending.pop()
        if at in seen or at >= len(nodes):
            continue
        seen.add(at)
        node = nodes[at]
        if node.WhichOneof("kind") == "variable":
            told = node.variable
            if not told.name.endswith("seed_generator_state"):
                found.append(
                    Variable(
                        name=told.name,
                        trainable=told.trainable,
                        shape=shape_of(told.shape),
                        dtype=told.dtype,
                    )
                )
        pending += [one.node_id for one in node.children if one.local_name not in _NOT_OF_A_MODEL]
    return found
