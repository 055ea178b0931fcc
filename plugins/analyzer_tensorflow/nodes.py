"""Nodes of graphs and of functions, and how they refer to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any

from analyzer import ModelError
from analyzer_tensorflow.frames import frames_in, rewritten

__all__ = [
    "Body",
    "dtype_name",
    "needed_nodes",
    "places_of",
    "read_by",
    "reference",
    "whose_elements",
]

_NAMES = {
    "half": "float16",
    "qint16": "int16",
    "qint32": "int32",
    "qint8": "int8",
    "quint16": "uint16",
    "quint8": "uint8",
    "resource": "",
    "variant": "",
}
"""TensorFlow's names of element types that are not ours; handles have none."""


@dataclass(frozen=True, slots=True)
class Body:
    """A graph, or the body of a function.

    Attributes:
        name: what to call it in a message.
        nodes: by name, in the order of the file.
        arguments: names of a function's arguments, with their types' numbers.
        results: references to what a function returns.
        inner: functions that it alone calls.
    """

    name: str
    nodes: Mapping[str, Any]
    arguments: Sequence[tuple[str, int]] = ()
    results: Sequence[str] = ()
    inner: Mapping[str, Body] = field(default_factory=dict)

    @classmethod
    def of_graph(cls, graph_def: Any) -> Body:
        """Read a ``GraphDef``."""
        return cls("the graph", _by_name(graph_def.node)).without_frames()

    @classmethod
    def of_function(cls, function: Any) -> Body:
        """Read a ``FunctionDef``."""
        signature = function.signature
        return cls(
            signature.name,
            _by_name(function.node_def),
            tuple((item.name, item.type) for item in signature.input_arg),
            tuple(function.ret[item.name] for item in signature.output_arg),
        ).without_frames()

    def without_frames(self) -> Body:
        """Return a body whose loops are all ``While``."""
        nodes, inner = self.nodes, dict(self.inner)
        for frame in frames_in(nodes):
            nodes, functions = rewritten(nodes, frame)
            for name, (own, arguments, results) in functions.items():
                given = tuple((argument, 0) for argument in arguments)
                inner[name] = Body(name, own, given, tuple(results)).without_frames()
        return replace(self, nodes=nodes, inner=inner)


def _by_name(nodes: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in nodes:
        if node.name in found:
            raise ModelError(f"node {node.name!r} stands twice in the graph; the file is damaged")
        found[node.name] = node
    return found


def dtype_name(dtype: Any) -> str:
    """Return our name of a TensorFlow element type; ``""`` for a handle.

    Raises:
        ModelError: the type is none of TensorFlow's.
    """
    import tensorflow as tf

    try:
        name = str(tf.dtypes.as_dtype(dtype).base_dtype.name)
    except (TypeError, KeyError):
        raise ModelError(
            f"element type {dtype!r} is none that the installed TensorFlow knows; the file is "
            "damaged, or of a later version"
        ) from None
    return _NAMES.get(name, name)


def reference(text: str) -> tuple[str, str, int]:
    """Take a reference apart: node, name of the output (in functions), place in it.

    >>> reference("conv:0"), reference("conv"), reference("split:output:1")
    (('conv', '', 0), ('conv', '', 0), ('split', 'output', 1))
    """
    name, *rest = text.split(":")
    if not rest:
        return name, "", 0
    place = int(rest[-1]) if rest[-1].isdigit() else 0
    return name, rest[0] if len(rest) == 2 or not rest[0].isdigit() else "", place


def places_of(op_def: Any, attributes: Mapping[str, Any]) -> dict[str, int]:
    """Return where each named output of a node begins among all of them."""
    places, at = {}, 0
    for item in op_def.output_arg:
        places[item.name] = at
        if item.number_attr:
            at += int(attributes[item.number_attr].i)
        elif item.type_list_attr:
            at += len(attributes[item.type_list_attr].list.type)
        else:
            at += 1
    return places


def needed_nodes(body: Body, wanted: Iterable[str], given: Iterable[str]) -> list[Any]:
    """Return the nodes that results depend on, each after those it reads, else in their order.

    ``given`` are the names of nodes that are known already: nothing before them is needed.

    Raises:
        ModelError: a node reads one that is not there, or itself.
    """
    known = {*given, *(name for name, _ in body.arguments)}
    pending = [reference(text)[0] for text in wanted]
    reads: dict[str, set[str]] = {}
    while pending:
        name = pending.pop()
        if name in reads or name in known:
            continue
        node = body.nodes.get(name)
        if node is None:
            raise ModelError(
                f"{body.name}: there is no node {name!r}, which is read; it is damaged"
            )
        reads[name] = {reference(text)[0] for text in read_by(body, node)} - known
        pending += reads[name]
    return _in_order(body, reads)


def whose_elements(
    order: Sequence[Any], reads: Sequence[Iterable[str]], wanted: Iterable[str]
) -> set[str]:
    """Return the names of nodes whose elements results depend on; of others only sizes are read.

    ``reads`` are the references of which each node in ``order`` reads the elements.
    """
    found = {reference(text)[0] for text in wanted}
    for node, texts in zip(reversed(order), reversed(reads), strict=True):
        if node.name in found:
            found.update(reference(text)[0] for text in texts)
    return found


def read_by(body: Body, node: Any) -> list[str]:
    """Return what a node reads; of the circles of TensorFlow 1's loops, only the way in.

    References to nodes that must only run before it are left out.
    """
    texts = [text for text in node.input if not text.startswith("^")]
    if node.op not in ("Merge", "RefMerge"):
        return texts
    forward = []
    for text in texts:
        source = body.nodes.get(reference(text)[0])
        if source is None or source.op not in ("NextIteration", "RefNextIteration"):
            forward.append(text)
    return forward


def _in_order(body: Body, reads: Mapping[str, set[str]]) -> list[Any]:
    position = {name: at for at, name in enumerate(body.nodes)}
    readers: dict[str, list[str]] = {}
    waiting = {name: len(sources) for name, sources in reads.items()}
    for name, sources in reads.items():
        for source in sources:
            readers.setdefault(source, []).append(name)
    ready: list[tuple[int, str]] = []
    for name, count in waiting.items():
        if not count:
            heappush(ready, (position[name], name))
    ordered = []
    while ready:
        _, name = heappop(ready)
        ordered.append(body.nodes[name])
        for reader in readers.get(name, ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(ready, (position[reader], reader))
    if len(ordered) != len(reads):
        stuck = next(name for name, count in waiting.items() if count)
        raise ModelError(
            f"{body.name}: node {stuck!r} reads what it gives itself; the file is damaged"
        )
    return ordered
