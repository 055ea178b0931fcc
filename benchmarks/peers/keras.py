"""What Keras and TensorFlow say themselves of a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from benchmarks.peers.running import Figures, tool

__all__ = ["PRINTED", "TOOLS"]


@tool("keras, total", "keras")
def keras(model: Any) -> dict[str, float]:
    """Return the "Total params" under ``model.summary()``: statistics and counters are in it."""
    return {"parameters": model.count_params()}


@tool("keras, trainable", "keras")
def keras_trainable(model: Any) -> dict[str, float]:
    """Return the "Trainable params" under ``model.summary()``: frozen weights are not in it."""
    return {"parameters": sum(prod(variable.shape) for variable in model.trainable_variables)}


@tool("tensorflow profiler", "tensorflow")
def tensorflow_profiler(model: Any, batch: int = 1) -> dict[str, float]:
    """Run TensorFlow's profiler for ``float_operation`` over the graph of a model's call.

    Keras has to run on TensorFlow.
    """
    import tensorflow as tf

    from benchmarks.peers.tensorflow import float_operations

    def call(*inputs: Any) -> Any:
        return model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

    specs = [tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype) for spec in model.inputs]
    return {"flops": float_operations(call, *specs)}


PRINTED: Mapping[str, Callable[[Any], Figures]] = {
    "keras, total": keras,
    "keras, trainable": keras_trainable,
}
"""What Keras itself prints, on any backend."""

TOOLS: Mapping[str, Callable[[Any], Figures]] = {
    **PRINTED,
    "tensorflow profiler": tensorflow_profiler,
}
"""Every tool by the name that its figures bear."""
