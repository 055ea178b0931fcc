"""Models that ``torch.onnx.export`` wrote, held to the modules they came from and to a run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

import analyzer
from examples.export_onnx import export_torch
from tests.onnx_models import macs_of
from tests.onnx_runs import assert_same_shapes, load, macs_that_ran

EXPORTERS: dict[str, dict[str, Any]] = {
    "plain": {"optimize": False},
    "optimized": {"optimize": True},
    "older": {"dynamo": False},
}


class Attending(nn.Module):
    """Cross-attention, whose inputs come apart."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(32, 4, kdim=24, vdim=20, batch_first=True)

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        attended: torch.Tensor = self.attention(query, key, value, need_weights=False)[0]
        return attended


class Words(nn.Module):
    """Every kind of recurrent layer, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 16, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(32, 12, batch_first=True)
        self.rnn = nn.RNN(12, 6, batch_first=True)
        self.dense = nn.Linear(6, 3)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        hidden = self.lstm(self.embedding(words))[0]
        scores: torch.Tensor = self.dense(self.rnn(self.gru(hidden)[0])[0])
        return scores


def image_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, groups=4, dilation=2),
        nn.GroupNorm(3, 12),
        nn.SiLU(),
        nn.ConvTranspose2d(12, 6, 3, stride=2),
        nn.GELU(),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.LayerNorm(6),
        nn.Linear(6, 4),
        nn.Softmax(dim=-1),
    )


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


SMALL: dict[str, tuple[Callable[[], nn.Module], tuple[torch.Tensor, ...]]] = {
    "attention": (
        Attending,
        (torch.zeros(2, 7, 32), torch.zeros(2, 9, 24), torch.zeros(2, 9, 20)),
    ),
    "encoder": (encoder, (torch.zeros(2, 10, 32),)),
    "image": (image_net, (torch.zeros(2, 3, 32, 32),)),
    "words": (Words, (torch.zeros(2, 10, dtype=torch.int64),)),
}
LARGE = {
    "convnext_tiny": (28_589_128, 4_455_531_264),
    "densenet121": (7_978_856, 2_834_161_664),
    "efficientnet_b0": (5_288_548, 385_814_752),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "resnet50": (25_557_032, 4_089_184_256),
    "vgg19": (143_667_240, 19_632_062_464),
    "vit_b_16": (86_567_656, 17_563_828_224),
}


def exported(
    module: nn.Module, inputs: tuple[torch.Tensor, ...], folder: Path, exporter: str
) -> Path:
    path = folder / "exported.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        export_torch(module, inputs, path, **EXPORTERS[exporter])
    return path


def learnable(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def state(module: nn.Module) -> int:
    return sum(buffer.numel() for buffer in module.buffers() if buffer.is_floating_point())


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", SMALL)
def test_small(name: str, exporter: str, tmp_path: Path) -> None:
    build, inputs = SMALL[name]
    module = build()
    path = exported(module, inputs, tmp_path, exporter)
    report = analyzer.analyze(str(path))
    model = load(path)
    assert report.totals.macs == macs_that_ran(model, assert_same_shapes(model))
    assert report.coverage.complete
    if exporter == "plain":
        assert report.totals.parameters.total == learnable(module)
        assert report.totals.parameters.state == state(module)
        if name != "words":  # PyTorch's counter does not look into recurrent layers
            assert report.totals.macs == macs_of(module, inputs)


def test_layers_are_the_modules(tmp_path: Path) -> None:
    report = analyzer.analyze(str(exported(encoder(), SMALL["encoder"][1], tmp_path, "plain")))
    types = {layer.path: layer.type for layer in report.layers}
    assert types["layers.0"] == "TransformerEncoderLayer"
    assert types["layers.1/self_attn"] == "MultiheadAttention"
    assert report["layers.1/linear2"].parameters.total == 64 * 32 + 32
    older = analyzer.analyze(str(exported(encoder(), SMALL["encoder"][1], tmp_path, "older")))
    assert {layer.path for layer in older.layers} >= {"layers.0/self_attn", "layers.1/linear2"}


@pytest.mark.slow
@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", LARGE)
def test_large(name: str, exporter: str, tmp_path: Path) -> None:
    module = getattr(torchvision.models, name)(weights=None)
    path = exported(module, (torch.zeros(1, 3, 224, 224),), tmp_path, exporter)
    report = analyzer.analyze(str(path))
    parameters, macs = LARGE[name]
    assert report.totals.macs == macs
    assert report.coverage.complete
    if exporter == "plain":
        assert report.totals.parameters.total == parameters == learnable(module)
        assert report.totals.parameters.state == state(module)
    model = load(path)
    assert macs_that_ran(model, assert_same_shapes(model)) == macs
