"""Loops, branches and functions of ONNX models."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import analyzer
from analyzer.ops import Branch, Repeat
from tests.onnx_runs import assert_same_shapes, model, shapes_inferred, stored
from tests.test_onnx_roles import integers, node

MACS = 3 * 4 * 4  # of one product of x with the square weight
FLAG = numpy_helper.from_array(np.asarray(True), "flag")


def body(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, int],
    outputs: list[str],
    weights: list[onnx.TensorProto] | None = None,
) -> onnx.GraphProto:
    values = [
        helper.make_tensor_value_info(name, kind, None if kind == TensorProto.FLOAT else ())
        for name, kind in inputs.items()
    ]
    return helper.make_graph(
        nodes, "body", values, [onnx.ValueInfoProto(name=name) for name in outputs], weights
    )


def scalar(name: str, number: Any, dtype: type = np.int64) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(number, dtype), name)


PRODUCT = node("MatMul", "h k", "h2")


def loop(
    condition: list[onnx.NodeProto],
    most: str,
    constants: list[onnx.TensorProto],
    carried: str = "x",
    inner: dict[str, int] | None = None,
    results: list[str] | None = None,
) -> onnx.ModelProto:
    inside = body(
        [PRODUCT, *condition],
        {"i": TensorProto.INT64, "go": TensorProto.BOOL, "h": TensorProto.FLOAT, **(inner or {})},
        ["again", "h2", *(results or []), "h2"],
    )
    names = ["last", *(f"r{at}" for at in range(len(results or []))), "all"]
    made = helper.make_node("Loop", [most, "flag", *carried.split()], names, body=inside)
    weights = [FLAG, stored("k", 4, 4), *constants]
    return model([made], {"x": [3, 4]}, ["last", "all"], weights)


LOOPS: dict[str, tuple[onnx.ModelProto, int]] = {
    "M alone": (loop([node("Identity", "go", "again")], "m", [scalar("m", 7)]), 7),
    "no M, the iteration is compared": (
        loop(
            [node("Add", "i one", "j"), node("Less", "j n", "again")],
            "",
            [scalar("one", 1), scalar("n", 5)],
        ),
        5,
    ),
    "the condition ends before M": (
        loop([node("Less", "i n", "again")], "m", [scalar("m", 100), scalar("n", 4)]),
        5,
    ),
    "a counter is carried": (
        loop(
            [node("Add", "c two", "c2"), node("Less", "c2 n", "again")],
            "",
            [scalar("two", 2), scalar("n", 9), scalar("zero", 0)],
            "x zero",
            {"c": TensorProto.INT64},
            ["c2"],
        ),
        5,
    ),
    "two conditions": (
        loop(
            [
                node("Less", "i n", "a"),
                node("Cast", "i", "f", to=TensorProto.FLOAT),
                node("Less", "f p", "b"),
                node("And", "a b", "again"),
            ],
            "m",
            [scalar("m", 50), scalar("n", 9), scalar("p", 2.5, np.float32)],
        ),
        4,
    ),
    "not once": (loop([node("Identity", "go", "again")], "m", [scalar("m", 0)]), 0),
}


@pytest.mark.parametrize("way", LOOPS)
def test_trip_counts(way: str) -> None:
    proto, times = LOOPS[way]
    report = analyzer.analyze(proto)
    if times:  # without a run, ONNX Runtime cannot tell the shape of what would be stacked
        assert assert_same_shapes(proto)["all"] == (times, 3, 4)
    assert report.totals.macs == times * MACS
    (repeat,) = [entry.operation for entry in report.model.nodes or ()]
    assert isinstance(repeat, Repeat)
    assert (repeat.times, repeat.exact) == (times, True)
    assert report.totals.parameters.total == 16


def test_a_loop_that_depends_on_what_flows_is_a_lower_bound() -> None:
    condition = [
        node("ReduceSum", "h2", "s", keepdims=0),
        node("Less", "s n", "again"),
    ]
    report = analyzer.analyze(loop(condition, "", [scalar("n", 9.0, np.float32)]))
    assert report.totals.macs == MACS
    assert any("trip count is not known" in note for note in report.notes)


@pytest.mark.parametrize("way", ["M", "M of a size and a number", "the condition"])
def test_the_input_that_sets_a_trip_count_is_named(way: str) -> None:
    if way == "the condition":
        proto = loop([node("Less", "i n", "again")], "", [])
        names = ["n"]
    else:
        proto = loop([node("Identity", "go", "again")], "n" if way == "M" else "m", [])
        names = ["n"] if way == "M" else ["n", "size"]
    for name in names:
        proto.graph.input.append(helper.make_tensor_value_info(name, TensorProto.INT64, []))
    if way == "M of a size and a number":
        proto.graph.node.insert(0, node("Add", "n size", "m"))
    report = analyzer.analyze(proto)
    (told,) = [note for note in report.notes if "how often it runs" in note]
    assert told.split("elements of ")[1].startswith(" and ".join(map(repr, names)) + ",")
    assert any("trip count is not known" in note for note in report.notes)


def test_a_weight_that_a_loop_carries_is_a_weight() -> None:
    """TensorFlow's converter hands the weights of a cell through the loop."""
    inside = body(
        [node("MatMul", "h w", "h2"), node("Identity", "w", "w2"), node("Identity", "go", "again")],
        {"i": 7, "go": 9, "h": 1, "w": 1},
        ["again", "h2", "w2"],
    )
    made = helper.make_node("Loop", ["m", "flag", "x", "k"], ["last", "same"], body=inside)
    proto = model(
        [made, node("Transpose", "same", "t"), node("MatMul", "last t", "y")],
        {"x": [3, 4]},
        ["y"],
        [FLAG, stored("k", 4, 4), scalar("m", 6)],
    )
    report = analyzer.analyze(proto)
    assert report.totals.macs == 7 * MACS
    assert report.totals.parameters.total == 16


def test_scan_runs_for_every_slice() -> None:
    inside = body(
        [node("MatMul", "h k", "p"), node("Add", "p s", "h2"), node("Identity", "h2", "o")],
        {"h": 1, "s": 1},
        ["h2", "o"],
    )
    made = helper.make_node(
        "Scan", ["x", "sequence"], ["last", "all"], body=inside, num_scan_inputs=1,
        scan_input_axes=[1], scan_output_axes=[1],
    )  # fmt: skip
    proto = model(
        [made], {"x": [3, 4], "sequence": [3, 9, 4]}, ["last", "all"], [stored("k", 4, 4)]
    )
    assert assert_same_shapes(proto)["all"] == (3, 9, 4)
    assert analyzer.analyze(proto).totals.macs == 9 * MACS


def branches(condition: list[onnx.NodeProto], weights: list[onnx.TensorProto]) -> onnx.ModelProto:
    yes = body([node("MatMul", "x k", "a")], {}, ["a"])
    no = body(
        [node("MatMul", "x k", "p"), node("MatMul", "p k2", "b")], {}, ["b"], [stored("k2", 4, 4)]
    )
    made = helper.make_node("If", ["c"], ["y"], then_branch=yes, else_branch=no)
    return model([*condition, made], {"x": [3, 4]}, ["y"], [stored("k", 4, 4), *weights])


@pytest.mark.parametrize(("number", "taken", "macs"), [(3, 0, MACS), (4, 1, 2 * MACS)])
def test_a_known_condition_takes_its_branch(number: int, taken: int, macs: int) -> None:
    condition = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "rows"),
        node("Equal", "rows n", "c"),
    ]
    proto = branches(condition, [scalar("n", number), scalar("zero", 0)])
    report = analyzer.analyze(proto)
    (branch,) = [entry.operation for entry in report.model.nodes or ()]
    assert isinstance(branch, Branch)
    assert branch.taken == taken
    assert report.totals.macs == macs
    assert shapes_inferred(proto)["y"] == (3, 4)
    assert report.totals.parameters.total == 32


def test_an_unknown_condition_is_an_upper_bound() -> None:
    condition = [
        node("ReduceSum", "x", "s", keepdims=0),
        node("Cast", "s", "c", to=TensorProto.BOOL),
    ]
    report = analyzer.analyze(branches(condition, []))
    assert report.totals.macs == 2 * MACS
    assert any("condition is not known" in note for note in report.notes)


def test_functions_are_walked_with_their_arguments() -> None:
    inner = [
        node("MatMul", "a w", "p"),
        helper.make_node("LeakyRelu", ["p"], ["r"]),
        node("Constant", "", "c", value=stored("c", 4)),
        node("Add", "r c", "b"),
    ]
    alpha = inner[1].attribute.add()
    alpha.name, alpha.ref_attr_name, alpha.type = "alpha", "slope", onnx.AttributeProto.FLOAT
    function = helper.make_function(
        "mine", "Block", ["a", "w"], ["b"], inner, [helper.make_opsetid("", 17)], ["slope"]
    )
    calls = [
        helper.make_node("Block", ["x", "k"], ["m"], "stage/one", domain="mine", slope=0.1),
        helper.make_node("Block", ["m", "k"], ["y"], "stage/two", domain="mine", slope=0.2),
    ]
    proto = model(calls, {"x": [3, 4]}, ["y"], [stored("k", 4, 4)])
    proto.opset_import.append(helper.make_opsetid("mine", 1))
    proto.functions.append(function)
    report = analyzer.analyze(proto)
    assert report.totals.macs == 2 * MACS
    assert report.totals.flops == 2 * (2 * MACS + 2 * 12 + 12)
    assert report.totals.parameters.total == 16 + 4
    assert report.coverage.complete


def test_endless_functions_end() -> None:
    proto = model([helper.make_node("F", ["x"], ["y"], domain="mine")], {"x": [1]}, ["y"])
    again = helper.make_node("F", ["a"], ["b"], domain="mine")
    proto.functions.append(
        helper.make_function("mine", "F", ["a"], ["b"], [again], [helper.make_opsetid("mine", 1)])
    )
    with pytest.raises(analyzer.ModelError, match="call each other without an end"):
        analyzer.analyze(proto)


def test_unused_integers_are_constants() -> None:
    nodes = [node("Reshape", "x s", "y")]
    report = analyzer.analyze(model(nodes, {"x": [3, 4]}, ["y"], [integers("s", 12)]))
    assert report.totals.parameters.constants == 1
    assert report.coverage.free == 1


def test_a_trip_count_that_is_an_input_can_be_given() -> None:
    made = loop([node("Identity", "go", "again")], "n", [])
    made.graph.input.append(helper.make_tensor_value_info("n", TensorProto.INT64, ()))
    unknown = analyzer.analyze(made)
    assert (unknown.totals.macs, unknown.coverage.complete) == (MACS, False)
    given = analyzer.analyze(made, {"n": np.asarray(4)})
    assert (given.totals.macs, given.coverage.complete) == (4 * MACS, True)
