"""Textbook algorithms on numbers that count their own operations: what rules are held to."""

from tests.oracle import (
    attention,
    convolution,
    functions,
    fused,
    linear,
    normalization,
    ordering,
    pooling,
    recurrent,
    resampling,
    solving,
    transform,
)
from tests.oracle.registry import ORACLES, check, run

__all__ = [
    "ORACLES",
    "attention",
    "check",
    "convolution",
    "functions",
    "fused",
    "linear",
    "normalization",
    "ordering",
    "pooling",
    "recurrent",
    "resampling",
    "run",
    "solving",
    "transform",
]
