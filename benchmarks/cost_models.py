"""What :mod:`benchmarks.cost` measures: models that people know, and chains of any length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import analyzer
from benchmarks.light import light_file

__all__ = ["CHAINS", "MODELS", "PACKAGES", "Chain", "Subject"]


class Subject(NamedTuple):
    """What is analysed, and with what inputs."""

    model: object
    inputs: object = None


def _resnet50(folder: Path) -> Subject:
    return _of_torchvision("resnet50")


def _vit_b_16(folder: Path) -> Subject:
    return _of_torchvision("vit_b_16")


def _of_torchvision(name: str) -> Subject:
    import torch
    from torchvision import models

    with torch.device("meta"):
        return Subject(models.get_model(name).eval(), (1, 3, 224, 224))


def _llama(folder: Path) -> Subject:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=2,
        vocab_size=4096,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config).eval()
    return Subject(model, analyzer.InputSpec(name="input_ids", shape=(1, 64), dtype="int64"))


def _light_resnet50(folder: Path) -> Subject:
    return Subject(str(light_file("resnet50")))


def _blocks(folder: Path) -> Subject:
    from tests.onnx_files import write_many_nodes

    path = folder / "blocks.onnx"
    write_many_nodes(path, blocks=250)
    return Subject(str(path))


def _mobilenet(folder: Path) -> Subject:
    from keras import applications

    return Subject(applications.MobileNet(alpha=0.25, weights=None))


def _tagger(folder: Path) -> Subject:
    import keras
    from keras import layers

    words = keras.Input((20,), dtype="int32")
    x = layers.Embedding(50, 16)(words)
    for _ in range(8):
        x = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(x)
        x = layers.MultiHeadAttention(2, 8)(x, x)
        x = layers.LayerNormalization()(x)
    return Subject(keras.Model(words, layers.Dense(5, activation="softmax")(x)))


def _saved_model(folder: Path) -> Subject:
    import tensorflow as tf

    module = tf.Module()
    module.weights = [tf.Variable(tf.ones((8, 8))) for _ in range(20)]
    module.run = _function(module.weights, 200, 8, 1)
    tf.saved_model.save(module, str(folder / "saved"))
    return Subject(str(folder / "saved"))


def _chain_of_torch(folder: Path, operations: int, features: int, rows: int) -> Subject:
    import torch
    from torch import nn

    with torch.device("meta"):
        pairs = [(nn.Linear(features, features), nn.ReLU()) for _ in range(operations // 2)]
    return Subject(nn.Sequential(*chain.from_iterable(pairs)).eval(), (rows, features))


def _chain_of_onnx(folder: Path, operations: int, features: int, rows: int) -> Subject:
    from tests.onnx_files import write_chain

    path = folder / f"chain-{operations}-{features}.onnx"
    write_chain(path, layers=operations, features=features)
    return Subject(str(path), (rows, features))


def _chain_of_keras(folder: Path, operations: int, features: int, rows: int) -> Subject:
    import keras

    with keras.StatelessScope(initialize_variables=False):  # Keras draws no weights
        x = place = keras.Input((features,))
        for _ in range(operations // 2):
            x = keras.layers.ReLU()(keras.layers.Dense(features)(x))
        return Subject(keras.Model(place, x), (rows, features))


def _chain_of_tensorflow(folder: Path, operations: int, features: int, rows: int) -> Subject:
    import tensorflow as tf

    weights = [tf.Variable(tf.ones((features, features)))]
    return Subject(_function(weights, operations, features, rows))


def _function(weights: list[Any], operations: int, features: int, rows: int) -> Any:
    import tensorflow as tf

    def run(x: Any) -> Any:
        for at in range(operations // 2):
            x = tf.tanh(tf.matmul(x, weights[at % len(weights)]))
        return x

    signature = [tf.TensorSpec((rows, features), tf.float32)]
    return tf.function(run, input_signature=signature, autograph=False)


MODELS: Mapping[str, Mapping[str, Callable[[Path], Subject]]] = {
    "torch": {"resnet50": _resnet50, "vit_b_16": _vit_b_16, "llama": _llama},
    "onnx": {"light_resnet50": _light_resnet50, "1,000 nodes": _blocks},
    "keras": {"MobileNet": _mobilenet, "tagger": _tagger},
    "tensorflow": {"SavedModel": _saved_model},
}
"""Models by importer and name; each is made in a folder that it may write to."""

Chain = Callable[[Path, int, int, int], Subject]
"""From a folder, the number of operations, the width and the rows of the input to a chain."""

CHAINS: Mapping[str, Chain] = {
    "torch": _chain_of_torch,
    "onnx": _chain_of_onnx,
    "keras": _chain_of_keras,
    "tensorflow": _chain_of_tensorflow,
}
"""Chains by importer."""

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "torch": ("torch", "torchvision", "transformers"),
    "onnx": ("onnx", "numpy"),
    "keras": ("keras", "tensorflow"),
    "tensorflow": ("tensorflow",),
}
"""Packages whose version moves what an importer calls outside of our own modules."""
