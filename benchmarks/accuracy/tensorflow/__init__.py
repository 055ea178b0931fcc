"""TensorFlow: modules of raw code, and SavedModels, on the CPU, with random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.accuracy.cases import Built, Counted, Framework
from benchmarks.accuracy.judging import OURS
from benchmarks.accuracy.ours import ours
from benchmarks.accuracy.tensorflow.layers import LAYERS
from benchmarks.accuracy.tensorflow.networks import NETWORKS
from benchmarks.peers import Figures
from benchmarks.peers import tensorflow as peers
from benchmarks.truth import Truth
from benchmarks.truth import tensorflow as truth
from benchmarks.truth.tensorflow_graphs import served

__all__ = ["FRAMEWORK"]


def _truth(built: Built) -> Truth:
    assert isinstance(built, Counted)
    function = served(built.model) if isinstance(built.model, Path) else built.model
    macs = truth.count(function, *built.inputs, learned=()).macs
    return Truth(macs=macs, parameters=built.learned)


def _asked(tool: Callable[..., Figures]) -> Callable[[Built], Figures]:
    return lambda built: tool(built.model, *built.inputs)


TOOLS: Mapping[str, Callable[[Built], Figures]] = {
    OURS: ours,
    **{name: _asked(tool) for name, tool in peers.TOOLS.items()},
}

FRAMEWORK = Framework(
    name="TensorFlow",
    cases=(*LAYERS, *NETWORKS),
    truth=_truth,
    tools=TOOLS,
    versions=("tensorflow", "keras", "keras-hub"),
)
