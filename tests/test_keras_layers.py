"""Keras layers: what is particular to some of them (all of them: test_keras_enumeration)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from analyzer import analyze
from analyzer.ops import Attention, Convolution, Linear, Pooling, Recurrent, Repeat
from tests.keras_truth import graph_macs

layers = keras.layers

IMAGE = (12, 10, 6)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (lambda: layers.LSTM(16), 1600),
        (lambda: layers.SimpleRNN(16), 400),
        (lambda: layers.GRU(16), 1248),
        (lambda: layers.GRU(16, reset_after=False), 1200),
        (lambda: layers.Bidirectional(layers.LSTM(16)), 3200),
    ],
)
def test_recurrent_parameters(make: Callable[[], Any], parameters: int) -> None:
    report = analyze(keras.Sequential([layers.Input((5, 8)), make()]))
    assert report.totals.parameters.total == parameters
    assert any(isinstance(node.operation, Recurrent) for node in report.model.nodes or ())


def explained(make: Callable[[], Any]) -> str:
    model = keras.Sequential([layers.Input((5, 8)), make()])
    text = analyze(model).explain(model.layers[-1].name).render("markdown")
    return " ".join(text.split())


def test_parameters_of_recurrent_layers_are_explained() -> None:
    """4·(h·(i + h) + h), and why a GRU has one more bias for each gate."""
    lstm = explained(lambda: layers.LSTM(16))
    assert "gates × (hidden × (inputs + hidden) + hidden) = 4·(16·(8 + 16) + 16) = 1,600" in lstm
    assert "two biases" not in lstm
    gru = explained(lambda: layers.GRU(16))
    assert "= 3·(16·(8 + 16) + 2·16) = 1,248" in gru
    assert "two biases a gate, for the reset gate acts on the recurrent product" in gru
    assert "= 3·(16·(8 + 16) + 16) = 1,200" in explained(lambda: layers.GRU(16, reset_after=False))
    both = explained(lambda: layers.Bidirectional(layers.LSTM(16)))
    assert "A bidirectional layer has two such cells" in both
    assert both.count("4·16·8 + 4·16·16 + 4·16 = 1,600") == 2


def test_numbers_of_the_optimizer_are_told_and_not_counted() -> None:
    model = keras.Sequential([layers.Input((8,)), layers.Dense(4)])
    model.compile("adam", "mse")
    assert not analyze(model).notes
    model.fit(np.zeros((2, 8)), np.zeros((2, 4)), verbose=0)
    report = analyze(model)
    kept = sum(int(np.prod(one.shape)) for one in model.optimizer.variables)
    assert report.totals.parameters.total == model.count_params()
    assert f"the optimizer (Adam) keeps {kept} numbers of its own" in report.notes[0]


def test_the_training_of_a_batch_normalization_costs_what_pytorchs_does() -> None:
    import torch

    ours = keras.Sequential([layers.Input((8, 9, 6)), layers.BatchNormalization()])
    theirs = torch.nn.BatchNorm2d(6)
    report = analyze(ours, mode="train")
    assert report.totals.flops == analyze(theirs, (1, 6, 8, 9), mode="train").totals.flops
    assert [node.operation.kind for node in report.model.nodes or ()] == ["BatchNormalization"]
    assert {one.role for one in report.model.parameters} == {
        *("scale", "offset", "running mean", "running variance")
    }


def test_a_cell_of_ones_own_is_read_once_and_repeated() -> None:
    class Cell(keras.layers.Layer):  # type: ignore[misc]
        state_size = 4

        def build(self, shape: Any) -> None:
            self.w = self.add_weight(shape=(shape[-1], 4), name="kernel")

        def call(self, inputs: Any, states: Any) -> Any:
            output = keras.ops.tanh(keras.ops.matmul(inputs, self.w) + states[0])
            return output, [output]

    report = analyze(keras.Sequential([layers.Input((9, 3)), layers.RNN(Cell())]))
    (loop,) = [
        node.operation for node in report.model.nodes or () if isinstance(node.operation, Repeat)
    ]
    assert loop.times == 9
    assert report.totals.macs == 9 * 3 * 4
    assert report.totals.flops == 9 * (2 * 3 * 4 + 4 + 4)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"use_causal_mask": True}, {"return_attention_scores": True}],
)
def test_multi_head_attention(arguments: dict[str, bool]) -> None:
    query, value = layers.Input((7, 12)), layers.Input((11, 10))
    own = layers.MultiHeadAttention(3, 4, name="own")(query, query, **arguments)
    own = own[0] if isinstance(own, (tuple, list)) else own
    model = keras.Model(
        [query, value], layers.MultiHeadAttention(2, 4, value_dim=5, name="cross")(own, value)
    )
    report = analyze(model)
    assert report.totals.parameters.total == model.count_params()
    assert report.totals.macs == graph_macs(model, (1, 7, 12), (1, 11, 10))
    assert report["own/query"].type == "EinsumDense"
    attentions = [
        node for node in report.model.nodes or () if isinstance(node.operation, Attention)
    ]
    assert [node.layer for node in attentions][-1] == "cross"


def test_the_bias_of_a_layer_is_part_of_its_contraction() -> None:
    model = keras.Sequential(
        [
            layers.Input(IMAGE),
            layers.Conv2D(4, 3, name="conv"),
            layers.SeparableConv2D(4, 3, name="separable"),
            layers.Flatten(),
            layers.Dense(2, name="dense"),
        ]
    )
    report = analyze(model)
    for path in ("conv", "separable", "dense"):
        contractions = [
            node.operation
            for node in report.model.nodes or ()
            if node.layer == path and isinstance(node.operation, (Convolution, Linear))
        ]
        assert contractions[-1].bias, path
    roles = {parameter.name: parameter.role for parameter in report.model.parameters}
    assert roles["dense/bias"] == "bias"
    assert roles["separable/pointwise_kernel"] == "kernel"


def test_same_padding_is_concrete_and_no_tap_of_an_average() -> None:
    model = keras.Sequential([layers.Input((5, 5, 1)), layers.AveragePooling2D(2, 2, "same")])
    (node,) = analyze(model).model.nodes or ()
    pooling = node.operation
    assert isinstance(pooling, Pooling)
    assert pooling.padding == ((0, 1), (0, 1))
    assert not pooling.count_padding
    assert pooling.cost().flops.value == 25


@pytest.mark.parametrize(
    ("activation", "function", "flops"),
    [
        ("relu", "relu", 1),
        ("relu6", "relu6", 2),
        ("gelu", "gelu", 5),
        ("silu", "silu", 5),
        ("sigmoid", "sigmoid", 4),
        ("tanh", "tanh", 1),
        ("hard_sigmoid", "hard sigmoid of keras", 4),
        ("hard_silu", "hard swish", 5),
        ("elu", "elu", 4),
        ("selu", "selu", 5),
        ("softplus", "softplus", 3),
        ("leaky_relu", "leaky relu", 2),
    ],
)
def test_an_activation_reads_the_same_as_string_layer_and_function(
    activation: str, function: str, flops: int
) -> None:
    forms = [
        layers.Activation(activation),
        layers.Lambda(getattr(keras.activations, activation)),
    ]
    for form in forms:
        report = analyze(keras.Sequential([layers.Input((10,)), form]))
        assert [node.operation.kind for node in report.model.nodes or ()] == [function]
        assert report.totals.flops == 10 * flops


def test_channels_first_is_read_by_its_own_axes() -> None:
    first = keras.Sequential(
        [
            layers.Input((6, 12, 10)),
            layers.Conv2D(4, 3, padding="same", data_format="channels_first"),
            layers.MaxPooling2D(2, data_format="channels_first"),
            layers.GlobalAveragePooling2D(data_format="channels_first"),
        ]
    )
    last = keras.Sequential(
        [
            layers.Input(IMAGE),
            layers.Conv2D(4, 3, padding="same"),
            layers.MaxPooling2D(2),
            layers.GlobalAveragePooling2D(),
        ]
    )
    assert analyze(first).totals.flops == analyze(last).totals.flops


def test_mixed_precision_has_float32_parameters_and_float16_activations() -> None:
    model = keras.Sequential([layers.Input((8,)), layers.Dense(4, dtype="mixed_float16")])
    report = analyze(model)
    assert {parameter.dtype for parameter in report.model.parameters} == {"float32"}
    assert report.model.outputs[0].dtype == "float16"
    assert report.totals.macs == 32


def test_training_keeps_dropout() -> None:
    model = keras.Sequential([layers.Input((10,)), layers.Dropout(0.5)])
    assert analyze(model).totals.flops == 0
    assert analyze(model, mode="train").totals.flops == 20


def test_a_layer_inside_another_is_called_for_every_step() -> None:
    inner = layers.Dense(4, name="inner")
    model = keras.Sequential([layers.Input((7, 3)), layers.TimeDistributed(inner, name="outer")])
    report = analyze(model)
    assert report["outer/inner"].calls == 7
    assert report["outer/inner"].macs == 7 * 3 * 4
    assert report["outer/inner"].outputs[0].shape == (1, 4)
    assert report["outer"].outputs[0].shape == (1, 7, 4)
