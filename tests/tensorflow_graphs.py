"""Small models of TensorFlow, and ways to write them down, for the tests of its importer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from analyzer import Kind, Report

__all__ = ["counts", "frozen", "saved", "tagger", "transformer", "vision", "work_of"]


def counts(report: Report) -> dict[str, Any]:
    """Return what must be the same of a model however it comes."""
    kinds = dict.fromkeys((Kind.LEARNABLE, Kind.STATE), 0)
    for parameter in report.model.parameters:
        if parameter.kind in kinds:
            kinds[parameter.kind] += parameter.elements
    return {"macs": report.totals.macs, **{str(kind): count for kind, count in kinds.items()}}


def work_of(report: Report) -> list[str]:
    """Return the kinds of all operations that cost something."""
    return [
        node.operation.kind
        for node in report.model.nodes or ()
        if (cost := node.operation.cost()) is None or not cost.free
    ]


def frozen(model: Any, shape: tuple[int, ...]) -> Any:
    """Return a ``GraphDef`` in which a Keras model's variables are constants."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    call = tf.function(lambda x: model(x, training=False))
    concrete = call.get_concrete_function(tf.TensorSpec(shape, model.inputs[0].dtype))
    return convert_variables_to_constants_v2(concrete).graph.as_graph_def()


def saved(model: Any, folder: Path) -> Path:
    """Write a Keras model as a SavedModel."""
    model.export(str(folder), verbose=False)
    return folder


def vision() -> Any:
    """Return convolutions of all kinds, dilated ones among them, with normalisation."""
    return keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            layers.Conv2D(4, 3, dilation_rate=2, name="first"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, dilation_rate=2, padding="same"),
            layers.SeparableConv2D(6, 3, strides=2, padding="same"),
            layers.BatchNormalization(scale=False, center=False),
            layers.Conv2DTranspose(5, 3, strides=2),
            layers.MaxPool2D(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def tagger() -> Any:
    """Return recurrent layers in both directions over words."""
    words = keras.Input((9,), dtype="int32")
    x = layers.Embedding(20, 8)(words)
    x = layers.Bidirectional(layers.LSTM(5, return_sequences=True))(x)
    x = layers.GRU(4, return_sequences=True)(x)
    return keras.Model(words, layers.Dense(3)(x))


def transformer() -> Any:
    """Return one block of a transformer."""
    words = keras.Input((9,), dtype="int32")
    x = layers.Embedding(20, 8)(words)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    x = x + layers.Dense(8)(layers.Dense(16, activation="gelu")(x))
    return keras.Model(words, layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x)))
