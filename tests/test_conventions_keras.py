"""What Keras prints as "Total params", held to Keras itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
import torch

import analyzer
from benchmarks.peers import keras as peers

layers = keras.layers
IMAGE = (8, 8, 3)
APPLICATIONS = (
    "ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionV3",
    "MobileNet", "MobileNetV2", "MobileNetV3Small", "NASNetMobile", "ResNet50V2", "VGG16",
    "Xception",
)  # fmt: skip


def _normalized() -> Any:
    norm = layers.Normalization()
    norm.build((None, *IMAGE))
    return keras.Sequential([keras.Input(IMAGE), norm, layers.RandomFlip()])


def _shared() -> Any:
    dense, start = layers.Dense(4), keras.Input((4,))
    return keras.Model(start, dense(dense(start)))


def _attention() -> Any:
    start = keras.Input((5, 8))
    return keras.Model(start, layers.MultiHeadAttention(2, 4, dropout=0.1)(start, start))


def _frozen() -> Any:
    convolution = layers.Conv2D(4, 3, trainable=False)
    return keras.Sequential([keras.Input(IMAGE), convolution, layers.BatchNormalization()])


def _of(*stack: Any) -> Callable[[], Any]:
    return lambda: keras.Sequential(stack)


MODELS: dict[str, Callable[[], Any]] = {
    "attention": _attention,
    "convolution": _of(
        keras.Input(IMAGE),
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.Dense(3),
    ),
    "embedding": _of(keras.Input((5,), dtype="int32"), layers.Embedding(10, 4), layers.GRU(3)),
    "frozen": _frozen,
    "normalized": _normalized,
    "recurrent": _of(keras.Input((5, 4)), layers.Bidirectional(layers.LSTM(3)), layers.Dense(2)),
    "shared": _shared,
    "spectral": _of(keras.Input(IMAGE), layers.SpectralNormalization(layers.Conv2D(4, 3))),
}


def holds(model: Any, *shape: int) -> None:
    told = analyzer.reconcile(model, shape or None)["keras"]
    assert told.parameters == peers.keras(model).parameters
    assert told.number is None


@pytest.mark.parametrize("about", MODELS)
def test_small_models(about: str) -> None:
    holds(MODELS[about]())


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_applications(name: str) -> None:
    model = getattr(keras.applications, name)(weights=None)
    holds(model, 1, *(size or 224 for size in model.inputs[0].shape[1:]))


def test_a_pytorch_model_as_keras_would_print_it() -> None:
    """PyTorch counts batches, which Keras does not; running means and variances are both's."""
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    same = MODELS["convolution"]()
    whole = keras.Sequential([keras.Input(IMAGE), *same.layers[:2]])
    told = analyzer.reconcile(module, (1, 3, 8, 8))["keras"]
    assert told.parameters == peers.keras(whole).parameters
    assert told.note
