"""Cases that are whole networks, as Keras and KerasHub make them, without weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from benchmarks.accuracy.arrays import tokens
from benchmarks.accuracy.cases import Case
from benchmarks.accuracy.keras.building import case

__all__ = ["NETWORKS"]


def _image(name: str, title: str) -> Case:
    build = getattr(keras.applications, name)
    return case(title, "network", lambda: build(weights=None), (1, 224, 224, 3), quick=False)


def _text(model: str, head: str = "", **settings: Any) -> Callable[[], Any]:
    """Make a network of KerasHub by its class, and what predicts tokens on it by another."""

    def build() -> Any:
        from keras_hub import models

        backbone = getattr(models, model)(**settings)
        return getattr(models, head)(backbone, preprocessor=None) if head else backbone

    return build


def _ones(length: int, value: int = 1) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda _: np.full((1, length), value, np.int32)


BERT: dict[str, Any] = {
    "vocabulary_size": 1000,
    "num_layers": 4,
    "num_heads": 8,
    "hidden_dim": 128,
    "intermediate_dim": 512,
}
LLAMA = {
    "vocabulary_size": 1000,
    "num_layers": 4,
    "num_query_heads": 8,
    "num_key_value_heads": 2,
    "hidden_dim": 128,
    "intermediate_dim": 344,
}
MIXTRAL = {**LLAMA, "num_experts": 4, "top_k": 2}

NETWORKS = (
    _image("ResNet50", "ResNet-50"),
    _image("MobileNetV2", "MobileNetV2"),
    _image("EfficientNetB0", "EfficientNet-B0"),
    _image("ConvNeXtTiny", "ConvNeXt-Tiny"),
    _image("DenseNet121", "DenseNet-121"),
    case(
        "BERT, small",
        "network",
        _text("BertBackbone", **BERT),
        _ones(32),
        _ones(32, 0),
        tokens(1000, 32),
        quick=False,
    ),
    case(
        "Llama, small",
        "network",
        _text("LlamaBackbone", "LlamaCausalLM", **LLAMA),
        _ones(32),
        tokens(1000, 32),
        quick=False,
    ),
    case(
        "Mixtral, small",
        "experts",
        _text("MixtralBackbone", "MixtralCausalLM", **MIXTRAL),
        _ones(32),
        tokens(1000, 32),
        quick=False,
    ),
)
