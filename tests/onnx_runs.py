"""What ONNX Runtime really computes: the shape of every tensor, and MACs from these shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from analyzer import InputSpec, Request
from analyzer_onnx.signature import concrete_inputs, declared_inputs
from analyzer_onnx.values import Scope, Value
from analyzer_onnx.walk import Walk

Shapes = dict[str, tuple[int, ...]]


def run(model: onnx.ModelProto, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Run a model in ONNX Runtime, not optimised, and return its outputs by name."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    given = {item.name: inputs[item.name] for item in session.get_inputs()}
    return dict(zip(names, session.run(names, given), strict=True))


def shapes_that_ran(model: onnx.ModelProto, feeds: Mapping[str, Any] | None = None) -> Shapes:
    """Run a model with every tensor of its main graph as an output; return their shapes."""
    given = dict(feeds or {})
    for item in declared_inputs(model.graph):
        if item.name not in given:
            sizes = [size for size in item.sizes or () if isinstance(size, int)]
            given[item.name] = np.ones(sizes, dtype=item.dtype)
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    have = {output.name for output in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name]
    watched.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in names if name not in have
    )
    shapes = {name: tuple(value.shape) for name, value in given.items()}
    for name, array in run(watched, given).items():
        if isinstance(array, np.ndarray):
            shapes[name] = array.shape
    for tensor in model.graph.initializer:
        shapes[tensor.name] = tuple(tensor.dims)
    return shapes


def shapes_inferred(model: onnx.ModelProto, feeds: Mapping[str, Any] | None = None) -> Shapes:
    """Return the shapes that the importer finds for the same tensors, without running anything."""
    numbers = count(1)
    walk = Walk(model, lambda: next(numbers))
    scope = Scope()
    specs = tuple(
        InputSpec(name=name, shape=tuple(value.shape)) for name, value in (feeds or {}).items()
    )
    for item, shape, _ in concrete_inputs(declared_inputs(model.graph), Request(inputs=specs)):
        scope[item.name] = Value(item.name, shape, item.dtype, next(numbers))
    walk.graph(model.graph, scope)
    return {name: value.shape for name, value in scope.names.items() if value.shape is not None}


def assert_same_shapes(model: onnx.ModelProto, feeds: Mapping[str, Any] | None = None) -> Shapes:
    """Hold every inferred shape to the one that ran; return the latter."""
    ran = shapes_that_ran(model, feeds)
    inferred = shapes_inferred(model, feeds)
    wrong = {
        name: (inferred.get(name), shape)
        for name, shape in ran.items()
        if inferred.get(name) != shape
    }
    assert not wrong, f"inferred and real shapes differ: {dict(list(wrong.items())[:5])}"
    return ran


def macs_that_ran(model: onnx.ModelProto, shapes: Shapes) -> int:
    """Count MACs from the shapes of a run, by another way than the importer's.

    A product of matrices is counted from the size of its result and the length of the sums in it.
    Graphs inside nodes are not entered.
    """
    return sum(
        _RULES[node.op_type](node, [shapes.get(name, ()) for name in node.input], shapes)
        for node in model.graph.node
        if node.op_type in _RULES
    )


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def _conv(node: onnx.NodeProto, inputs: list[tuple[int, ...]], shapes: Shapes) -> int:
    return prod(shapes[node.output[0]]) * prod(inputs[1][1:])


def _conv_transpose(node: onnx.NodeProto, inputs: list[tuple[int, ...]], shapes: Shapes) -> int:
    return prod(inputs[0]) * prod(inputs[1][1:])


def _matmul(node: onnx.NodeProto, inputs: list[tuple[int, ...]], shapes: Shapes) -> int:
    return prod(shapes[node.output[0]]) * inputs[0][-1]


def _gemm(node: onnx.NodeProto, inputs: list[tuple[int, ...]], shapes: Shapes) -> int:
    inner = inputs[0][0] if _attributes(node).get("transA") else inputs[0][1]
    return prod(shapes[node.output[0]]) * inner


def _recurrent(node: onnx.NodeProto, inputs: list[tuple[int, ...]], shapes: Shapes) -> int:
    steps_and_batch = prod(inputs[0][:2])
    return steps_and_batch * (prod(inputs[1]) + prod(inputs[2]))


_RULES: dict[str, Callable[[onnx.NodeProto, list[tuple[int, ...]], Shapes], int]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "GRU": _recurrent,
    "Gemm": _gemm,
    "LSTM": _recurrent,
    "MatMul": _matmul,
    "RNN": _recurrent,
}


def load(path: Path) -> onnx.ModelProto:
    """Return a whole model with its weights, as a run needs them."""
    return onnx.load(str(path))


def stored(name: str, *shape: int, dtype: Any = np.float32) -> onnx.TensorProto:
    """Return a stored tensor of distinct numbers."""
    array = np.arange(1, prod(shape) + 1, dtype=np.float64).reshape(shape) / 100
    return numpy_helper.from_array(array.astype(dtype), name)


def model(
    nodes: list[onnx.NodeProto],
    inputs: Mapping[str, Any],
    outputs: list[str],
    weights: list[onnx.TensorProto] | None = None,
    *,
    opset: int = 17,
    types: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """Return a model of a few nodes; ``inputs`` maps names to sizes, float32 unless told."""
    kinds = dict(types or {})
    graph = helper.make_graph(
        nodes,
        "graph",
        [
            helper.make_tensor_value_info(name, kinds.get(name, 1), sizes)
            for name, sizes in inputs.items()
        ],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        weights or [],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
