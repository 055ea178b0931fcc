"""Keras on TensorFlow: models on the CPU, with random weights.

The cases are for any backend; what belongs to TensorFlow is imported where it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.accuracy.cases import Built, Counted, Framework
from benchmarks.accuracy.judging import OURS
from benchmarks.accuracy.keras.building import PRINTED, call
from benchmarks.accuracy.keras.layers import LAYERS
from benchmarks.accuracy.keras.networks import NETWORKS
from benchmarks.accuracy.ours import ours
from benchmarks.peers import Figures
from benchmarks.peers.tensorflow import tensorflow_profiler
from benchmarks.truth import Truth

__all__ = ["FRAMEWORK"]


def _called(built: Built) -> Callable[..., Any]:
    return lambda *inputs: call(built.model, inputs)


def _truth(built: Built) -> Truth:
    from benchmarks.truth import tensorflow as truth

    assert isinstance(built, Counted)
    macs = truth.count(_called(built), *built.inputs, learned=()).macs
    return Truth(macs=macs, parameters=built.learned)


TOOLS: Mapping[str, Callable[[Built], Figures]] = {
    OURS: ours,
    **PRINTED,
    "tensorflow profiler": lambda built: tensorflow_profiler(_called(built), *built.inputs),
}

FRAMEWORK = Framework(
    name="Keras on TensorFlow",
    cases=(*LAYERS, *NETWORKS),
    truth=_truth,
    tools=TOOLS,
    versions=("keras", "keras-hub", "tensorflow"),
)
