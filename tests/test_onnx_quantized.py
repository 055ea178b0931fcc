"""Quantised operators: the numbers, the shapes and the work of graphs that spell them out."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import numpy_helper

import analyzer
from analyzer import Kind, ops
from tests.onnx_runs import run
from tests.onnx_spelled import (
    Spelled,
    build,
    check,
    contrib,
    numbers,
    op,
    outputs,
    report,
    work,
)

BYTES = np.uint8
X = {"x": numbers(2, 6, 8, dtype=BYTES)}
SCALES: dict[str, Any] = {
    "s": np.float32(0.25),
    "t": np.float32(0.5),
    "u": np.float32(0.125),
    "z": np.uint8(3),
    "o": np.uint8(7),
    "n": np.uint8(0),
}
MAPS = {"x": numbers(2, 4, 9, 7, dtype=BYTES)}


def of_one(name: str, part: Any, **attributes: Any) -> Spelled:
    """Return a function of quantised numbers, and the function of what they stand for."""
    return Spelled(
        whole=[contrib(name, "x s z u o", "y", **attributes)],
        parts=[op("DequantizeLinear", "x s z", "a"), part, op("QuantizeLinear", "b u o", "y")],
        inputs=X,
        weights=SCALES,
        tolerance=1,
    )


def of_two(name: str, function: str) -> Spelled:
    return Spelled(
        whole=[contrib(name, "x s z w t o u n", "y")],
        parts=[
            op("DequantizeLinear", "x s z", "a"),
            op("DequantizeLinear", "w t o", "b"),
            op(function, "a b", "c"),
            op("QuantizeLinear", "c u n", "y"),
        ],
        inputs=X | {"w": numbers(6, 1, dtype=BYTES)},
        weights=SCALES,
        tolerance=1,
    )


CASES: dict[str, Spelled] = {
    "QLinearAdd": of_two("QLinearAdd", "Add"),
    "QLinearMul": of_two("QLinearMul", "Mul"),
    "QLinearLeakyRelu": of_one(
        "QLinearLeakyRelu", op("LeakyRelu", "a", "b", alpha=0.25), alpha=0.25
    ),
    "QLinearSigmoid": of_one("QLinearSigmoid", op("Sigmoid", "a", "b")),
    "QLinearSoftmax": of_one(
        "QLinearSoftmax", op("Softmax", "a", "b", axis=1), axis=1, opset=13
    ),
    "QLinearConcat": Spelled(
        whole=[contrib("QLinearConcat", "u n x s z w t o", "y", axis=1)],
        parts=[
            op("DequantizeLinear", "x s z", "a"),
            op("DequantizeLinear", "w t o", "b"),
            op("Concat", "a b", "c", axis=1),
            op("QuantizeLinear", "c u n", "y"),
        ],
        inputs=X | {"w": numbers(2, 3, 8, dtype=BYTES)},
        weights=SCALES,
        tolerance=1,
    ),
    "QLinearWhere": Spelled(
        whole=[contrib("QLinearWhere", "c x s z w t o u n", "y")],
        parts=[
            op("DequantizeLinear", "x s z", "a"),
            op("DequantizeLinear", "w t o", "b"),
            op("Where", "c a b", "d"),
            op("QuantizeLinear", "d u n", "y"),
        ],
        inputs=X | {"w": numbers(2, 6, 8, dtype=BYTES), "c": numbers(6, 8) > 0},
        weights=SCALES,
        tolerance=1,
        more_flops=(2 * 2 * 6 * 8, "both sides are dequantised, though one is taken"),
    ),
    "QLinearAveragePool": Spelled(
        whole=[
            contrib("QLinearAveragePool", "x s z u o", "y", kernel_shape=[3, 2], strides=[2, 1],
                    pads=[1, 0, 1, 0])
        ],
        parts=[
            op("DequantizeLinear", "x s z", "a"),
            op("AveragePool", "a", "b", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 0]),
            op("QuantizeLinear", "b u o", "y"),
        ],
        inputs=MAPS,
        weights=SCALES,
        tolerance=1,
    ),
    "QLinearGlobalAveragePool": Spelled(
        whole=[contrib("QLinearGlobalAveragePool", "x s z u o", "y", channels_last=1)],
        parts=[
            op("Transpose", "x", "t1", perm=[0, 3, 1, 2]),
            op("DequantizeLinear", "t1 s z", "a"),
            op("GlobalAveragePool", "a", "b"),
            op("QuantizeLinear", "b u o", "q"),
            op("Transpose", "q", "y", perm=[0, 2, 3, 1]),
        ],
        inputs=MAPS,
        weights=SCALES,
        tolerance=1,
    ),
    "QLinearReduceMean": Spelled(
        whole=[contrib("QLinearReduceMean", "x s z u o", "y", axes=[1], keepdims=0)],
        parts=[
            op("DequantizeLinear", "x s z", "a"),
            op("ReduceMean", "a axis", "b", keepdims=0),
            op("QuantizeLinear", "b u o", "y"),
        ],
        runs=False,
        inputs=X,
        weights=SCALES | {"axis": np.array([1])},
    ),
    "QLinearConv": Spelled(
        whole=[op("QLinearConv", "x s z w t o u n", "y", pads=[1] * 4, strides=[2, 1])],
        parts=[
            op("ConvInteger", "x w z o", "a", pads=[1] * 4, strides=[2, 1]),
            op("Cast", "a", "b", to=1),
            op("Mul", "b st", "c"),
            op("QuantizeLinear", "c u n", "y"),
        ],
        inputs=MAPS,
        weights=SCALES
        | {"w": numbers(6, 4, 3, 3, dtype=BYTES), "st": np.float32(0.125)},
        tolerance=1,
        more_flops=(2 * 6 * 5 * 7, "the scale of the product is multiplied and divided apart"),
    ),
    "QLinearConv of the runtime, channels last": Spelled(
        whole=[contrib("QLinearConv", "x s z w t o u n", "y", channels_last=1)],
        parts=[
            op("Transpose", "x", "t1", perm=[0, 3, 1, 2]),
            op("QLinearConv", "t1 s z w t o u n", "q"),
            op("Transpose", "q", "y", perm=[0, 2, 3, 1]),
        ],
        inputs={"x": numbers(2, 9, 7, 4, dtype=BYTES)},
        weights=SCALES | {"w": numbers(6, 4, 3, 2, dtype=BYTES)},
    ),
    "QLinearMatMul": Spelled(
        whole=[op("QLinearMatMul", "x s z w t o u n", "y")],
        parts=[
            op("MatMulInteger", "x w z o", "a"),
            op("Cast", "a", "b", to=1),
            op("Mul", "b st", "c"),
            op("QuantizeLinear", "c u n", "y"),
        ],
        inputs=X,
        weights=SCALES | {"w": numbers(8, 5, dtype=BYTES), "st": np.float32(0.125)},
        tolerance=1,
        more_flops=(2 * 6 * 5, "the scale of the product is multiplied and divided apart"),
    ),
    "QGemm": Spelled(
        whole=[contrib("QGemm", "x s z w t o b", "y", transB=1)],
        parts=[
            op("Transpose", "w", "w1", perm=[1, 0]),
            op("MatMulInteger", "x w1 z o", "a"),
            op("Add", "a b", "c"),
            op("Cast", "c", "d", to=1),
            op("Mul", "d st", "y"),
        ],
        more_parameters=5,
        inputs={"x": numbers(6, 8, dtype=BYTES)},
        weights=SCALES
        | {"w": numbers(5, 8, dtype=BYTES), "b": numbers(5, dtype=np.int32),
           "st": np.float32(0.125)},
    ),
    "MatMulIntegerToFloat": Spelled(
        whole=[contrib("MatMulIntegerToFloat", "x w s t z o b", "y")],
        parts=[
            op("MatMulInteger", "x w z o", "a"),
            op("Cast", "a", "c", to=1),
            op("Mul", "c st", "d"),
            op("Add", "d b", "y"),
        ],
        inputs=X,
        weights=SCALES
        | {"w": numbers(8, 5, dtype=BYTES), "b": numbers(5), "st": np.float32(0.125)},
    ),
    "DynamicQuantizeMatMul": Spelled(
        whole=[contrib("DynamicQuantizeMatMul", "f w t o b", "y")],
        parts=[
            op("DynamicQuantizeLinear", "f", "q fs fz"),
            op("MatMulInteger", "q w fz o", "a"),
            op("Cast", "a", "c", to=1),
            op("Mul", "fs t", "st"),
            op("Mul", "c st", "d"),
            op("Add", "d b", "y"),
        ],
        inputs={"f": numbers(2, 6, 8)},
        weights=SCALES | {"w": numbers(8, 5, dtype=BYTES), "b": numbers(5)},
        more_flops=(1, "the product of both scales"),
    ),
    "MulInteger": Spelled(
        whole=[contrib("MulInteger", "x z w o", "y")],
        parts=[
            op("Cast", "x", "x1", to=6),
            op("Cast", "w", "w1", to=6),
            op("Sub", "x1 z1", "a"),
            op("Sub", "w1 o1", "b"),
            op("Mul", "a b", "y"),
        ],
        runs=False,
        inputs=X | {"w": numbers(6, 1, dtype=BYTES)},
        weights=SCALES | {"z1": np.int32(3), "o1": np.int32(7)},
    ),
    "MatMulInteger16": Spelled(
        whole=[contrib("MatMulInteger16", "x w", "y")],
        parts=[
            op("Cast", "x", "x1", to=6),
            op("Cast", "w", "w1", to=6),
            op("MatMul", "x1 w1", "y"),
        ],
        runs=False,
        inputs={"x": numbers(2, 6, 8, dtype=np.int16)},
        weights={"w": numbers(8, 5, dtype=np.int16)},
    ),
    "ReduceSumInteger": Spelled(
        whole=[contrib("ReduceSumInteger", "x", "y", axes=[1], keepdims=1)],
        parts=[op("Cast", "x", "a", to=6), op("ReduceSum", "a axis", "y", keepdims=1)],
        runs=False,
        inputs=X,
        weights={"axis": np.array([1])},
    ),
    "QuantizeLinear of the runtime": Spelled(
        whole=[contrib("QuantizeLinear", "f s z", "q"), contrib("DequantizeLinear", "q s z", "y")],
        parts=[op("QuantizeLinear", "f s z", "q"), op("DequantizeLinear", "q s z", "y")],
        inputs={"f": numbers(2, 6, 8)},
        weights=SCALES,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operator_and_the_graph_that_spells_it_out(name: str) -> None:
    check(CASES[name])


def test_work_on_integers_is_no_floating_point_work() -> None:
    spelled = CASES["QLinearConv"]
    totals = report(spelled.models()[0]).totals
    assert totals.flops == 0
    macs = 2 * 6 * 5 * 7 * 4 * 9
    assert totals.macs == macs
    assert totals.integer_ops == 2 * macs + 5 * 2 * 6 * 5 * 7


def test_scales_and_zero_points_are_constants() -> None:
    model = CASES["QLinearMatMul"].models()[0]
    kinds = {one.name: one.kind for one in report(model).model.parameters}
    assert kinds.pop("w") is Kind.LEARNABLE
    assert set(kinds.values()) == {Kind.CONSTANT}


def test_floats_of_few_bits_are_divided_and_multiplied_and_no_more() -> None:
    eight = np.zeros((), dtype=ml_dtypes.float8_e4m3fn)
    nodes = [op("QuantizeLinear", "x s z", "q"), op("DequantizeLinear", "q s z", "y")]
    model = build(nodes, {"x": numbers(4, 6)}, {"s": np.float32(0.5), "z": eight}, ["y"])
    functions = [entry.operation for entry in report(model).model.nodes or ()]
    assert functions == [
        ops.Elementwise(function=name, elements=24) for name in ("divide", "multiply")
    ]


@pytest.mark.parametrize(
    ("dtype", "size"),
    [("int4", 4), ("uint4", 4), ("float4_e2m1fn", 4), ("float8_e4m3fn", 8), ("float8_e5m2", 8)],
)
@pytest.mark.parametrize("block", [0, 4])
def test_weights_of_few_bits_are_whole_numbers_of_elements(
    dtype: str, size: int, block: int
) -> None:
    kernel = abs(numbers(8, 6)).astype(getattr(ml_dtypes, dtype))  # uint4 holds none below zero
    settings: dict[str, Any] = {"axis": 0, "block_size": block} if block else {"axis": 1}
    nodes = [op("DequantizeLinear", "w s", "k", **settings), op("MatMul", "x k", "y")]
    scales = numbers(2, 6) if block else numbers(6)
    model = build(nodes, {"x": numbers(5, 8)}, {"w": kernel, "s": scales}, ["y"], opset=25)
    totals = report(model).totals
    assert totals.parameters.total == kernel.size
    assert totals.parameters.constants == scales.size
    assert totals.memory.parameter_bytes == kernel.size * size // 8
    assert totals.macs == 5 * 8 * 6
    (weight,) = (one for one in report(model).model.parameters if one.kind is Kind.LEARNABLE)
    assert (weight.dtype, weight.role) == (dtype, "kernel")


def test_a_table_that_is_quantised_is_an_embedding() -> None:
    nodes = [op("Gather", "w i", "r"), op("DequantizeLinear", "r s z", "y")]
    weights = {"w": numbers(20, 8, dtype=np.int8), "s": np.float32(0.5), "z": np.int8(1)}
    model = build(nodes, {"i": numbers(2, 5, dtype=np.int64)}, weights, ["y"])
    found = report(model)
    assert found.totals.parameters.total == 160
    assert found.totals.memory.parameter_bytes == 160
    assert found.totals.flops == 2 * 2 * 5 * 8
    assert {one.name: one.role for one in found.model.parameters}["w"] == "embedding"


def packed(kernel: np.ndarray, bits: int, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Pack ``(N, K)`` as ``MatMulNBits`` wants it: in blocks along K, the lowest bits first."""
    outputs, inputs = kernel.shape
    blocks = inputs // block
    codes = kernel.reshape(outputs, blocks, block).astype(np.uint8)
    each = 8 // bits
    parts = codes.reshape(outputs, blocks, block // each, each)
    shifts = np.arange(each, dtype=np.uint8) * bits
    return (parts << shifts).sum(axis=-1).astype(np.uint8), numbers(outputs, blocks) ** 2 + 0.1


@pytest.mark.parametrize("bits", [4, 8])
def test_packed_weights_have_their_logical_elements_and_true_bytes(bits: int) -> None:
    kernel = np.random.default_rng(1).integers(0, 2**bits, size=(5, 32))
    weights, scales = packed(kernel, bits, 16)
    node = contrib("MatMulNBits", "x w s - - b", "y", K=32, N=5, bits=bits, block_size=16)
    inputs = {"x": numbers(2, 3, 32)}
    stored = {"w": weights, "s": scales, "b": numbers(5)}
    model = build([node], inputs, stored, ["y"])
    unpacked = (kernel - 2.0 ** (bits - 1)) * scales.repeat(16, axis=1)
    ran = run(model, inputs)["y"]
    np.testing.assert_allclose(ran, inputs["x"] @ unpacked.T + stored["b"], atol=1e-2)
    assert outputs(model) == [(ran.shape, ran.dtype.name)]
    macs = inputs["x"].size * 5
    assert work(model) == (macs, 2 * macs + ran.size + 2 * kernel.size)
    found = report(model)
    assert found.totals.parameters.total == kernel.size + 5
    assert found.totals.parameters.constants == scales.size
    assert found.totals.memory.parameter_bytes == weights.nbytes + 20
    weight = found.model.parameters[0]
    assert (weight.shape, weight.dtype) == (kernel.shape, f"uint{bits}")
    assert weight.axes == ("output features", "input features")


def test_a_packed_table_that_is_also_the_last_layer_is_one_weight() -> None:
    kernel = np.random.default_rng(1).integers(0, 16, size=(40, 32))
    weights, scales = packed(kernel, 4, 16)
    nodes = [
        op("Reshape", "w flat", "table"),
        contrib("GatherBlockQuantized", "table i s", "x", block_size=16, quantize_axis=1, bits=4),
        contrib("MatMulNBits", "x w s", "y", K=32, N=40, bits=4, block_size=16),
    ]
    stored = {"w": weights, "s": scales, "flat": np.array([40, 16])}
    inputs = {"i": numbers(2, 5, dtype=np.int64)}
    model = build(nodes, inputs, stored, ["y", "x"])
    ran = run(model, inputs)
    rows = ((kernel - 8.0) * scales.repeat(16, axis=1))[inputs["i"]]
    np.testing.assert_allclose(ran["x"], rows, atol=1e-3)
    assert outputs(model) == [(ran[name].shape, "float32") for name in ("y", "x")]
    totals = report(model).totals
    assert totals.parameters.total == kernel.size
    assert totals.memory.parameter_bytes == weights.nbytes
    macs = ran["x"].size * 40
    assert totals.macs == macs
    assert totals.flops == 2 * macs + 2 * kernel.size + 2 * rows.size


def test_four_bits_of_another_kind() -> None:
    outputs_, inputs_ = 6, 32
    stored = {"w": numbers(outputs_ * inputs_ // 2, dtype=BYTES), "s": numbers(12)}
    node = contrib("MatMulBnb4", "x w s", "y", K=32, N=6, block_size=16, quant_type=1)
    inputs = {"x": numbers(3, 32)}
    model = build([node], inputs, stored, ["y"])
    ran = run(model, inputs)["y"]
    assert outputs(model) == [(ran.shape, ran.dtype.name)]
    assert report(model).totals.parameters.total == outputs_ * inputs_
    assert work(model)[0] == ran.size * inputs_


def test_a_layer_that_quantises_what_it_reads() -> None:
    steps, batch, width, hidden = 4, 2, 8, 6
    stored = {
        "w": numbers(1, width, 4 * hidden, dtype=BYTES),
        "r": numbers(1, hidden, 4 * hidden, dtype=BYTES),
        "b": numbers(1, 8 * hidden),
        "ws": np.full(1, 0.1, np.float32),
        "wz": np.full(1, 7, BYTES),
    }
    node = contrib(
        "DynamicQuantizeLSTM", "x w r b - - - - ws wz ws wz", "y h c", hidden_size=hidden
    )
    inputs = {"x": numbers(steps, batch, width)}
    model = build([node], inputs, stored, ["y", "h", "c"])
    ran = run(model, inputs)
    assert outputs(model) == [(one.shape, one.dtype.name) for one in ran.values()]
    layer = op("LSTM", "x w1 r1 b", "y h c", hidden_size=hidden)
    floats = {
        "w1": numbers(1, 4 * hidden, width), "r1": numbers(1, 4 * hidden, hidden),
        "b": stored["b"],
    }  # fmt: skip
    plain = build([layer], inputs, floats, ["y", "h", "c"])
    assert work(model)[0] == work(plain)[0]
    assert report(model).totals.parameters.total == report(plain).totals.parameters.total
    assert report(model).model.parameters[0].axes == ("directions", "inputs", "gates × hidden")


def test_attention_of_integers() -> None:
    stored: dict[str, Any] = {
        "w": numbers(8, 36, dtype=BYTES), "b": numbers(36), "s": np.float32(0.01),
        "z": np.uint8(7),
    }  # fmt: skip
    node = contrib("QAttention", "x w b s s - z z", "y", num_heads=3)
    inputs = {"x": numbers(2, 5, 8, dtype=BYTES)}
    model = build([node], inputs, stored, ["y"])
    ran = run(model, inputs)["y"]
    assert outputs(model) == [(ran.shape, ran.dtype.name)]
    floats = {"x": inputs["x"].astype(np.float32)}
    weights = stored | {"w": stored["w"].astype(np.float32)}
    plain = build([contrib("Attention", "x w b", "y", num_heads=3)], floats, weights, ["y"])
    macs, flops = work(model)
    assert (macs, flops - 2 * 5 * 36) == work(plain)  # each projected number gets its scale


def test_experts_by_their_share() -> None:
    rows, hidden, width, experts, chosen = 6, 8, 10, 4, 2
    inputs = {"x": numbers(rows, hidden), "r": numbers(rows, experts)}
    stored = {
        "a": numbers(experts, width, hidden), "ab": numbers(experts, width),
        "c": numbers(experts, hidden, width), "cb": numbers(experts, hidden),
    }  # fmt: skip
    node = contrib("MoE", "x r a ab c cb", "y", k=chosen, activation_type="relu",
                   normalize_routing_weights=1)  # fmt: skip
    model = build([node], inputs, stored, ["y"])
    shares = np.exp(inputs["r"])
    best = np.argsort(-shares, axis=1)[:, :chosen]
    expected = np.zeros((rows, hidden), np.float32)
    macs = 0
    for row in range(rows):
        for expert in best[row]:
            inner = np.maximum(stored["a"][expert] @ inputs["x"][row] + stored["ab"][expert], 0)
            result = stored["c"][expert] @ inner + stored["cb"][expert]
            macs += stored["a"][expert].size + stored["c"][expert].size
            expected[row] += shares[row, expert] / shares[row, best[row]].sum() * result
    ran = run(model, inputs)["y"]
    np.testing.assert_allclose(ran, expected, atol=1e-3)
    assert outputs(model) == [(ran.shape, ran.dtype.name)]
    found = report(model)
    assert found.totals.macs == macs
    whole = sum(one.size for one in stored.values())
    assert found.totals.parameters.total == whole
    assert found.totals.parameters.active == whole * chosen // experts


def test_packed_experts() -> None:
    rows, hidden, width, experts = 6, 32, 16, 4
    inputs = {"x": numbers(rows, hidden), "r": numbers(rows, experts)}
    stored = {
        "a": numbers(experts, width, hidden // 2, dtype=BYTES), "as": numbers(experts, width),
        "c": numbers(experts, hidden, width // 2, dtype=BYTES), "cs": numbers(experts, hidden),
    }  # fmt: skip
    node = contrib("QMoE", "x r a as - c cs", "y", k=1, activation_type="silu",
                   expert_weight_bits=4)  # fmt: skip
    model = build([node], inputs, stored, ["y"])
    found = report(model)
    assert outputs(model) == [(inputs["x"].shape, "float32")]
    assert found.totals.macs == rows * 2 * hidden * width
    assert found.totals.parameters.total == experts * 2 * hidden * width
    assert found.totals.parameters.active == 2 * hidden * width
    assert found.totals.memory.parameter_bytes == stored["a"].nbytes + stored["c"].nbytes


def test_a_weight_of_floats_that_is_quantised_in_the_file_is_a_weight() -> None:
    """Training that knows of quantisation leaves floats, a rounding and its undoing."""
    nodes = [
        op("QuantizeLinear", "w s z", "q"), op("DequantizeLinear", "q s z", "k"),
        op("MatMul", "x k", "y"),
    ]  # fmt: skip
    weights = {"w": numbers(8, 6), "s": np.float32(0.5), "z": np.int8(0)}
    model = build(nodes, {"x": numbers(5, 8)}, weights, ["y"])
    assert [entry.native for entry in report(model).model.nodes or ()] == ["MatMul"]
    assert analyzer.analyze(model).totals.parameters.total == 48
    assert numpy_helper.to_array(model.graph.initializer[0]).size == 48


@pytest.mark.parametrize("make", [op, contrib])
def test_weights_of_sixteen_bits_are_weights(make: Any) -> None:
    """ONNX Runtime writes them by its own operator, which older operator sets have not."""
    nodes = [make("DequantizeLinear", "w s z", "k"), op("MatMul", "x k", "y")]
    weights: dict[str, Any] = {
        "w": np.arange(48, dtype=np.int16).reshape(8, 6), "s": np.float32(0.5), "z": np.int16(0),
    }  # fmt: skip
    found = report(build(nodes, {"x": numbers(5, 8)}, weights, ["y"]))
    assert [entry.native.rpartition("::")[2] for entry in found.model.nodes or ()] == ["MatMul"]
    assert found.totals.parameters.total == weights["w"].size
    assert found.totals.parameters.constants == 2


def test_a_weight_that_is_computed_and_then_quantised_is_a_weight() -> None:
    """Weight normalisation, quantised: a length and a direction make the kernel."""
    nodes = [
        op("ReduceL2", "v axis", "length"), op("Div", "v length", "direction"),
        op("Mul", "direction g", "w"),
        op("QuantizeLinear", "w s z", "q"), op("DequantizeLinear", "q s z", "k"),
        op("MatMul", "x k", "y"),
    ]  # fmt: skip
    weights: dict[str, Any] = {
        "v": numbers(8, 6), "g": numbers(1, 6), "axis": np.array([0]),
        "s": np.float32(0.5), "z": np.int8(0),
    }  # fmt: skip
    found = report(build(nodes, {"x": numbers(5, 8)}, weights, ["y"]))
    assert found.totals.parameters.total == weights["v"].size + weights["g"].size
    learnable = {one.name for one in found.model.parameters if one.kind is Kind.LEARNABLE}
    assert learnable == {"v", "g"}
