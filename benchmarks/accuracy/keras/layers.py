"""Cases of one layer or a few: what a tool knows, and what it does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from benchmarks.accuracy.arrays import tokens
from benchmarks.accuracy.keras import modules
from benchmarks.accuracy.keras.building import case

__all__ = ["LAYERS"]

IMAGE = (1, 16, 16, 8)
SEQUENCE = (1, 7, 16)
ROW = (1, 16)


def _stack(shape: Sequence[int], *stack: Callable[[], Any]) -> Callable[[], keras.Model]:
    """Make a network of layers whose input, a batch of them, has this shape."""
    return lambda: keras.Sequential([keras.Input(shape[1:]), *(layer() for layer in stack)])


_perceptron = _stack(
    ROW,
    lambda: layers.Dense(24, activation="gelu"),
    lambda: layers.Dropout(0.1),
    lambda: layers.Dense(5),
)


def _quantise(kind: str) -> Callable[[Any], None]:
    """Return what makes weights integers, and activations where the kind is not of weights."""
    quantizers = keras.quantizers
    config = {
        "int8": quantizers.Int8QuantizationConfig,
        "int8 weights": lambda: quantizers.Int8QuantizationConfig(activation_quantizer=None),
        "int4 weights": lambda: quantizers.Int4QuantizationConfig(activation_quantizer=None),
    }
    return lambda model: model.quantize(config=config[kind]())


def _freeze(model: Any) -> None:
    """Keep all layers but the last as they are, as in learning for another task."""
    for layer in model.layers[:-1]:
        layer.trainable = False


LAYERS = (
    case(
        "convolution",
        "convolution",
        _stack(IMAGE, lambda: layers.Conv2D(12, 3, strides=2)),
        IMAGE,
    ),
    case(
        "convolution, padding same",
        "convolution",
        _stack(IMAGE, lambda: layers.Conv2D(12, (4, 3), padding="same")),
        IMAGE,
    ),
    case(
        "convolution, grouped",
        "convolution",
        _stack(IMAGE, lambda: layers.Conv2D(12, 3, groups=4)),
        IMAGE,
    ),
    case(
        "convolution, depthwise separable",
        "convolution",
        _stack(IMAGE, lambda: layers.SeparableConv2D(12, 3, padding="same")),
        IMAGE,
    ),
    case(
        "convolution, dilated",
        "convolution",
        _stack(IMAGE, lambda: layers.Conv2D(12, 3, dilation_rate=2, padding="same")),
        IMAGE,
    ),
    case(
        "convolution, transposed",
        "convolution",
        _stack(IMAGE, lambda: layers.Conv2DTranspose(12, 4, strides=2, padding="same")),
        IMAGE,
    ),
    case(
        "convolution, 1d",
        "convolution",
        _stack((1, 33, 6), lambda: layers.Conv1D(10, 5, strides=2, padding="causal")),
        (1, 33, 6),
    ),
    case(
        "convolution, 3d",
        "convolution",
        _stack((1, 5, 9, 9, 3), lambda: layers.Conv3D(8, 3, padding="same")),
        (1, 5, 9, 9, 3),
    ),
    case("MLP", "products", _perceptron, ROW),
    case("einsum", "products", modules.einsum_attention, SEQUENCE),
    case("matrix products as functions", "products", modules.Functions, (1, 7, 8)),
    case("attention", "attention", modules.attention, SEQUENCE),
    case("attention, grouped queries", "attention", modules.grouped_queries, (1, 9, 32)),
    case("attention, cross", "attention", modules.cross, SEQUENCE, (1, 11, 12)),
    case(
        "LSTM, two layers, both directions",
        "recurrence",
        _stack(
            (1, 7, 6),
            lambda: layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
            lambda: layers.Bidirectional(layers.LSTM(5)),
            lambda: layers.Dense(3),
        ),
        (1, 7, 6),
    ),
    case(
        "GRU",
        "recurrence",
        _stack((1, 7, 6), lambda: layers.GRU(5), lambda: layers.Dense(3)),
        (1, 7, 6),
    ),
    case("mixture of experts", "experts", modules.Experts, SEQUENCE),
    case("tied weights", "shared weights", modules.tied, tokens(50, 7)),
    case("module called twice", "shared weights", modules.twice, IMAGE),
    case("frozen weights", "frozen weights", modules.small_network, (1, 16, 16, 3), finish=_freeze),
    case("quantised", "quantised", _perceptron, ROW, finish=_quantise("int8")),
    case(
        "quantised, weights alone",
        "quantised",
        _perceptron,
        ROW,
        finish=_quantise("int8 weights"),
    ),
    case(
        "quantised, four bits",
        "quantised",
        _perceptron,
        ROW,
        finish=_quantise("int4 weights"),
    ),
    case("control flow, loop", "control flow", modules.Adaptive, SEQUENCE),
    case("control flow, loop as an operator", "control flow", modules.Looping, SEQUENCE),
    case("control flow, scan", "control flow", modules.Scanning, SEQUENCE),
    case("control flow, branch", "control flow", modules.Branching, SEQUENCE),
    case(
        "dynamic shapes",
        "dynamic shapes",
        lambda: modules.small_network(size=None),
        (1, 20, 12, 3),
    ),
    case("batch of four", "batch", modules.small_network, (4, 16, 16, 3)),
)
