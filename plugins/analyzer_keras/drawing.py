"""Random numbers that are drawn for a symbolic tensor: what a draw gives, and costs.

Draws of fixed sizes are left to the backend: their numbers may decide where something is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer.ops import COPY, Elementwise, free

if TYPE_CHECKING:
    from analyzer_keras.trace import Trace

__all__ = ["DRAWN"]

_RANDOM = "random numbers are drawn, which is not counted as arithmetic"


def _dropout(
    trace: Trace, inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None
) -> Any:
    from keras import KerasTensor

    if not rate:
        return inputs
    outputs = KerasTensor(inputs.shape, dtype=inputs.dtype)
    operation = Elementwise(function="dropout", elements=prod(inputs.shape))
    trace.add(operation, args=inputs, outputs=outputs, native="random.dropout")
    return outputs


def _shuffle(trace: Trace, x: Any, axis: int = 0, seed: Any = None) -> Any:
    from keras import KerasTensor

    outputs = KerasTensor(x.shape, dtype=x.dtype)
    trace.add(free("shuffle", because=COPY), args=x, outputs=outputs, native="random.shuffle")
    return outputs


def _categorical(
    trace: Trace, logits: Any, num_samples: int, dtype: str = "int64", seed: Any = None
) -> Any:
    """``(batch, classes) → (batch, samples)``: as many classes by their chances."""
    return _draw(trace, (logits.shape[0], num_samples), logits, dtype=dtype)


def _draw(
    trace: Trace,
    shape: Sequence[int],
    *parameters: Any,
    dtype: str | None = None,
    seed: Any = None,
    **more: Any,
) -> Any:
    from keras import KerasTensor
    from keras.config import floatx

    outputs = KerasTensor(shape, dtype=dtype or floatx())
    operation = free("random numbers", because=_RANDOM)
    trace.add(operation, args=(parameters, more), outputs=outputs, native="random")
    return outputs


DRAWN: dict[str, Callable[..., Any]] = {
    "beta": _draw,
    "binomial": _draw,
    "categorical": _categorical,
    "dropout": _dropout,
    "gamma": _draw,
    "shuffle": _shuffle,
}
"""Name in ``keras.random`` → what follows and records it, given the trace and its own arguments."""
