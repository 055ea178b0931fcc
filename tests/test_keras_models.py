"""Keras models whole: known answers, every way of building one, and that they are left alone."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from analyzer import InputError, ModelError, analyze
from tests.keras_truth import graph_macs

layers, ops = keras.layers, keras.ops

ROWS = list(
    csv.DictReader(
        (Path(__file__).parent / "golden" / "keras_applications.csv").read_text().splitlines()
    )
)
QUICK = {"MobileNetV2", "MobileNetV3Large", "ResNet50"}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row["model"], marks=[] if row["model"] in QUICK else pytest.mark.slow)
        for row in ROWS
    ],
)
def test_applications(row: dict[str, str]) -> None:
    size = int(row["input_size"])
    model = getattr(keras.applications, row["model"])(weights=None)
    report = analyze(model, (1, size, size, 3))

    parameters = report.totals.parameters
    assert parameters.total == int(row["learnable"])
    assert parameters.state == int(row["state"])
    assert parameters.total + parameters.state == int(row["count_params"]) == model.count_params()
    assert report.totals.macs == int(row["macs"]) == graph_macs(model, (1, size, size, 3))
    assert report.coverage.complete
    assert not report.notes


def test_the_first_lesson() -> None:
    from examples.cnn_keras import build

    report = analyze(build())
    counts = {layer.path: layer.parameters.total for layer in report.layers}
    assert counts == {
        "": 2_747_722,
        "image": 0,
        "Conv1": 896,
        "Conv2": 18_496,
        "Conv3": 73_856,
        "Conv4": 33_024,
        "Flatten": 0,
        "Dense": 2_621_450,
    }
    assert [layer.type for layer in report.layers][:3] == ["Sequential", "InputLayer", "Conv2D"]
    assert report["Conv1"].outputs[0].shape == (1, 32, 32, 32)


def recurrent_stack() -> Any:
    return keras.Sequential(
        [
            layers.Input((9,), dtype="int32"),
            layers.Embedding(50, 8, mask_zero=True),
            layers.Bidirectional(layers.LSTM(6, return_sequences=True)),
            layers.GRU(5, return_sequences=True),
            layers.SimpleRNN(4),
            layers.Dense(3, activation="softmax"),
        ]
    )


def several_inputs_and_outputs() -> Any:
    left, right = layers.Input((8,), name="left"), layers.Input((6,), name="right")
    shared = layers.Dense(4, name="shared")
    a = shared(layers.Dense(5, name="narrow")(left))
    b = shared(layers.Dense(5, name="wide")(right))
    both = layers.Concatenate()([a, ops.tanh(b)])
    return keras.Model(
        {"left": left, "right": right}, {"sum": a + b, "both": layers.Dense(2)(both)}
    )


def nested() -> Any:
    inner = keras.Sequential(
        [layers.Input((4,)), layers.Dense(3, name="a"), layers.BatchNormalization(name="norm")],
        name="inner",
    )
    middle = keras.Sequential([inner, layers.Dense(4, name="b")], name="middle")
    x = layers.Input((4,), name="x")
    return keras.Model(x, middle(middle(x)))


@pytest.mark.parametrize("make", [recurrent_stack, several_inputs_and_outputs, nested])
def test_parameters_are_those_of_keras(make: Callable[[], Any]) -> None:
    model = make()
    parameters = analyze(model).totals.parameters
    assert parameters.total + parameters.state == model.count_params()
    assert parameters.trainable == sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def test_a_shared_layer_is_stored_once_and_called_twice() -> None:
    report = analyze(several_inputs_and_outputs())
    assert report["shared"].calls == 2
    assert report["shared"].parameters.total == 5 * 4 + 4
    assert report["shared"].macs == 2 * 5 * 4
    assert report["narrow"].outputs[0].shape == (1, 5)
    assert [tensor.name for tensor in report.model.inputs] == ["left", "right"]


def test_nested_models_have_nested_paths() -> None:
    report = analyze(nested())
    assert [layer.path for layer in report.layers if "input_layer" not in layer.path] == [
        "",
        "x",
        "middle",
        "middle/inner",
        "middle/inner/a",
        "middle/inner/norm",
        "middle/b",
    ]
    assert report["middle/inner/a"].calls == 2
    assert report.totals.macs == 2 * (4 * 3 + 3 * 4)


def test_frozen_is_not_state() -> None:
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    model.get_layer("conv").trainable = False
    model.get_layer("norm").trainable = False
    report = analyze(model)
    assert report.totals.parameters.frozen == 3 * 3 * 3 * 4 + 4 + 2 * 4
    assert report.totals.parameters.state == 2 * 4
    assert report["norm"].parameters.frozen == 8
    assert report.totals.parameters.trainable == sum(
        int(np.prod(weight.shape)) for weight in model.trainable_weights
    )


def test_statistics_of_a_normalization_layer_are_state() -> None:
    model = keras.Sequential([layers.Input((4,)), layers.Normalization(), layers.Dropout(0.3)])
    parameters = analyze(model).totals.parameters
    assert parameters.total == 0
    assert parameters.state == model.count_params() == 9  # mean, variance, and a count


class Block(keras.Model):  # type: ignore[misc]
    """A subclass whose layers are made when it is built."""

    def __init__(self) -> None:
        super().__init__(name="block")
        self.conv = layers.Conv2D(4, 3, padding="same", name="conv")
        self.norm = layers.BatchNormalization(name="norm")
        self.head = layers.Dense(2, name="head")

    def call(self, x: Any, training: bool = False) -> Any:
        y = ops.relu(self.norm(self.conv(x), training=training))
        return self.head(ops.mean(y, axis=(1, 2)))


def test_a_subclass_that_is_not_built_is_read_in_a_copy() -> None:
    model = Block()
    report = analyze(model, (1, 8, 8, 3))
    assert not model.built
    assert not model.weights
    assert report.totals.macs == 8 * 8 * 4 * 27 + 8
    assert report.totals.parameters.total == 27 * 4 + 4 + 8 + 10
    assert [layer.path for layer in report.layers] == ["", "conv", "norm", "head"]


def test_a_subclass_that_is_built_tells_its_shape() -> None:
    model = Block()
    model(np.zeros((2, 8, 8, 3), "float32"))
    report = analyze(model)
    assert report.model.inputs[0].shape == (1, 8, 8, 3)
    assert report.totals.macs == graph_macs(model, (1, 8, 8, 3))


def test_weights_of_ones_own_are_followed_through_operators() -> None:
    class Mine(keras.layers.Layer):  # type: ignore[misc]
        def build(self, shape: Any) -> None:
            self.w = self.add_weight(shape=(shape[-1], 3), name="kernel")
            self.s = self.add_weight(shape=(3,), name="scale")

        def call(self, x: Any) -> Any:
            return (x @ self.w) * self.s + self.s[0]

    report = analyze(keras.Sequential([layers.Input((4,)), Mine()]))
    assert report.coverage.complete
    assert report.totals.flops == 2 * 4 * 3 + 3 + 3
    assert {p.name.rpartition("/")[2]: p.role for p in report.model.parameters} == {
        "kernel": "kernel",
        "scale": "scale",
    }


def test_what_cannot_be_followed_is_unknown_and_said() -> None:
    import tensorflow as tf

    class Raw(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return tf.constant(x.numpy())

        def compute_output_spec(self, x: Any) -> Any:
            return keras.KerasTensor(x.shape, x.dtype)

    report = analyze(keras.Sequential([layers.Input((4,)), Raw(name="raw"), layers.Dense(2)]))
    assert [unknown.operation for unknown in report.coverage.unknown] == ["keras.Raw"]
    assert report.totals.macs == 8
    assert report.notes


def state_of(model: Any) -> Any:
    """Return everything of a model, and of Keras, that an analysis must leave as it was."""
    from keras.src import backend
    from keras.src.backend.common import global_state
    from keras.src.backend.common.variables import Variable
    from keras.src.layers.layer import Layer
    from keras.src.ops.node import Node
    from keras.src.ops.operation import Operation

    parts = [*model._flatten_layers(), *getattr(model, "_operations", ())]
    return {
        "config": model.get_config(),
        "weights": [weight.numpy().tolist() for weight in model.weights],
        "variables": [id(variable) for variable in model.variables],
        "nodes": [(len(part._inbound_nodes), len(part._outbound_nodes)) for part in parts],
        "called": [getattr(part, "_called", None) for part in parts],
        "losses": [[id(loss) for loss in part._losses] for part in model._flatten_layers()],
        "masks": [hasattr(tensor, "_keras_mask") for tensor in model.inputs],
        "counters": dict(global_state.get_global_attribute("object_name_uids") or {}),
        "functions": [
            Layer.__call__,
            Layer.symbolic_call,
            Operation.symbolic_call,
            Node.__init__,
            Variable.__add__,
            Variable.assign,
            backend.rnn,
            backend.nn.relu,
        ],
    }


class Losing(keras.layers.Layer):  # type: ignore[misc]
    def call(self, x: Any) -> Any:
        self.add_loss(ops.sum(x))
        return x


class Failing(keras.layers.Layer):  # type: ignore[misc]
    """A layer that works as long as it is not run again."""

    broken = False

    def call(self, x: Any) -> Any:
        if self.broken:
            raise RuntimeError("it broke")
        return x

    def compute_output_spec(self, x: Any) -> Any:
        return super().compute_output_spec(x)


def test_the_model_is_left_as_it_was() -> None:
    model = keras.Sequential(
        [
            layers.Input((6, 3)),
            layers.Conv1D(4, 3),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            Losing(),
            layers.Bidirectional(layers.LSTM(3)),
        ]
    )
    model(np.ones((2, 6, 3), "float32"))
    before = state_of(model)
    for mode in ("inference", "train"):
        analyze(model, mode=mode)
        assert state_of(model) == before


def test_the_model_is_left_as_it_was_after_a_failure() -> None:
    failing = Failing(name="failing")
    model = keras.Sequential([layers.Input((6,)), layers.Dense(3), failing])
    failing.broken = True
    before = state_of(model)
    with pytest.raises(ModelError, match=r"'failing' \(Failing\) cannot be run: .*it broke"):
        analyze(model)
    assert state_of(model) == before


def test_other_threads_go_on_as_before() -> None:
    import threading

    from analyzer_keras.patches import recording

    class Deaf:
        listening = False

        def __getattr__(self, name: str) -> Any:
            return None

    seen = []
    with recording(Deaf(), training=False):
        thread = threading.Thread(
            target=lambda: seen.append(layers.Dense(2)(np.ones((1, 3), "float32")).shape)
        )
        thread.start()
        thread.join()
    assert seen == [(1, 2)]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (None, r"input 'tokens' has shape \?x\?: .* dimension 1; give it with --input tokens=1xS"),
        ({"words": (1, 5)}, "input 'words' is not an input of the model; it has tokens"),
        ((1, 5, 5), "input 'tokens' has 2 dimensions"),
        ({"tokens": "1x5:float32"}, "input 'tokens' is int32, and float32 was given"),
        ([(1, 5), (1, 5)], "2 inputs were given and the model has 1"),
    ],
)
def test_inputs_that_do_not_fit(inputs: Any, said: str) -> None:
    tokens = layers.Input((None,), dtype="int32", name="tokens")
    model = keras.Model(tokens, layers.Embedding(10, 4)(tokens))
    with pytest.raises(InputError, match=said):
        analyze(model, inputs)
    assert analyze(model, {"tokens": (2, 5)}).model.outputs[0].shape == (2, 5, 4)


def test_a_model_is_not_stretched_to_another_size() -> None:
    model = keras.Sequential([layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(InputError, match=r"built for \?x8x8x3, and 1x9x8x3 has 9 in dimension 1"):
        analyze(model, (1, 9, 8, 3))


def test_an_unbuilt_model_says_what_it_needs() -> None:
    with pytest.raises(InputError, match="does not tell the shape of its inputs; give it"):
        analyze(keras.Sequential([layers.Dense(2)]))
    report = analyze(keras.Sequential([layers.Dense(2)]), (1, 5))
    assert report.totals.parameters.total == 12


def test_open_sizes_are_called_as_in_images_and_sequences() -> None:
    with pytest.raises(InputError, match="no open dimension of this name; it has 'batch'"):
        analyze(recurrent_stack(), dims={"steps": 2})
    twice = analyze(recurrent_stack(), dims={"batch": 2}).totals
    assert twice.macs == analyze(recurrent_stack(), batch_size=2).totals.macs
    image = keras.Input((None, None, 3))
    model = keras.Model(image, layers.Conv2D(4, 3, padding="same")(image))
    report = analyze(model, dims={"height": 6, "width": 8})
    assert report.totals.macs == 6 * 8 * 4 * 3 * 9
    assert report.model.dims == {"batch": 1, "height": 6, "width": 8}


def test_the_zoo_is_asked_for_no_weights() -> None:
    report = analyze("keras.applications:MobileNetV2", arguments={"alpha": 0.35, "classes": 10})
    assert report.model.name == "MobileNetV2"
    assert report.coverage.complete


def test_views_share_their_storage() -> None:
    model = keras.Sequential([layers.Input((4, 4)), layers.Reshape((16,)), layers.Dense(2)])
    report = analyze(model)
    nodes = report.model.nodes or ()
    assert nodes[0].outputs[0].storage == report.model.inputs[0].storage
    assert report.totals.memory.peak_activation_bytes == 2 * 4


def test_a_layer_by_itself_is_read_too() -> None:
    dense = layers.Dense(4)
    dense.build((None, 3))
    report = analyze(dense, (5, 3))
    assert report.totals.parameters.total == 16
    assert report.totals.macs == 5 * 3 * 4
    assert analyze(dense).model.inputs[0].shape == (1, 3)


def test_a_recurrent_layer_that_is_not_built_is_read_in_a_copy() -> None:
    layer = layers.LSTM(16)
    assert analyze(layer, (1, 5, 8)).totals.parameters.total == 1600
    assert not layer.built


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_quantised_weights_are_what_was_learned(mode: str) -> None:
    model = keras.Sequential(
        [
            layers.Input((6,), dtype="int32"),
            layers.Embedding(10, 8),
            layers.EinsumDense("abc,cd->abd", (6, 6), bias_axes="d"),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )
    before = analyze(model).totals
    model.quantize(mode, filters=["embedding", "dense"])
    report = analyze(model)
    after = report.totals
    assert report.coverage.complete
    assert after.parameters.total == before.parameters.total
    assert after.parameters.frozen == 10 * 8 + 8 * 6 + 36 * 5
    assert after.parameters.constants > after.parameters.state == 0
    assert after.macs == before.macs
    assert after.integer_ops
    stored = [after.memory.parameter_bytes, after.memory.constant_bytes]
    assert sum(stored) == sum(
        int(np.prod(weight.shape)) * np.dtype(weight.dtype).itemsize for weight in model.weights
    )


class Holding(keras.layers.Layer):  # type: ignore[misc]
    """A built layer that holds others in a list and a dict, one of which nothing has built yet."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = [keras.layers.Dense(3)]
        self.parts = {"add": keras.layers.Add()}

    def build(self, shape: Any) -> None:
        self.dense[0].build(shape)

    def call(self, x: Any) -> Any:
        return self.parts["add"]([self.dense[0](x), x])

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def test_a_built_layer_that_holds_one_that_is_not() -> None:
    place = keras.Input((3,))
    model = keras.Model(place, Holding(name="holding")(place))
    assert not model.layers[1].parts["add"].built
    report = analyze(model)
    assert report.totals.macs == 3 * 3
    assert report.totals.parameters.total == model.count_params()
    assert not model.layers[1].parts["add"].built
