"""Operators beside the bodies that ONNX itself defines them by: the same MACs, the same FLOPs.

The node tests that ONNX ships hold most operators twice: whole, and as the body of their function.
Where a body spells something out in more, or other, operations than ours, that is named here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import analyzer
from analyzer import InputSpec, Report

NODES = "onnx.backend.test.case.node"

SPELLED: dict[str, str] = {
    "AffineGrid": "the grid that is multiplied is made anew, though only sizes decide it",
    "Attention": "queries and keys are scaled apart, masks are made of numbers and added",
    "Bernoulli": "random numbers are compared with the probabilities",
    "Celu": "the result is multiplied, and not only what is negative",
    "DynamicQuantizeLinear": "the zero point is cut off after it is rounded",
    "FlexAttention": "queries and keys are scaled apart",
    "GreaterOrEqual": "two comparisons, and an or",
    "GroupNormalization": "the epsilon and the root are of every group, and the scale of channels",
    "LayerNormalization": "the deviation is inverted, and multiplied with",
    "LessOrEqual": "two comparisons, and an or",
    "MeanVarianceNormalization": "the variance is the mean of squares less the square of the mean",
    "ReduceLogSumExp": "the largest is not subtracted before",
    "Selu": "both sides are multiplied with the scale, and not what is taken of them",
    "Shrink": "a bias is added and subtracted, be it zero",
    "Swish": "multiplied with 1",
}
"""Operators whose bodies cost other FLOPs than ours, and why."""

QUICK = (
    "affinegrid", "causal_conv_with_state", "celu", "dynamicquantizelinear",
    "flexattention", "groupnormalization", "layernormalization", "linear_attention",
    "meanvariancenormalization", "reducel2", "reduce_log_sum_exp", "rmsnormalization",
    "rotaryembedding", "shrink", "softmax", "softmax_cross_entropy_loss", "swiglu",
)  # fmt: skip
"""Modules of node tests that are made quickly."""


def of(modules: tuple[str, ...] | None) -> dict[str, Any]:
    """Return the node tests of some modules, or all of them, by name."""
    node = import_module(NODES)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name in modules or ():
            import_module(f"{NODES}.{name}")
        cases = node._NodeTestCases if modules else node.collect_testcases(None)
    return {case.name: case for case in cases}


def pairs(modules: tuple[str, ...] | None) -> Iterator[tuple[Any, Any]]:
    cases = of(modules)
    for name, case in cases.items():
        whole = cases.get(re.sub(r"_expanded(_ver\d+)?$", "", name))
        # Of nothing at all, ours compute nothing; a body still takes the root of a sum of nothing.
        if whole is not None and whole is not case and "empty_set" not in name:
            yield whole, case


def counted(case: Any) -> Report:
    """Analyse a node test, with its integers known as they are in a file."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    inputs = []
    for item, array in zip(case.model.graph.input, case.data_sets[0][0], strict=True):
        if array.dtype in (np.int32, np.int64):
            model.graph.initializer.append(numpy_helper.from_array(array, item.name))
        else:
            inputs.append(InputSpec(name=item.name, shape=array.shape))
    return analyzer.analyze(model, inputs=inputs)


def check(modules: tuple[str, ...] | None) -> dict[str, int]:
    """Hold all operators to their bodies; return how often each was."""
    seen: dict[str, int] = {}
    differ: set[str] = set()
    wrong: list[tuple[str, int, int]] = []
    for whole, parts in pairs(modules):
        if not all(isinstance(array, np.ndarray) for array in whole.data_sets[0][0]):
            continue  # a sequence, whose length nobody can give
        (node,) = whole.model.graph.node
        ours, theirs = counted(whole), counted(parts)
        assert ours.coverage.complete, whole.name
        if not theirs.coverage.complete or any("bound" in note for note in theirs.notes):
            continue  # a body whose shapes follow from what flows says nothing
        seen[node.op_type] = seen.get(node.op_type, 0) + 1
        macs = theirs.totals.macs or 0
        if whole.name.startswith("test_affine_grid_2d"):
            macs //= 2  # its body makes a space of the plane: 3 · 4 instead of 2 · 3 a place
        if ours.totals.macs != macs:
            wrong.append((whole.name, ours.totals.macs or 0, macs))
        if all_of(ours) != all_of(theirs):
            differ.add(node.op_type)
            if node.op_type not in SPELLED:
                wrong.append((whole.name, all_of(ours), all_of(theirs)))
    assert not wrong
    if modules is None:
        assert differ == set(SPELLED)
    return seen


def all_of(report: Report) -> int:
    return (report.totals.flops or 0) + (report.totals.integer_ops or 0)


def test_operators_cost_what_their_bodies_do() -> None:
    seen = check(QUICK)
    assert seen["FlexAttention"] > 5
    assert seen["LinearAttention"] > 10
    assert seen["RotaryEmbedding"] > 5


@pytest.mark.slow
def test_all_operators_cost_what_their_bodies_do() -> None:
    seen = check(None)
    assert len(seen) > 30, sorted(seen)


def test_what_is_spelled_out_is_an_operator_with_a_body() -> None:
    known = {
        schema.name
        for schema in onnx.defs.get_all_schemas_with_history()
        if schema.has_function or schema.has_context_dependent_function
    }
    assert set(SPELLED) <= known
    assert list(SPELLED) == sorted(SPELLED)
    assert all(re.match(r"[a-z]", why) for why in SPELLED.values())
