"""Keras on JAX: the models of :mod:`benchmarks.accuracy.keras`, run by another backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.accuracy.cases import Built, Counted, Framework
from benchmarks.accuracy.judging import OURS
from benchmarks.accuracy.keras.building import PRINTED, call
from benchmarks.accuracy.keras.layers import LAYERS
from benchmarks.accuracy.keras.networks import NETWORKS
from benchmarks.accuracy.ours import ours
from benchmarks.peers import Figures, xla
from benchmarks.truth import Truth
from benchmarks.truth import jax as truth

__all__ = ["FRAMEWORK"]


def _as_function(built: Built) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    return xla.of_keras(built.model, *built.inputs, call=call)


def _truth(built: Built) -> Truth:
    assert isinstance(built, Counted)
    function, _ = _as_function(built)
    values = [variable.value for variable in built.model.variables]
    found = truth.count(function, values, *built.inputs, learned=())
    return replace(found, parameters=built.learned)


def _asked(tool: Callable[..., Figures]) -> Callable[[Built], Figures]:
    def asked(built: Built) -> Figures:
        function, shapes = _as_function(built)
        return tool(function, *shapes)

    return asked


TOOLS: Mapping[str, Callable[[Built], Figures]] = {
    OURS: ours,
    **PRINTED,
    "xla": _asked(xla.xla),
    "xla, compiled": _asked(xla.xla_compiled),
}

FRAMEWORK = Framework(
    name="Keras on JAX",
    cases=(*LAYERS, *NETWORKS),
    truth=_truth,
    tools=TOOLS,
    versions=("keras", "keras-hub", "jax"),
)
