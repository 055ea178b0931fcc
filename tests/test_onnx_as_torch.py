"""The same computation in PyTorch and as one node of ONNX: the same MACs, the same FLOPs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

import analyzer
from analyzer.ops import Unknown
from tests.onnx_runs import run
from tests.onnx_spelled import build, contrib, numbers, op, report

IMAGE = numbers(2, 4, 9, 7)
BOXES = np.array([[1, 1, 5, 6], [0, 2, 7, 5], [2, 2, 6, 8]], np.float32)
SCORES = numbers(1, 1, 12) ** 2
PLACES = np.concatenate([numbers(1, 12, 2), numbers(1, 12, 2) ** 2 + 1], axis=-1)


class Function(nn.Module):
    """A module that only calls a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Any:
        return self.function(*tensors)


Case = tuple[Sequence[Any], Mapping[str, Any], Mapping[str, Any], Callable[..., Any]]
"""Nodes, what they are given, what they store, and the function of PyTorch."""

CASES: dict[str, Case] = {
    "AffineGrid": (
        [op("AffineGrid", "x s", "y")],
        {"x": numbers(2, 2, 3)},
        {"s": np.array([2, 4, 9, 7])},
        lambda x: F.affine_grid(x, [2, 4, 9, 7], align_corners=False),
    ),
    "Attention": (
        [op("Attention", "q k v", "y")],
        {"q": numbers(2, 6, 5, 8), "k": numbers(2, 6, 7, 8), "v": numbers(2, 6, 7, 8, seed=1)},
        {},
        F.scaled_dot_product_attention,
    ),
    "Attention, causal, of groups": (
        [op("Attention", "q k v", "y", is_causal=1)],
        {"q": numbers(2, 6, 5, 8), "k": numbers(2, 2, 5, 8), "v": numbers(2, 2, 5, 8, seed=1)},
        {},
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True),
    ),
    "Col2Im": (
        [op("Col2Im", "x s k", "y", strides=[1, 1])],
        {"x": numbers(2, 3 * 4, 20)},
        {"s": np.array([6, 5]), "k": np.array([2, 2])},
        lambda x: F.fold(x, (6, 5), (2, 2)),
    ),
    "CumSum": (
        [op("CumSum", "x a", "y")],
        {"x": numbers(3, 8)},
        {"a": np.array(1)},
        lambda x: torch.cumsum(x, 1),
    ),
    "DFT": (
        [op("DFT", "x - a", "y")],
        {"x": numbers(3, 12, 2)},
        {"a": np.array(1)},
        lambda x: torch.fft.fft(torch.view_as_complex(x)),
    ),
    "DFT of real numbers": (
        [op("DFT", "x - a", "y", onesided=1)],
        {"x": numbers(3, 12, 1)},
        {"a": np.array(1)},
        lambda x: torch.fft.rfft(x[..., 0]),
    ),
    "DeformConv": (
        [op("DeformConv", "x w o b m", "y", pads=[1] * 4)],
        {
            "x": IMAGE, "w": numbers(6, 4, 3, 3), "o": numbers(2, 18, 9, 7), "b": numbers(6),
            "m": numbers(2, 9, 9, 7),
        },
        {},
        lambda x, w, o, b, m: torchvision.ops.deform_conv2d(x, o, w, b, padding=1, mask=m),
    ),
    "Det": ([op("Det", "x", "y")], {"x": numbers(3, 5, 5)}, {}, torch.linalg.det),
    "GridSample": (
        [op("GridSample", "x g", "y", mode="linear")],
        {"x": IMAGE, "g": numbers(2, 5, 6, 2)},
        {},
        lambda x, g: F.grid_sample(x, g, align_corners=False),
    ),
    "GridSample, cubic": (
        [op("GridSample", "x g", "y", mode="cubic")],
        {"x": IMAGE, "g": numbers(2, 5, 6, 2)},
        {},
        lambda x, g: F.grid_sample(x, g, mode="bicubic", align_corners=False),
    ),
    "GroupNormalization": (
        [op("GroupNormalization", "x s o", "y", num_groups=2)],
        {"x": IMAGE, "s": numbers(4), "o": numbers(4, seed=1)},
        {},
        lambda x, s, o: F.group_norm(x, 2, s, o),
    ),
    "Hardmax": (
        [op("Hardmax", "x", "y")],
        {"x": numbers(3, 8)},
        {},
        lambda x: F.one_hot(torch.argmax(x, -1), 8),
    ),
    "Inverse": ([contrib("Inverse", "x", "y")], {"x": numbers(3, 5, 5)}, {}, torch.linalg.inv),
    "NegativeLogLikelihoodLoss": (
        [op("NegativeLogLikelihoodLoss", "x t w", "y")],
        {"x": numbers(6, 5)},
        {"t": numbers(6, dtype=np.int64) % 5, "w": numbers(5)},
        lambda x: F.nll_loss(x, torch.zeros(6, dtype=torch.long), torch.ones(5)),
    ),
    "NonMaxSuppression": (
        [op("NonMaxSuppression", "b s m", "y", center_point_box=1)],
        {"b": PLACES, "s": SCORES},
        {"m": np.array([12])},
        lambda b, s: torchvision.ops.nms(b[0], s[0, 0], 0.5),
    ),
    "RMSNormalization": (
        [op("RMSNormalization", "x s", "y")],
        {"x": numbers(3, 8), "s": numbers(8)},
        {},
        lambda x, s: F.rms_norm(x, (8,), s, 1e-5),
    ),
    "Resize, with a filter": (
        [op("Resize", "x - - s", "y", mode="linear", antialias=1)],
        {"x": numbers(2, 4, 16, 12)},
        {"s": np.array([2, 4, 8, 6])},
        lambda x: F.interpolate(x, (8, 6), mode="bilinear", antialias=True),
    ),
    "RoiAlign": (
        [op("RoiAlign", "x b i", "y", output_height=3, output_width=2, sampling_ratio=2)],
        {"x": IMAGE, "b": BOXES},
        {"i": np.zeros(3, np.int64)},
        lambda x, b: torchvision.ops.roi_align(x, [b, b[:0]], (3, 2), 1.0, 2, aligned=True),
    ),
    "STFT": (
        [op("STFT", "x step w", "y")],
        {"x": numbers(2, 40)},
        {"step": np.array(8), "w": np.ones(16, np.float32)},
        lambda x: torch.stft(
            x, 16, 8, window=torch.ones(16), center=False, return_complex=True
        ),
    ),
    "SoftmaxCrossEntropyLoss": (
        [op("SoftmaxCrossEntropyLoss", "x t", "y", reduction="sum")],
        {"x": numbers(6, 5)},
        {"t": numbers(6, dtype=np.int64) % 5},
        lambda x: F.cross_entropy(x, torch.zeros(6, dtype=torch.long), reduction="sum"),
    ),
    "TopK": (
        [op("TopK", "x k", "y i")],
        {"x": numbers(3, 20)},
        {"k": np.array([5])},
        lambda x: torch.topk(x, 5),
    ),
    "Unique": ([op("Unique", "x", "y")], {"x": numbers(20)}, {}, torch.unique),
    "Unique, of slices": (
        [op("Unique", "x", "y", axis=1)],
        {"x": numbers(3, 20)},
        {},
        lambda x: torch.unique(x, dim=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_as_in_torch(name: str) -> None:
    nodes, inputs, weights, function = CASES[name]
    model = build(nodes, inputs, weights, ["y"], opset=22 if name == "STFT" else 23)
    tensors = tuple(torch.from_numpy(array) for array in inputs.values())
    ours = report(model).totals
    theirs = analyzer.analyze(Function(function), inputs=tensors)
    assert theirs.coverage.complete
    assert ours.macs == theirs.totals.macs
    assert ours.flops == theirs.totals.flops


def test_samples_whose_number_the_boxes_decide_are_unknown_alike() -> None:
    aligned = op("RoiAlign", "x b i", "y", output_height=3, output_width=2, sampling_ratio=0)
    _, inputs, weights, _ = CASES["RoiAlign"]
    ours = analyzer.analyze(build([aligned], inputs, weights, ["y"]))
    theirs = analyzer.analyze(
        Function(lambda x, b: torchvision.ops.roi_align(x, [b, b[:0]], (3, 2))),
        inputs=tuple(torch.from_numpy(array) for array in inputs.values()),
    )
    (why,), (their_why,) = map(_reasons, (ours, theirs))
    assert why
    assert why == their_why


def _reasons(found: analyzer.Report) -> list[str]:
    operations = [entry.node.operation for entry in found.entries]
    return [one.because for one in operations if isinstance(one, Unknown)]


NOT_RUN = {
    "AffineGrid", "Attention", "Attention, causal, of groups", "DeformConv",
    "NegativeLogLikelihoodLoss", "NonMaxSuppression", "RMSNormalization", "RoiAlign",
    "SoftmaxCrossEntropyLoss", "Unique", "Unique, of slices",
}  # fmt: skip
"""What ONNX Runtime has no kernel for in this operator set, or whose size the numbers decide."""


@pytest.mark.parametrize("name", sorted(set(CASES) - NOT_RUN))
def test_sizes_are_those_of_a_run(name: str) -> None:
    nodes, inputs, weights, _ = CASES[name]
    model = build(nodes, inputs, weights, ["y"], opset=22)
    (tensor,) = report(model).model.outputs
    ran = run(model, inputs)["y"]
    assert (tensor.shape, tensor.dtype) == (ran.shape, ran.dtype.name)
