"""The oracle's own numbers: its loops compute what NumPy, PyTorch and ONNX Runtime compute.

A count is only worth something if the algorithm that was counted gives the right result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from torch.nn import functional as F

from analyzer.ops import (
    FUNCTIONS,
    REDUCTIONS,
    AdaptivePooling,
    Category,
    Cell,
    Convolution,
    Einsum,
    Pooling,
    PoolKind,
    Recurrent,
)
from tests.onnx_runs import run
from tests.oracle import (
    attention,
    functions,
    linear,
    normalization,
    ordering,
    pooling,
    recurrent,
    resampling,
    solving,
    transform,
)
from tests.oracle.convolution import convolution, transposed_convolution
from tests.oracle.number import Array, Complex, Tally, values
from tests.oracle.recurrent import GATES, RunningCell, Weights, split
from tests.oracle.strategies import adaptive_poolings, convolutions, einsums, poolings

Floats = npt.NDArray[np.float64]


def floats(seed: int, *shape: int) -> Floats:
    return np.random.default_rng(seed).normal(size=shape)


def same(found: Array, expected: Any, tolerance: float = 1e-9) -> None:
    wanted = np.asarray(expected)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(values(found), wanted, rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------------------ the counting number


def test_each_operation_is_counted_once() -> None:
    tally = Tally()
    x, y = tally.number(4.0), tally.number(2.0)
    steps: list[tuple[Callable[[], Any], float]] = [
        (lambda: x + y, 6),
        (lambda: x - y, 2),
        (lambda: x * y, 8),
        (lambda: x / y, 2),
        (lambda: x**y, 16),
        (lambda: 1 + x, 5),
        (lambda: 1 - x, -3),
        (lambda: 2 * x, 8),
        (lambda: 2 / x, 0.5),
        (lambda: -x, -4),
        (lambda: abs(x), 4),
        (lambda: x > y, 1),
        (lambda: x < y, 0),
        (x.sqrt, 2),
        (x.log, math.log(4)),
        (x.exp, math.exp(4)),
        (lambda: x.maximum(y), 4),
        (lambda: x.minimum(1), 1),
    ]
    for count, (step, expected) in enumerate(steps, start=1):
        assert float(step()) == pytest.approx(expected)
        assert sum(tally.operations.values()) == count


def test_a_mac_is_a_multiplication_and_an_addition() -> None:
    tally = Tally()
    accumulator = tally.accumulator()
    for weight, x in ((2.0, 3.0), (4.0, 5.0)):
        accumulator.add(tally.number(weight), tally.number(x))
    assert float(accumulator.value) == 26
    assert tally.macs == 2
    assert tally.flops_by_category == {Category.CONTRACTION: 4}


# -------------------------------------------------------------------------------- contractions


def test_linear() -> None:
    x, kernel, bias = floats(0, 3, 4), floats(1, 4, 5), floats(2, 5)
    tally = Tally()
    found = linear.linear(tally, *map(tally.array, (x, kernel, bias)))
    same(found, x @ kernel + bias)


def test_matrix_product_broadcasts() -> None:
    a, b, addend = floats(0, 2, 1, 3, 4), floats(1, 3, 4, 2), floats(2, 2)
    tally = Tally()
    same(linear.matrix_product(tally, *map(tally.array, (a, b, addend))), a @ b + addend)


@given(einsums())
def test_einsum(operation: Einsum) -> None:
    sizes = dict(operation.sizes)
    arrays = [
        floats(at, *(sizes[label] for label in labels))
        for at, labels in enumerate(operation.operands)
    ]
    tally = Tally()
    found = linear.einsum(
        tally, operation.operands, operation.output, list(map(tally.array, arrays)), operation.path
    )
    text = f"{','.join(operation.operands)}->{operation.output}"
    same(found, np.einsum(text, *arrays))


SLIDE: list[Callable[..., torch.Tensor]] = [F.conv1d, F.conv2d, F.conv3d]
SPREAD: list[Callable[..., torch.Tensor]] = [
    F.conv_transpose1d,
    F.conv_transpose2d,
    F.conv_transpose3d,
]


@given(convolutions())
def test_convolution(operation: Convolution) -> None:
    rank, groups = len(operation.kernel), operation.groups
    x = floats(0, operation.batch, operation.in_channels, *operation.in_spatial)
    bias = floats(2, operation.out_channels)
    stride, dilation, padding = operation.stride, operation.dilation, operation.padding
    tally = Tally()
    if operation.transposed:
        kernel = floats(
            1, operation.in_channels, operation.out_channels // groups, *operation.kernel
        )
        spans = [
            (size - 1) * jump + step * (width - 1) + 1
            for size, jump, step, width in zip(
                operation.in_spatial, stride, dilation, operation.kernel, strict=True
            )
        ]
        more = tuple(
            out + sum(cut) - span
            for out, cut, span in zip(operation.out_spatial, padding, spans, strict=True)
        )
        found = transposed_convolution(
            tally,
            tally.array(x),
            tally.array(kernel),
            tally.array(bias),
            stride,
            dilation,
            padding,
            groups,
            more,
        )
        # PyTorch takes one padding an axis: nothing cut there, the cut is made here.
        spread = SPREAD[rank - 1]
        widened = np.pad(x, [(0, 0), (0, 0), *((0, int(extra > 0)) for extra in more)])
        full = spread(
            torch.tensor(widened),
            torch.tensor(kernel),
            torch.tensor(bias),
            stride=stride,
            dilation=dilation,
            groups=groups,
        ).numpy()
        cut_away = tuple(
            slice(before, before + out)
            for (before, _), out in zip(padding, operation.out_spatial, strict=True)
        )
        same(found, full[(slice(None), slice(None), *cut_away)])
    else:
        kernel = floats(
            1, operation.out_channels, operation.in_channels // groups, *operation.kernel
        )
        found = convolution(
            tally,
            tally.array(x),
            tally.array(kernel),
            tally.array(bias),
            stride,
            dilation,
            padding,
            groups,
        )
        slide = SLIDE[rank - 1]
        padded = np.pad(x, [(0, 0), (0, 0), *padding])
        expected = slide(
            torch.tensor(padded),
            torch.tensor(kernel),
            torch.tensor(bias),
            stride=stride,
            dilation=dilation,
            groups=groups,
        )
        same(found, expected)
    assert found.shape[2:] == operation.out_spatial


# ------------------------------------------------------------------------ attention and softmax


@pytest.mark.parametrize("logarithm", [False, True])
def test_softmax(logarithm: bool) -> None:
    row = floats(0, 5)
    tally = Tally()
    found = attention.softmax(tally, list(tally.array(row)), logarithm=logarithm)
    reference = torch.log_softmax if logarithm else torch.softmax
    assert [float(number) for number in found] == pytest.approx(
        reference(torch.tensor(row), 0).tolist()
    )


@pytest.mark.parametrize("mask", ["none", "causal", "boolean", "additive"])
@pytest.mark.parametrize("scaled", [False, True])
def test_attention(mask: str, scaled: bool) -> None:
    query, key, value = floats(0, 2, 4, 3, 5), floats(1, 2, 2, 6, 5), floats(2, 2, 2, 6, 3)
    allowed = floats(3, 3, 6) > 0
    allowed[:, 0] = True
    addend = floats(4, 3, 6)
    tally = Tally()
    found = attention.attention(
        tally,
        *map(tally.array, (query, key, value)),
        scaled=scaled,
        causal=mask == "causal",
        allowed=allowed if mask == "boolean" else None,
        addend=tally.array(addend) if mask == "additive" else None,
    )
    masks = {"boolean": torch.tensor(allowed), "additive": torch.tensor(addend)}
    expected = F.scaled_dot_product_attention(
        torch.tensor(query),
        torch.tensor(key),
        torch.tensor(value),
        attn_mask=masks.get(mask),
        is_causal=mask == "causal",
        scale=None if scaled else 1.0,
        enable_gqa=True,
    )
    same(found, expected)


# -------------------------------------------------------------------------------- recurrent cells

TORCH: dict[Cell, Callable[..., torch.nn.RNNBase]] = {
    Cell.LSTM: torch.nn.LSTM,
    Cell.GRU: torch.nn.GRU,
    Cell.SIMPLE: torch.nn.RNN,
}


def _of_torch(tally: Tally, module: torch.nn.RNNBase, cell: Cell, end: str) -> Weights:
    def stored(name: str) -> Array:
        return tally.array(getattr(module, f"{name}_{end}").detach().numpy())

    gates = GATES[cell]
    return Weights(
        kernel=split(stored("weight_ih"), gates),
        recurrent=split(stored("weight_hh"), gates),
        biases=[split(stored(name), gates) for name in ("bias_ih", "bias_hh")],
        projection=stored("weight_hr") if module.proj_size else None,
    )


@pytest.mark.parametrize(
    ("cell", "projection"), [(Cell.LSTM, 0), (Cell.LSTM, 2), (Cell.GRU, 0), (Cell.SIMPLE, 0)]
)
def test_recurrent_layers_of_torch(cell: Cell, projection: int) -> None:
    torch.manual_seed(0)
    sizes = {"proj_size": projection} if projection else {}
    module = TORCH[cell](4, 3, num_layers=2, bidirectional=True, **sizes).double()
    x = floats(0, 5, 4)
    tally = Tally()
    steps = list(tally.array(x))
    for layer in range(2):
        ways = []
        for end, order in (("", slice(None)), ("_reverse", slice(None, None, -1))):
            weights = _of_torch(tally, module, cell, f"l{layer}{end}")
            running = RunningCell(tally, cell, weights, reset_after=True)
            ways.append(running.run(steps[order])[order])
        steps = [np.concatenate(step) for step in zip(*ways, strict=True)]
    with torch.no_grad():
        expected = module(torch.tensor(x)[:, None])[0][:, 0]
    same(np.array(steps, dtype=object), expected)


class Way(NamedTuple):
    """What a cell does besides: arguments of the oracle, and attributes of ONNX for the same."""

    ours: dict[str, Any]
    theirs: dict[str, Any]


PLAIN = Way({}, {})
CLIPPED = Way({"clip": 0.1}, {"clip": 0.1})
COUPLED = Way({"coupled": True}, {"input_forget": 1})
RESET_AFTER = Way({"reset_after": True}, {"linear_before_reset": 1})
OTHER_FUNCTIONS = Way(
    {"activation": "scaled tanh", "gate_activation": "affine"},
    {
        "activations": ["Affine", "ScaledTanh", "ScaledTanh"],
        "activation_alpha": [functions.ALPHA] * 3,
        "activation_beta": [functions.BETA] * 3,
    },
)


@pytest.mark.parametrize(
    ("cell", "ways", "peepholes"),
    [
        (Cell.LSTM, [PLAIN], False),
        (Cell.LSTM, [PLAIN], True),
        (Cell.LSTM, [CLIPPED], True),
        (Cell.LSTM, [COUPLED], True),
        (Cell.LSTM, [CLIPPED, COUPLED], False),
        (Cell.LSTM, [OTHER_FUNCTIONS], False),
        (Cell.GRU, [PLAIN], False),
        (Cell.GRU, [CLIPPED], False),
        (Cell.GRU, [RESET_AFTER], False),
        (Cell.GRU, [RESET_AFTER, CLIPPED], False),
        (Cell.SIMPLE, [PLAIN], False),
        (Cell.SIMPLE, [CLIPPED], False),
    ],
)
def test_recurrent_layers_of_onnx(cell: Cell, ways: list[Way], peepholes: bool) -> None:
    op_type, order = {
        Cell.LSTM: ("LSTM", "iofg"),
        Cell.GRU: ("GRU", "zrn"),
        Cell.SIMPLE: ("RNN", "n"),
    }[cell]
    width, hidden, steps = 3, 2, 4
    gates = len(order)
    given_arrays = {
        "X": floats(0, steps, 1, width),
        "W": floats(1, 1, gates * hidden, width),
        "R": floats(2, 1, gates * hidden, hidden),
        "B": floats(3, 1, 2 * gates * hidden),
    }
    inputs = ["X", "W", "R", "B"]
    if peepholes:
        given_arrays["P"] = floats(4, 1, 3 * hidden)
        inputs += ["", "", "", "P"]
    attributes = {name: value for way in ways for name, value in way.theirs.items()}
    node = helper.make_node(op_type, inputs, ["Y"], hidden_size=hidden, **attributes)
    expected = _run_onnx(node, given_arrays)

    tally = Tally()
    arrays = {name: tally.array(array) for name, array in given_arrays.items()}
    stored = arrays["B"][0].reshape(2, gates * hidden)
    weights = Weights(
        kernel=split(arrays["W"][0], order),
        recurrent=split(arrays["R"][0], order),
        biases=[split(bias, order) for bias in stored],
        peepholes=split(arrays["P"][0], "iof") if peepholes else None,
    )
    options = {name: value for way in ways for name, value in way.ours.items()}
    running = RunningCell(tally, cell, weights, **options)
    found = running.run(list(arrays["X"][:, 0]))
    same(np.array(found, dtype=object), expected[:, 0, 0], tolerance=1e-5)


def _run_onnx(node: onnx.NodeProto, arrays: dict[str, Floats]) -> Floats:
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape)
            for name, array in arrays.items()
        ],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    fed = {name: array.astype(np.float32) for name, array in arrays.items()}
    return np.asarray(run(model, fed)["Y"], dtype=np.float64)


# ---------------------------------------------------------------------------------- normalisation


@pytest.mark.parametrize("training", [False, True])
def test_batch_normalization(training: bool) -> None:
    x, mean, variance = floats(0, 5, 3), floats(1, 3), np.abs(floats(2, 3)) + 0.5
    scale, offset = floats(3, 3), floats(4, 3)
    tally = Tally()
    moved = tally.array(mean), tally.array(variance)
    found = normalization.batch_normalization(
        tally.array(x), *moved, tally.array(scale), tally.array(offset), training=training
    )
    stored = torch.tensor(mean), torch.tensor(variance)
    expected = F.batch_norm(
        torch.tensor(x),
        *stored,
        torch.tensor(scale),
        torch.tensor(offset),
        training=training,
        momentum=normalization.MOMENTUM,
        eps=normalization.EPSILON,
    )
    same(found, expected)
    same(moved[0], stored[0])
    if training:  # PyTorch stores the unbiased variance; the textbook's is the batch's own
        same(moved[1], 0.9 * variance + 0.1 * x.var(axis=0))


@pytest.mark.parametrize("style", ["layer", "RMS", "L2"])
def test_normalization_of_a_group(style: str) -> None:
    x = floats(0, 6)
    tally = Tally()
    found = normalization.normalized(
        list(tally.array(x)),
        centered=style == "layer",
        averaged=style != "L2",
        epsilon=0.0 if style == "L2" else 1e-5,
    )
    plain = torch.tensor(x)
    references = {
        "layer": lambda: F.layer_norm(plain, [6], eps=1e-5),
        "RMS": lambda: F.rms_norm(plain, [6], eps=1e-5),
        "L2": lambda: F.normalize(plain, dim=0),
    }
    same(np.array(found, dtype=object), references[style]())


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_local_response_normalization(size: int) -> None:
    x = floats(0, 2, 7)
    tally = Tally()
    found = normalization.local_response_normalization(tally.array(x), size, 0.3, 0.75, 1.5)
    expected = F.local_response_norm(torch.tensor(x)[..., None], size, 0.3, 0.75, 1.5)[..., 0]
    same(found, expected)


# ---------------------------------------------------------------------------------------- pooling

Pool = Callable[..., torch.Tensor]
AVERAGE: list[Pool] = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d]
MAXIMUM: list[Pool] = [F.max_pool1d, F.max_pool2d, F.max_pool3d]
ADAPTIVE: dict[PoolKind, list[Pool]] = {
    PoolKind.AVERAGE: [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d],
    PoolKind.MAX: [F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d],
}


@given(poolings(), st.booleans())
def test_pooling(operation: Pooling, ceil_mode: bool) -> None:
    rank = len(operation.kernel)
    padding = tuple(before for before, _ in operation.padding)
    x = floats(0, operation.batch, operation.channels, *operation.in_spatial)
    window: dict[str, Any] = {
        "kernel_size": operation.kernel,
        "stride": operation.stride,
        "padding": padding,
        "ceil_mode": ceil_mode,
    }
    if operation.pool is PoolKind.MAX:
        slide = MAXIMUM[rank - 1]
        window["dilation"] = operation.dilation
    else:
        slide = AVERAGE[rank - 1]
        window["count_include_pad"] = operation.count_padding
    try:
        expected = slide(torch.tensor(x), **window)
    except RuntimeError:  # the window is larger than the map
        return
    tally = Tally()
    found = pooling.pooling(
        tally,
        tally.array(x),
        tuple(expected.shape[2:]),
        operation.pool,
        operation.kernel,
        operation.stride,
        operation.dilation,
        tuple((before, before) for before in padding),
        count_padding=operation.count_padding,
    )
    same(found, expected)


@given(adaptive_poolings())
def test_adaptive_pooling(operation: AdaptivePooling) -> None:
    x = floats(0, operation.batch, operation.channels, *operation.in_spatial)
    tally = Tally()
    found = pooling.adaptive_pooling(tally.array(x), operation.out_spatial, operation.pool)
    reference = ADAPTIVE[operation.pool][len(operation.in_spatial) - 1]
    same(found, reference(torch.tensor(x), operation.out_spatial))


# -------------------------------------------------------------------------------------- resampling

METHODS = {
    ("nearest", 1): "nearest",
    ("nearest", 2): "nearest",
    ("nearest", 3): "nearest",
    ("linear", 1): "linear",
    ("linear", 2): "bilinear",
    ("linear", 3): "trilinear",
    ("cubic", 2): "bicubic",
}


@pytest.mark.parametrize(("method", "rank"), METHODS)
@pytest.mark.parametrize("larger", [False, True])
def test_interpolation(method: str, rank: int, larger: bool) -> None:
    sizes = (5, 4, 3)[:rank]
    places = (7, 9, 4)[:rank] if larger else (3, 2, 2)[:rank]
    x = floats(0, *sizes)
    tally = Tally()
    found = resampling.interpolation(tally.array(x), places, method)
    expected = F.interpolate(torch.tensor(x)[None, None], size=places, mode=METHODS[method, rank])
    same(found, expected[0, 0])


@pytest.mark.parametrize("method", ["linear", "cubic"])
@pytest.mark.parametrize("places", [(7, 9), (3, 2)])
def test_antialiased_interpolation(method: str, places: tuple[int, int]) -> None:
    x = floats(0, 5, 6)
    found = resampling.filtered(Tally().array(x), places, method)
    mode = {"linear": "bilinear", "cubic": "bicubic"}[method]
    expected = F.interpolate(torch.tensor(x)[None, None], size=places, mode=mode, antialias=True)
    same(found, expected[0, 0])


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic"])
def test_sampling(method: str) -> None:
    maps, points = floats(0, 3, 5, 6), np.tanh(floats(1, 7, 2))
    tally = Tally()
    found = resampling.sampled(tally, tally.array(maps), tally.array(points), method)
    mode = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}[method]
    grid = torch.tensor(points[None, None, :, ::-1].copy())  # it names the last axis first
    expected = F.grid_sample(
        torch.tensor(maps)[None], grid, mode=mode, padding_mode="border", align_corners=False
    )
    same(found, expected[0, :, 0].T)


# ------------------------------------------------------- order, transforms, systems of equations


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=12), st.integers(1, 12))
def test_sorting_and_searching(numbers: list[int], kept: int) -> None:
    tally = Tally()
    found = ordering.best([tally.number(number) for number in numbers], kept)
    assert [float(number) for number in found] == sorted(numbers, reverse=True)[:kept]
    order = [tally.number(number) for number in sorted(numbers)]
    place = ordering.place_in(order, tally.number(kept))
    assert place == np.searchsorted(sorted(numbers), kept, side="right")


def test_suppression_of_boxes() -> None:
    corners = np.abs(floats(0, 12, 4))
    boxes = np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:]], 1)
    scores = floats(1, 12)
    tally = Tally()
    found = ordering.suppressed(tally.array(boxes), list(tally.array(scores)), 0.3)
    expected = torchvision.ops.nms(torch.tensor(boxes), torch.tensor(scores), 0.3)
    assert found == expected.tolist()
    assert len(found) < 12


@pytest.mark.parametrize("shape", [(1,), (8,), (7,), (12,), (15,), (4, 6), (3, 2, 5)])
def test_fourier_transform(shape: tuple[int, ...]) -> None:
    x = floats(0, *shape) + 1j * floats(1, *shape)
    same(transform.transformed(Tally().array(x)), np.fft.fftn(x))


def test_two_real_rows_are_one_complex_row() -> None:
    one, other = floats(0, 10), floats(1, 10)
    both = values(transform.transformed(Tally().array(one + 1j * other)))
    mirrored = np.conj(np.roll(both[::-1], 1))
    np.testing.assert_allclose((both + mirrored)[:6] / 2, np.fft.rfft(one))
    np.testing.assert_allclose((both - mirrored)[:6] / 2j, np.fft.rfft(other))


def test_factorizations() -> None:
    root = floats(0, 5, 5)
    matrix = root @ root.T
    same(np.tril(solving.cholesky(Tally().array(matrix)), 0), np.linalg.cholesky(matrix))
    order, both = solving.lu(Tally().array(root))
    found = values(both)
    np.testing.assert_allclose((np.tril(found, -1) + np.eye(5)) @ np.triu(found), root[order])


@pytest.mark.parametrize("unit", [False, True])
def test_triangular_systems(unit: bool) -> None:
    lower, right = np.tril(floats(0, 5, 5)), floats(1, 5)
    tally = Tally()
    found = solving.substituted(tally.array(lower), list(tally.array(right)), unit_diagonal=unit)
    if unit:
        np.fill_diagonal(lower, 1)
    same(np.array(found, dtype=object), np.linalg.solve(lower, right))


def test_complex_contractions() -> None:
    a, b = floats(0, 3, 4) + 1j * floats(1, 3, 4), floats(2, 4, 2) + 1j * floats(3, 4, 2)
    tally = Tally(complex_numbers=True)
    same(linear.matrix_product(tally, tally.array(a), tally.array(b)), a @ b)
    assert tally.macs == 4 * 3 * 4 * 2


# ------------------------------------------------------------------------- functions, reductions

T = torch.tensor
LOW, HIGH, ALPHA = functions.LOW, functions.HIGH, functions.ALPHA

REFERENCES: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "absolute difference": lambda x, y: F.l1_loss(T(x), T(y)),
    "acos": np.arccos,
    "acosh": np.arccosh,
    "add": np.add,
    "affine": lambda x: np.polyval([ALPHA, functions.BETA], x),
    "angle": lambda x: torch.angle(T(x)),
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "Bessel": lambda x: torch.special.bessel_j0(T(x)),
    "binary cross entropy": lambda x, y: F.binary_cross_entropy(T(x), T(y)),
    "binary cross entropy of logits": lambda x, y: F.binary_cross_entropy_with_logits(T(x), T(y)),
    "bitwise and": lambda x, y: np.bitwise_and(int(x), int(y)),
    "bitwise not": lambda x: np.bitwise_not(int(x)),
    "bitwise or": lambda x, y: np.bitwise_or(int(x), int(y)),
    "bitwise xor": lambda x, y: np.bitwise_xor(int(x), int(y)),
    "ceil": np.ceil,
    "celu": lambda x: F.celu(T(x), ALPHA),
    "clamp": lambda x: np.clip(x, LOW, HIGH),
    "complex abs": np.abs,
    "complex add": np.add,
    "complex angle": np.angle,
    "complex conjugate": np.conjugate,
    "complex divide": np.divide,
    "complex equal": np.equal,
    "complex exp": np.exp,
    "complex log": np.log,
    "complex multiply": np.multiply,
    "complex multiply and add": lambda x, y, z: torch.addcmul(T(x), T(y), T(z)),
    "complex negate": np.negative,
    "complex reciprocal": np.reciprocal,
    "complex sign": lambda z: torch.sgn(T(z)),
    "complex subtract": np.subtract,
    "copy sign": np.copysign,
    "cos": np.cos,
    "cosh": np.cosh,
    "dequantize": lambda x: functions.SCALE * (x - functions.ZERO_POINT),
    "digamma": lambda x: torch.digamma(T(x)),
    "divide": np.divide,
    "dropout": lambda x, mask, scale: np.prod([x, mask, scale]),
    "elu": lambda x: F.elu(T(x), ALPHA),
    "entropy": lambda x: torch.special.entr(T(x)),
    "equal": np.equal,
    "erf": lambda x: torch.erf(T(x)),
    "erfc": lambda x: torch.erfc(T(x)),
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "fake quantize": lambda x: torch.fake_quantize_per_tensor_affine(
        T(x, dtype=torch.float32), functions.SCALE, int(functions.ZERO_POINT), 0, 7
    ),
    "floor": np.floor,
    "floor divide": np.floor_divide,
    "fractional part": lambda x: torch.frac(T(x)),
    "from polar": lambda r, angle: torch.polar(T(r), T(angle)),
    "gated linear unit": lambda x, gate: F.glu(T([x, gate])),
    "gelu": lambda x: F.gelu(T(x)),
    "gelu tanh": lambda x: F.gelu(T(x), approximate="tanh"),
    "greater": np.greater,
    "greater or equal": np.greater_equal,
    "hard shrink": lambda x: F.hardshrink(T(x), HIGH),
    "hard sigmoid": lambda x: np.clip(ALPHA * x + functions.BETA, 0, 1),
    "hard sigmoid of keras": lambda x: F.hardsigmoid(T(x)),
    "hard swish": lambda x: F.hardswish(T(x)),
    "hard tanh": lambda x: F.hardtanh(T(x), LOW, HIGH),
    "Heaviside": np.heaviside,
    "Huber": lambda x, y: F.huber_loss(T(x), T(y), delta=ALPHA),
    "hypotenuse": np.hypot,
    "incomplete gamma": lambda x, y: torch.special.gammainc(T(x), T(y)),
    "interpolate": lambda x, y, w: torch.lerp(T(x), T(y), T(w)),
    "inverse erf": lambda x: torch.erfinv(T(x)),
    "inverse normal": lambda x: torch.special.ndtri(T(x)),
    "is finite": np.isfinite,
    "is infinite": np.isinf,
    "is nan": np.isnan,
    "leaky relu": lambda x: F.leaky_relu(T(x), ALPHA),
    "less": np.less,
    "less or equal": np.less_equal,
    "linear": lambda x: x,
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "log10": np.log10,
    "log add exp": np.logaddexp,
    "log gamma": lambda x: torch.lgamma(T(x)),
    "log normal": lambda x: torch.special.log_ndtr(T(x)),
    "log sigmoid": lambda x: F.logsigmoid(T(x)),
    "logical and": np.logical_and,
    "logical not": np.logical_not,
    "logical or": np.logical_or,
    "logical xor": np.logical_xor,
    "logit": lambda x: torch.logit(T(x)),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "mish": lambda x: F.mish(T(x)),
    "multiply": np.multiply,
    "multiply and add": lambda x, y, z: torch.addcmul(T(x), T(y), T(z)),
    "multiply, divide and add": lambda x, y, z: torch.addcdiv(T(x), T(y), T(z), value=ALPHA),
    "multiply, multiply and add": lambda x, y, z: torch.addcmul(T(x), T(y), T(z), value=ALPHA),
    "negate": np.negative,
    "next after": np.nextafter,
    "not equal": np.not_equal,
    "polygamma": lambda x: torch.polygamma(1, T(x)),
    "power": np.power,
    "prelu": lambda x, slope: F.prelu(T([x]), T([slope])),
    "put in bins": lambda x: (
        torch.histc(T([x]), 8, -2, 2).argmax() if -2 <= x <= 2 else torch.tensor(-1)
    ),
    "quantization scale": lambda high, low: np.rint(
        min(low, 0) / max((max(high, 0) - min(low, 0)) / 255, 1e-9)
    ),
    "quantize": lambda x: np.clip(np.rint(x / functions.SCALE) + functions.ZERO_POINT, 0, 7),
    "quick gelu": lambda x: x * torch.sigmoid(T(1.702 * x)),
    "reciprocal": np.reciprocal,
    "reciprocal square root": lambda x: torch.rsqrt(T(x)),
    "relu": lambda x: F.relu(T(x)),
    "relu6": lambda x: F.relu6(T(x)),
    "remainder": np.remainder,
    "replace what is not finite": lambda x: torch.nan_to_num(T(x)),
    "round": np.round,
    "scaled erfc": lambda x: torch.special.erfcx(T(x)),
    "scaled tanh": lambda x: ALPHA * torch.tanh(T(functions.BETA * x)),
    "select": np.where,
    "selu": lambda x: F.selu(T(x)),
    "shift left": lambda x, y: np.left_shift(int(x), int(y)),
    "shift right": lambda x, y: np.right_shift(int(x), int(y)),
    "sigmoid": lambda x: torch.sigmoid(T(x)),
    "sign": np.sign,
    "silu": lambda x: F.silu(T(x)),
    "sin": np.sin,
    "sine cardinal": np.sinc,
    "sinh": np.sinh,
    "smooth L1": lambda x, y: F.smooth_l1_loss(T(x), T(y), beta=ALPHA),
    "soft margin": lambda x, y: F.soft_margin_loss(T(x), T(y)),
    "soft shrink": lambda x: F.softshrink(T(x), HIGH),
    "softplus": lambda x: F.softplus(T(x)),
    "softsign": lambda x: F.softsign(T(x)),
    "sparse plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
    "square": np.square,
    "square root": np.sqrt,
    "squared difference": lambda x, y: F.mse_loss(T(x), T(y)),
    "squared relu": lambda x: F.relu(T(x)) ** 2,
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "subtract": np.subtract,
    "tan": np.tan,
    "tanh": np.tanh,
    "tanh shrink": lambda x: F.tanhshrink(T(x)),
    "threshold": lambda x: F.threshold(T(x), LOW, HIGH),
    "truncate": np.trunc,
    "x log1p y": lambda x, y: torch.special.xlog1py(T(x), T(y)),
    "x log y": lambda x, y: torch.xlogy(T(x), T(y)),
    "zeta": lambda x, y: torch.special.zeta(T(x), T(y)),
}
"""What a library says that each function is."""

WHOLE_LINE = sorted(
    set(functions.UNARY)
    - set(functions.ARGUMENTS)
    - {"acos", "asin", "atanh", "log", "log1p", "log2", "log10", "square root"}
    - {"reciprocal square root", "entropy", "inverse erf", "inverse normal", "log gamma", "logit"}
    - {"digamma", "log normal", "polygamma", "scaled erfc"}
)
"""Functions of one number that are defined for every one, so that each branch can be seen."""


def test_every_function_and_reduction_has_a_reference() -> None:
    assert sorted(REFERENCES) == sorted(FUNCTIONS)
    assert sorted(REDUCED) == sorted(REDUCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name: str) -> None:
    _same_function(name, functions.arguments(name))


@pytest.mark.parametrize("name", WHOLE_LINE)
@pytest.mark.parametrize("x", [-7.5, -2.25, -0.375, 0.375, 2.25, 7.5])
def test_function_in_every_branch(name: str, x: float) -> None:
    _same_function(name, (x,))


def _same_function(name: str, given_numbers: tuple[complex, ...]) -> None:
    tally = Tally()
    with torch.no_grad():
        torch.set_default_dtype(torch.float64)
        try:
            expected = complex(REFERENCES[name](*given_numbers))
        finally:
            torch.set_default_dtype(torch.float32)
    found = functions.apply(name, *(tally.made(number) for number in given_numbers))
    given = complex(found) if isinstance(found, Complex) else complex(float(found))
    assert given == pytest.approx(expected, rel=1e-7, abs=1e-9)


REDUCED: dict[str, Callable[[npt.NDArray[Any]], Any]] = {
    "all": np.all,
    "any": np.any,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "Chebyshev distance": lambda x: np.linalg.norm(x - x[::-1], np.inf),
    "complex L2 norm": np.linalg.norm,
    "complex mean": np.mean,
    "complex product": np.prod,
    "complex sum": np.sum,
    "count": np.count_nonzero,
    "Euclidean distance": lambda x: np.linalg.norm(x - x[::-1]),
    "L1 norm": lambda x: np.linalg.norm(x, 1),
    "L2 norm": np.linalg.norm,
    "log sum": lambda x: np.log(np.sum(x)),
    "log sum exp": np.logaddexp.reduce,
    "Lp norm": lambda x: np.linalg.norm(x, 3),
    "Manhattan distance": lambda x: np.linalg.norm(x - x[::-1], 1),
    "max": np.max,
    "maximum norm": lambda x: np.linalg.norm(x, np.inf),
    "mean": np.mean,
    "min": np.min,
    "min and max": lambda x: (np.min(x), np.max(x)),
    "minimum norm": lambda x: np.linalg.norm(x, -np.inf),
    "Minkowski distance": lambda x: np.linalg.norm(x - x[::-1], 3),
    "product": np.prod,
    "standard deviation": np.std,
    "sum": np.sum,
    "sum of numbers": np.nansum,
    "sum of squares": lambda x: np.sum(np.square(x)),
    "variance": np.var,
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction(name: str) -> None:
    numbers = np.array([1.5, 0.25, 3.0, 0.0, 2.5])
    if name.startswith("complex"):
        numbers = numbers + 1j * numbers[::-1]
    if name == "sum of numbers":
        numbers[2] = np.nan
    tally = Tally()
    row: list[Any] = list(tally.array(numbers))
    if name.endswith("distance"):
        row = list(zip(row, row[::-1], strict=True))
    found = functions.REDUCING[name](row)
    every = found if isinstance(found, tuple) else (found,)
    assert values(np.array(every, dtype=object)) == pytest.approx(
        np.atleast_1d(REDUCED[name](numbers)) + 0.0
    )


def test_layers_of_random_weights_have_the_sizes_of_their_record() -> None:
    cell = Recurrent(
        cell=Cell.LSTM, batch=1, steps=1, input_size=3, hidden_size=4, biases=2, projection=2
    )
    weights = recurrent.random_weights(cell, Tally(), 3)
    assert weights.elements == 4 * 4 * (3 + 2) + 2 * 4 * 4 + 2 * 4
