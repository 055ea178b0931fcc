"""PyTorch: modules on the CPU, with random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torchvision
from torch import nn

from benchmarks.accuracy.cases import Built, Case, Framework
from benchmarks.accuracy.judging import OURS
from benchmarks.accuracy.ours import ours
from benchmarks.peers import Figures
from benchmarks.peers import pytorch as peers
from benchmarks.truth import Truth
from benchmarks.truth import pytorch as truth

__all__ = ["FRAMEWORK"]


def _image(*layers: nn.Module, channels: int = 8, size: int = 16) -> Built:
    """Build a network of layers: tools that hook modules may leave a bare layer out."""
    return Built(nn.Sequential(*layers), (torch.randn(1, channels, size, size),))


def _torchvision(name: str) -> Callable[[], Built]:
    def build() -> Built:
        return Built(torchvision.models.get_model(name), (torch.randn(1, 3, 224, 224),))

    return build


CASES = (
    Case(
        name="convolution",
        covers="convolution",
        build=lambda: _image(nn.Conv2d(8, 12, 3, stride=2, padding=1)),
    ),
    Case(
        name="convolution, padding same",
        covers="convolution",
        build=lambda: _image(nn.Conv2d(8, 12, (4, 3), padding="same")),
    ),
    Case(
        name="convolution, grouped",
        covers="convolution",
        build=lambda: _image(nn.Conv2d(8, 12, 3, groups=4)),
    ),
    Case(
        name="LSTM, two layers, both directions",
        covers="recurrence",
        build=lambda: Built(
            nn.Sequential(nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)),
            (torch.randn(1, 7, 6),),
        ),
    ),
    Case(name="ResNet-50", covers="network", build=_torchvision("resnet50"), quick=False),
    Case(name="ViT-B/16", covers="network", build=_torchvision("vit_b_16"), quick=False),
)


def _truth(built: Built) -> Truth:
    return truth.count(built.model, *built.inputs)


def _asked(tool: Callable[..., Figures]) -> Callable[[Built], Figures]:
    return lambda built: tool(built.model, *built.inputs)


TOOLS: Mapping[str, Callable[[Built], Figures]] = {
    OURS: ours,
    **{name: _asked(tool) for name, tool in peers.TOOLS.items()},
}

FRAMEWORK = Framework(
    name="PyTorch",
    cases=CASES,
    truth=_truth,
    tools=TOOLS,
    versions=("torch", "torchvision"),
    apart=peers.APART,
)
