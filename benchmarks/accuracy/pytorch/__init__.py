"""PyTorch: modules on the CPU, with random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.accuracy.cases import Built, Framework
from benchmarks.accuracy.judging import OURS
from benchmarks.accuracy.ours import ours
from benchmarks.accuracy.pytorch.layers import LAYERS
from benchmarks.accuracy.pytorch.networks import NETWORKS
from benchmarks.peers import Figures
from benchmarks.peers import pytorch as peers
from benchmarks.truth import Truth
from benchmarks.truth import pytorch as truth

__all__ = ["FRAMEWORK"]


def _truth(built: Built) -> Truth:
    return truth.count(built.model, *built.inputs)


def _asked(tool: Callable[..., Figures]) -> Callable[[Built], Figures]:
    return lambda built: tool(built.model, *built.inputs)


TOOLS: Mapping[str, Callable[[Built], Figures]] = {
    OURS: ours,
    **{name: _asked(tool) for name, tool in peers.TOOLS.items()},
}

FRAMEWORK = Framework(
    name="PyTorch",
    cases=(*LAYERS, *NETWORKS),
    truth=_truth,
    tools=TOOLS,
    versions=("torch", "torchvision", "transformers"),
    apart=peers.APART,
)
