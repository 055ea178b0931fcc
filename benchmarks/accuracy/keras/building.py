"""How a case of Keras is made: a model with random weights, and arrays of these shapes.

Nothing here knows which backend Keras runs on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import keras

from benchmarks.accuracy.arrays import Input, drawn
from benchmarks.accuracy.cases import Built, Case, Counted
from benchmarks.peers import Figures
from benchmarks.peers import keras as peers

__all__ = ["PRINTED", "call", "case"]


def case(
    name: str,
    covers: str,
    model: Callable[[], Any],
    *inputs: Input,
    quick: bool = True,
    finish: Callable[[Any], object] | None = None,
) -> Case:
    """Return a case whose weights and inputs are random, and the same each time it is built.

    Args:
        name: of the case.
        covers: what it is in the list for.
        model: makes the model.
        inputs: shapes of normal numbers, or what makes another array.
        quick: whether it is small.
        finish: is done to the model once it has its weights, such as quantising them.
    """

    def build() -> Counted:
        keras.utils.set_random_seed(0)
        made = drawn(inputs)
        built = model()
        call(built, made)
        learned = sum(prod(variable.shape) for variable in built.trainable_variables)
        if finish:
            finish(built)
        return Counted(built, made, learned)

    return Case(name=name, covers=covers, build=build, quick=quick)


def call(model: Any, inputs: Sequence[Any]) -> Any:
    """Call a model: a functional one takes its inputs in the form that it was built with."""
    if isinstance(model, keras.Model) and hasattr(model, "input"):
        return model(keras.tree.pack_sequence_as(model.input, list(inputs)), training=False)
    return model(*inputs, training=False)


def _of_model(tool: Callable[[Any], Figures]) -> Callable[[Built], Figures]:
    return lambda built: tool(built.model)


PRINTED: Mapping[str, Callable[[Built], Figures]] = {
    name: _of_model(tool) for name, tool in peers.PRINTED.items()
}
"""What Keras itself prints."""
