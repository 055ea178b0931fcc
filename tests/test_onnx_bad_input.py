"""Bad ONNX files: a clear error of one line, or an exact number; never a crash or a long wait."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

import analyzer
from analyzer import InputError, ModelError
from analyzer_onnx import functions
from analyzer_onnx.wire import WireError, lean
from tests.commands import error, run
from tests.onnx_files import field, varint
from tests.onnx_runs import model, stored

RELU = helper.make_node("Relu", ["x"], ["y"], name="act")


def said_of(given: object) -> str:
    """Return what is said of a bad model."""
    with pytest.raises(ModelError) as caught:
        analyzer.analyze(given)
    said = str(caught.value)
    assert "\n" not in said
    return said


# The bytes


def test_every_way_to_cut_a_file_short(tmp_path: Path) -> None:
    whole = model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": [2, 3]}, ["y"], [stored("w", 3, 4)]
    )
    content = whole.SerializeToString()
    path = tmp_path / "cut.onnx"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert "cut.onnx" in said_of(str(path))
        if content[:length]:
            assert "what came as bytes" in said_of(content[:length])
    assert analyzer.analyze(content).totals.macs == 2 * 3 * 4


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x3a" + varint(2**63 - 1) + b"\x0a", "needs 9223372036854775817 bytes and 11 are"),
        (b"\x3a" + varint(2**40), "bytes and 7 are there"),
        (b"\x3a" + b"\xff" * 20, "the number at byte 1 has no end"),
        (b"\x08" + b"\xff" * 9, "the number at byte 1 has no end"),
        (b"\x3b\x3c", "at byte 0 stands a field written in no way that ONNX uses"),
        (b"\x3f", "at byte 0 stands a field written in no way that ONNX uses"),
        (b"\x02\x00", "at byte 0 stands a field without a number"),
        (b"\x0d\x00", "needs 5 bytes and 2 are there"),
        (b"\x09\x00", "needs 9 bytes and 2 are there"),
        (b"\x3a", "bytes and 1 are there"),
    ],
)
def test_bytes_that_are_no_message(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "odd.onnx"
    path.write_bytes(content)
    assert why in said_of(str(path))
    assert "export or copy it again" in error(run("summary", str(path)), 3)


def test_fields_that_nobody_knows_are_stepped_over() -> None:
    content = model([RELU], {"x": [3]}, ["y"]).SerializeToString()
    more = field(999, b"later") + varint(998 << 3) + varint(7) + varint(997 << 3 | 5) + bytes(4)
    assert analyzer.analyze(content + more).totals.flops == 3


def nested(depth: int) -> bytes:
    """A graph in a node of a graph in a node, without anything else."""
    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(6, graph)))
    return field(7, graph)


@pytest.mark.parametrize("depth", [40, 500, 10_000])
def test_nesting_of_messages(depth: int) -> None:
    if depth > 200:  # what is short is not looked into
        with pytest.raises(WireError, match="nested more than 100 deep"):
            lean(nested(depth))
    assert "decode" in said_of(nested(depth))


def branches(depth: int) -> onnx.ModelProto:
    """A branch in a branch, as an object: protobuf's own limit is for bytes alone."""
    made = model([], {"x": [3]}, ["y0"])
    graph = made.graph
    graph.node.add(op_type="Constant", output=["p"]).attribute.add(name="value_int", i=1, type=2)
    for at in range(depth):
        node = graph.node.add(op_type="If", input=["p"], output=[f"y{at}"])
        for name in ("else_branch", "then_branch"):
            inner = node.attribute.add(name=name, type=5).g
            inner.output.add(name=f"y{at + 1}")
            if name == "else_branch" or at == depth - 1:
                inner.node.add(op_type="Neg", input=["x"], output=[f"y{at + 1}"])
        graph = inner
    return made


def test_nesting_of_graphs() -> None:
    assert analyzer.analyze(branches(20)).totals.flops == 3
    assert "nested more than 64 deep" in said_of(branches(10_000))


@pytest.mark.parametrize("suffix", [".onnxtxt", ".onnxjson"])
@pytest.mark.parametrize("depth", [101, 100_000])
def test_nesting_of_text(tmp_path: Path, suffix: str, depth: int) -> None:
    path = tmp_path / f"deep{suffix}"
    opening = "y = If (c) <then_branch = g () => (float y) { "
    path.write_text(
        "{" * depth if suffix == ".onnxjson" else f"g (bool c) => (float y) {{{opening * depth}"
    )
    assert "it is nested more than 100 deep" in said_of(str(path))


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".onnxtxt", b"no text of a model"),
        (".onnxtxt", b"\xff\xfe"),
        (".onnxtxt", b""),
        (".onnxtxt", b'<ir_version: 8, opset_import: ["" : 17]> g (float[3] x) => (float[3] y) {'),
        (".onnxjson", b"[1, 2]"),
        (".onnxjson", b'{"graph": {"node": 3}}'),
        (".onnxjson", b"{}"),
        (".onnxjson", b"[" * 100_000),
    ],
)
def test_text_that_is_no_model(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_bytes(content)
    assert f"text{suffix}" in said_of(str(path))


# Names


def damaged(change: Callable[[onnx.ModelProto], None]) -> onnx.ModelProto:
    made = model([RELU], {"x": [3]}, ["y"], [stored("w", 2)])
    made.graph.node[0].attribute.add(name="odd", i=1, type=2)
    change(made)
    return made


@pytest.mark.parametrize("name", ["xname", "wname", "actname", "oddname", "Reluname", "domainname"])
def test_names_that_are_no_text(name: str) -> None:
    made = model(
        [helper.make_node("Reluname", ["xname"], ["y"], name="actname", oddname=1)],
        {"xname": [3]},
        ["y"],
        [stored("wname", 2)],
    )
    made.opset_import.append(helper.make_opsetid("domainname", 1))
    content = made.SerializeToString().replace(name.encode(), b"\xff" * len(name))
    assert "is no text; the file" in said_of(content)


@pytest.mark.parametrize("name", ["graphname", "producer", "sequence", "note"])
def test_names_that_are_no_text_and_do_not_matter(name: str) -> None:
    made = model([RELU], {"x": ["sequence", 3]}, ["y"])
    made.graph.name, made.producer_name = "graphname", "producer"
    made.metadata_props.add(key="note", value="note")
    content = made.SerializeToString().replace(name.encode(), b"\xff" * len(name))
    assert analyzer.analyze(content).totals.flops == 3


# The graph


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([("Relu", "nowhere", "y")], "Relu node 'y': tensor 'nowhere' is made by no node"),
        ([("Add", "x b", "a"), ("Relu", "a", "b"), ("Neg", "a", "y")], "form a circle"),
        ([("Relu", "y", "y")], "form a circle"),
        ([("Relu", "x", "y"), ("Neg", "x", "y")], "tensor 'y' is made twice in one graph"),
        ([("Relu", "x", "x")], "tensor 'x' is made twice in one graph"),
        ([("Relu", "x", "w"), ("Neg", "w", "y")], "tensor 'w' is made twice in one graph"),
        ([("Relu", "x", "a")], "the graph's outputs: tensor 'y' is made by no node"),
        ([("Relu", "x x", "y")], "Relu node 'y' has 2 inputs, and its operator has 1 to 1"),
        ([("Relu", "", "y")], "Relu node 'y' has 0 inputs, and its operator has 1 to 1"),
        ([("Conv", "x", "y")], "Conv node 'y' has 1 inputs, and its operator has 2 to 3"),
        ([("Relu", "x", "y z")], "Relu node 'y, z' has 2 outputs, and its operator has 1 to 1"),
        ([("Concat", "x w", "y")], "Concat node 'y' has no attribute axis"),
        ([("Constant", "", "y")], "Constant node 'y' has 0 values and not 1"),
        ([("If", "x", "y")], "has no attribute else_branch, then_branch"),
    ],
)  # fmt: skip
def test_graphs_that_cannot_be(nodes: list[tuple[str, str, str]], said: str) -> None:
    made = [helper.make_node(kind, given.split(), out.split()) for kind, given, out in nodes]
    assert said in said_of(model(made, {"x": [3]}, ["y"], [stored("w", 3)]))


def test_an_operand_and_an_attribute_that_are_not_what_they_should_be() -> None:
    left_out = helper.make_node("Relu", [""], ["y"])
    assert "Relu node 'y' has no first operand" in said_of(model([left_out], {"x": [3]}, ["y"]))
    text = helper.make_node("Concat", ["x"], ["y"], axis="first")
    assert "attribute 'axis' is not what its operator takes" in said_of(
        model([text], {"x": [3]}, ["y"])
    )


def test_a_function_that_calls_itself() -> None:
    made = model([helper.make_node("F", ["x"], ["y"], domain="mine")], {"x": [3]}, ["y"])
    made.functions.append(
        helper.make_function(
            "mine", "F", ["a"], ["b"], [helper.make_node("F", ["a"], ["b"], domain="mine")],
            [helper.make_opsetid("mine", 1)],
        )
    )  # fmt: skip
    assert "functions call each other without an end" in said_of(made)


def test_functions_that_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of forty functions calls the next one twice."""
    monkeypatch.setattr(functions, "_MOST_CALLED", 500)
    made = model([helper.make_node("F0", ["x"], ["y"], domain="mine")], {"x": [3]}, ["y"])
    for at in range(40):
        calls = [
            helper.make_node(f"F{at + 1}", ["a"], ["b"], domain="mine"),
            helper.make_node(f"F{at + 1}", ["b"], ["c"], domain="mine"),
        ]
        if at == 39:
            calls = [helper.make_node("Relu", ["a"], ["c"])]
        opsets = [helper.make_opsetid("mine", 1), helper.make_opsetid("", 17)]
        made.functions.append(helper.make_function("mine", f"F{at}", ["a"], ["c"], calls, opsets))
    assert "come to more than 500 nodes" in said_of(made)


@pytest.mark.parametrize("depth", [10, 10_000])
def test_names_of_deep_scopes(depth: int) -> None:
    name = "/".join(f"s{at}" for at in range(depth))
    relu = helper.make_node("Relu", ["x"], ["y"], name=f"{name}/Relu")
    report = analyzer.analyze(model([relu], {"x": [3]}, ["y"]))
    assert report[name].flops == 3
    assert len(report.layers) <= 66


@pytest.mark.parametrize("text", ["[" * 100_000, "-" * 100_000 + "1", "'a\\d'", "\0", "[" * 99])
def test_metadata_that_is_no_list(text: str) -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    relu.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=text)
    assert analyzer.analyze(model([relu], {"x": [3]}, ["y"])).totals.flops == 3


def test_an_empty_graph() -> None:
    report = analyzer.analyze(model([], {}, []))
    assert (report.totals.macs, report.totals.parameters.total) == (0, 0)
    through = analyzer.analyze(model([], {"x": [3]}, ["x"]))
    assert through.totals.flops == 0


# Sizes


@pytest.mark.parametrize(
    ("node", "inputs", "flops"),
    [
        (("AveragePool", {"kernel_shape": [2**30]}), [1, 1, 2**50], 2**30 * (2**50 - 2**30 + 1)),
        (("AveragePool", {"kernel_shape": [3]}), [1, 1, 2**60], 3 * (2**60 - 2)),
        (("MaxPool", {"kernel_shape": [2]}), [1, 1, 2**60], 2**60 - 1),
        (("GlobalAveragePool", {}), [1, 1, 2**60], 2**60),
    ],
)
def test_no_size_is_counted_one_by_one(
    node: tuple[str, dict[str, Any]], inputs: list[int], flops: int
) -> None:
    kind, attributes = node
    made = helper.make_node(kind, ["x"], ["y"], **attributes)
    assert analyzer.analyze(model([made], {"x": inputs}, ["y"])).totals.flops == flops


def test_a_sequence_of_more_parts_than_can_be_listed() -> None:
    nodes = [
        helper.make_node("SplitToSequence", ["x"], ["parts"]),
        helper.make_node("ConcatFromSequence", ["parts"], ["y"], axis=0),
    ]
    report = analyzer.analyze(model(nodes, {"x": [2**40, 1]}, ["y"]))
    assert not report.coverage.complete


def product(*dims: int, raw: bytes = b"") -> onnx.ModelProto:
    weight = TensorProto(name="w", data_type=1, dims=dims)
    if raw:
        weight.raw_data = raw
    return model([helper.make_node("Mul", ["x", "w"], ["y"])], {"x": [1]}, ["y"], [weight])


@pytest.mark.parametrize("form", [lambda proto: proto, lambda proto: proto.SerializeToString()])
def test_exact_numbers_of_tensors_that_nobody_has(
    form: Callable[[onnx.ModelProto], object],
) -> None:
    report = analyzer.analyze(form(product(2**31, 2**31)))
    assert report.totals.parameters.total == 2**62
    assert report.totals.flops == 2**62
    assert report.totals.memory.parameter_bytes == 2**64
    wide = helper.make_node("MatMul", ["x", "w"], ["y"])
    large = TensorProto(name="w", data_type=1, dims=[2**20, 2**40])
    many = model([wide], {"x": [2**10, 2**20]}, ["y"], [large])
    assert analyzer.analyze(form(many)).totals.macs == 2**70


def test_tensors_that_the_format_cannot_count() -> None:
    assert "is more elements than" in said_of(product(2**40, 2**40))
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    column = TensorProto(name="w", data_type=1, dims=[1, 2**40])
    outer = model([node], {"x": [2**40, 1]}, ["y"], [column])
    assert "is more elements than" in said_of(outer)
    with pytest.raises(InputError, match="is more elements than the format can count"):
        analyzer.analyze(model([RELU], {"x": ["n", "m"]}, ["y"]), (2**40, 2**40))


def test_negative_sizes() -> None:
    assert "has a negative size: [3, -2]; the file is damaged" in said_of(product(3, -2))
    assert "has a negative size" in said_of(product(3, -2).SerializeToString())
    unknown = model([RELU], {"x": [-1, 3]}, ["y"])  # as old exporters write an open dimension
    assert analyzer.analyze(unknown, batch_size=2).totals.flops == 6


@pytest.mark.parametrize("size", [1, 8, 4096])
def test_weights_without_elements_are_weights(size: int) -> None:
    """Some tools take the elements out, so that a graph can be shown without its weights."""
    report = analyzer.analyze(product(size))
    assert report.totals.memory.parameter_bytes + report.totals.memory.constant_bytes == 4 * size
    assert report.totals.flops == size


@pytest.mark.parametrize("raw", [b"\0" * 4, b"\0" * 4000])
def test_elements_that_do_not_fit_the_shape(raw: bytes) -> None:
    integers = TensorProto(name="size", data_type=7, dims=[2], raw_data=raw)
    reshape = model(
        [helper.make_node("Reshape", ["x", "size"], ["y"])], {"x": [6]}, ["y"], [integers]
    )
    assert "'size': its bytes do not fit its shape [2]" in said_of(reshape)
    assert "do not fit its shape" in said_of(reshape.SerializeToString())


def test_large_elements_that_do_not_fit_the_shape() -> None:
    large = product(2**31, 2**31, raw=bytes(5000)).SerializeToString()
    assert "stored tensor 'w' has 5000 bytes of elements, and its shape [2147483648, 21" in said_of(
        large
    )
    short = product(1250, raw=bytes(4996)).SerializeToString()
    assert "has 4996 bytes of elements, and its shape [1250] of float32 takes 5000" in said_of(
        short
    )


@pytest.mark.parametrize("kind", [0, 99, -1])
def test_element_types_that_are_none(kind: int) -> None:
    made = product(3)
    made.graph.initializer[0].data_type = kind
    assert f"element type {kind} is not one of ONNX's" in said_of(made)


@pytest.mark.parametrize(
    ("operator", "operands", "size"),
    [
        ("ConstantOfShape", "huge", 2**40),
        ("Expand", "one_of huge", 2**40),
        ("Range", "one lone one", 2**40 - 1),
        ("Tile", "v huge", 3 * 2**40),
    ],
)
def test_sizes_that_are_computed_are_never_made(operator: str, operands: str, size: int) -> None:
    """Eight bytes of an integer can ask for all the memory there is."""
    stored_integers = [
        helper.make_tensor("huge", 7, [1], [2**40]),
        helper.make_tensor("lone", 7, [], [2**40]),
        helper.make_tensor("one", 7, [], [1]),
        helper.make_tensor("one_of", 7, [1], [1]),
        helper.make_tensor("v", 7, [3], [3, 4, 5]),
    ]
    nodes = [
        helper.make_node(operator, operands.split(), ["h"]),
        helper.make_node("Cast", ["h"], ["y"], to=1),
    ]
    (output,) = analyzer.analyze(model(nodes, {}, ["y"], stored_integers)).model.outputs
    assert output.shape == (size,)
