"""Graphs of TensorFlow that were traced before, run as eager code is: node by node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import tensorflow as tf

__all__ = ["node_by_node", "served"]


def served(folder: Path) -> Callable[..., list[Any]]:
    """Return what a SavedModel serves, node by node: a function of its inputs by their names."""
    return partial(_served, tf.saved_model.load(folder))


def _served(loaded: Any, *inputs: Any) -> list[Any]:
    return node_by_node(loaded.signatures["serving_default"])(*inputs)


def node_by_node(function: Any) -> Callable[..., list[Any]]:
    """Return what a concrete function does as code that runs each node of its graph by itself.

    Functions are entered where they are called, loops run step by step, of branches the one that
    is taken.
    """
    return lambda *inputs: _run(function.graph, [*map(_tensor, inputs), *function.captured_inputs])


def _tensor(value: Any) -> Any:
    return tf.convert_to_tensor(value)


def _run(graph: Any, inputs: Sequence[Any]) -> list[Any]:
    """Run a graph on what its placeholders stand for."""
    given = zip(graph.inputs, inputs, strict=True)
    known = {symbolic.name: value for symbolic, value in given}
    for node in graph.get_operations():
        if all(output.name in known for output in node.outputs):
            continue  # a placeholder, or what gives nothing
        found = _node(node, [known[one.name] for one in node.inputs])
        known.update((one.name, value) for one, value in zip(node.outputs, found, strict=True))
    return [known[one.name] for one in graph.outputs]


def _node(node: Any, inputs: list[Any]) -> Sequence[Any]:
    match node.type:
        case "Const":
            return [tf.constant(tf.make_ndarray(node.get_attr("value")), node.outputs[0].dtype)]
        case "PartitionedCall" | "StatefulPartitionedCall":
            return _run(_function(node, "f"), inputs)
        case "If" | "StatelessIf":
            way = "then_branch" if inputs[0] else "else_branch"
            return _run(_function(node, way), inputs[1:])
        case "While" | "StatelessWhile":
            condition, body = _function(node, "cond"), _function(node, "body")
            state: Sequence[Any] = inputs
            while _run(condition, state)[0]:
                state = _run(body, state)
            return state
        case _:
            return _executed(node, inputs)


def _function(node: Any, attribute: str) -> Any:
    """Return the graph of a function that a node calls."""
    from tensorflow.python.eager import context
    from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

    name = node.get_attr(attribute).name
    return function_def_to_graph(context.context().get_function_def(name))


def _executed(node: Any, inputs: list[Any]) -> Sequence[Any]:
    """Run one operation as the functions do that TensorFlow generates for its operations."""
    from tensorflow.python.eager import context, execute

    attributes = [
        part
        for name in node.node_def.attr
        if not name.startswith("_")
        for part in (name, _plain(node.get_attr(name)))
    ]
    found: Sequence[Any] = execute.execute(
        node.type.encode(),
        len(node.outputs),
        inputs=inputs,
        attrs=tuple(attributes),
        ctx=context.context(),
    )
    return found


def _plain(value: Any) -> Any:
    """Return a setting as eager operations take it: types by their numbers."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.as_datatype_enum if isinstance(value, tf.DType) else value
