"""Inputs that every framework can take: arrays of NumPy, the same each time they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["Input", "drawn", "padded", "tokens"]

Drawing = Callable[[np.random.Generator], np.ndarray]

Input = Sequence[int] | Drawing
"""The shape of normal numbers, or what draws another array."""


def drawn(inputs: Sequence[Input]) -> tuple[np.ndarray, ...]:
    """Draw arrays, always the same ones."""
    numbers = np.random.default_rng(0)
    return tuple(
        one(numbers) if callable(one) else numbers.normal(size=one).astype(np.float32)
        for one in inputs
    )


def tokens(vocabulary: int, length: int, batch: int = 1) -> Drawing:
    """Return what draws tokens, none of which is 0."""
    return lambda numbers: numbers.integers(1, vocabulary, (batch, length), dtype=np.int32)


def padded(vocabulary: int, length: int, longest: int) -> Drawing:
    """Return what draws tokens, and zeros behind them."""
    own = tokens(vocabulary, length)
    return lambda numbers: np.pad(own(numbers), ((0, 0), (0, longest - length)))
