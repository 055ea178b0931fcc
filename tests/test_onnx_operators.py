"""What single operators become: sizes against ONNX Runtime, versions of the operator sets."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
from onnx import helper

import analyzer
from analyzer import Operation
from analyzer.ops import (
    COPY,
    VIEW,
    AdaptivePooling,
    Attention,
    BatchNormalization,
    Convolution,
    Einsum,
    Elementwise,
    Interpolation,
    Linear,
    MatrixProduct,
    Normalization,
    Pooling,
    Recurrent,
    Reduction,
    Softmax,
    Sort,
    free,
)
from analyzer_onnx.mapping_uncounted import UNCOUNTED
from tests.onnx_runs import assert_same_shapes, model, stored
from tests.test_onnx_roles import integers, node

IMAGE = {"x": [2, 4, 9, 11]}


def operations(proto: onnx.ModelProto) -> list[Operation]:
    report = analyzer.analyze(proto)
    assert report.coverage.complete
    return [entry.operation for entry in report.model.nodes or ()]


def only(proto: onnx.ModelProto) -> Any:
    (operation,) = operations(proto)
    return operation


@pytest.mark.parametrize("automatic", ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_automatic_padding_is_made_concrete(automatic: str, stride: int, dilation: int) -> None:
    settings: dict[str, Any] = {"strides": [stride] * 2, "dilations": [dilation] * 2}
    weights = [stored("w", 6, 2, 3, 5)]
    auto = node("Conv", "x w", "y", auto_pad=automatic, group=2, **settings)
    proto = model([auto], IMAGE, ["y"], weights)
    operation = only(proto)
    assert isinstance(operation, Convolution)
    before, after = zip(*operation.padding, strict=True)
    spelled = node("Conv", "x w", "y", pads=[*before, *after], group=2, **settings)
    again = model([spelled], IMAGE, ["y"], weights)
    assert only(again) == operation
    assert operation.out_spatial == assert_same_shapes(again)["y"][2:]
    if dilation == 1 or not automatic.startswith("SAME"):  # ONNX Runtime refuses both together
        assert_same_shapes(proto)


@pytest.mark.parametrize("automatic", ["SAME_UPPER", "VALID", "NOTSET"])
@pytest.mark.parametrize("stride", [1, 2])
def test_transposed_convolutions(automatic: str, stride: int) -> None:
    made = node("ConvTranspose", "x w b", "y", auto_pad=automatic, strides=[stride] * 2, group=2)
    weights = [stored("w", 4, 3, 3, 3), stored("b", 6)]
    proto = model([made], IMAGE, ["y"], weights)
    operation = only(proto)
    assert operation.transposed
    assert operation.out_spatial == assert_same_shapes(proto)["y"][2:]
    assert operation.cost().macs.value == 2 * 4 * 9 * 11 * 3 * 9


def test_a_bias_of_zeros_that_an_exporter_spread_is_none() -> None:
    nodes = [node("Expand", "zero size", "b"), node("Conv", "x w b", "y")]
    weights = [stored("w", 6, 4, 3, 3), integers("size", 6)]
    number = [helper.make_tensor("zero", 1, [], [0.0])]
    assert not only(model(nodes, IMAGE, ["y"], weights + number)).bias
    assert only(model(nodes, IMAGE, ["y"], [*weights, stored("zero")])).bias
    assert only(model(nodes[1:], IMAGE, ["y"], [weights[0], stored("b", 6)])).bias


@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("counts", [0, 1])
def test_average_pooling(ceil: int, counts: int) -> None:
    made = node(
        "AveragePool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4,
        ceil_mode=ceil, count_include_pad=counts,
    )  # fmt: skip
    proto = model([made], IMAGE, ["y"])
    operation = only(proto)
    assert isinstance(operation, Pooling)
    assert operation.count_padding == bool(counts)
    assert operation.out_spatial == assert_same_shapes(proto)["y"][2:]


@pytest.mark.parametrize(("opset", "rows", "size"), [(11, 2, 12), (13, 8, 3)])
def test_softmax_before_13_takes_all_axes_together(opset: int, rows: int, size: int) -> None:
    proto = model([node("Softmax", "x", "y")], {"x": [2, 4, 3]}, ["y"], opset=opset)
    assert only(proto) == Softmax(rows=rows, size=size)


@pytest.mark.parametrize(
    ("low", "high", "function"),
    [(0.0, 6.0, "relu6"), (-1.0, 1.0, "clamp"), (0.5, None, "maximum"), (None, 2.0, "minimum")],
)
def test_clip_as_attributes_and_as_inputs(
    low: float | None, high: float | None, function: str
) -> None:
    given = {"min": low, "max": high}
    attributes = {name: value for name, value in given.items() if value is not None}
    old = model([node("Clip", "x", "y", **attributes)], IMAGE, ["y"], opset=10)
    names = ["x", *(name if name in attributes else "" for name in given)]
    weights = [helper.make_tensor(name, 1, [], [value]) for name, value in attributes.items()]
    new = model([helper.make_node("Clip", names, ["y"])], IMAGE, ["y"], weights)
    assert only(old) == only(new) == Elementwise(function=function, elements=792)


def test_axes_as_attributes_and_as_inputs() -> None:
    old = model([node("ReduceMean", "x", "y", axes=[2, 3])], IMAGE, ["y"], opset=13)
    new = model([node("ReduceMean", "x a", "y")], IMAGE, ["y"], [integers("a", 2, 3)], opset=18)
    assert only(old) == only(new)
    assert isinstance(only(new), AdaptivePooling)
    whole = only(model([node("ReduceSum", "x", "y")], IMAGE, ["y"]))
    assert whole == Reduction(function="sum", in_elements=792, out_elements=1)


@pytest.mark.parametrize(
    ("settings", "shapes", "work"),
    [
        ({}, [(3, 4), (4, 5), (5,)], [Linear(rows=3, in_features=4, out_features=5, bias=True)]),
        (
            {"transA": 1, "transB": 1},
            [(4, 3), (5, 4), None],
            [Linear(rows=3, in_features=4, out_features=5, bias=False)],
        ),
        (
            {"alpha": 2.0},
            [(3, 4), (4, 5), None],
            [
                Linear(rows=3, in_features=4, out_features=5, bias=False),
                Elementwise(function="multiply", elements=15),
            ],
        ),
    ],
)
def test_gemm(
    settings: dict[str, Any], shapes: list[tuple[int, ...] | None], work: list[Operation]
) -> None:
    names = ["x", "w", "b"][: sum(shape is not None for shape in shapes)]
    first, *rest = (shape for shape in shapes if shape is not None)
    weights = [stored(name, *shape) for name, shape in zip(names[1:], rest, strict=True)]
    made = node("Gemm", " ".join(names), "y", **settings)
    proto = model([made], {"x": list(first)}, ["y"], weights)
    assert operations(proto) == work
    assert_same_shapes(proto)


def test_products_of_activations_and_of_weights() -> None:
    inputs = {"a": [2, 1, 3, 4], "b": [5, 4, 6]}
    product = only(model([node("MatMul", "a b", "y")], inputs, ["y"]))
    assert product == MatrixProduct(batch=10, m=3, k=4, n=6)
    linear = only(model([node("MatMul", "x w", "y")], {"x": [2, 3, 4]}, ["y"], [stored("w", 4, 6)]))
    assert linear == Linear(rows=6, in_features=4, out_features=6, bias=False)
    left = only(model([node("MatMul", "w x", "y")], {"x": [2, 4, 3]}, ["y"], [stored("w", 6, 4)]))
    assert left == Linear(rows=6, in_features=4, out_features=6, bias=False)
    vector = only(model([node("MatMul", "a b", "y")], {"a": [4], "b": [4]}, ["y"]))
    assert vector == MatrixProduct(batch=1, m=1, k=4, n=1)


@pytest.mark.parametrize(
    ("equation", "shapes", "macs"),
    [
        ("bqhd,bkhd->bhqk", [(2, 3, 4, 5), (2, 6, 4, 5)], 2 * 3 * 6 * 4 * 5),
        ("...ij, ...jk -> ...ik", [(7, 2, 3), (1, 3, 4)], 7 * 2 * 3 * 4),
        ("ij,jk", [(2, 3), (3, 4)], 2 * 3 * 4),
    ],
)
def test_einsum(equation: str, shapes: list[tuple[int, ...]], macs: int) -> None:
    names = "abc"[: len(shapes)]
    made = node("Einsum", " ".join(names), "y", equation=equation)
    inputs = {name: list(shape) for name, shape in zip(names, shapes, strict=True)}
    proto = model([made], inputs, ["y"])
    operation = only(proto)
    assert isinstance(operation, Einsum)
    assert operation.cost().macs.value == macs
    assert_same_shapes(proto)


@pytest.mark.parametrize(
    ("op_type", "gates", "parameters"), [("LSTM", 4, 1664), ("GRU", 3, 1248), ("RNN", 1, 416)]
)
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_recurrent_layers(op_type: str, gates: int, parameters: int, direction: str) -> None:
    both = 2 if direction == "bidirectional" else 1
    weights = [
        stored("w", both, gates * 16, 8),
        stored("r", both, gates * 16, 16),
        stored("b", both, 2 * gates * 16),
    ]
    made = node(op_type, "x w r b", "y", hidden_size=16, direction=direction)
    proto = model([made], {"x": [10, 3, 8]}, ["y"], weights)
    operation = only(proto)
    assert isinstance(operation, Recurrent)
    assert sum(count.value for count in operation.parameter_counts().values()) == both * parameters
    report = analyzer.analyze(proto)
    assert report.totals.parameters.total == both * parameters
    assert report.totals.macs == 10 * 3 * both * gates * 16 * (8 + 16)
    assert_same_shapes(proto)


@pytest.mark.parametrize("op_type", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers_that_clip_and_have_functions_of_their_own(op_type: str) -> None:
    gates, named = {
        "LSTM": (4, ["Affine", "ScaledTanh", "ScaledTanh"]),
        "GRU": (3, ["Affine", "ScaledTanh"]),
        "RNN": (1, ["ScaledTanh"]),
    }[op_type]
    weights = [stored("w", 1, gates * 16, 8), stored("r", 1, gates * 16, 16)]
    scales = {f"activation_{name}": [0.5] * len(named) for name in ("alpha", "beta")}
    made = node(op_type, "x w r", "y", hidden_size=16, clip=0.5, activations=named, **scales)
    proto = model([made], {"x": [10, 3, 8]}, ["y"], weights)
    operation = only(proto)
    assert operation.clipped
    assert operation.activation == "scaled tanh"
    assert op_type == "RNN" or operation.gate_activation == "affine"
    assert_same_shapes(proto)


@pytest.mark.parametrize("direction", ["reverse", "bidirectional"])
def test_a_coupled_forget_gate_is_stored_and_not_computed(direction: str) -> None:
    both = 2 if direction == "bidirectional" else 1
    weights = [stored("w", both, 64, 8), stored("r", both, 64, 16)]
    made = node("LSTM", "x w r", "y", hidden_size=16, direction=direction, input_forget=1)
    proto = model([made], {"x": [10, 3, 8]}, ["y"], weights)
    assert only(proto).coupled
    report = analyzer.analyze(proto)
    assert report.totals.parameters.total == both * 64 * (8 + 16)
    assert report.totals.macs == 10 * 3 * both * 3 * 16 * (8 + 16)
    assert_same_shapes(proto)


def test_normalizations() -> None:
    two = [stored("s", 4), stored("o", 4)]
    batch = only(
        model(
            [node("BatchNormalization", "x s o m v", "y")],
            IMAGE,
            ["y"],
            [*two, stored("m", 4), stored("v", 4)],
        )
    )
    assert batch == BatchNormalization(elements=792, channels=4, scale=True, offset=True)
    instance = only(model([node("InstanceNormalization", "x s o", "y")], IMAGE, ["y"], two))
    assert instance == Normalization(
        style="instance", groups=8, size=99, features=4, scale=True, offset=True
    )
    last = [stored("s", 11), stored("o", 11)]
    layer = only(model([node("LayerNormalization", "x s o", "y")], IMAGE, ["y"], last))
    assert layer == Normalization(
        style="layer", groups=72, size=11, features=11, scale=True, offset=True
    )


def test_resize_by_scales_and_by_sizes() -> None:
    scales = helper.make_tensor("scales", 1, [4], [1.0, 1.0, 2.0, 2.0])
    by_scales = model(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="linear")],
        IMAGE,
        ["y"],
        [scales],
    )
    assert only(by_scales) == Interpolation(method="linear", axes=2, out_elements=4 * 792)
    assert_same_shapes(by_scales)
    sizes = [integers("sizes", 2, 4, 18, 11)]
    by_sizes = model(
        [helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="cubic")],
        IMAGE,
        ["y"],
        sizes,
    )
    assert only(by_sizes) == Interpolation(method="cubic", axes=1, out_elements=2 * 792)
    assert_same_shapes(by_sizes)


def test_attention_of_operator_set_23() -> None:
    made = node("Attention", "q k v", "y", q_num_heads=4, kv_num_heads=2)
    inputs = {"q": [2, 7, 32], "k": [2, 9, 16], "v": [2, 9, 12]}
    assert only(model([made], inputs, ["y"], opset=23)) == Attention(
        batch=2, heads=4, kv_heads=2, queries=7, keys=9, qk_width=8, v_width=6
    )


def test_shape_arithmetic_is_nothing() -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s at", "n"),
        node("Cast", "n", "f", to=1),
        node("Sqrt", "f", "root"),
        node("Mul", "x root", "y"),
    ]
    proto = model(nodes, IMAGE, ["y"], [helper.make_tensor("at", 7, [], [1])])
    assert only(proto) == Elementwise(function="multiply", elements=792)
    assert_same_shapes(proto)


def test_an_operator_that_nobody_counts_says_why() -> None:
    pooled = node("MaxRoiPool", "x boxes", "y", pooled_shape=[2, 2])
    report = analyzer.analyze(model([pooled], IMAGE | {"boxes": [3, 5]}, ["y"]))
    (note,) = (note for note in report.notes if "could not be counted" in note)
    assert UNCOUNTED["MaxRoiPool"] in note


def test_an_unknown_operator_is_a_lower_bound() -> None:
    nodes = [helper.make_node("Odd", ["x"], ["z"], domain="mine"), node("Relu", "z", "y")]
    proto = model(nodes, IMAGE, ["y"])
    proto.opset_import.append(helper.make_opsetid("mine", 1))
    report = analyzer.analyze(proto)
    assert [unknown.operation for unknown in report.coverage.unknown] == [
        "mine::Odd",
        "ai.onnx::Relu",
    ]
    odd, relu = (note for note in report.notes if "could not be counted" in note)
    assert "mine::Odd could not be counted:" in odd
    assert "ai.onnx::Relu could not be counted (sizes of what it reads are not known):" in relu


def test_the_first_that_could_not_be_counted_says_why() -> None:
    """What comes after it fails because of it."""
    nodes = [node("Transpose", "x", "z", perm=[0, 0, 1, 2]), node("Transpose", "z", "y")]
    (note,) = analyzer.analyze(model(nodes, IMAGE, ["y"])).notes
    assert note.startswith("2 × ai.onnx::Transpose could not be counted (sizes of what it gives")


OLD: dict[str, tuple[int, onnx.NodeProto, list[Operation]]] = {
    "BatchNormalization": (
        7,
        node("BatchNormalization", "x w w w w", "y"),
        [BatchNormalization(elements=792, channels=4, scale=True, offset=True)],
    ),
    "LpPool": (
        7,
        node("LpPool", "x", "y", p=3, kernel_shape=[2, 3], strides=[2, 2]),
        [Reduction(function="Lp norm", in_elements=2 * 4 * 4 * 5 * 6, out_elements=2 * 4 * 4 * 5)],
    ),
    "Pad": (10, node("Pad", "x", "y", pads=[0, 0, 1, 2, 0, 0, 1, 2]), [free("Pad", because=COPY)]),
    "ReduceL2": (
        8,
        node("ReduceL2", "x", "y", axes=[1, 3], keepdims=0),
        [Reduction(function="L2 norm", in_elements=792, out_elements=18)],
    ),
    "Resize": (
        10,
        node("Resize", "x scales", "y", mode="linear"),
        [Interpolation(method="linear", axes=2, out_elements=4 * 792)],
    ),
    "Slice": (
        9,
        node("Slice", "x", "y", axes=[2, 3], starts=[1, -5], ends=[4, 1000]),
        [free("Slice", because=COPY)],
    ),
    "Split": (
        11,
        node("Split", "x", "y z", axis=3, split=[4, 7]),
        [free("Split", because=COPY)],
    ),
    "Sum": (8, node("Sum", "x x x", "y"), [Elementwise(function="add", elements=792)] * 2),
    "TopK": (9, node("TopK", "x", "y i", axis=3, k=3), [Sort(rows=72, size=11, kept=3)]),
    "Unsqueeze": (
        11,
        node("Unsqueeze", "x", "y", axes=[0, 5]),
        [free("Unsqueeze", because=VIEW)],
    ),
    "Upsample": (
        8,
        node("Upsample", "x", "y", scales=[1.0, 1.0, 2.0, 2.0], mode="linear"),
        [Interpolation(method="linear", axes=2, out_elements=4 * 792)],
    ),
}
"""Operators as older sets have them: what is an input now was an attribute then."""


@pytest.mark.parametrize("name", OLD)
def test_older_operator_sets(name: str) -> None:
    opset, made, work = OLD[name]
    scales = helper.make_tensor("scales", 1, [4], [1.0, 1.0, 2.0, 2.0])
    used = [one for one in (stored("w", 4), scales) if one.name in made.input]
    proto = model([made], IMAGE, ["y"], used, opset=opset)
    assert operations(proto) == work
    assert_same_shapes(proto)


@pytest.mark.parametrize("opset", [1, 5, 6])
def test_the_oldest_operator_sets_are_read_as_far_as_they_mean_the_same(opset: int) -> None:
    nodes = [node("Conv", "x w", "c"), node("Add", "c b", "y", broadcast=1, axis=1)]
    weights = [stored("w", 6, 4, 3, 3), stored("b", 6)]
    report = analyzer.analyze(model(nodes, IMAGE, ["y"], weights, opset=opset))
    assert report.totals.macs == 2 * 6 * 7 * 9 * 4 * 9
    assert report.coverage.complete == (opset == 6)
    assert f"the file uses operator set {opset}" in report.notes[0]


def test_the_scales_of_groups_were_one_a_group() -> None:
    made = node("GroupNormalization", "x s o", "y", num_groups=2)
    for opset, scales in ((18, 2), (21, 4)):
        weights = [stored("s", scales), stored("o", scales)]
        proto = model([made], IMAGE, ["y"], weights, opset=opset)
        counts = only(proto).parameter_counts()
        assert {role: count.value for role, count in counts.items()} == {
            "scale": scales,
            "offset": scales,
        }


def test_another_activation_in_each_direction_is_unknown() -> None:
    weights = [stored("w", 2, 16, 8), stored("r", 2, 16, 16)]
    for names, known in ((["Relu", "Relu"], True), (["Relu", "Tanh"], False)):
        made = node("RNN", "x w r", "y", hidden_size=16, direction="bidirectional",
                    activations=names)  # fmt: skip
        report = analyzer.analyze(model([made], {"x": [10, 3, 8]}, ["y"], weights))
        assert report.coverage.complete == known
