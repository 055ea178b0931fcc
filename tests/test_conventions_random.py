"""Networks made at random: each convention says what its tool says of all of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import analyzer
from benchmarks.peers import pytorch as peers

TOOLS = {
    "fvcore": "fvcore",
    "thop": "thop",
    "torch": "flop counter, meta",
    "torchinfo": "torchinfo",
}
LAYERS: tuple[Callable[[int, int, int], nn.Module], ...] = (
    lambda c, h, w: nn.Conv2d(c, 2 * c, 3, padding=1, groups=c),
    lambda c, h, w: nn.Conv2d(c, 3, 2, stride=2, dilation=2, bias=False),
    lambda c, h, w: nn.ConvTranspose2d(c, 2, 3, stride=2),
    lambda c, h, w: nn.BatchNorm2d(c),
    lambda c, h, w: nn.BatchNorm2d(c, affine=False),
    lambda c, h, w: nn.BatchNorm2d(c, track_running_stats=False),
    lambda c, h, w: nn.InstanceNorm2d(c, affine=True),
    lambda c, h, w: nn.InstanceNorm2d(c, track_running_stats=True),
    lambda c, h, w: nn.GroupNorm(1, c),
    lambda c, h, w: nn.LayerNorm((h, w)),
    lambda c, h, w: nn.LayerNorm(w, elementwise_affine=False),
    lambda c, h, w: nn.RMSNorm(w),
    lambda c, h, w: nn.LocalResponseNorm(2),
    lambda c, h, w: nn.AvgPool2d(2, ceil_mode=True),
    lambda c, h, w: nn.MaxPool2d(2, 1),
    lambda c, h, w: nn.LPPool2d(2, 2),
    lambda c, h, w: nn.AdaptiveAvgPool2d(3),
    lambda c, h, w: nn.AdaptiveAvgPool2d((None, 2)),
    lambda c, h, w: nn.AdaptiveMaxPool2d(2),
    lambda c, h, w: nn.PReLU(c),
    lambda c, h, w: nn.LeakyReLU(),
    lambda c, h, w: nn.GELU(),
    lambda c, h, w: nn.Hardswish(),
    lambda c, h, w: nn.Softmax(1),
    lambda c, h, w: nn.Softmax2d(),
    lambda c, h, w: nn.LogSoftmax(-1),
    lambda c, h, w: nn.Linear(w, 5),
    lambda c, h, w: nn.Upsample(scale_factor=2),
    lambda c, h, w: nn.Upsample((2 * h, w), mode="bilinear"),
    lambda c, h, w: nn.Upsample(scale_factor=1.5, mode="bicubic"),
    lambda c, h, w: nn.Upsample(scale_factor=2, mode="nearest-exact"),
    lambda c, h, w: nn.UpsamplingBilinear2d(scale_factor=2),
    lambda c, h, w: nn.ReflectionPad2d(1),
    lambda c, h, w: nn.PixelUnshuffle(2),
    lambda c, h, w: nn.Sequential(nn.Flatten(2), nn.Linear(h * w, 6), nn.Unflatten(2, (2, 3))),
    lambda c, h, w: nn.utils.parametrizations.weight_norm(nn.Conv2d(c, 4, 1)),
)
"""From the channels, height and width of what comes in."""


def network(x: torch.Tensor, chosen: list[int]) -> nn.Module:
    """Put layers one after the other, leaving out those that a map is too small for."""
    layers: list[nn.Module] = []
    for at in chosen:
        try:
            layer = LAYERS[at](x.shape[1], x.shape[2], x.shape[3]).eval()
            given = layer(x)
        except (RuntimeError, ValueError):
            continue
        if given.ndim == 4 and 0 < given.numel() < 20_000:
            layers.append(layer)
            x = given
    return nn.Sequential(*layers, nn.Identity())


@pytest.mark.parametrize("name", TOOLS)
@settings(max_examples=12)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(3, 10), st.integers(3, 10)),
    st.lists(st.integers(0, len(LAYERS) - 1), min_size=1, max_size=5),
)
def test_random_networks(name: str, shape: tuple[int, ...], chosen: list[int]) -> None:
    x = torch.zeros(shape)
    model = network(x, chosen)
    said = peers.TOOLS[TOOLS[name]](model, x)
    told = analyzer.reconcile(model, x, conventions=[name])[name]
    assert told.number == (said.flops if said.macs is None else said.macs)
    if told.convention.parameters:
        assert told.parameters == said.parameters
