"""How a case of Flax is made: a module of linen with random variables, and arrays of these shapes.

The same module is seen in two ways: as a function of its variables and inputs, and as a layer of
Keras on JAX, which is how ours reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import keras
import numpy as np
from flax import linen

from benchmarks.accuracy.arrays import Input, drawn
from benchmarks.accuracy.cases import Built, Case

__all__ = ["Linen", "case"]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Linen(Built):
    """A module with its variables, of which those in the collection ``params`` are learned."""

    variables: Any = None

    def function(self, variables: Any, *inputs: Any) -> Any:
        """Run the module in inference."""
        return self.model.apply(variables, *inputs)

    def in_keras(self) -> Built:
        """Return the module as the only layer of a Keras model."""
        layer = keras.layers.FlaxLayer(self.model, method=_called, variables=self.variables)
        inputs = [keras.Input(batch_shape=one.shape, dtype=str(one.dtype)) for one in self.inputs]
        return Built(keras.Model(inputs, layer(inputs)), self.inputs)


def _called(module: linen.Module, inputs: Sequence[Any]) -> Any:
    return module(*inputs)


def case(
    name: str, covers: str, model: Callable[[], linen.Module], *inputs: Input, quick: bool = True
) -> Case:
    """Return a case whose variables and inputs are random, and the same each time it is built.

    Args:
        name: of the case.
        covers: what it is in the list for.
        model: makes the module.
        inputs: shapes of normal numbers, or what draws another array.
        quick: whether it is small.
    """

    def build() -> Linen:
        made = tuple(map(jax.numpy.asarray, drawn(inputs)))
        module = model()
        numbers = np.random.default_rng(0)
        variables = jax.tree.map(  # to run its initialisers takes longer than all tools together
            lambda one: jax.numpy.asarray(numbers.uniform(0.01, 1, one.shape), one.dtype),
            jax.eval_shape(module.init, jax.random.key(0), *made),
        )
        return Linen(module, made, variables)

    return Case(name=name, covers=covers, build=build, quick=quick)
