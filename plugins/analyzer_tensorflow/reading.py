"""From a graph to the representation."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import prod
from typing import Any

from analyzer import Kind, Mode, Model, ModelBuilder, ModelError, Request, Tensor
from analyzer.dtypes import storage_bytes
from analyzer_tensorflow.emit import emit
from analyzer_tensorflow.graphs import Graph, Variable
from analyzer_tensorflow.layers import Layers
from analyzer_tensorflow.nodes import dtype_name
from analyzer_tensorflow.objects import graph_of
from analyzer_tensorflow.roles import claim_of
from analyzer_tensorflow.signature import concrete_places
from analyzer_tensorflow.values import Stored, Value
from analyzer_tensorflow.walk import Scope, Walk

__all__ = ["read"]


def read(model: Any, request: Request) -> Model:
    """Return the representation of a graph, a function or a module.

    Raises:
        InputError: the inputs do not fit, or a size is open that nothing tells.
        ModelError: the graph is damaged, or does not take these inputs.
    """
    graph = graph_of(model, request)
    walk = Walk(graph.library)
    walk.variables = graph.variables
    scope: Scope = {}
    inputs = []
    places, dims = concrete_places(graph.places, request)
    for place, shape, number in places:
        known = None if number is None else walk.constant(number.astype(_numpy(place.native)))
        value = known or walk.value(shape, place.native, maker="Placeholder")
        value.name = place.name
        scope[place.node, 0] = value
        inputs.append(value)
    for name, source in graph.captured.items():
        scope[name, 0] = _captured(walk, name, source)
    results = walk.run(graph.body, graph.results, scope)
    builder = ModelBuilder(
        name=request.name,
        framework="TensorFlow",
        framework_version=graph.version,
        source=request.source,
    )
    read = _written(builder, graph, walk, inputs, results, request)
    return replace(read, dims=dims)


def _numpy(native: Any) -> Any:
    import tensorflow as tf

    return tf.dtypes.as_dtype(native).as_numpy_dtype


def _captured(walk: Walk, name: str, source: Any) -> Value:
    """Return what a function takes from outside: a variable, or a tensor with a known value."""
    import tensorflow as tf

    if isinstance(source, Variable):
        sizes = source.shape
        if sizes is None or None in sizes:
            raise ModelError(f"variable {source.name!r} has no fixed shape; it cannot be counted")
        fixed = tuple(size for size in sizes if size is not None)
        stored = walk.keep(source.name, fixed, dtype_name(source.dtype), variable=name)
        stored.trainable = source.trainable
        return walk.handle(stored)
    if source.dtype in (tf.resource, tf.variant):
        return walk.handle()
    shape = tuple(source.shape)
    elements = source.shape.num_elements() or 0
    if hasattr(source, "numpy") and (elements <= 1 or not source.dtype.is_floating):
        return walk.constant(source.numpy())
    stored = walk.keep("constant", shape, walk.value(shape, source.dtype).dtype)
    return walk.value(shape, source.dtype, settled=True, maker="Const", stored=stored)


def _written(
    builder: ModelBuilder,
    graph: Graph,
    walk: Walk,
    inputs: list[Value],
    results: list[Value],
    request: Request,
) -> Model:
    frozen = all(stored.trainable is None for stored in walk.used())
    claims = {id(stored): claim_of(stored, frozen=frozen) for stored in walk.used()}
    kept = [stored for stored in walk.used() if stored.shape or stored.trainable is not None]
    for stored in kept:
        claim = claims[id(stored)]
        shape, dtype = stored.unpacked
        builder.parameter(
            stored.name,
            shape=shape,
            dtype=dtype,
            stored_bytes=storage_bytes(prod(stored.shape), stored.dtype),
            kind=claim.kind,
            trainable=stored.trainable is not False,
            role=claim.role,
            assumed=claim.assumed,
        )
    _declare_unread(builder, graph, kept)
    learned = [one for one in kept if claims[id(one)].kind is not Kind.CONSTANT]
    layers = Layers(walk.steps, learned, results)
    layers.declare(builder)
    names = {one.name for one in kept}
    emit(
        builder,
        walk.steps,
        layers.of,
        lambda stored, claim: claims[id(stored)] if stored.name in names else None,
    )
    layers.call(builder)
    for note in (*graph.notes, *walk.notes, *_notes(graph, request)):
        builder.note(note)
    return builder.build(inputs=_tensors(builder, inputs), outputs=_tensors(builder, results))


def _declare_unread(builder: ModelBuilder, graph: Graph, kept: list[Stored]) -> None:
    """Declare the variables that the model holds and this graph does not read."""
    read = Counter((one.own_name, one.shape) for one in kept)
    names = {one.name for one in kept}
    count = 0
    for variable in graph.held:
        sizes = variable.shape
        if sizes is None or None in sizes:
            continue
        shape = tuple(size for size in sizes if size is not None)
        if read[variable.name, shape]:
            read[variable.name, shape] -= 1
            continue
        name, number = variable.name, 1
        while name in names:
            number += 1
            name = f"{variable.name}_{number}"
        names.add(name)
        count += 1
        builder.parameter(
            name,
            shape=shape,
            dtype=dtype_name(variable.dtype),
            kind=Kind.LEARNABLE if variable.trainable else Kind.STATE,
        )
    if count:
        what = "variable of the model is" if count == 1 else "variables of the model are"
        builder.note(f"{count} {what} not read by this graph")


def _tensors(builder: ModelBuilder, values: list[Value]) -> list[Tensor]:
    return [one for value in values if (one := value.tensor(builder)) is not None]


def _notes(graph: Graph, request: Request) -> list[str]:
    notes = []
    takes_batch = any(place.shape is None or None in place.shape[:1] for place in graph.places)
    if request.batch_size > 1 and not request.inputs and not takes_batch:
        notes.append(
            f"the batch size {request.batch_size} has no effect: the graph leaves no first "
            "dimension of an input open for it"
        )
    if request.mode is Mode.TRAIN:
        notes.append("a graph runs as it was traced; training mode changes nothing in it")
    return notes
