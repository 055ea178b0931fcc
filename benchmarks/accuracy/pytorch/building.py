"""How a case of PyTorch is made: a module with random weights, and tensors of these shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from benchmarks.accuracy.cases import Built, Case

__all__ = ["case", "tokens"]

Input = Sequence[int] | Callable[[], torch.Tensor]


def case(
    name: str, covers: str, model: Callable[[], nn.Module], *inputs: Input, quick: bool = True
) -> Case:
    """Return a case whose weights and inputs are random, and the same each time it is built.

    Args:
        name: of the case.
        covers: what it is in the list for.
        model: makes the module.
        inputs: shapes of normal numbers, or what makes another tensor.
        quick: whether it is small.
    """

    def build() -> Built:
        torch.manual_seed(0)
        made = tuple(one() if callable(one) else torch.randn(*one) for one in inputs)
        return Built(model(), made)

    return Case(name=name, covers=covers, build=build, quick=quick)


def tokens(vocabulary: int, length: int, batch: int = 1) -> Callable[[], torch.Tensor]:
    """Return what draws tokens, none of which is 0."""
    return lambda: torch.randint(1, vocabulary, (batch, length))
