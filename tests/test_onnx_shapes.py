"""Shapes: arithmetic over known and half-known numbers, giants, bounds, what a file claims."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import analyzer
from analyzer import Bound
from tests.onnx_runs import assert_same_shapes, model, shapes_inferred, stored
from tests.test_onnx_control import body, scalar
from tests.test_onnx_roles import integers, node

ROWS = [
    node("Shape", "x", "s"),
    node("Gather", "s zero", "n", axis=0),
    node("Unsqueeze", "n zeros", "ns"),
]
NUMBERS = [scalar("zero", 0), integers("zeros", 0)]
CHAINS: dict[str, tuple[list[onnx.NodeProto], list[onnx.TensorProto]]] = {
    "a size put into a new shape": (
        [node("Concat", "ns rest", "to", axis=0), node("Reshape", "x to", "y")],
        [integers("rest", 2, -1)],
    ),
    "sizes computed as floats": (
        [
            node("Cast", "ns", "f", to=TensorProto.FLOAT),
            node("Mul", "f half", "h"),
            node("Ceil", "h", "c"),
            node("Cast", "c", "i", to=TensorProto.INT64),
            node("Slice", "x zeros i zeros", "y"),
        ],
        [numpy_helper.from_array(np.asarray([0.5], np.float32), "half")],
    ),
    "a mask of a size": (
        [
            node("Concat", "ns ns", "square", axis=0),
            node("ConstantOfShape", "square", "ones", value=stored("v", 1)),
            node("Trilu", "ones", "y", upper=0),
        ],
        [],
    ),
    "positions": (
        [node("Range", "zero n one", "p"), node("Unsqueeze", "p zeros", "y")],
        [scalar("one", 1)],
    ),
    "positions that are floats": (
        [
            node("Cast", "n", "f", to=TensorProto.FLOAT),
            node("Range", "a f b", "y"),
        ],
        [scalar("a", 0.25, np.float32), scalar("b", 0.3, np.float32)],
    ),
    "one of two sizes": (
        [
            node("Equal", "ns minus", "e"),
            node("Where", "e one ns", "w"),
            node("Concat", "w four", "to", axis=0),
            node("Expand", "x to", "y"),
        ],
        [integers("minus", -1), integers("one", 1), integers("four", 6)],
    ),
    "zero and minus one": (
        [node("Reshape", "x to", "y")],
        [integers("to", 0, 3, -1)],
    ),
    "no size": ([node("Slice", "x zeros zeros zeros", "e"), node("Relu", "e", "y")], []),
    "zero allowed": (
        [node("Slice", "x zeros zeros zeros", "e"), node("Reshape", "e to", "y", allowzero=1)],
        [integers("to", 5, 0)],
    ),
    "negative axes": (
        [
            node("Unsqueeze", "x both", "u"),
            node("Squeeze", "u last", "q"),
            node("Softmax", "q", "t", axis=-2),
            node("Flatten", "t", "f", axis=-1),
            node("Concat", "f f", "y", axis=-1),
        ],
        [integers("both", -1, -4), integers("last", -1)],
    ),
    "backwards": (
        [node("Slice", "x ends starts axes steps", "y")],
        [integers("ends", -1), integers("starts", -9), integers("axes", -1), integers("steps", -2)],
    ),
    "labels": (
        [node("OneHot", "ns depth values", "y", axis=0)],
        [scalar("depth", 9), stored("values", 2)],
    ),
    "repeated": (
        [node("Concat", "ns two", "r", axis=0), node("Tile", "x r", "y")],
        [integers("two", 2)],
    ),
    "split unevenly": (
        [node("Sub", "ns two", "d"), node("Concat", "d two", "p", axis=0),
         node("Split", "x p", "a b"), node("Concat", "b a a", "y", axis=0)],
        [integers("two", 2)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("rows", [5, 8])
def test_shape_arithmetic(name: str, rows: int) -> None:
    nodes, weights = CHAINS[name]
    proto = model([*ROWS, *nodes], {"x": [rows, 6]}, ["y"], [*NUMBERS, *weights])
    assert_same_shapes(proto)
    assert not analyzer.analyze(proto).notes


def test_a_number_that_nobody_knows_is_told_by_the_elements() -> None:
    """``[?, 4]`` for twelve elements can only be ``[3, 4]``."""
    nodes = [
        node("Unsqueeze", "n zeros", "ns"),
        node("Concat", "ns four", "to", axis=0),
        node("Reshape", "x to", "r"),
        node("MatMul", "r k", "y"),
    ]
    proto = model(nodes, {"x": [2, 6]}, ["y"], [*NUMBERS, integers("four", 4), stored("k", 4, 4)])
    proto.graph.input.append(helper.make_tensor_value_info("n", TensorProto.INT64, ()))
    assert shapes_inferred(proto)["y"] == (3, 4)
    assert analyzer.analyze(proto).totals.macs == 3 * 4 * 4


def test_sizes_that_the_file_fixes() -> None:
    proto = model(
        [node("Reshape", "x to", "y", name="flat")], {"x": ["n", 6]}, ["y"], [integers("to", 1, 6)]
    )
    assert analyzer.analyze(proto, (1, 6)).coverage.free == 1
    with pytest.raises(analyzer.ModelError, match=r"'flat'.*\[2, 6\] does not fit into \[1, 6\]"):
        analyzer.analyze(proto, (2, 6))


def test_giants_are_exact_and_take_no_memory() -> None:
    huge = 2**40
    nodes = [
        node("ConstantOfShape", "size", "c"),
        node("Expand", "x wide", "e"),
        node("Tile", "e many", "t"),
        node("Flatten", "t", "f", axis=0),
        node("Where", "cond c c", "w"),
        node("Slice", "c zeros hundred zeros", "part"),
        node("Concat", "t t", "joined", axis=0),
        node("Relu", "joined", "y"),
    ]
    weights = [
        integers("size", huge, 1000), integers("wide", huge, 6), integers("many", 2**18, 1),
        integers("zeros", 0), integers("hundred", 2**39),
        numpy_helper.from_array(np.asarray(True), "cond"),
    ]  # fmt: skip
    proto = model(nodes, {"x": [1, 6]}, ["y", "f", "w", "part"], weights)
    tracemalloc.start()
    shapes = shapes_inferred(proto)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e7
    assert shapes["f"] == (1, 6 * huge * 2**18)
    assert shapes["y"] == (2 * huge * 2**18, 6)
    assert shapes["part"] == (2**39, 1000)
    assert analyzer.analyze(proto).totals.flops == 12 * huge * 2**18


def test_a_file_is_not_believed_where_it_contradicts_itself() -> None:
    proto = model(
        [node("MatMul", "x k", "h"), node("Relu", "h", "y")],
        {"x": ["n", 4]},
        ["y"],
        [stored("k", 4, 4)],
    )
    proto.graph.value_info.append(helper.make_tensor_value_info("h", 1, [1, 4]))
    assert not analyzer.analyze(proto, (1, 4)).notes
    report = analyzer.analyze(proto, (3, 4))
    assert report.totals.macs == 3 * 4 * 4
    (note,) = report.notes
    assert "'h' is [1, 4] there and [3, 4] by its node" in note


def test_a_file_is_believed_where_nothing_else_is_to_be_had() -> None:
    made = helper.make_node("Mystery", ["x"], ["h"], domain="somebody")
    proto = model([made, node("MatMul", "h k", "y")], {"x": [3, 4]}, ["y"], [stored("k", 4, 4)])
    proto.opset_import.append(helper.make_opsetid("somebody", 1))
    assert analyzer.analyze(proto).totals.macs == 0
    proto.graph.value_info.append(helper.make_tensor_value_info("h", 1, [5, 4]))
    report = analyzer.analyze(proto)
    assert report.totals.macs == 5 * 4 * 4
    assert [unknown.operation for unknown in report.coverage.unknown] == ["somebody::Mystery"]


FOUND = [node("NonZero", "x", "at"), node("Transpose", "at", "rows")]
TWICE = node("Cast", "rows", "f", to=TensorProto.FLOAT)


def test_what_is_found_is_at_most_everything() -> None:
    nodes = [*FOUND, TWICE, node("MatMul", "f k", "y")]
    proto = model(nodes, {"x": [3, 4]}, ["y"], [stored("k", 2, 5)])
    report = analyzer.analyze(proto)
    assert report.totals.macs == 3 * 4 * 2 * 5
    assert report.coverage.bound is Bound.UPPER
    (note,) = report.notes
    assert "NonZero node" in note
    assert "as many as there can be" in note


def test_moving_what_is_found_costs_nothing_however_much_it_is() -> None:
    proto = model([*FOUND, node("MatMul", "x k", "y")], {"x": [3, 4]}, ["y"], [stored("k", 4, 5)])
    assert analyzer.analyze(proto).coverage.bound is Bound.EXACT


def test_a_condition_on_what_is_found_is_not_known() -> None:
    nodes = [
        *FOUND,
        node("Shape", "rows", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Equal", "n zero", "none"),
        helper.make_node(
            "If", ["none"], ["y"],
            then_branch=body([node("Identity", "x", "a")], {}, ["a"]),
            else_branch=body([node("MatMul", "x k", "b")], {}, ["b"]),
        ),
    ]  # fmt: skip
    proto = model(nodes, {"x": [3, 4]}, ["y"], [scalar("zero", 0), stored("k", 4, 4)])
    report = analyzer.analyze(proto)
    assert report.totals.macs == 3 * 4 * 4
    assert any("condition is not known" in note for note in report.notes)


def test_what_is_less_the_more_is_found_is_no_bound() -> None:
    """Padding up to a fixed number of rows: the fewer are found, the more is padded."""
    nodes = [
        *FOUND,
        TWICE,
        node("Shape", "rows", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Sub", "hundred n", "missing"),
        node("Unsqueeze", "missing zeros", "m"),
        node("Concat", "none m zeros", "pads", axis=0),
        node("Pad", "f pads", "y"),
    ]
    weights = [*NUMBERS, scalar("hundred", 100), integers("none", 0, 0)]
    report = analyzer.analyze(model(nodes, {"x": [3, 4]}, ["y"], weights))
    assert [unknown.operation for unknown in report.coverage.unknown] == ["ai.onnx::Pad"]


@pytest.mark.parametrize("onesided", [0, 1])
@pytest.mark.parametrize("window", [True, False])
def test_short_fourier_transforms(onesided: int, window: bool) -> None:
    weights = [scalar("step", 3)]
    names = ["x", "step"]
    if window:
        weights.append(stored("w", 8))
        names.append("w")
    else:
        weights.append(scalar("length", 8))
        names.extend(["", "length"])
    made = helper.make_node("STFT", names, ["y"], onesided=onesided)
    assert_same_shapes(model([made], {"x": [2, 50, 1]}, ["y"], weights))


@pytest.mark.parametrize("window", ["HannWindow", "HammingWindow", "BlackmanWindow"])
def test_windows(window: str) -> None:
    nodes = [node(window, "size", "w"), node("Mul", "x w", "y")]
    proto = model(nodes, {"x": [3, 10]}, ["y"], [scalar("size", 10)])
    assert assert_same_shapes(proto)["y"] == (3, 10)
    assert not analyzer.analyze(proto).coverage.unknown


def function(
    nodes: list[onnx.NodeProto], inputs: str, outputs: str, *attributes: str, **more: Any
) -> onnx.FunctionProto:
    return helper.make_function(
        "mine", more.get("name", "F"), inputs.split(), outputs.split(), nodes,
        more.get("opsets", [helper.make_opsetid("", 17)]), list(attributes),
        overload=more.get("overload", ""),
    )  # fmt: skip


def calling(
    calls: list[onnx.NodeProto], functions: list[onnx.FunctionProto], **inputs: Any
) -> onnx.ModelProto:
    proto = model(calls, inputs or {"x": [3, 4]}, ["y"], [stored("k", 4, 4)])
    proto.opset_import.append(helper.make_opsetid("mine", 1))
    proto.functions.extend(functions)
    proto.ir_version = 10
    return proto


def test_arguments_reach_the_graphs_inside_a_function() -> None:
    """The axis of a reduction in both branches of an ``If`` is an argument of the call."""
    branch = {}
    for name in ("then_branch", "else_branch"):
        made = helper.make_node("Flatten", ["a"], [name])
        axis = made.attribute.add()
        axis.name, axis.ref_attr_name, axis.type = "axis", "at", onnx.AttributeProto.INT
        branch[name] = body([made], {}, [name])
    condition = [node("ReduceSum", "a", "s", keepdims=0), node("Cast", "s", "c", to=9)]
    made = function([*condition, helper.make_node("If", ["c"], ["b"], **branch)], "a", "b", "at")
    call = helper.make_node("F", ["x"], ["y"], domain="mine", at=2)
    proto = calling([call], [made], x=[3, 4, 5, 6])
    assert shapes_inferred(proto)["y"] == (12, 30)
    assert assert_same_shapes(proto)["y"] == (12, 30)


def test_functions_of_one_name_and_functions_in_functions() -> None:
    relu = function([node("Relu", "a", "b")], "a", "b", overload="cheap")
    product = function([node("MatMul", "a w", "b")], "a w", "b", overload="dear")
    mine = [helper.make_opsetid("mine", 1), helper.make_opsetid("", 12)]
    inner = [
        helper.make_node("F", ["a", "w"], ["p"], domain="mine", overload="dear"),
        helper.make_node("F", ["p"], ["r"], domain="mine", overload="cheap"),
        helper.make_node("ReduceSum", ["r"], ["b"], axes=[1]),  # as before operator set 13
    ]
    outer = function(inner, "a w", "b", name="G", opsets=mine)
    proto = calling(
        [helper.make_node("G", ["x", "k"], ["y"], domain="mine")], [relu, product, outer]
    )
    report = analyzer.analyze(proto)
    assert shapes_inferred(proto)["y"] == (3, 1)
    assert report.totals.macs == 3 * 4 * 4
    assert report.coverage.complete


def test_an_argument_that_is_left_out() -> None:
    inner = [helper.make_node("Clip", ["a", "low", "high"], ["b"])]
    proto = calling(
        [helper.make_node("F", ["x", "", "most"], ["y"], domain="mine")],
        [function(inner, "a low high", "b")],
    )
    proto.graph.initializer.append(scalar("most", 6.0, np.float32))
    report = analyzer.analyze(proto)
    assert report.totals.flops == 12  # of a minimum alone
    assert shapes_inferred(proto)["y"] == (3, 4)


def test_calls_of_functions_are_layers() -> None:
    block = function([node("MatMul", "a w", "p"), node("Relu", "p", "b")], "a w", "b", name="Block")
    calls = [
        helper.make_node("Block", ["x", "k"], ["h"], domain="mine"),
        helper.make_node("Block", ["h", "k"], ["y"], domain="mine"),
    ]
    report = analyzer.analyze(calling(calls, [block]))
    assert [(layer.path, layer.type) for layer in report.layers[1:]] == [
        ("Block_0", "Block"),
        ("Block_1", "Block"),
    ]
    assert report["Block_1"].macs == 3 * 4 * 4
