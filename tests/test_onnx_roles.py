"""Which stored tensor is learnable, state or constant, wherever a file keeps it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import analyzer
from analyzer import Kind, Parameter
from tests.onnx_runs import model, stored
from tests.onnx_spelled import build, numbers, op


def node(op_type: str, inputs: str, outputs: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op_type, inputs.split(), outputs.split(), **attributes)


def integers(name: str, *numbers: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(numbers, dtype=np.int64), name)


def parameters(proto: onnx.ModelProto) -> dict[str, Parameter]:
    report = analyzer.analyze(proto)
    assert report.coverage.complete
    return {parameter.name: parameter for parameter in report.model.parameters}


MATMUL = node("MatMul", "x k", "y")
VIEWS: dict[str, tuple[list[onnx.NodeProto], list[onnx.TensorProto], tuple[str, ...]]] = {
    "as it is": ([node("Identity", "w", "k")], [stored("w", 4, 6)], ("in", "out")),
    "cast": (
        [node("Cast", "w", "k", to=TensorProto.FLOAT)],
        [stored("w", 4, 6, dtype=np.float16)],
        ("in", "out"),
    ),
    "transposed": ([node("Transpose", "w", "k")], [stored("w", 6, 4)], ("out", "in")),
    "reshaped": (
        [node("Reshape", "w s", "k")],
        [stored("w", 24), integers("s", 4, 6)],
        (),
    ),
    "squeezed": (
        [node("Squeeze", "w s", "k")],
        [stored("w", 1, 4, 6), integers("s", 0)],
        ("one", "in", "out"),
    ),
    "unsqueezed": ([node("Unsqueeze", "w s", "k")], [stored("w", 4, 6), integers("s", 0)], ()),
    "sliced": (
        [node("Slice", "w a b c", "k")],
        [stored("w", 8, 6), integers("a", 2), integers("b", 6), integers("c", 0)],
        (),
    ),
    "joined": ([node("Concat", "w v", "k", axis=1)], [stored("w", 4, 2), stored("v", 4, 4)], ()),
    "split": ([node("Split", "w", "k j", axis=1)], [stored("w", 4, 12)], ()),
    "expanded": (
        [node("Expand", "w s", "k")],
        [stored("w", 1, 4, 6), integers("s", 3, 4, 6)],
        (),
    ),
    "filled": (
        [node("ConstantOfShape", "s", "k", value=stored("v", 1))],
        [integers("s", 4, 6)],
        ("in", "out"),
    ),
    "in a node": ([node("Constant", "", "k", value=stored("v", 4, 6))], [], ("in", "out")),
    "dequantized": (
        [node("DequantizeLinear", "w scale zero", "k", axis=1)],
        [
            stored("w", 4, 6, dtype=np.int8),
            stored("scale", 6),
            stored("zero", 6, dtype=np.int8),
        ],
        ("in", "out"),
    ),
}


@pytest.mark.parametrize("way", VIEWS)
def test_a_weight_behind_something_is_a_weight(way: str) -> None:
    nodes, weights, axes = VIEWS[way]
    found = parameters(model([*nodes, MATMUL], {"x": [3, 5, 4]}, ["y"], weights))
    names = {"one": "1", "in": "input features", "out": "output features"}
    learnable = {one.name for one in found.values() if one.kind is Kind.LEARNABLE}
    wanted = {"w", "v"} if way == "joined" else {"k"} if way in ("filled", "in a node") else {"w"}
    assert learnable == wanted
    for name in wanted:
        assert found[name].role == "kernel"
        assert not found[name].assumed
        assert found[name].axes == tuple(names[axis] for axis in axes)
    # Nothing that only unpacks a weight is executed work.
    report = analyzer.analyze(model([*nodes, MATMUL], {"x": [3, 5, 4]}, ["y"], weights))
    assert [entry.node.native for entry in report.entries] == ["MatMul"]


def test_bytes_are_those_of_the_file() -> None:
    nodes, weights, _ = VIEWS["dequantized"]
    report = analyzer.analyze(model([*nodes, MATMUL], {"x": [3, 4]}, ["y"], weights))
    assert report.totals.parameters.total == 24
    assert report.totals.memory.parameter_bytes == 24
    assert report.totals.parameters.constants == 12


def test_roles_of_a_convolution_with_batch_normalization() -> None:
    nodes = [
        node("Conv", "x w b", "c", pads=[1] * 4),
        node("BatchNormalization", "c gamma beta mean var", "y"),
    ]
    weights = [stored("w", 8, 3, 3, 3)] + [
        stored(name, 8) for name in ("b", "gamma", "beta", "mean", "var")
    ]
    found = parameters(model(nodes, {"x": [1, 3, 9, 9]}, ["y"], weights))
    assert {name: (one.role, str(one.kind)) for name, one in found.items()} == {
        "w": ("kernel", "learnable"),
        "b": ("bias", "learnable"),
        "gamma": ("scale", "learnable"),
        "beta": ("offset", "learnable"),
        "mean": ("running mean", "state"),
        "var": ("running variance", "state"),
    }
    assert found["w"].axes == ("filters", "input channels", "kernel height", "kernel width")


@pytest.mark.parametrize(
    ("op_type", "shape", "name", "role"),
    [
        ("Add", (4,), "b", "bias"),
        ("Add", (1, 5, 4), "position", "embedding"),
        ("Mul", (4,), "layer_scale", "scale"),
        ("Mul", (5, 1), "gain", "scale"),
        ("Add", (1,), "epsilon", None),
        ("Add", (5, 4), "attention_mask", None),
        ("Mul", (5, 4), "rotary.cos_cached", None),
        ("Sub", (4,), "mean_of_images", None),
        ("Div", (4,), "deviation", None),
    ],
)
def test_what_is_added_or_multiplied(
    op_type: str, shape: tuple[int, ...], name: str, role: str | None
) -> None:
    proto = model(
        [node(op_type, f"x {name}", "y")], {"x": [2, 5, 4]}, ["y"], [stored(name, *shape)]
    )
    found = parameters(proto)[name]
    assert found.kind is (Kind.CONSTANT if role is None else Kind.LEARNABLE)
    if role is not None:
        assert found.role == role
        assert found.assumed


@pytest.mark.parametrize(("shape", "kind"), [((5, 4), Kind.CONSTANT), ((3, 5, 4), Kind.LEARNABLE)])
def test_what_is_added_before_a_softmax(shape: tuple[int, ...], kind: Kind) -> None:
    """The same for all heads: a mask. Another for every head: a learned bias of positions."""
    nodes = [node("Add", "x table", "s"), node("Softmax", "s", "y")]
    proto = model(nodes, {"x": [2, 3, 5, 4]}, ["y"], [stored("table", *shape)])
    assert parameters(proto)["table"].kind is kind


WRITTEN = {
    "dequantized": [
        node("QuantizeLinear", "s scale", "q"),
        node("DequantizeLinear", "q scale", "t"),
    ],
    "moved": [node("Reshape", "s whole", "t")],
}


@pytest.mark.parametrize("way", WRITTEN)
@pytest.mark.parametrize("heads", [1, 3])
def test_a_mask_is_seen_through_what_only_writes_numbers_otherwise(way: str, heads: int) -> None:
    table = stored("table", 2, heads, 5, 4, dtype=np.int8)
    nodes = [node("DequantizeLinear", "table scale", "mask"), node("Add", "x mask", "s")]
    nodes += [*WRITTEN[way], node("Softmax", "t", "y")]
    weights = [table, stored("scale"), integers("whole", 6, 5, 4)]
    found = parameters(model(nodes, {"x": [2, 3, 5, 4]}, ["y"], weights))["table"]
    assert found.kind is (Kind.CONSTANT if heads == 1 else Kind.LEARNABLE)


def of_integers(op_type: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    return node(op_type, inputs, output, domain="com.microsoft", **attributes)


def test_what_integers_stand_for_has_its_role() -> None:
    """Of operators that take integers, scales and zero points are constants, other weights not."""
    x, of = "x scale zero", "scale zero"
    nodes = [
        of_integers("QLinearAdd", f"bias {of} {x} {of}", "a"),
        of_integers("QLinearMul", f"a {of} gain {of} {of}", "b"),
        of_integers("QLinearConcat", f"{of} token {of} b {of}", "c", axis=1),
        of_integers("QLinearAdd", f"c {of} mask {of} {of}", "d"),
        of_integers("QLinearSoftmax", f"d {of} {of}", "y", opset=13, axis=-1),
    ]
    shapes = {"bias": (4,), "gain": (4,), "token": (2, 1, 4), "mask": (6, 4), "zero": ()}
    weights = [stored(name, *shape, dtype=np.uint8) for name, shape in shapes.items()]
    proto = model(nodes, {"x": [2, 5, 4]}, ["y"], [*weights, stored("scale")], types={"x": 2})
    found = parameters(proto)
    assert {name: (str(one.kind), one.role) for name, one in found.items()} == {
        "bias": ("learnable", "bias"),
        "gain": ("learnable", "scale"),
        "mask": ("constant", "constant"),
        "scale": ("constant", "constant"),
        "token": ("learnable", "embedding"),
        "zero": ("constant", "constant"),
    }


def test_quantised_tables_of_an_embedding_are_learned() -> None:
    learned = {"words": (11, 4), "places": (7, 4), "parts": (2, 4), "gamma": (4,), "beta": (4,)}
    scales = " ".join(f"{name}_scale" for name in learned)
    zeros = " ".join(f"{name}_zero" for name in learned)
    mask = ""
    inputs = ["ids", "segments", *learned, mask, *scales.split(), *zeros.split()]
    embedded = helper.make_node(
        "QEmbedLayerNormalization", inputs, ["y", "m"], domain="com.microsoft"
    )
    weights = [stored(name, *shape, dtype=np.uint8) for name, shape in learned.items()]
    weights += [stored(name) for name in scales.split()]
    weights += [stored(name, dtype=np.uint8) for name in zeros.split()]
    given = {"ids": [2, 5], "segments": [2, 5]}
    found = parameters(model([embedded], given, ["y"], weights, types=dict.fromkeys(given, 6)))
    kinds = {name: Kind.LEARNABLE if name in learned else Kind.CONSTANT for name in found}
    assert {name: one.kind for name, one in found.items()} == kinds
    assert len(found) == 3 * len(learned)


@pytest.mark.parametrize(
    ("reader", "kind"),
    [
        (node("DequantizeLinear", "t scale zero", "y"), Kind.LEARNABLE),
        (of_integers("QLinearSigmoid", "t scale zero scale zero", "y"), Kind.LEARNABLE),
        (node("Cast", "t", "y", to=TensorProto.INT64), Kind.CONSTANT),
    ],
)
def test_a_table_of_integers_is_learned_if_they_stand_for_numbers(
    reader: onnx.NodeProto, kind: Kind
) -> None:
    nodes = [node("Gather", "table tokens", "e"), node("Transpose", "e", "t"), reader]
    weights = [stored("table", 11, 4, dtype=np.uint8), stored("zero", dtype=np.uint8)]
    weights.append(stored("scale"))
    proto = model(nodes, {"tokens": [2, 5]}, ["y"], weights, types={"tokens": 7})
    assert parameters(proto)["table"].kind is kind


def test_of_two_stored_factors_the_first_may_be_a_table() -> None:
    nodes = [node("MatMul", "queries k", "q"), node("Add", "x q", "y")]
    weights = [stored("queries", 4, 6), stored("k", 6, 5)]
    found = parameters(model(nodes, {"x": [3, 4, 5]}, ["y"], weights))
    assert {name: (one.kind, one.assumed) for name, one in found.items()} == {
        "queries": (Kind.LEARNABLE, True),
        "k": (Kind.LEARNABLE, False),
    }


def test_a_class_token_is_learned() -> None:
    proto = model(
        [node("Concat", "token x", "y", axis=1)],
        {"x": [1, 5, 4]},
        ["y"],
        [stored("token", 1, 1, 4)],
    )
    assert parameters(proto)["token"].assumed


def test_a_tied_weight_is_one() -> None:
    nodes = [
        node("Gather", "table tokens", "e"),
        node("Transpose", "table", "t"),
        node("MatMul", "e t", "y"),
    ]
    proto = model(nodes, {"tokens": [1, 5]}, ["y"], [stored("table", 11, 4)], types={"tokens": 7})
    report = analyzer.analyze(proto)
    assert report.totals.parameters.total == 44
    assert report.totals.macs == 5 * 4 * 11
    assert report.coverage.free == 1


def test_a_number_spread_over_a_tensor_is_no_weight() -> None:
    nodes = [node("Expand", "zero s", "h"), node("MatMul", "h k", "y")]
    weights = [stored("zero"), integers("s", 3, 4), stored("k", 4, 2)]
    found = parameters(model([*nodes, node("Add", "y x", "z")], {"x": [1]}, ["z"], weights))
    assert found["zero"].kind is Kind.CONSTANT
    assert found["k"].kind is Kind.LEARNABLE


def test_arithmetic_on_weights_is_executed() -> None:
    nodes = [node("Mul", "w gain", "k"), MATMUL]
    proto = model(nodes, {"x": [3, 4]}, ["y"], [stored("w", 4, 6), stored("gain", 1, 6)])
    report = analyzer.analyze(proto)
    assert report.totals.parameters.total == 30
    assert report.totals.flops == 4 * 6 + 2 * 3 * 4 * 6


def test_a_sparse_weight_has_its_shape_and_its_bytes() -> None:
    proto = model([MATMUL], {"x": [3, 4]}, ["y"])
    sparse = helper.make_sparse_tensor(stored("k", 5), integers("k_at", 0, 3, 9, 11, 20), [4, 6])
    proto.graph.sparse_initializer.append(sparse)
    report = analyzer.analyze(proto)
    assert report.totals.parameters.total == 24
    assert report.totals.memory.parameter_bytes == 5 * 4 + 5 * 8


def test_weights_outside_the_file_are_not_needed(tmp_path: Path) -> None:
    weight = onnx.TensorProto(name="k", data_type=1, dims=[4, 6], data_location=1)
    weight.external_data.add(key="location", value="absent.bin")
    proto = model([MATMUL], {"x": [3, 4]}, ["y"], [weight])
    assert analyzer.analyze(proto).totals.parameters.total == 24
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    assert "'absent.bin', which is not there" in analyzer.analyze(str(path)).notes[0]
    (tmp_path / "absent.bin").write_bytes(bytes(4 * 6 * 4))
    assert not analyzer.analyze(str(path)).notes


def test_the_bias_of_one_output_feature_is_told_from_a_number() -> None:
    nodes = [node("MatMul", "x k", "h"), node("Add", "h b", "g"), node("Add", "g one", "y")]
    one = numpy_helper.from_array(np.asarray(1, np.float32), "one")
    report = analyzer.analyze(
        model(nodes, {"x": [2, 3, 4]}, ["y"], [stored("k", 4, 1), stored("b", 1), one])
    )
    assert report.totals.parameters.total == 4 + 1
    assert report.totals.parameters.constants == 1


@pytest.mark.parametrize("channels", [8, 5000])  # few elements are evaluated, many are not
def test_axes_of_a_bias_that_is_reshaped_before_it_is_added(channels: int) -> None:
    """One that a layer of one dimension stores, put in front of the places of an image."""
    nodes = [
        op("Conv", "x w", "1"),
        op("Reshape", "b shape", "reshaped"),
        op("Add", "1 reshaped", "2"),
        op("Unsqueeze", "g axes", "wider"),
        op("Mul", "2 wider", "y"),
    ]
    weights = {
        "w": numbers(channels, 3, 3, 3),
        "b": numbers(channels),
        "g": numbers(channels),
        "shape": np.array([1, channels, 1, 1]),
        "axes": np.array([1, 2]),
    }
    found = analyzer.analyze(build(nodes, {"x": numbers(1, 3, 6, 6)}, weights, ["y"], opset=17))
    derived = {one.name: one for part in found.explain().walk() for one in part.parameters}
    for name in ("b", "g"):
        assert derived[name].axes == ("channels",)
        assert derived[name].expression.names() == "channels"


def test_what_an_exporter_fills_in_is_not_learned(tmp_path: Path) -> None:
    """The ones and zeros of a group norm written per channel, and the map a cell starts with."""

    class Cell(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3 + 8, 8, 3, padding=1)
            self.norm = torch.nn.GroupNorm(2, 8)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            batch, _, *places = images.shape
            state = images.new_zeros(batch, 8, *places)
            mixed: torch.Tensor = self.norm(self.conv(torch.cat([images, state], dim=1)))
            return mixed + state

    cell = Cell().eval()
    path = tmp_path / "cell.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            cell,
            (torch.rand(2, 3, 6, 5),),
            path,
            dynamo=False,
            do_constant_folding=False,
            input_names=["images"],
            dynamic_axes={"images": {2: "height"}},
        )
    report = analyzer.analyze(str(path), dims={"height": 6})
    learned = sum(parameter.numel() for parameter in cell.parameters())
    assert report.totals.parameters.total == learned
    norm = sum(parameter.numel() for parameter in cell.norm.parameters())
    assert report.totals.parameters.assumed == norm  # which is multiplied and added here
    assert "assumed from their use" in str(report)
