"""Small Keras networks of many kinds; the same code runs on every backend of Keras.

``python -m tests.keras_networks NAME…`` writes the report on each as JSON, for whoever compares
backends; without names, on all.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import keras
from keras import layers, ops

__all__ = ["INPUTS", "NETWORKS", "reports", "transformer"]


def convolutional() -> Any:
    return keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(8, 3, padding="same", strides=2, activation="relu"),
            layers.SeparableConv2D(6, 3, dilation_rate=2),
            layers.AveragePooling2D(2),
            layers.Conv2DTranspose(4, 3, strides=2),
            layers.GlobalMaxPooling2D(),
            layers.Dropout(0.5),
            layers.Dense(5, activation="softmax"),
        ]
    )


def residual() -> Any:
    x = image = layers.Input((12, 12, 4), name="image")
    for filters, stride in ((4, 1), (8, 2)):
        y = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
        if stride > 1:
            x = layers.Conv2D(filters, 1, strides=stride)(x)
        x = layers.Activation("relu")(layers.Add()([x, y]))
    return keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def mobile() -> Any:
    return keras.applications.MobileNetV3Small(
        input_shape=(64, 64, 3), weights=None, classes=10, minimalistic=False
    )


def recurrent() -> Any:
    return keras.Sequential(
        [
            layers.Input((9, 6)),
            layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
            layers.GRU(4, return_sequences=True, reset_after=False),
            layers.Bidirectional(layers.GRU(4, return_sequences=True), merge_mode="sum"),
            layers.SimpleRNN(3, return_sequences=True, go_backwards=True),
            layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)]),
        ]
    )


def masked() -> Any:
    tokens = layers.Input((7,), dtype="int32", name="tokens")
    x = layers.Embedding(30, 8, mask_zero=True)(tokens)
    x = layers.LSTM(6, return_sequences=True)(x)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    return keras.Model(tokens, layers.GlobalAveragePooling1D()(x))


def transformer(activation: str = "gelu") -> Any:
    tokens = layers.Input((10,), dtype="int32", name="tokens")
    x = layers.Embedding(50, 16)(tokens) + layers.Embedding(10, 16)(ops.arange(10))
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, 4)(y, y, use_causal_mask=True)
        y = layers.LayerNormalization()(x)
        x = x + layers.Dense(16)(layers.Dense(32, activation=activation)(y))
    return keras.Model(tokens, layers.Dense(50, use_bias=False)(x))


def shared_and_nested() -> Any:
    block = keras.Sequential(
        [layers.Input((6,)), layers.Dense(6, activation="selu"), layers.LayerNormalization()],
        name="block",
    )
    left, right = layers.Input((6,), name="left"), layers.Input((6,), name="right")
    joined = layers.Concatenate()([block(left), block(block(right))])
    return keras.Model([left, right], {"joined": joined, "left": layers.Dense(2)(block(left))})


class Gated(keras.layers.Layer):  # type: ignore[misc]
    """A layer of keras.ops and operators, with weights of its own."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 2 * self.units), name="kernel")
        self.scale = self.add_weight(shape=(self.units,), name="scale", initializer="ones")

    def call(self, x: Any) -> Any:
        value, gate = ops.split(x @ self.kernel, 2, axis=-1)
        y = value * ops.sigmoid(gate) * self.scale
        y = y / ops.sqrt(ops.mean(ops.square(y), axis=-1, keepdims=True) + 1e-6)
        return ops.where(y > 0, y, 0.1 * y) + ops.max(y, axis=-1, keepdims=True)


def own_layer() -> Any:
    return keras.Sequential([layers.Input((5, 6)), Gated(4), Gated(3), layers.Flatten()])


class Subclassed(keras.Model):  # type: ignore[misc]
    """A subclass with a loop in it, several arguments, and a structure for a result."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = layers.Embedding(20, 8)
        self.blocks = [layers.Dense(8, activation="tanh") for _ in range(3)]
        self.norm = layers.BatchNormalization()
        self.head = layers.Dense(4)

    def call(self, tokens: Any, features: Any, training: bool = False) -> Any:
        x = self.embed(tokens) + ops.expand_dims(features, 1)
        for block in self.blocks:
            x = x + block(x)
        x = self.norm(x, training=training)
        return {"logits": self.head(x), "pooled": ops.mean(x, axis=1)}


def several_branches() -> Any:
    image = layers.Input((8, 8, 2), name="image")
    sound = layers.Input((20, 3), name="sound")
    a = layers.Flatten()(layers.MaxPooling2D()(layers.DepthwiseConv2D(3)(image)))
    b = layers.GlobalAveragePooling1D()(layers.Conv1D(4, 3, padding="causal")(sound))
    both = layers.Dense(6, activation="silu")(layers.Concatenate()([a, b]))
    gate = layers.Dot(axes=1)([both, layers.Dense(6, activation="hard_sigmoid")(b)])
    return keras.Model({"image": image, "sound": sound}, [both, gate])


def quantised() -> Any:
    dense = layers.Dense(6)
    model = keras.Sequential(
        [
            layers.Input((6,), dtype="int32"),
            layers.Embedding(10, 8),
            layers.EinsumDense("abc,cd->abd", (6, 6), bias_axes="d"),
            layers.Flatten(),
            dense,
        ]
    )
    model.quantize("int8", filters=["embedding", "dense"])
    return model


def preprocessing() -> Any:
    return keras.Sequential(
        [
            layers.Input((20, 20, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Resizing(16, 16),
            layers.CenterCrop(12, 12),
            layers.RandomFlip(),
            layers.RandomContrast(0.2),
            layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 1.0, 1.0]),
            layers.ZeroPadding2D(1),
            layers.UpSampling2D(2, interpolation="bilinear"),
            layers.GaussianNoise(0.1),
        ]
    )


def volumes() -> Any:
    return keras.Sequential(
        [
            layers.Input((3, 6, 6, 2)),
            layers.ConvLSTM2D(4, 3, return_sequences=True, padding="same"),
            layers.TimeDistributed(layers.Conv2D(3, 3)),
            layers.Conv3D(2, 2, data_format="channels_last"),
            layers.GroupNormalization(groups=2),
            layers.SpectralNormalization(layers.Dense(3)),
            layers.PReLU(),
        ]
    )


def halves() -> Any:
    x = layers.Input((4, 8), dtype="bfloat16")
    y = layers.GroupQueryAttention(4, 4, 2, dtype="mixed_bfloat16")(x, x)
    return keras.Model(x, layers.Dense(3, dtype="bfloat16")(layers.RMSNormalization()(y)))


NETWORKS: dict[str, Callable[[], Any]] = {
    "convolutional": convolutional,
    "halves": halves,
    "masked": masked,
    "mobile": mobile,
    "own layer": own_layer,
    "preprocessing": preprocessing,
    "quantised": quantised,
    "recurrent": recurrent,
    "residual": residual,
    "several branches": several_branches,
    "shared and nested": shared_and_nested,
    "subclassed": Subclassed,
    "transformer": transformer,
    "volumes": volumes,
}
INPUTS: dict[str, Any] = {"subclassed": {"tokens": "2x5:int32", "features": (2, 8)}}
"""What is said of inputs where the model does not tell."""


def reports(names: Iterable[str]) -> dict[str, Any]:
    """Return the networks' reports, in inference and in training, as plain data."""
    from analyzer import analyze
    from analyzer_keras.patches import without_values

    found = {}
    for name in names:
        keras.utils.clear_session()
        # JAX compiles the drawing of values for every shape; only quantising looks at them.
        with nullcontext() if name == "quantised" else without_values():
            model = NETWORKS[name]()
        for mode in ("inference", "train"):
            found[f"{name}, {mode}"] = analyze(model, INPUTS.get(name), mode=mode).to_dict()
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump(reports(sys.argv[1:] or NETWORKS), sys.stdout)
