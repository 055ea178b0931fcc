"""Keras models on JAX: what XLA says of each convolution and product in them, beside ours.

    KERAS_BACKEND=jax python -m tests.xla_truth NAME…

Prints JSON: for every name our flops under the convention, and the sum of XLA's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.extend
import keras

import analyzer
from benchmarks.peers import xla

__all__ = ["MODELS"]

_IMAGE = (224, 224, 3)

layers = keras.layers


def _stack(shape: tuple[int, ...], *stack: Any) -> Any:
    return keras.Sequential([keras.Input(shape), *stack])


def _attention() -> Any:
    start = keras.Input((6, 8))
    return keras.Model(start, layers.MultiHeadAttention(2, 4)(start, start))


MODELS: dict[str, Callable[[], Any]] = {
    "1-d": lambda: _stack((9, 3), layers.Conv1D(4, 3, padding="causal", dilation_rate=2)),
    "3-d": lambda: _stack((5, 6, 7, 2), layers.Conv3D(3, 3, strides=2, padding="same")),
    "attention": _attention,
    "convolutions": lambda: _stack(
        (9, 8, 4),
        layers.Conv2D(6, 3, padding="same", groups=2),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.SeparableConv2D(5, 5, padding="same", strides=2),
        layers.Conv2D(6, (4, 2), padding="same", dilation_rate=2),
        layers.Conv2D(6, 2),
    ),
    "dense": lambda: _stack((5, 4), layers.Dense(3), layers.EinsumDense("abc,cd->abd", (None, 7))),
    "transposed": lambda: _stack(
        (4, 5, 3),
        layers.Conv2DTranspose(5, 3, strides=2, padding="same"),
        layers.Conv2DTranspose(2, 4, strides=3),
    ),
}


def flops_of_contractions(model: Any) -> int:
    """Return the sum of what XLA counts of each convolution and product by itself."""
    function, shapes = xla.of_keras(model)
    return sum(_flops(one) for one in _contractions(jax.make_jaxpr(function)(*shapes).jaxpr))


def _contractions(program: Any) -> Iterator[Any]:
    for one in program.eqns:
        if one.primitive.name in ("conv_general_dilated", "dot_general"):
            yield one
        for inner in jax.extend.core.jaxprs_in_params(one.params):
            yield from _contractions(inner)


def _flops(one: Any) -> int:
    def run(*values: Any) -> Any:
        return one.primitive.bind(*values, **one.params)

    figures = xla.xla(run, *(given.aval for given in one.invars))
    assert figures.flops is not None, figures
    return figures.flops


def main(names: list[str]) -> None:
    found = {}
    for name in names:
        if name in MODELS:
            made = MODELS[name]()
        else:
            made = getattr(keras.applications, name)(weights=None, input_shape=_IMAGE)
        ours = analyzer.analyze(made, convention="xla").number
        found[name] = (ours, flops_of_contractions(made))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
