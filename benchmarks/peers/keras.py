"""What Keras and TensorFlow say themselves of a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.peers.running import Figures, tool

__all__ = ["TOOLS"]


@tool("keras", "keras")
def keras(model: Any) -> dict[str, float]:
    """Return the "Total params" under ``model.summary()``: statistics and counters are in it."""
    return {"parameters": model.count_params()}


@tool("tensorflow profiler", "tensorflow")
def tensorflow_profiler(model: Any, batch: int = 1) -> dict[str, float]:
    """Run TensorFlow's profiler for ``float_operation`` over the graph of a model's call.

    Keras has to run on TensorFlow. Variables are frozen first, as everybody does who prints these.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2_as_graph,
    )

    specs = [tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype) for spec in model.inputs]
    graph_function = tf.function(
        lambda *inputs: model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    )
    concrete = graph_function.get_concrete_function(*specs)
    _, graph_def = convert_variables_to_constants_v2_as_graph(concrete)
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
        options = tf.compat.v1.profiler.ProfileOptionBuilder(
            tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        )
        found = tf.compat.v1.profiler.profile(
            graph=graph, cmd="op", options=options.with_empty_output().build()
        )
    return {"flops": found.total_float_ops}


TOOLS: Mapping[str, Callable[[Any], Figures]] = {
    "keras": keras,
    "tensorflow profiler": tensorflow_profiler,
}
"""Every tool by the name that its figures bear."""
