"""ONNX: files as people write and export them, with random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnx

from benchmarks.accuracy.cases import Built, Framework
from benchmarks.accuracy.judging import OURS
from benchmarks.accuracy.onnx import layers, networks, storages, structures
from benchmarks.accuracy.onnx.building import File
from benchmarks.accuracy.ours import ours
from benchmarks.peers import Figures
from benchmarks.peers import onnx as peers
from benchmarks.truth import Truth
from benchmarks.truth import onnx as truth

__all__ = ["FRAMEWORK"]

CASES = (*layers.CASES, *structures.CASES, *storages.CASES, *networks.CASES)


def _whole(built: Built) -> onnx.ModelProto:
    return built.model if isinstance(built.model, onnx.ModelProto) else onnx.load(built.model)


def _truth(built: Built) -> Truth:
    assert isinstance(built, File)
    return truth.count(_whole(built), built.inputs, built.learned)


def _asked(tool: Callable[..., Figures]) -> Callable[[Built], Figures]:
    return lambda built: tool(built.model, built.inputs)


TOOLS: Mapping[str, Callable[[Built], Figures]] = {
    OURS: ours,
    **{name: _asked(tool) for name, tool in peers.TOOLS.items()},
}

FRAMEWORK = Framework(
    name="ONNX",
    cases=CASES,
    truth=_truth,
    tools=TOOLS,
    versions=("onnx", "onnxruntime", "torch", "torchvision", "transformers"),
)
