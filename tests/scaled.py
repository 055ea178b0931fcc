"""Models whose cost is known in closed form, or is known not to be a polynomial."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def encoder(d: int = 64, layers: int = 2, heads: int = 4) -> nn.Module:
    """Make a transformer's encoder: a layer has 12·d² weights in its products."""
    layer = nn.TransformerEncoderLayer(d, heads, 4 * d, batch_first=True)
    return nn.TransformerEncoder(layer, layers)


def strided() -> nn.Module:
    """Make convolutions that halve twice, so that sizes are rounded twice."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 8, 3, stride=2, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )


class Padded(nn.Module):
    """Attends in windows of 5: what is left over is filled up, and so is never a polynomial."""

    def forward(self, x: Tensor) -> Tensor:
        filled = nn.functional.pad(x, (0, -x.shape[-1] % 5))
        windows = filled.reshape(-1, 5)
        return windows @ windows.T


class Short(nn.Module):
    """Takes no more than twelve steps, nor fewer than three."""

    def forward(self, x: Tensor) -> Tensor:
        if not 3 <= x.shape[1] <= 12:
            raise ValueError(f"{x.shape[1]} steps are too many or too few")
        return x * 2


class Split(nn.Module):
    """Needs a number of channels that halves evenly four times."""

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(4):
            if x.shape[1] % 2:
                raise ValueError("odd")
            x = nn.functional.max_pool1d(x[None], 2)[0]
        return x


class Wide(nn.Module):
    """Holds most memory in one place for few steps, and in another for many."""

    def forward(self, x: Tensor) -> Tensor:
        many = x[:, :1].expand(-1, 100).contiguous().sum() * 1.0
        return (x[:, :, None] * x[:, None, :]).sum() + many


class Stray(nn.Module):
    """Does something that nobody can count."""

    def forward(self, x: Tensor) -> Any:
        return torch.linalg.svdvals(x), x * 2
