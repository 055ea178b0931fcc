"""An operator beside the graph that spells it out: the same numbers, and the same work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

import analyzer
from analyzer import Report
from tests.onnx_runs import run

Arrays = Mapping[str, Any]

MICROSOFT = "com.microsoft"
CLASSICAL = "ai.onnx.ml"


def numbers(*shape: int, seed: int = 0, dtype: Any = np.float32) -> np.ndarray:
    """Return small random numbers, for integers between 0 and 15."""
    random = np.random.default_rng(seed + sum(shape))
    if np.issubdtype(dtype, np.integer):
        return random.integers(0, 15, size=shape).astype(dtype)
    return random.normal(size=shape).astype(dtype)


def op(op_type: str, inputs: str, outputs: str, domain: str = "", **attributes: Any) -> Any:
    """Return a node; ``-`` stands for an input or output that is left out."""
    names = [["" if name == "-" else name for name in text.split()] for text in (inputs, outputs)]
    return helper.make_node(op_type, *names, domain=domain, **attributes)


def contrib(op_type: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    """Return a node of ONNX Runtime's own domain."""
    return op(op_type, inputs, outputs, MICROSOFT, **attributes)


@dataclass(frozen=True, kw_only=True)
class Spelled:
    """Nodes that are one operator, and nodes that do the same.

    Attributes:
        whole, parts: the nodes.
        inputs: what the model is given; ``weights``: what it stores.
        results: names of the outputs that both have.
        more_flops: how many FLOPs the parts cost more, and why.
        more_parameters: how many more the whole has: integers that are added are no bias.
        tolerance: how far the numbers may be apart.
        runs: whether ONNX Runtime has a kernel of the whole for this processor; where it has
            none, shapes are held to those of the parts.
    """

    whole: Sequence[Any]
    parts: Sequence[Any]
    inputs: Arrays
    weights: Arrays = field(default_factory=dict)
    results: tuple[str, ...] = ("y",)
    more_flops: tuple[int, str] = (0, "")
    more_parameters: int = 0
    tolerance: float = 1e-4
    runs: bool = True
    opset: int = 23

    def models(self) -> tuple[onnx.ModelProto, onnx.ModelProto]:
        """Return both as models."""
        made = (
            build(nodes, self.inputs, self.weights, self.results, self.opset)
            for nodes in (self.whole, self.parts)
        )
        whole, parts = made
        return whole, parts


def build(
    nodes: Sequence[Any],
    inputs: Arrays,
    weights: Arrays,
    results: Sequence[str],
    opset: int = 23,
) -> onnx.ModelProto:
    """Return a model of some nodes, of what they read and of what is wanted."""
    used = {name for node in nodes for name in node.input}
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(one.dtype), one.shape)
        for name, one in inputs.items()
        if name in used
    ]
    stored = [numpy_helper.from_array(one, name) for name, one in weights.items() if name in used]
    outputs = [onnx.ValueInfoProto(name=name) for name in results]
    graph = helper.make_graph(list(nodes), "graph", given, outputs, stored)
    versions = {"": opset, MICROSOFT: 1, CLASSICAL: 3}
    imports = [helper.make_opsetid(*pair) for pair in versions.items()]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def report(model: onnx.ModelProto) -> Report:
    """Analyse a model that is wholly understood."""
    found = analyzer.analyze(model)
    assert found.coverage.complete, found.coverage.unknown
    return found


def work(model: onnx.ModelProto) -> tuple[int, int]:
    """Return MACs, and all operations, on integers or not, MACs of integers twice too."""
    totals = report(model).totals
    return totals.macs or 0, (totals.flops or 0) + (totals.integer_ops or 0)


def outputs(model: onnx.ModelProto) -> list[tuple[tuple[int, ...], str]]:
    """Return shapes and types of the outputs as they are analysed."""
    found = report(model).model.outputs
    return [(tensor.shape, tensor.dtype) for tensor in found]


def check(spelled: Spelled) -> None:
    """Hold an operator to its parts: numbers, shapes and types as they ran, MACs, FLOPs."""
    whole, parts = spelled.models()
    of_parts = run(parts, spelled.inputs)
    ran = run(whole, spelled.inputs) if spelled.runs else of_parts
    for name, array in of_parts.items():
        np.testing.assert_allclose(
            ran[name].astype(float), array.astype(float), atol=spelled.tolerance, err_msg=name
        )
    assert outputs(whole) == [(one.shape, one.dtype.name) for one in ran.values()]
    assert outputs(whole) == outputs(parts)
    (macs, flops), (macs_of_parts, flops_of_parts) = work(whole), work(parts)
    assert macs == macs_of_parts
    assert (flops_of_parts - flops, spelled.more_flops[1]) == spelled.more_flops
    same = [report(model).totals.parameters.total for model in (whole, parts)]
    assert same[0] == same[1] + spelled.more_parameters, same
