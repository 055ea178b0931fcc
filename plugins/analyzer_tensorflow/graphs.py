"""A graph with what is given to it and what it returns, whatever it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analyzer import ModelError
from analyzer_tensorflow.nodes import Body, dtype_name, read_by, reference

__all__ = ["Graph", "Place", "Variable", "frozen_graph"]

_NO_RESULTS = frozenset(
    {"Assert", "Assign", "AssignVariableOp", "Const", "Exit", "MergeV2Checkpoints", "NoOp"}
    | {"Placeholder", "Print", "RestoreV2", "SaveV2", "ShardedFilename", "Switch"}
)
"""Operations that nobody reads and that still are no results of a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An input of a graph.

    Attributes:
        name: what the user calls it.
        node: name of the placeholder.
        shape: None for an open size; None altogether where even the rank is open.
        native: the element type as TensorFlow has it.
    """

    name: str
    node: str
    shape: tuple[int | None, ...] | None
    native: Any

    @property
    def dtype(self) -> str:
        """Our name of the element type."""
        return dtype_name(self.native)

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.name} of any rank"
        text = "x".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} {text or 'scalar'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What a file or an object says of a variable; ``dtype`` is TensorFlow's."""

    name: str
    trainable: bool
    shape: tuple[int | None, ...] | None = None
    dtype: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A graph that can be walked.

    Attributes:
        body: its nodes.
        library: the functions that it calls.
        places: what is given to it.
        results: references to what it returns.
        variables: by the name that their handles have in the graph.
        held: all variables of the model, those that this graph does not read among them.
        captured: by the name of the placeholder, the variable whose handle it is given; for a
            tensor that is no variable, the tensor.
        notes: what a reader of the numbers should know.
    """

    body: Body
    library: Sequence[Any]
    places: Sequence[Place]
    results: Sequence[str]
    variables: Mapping[str, Variable] = field(default_factory=dict)
    held: Sequence[Variable] = ()
    captured: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    version: str = ""


def shape_of(proto: Any) -> tuple[int | None, ...] | None:
    """Return the sizes in a ``TensorShapeProto``."""
    if proto.unknown_rank:
        return None
    return tuple(dim.size if dim.size >= 0 else None for dim in proto.dim)


def frozen_graph(graph_def: Any, *, outputs: Sequence[str] = (), where: str = "the graph") -> Graph:
    """Return a graph that says nothing of its inputs and outputs.

    Its placeholders are what is given to it; unless outputs are named, what nobody reads is what it
    returns.

    Raises:
        ModelError: there is no result, or none of a name that is asked for.
    """
    body = Body.of_graph(graph_def)
    if not body.nodes:
        raise ModelError(f"{where} holds no nodes; it is empty, or no graph of TensorFlow")
    if outputs:
        missing = [name for name in outputs if reference(name)[0] not in body.nodes]
        if missing:
            raise ModelError(f"{where} has no node {missing[0]!r}; give other outputs")
        results = list(outputs)
    else:
        read = {reference(text)[0] for node in body.nodes.values() for text in read_by(body, node)}
        results = [
            name
            for name, node in body.nodes.items()
            if name not in read and node.op not in _NO_RESULTS and not name.startswith("save/")
        ]
    if not results:
        raise ModelError(f"{where} has no result: every node is read by another, or gives nothing")
    needed = _reached(body, results)
    places = [
        Place(
            name=" ".join(node.name.split()),  # of a damaged file it may have several lines
            node=node.name,
            shape=shape_of(node.attr["shape"].shape) if "shape" in node.attr else None,
            native=node.attr["dtype"].type,
        )
        for node in body.nodes.values()
        if node.op in ("Placeholder", "PlaceholderV2") and node.name in needed
    ]
    producer = f"graph version {graph_def.versions.producer}" if graph_def.versions.producer else ""
    return Graph(
        body=body,
        library=list(graph_def.library.function),
        places=places,
        results=results,
        version=producer,
    )


def _reached(body: Body, results: Sequence[str]) -> set[str]:
    pending = [reference(text)[0] for text in results]
    found: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in found and name in body.nodes:
            found.add(name)
            pending += [reference(text)[0] for text in read_by(body, body.nodes[name])]
    return found
