"""Cases of one layer or a few.

There is none of shapes that depend on data: JAX has no such shapes. What is routed or cut by data
is masked, or has sizes that are bounds.
"""

from __future__ import annotations

from flax import linen as nn

from benchmarks.accuracy.arrays import tokens
from benchmarks.accuracy.flax import modules
from benchmarks.accuracy.flax.building import case

__all__ = ["LAYERS"]

IMAGE = (1, 16, 16, 8)
SEQUENCE = (1, 7, 16)


LAYERS = (
    case(
        "convolution",
        "convolution",
        lambda: nn.Conv(12, (3, 3), strides=2, padding=1),
        IMAGE,
    ),
    case(
        "convolution, padding same",
        "convolution",
        lambda: nn.Conv(12, (4, 3), padding="SAME"),
        IMAGE,
    ),
    case(
        "convolution, grouped",
        "convolution",
        lambda: nn.Conv(12, (3, 3), padding="VALID", feature_group_count=4),
        IMAGE,
    ),
    case(
        "convolution, depthwise separable",
        "convolution",
        lambda: nn.Sequential([nn.Conv(8, (3, 3), feature_group_count=8), nn.Conv(12, (1, 1))]),
        IMAGE,
    ),
    case(
        "convolution, dilated",
        "convolution",
        lambda: nn.Conv(12, (3, 3), kernel_dilation=2, padding=2),
        IMAGE,
    ),
    case(
        "convolution, transposed",
        "convolution",
        lambda: nn.ConvTranspose(12, (4, 4), strides=(2, 2)),
        IMAGE,
    ),
    case(
        "convolution, 1d",
        "convolution",
        lambda: nn.Conv(10, (5,), strides=2, padding="VALID"),
        (1, 33, 6),
    ),
    case("convolution, 3d", "convolution", lambda: nn.Conv(8, (3, 3, 3)), (1, 5, 9, 9, 3)),
    case(
        "MLP",
        "products",
        lambda: nn.Sequential(
            [nn.Dense(24), nn.gelu, nn.Dropout(0.1, deterministic=True), nn.Dense(5)]
        ),
        (1, 16),
    ),
    case("einsum", "products", modules.EinsumAttention, SEQUENCE),
    case("matrix products as functions", "products", modules.Functions, (1, 7, 8)),
    case("attention", "attention", modules.Attention, SEQUENCE),
    case("attention, grouped queries", "attention", modules.GroupedQueries, (1, 9, 32)),
    case("attention, cross", "attention", modules.Cross, SEQUENCE, (1, 11, 12)),
    case(
        "LSTM, two layers, both directions",
        "recurrence",
        lambda: modules.Recurrent(nn.OptimizedLSTMCell, layers=2, both_ways=True),
        (1, 7, 6),
    ),
    case("GRU", "recurrence", lambda: modules.Recurrent(nn.GRUCell), (1, 7, 6)),
    case("mixture of experts", "experts", modules.Experts, SEQUENCE),
    case("tied weights", "shared weights", modules.Tied, tokens(50, 7)),
    case("module called twice", "shared weights", modules.Twice, IMAGE),
    case(
        "quantised",
        "quantised",
        lambda: nn.Sequential([modules.Int8(24), nn.gelu, modules.Int8(5)]),
        (1, 16),
    ),
    case(
        "quantised, weights alone",
        "quantised",
        lambda: nn.Sequential([modules.Int8Weights(24), nn.gelu, modules.Int8Weights(8)]),
        (1, 16),
    ),
    case("control flow, loop", "control flow", modules.Adaptive, SEQUENCE),
    case("control flow, loop as an operator", "control flow", modules.Looping, SEQUENCE),
    case("control flow, scan of layers", "control flow", modules.Stacked, SEQUENCE),
    case("control flow, branch", "control flow", modules.Branching, SEQUENCE),
    case("batch of four", "batch", modules.SmallNetwork, (4, 16, 16, 3)),
)
