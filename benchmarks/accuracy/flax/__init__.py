"""Flax: modules of linen on the CPU, with random variables.

Ours reads them inside a Keras model, as ``keras.layers.FlaxLayer`` on JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.accuracy.cases import Built, Framework
from benchmarks.accuracy.flax.building import Linen
from benchmarks.accuracy.flax.layers import LAYERS
from benchmarks.accuracy.flax.networks import NETWORKS
from benchmarks.accuracy.judging import OURS
from benchmarks.accuracy.ours import ours
from benchmarks.peers import Figures, xla
from benchmarks.truth import Truth
from benchmarks.truth import jax as truth

__all__ = ["FRAMEWORK"]


def _truth(built: Built) -> Truth:
    assert isinstance(built, Linen)
    learned = built.variables.get("params", ())
    return truth.count(built.function, built.variables, *built.inputs, learned=learned)


def _ours(built: Built) -> Figures:
    assert isinstance(built, Linen)
    return ours(built.in_keras())


def _tabulated(built: Built) -> Figures:
    return xla.flax_tabulate(built.model, *built.inputs)


def _as_function(tool: Callable[..., Figures]) -> Callable[[Built], Figures]:
    def asked(built: Built) -> Figures:
        assert isinstance(built, Linen)
        return tool(built.function, built.variables, *built.inputs)

    return asked


TOOLS: Mapping[str, Callable[[Built], Figures]] = {
    OURS: _ours,
    "flax tabulate": _tabulated,
    "xla": _as_function(xla.xla),
    "xla, compiled": _as_function(xla.xla_compiled),
}

FRAMEWORK = Framework(
    name="Flax, which ours reads in keras.layers.FlaxLayer",
    cases=(*LAYERS, *NETWORKS),
    truth=_truth,
    tools=TOOLS,
    versions=("flax", "jax", "keras"),
)
