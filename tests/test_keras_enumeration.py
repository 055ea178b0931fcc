"""Every layer that Keras exports: parameters by its own count, MACs by TensorFlow's own graph."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from analyzer import Node, Report, analyze
from analyzer.ops import Branch, Repeat, Unknown
from tests.keras_all_layers import BUILT, built
from tests.keras_truth import graph_macs

layers = keras.layers

NO_LAYERS = {"InputSpec", "Layer", "Wrapper"}
"""A shape, and what others are made of."""

ELSEWHERE = {
    "FlaxLayer",  # the next three hold models of other frameworks: test_keras_foreign
    "JaxLayer",
    "TorchModuleWrapper",
    "TFSMLayer",
    "InputLayer",  # every model here has some
    "GRUCell",  # cells stand in "RNN"
    "LSTMCell",
    "SimpleRNNCell",
    "StackedRNNCells",
}

OTHERWISE_IN_TENSORFLOW = {
    "Conv1D, dilated": "TensorFlow writes it as a convolution of another layout (SpaceToBatch)",
    "Conv3D, dilated": "TensorFlow writes it as a convolution of another layout (SpaceToBatch)",
}

SHAPE_UNKNOWN_TO_KERAS = {
    "Bidirectional, with its own backward layer": "Keras doubles the forward layer's width",
    "RandomCrop": "Keras tells the shape of training: in inference nothing is cut",
    "TextVectorization, open": "a text has as many words as it has",
}

AT_LEAST = {"TextVectorization, counts": "a text has as many words as it has"}
"""Why these cost more than what is counted."""


def test_every_layer_is_read() -> None:
    exported = {one.__name__ for one in vars(layers).values() if isinstance(one, type)}
    read = {name.partition(",")[0] for name in BUILT}
    # What Keras exports under several names has one name of its own.
    own = {name: getattr(layers, name).__name__ for name in read}
    known = set(own.values()) | NO_LAYERS | ELSEWHERE
    assert sorted(exported - known) == [], "build one in keras_all_layers"
    assert sorted(known - exported) == [], "not in Keras any more"


def unknown(nodes: tuple[Node, ...]) -> list[str]:
    """Return the names of operations that nobody knows, in loops and branches too."""
    found = []
    for node in nodes:
        match node.operation:
            case Unknown(name=name):
                found.append(name)
            case Repeat(body=body):
                found += unknown(body)
            case Branch(alternatives=ways):
                found += [name for way in ways for name in unknown(way)]
    return found


def holds(model: Any, report: Report) -> None:
    parameters = report.totals.parameters
    assert parameters.total + parameters.state == model.count_params()
    assert parameters.trainable == sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert unknown(report.model.nodes or ()) == []


def options_are_slow(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.slow if "," in name else ())


@pytest.mark.parametrize("name", [options_are_slow(name) for name in sorted(BUILT)])
def test_a_layer_counts_as_tensorflows_graph_does(name: str) -> None:
    one = BUILT[name]
    model = built(one)
    report = analyze(model)

    holds(model, report)
    assert report.coverage.complete == (name not in AT_LEAST)
    if name not in OTHERWISE_IN_TENSORFLOW:
        shapes = [(1, *shape) for shape in one.shapes]
        assert report.totals.macs == graph_macs(model, *shapes, dtype=one.dtype)
    if name not in SHAPE_UNKNOWN_TO_KERAS:
        told = [tuple(output.shape) for output in keras.tree.flatten(model.output)]
        assert [tensor.shape for tensor in report.model.outputs] == told


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BUILT))
def test_a_layer_is_read_in_training_too(name: str) -> None:
    model = built(BUILT[name], batch=2)
    holds(model, analyze(model, mode="train"))
