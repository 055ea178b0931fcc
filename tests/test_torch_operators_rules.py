"""Operators of every family, held to PyTorch's own counter, decompositions and memory tracker."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import pytest
import torch
import torchvision.ops as vision
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.distributed._tools.mem_tracker import MemTracker
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode, flop_registry

import analyzer
from analyzer import Operation, Report, ops
from analyzer_torch import trace
from analyzer_torch.call import Call, base_name, bound
from analyzer_torch.mapping import TABLE

aten = torch.ops.aten


class Function(nn.Module):
    """A module that is one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Any:
        return self.function(*tensors)


def run(function: Callable[..., Any], *given: Any) -> Report:
    report = analyzer.analyze(Function(function), list(given))
    assert report.coverage.complete, report.coverage.unknown
    return report


def only(function: Callable[..., Any], *given: Any) -> Operation:
    nodes = run(function, *given).model.nodes or ()
    (found,) = (node.operation for node in nodes if not isinstance(node.operation, ops.Free))
    return found


def steps(operation: Operation) -> list[str]:
    assert isinstance(operation, ops.Fused)
    return [step.kind for step in operation.steps]


# ------------------------------------------------------------------ MACs are the flop counter's

Q, K, V = (2, 4, 5, 8), (2, 4, 7, 8), (2, 4, 7, 8)
TOKENS = ((2, 5, 4, 8), (2, 7, 4, 8), (2, 7, 4, 8))
CONTRACTIONS: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "attention on the CPU": (aten._scaled_dot_product_flash_attention_for_cpu, (Q, K, V)),
    "attention, overridden": (aten._scaled_dot_product_fused_attention_overrideable, (Q, K, V)),
    "attention, efficient": (
        lambda q, k, v: aten._scaled_dot_product_efficient_attention(q, k, v, None, False),
        (Q, K, V),
    ),
    "attention, flash": (aten._scaled_dot_product_flash_attention, (Q, K, V)),
    "attention, flash of tokens": (
        lambda q, k, v: aten._flash_attention_forward(q, k, v, None, None, 5, 7, 0.0, False, False),
        TOKENS,
    ),
    "sum of products": (torch.addbmm, ((3, 5), (2, 3, 4), (2, 4, 5))),
    "convolution in time": (torch.conv_tbc, ((9, 2, 4), (3, 4, 6), (6,))),
    "affine grid": (lambda theta: F.affine_grid(theta, [2, 3, 5, 7], True), ((2, 2, 3),)),
}


def sdpa(query: tuple[int, ...], key: tuple[int, ...], *_: object, **__: object) -> int:
    return 2 * prod(query) * key[-2] * 2


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_macs(name: str) -> None:
    function, shapes = CONTRACTIONS[name]
    lacking: dict[Any, Callable[..., int]] = {
        aten.conv_tbc: lambda x, w, *_, out_shape, **__: 2 * prod(out_shape) * prod(w[:2]),
        aten.affine_grid_generator: lambda theta, size, *_, **__: 2 * prod(theta) * prod(size[2:]),
        aten.addbmm: lambda c, a, b, *_, **__: 2 * prod(a) * b[2],
        aten._scaled_dot_product_flash_attention_for_cpu: sdpa,
        aten._scaled_dot_product_fused_attention_overrideable: sdpa,
    }
    for known in lacking.keys() & flop_registry:  # newer versions know more
        del lacking[known]
    with FlopCounterMode(display=False, custom_mapping=lacking) as counter:
        function(*(torch.empty(shape, device="meta") for shape in shapes))
    assert 2 * (run(function, *shapes).totals.macs or 0) == counter.get_total_flops() > 0


def made(func: OpOverload, result: tuple[int, ...], *given: Any) -> Operation:
    """Return what an operator becomes that no device here can run; shapes stand for tensors."""
    args = tuple(
        torch.empty(one, device="meta") if isinstance(one, tuple) else one for one in given
    )
    outputs = (torch.empty(result, device="meta"),)
    call = Call(func, bound(func, args, {}), outputs, lambda tensor: None)
    return TABLE[base_name(func)](call)


def macs(operation: Operation) -> int:
    cost = operation.cost()
    assert cost is not None
    return cost.macs.value


def test_tokens_attend_to_those_of_their_own_sequence() -> None:
    flash, begins = aten._flash_attention_forward.default, torch.tensor([0, 3, 8])
    shape = (8, 4, 16)
    known = made(flash, shape, shape, shape, shape, begins, begins, 5, 5, 0.0, False, False)
    assert macs(known) == 4 * (3 * 3 + 5 * 5) * (16 + 16)
    apart = begins.to("meta")
    hidden = made(flash, shape, shape, shape, shape, apart, apart, 5, 5, 0.0, False, False)
    assert isinstance(hidden, ops.Unknown)
    q, k = TOKENS[:2]
    efficient = aten._efficient_attention_forward.default
    found = made(efficient, q, q, k, k, None, None, None, None, None, 0.0, 1)
    assert found == ops.Attention(
        batch=2, heads=4, kv_heads=4, queries=5, keys=7, qk_width=8, v_width=8, mask=ops.Mask.CAUSAL
    )


def test_convolutions_of_devices() -> None:
    x, weight, result = (1, 4, 9, 9), (6, 2, 3, 3), (1, 6, 5, 5)
    window = ((1, 1), (2, 2), (1, 1))
    expected = only(lambda a, b: F.conv2d(a, b, None, 2, 1, 1, 2), x, weight)
    cudnn = aten.cudnn_convolution.default
    lists = [list(sizes) for sizes in window]
    assert made(cudnn, result, x, weight, *lists, 2, False, False, False) == expected
    miopen = aten.miopen_convolution.default
    assert made(miopen, result, x, weight, None, *lists, 2, False, False) == expected
    depthwise = aten._conv_depthwise2d.default
    found = made(depthwise, (1, 4, 9, 9), x, (4, 1, 3, 3), [3, 3], None, [1, 1], [1, 1], [1, 1])
    assert found == only(lambda a, b: F.conv2d(a, b, None, 1, 1, 1, 4), x, (4, 1, 3, 3))
    relu = aten.cudnn_convolution_relu.default
    fused = made(relu, result, x, weight, (6,), [2, 2], [1, 1], [1, 1], 2)
    assert steps(fused) == ["Convolution", "relu"]


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_layers_of_devices(kind: Callable[..., nn.RNNBase]) -> None:
    layer = kind(8, 16, 2, bidirectional=True)
    weights = [weight.detach() for weight in layer._flat_weights if isinstance(weight, Tensor)]
    state = torch.zeros(4, 3, 16)
    mode, cell = (2, state) if isinstance(layer, nn.LSTM) else (3, None)
    sizes: tuple[Any, ...] = (mode, 16, 0, 2, False, 0.0, False, True, [], None)
    given = ((5, 3, 8), weights, 4, None, state, cell, *sizes)
    assert made(aten._cudnn_rnn.default, (5, 3, 32), *given) == only(layer, (5, 3, 8))


def test_cells_of_devices_do_all_but_their_products() -> None:
    cell = nn.LSTMCell(8, 16)
    whole = only(cell, (3, 8)).cost()
    fused = aten._thnn_fused_lstm_cell.default
    rest = made(fused, (3, 16), (3, 64), (3, 64), (3, 16), (64,), (64,)).cost()
    assert whole is not None
    assert rest is not None
    assert rest.flops.value == whole.flops.value - 2 * whole.macs.value


def test_whole_encoder_layers() -> None:
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu").eval()
    spelled = run(layer, (2, 5, 16)).totals
    attention = layer.self_attn
    weights = [
        attention.in_proj_weight, attention.in_proj_bias,
        attention.out_proj.weight, attention.out_proj.bias,
    ]  # fmt: skip
    norms = [layer.norm1.weight, layer.norm1.bias, layer.norm2.weight, layer.norm2.bias]
    dense = [layer.linear1.weight, layer.linear1.bias, layer.linear2.weight, layer.linear2.bias]
    forward = aten._transformer_encoder_layer_fwd.default
    found = made(
        forward, (2, 5, 16), (2, 5, 16), 16, 4, *weights, True, False, 1e-5, *norms, *dense
    )
    cost = found.cost()
    assert cost is not None
    assert (cost.macs.value, cost.flops.value) == (spelled.macs, spelled.flops)
    tokens = (2, 5, 16)
    several = aten._native_multi_head_attention.default
    heads = made(several, tokens, tokens, tokens, tokens, 16, 4, *weights)
    assert macs(heads) == run(attention, *[(2, 5, 16)] * 3).totals.macs


@pytest.mark.parametrize("ends", [[2, 7, 12], [2, 7, 9]])
def test_grouped_products_take_the_rows_of_groups(ends: list[int]) -> None:
    given = torch.tensor(ends, dtype=torch.int32)
    report = run(lambda x, w: torch._grouped_mm(x, w, given), (12, 16), (3, 16, 8))
    assert report.totals.macs in {12 * 16 * 8, ends[-1] * 16 * 8}


def test_packed_weights() -> None:
    x = torch.zeros(4, 32, dtype=torch.bfloat16)
    weight = torch.zeros(16, 32, dtype=torch.int8)
    found = only(aten._weight_int8pack_mm, x, weight, torch.zeros(16, dtype=torch.bfloat16))
    assert found == ops.MatrixProduct(batch=1, m=4, k=32, n=16, scaled=64)
    report = run(torch._int_mm, torch.zeros(32, 16, dtype=torch.int8), weight[:16].mT[:16])
    assert report.totals.macs == 32 * 16 * 16
    assert report.totals.flops == 0


# ------------------------------------------------- FLOPs are those of PyTorch's decompositions

X, Y, P = (3, 4), (3, 4), (3, 4)
SAME: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "binary_cross_entropy": (F.binary_cross_entropy, (X, Y)),
    "deg2rad": (torch.deg2rad, (X,)),
    "frac": (torch.frac, (X,)),
    "gelu": (F.gelu, (X,)),
    "glu": (F.glu, (X,)),
    "hardshrink": (F.hardshrink, (X,)),
    "hardsigmoid": (F.hardsigmoid, (X,)),
    "hardswish": (F.hardswish, (X,)),
    "hardtanh": (F.hardtanh, (X,)),
    "huber_loss": (F.huber_loss, (X, Y)),
    "hypot": (torch.hypot, (X, Y)),
    "leaky_relu": (F.leaky_relu, (X,)),
    "logaddexp": (torch.logaddexp, (X, Y)),
    "mish": (F.mish, (X,)),
    "mse_loss": (F.mse_loss, (X, Y)),
    "nan_to_num": (torch.nan_to_num, (X,)),
    "nansum": (torch.nansum, (X,)),
    "rad2deg": (torch.rad2deg, (X,)),
    "rsub": (lambda x: torch.rsub(x, 3, alpha=2), (X,)),
    "sigmoid": (torch.sigmoid, (X,)),
    "silu": (F.silu, (X,)),
    "sinc": (torch.sinc, (X,)),
    "smooth_l1_loss": (lambda x, y: F.smooth_l1_loss(x, y, beta=0.5), (X, Y)),
    "soft_margin_loss": (F.soft_margin_loss, (X, Y)),
    "special_erfcx": (torch.special.erfcx, (X,)),
    "threshold": (lambda x: F.threshold(x, 1, 2), (X,)),
    "trace": (torch.trace, (X,)),
}


@pytest.mark.parametrize("name", SAME)
def test_flops_are_those_of_the_decomposition(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, given = SAME[name]
    own = run(function, *given).totals.flops
    monkeypatch.setattr(trace, "TABLE", {key: it for key, it in TABLE.items() if key != name})
    assert own == run(function, *given).totals.flops
    assert own


# --------------------------------------------------------------------------- what becomes of what


def test_order() -> None:
    assert only(torch.sort, (3, 7)) == ops.Sort(rows=3, size=7, kept=7)
    assert only(torch.argsort, (3, 7)) == ops.Sort(rows=3, size=7, kept=7)
    assert only(lambda x: x.topk(2), (3, 7)) == ops.Sort(rows=3, size=7, kept=2)
    assert only(lambda x: x.kthvalue(6), (3, 7)) == ops.Sort(rows=3, size=7, kept=2)
    assert only(lambda x: x.median(0), (3, 7)) == ops.Sort(rows=7, size=3, kept=2)
    assert only(torch.median, (3, 7)) == ops.Sort(rows=1, size=21, kept=11)
    assert steps(only(lambda x: x.mode(), (3, 7))) == ["Sort", "equal"]
    edges = torch.arange(5.0)
    assert only(lambda x: torch.bucketize(x, edges), (3, 7)) == ops.Search(look_ups=21, size=5)
    found = only(lambda x: torch.searchsorted(edges, x), (3, 7))
    assert found == ops.Search(look_ups=21, size=5)


def test_order_of_integers_is_no_flops() -> None:
    totals = run(torch.sort, torch.arange(8)).totals
    assert (totals.flops, totals.integer_ops) == (0, 17)


def test_unique_numbers_need_values() -> None:
    report = analyzer.analyze(Function(torch.unique), [torch.tensor([3.0, 1.0, 3.0])])
    assert report.coverage.complete
    assert report.model.outputs[0].shape == (2,)


def test_fourier_transforms() -> None:
    complex_ones = torch.zeros(3, 4, 6, dtype=torch.complex64)
    whole = ops.FourierTransform(rows=3, sizes=(4, 6))
    assert only(torch.fft.fft2, complex_ones) == whole
    real = ops.FourierTransform(rows=3, sizes=(4, 6), real=True)
    assert only(torch.fft.rfft2, (3, 4, 6)) == real
    back = only(lambda x: torch.fft.irfft2(x, norm="ortho"), complex_ones)
    assert back == ops.FourierTransform(rows=3, sizes=(4, 10), real=True, scaled=True)
    framed = run(
        lambda x: torch.stft(x, 16, window=torch.hann_window(16), return_complex=True), (2, 64)
    )
    frames = 64 // 4 + 1
    found = [node.operation for node in framed.model.nodes or ()]
    assert ops.FourierTransform(rows=2 * frames, sizes=(16,), real=True) in found


def test_complex_numbers_count_by_their_parts() -> None:
    x = torch.zeros(3, 4, dtype=torch.complex64)
    assert run(lambda a: a * a, x).totals.flops == 6 * 12
    assert run(lambda a: a + a, x).totals.flops == 2 * 12
    assert run(torch.abs, x).totals.flops == 4 * 12
    assert run(torch.polar, (3, 4), (3, 4)).totals.flops == 4 * 12
    product = run(lambda a: torch.einsum("ij,kj->ik", a, a), x).totals
    assert (product.macs, product.flops) == (4 * 3 * 4 * 3, 8 * 3 * 4 * 3)
    assert run(lambda a: a @ a.mT, x).totals.macs == 4 * 3 * 4 * 3
    unknown = analyzer.analyze(Function(torch.tanh), [x])
    assert [one.operation for one in unknown.coverage.unknown] == ["aten.tanh"]


def test_places_between_elements() -> None:
    def sampled(mode: str) -> Operation:
        return only(
            lambda x, grid: F.grid_sample(x, grid, mode=mode, align_corners=False),
            *((2, 3, 9, 9), (2, 4, 5, 2)),
        )

    for mode, method in (("bilinear", "linear"), ("bicubic", "cubic"), ("nearest", "nearest")):
        assert sampled(mode) == ops.Sampling(method=method, points=40, axes=2, channels=3)
    volume = only(
        lambda x, g: F.grid_sample(x, g, align_corners=True), (1, 3, 4, 4, 4), (1, 2, 2, 2, 3)
    )
    assert volume == ops.Sampling(method="linear", points=8, axes=3, channels=3)


def test_detection() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 4], [1, 1, 5, 5], [6, 6, 9, 9]])
    found = only(lambda b, s: vision.nms(b, s, 0.5), boxes, torch.tensor([0.1, 0.2, 0.3]))
    assert found == ops.NonMaximumSuppression(batch=1, boxes=3)
    rois = torch.cat([torch.zeros(3, 1), boxes], 1)
    aligned = only(lambda x: vision.roi_align(x, rois, 7, sampling_ratio=2), (1, 5, 16, 16))
    assert (
        ops.Sampling(method="linear", points=3 * 7 * 7 * 4, axes=2, channels=5) in aligned.parts()
    )
    by_size = analyzer.analyze(Function(lambda x: vision.roi_align(x, rois, 7)), (1, 5, 16, 16))
    assert [one.operation for one in by_size.coverage.unknown] == ["torchvision.roi_align"]


@pytest.mark.parametrize("masked", [False, True])
def test_deformable_convolutions(masked: bool) -> None:
    layer = vision.DeformConv2d(4, 6, 3, padding=1)
    shapes = [(2, 4, 8, 8), (2, 18, 8, 8), *([(2, 9, 8, 8)] if masked else [])]
    found = only(layer, *shapes)
    plain = only(nn.Conv2d(4, 6, 3, padding=1), (2, 4, 8, 8))
    assert found.parts()[-1] == plain
    sampled = ops.Sampling(method="linear", points=2 * 9 * 8 * 8, axes=2, channels=4)
    assert found.parts()[0] == sampled
    assert ("multiply" in steps(found)) is masked


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_of_embeddings(mode: str) -> None:
    bag = nn.EmbeddingBag(100, 8, mode=mode)
    given = {"input": torch.arange(10), "offsets": torch.tensor([0, 3, 7])}
    report = analyzer.analyze(bag, given)
    assert report.coverage.complete
    assert report.totals.flops == (10 - 3) * 8 + (3 * 8 if mode == "mean" else 0)
    (table,) = report.model.parameters
    assert (table.role, table.axes) == ("embedding", ("vocabulary", "width"))
    if mode == "sum":
        weighted = analyzer.analyze(bag, {**given, "per_sample_weights": (10,)})
        assert weighted.totals.flops == (10 - 3) * 8 + 10 * 8


@pytest.mark.parametrize(
    ("order", "name"),
    [(1, "Manhattan"), (2, "Euclidean"), (3, "Minkowski"), (float("inf"), "Chebyshev")],
)
def test_distances(order: float, name: str) -> None:
    expected = ops.Reduction(function=f"{name} distance", in_elements=4 * 30, out_elements=30)
    assert only(lambda x, y: torch.cdist(x, y, order), (5, 4), (6, 4)) == expected


def test_distances_by_a_product_have_its_macs() -> None:
    report = run(torch.cdist, (30, 4), (40, 4))
    assert report.totals.macs == 30 * 40 * (4 + 2)


@pytest.mark.parametrize("order", [0, 1, 2, 3, float("inf"), -float("inf")])
def test_norms(order: float) -> None:
    names: dict[float, str] = {0: "count", 1: "L1 norm", 2: "L2 norm", 3: "Lp norm"}
    name = names.get(order, "maximum norm" if order > 0 else "minimum norm")
    expected = ops.Reduction(function=name, in_elements=12, out_elements=3)
    assert only(lambda x: torch.linalg.vector_norm(x, order, dim=1), (3, 4)) == expected


def test_losses() -> None:
    labels = torch.tensor([0, 2, 1])
    report = run(lambda x: F.cross_entropy(x, labels), (3, 5))
    softmax = ops.Softmax(rows=3, size=5, logarithm=True).cost().flops.value
    assert report.totals.flops == softmax + 3 + 3
    assert steps(only(F.mse_loss, (3, 4), (3, 4))) == ["squared difference", "mean"]
    if hasattr(F, "linear_cross_entropy"):
        whole = run(lambda x, w: F.linear_cross_entropy(x, w, labels), (3, 8), (5, 8)).totals
        assert (whole.macs, whole.flops) == (3 * 8 * 5, 2 * 3 * 8 * 5 + report.totals.flops)
    by_one = only(lambda x, y: F.mse_loss(x, y, reduction="none"), (3, 4), (3, 4))
    assert by_one == ops.Elementwise(function="squared difference", elements=12)


def test_systems_of_equations() -> None:
    lu = ops.Factorization(method="LU", batch=2, size=4)
    lower = ops.TriangularSolve(batch=1, size=4, columns=6, unit_diagonal=True)
    upper = ops.TriangularSolve(batch=1, size=4, columns=6)
    found = only(torch.linalg.solve, (2, 4, 4), (2, 4, 3))
    assert found.parts() == (lu, lower, upper)
    cholesky = ops.Factorization(method="Cholesky", batch=2, size=4)
    assert only(torch.linalg.cholesky, (2, 4, 4)) == cholesky
    substituted = only(
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=True), (2, 4, 4), (2, 4, 3)
    )
    assert substituted == upper
    assert steps(only(torch.linalg.det, (2, 4, 4))) == ["LUFactorization", "product"]


def test_antialiased_resizing() -> None:
    found = only(lambda x: F.interpolate(x, (4, 6), mode="bicubic", antialias=True), (2, 3, 9, 6))
    assert found == ops.Interpolation(
        method="cubic", axes=1, out_elements=2 * 3 * 4 * 6, antialiased=((9, 4),)
    )


def test_scattered_elements_are_combined() -> None:
    index = torch.zeros(3, 4, dtype=torch.long)

    def scattered(reduce: str) -> int | None:
        return run(
            lambda x: x.clone().scatter_reduce(0, index, x, reduce=reduce), (3, 4)
        ).totals.flops

    assert [scattered(reduce) for reduce in ("sum", "amax", "prod", "mean")] == [12, 12, 12, 24]
    rows = torch.tensor([0, 2])
    report = run(lambda x: x.index_put((rows,), x[:2], accumulate=True), (3, 4))
    assert report.totals.flops == 8


# ----------------------------------------------------------------- the memory of recurrent layers


@pytest.mark.parametrize(
    "layer",
    [nn.LSTM(8, 16), nn.LSTM(8, 16, 2, bidirectional=True), nn.LSTM(8, 16, batch_first=True)],
    ids=["one layer", "two layers, two directions", "batch first"],
)
def test_memory_of_lstm_layers(layer: nn.LSTM) -> None:
    tracker = MemTracker()
    x = torch.zeros(20, 3, 8)
    tracker.track_external(layer, x)  # or the views of x would count
    with torch.no_grad(), tracker:
        layer(x)
    (peak,) = tracker.get_tracker_snapshot("peak").values()
    taken = sum(size for kind, size in peak.items() if "ACT" in str(kind))
    report = analyzer.analyze(layer, (20, 3, 8))
    assert report.totals.memory.eager_peak_activation_bytes == taken


def test_recurrent_layers_do_not_walk_through_time() -> None:
    report = analyzer.analyze(nn.GRU(8, 16, bidirectional=True), (1 << 20, 1, 8))
    assert report.model.outputs[0].shape == (1 << 20, 1, 32)
