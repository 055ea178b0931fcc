"""The networks that are measured, with all who count them; frameworks are imported in functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.light import light_file

__all__ = ["LIGHT_FILE", "NETWORKS", "Network", "classifier"]

Tools = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network that is counted.

    Attributes:
        make: makes the model and what it is called with, where tools are given that.
        tools: brings the other tools; each takes the model and what it is called with.
        truth: counts the MACs of a run; None where a network cannot be run.
    """

    make: Callable[[], tuple[Any, ...]]
    tools: Callable[[], Tools]
    truth: Callable[..., int] | None


def _of_pytorch() -> Tools:
    from benchmarks.peers.pytorch import APART, TOOLS

    return {name: tool for name, tool in TOOLS.items() if name not in APART}


def _of_keras() -> Tools:
    from benchmarks.peers.keras import TOOLS

    return TOOLS


def _of_onnx() -> Tools:
    from benchmarks.peers.onnx import TOOLS

    return TOOLS


def _run_by_pytorch(model: Any, image: Any) -> int:
    from benchmarks.truth.pytorch import count

    return count(model, image).macs


def _run_by_tensorflow(model: Any) -> int:
    import tensorflow as tf

    from benchmarks.truth.tensorflow import count

    image = tf.zeros((1, *model.inputs[0].shape[1:]))
    return count(partial(model, training=False), image, learned=model.trainable_variables).macs


def _run_by_onnxruntime(path: str) -> int:
    import numpy as np
    import onnx

    from benchmarks.truth.onnx import count

    model = onnx.load(path)
    stored = {one.name for one in model.graph.initializer}
    given = (item.type.tensor_type for item in model.graph.input if item.name not in stored)
    inputs = [np.ones([size.dim_value for size in one.shape.dim], np.float32) for one in given]
    return count(model, inputs, frozenset()).macs


def _small() -> tuple[Any, Any]:
    import torch
    from torch import nn

    layers = (
        *(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)),
    )
    return nn.Sequential(*layers).eval(), torch.ones(1, 3, 32, 32)


def classifier(name: str) -> tuple[Any, Any]:
    """Make a classifier of torchvision, and an image."""
    import torch
    from torchvision.models import get_model

    return get_model(name).eval(), torch.ones(1, 3, 224, 224)


def _bert() -> tuple[Any, Any]:
    import torch
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig()).eval(), torch.ones(1, 128, dtype=torch.int64)


def _llama() -> tuple[Any, Any]:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=8192,
        intermediate_size=28672,
        num_hidden_layers=80,
        num_attention_heads=64,
        num_key_value_heads=8,
        vocab_size=128256,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config).eval()
        return model, torch.ones(1, 128, dtype=torch.int64)


def _resnet_of_keras() -> tuple[Any]:
    from keras.applications import ResNet50

    return (ResNet50(weights=None),)


def _light_file(name: str) -> tuple[str]:
    return (str(light_file(name)),)


_PYTORCH = partial(Network, tools=_of_pytorch, truth=_run_by_pytorch)
_ONNX = partial(Network, tools=_of_onnx, truth=_run_by_onnxruntime)

LIGHT_FILE = "a light ONNX file"

NETWORKS: Mapping[str, Network] = {
    "BERT-base": _PYTORCH(make=_bert),
    "Llama-3-70B": _PYTORCH(make=_llama, truth=None),
    "ResNet-50": _PYTORCH(make=partial(classifier, "resnet50")),
    f"ResNet-50, {LIGHT_FILE}": _ONNX(make=partial(_light_file, "resnet50")),
    "ResNet50 of Keras": Network(make=_resnet_of_keras, tools=_of_keras, truth=_run_by_tensorflow),
    f"SqueezeNet, {LIGHT_FILE}": _ONNX(make=partial(_light_file, "squeezenet")),
    "ViT-B/16": _PYTORCH(make=partial(classifier, "vit_b_16")),
    "small CNN": _PYTORCH(make=_small),
}
"""Networks by the names of their tables."""
