"""What TensorFlow says itself of a function, a module or a SavedModel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.peers.running import Figures, tool

__all__ = ["TOOLS", "float_operations"]


@tool("tensorflow profiler", "tensorflow")
def tensorflow_profiler(model: Any, *inputs: Any) -> dict[str, float]:
    """Run the profiler for ``float_operation`` over the graph of what is called with arrays.

    Args:
        model: is called, or the folder of a SavedModel.
        inputs: what it is called with.
    """
    import tensorflow as tf

    specs = [tf.TensorSpec.from_tensor(tf.convert_to_tensor(one)) for one in inputs]
    with _function(model) as function:
        return {"flops": float_operations(function, *specs)}


@contextmanager
def _function(model: Any) -> Iterator[Callable[..., Any]]:
    """Give what a SavedModel serves as a function of its inputs, by the order of their names."""
    if not isinstance(model, Path):
        yield model
        return
    import tensorflow as tf

    loaded = tf.saved_model.load(model)
    function = loaded.signatures["serving_default"]
    names = sorted(function.structured_input_signature[1])
    yield lambda *inputs: function(**dict(zip(names, inputs, strict=True)))


def float_operations(call: Callable[..., Any], *specs: Any) -> int:
    """Return what the profiler finds in the graph of a call on tensors of these shapes.

    Variables are frozen first, as everybody does who prints these.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2_as_graph,
    )

    concrete = tf.function(call).get_concrete_function(*specs)
    _, graph_def = convert_variables_to_constants_v2_as_graph(concrete)
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
        options = tf.compat.v1.profiler.ProfileOptionBuilder(
            tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        )
        found = tf.compat.v1.profiler.profile(
            graph=graph, cmd="op", options=options.with_empty_output().build()
        )
    return int(found.total_float_ops)


TOOLS: Mapping[str, Callable[..., Figures]] = {"tensorflow profiler": tensorflow_profiler}
"""Every tool by the name that its figures bear."""
