"""Each convention says what its tool says: the tool is run on the same model, in the same test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn, zeros
from torch.nn import functional

import analyzer
from analyzer.conventions import BUILT_IN
from benchmarks.peers import pytorch as peers
from tests.reconciled_networks import NETWORKS, Called, First

TOOLS = {
    "fvcore": "fvcore",
    "thop": "thop",
    "torch": "flop counter, meta",
    "torchinfo": "torchinfo",
}
CONVENTIONS = {convention.name: convention for convention in BUILT_IN}
QUICK = {"mobilenet_v2": 32, "resnet18": 32}
WHOLE = {
    "alexnet": 224, "convnext_tiny": 224, "densenet121": 224, "efficientnet_b0": 224,
    "mobilenet_v2": 224, "mobilenet_v3_large": 224, "resnet18": 224, "resnet50": 224,
    "swin_t": 224, "vgg16": 224, "vit_b_16": 224,
}  # fmt: skip
ODD: dict[str, tuple[nn.Module, tuple[torch.Tensor, ...]]] = {
    "RNN of ReLU": (
        First(nn.RNN(6, 7, nonlinearity="relu", bidirectional=True)), (zeros(5, 2, 6),),
    ),
    "attention of three widths": (
        First(nn.MultiheadAttention(8, 2, kdim=4, vdim=6, batch_first=True)),
        (zeros(2, 3, 8), zeros(2, 5, 4), zeros(2, 5, 6)),
    ),
    "convolution without a batch": (nn.Conv2d(3, 4, 3), (zeros(3, 9, 9),)),
    "decoder layer": (nn.TransformerDecoderLayer(8, 2, 16), (zeros(3, 2, 8), zeros(5, 2, 8))),
    "diagonal by einsum": (Called(lambda x: torch.einsum("bii->bi", x)), (zeros(3, 4, 4),)),
    "instance norm by stored statistics": (
        nn.Sequential(nn.InstanceNorm2d(3, track_running_stats=True)), (zeros(2, 3, 8, 8),),
    ),
    "resizing of one axis": (
        nn.Sequential(nn.Upsample((16, 8), mode="bilinear"), nn.Upsample((32, 8))),
        (zeros(2, 3, 8, 8),),
    ),
    "sampling": (
        Called(lambda x, grid: functional.grid_sample(x, grid, align_corners=False)),
        (zeros(1, 2, 4, 4), zeros(1, 3, 3, 2)),
    ),
    "transformer": (
        nn.Transformer(8, 2, 1, 1, 16, batch_first=True), (zeros(2, 5, 8), zeros(2, 3, 8)),
    ),
    "weight norm": (
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 5))), (zeros(2, 4),),
    ),
}  # fmt: skip
ENDS = torch.tensor([2, 7, 12], dtype=torch.int32)
UNSEEN: dict[str, tuple[Callable[..., torch.Tensor], tuple[torch.Tensor, ...]]] = {
    "affine grid": (lambda x: functional.affine_grid(x, [2, 3, 5, 7], True), (zeros(2, 2, 3),)),
    "convolution in time": (torch.conv_tbc, (zeros(9, 2, 4), zeros(3, 4, 6), zeros(6))),
    "product of bytes": (
        torch._weight_int8pack_mm,
        (zeros(4, 32, dtype=torch.bfloat16), zeros(16, 32, dtype=torch.int8),
         zeros(16, dtype=torch.bfloat16)),
    ),
    "product of groups": (
        lambda x, w: torch._grouped_mm(x, w, ENDS),
        (zeros(12, 16, dtype=torch.bfloat16), zeros(3, 16, 8, dtype=torch.bfloat16)),
    ),
    "product of integers": (
        torch._int_mm, (zeros(32, 16, dtype=torch.int8), zeros(16, 16, dtype=torch.int8)),
    ),
}  # fmt: skip
UNTOLD = {("torchinfo", "shared")}
"""Numbers of parameters that nobody can tell from a model."""


def holds(name: str, model: torch.nn.Module, inputs: tuple[torch.Tensor, ...], about: str) -> None:
    """Hold the convention to what the tool says of the model's work and parameters."""
    model.eval()
    said = peers.TOOLS[TOOLS[name]](model, *inputs)
    assert not said.failed
    report = analyzer.analyze(model, inputs, convention=name)
    number = said.flops if said.macs is None else said.macs
    assert report.coverage.complete
    assert report.number == number
    tells = CONVENTIONS[name].parameters
    told = tells(report.model) if tells else None
    if (name, about) in UNTOLD:
        assert told is None
    elif tells:
        assert told == said.parameters


@pytest.mark.parametrize("about", NETWORKS)
@pytest.mark.parametrize("name", TOOLS)
def test_small_networks(name: str, about: str) -> None:
    model, inputs = NETWORKS[about]
    holds(name, model, inputs, about)


@pytest.mark.parametrize("about", ODD)
@pytest.mark.parametrize("name", TOOLS)
def test_what_is_written_in_odd_ways(name: str, about: str) -> None:
    model, inputs = ODD[about]
    holds(name, model, inputs, about)


@pytest.mark.parametrize("about", UNSEEN)
def test_products_that_the_flop_counter_has_no_formula_for(about: str) -> None:
    function, inputs = UNSEEN[about]
    assert analyzer.analyze(Called(function), inputs).totals.macs
    holds("torch", Called(function), inputs, about)


@pytest.mark.parametrize("network", QUICK)
@pytest.mark.parametrize("name", TOOLS)
def test_torchvision_on_small_images(name: str, network: str) -> None:
    size = QUICK[network]
    model = getattr(torchvision.models, network)()
    holds(name, model, (torch.zeros(1, 3, size, size),), network)


@pytest.mark.slow
@pytest.mark.parametrize("network", WHOLE)
@pytest.mark.parametrize("name", TOOLS)
def test_torchvision(name: str, network: str) -> None:
    size = WHOLE[network]
    model = getattr(torchvision.models, network)()
    holds(name, model, (torch.zeros(1, 3, size, size),), network)


def test_a_file_of_tensors_has_no_modules_to_count(tmp_path: Path) -> None:
    """What runs is not known, so that a number of parameters by module is none."""
    torch.save(torch.nn.Linear(4, 5).state_dict(), tmp_path / "tensors.pt")
    found = analyzer.reconcile(tmp_path / "tensors.pt", conventions=["fvcore", "thop", "torchinfo"])
    assert found["fvcore"].parameters == 25
    assert found["thop"].parameters is None
    assert found["torchinfo"].parameters is None
