"""Cases of one layer or a few: what a tool knows, and what it does not."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from benchmarks.accuracy.pytorch import modules
from benchmarks.accuracy.pytorch.building import case, tokens

__all__ = ["LAYERS"]

IMAGE = (1, 8, 16, 16)
SEQUENCE = (1, 7, 16)


def _within(*layers: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Make a network of layers: tools that hook modules may leave a bare layer out."""
    return lambda: nn.Sequential(*(layer() for layer in layers))


def _perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.Dropout(0.1), nn.Linear(24, 5))


def _quantised() -> nn.Module:
    quantise: Callable[..., nn.Module] = torch.ao.quantization.quantize_dynamic
    return quantise(_perceptron(), {nn.Linear}, torch.qint8)


def _padded() -> torch.Tensor:
    padded = torch.zeros(1, 32, dtype=torch.int64)
    padded[0, :11] = torch.randint(1, 50, (11,))
    return padded


def _small_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


LAYERS = (
    case(
        "convolution",
        "convolution",
        _within(lambda: nn.Conv2d(8, 12, 3, stride=2, padding=1)),
        IMAGE,
    ),
    case(
        "convolution, padding same",
        "convolution",
        _within(lambda: nn.Conv2d(8, 12, (4, 3), padding="same")),
        IMAGE,
    ),
    case(
        "convolution, grouped",
        "convolution",
        _within(lambda: nn.Conv2d(8, 12, 3, groups=4)),
        IMAGE,
    ),
    case(
        "convolution, depthwise separable",
        "convolution",
        _within(lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8), lambda: nn.Conv2d(8, 12, 1)),
        IMAGE,
    ),
    case(
        "convolution, dilated",
        "convolution",
        _within(lambda: nn.Conv2d(8, 12, 3, dilation=2, padding=2)),
        IMAGE,
    ),
    case(
        "convolution, transposed",
        "convolution",
        _within(lambda: nn.ConvTranspose2d(8, 12, 4, stride=2, padding=1)),
        IMAGE,
    ),
    case(
        "convolution, 1d",
        "convolution",
        _within(lambda: nn.Conv1d(6, 10, 5, stride=2)),
        (1, 6, 33),
    ),
    case(
        "convolution, 3d",
        "convolution",
        _within(lambda: nn.Conv3d(3, 8, 3, padding=1)),
        (1, 3, 5, 9, 9),
    ),
    case("MLP", "products", _perceptron, (1, 16)),
    case("einsum", "products", modules.EinsumAttention, SEQUENCE),
    case("matrix products as functions", "products", modules.Functions, (1, 7, 8)),
    case("attention", "attention", modules.Attention, SEQUENCE),
    case("attention, grouped queries", "attention", modules.GroupedQueries, (1, 9, 32)),
    case("attention, cross", "attention", modules.Cross, SEQUENCE, (1, 11, 12)),
    case(
        "LSTM, two layers, both directions",
        "recurrence",
        lambda: modules.Recurrent(
            nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)
        ),
        (1, 7, 6),
    ),
    case(
        "GRU",
        "recurrence",
        lambda: modules.Recurrent(nn.GRU(6, 5, batch_first=True)),
        (1, 7, 6),
    ),
    case("mixture of experts", "experts", modules.Experts, SEQUENCE),
    case("tied weights", "shared weights", modules.Tied, tokens(50, 7)),
    case("module called twice", "shared weights", modules.Twice, IMAGE),
    case("quantised", "quantised", _quantised, (1, 16)),
    case(
        "quantised, weights alone",
        "quantised",
        _within(lambda: modules.Int8Linear(16, 24), nn.GELU, lambda: modules.Int8Linear(24, 8)),
        (1, 16),
    ),
    case("control flow, loop", "control flow", modules.Adaptive, SEQUENCE),
    case("control flow, loop as an operator", "control flow", modules.Looping, SEQUENCE),
    case("control flow, branch", "control flow", modules.Branching, SEQUENCE),
    case("dynamic shapes", "dynamic shapes", modules.Trimming, _padded),
    case("batch of four", "batch", _small_network, (4, 3, 16, 16)),
)
