"""A model that is made by its name has the same random weights each time."""

from __future__ import annotations

import random

import numpy
import torch
from torch import Tensor, nn

import analyzer


class Chosen(nn.Module):
    """Does as much as its weights, drawn at random, say."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(4, 4)
        self.times = 1 + int(torch.randint(1000, ()))

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = self.dense(x)
        return x


def test_the_same_numbers_each_time() -> None:
    first, second = (analyzer.analyze(f"{__name__}:Chosen", (1, 4)).totals.macs for _ in range(2))
    assert first == second
    assert first  # it was counted


def test_the_users_random_numbers_stay() -> None:
    def states() -> tuple[object, ...]:
        return torch.get_rng_state().tolist(), random.getstate(), str(numpy.random.get_state())

    before = states()
    analyzer.analyze(f"{__name__}:Chosen", (1, 4))
    assert states() == before
