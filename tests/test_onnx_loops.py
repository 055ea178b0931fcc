"""Loops whose sizes change from run to run, held to ONNX Runtime and to sums over the runs."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import analyzer
from analyzer import Bound
from analyzer.ops import Repeat
from tests.onnx_runs import assert_same_shapes, model, shapes_inferred, stored
from tests.test_onnx_control import FLAG, body, scalar
from tests.test_onnx_roles import integers, node

RUNS = 6
KEEP = node("Identity", "go", "again")


def looped(
    nodes: list[onnx.NodeProto],
    carried: dict[str, str],
    results: str,
    weights: list[onnx.TensorProto],
    *,
    runs: int = RUNS,
    after: list[onnx.NodeProto] | None = None,
    outputs: str = "",
    inputs: dict[str, Any] | None = None,
) -> onnx.ModelProto:
    """A loop of so many runs; ``carried`` maps names in the body to those outside."""
    inside = body(
        [KEEP, *nodes],
        {"i": TensorProto.INT64, "go": TensorProto.BOOL, **dict.fromkeys(carried, 1)},
        ["again", *results.split()],
    )
    made = helper.make_node(
        "Loop", ["m", "flag", *carried.values()], outputs.split() or ["last"], body=inside
    )
    return model(
        [made, *(after or [])],
        inputs or {"x": [1, 4]},
        (outputs.split() or ["last"]) + [name for one in after or [] for name in one.output],
        [FLAG, scalar("m", runs), stored("k", 4, 4), *weights],
    )


def repeats(report: analyzer.Report) -> list[tuple[int, bool]]:
    operations = [entry.operation for entry in report.model.nodes or ()]
    return [(one.times, one.exact) for one in operations if isinstance(one, Repeat)]


def test_what_grows_is_counted_run_by_run() -> None:
    proto = looped(
        [node("MatMul", "h k", "p"), node("Concat", "p x", "h2", axis=0)], {"h": "x"}, "h2", []
    )
    assert assert_same_shapes(proto)["last"] == (1 + RUNS, 4)
    report = analyzer.analyze(proto)
    assert report.totals.macs == sum(rows * 4 * 4 for rows in range(1, RUNS + 1))
    assert repeats(report) == [(1, True)] * RUNS
    assert report.coverage.bound is Bound.EXACT
    assert not report.notes


def test_what_settles_is_counted_once_from_there() -> None:
    """A row that is broadcast to three in the first run stays three."""
    proto = looped(
        [node("MatMul", "h k", "p"), node("Add", "p y", "h2")],
        {"h": "x"},
        "h2",
        [],
        inputs={"x": [1, 4], "y": [3, 4]},
    )
    assert assert_same_shapes(proto)["last"] == (3, 4)
    report = analyzer.analyze(proto)
    assert report.totals.macs == (1 + 3 * (RUNS - 1)) * 4 * 4
    assert repeats(report) == [(1, True), (RUNS - 1, True)]


def test_the_number_of_the_run_tells_sizes() -> None:
    proto = looped(
        [
            node("Add", "i one", "end"),
            node("Unsqueeze", "end zeros", "ends"),
            node("Slice", "x zeros ends zeros", "part"),
            node("MatMul", "part k", "p"),
            node("ReduceSum", "p zeros", "s", keepdims=1),
            node("Add", "h s", "h2"),
        ],
        {"h": "start"},
        "h2",
        [scalar("one", 1), integers("zeros", 0)],
        inputs={"x": [9, 4], "start": [1, 4]},
    )
    assert assert_same_shapes(proto)["last"] == (1, 4)
    report = analyzer.analyze(proto)
    assert report.totals.macs == sum(rows * 4 * 4 for rows in range(1, RUNS + 1))
    assert report.coverage.bound is Bound.EXACT


def test_a_branch_in_a_loop_goes_by_the_number_of_the_run() -> None:
    yes = body([node("MatMul", "h k", "a")], {}, ["a"])
    no = body([node("Identity", "h", "b")], {}, ["b"])
    nodes = [
        node("Mod", "i three", "r"),
        node("Equal", "r zero", "c"),
        helper.make_node("If", ["c"], ["h2"], then_branch=yes, else_branch=no),
    ]
    proto = looped(nodes, {"h": "x"}, "h2", [scalar("three", 3), scalar("zero", 0)])
    assert assert_same_shapes(proto)["last"] == (1, 4)
    report = analyzer.analyze(proto)
    assert report.totals.macs == len(range(0, RUNS, 3)) * 4 * 4
    assert report.coverage.bound is Bound.EXACT
    assert repeats(report) == [(1, True), (2, True), (1, True), (2, True)]


def test_a_loop_in_a_loop() -> None:
    inner = body(
        [node("Identity", "go2", "again2"), node("MatMul", "g k", "g2")],
        {"j": TensorProto.INT64, "go2": TensorProto.BOOL, "g": 1},
        ["again2", "g2"],
    )
    nodes = [
        node("Add", "i one", "times"),
        helper.make_node("Loop", ["times", "flag", "h"], ["h2"], body=inner),
    ]
    proto = looped(nodes, {"h": "x"}, "h2", [scalar("one", 1)])
    assert assert_same_shapes(proto)["last"] == (1, 4)
    assert analyzer.analyze(proto).totals.macs == sum(range(1, RUNS + 1)) * 4 * 4


def test_a_list_that_a_loop_fills() -> None:
    nodes = [
        node("MatMul", "x k", "p"),
        node("Add", "i one", "n"),
        node("Unsqueeze", "n zeros", "ns"),
        node("Concat", "ns four", "size", axis=0),
        node("Expand", "p size", "e"),
        node("SequenceInsert", "h e", "h2"),
    ]
    after = [
        node("SequenceLength", "list", "length"),
        node("SequenceAt", "list third", "one_of_them"),
        node("ConcatFromSequence", "list", "all", axis=0),
    ]
    weights = [scalar("one", 1), integers("zeros", 0), integers("four", 4), scalar("third", 2)]
    proto = looped(nodes, {"h": "empty"}, "h2", weights, after=after, outputs="list")
    proto.graph.node.insert(0, node("SequenceEmpty", "", "empty"))
    loop = proto.graph.node[1]
    sequence = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, None))
    loop.attribute[0].g.input[2].type.CopyFrom(sequence)
    loop.attribute[0].g.output[1].type.CopyFrom(sequence)
    proto.graph.output[0].type.CopyFrom(sequence)
    ran = assert_same_shapes(proto)
    assert ran["one_of_them"] == (3, 4)
    assert ran["all"] == (sum(range(1, RUNS + 1)), 4)
    report = analyzer.analyze(proto)
    assert report.totals.macs == RUNS * 4 * 4
    assert not report.coverage.unknown


def test_a_loop_that_grows_for_ever_ends_here() -> None:
    proto = looped(
        [node("MatMul", "h k", "p"), node("Concat", "p x", "h2", axis=0)],
        {"h": "x"},
        "h2",
        [],
        runs=10**12,
    )
    start = time.process_time()
    report = analyzer.analyze(proto)
    assert time.process_time() - start < 20
    assert report.coverage.bound is Bound.NEITHER
    assert any("no exact count" in note for note in report.notes)


def test_nobody_knows_how_often() -> None:
    """What is stacked has at least one slice, and what reads it is counted with at least that."""
    nodes = [node("MatMul", "h k", "p")]
    after = [node("MatMul", "all k", "y")]
    proto = looped(nodes, {"h": "x"}, "p p", [], after=after, outputs="last all")
    del proto.graph.initializer[1]  # M becomes an input
    proto.graph.input.append(helper.make_tensor_value_info("m", TensorProto.INT64, ()))
    report = analyzer.analyze(proto)
    assert report.totals.macs == 2 * 4 * 4
    assert report.coverage.bound is Bound.LOWER
    by_product = [entry.bound for entry in report.entries if entry.node.native == "MatMul"]
    assert by_product == [Bound.LOWER] * 2


@pytest.mark.parametrize("directions", [[0, 0], [1, 0], [1, 1]])
def test_scan_over_two_inputs_with_two_states(directions: list[int]) -> None:
    inside = body(
        [
            node("MatMul", "h k", "p"),
            node("Add", "p s", "h2"),
            node("Mul", "g t", "g2"),
            node("Concat", "h2 g2", "o", axis=0),
        ],
        {"h": 1, "g": 1, "s": 1, "t": 1},
        ["h2", "g2", "o"],
    )
    made = helper.make_node(
        "Scan", ["x", "x", "first", "second"], ["a", "b", "all"], body=inside, num_scan_inputs=2,
        scan_input_axes=[-1, 1], scan_output_axes=[-1], scan_input_directions=directions,
        scan_output_directions=[1],
    )  # fmt: skip
    proto = model(
        [made],
        {"x": [3, 4], "first": [3, 4, 7], "second": [3, 7, 4]},
        ["a", "b", "all"],
        [stored("k", 4, 4)],
    )
    assert assert_same_shapes(proto)["all"] == (6, 4, 7)
    assert analyzer.analyze(proto).totals.macs == 7 * 3 * 4 * 4


@pytest.mark.parametrize("lengths", [None, [5, 2]])
def test_scan_of_operator_set_8_runs_for_every_sequence_of_a_batch(
    lengths: list[int] | None,
) -> None:
    inside = body(
        [node("MatMul", "h k", "p"), node("Add", "p s", "h2"), node("Identity", "h2", "o")],
        {"h": 1, "s": 1},
        ["h2", "o"],
    )
    given = "lengths" if lengths else ""
    made = helper.make_node(
        "Scan", [given, "x", "sequence"], ["last", "all"], body=inside, num_scan_inputs=1
    )
    proto = model(
        [made],
        {"x": [2, 3, 4], "sequence": [2, 5, 3, 4]},
        ["last", "all"],
        [stored("k", 4, 4), *([integers("lengths", *lengths)] if lengths else [])],
        opset=8,
    )
    ran = assert_same_shapes(proto)
    assert (ran["last"], ran["all"]) == ((2, 3, 4), (2, 5, 3, 4))
    runs = sum(lengths) if lengths else 2 * 5
    assert analyzer.analyze(proto).totals.macs == runs * 3 * 4 * 4


def test_sizes_that_fit_one_branch_only_tell_that_it_runs() -> None:
    yes = body([node("Reshape", "x wrong", "a")], {}, ["a"])
    no = body([node("MatMul", "x k", "b")], {}, ["b"])
    condition = [node("ReduceSum", "x", "s", keepdims=0), node("Cast", "s", "c", to=9)]
    made = helper.make_node("If", ["c"], ["y"], then_branch=yes, else_branch=no)
    weights = [stored("k", 4, 4), integers("wrong", 7, 7)]
    report = analyzer.analyze(model([*condition, made], {"x": [3, 4]}, ["y"], weights))
    assert report.totals.macs == 3 * 4 * 4
    assert any("fit only the else branch" in note for note in report.notes)


def test_optional_values() -> None:
    nodes = [
        node("Optional", "x", "o"),
        node("OptionalHasElement", "o", "has"),
        node("OptionalGetElement", "o", "e"),
        node("MatMul", "e k", "y"),
    ]
    proto = model(nodes, {"x": [3, 4]}, ["y", "has"], [stored("k", 4, 4)], opset=18)
    assert assert_same_shapes(proto)["y"] == (3, 4)
    assert analyzer.analyze(proto).totals.macs == 3 * 4 * 4


def test_an_input_that_is_a_sequence_of_like_tensors() -> None:
    proto = model(
        [node("SequenceAt", "list i", "e"), node("MatMul", "e k", "y")],
        {},
        ["y"],
        [stored("k", 4, 4)],
    )
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, (3, 4))
    sequence = helper.make_sequence_type_proto(tensor)
    proto.graph.input.append(helper.make_value_info("list", sequence))
    proto.graph.input.append(helper.make_tensor_value_info("i", TensorProto.INT64, ()))
    assert shapes_inferred(proto)["y"] == (3, 4)
    assert analyzer.analyze(proto).totals.macs == 3 * 4 * 4


def test_a_sequence_is_mapped_element_by_element() -> None:
    inside = body([node("MatMul", "e k", "p")], {"e": 1}, ["p"])
    inside.output[0].CopyFrom(helper.make_tensor_value_info("p", TensorProto.FLOAT, None))
    nodes = [
        node("SplitToSequence", "x sizes", "list", axis=0),
        helper.make_node("SequenceMap", ["list"], ["products"], body=inside),
        node("ConcatFromSequence", "products", "y", axis=0),
    ]
    weights = [stored("k", 4, 4), integers("sizes", 1, 1, 3)]
    proto = model(nodes, {"x": [5, 4]}, ["y"], weights)
    assert assert_same_shapes(proto)["y"] == (5, 4)
    assert analyzer.analyze(proto).totals.macs == 5 * 4 * 4


def test_the_same_elements_as_before() -> None:
    """Runs that turn out alike are kept as one, so that a long loop stays a short list."""
    nodes = [
        node("Min", "i two", "n"),
        node("Add", "n one", "n1"),
        node("Unsqueeze", "n1 zeros", "ends"),
        node("Slice", "x zeros ends zeros", "part"),
        node("MatMul", "part k", "p"),
        node("ReduceSum", "p", "s", keepdims=0),
        node("Add", "h s", "h2"),
    ]
    weights = [scalar("one", 1), scalar("two", 2), integers("zeros", 0)]
    inputs = {"x": [9, 4], "start": [1, 4]}
    proto = looped(nodes, {"h": "start"}, "h2", weights, inputs=inputs, runs=200)
    report = analyzer.analyze(proto)
    assert repeats(report) == [(1, True), (1, True), (198, True)]
    assert report.totals.macs == (1 + 2 + 3 * 198) * 4 * 4
    assert np.prod(report.model.outputs[0].shape) == 4


class Scripted(nn.Module):
    """Python's own loops: a list that is filled now and then, a tensor that grows, a counter."""

    def __init__(self) -> None:
        super().__init__()
        self.step, self.head = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        kept: list[torch.Tensor] = []
        h = x[0]
        for at in range(x.size(0)):
            h = torch.tanh(self.step(x[at]) + h)
            if at % 2 == 0:
                kept.append(self.head(h))
        grown = x[0]
        for _ in range(3):
            grown = torch.cat([grown, self.head(grown)])
        left = 5
        while left > 0:
            left -= 1
            h = h + self.head(h)
        return torch.stack(kept), grown, h


def test_a_scripted_module_costs_what_its_run_does(tmp_path: Path) -> None:
    module, example = Scripted(), torch.ones(6, 2, 4)
    path = tmp_path / "scripted.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(
            torch.jit.script(module), (example,), str(path), dynamo=False, opset_version=17
        )
    proto = onnx.load(str(path))
    assert_same_shapes(proto)
    called = {"step": 0, "head": 0}
    for name in called:

        def count(*_: object, name: str = name) -> None:
            called[name] += 1

        getattr(module, name).register_forward_hook(count)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(example)
    report = analyzer.analyze(proto)
    assert report.totals.macs == counter.get_total_flops() // 2
    assert report.coverage.bound is Bound.EXACT
    assert {name: report[name].calls for name in called} == called


def test_a_long_loop_in_one_whose_sizes_change() -> None:
    """The inner loop's condition, which is the same each time, is followed once."""
    inner = body(
        [node("Add", "j one", "j2"), node("Less", "j2 n", "again2"), node("MatMul", "g k", "g2")],
        {"jj": TensorProto.INT64, "go2": TensorProto.BOOL, "j": TensorProto.INT64, "g": 1},
        ["again2", "j2", "g2"],
    )
    nodes = [
        helper.make_node("Loop", ["", "flag", "zero", "h"], ["j_last", "p"], body=inner),
        node("Concat", "p x", "h2", axis=0),
    ]
    inside = 3000
    weights = [scalar("one", 1), scalar("n", inside), scalar("zero", 0)]
    proto = looped(nodes, {"h": "x"}, "h2", weights, runs=100)
    start = time.process_time()
    report = analyzer.analyze(proto)
    assert time.process_time() - start < 20
    assert report.totals.macs == sum(range(1, 101)) * inside * 4 * 4
    assert report.coverage.bound is Bound.EXACT
