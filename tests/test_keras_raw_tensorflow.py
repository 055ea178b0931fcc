"""Layers whose code calls TensorFlow directly: followed through a graph, layers inside whole."""

from __future__ import annotations

from typing import Any

import keras
import pytest
import tensorflow as tf
from keras import layers, ops

from analyzer import Report, analyze
from tests.keras_truth import graph_macs

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the code is TensorFlow's"
)


def work_of(report: Report) -> list[Any]:
    """Return what is computed in each layer, whatever the operations are called."""
    assert report.model.nodes is not None
    return [
        (node.layer, node.operation, node.parameters)
        for node in report.model.nodes
        if (cost := node.operation.cost()) is None or not cost.free
    ]


class WithOps(keras.layers.Layer):  # type: ignore[misc]
    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3), name="kernel")
        self.bias = self.add_weight(shape=(3,), name="bias")

    def call(self, x: Any) -> Any:
        return ops.softmax(ops.tanh(ops.matmul(x, self.kernel) + self.bias) * 2.0)


class Raw(WithOps):
    def call(self, x: Any) -> Any:
        return tf.nn.softmax(tf.math.tanh(tf.matmul(x, self.kernel) + self.bias) * 2.0)


class Block(keras.Model):  # type: ignore[misc]
    """A model whose own code asks TensorFlow for sizes, between layers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.embed = layers.Embedding(20, 6, mask_zero=True)
        self.attend = layers.MultiHeadAttention(2, 3, name="attend")
        self.norm = layers.LayerNormalization(name="norm")
        self.recur = layers.LSTM(5, name="recur")
        self.dense = layers.Dense(4, activation="gelu", name="dense")

    def call(self, tokens: Any, training: bool = False) -> Any:
        batch = tf.shape(tokens)[0]
        x = self.embed(tokens)
        x = self.norm(x + self.attend(x, x))
        x = self.recur(tf.reshape(x, (batch, -1, 6)))
        return self.dense(tf.concat([x, x], -1))


class Looping(keras.layers.Layer):  # type: ignore[misc]
    def build(self, shape: Any) -> None:
        self.dense = layers.Dense(shape[-1], name="inner")
        self.dense.build(shape)

    def call(self, x: Any) -> Any:
        step = tf.constant(0)
        while step < 7:
            x = self.dense(x)
            step += 1
        return x

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


class Deciding(keras.layers.Layer):  # type: ignore[misc]
    def call(self, x: Any) -> Any:
        return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.sin(x) * 3.0, lambda: x)


def with_input(layer: Any, *shape: int, **kwargs: Any) -> Any:
    place = keras.Input(shape, **kwargs)
    return keras.Model(place, layer(place), name="model")


def test_raw_code_reads_as_the_same_code_with_keras_operations() -> None:
    raw = analyze(with_input(Raw(name="mine"), 5), inputs=[(2, 5)])
    known = analyze(with_input(WithOps(name="mine"), 5), inputs=[(2, 5)])
    assert raw.coverage.complete
    assert work_of(raw) == work_of(known)
    assert raw.totals == known.totals
    assert {one.role for one in raw.model.parameters} == {"kernel", "bias"}


def test_layers_in_raw_code_stay_whole_and_know_their_places() -> None:
    model = Block(name="block")
    model(tf.zeros((2, 9), tf.int32))
    report = analyze(model, inputs=[(2, 9)])
    assert report.coverage.complete
    assert report.totals.macs == graph_macs(model, (2, 9), dtype="int32")
    calls = {layer.path: layer.calls for layer in report.model.layers}
    assert calls["attend/query"] == 1
    kinds = {(node.layer, node.operation.kind) for node in report.model.nodes or ()}
    assert {("recur", "LSTM"), ("dense", "gelu"), ("norm", "LayerNormalization")} <= (kinds)
    assert sum(one.elements for one in report.model.parameters) == model.count_params()


def test_loops_and_branches_of_raw_code() -> None:
    report = analyze(with_input(Looping(name="loop"), 4))
    assert report.totals.macs == 7 * 4 * 4
    assert {one.path: one.calls for one in report.model.layers}["loop/inner"] == 7
    report = analyze(with_input(Deciding(), 4))
    assert report.totals.flops == 3 + 1 + 2 * 4
    assert "upper bounds" in report.notes[0]


def test_a_layer_in_a_compiled_function_and_in_a_lambda() -> None:
    dense = layers.Dense(3)
    dense.build((None, 4))

    compiled = tf.function(lambda x: tf.nn.relu(dense(x)))

    class Compiled(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = dense

        def call(self, x: Any) -> Any:
            return compiled(x) + compiled(x)

    for _ in range(2):  # nothing of the first trace stays in the function
        report = analyze(with_input(Compiled(name="twice"), 4))
        assert report.totals.macs == 2 * 4 * 3
        assert report.coverage.complete
    assert tf.config.functions_run_eagerly() is False
    report = analyze(with_input(layers.Lambda(lambda x: tf.nn.relu(x) * 2.0), 4))
    assert report.totals.flops == 4 + 4
    assert report.coverage.complete


def test_a_model_of_raw_code_is_left_as_it_was() -> None:
    model = Block()
    model(tf.zeros((1, 3), tf.int32))
    before = [weight.numpy().tolist() for weight in model.weights]
    analyze(model, inputs=[(1, 3)])
    assert [weight.numpy().tolist() for weight in model.weights] == before
    assert model(tf.zeros((1, 3), tf.int32)).shape == (1, 4)


def test_variables_that_keras_does_not_know_are_parameters_all_the_same() -> None:
    class Own(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.weight = tf.Variable(tf.ones((4, 3)), name="weight")

        def call(self, x: Any) -> Any:
            return tf.matmul(tf.matmul(x, self.weight), self.weight, transpose_b=True)

    report = analyze(with_input(Own(name="own"), 4))
    assert report.totals.macs == 2 * 4 * 3
    (weight,) = report.model.parameters
    assert (weight.name, weight.role, weight.shape) == ("own/weight", "kernel", (4, 3))


def test_masks_updates_and_nests_of_results() -> None:
    class Many(keras.layers.Layer):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            self.count = self.add_weight(shape=(), name="count", trainable=False)
            self.supports_masking = True
            self.norm = layers.BatchNormalization()
            self.norm.build(shape)

        def call(self, x: Any, mask: Any = None, training: bool = False) -> Any:
            self.count.assign_add(1.0)
            self.add_loss(tf.reduce_sum(x))
            y = self.norm(x, training=training)
            return {"whole": y, "parts": (tf.cast(y, tf.float16), tf.cast(mask, tf.float32))}

    words = keras.Input((5,), dtype="int32")
    model = keras.Model(words, Many()(layers.Embedding(9, 4, mask_zero=True)(words)))
    before = float(model.layers[-1].count)
    for mode in ("inference", "train"):
        report = analyze(model, batch_size=2, mode=mode)
        assert report.coverage.complete
        shapes = {(one.shape, one.dtype) for one in report.model.outputs}
        assert shapes == {
            ((2, 5, 4), "float32"),
            ((2, 5, 4), "float16"),
            ((2, 5), "float32"),
        }
    assert float(model.layers[-1].count) == before
