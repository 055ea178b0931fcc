"""The CNN of the first lesson, in PyTorch: how many parameters does it have, and why?"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """Return the model: four convolutions and a dense layer on images of 3 × 32 × 32."""
    return nn.Sequential(
        OrderedDict(
            Conv1=nn.Conv2d(3, 32, 3, padding=1),
            ReLU1=nn.ReLU(),
            Conv2=nn.Conv2d(32, 64, 3, padding=1, bias=True),
            ReLU2=nn.ReLU(),
            Conv3=nn.Conv2d(64, 128, 3, padding=1),
            ReLU3=nn.ReLU(),
            Conv4=nn.Conv2d(128, 256, 1),
            ReLU4=nn.ReLU(),
            Flatten=nn.Flatten(),
            Dense=nn.Linear(32 * 32 * 256, 10),
        )
    )
