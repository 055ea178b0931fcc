"""Cases of one layer or a few, in raw TensorFlow."""

from __future__ import annotations

from functools import partial
from typing import Any

import tensorflow as tf

from benchmarks.accuracy.arrays import padded, tokens
from benchmarks.accuracy.cases import Case
from benchmarks.accuracy.keras.layers import LAYERS as OF_KERAS
from benchmarks.accuracy.tensorflow import modules
from benchmarks.accuracy.tensorflow.building import case, saved

__all__ = ["LAYERS"]

IMAGE = (1, 16, 16, 8)
SEQUENCE = (1, 7, 16)


def _convolution(
    name: str,
    convolve: modules.Convolve,
    *kernels: tuple[int, ...],
    image: tuple[int, ...] = IMAGE,
    **settings: Any,
) -> Case:
    model = partial(modules.Convolution, partial(convolve, **settings), *kernels)
    return case(name, "convolution", model, image)


def _separable(x: Any, depthwise: Any, pointwise: Any) -> Any:
    return tf.nn.separable_conv2d(x, depthwise, pointwise, (1, 1, 1, 1), "SAME")


SAVED = (
    "attention",
    "LSTM, two layers, both directions",
    "GRU",
    "mixture of experts",
    "frozen weights",
    "quantised",
    "quantised, weights alone",
    "quantised, four bits",
    "control flow, loop",
    "control flow, scan",
    "dynamic shapes",
)
"""Cases of Keras whose graphs are not those that raw code makes."""

LAYERS = (
    _convolution(
        "convolution",
        tf.nn.conv2d,
        (3, 3, 8, 12),
        strides=2,
        padding=[[0, 0], [1, 1], [1, 1], [0, 0]],
    ),
    _convolution(
        "convolution, padding same", tf.nn.conv2d, (4, 3, 8, 12), strides=1, padding="SAME"
    ),
    _convolution("convolution, grouped", tf.nn.conv2d, (3, 3, 2, 12), strides=1, padding="VALID"),
    _convolution("convolution, depthwise separable", _separable, (3, 3, 8, 1), (1, 1, 8, 12)),
    _convolution(
        "convolution, dilated",
        tf.nn.conv2d,
        (3, 3, 8, 12),
        strides=1,
        padding="SAME",
        dilations=2,
    ),
    _convolution(
        "convolution, transposed",
        tf.nn.conv2d_transpose,
        (4, 4, 12, 8),
        output_shape=(1, 32, 32, 12),
        strides=2,
    ),
    _convolution(
        "convolution, 1d", tf.nn.conv1d, (5, 6, 12), image=(1, 33, 6), stride=2, padding="VALID"
    ),
    _convolution(
        "convolution, 3d",
        tf.nn.conv3d,
        (3, 3, 3, 3, 12),
        image=(1, 5, 9, 9, 3),
        strides=(1, 1, 1, 1, 1),
        padding="SAME",
    ),
    case("MLP", "products", modules.MLP, (1, 16)),
    case("einsum", "products", modules.EinsumAttention, SEQUENCE),
    case("matrix products as functions", "products", modules.Functions, (1, 7, 8)),
    case("attention", "attention", modules.Attention, SEQUENCE),
    case("attention, grouped queries", "attention", modules.GroupedQueries, (1, 9, 32)),
    case(
        "attention, cross",
        "attention",
        partial(modules.Attention, memory=12),
        SEQUENCE,
        (1, 11, 12),
    ),
    case("LSTM, two layers, both directions", "recurrence", modules.Bidirectional, (1, 7, 6)),
    case("GRU", "recurrence", modules.GRU, (1, 7, 6)),
    case("mixture of experts", "experts", modules.Experts, SEQUENCE),
    case("tied weights", "shared weights", modules.Tied, tokens(50, 7)),
    case("module called twice", "shared weights", modules.Twice, IMAGE),
    case("quantised", "quantised", modules.FakeQuantised, IMAGE),
    case("quantised, integers", "quantised", modules.Int8Products, (1, 16)),
    case("quantised, weights alone", "quantised", modules.Int8Weights, (1, 16)),
    case("control flow, loop", "control flow", modules.Adaptive, SEQUENCE),
    case("control flow, loop as an operator", "control flow", modules.Looping, SEQUENCE),
    case("control flow, branch", "control flow", modules.Branching, SEQUENCE),
    case("dynamic shapes", "dynamic shapes", modules.Trimming, padded(50, 11, 32)),
    case("batch of four", "batch", modules.SmallNetwork, (4, 16, 16, 3)),
    *(saved(of, f"{of.name}, as a SavedModel") for of in OF_KERAS if of.name in SAVED),
)
