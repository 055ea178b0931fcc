"""The node tests that ONNX ships: one operator each, with its inputs and its true outputs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import count
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from analyzer_onnx.subgraphs import all_steps
from analyzer_onnx.values import Scope, Step, Value
from analyzer_onnx.walk import Walk

__all__ = ["Known", "NodeTest", "node_tests", "sizes_of", "sizes_that_ran", "steps", "walked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTest:
    """A model of few nodes, what it was given and what it gave."""

    name: str
    model: onnx.ModelProto
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


@cache
def node_tests(*modules: str) -> tuple[NodeTest, ...]:
    """Make the node tests of some modules of ONNX's, or all of them, in some twenty seconds."""
    package = import_module("onnx.backend.test.case.node")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the tests' own, of what they compute
        for module in modules:
            import_module(f"{package.__name__}.{module}")
        cases = package._NodeTestCases if modules else package.collect_testcases(None)
    return tuple(
        NodeTest(
            name=case.name,
            model=case.model,
            inputs=tuple(case.data_sets[0][0]),
            outputs=tuple(case.data_sets[0][1]),
        )
        for case in cases
    )


Known = Literal["all", "integers", "none"]
"""Which inputs come with their elements, as stored tensors do; the others have a shape alone."""


def walked(test: NodeTest, *, known: Known) -> tuple[Walk, dict[str, Value | None]]:
    """Walk a test's model without the shapes that it declares for its outputs."""
    model = onnx.ModelProto()
    model.CopyFrom(test.model)
    for output in model.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.ClearField("shape")
    numbers = count(1)
    walk, scope = Walk(model, lambda: next(numbers)), Scope()
    for item, given in zip(model.graph.input, test.inputs, strict=True):
        scope[item.name] = _value(walk, item.name, given, known=known)
    walk.graph(model.graph, scope)
    return walk, {output.name: scope.get(output.name) for output in model.graph.output}


def steps(walk: Walk) -> list[Step]:
    """Return everything that a walk found executed."""
    return list(all_steps(walk.steps))


def sizes_that_ran(output: Any) -> Any:
    """Return the shape of a true output: of a sequence a list of shapes, of nothing None."""
    if output is None:
        return None
    if isinstance(output, list):
        return [sizes_that_ran(item) for item in output]
    return tuple(output.dims) if isinstance(output, TensorProto) else np.shape(output)


def sizes_of(value: Value | None) -> Any:
    """Return the shape that was inferred in the same form, ``"unknown"`` where it was not."""
    if value is None:
        return "unknown"
    if value.present is False:
        return None
    if value.items is not None:
        return [sizes_of(item) for item in value.items]
    return "unknown" if value.shape is None else value.shape


def _value(walk: Walk, name: str, given: Any, *, known: Known) -> Value:
    if given is None:
        return Value(name, None, "", 0, present=False)
    if isinstance(given, list):
        items = [_value(walk, f"{name}/{at}", one, known=known) for at, one in enumerate(given)]
        return Value(name, None, "", 0, items=tuple(items))
    tensor = given if isinstance(given, TensorProto) else numpy_helper.from_array(np.asarray(given))
    value = walk.weights.tensor(tensor, name, ())
    if known == "all" or (known == "integers" and value.known and not value.floating):
        return value
    return Value(name, value.shape, value.dtype, walk.new_storage())
