"""Recurrent layers of PyTorch: read whole, however long the sequence, as the CPU runs them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed._tools.mem_tracker import MemTracker

import analyzer
from tests.torch_truth import check_against_torch

LSTMS: list[tuple[dict[str, Any], tuple[int, int, int]]] = [
    ({}, (50, 1, 8)),
    ({"batch_first": True, "num_layers": 3}, (3, 50, 8)),
    ({"bidirectional": True, "num_layers": 2}, (50, 3, 8)),
    ({"bidirectional": True, "batch_first": True}, (1, 40, 8)),
    ({"bias": False}, (7, 3, 8)),
    ({"proj_size": 4}, (7, 3, 8)),
]


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
@pytest.mark.parametrize(("settings", "shape"), LSTMS, ids=str)
def test_macs_of_lstms_are_those_of_the_flop_counter(
    settings: dict[str, Any], shape: tuple[int, ...]
) -> None:
    check_against_torch(nn.LSTM(8, 16, **settings), (torch.zeros(shape),), real=True)


@pytest.mark.parametrize("kind", [nn.GRU, nn.RNN])
def test_macs_of_other_layers_are_those_of_the_flop_counter(
    kind: type[nn.GRU] | type[nn.RNN],
) -> None:
    model = kind(8, 16, num_layers=2, bidirectional=True)
    check_against_torch(model, (torch.zeros(5, 3, 8),), real=True)


@pytest.mark.parametrize(("settings", "shape"), LSTMS[:-2], ids=str)
def test_lstms_take_the_memory_that_memtracker_measures(
    settings: dict[str, Any], shape: tuple[int, ...]
) -> None:
    model, sequence = nn.LSTM(8, 16, **settings).eval(), torch.zeros(shape)
    tracker = MemTracker()
    tracker.track_external(model, sequence)
    with torch.no_grad(), tracker:
        model(sequence)
    (peak,) = tracker.get_tracker_snapshot("peak").values()
    sizes = {str(kind).rpartition(".")[2]: size for kind, size in peak.items()}
    measured = sizes["Total"] - sizes["PARAM"] - sizes["BUFFER"] - sequence.nbytes
    assert analyzer.analyze(model, shape).totals.memory.eager_peak_activation_bytes == measured


def test_a_long_sequence_is_read_as_fast_as_a_short_one() -> None:
    # Step by step, this would take hours.
    report = analyzer.analyze(nn.LSTM(8, 16), (1_000_000, 1, 8))
    assert report.totals.macs == 1_000_000 * 4 * 16 * (8 + 16)
