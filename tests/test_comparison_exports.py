"""A model and its own export: what the exporter did to it is named."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import analyzer
from analyzer.comparing.comparison import Comparison
from analyzer.comparing.reasons import CONSTANTS, FOLDED_CONSTANTS, FOLDED_NORM, Amount
from examples.export_onnx import export_torch


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.attention(x, x, x, need_weights=False)[0]
        return mixed


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.SiLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


def compared(
    module: nn.Module, inputs: torch.Tensor, folder: Path, *, optimize: bool
) -> Comparison:
    path = folder / "exported.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        export_torch(module, (inputs,), path, optimize=optimize)
    found = analyzer.compare(analyzer.analyze(module, inputs), str(path))
    assert found.remainder == Amount()
    return found


def amounts(comparison: Comparison) -> dict[str, Amount]:
    """Return the reasons, apart from the shapes that an export keeps as tensors: these are free."""
    found = {difference.reason: difference.amount for difference in comparison.differences}
    shapes = found.pop(CONSTANTS, Amount())
    assert shapes == Amount(constants=shapes.constants, stored_bytes=shapes.stored_bytes)
    return found


def test_without_folding_only_spelling_differs(tmp_path: Path) -> None:
    found = compared(network(), torch.zeros(1, 3, 16, 16), tmp_path, optimize=False)
    assert found.verdict == "equivalent"
    assert set(amounts(found)) == {
        "silu whole or spelled out",
        "batch counter that no operation reads",
    }


def test_folded_batch_norm_is_named(tmp_path: Path) -> None:
    found = compared(network(), torch.zeros(1, 3, 16, 16), tmp_path, optimize=True)
    folded = amounts(found)[FOLDED_NORM]
    # A scale and an offset went, a bias came; the statistics went; 4 a place became 1.
    assert folded.parameters == 2 * 8 - 8
    assert folded.state == 2 * 8 + 1  # the counter of batches among them
    assert folded.flops == (4 - 1) * 8 * 16 * 16 + 2 * 8


def test_contractions_of_constants_that_were_folded_are_named(tmp_path: Path) -> None:
    """The recurrent product of the first step multiplies zeros, and the exporter knows it."""
    rnn, steps = nn.RNN(8, 16, batch_first=True), torch.zeros(1, 5, 8)
    kept = amounts(compared(rnn, steps, tmp_path, optimize=False))
    assert FOLDED_CONSTANTS not in kept
    assert kept["simple RNN whole or spelled out"].macs == 0
    folded = amounts(compared(rnn, steps, tmp_path, optimize=True))
    assert folded[FOLDED_CONSTANTS].macs == 16 * 16


@pytest.mark.parametrize("optimize", [False, True])
def test_attention_spelled_out_has_the_same_macs(tmp_path: Path, optimize: bool) -> None:
    found = compared(SelfAttention(), torch.zeros(1, 10, 32), tmp_path, optimize=optimize)
    assert found.verdict == "equivalent"
    assert set(amounts(found)) <= {"Attention whole or spelled out"}


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_recurrent_layers_stay_whole(tmp_path: Path, cell: str) -> None:
    module = getattr(nn, cell)(8, 16, batch_first=True, bidirectional=True)
    found = compared(module, torch.zeros(1, 5, 8), tmp_path, optimize=False)
    assert found.verdict == "equivalent"
    assert not amounts(found)
