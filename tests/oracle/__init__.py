"""Textbook algorithms on numbers that count their own operations: what rules are held to."""

from tests.oracle import (
    attention,
    convolution,
    functions,
    linear,
    normalization,
    pooling,
    recurrent,
    resampling,
)
from tests.oracle.registry import ORACLES, check, run

__all__ = [
    "ORACLES",
    "attention",
    "check",
    "convolution",
    "functions",
    "linear",
    "normalization",
    "pooling",
    "recurrent",
    "resampling",
    "run",
]
