"""ptflops and calflops: the tool is run on the same model, in the same test."""

from __future__ import annotations

import copy

import pytest
import torch
import torchvision

import analyzer
from analyzer.conventions import BUILT_IN
from benchmarks.peers import pytorch as peers
from tests.patched_networks import NETWORKS
from tests.reconciled_networks import NETWORKS as OTHERS
from tests.reconciled_networks import Called

TOOLS = {"calflops": "calflops", "ptflops": "ptflops", "ptflops-aten": "ptflops, aten"}
HELD = {"batched product", "broadcast product", "vector product"}
"""Networks that hold torch.matmul itself: to patch its name changes nothing there."""
RESIZED = {"resized", "resizing", "resizing, 1-d"}
ALL = {**OTHERS, **NETWORKS}
CASES = [
    (name, about)
    for name in TOOLS
    for about in ALL
    if name == "ptflops-aten" or about not in HELD
    if name != "calflops" or about not in RESIZED
]
QUICK = {"mobilenet_v3_large": 32, "resnet18": 32, "squeezenet1_0": 64}
WHOLE = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "mnasnet1_0",
    "mobilenet_v2", "mobilenet_v3_large", "resnet18", "resnet50", "shufflenet_v2_x1_0",
    "squeezenet1_0", "swin_t", "vgg16", "vit_b_16",
)  # fmt: skip


def holds(name: str, model: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    model.eval()
    said = peers.TOOLS[TOOLS[name]](model, *inputs)
    assert not said.failed
    report = analyzer.analyze(model, inputs, convention=name)
    told = next(one for one in BUILT_IN if one.name == name).parameters
    assert report.coverage.complete
    assert report.number == (said.macs if said.flops is None else said.flops)
    assert told is not None
    assert told(report.model) == said.parameters
    if said.flops is not None:
        assert report.totals.macs == said.macs


@pytest.mark.parametrize(("name", "about"), CASES)
def test_small_networks(name: str, about: str) -> None:
    model, inputs = ALL[about]
    if not any(True for _ in model.parameters()):  # calflops stops without any
        model = copy.deepcopy(model)
        model.register_parameter("unused", torch.nn.Parameter(torch.zeros(1)))
    holds(name, model, inputs)


@pytest.mark.parametrize("about", sorted(RESIZED))
def test_what_calflops_counts_of_resizing_is_open(about: str) -> None:
    """It depends on whether a size or a scale was given, and no graph says which."""
    report = analyzer.analyze(*ALL[about], convention="calflops")
    assert {unknown.operation for unknown in report.coverage.unknown} == {"Interpolation"}
    x = torch.zeros(1, 3, 4, 4)
    by_size, by_scale = (
        peers.calflops(torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1, bias=False), resize), x)
        for resize in (torch.nn.Upsample(size=8), torch.nn.Upsample(scale_factor=2))
    )
    assert by_size.flops != by_scale.flops


def test_batch_first_cannot_be_told_from_a_square() -> None:
    """The order of the axes decides what is contiguous, and equal sizes do not tell it."""
    model, inputs = torch.nn.GRU(5, 7, batch_first=True).eval(), torch.zeros(3, 3, 5)
    report = analyzer.analyze(model, (inputs,), convention="ptflops-aten")
    assert not report.coverage.complete
    said = [
        peers.ptflops_aten(torch.nn.GRU(5, 7, batch_first=first), inputs) for first in (True, False)
    ]
    assert said[0].macs != said[1].macs


def test_operators_are_not_calls_by_name() -> None:
    """What runs is the same, what the tools count is not: operators are what is assumed."""
    by_operator, by_name = (
        torch.nn.Sequential(torch.nn.Linear(4, 4), Called(function))
        for function in (lambda x: x + x, lambda x: torch.add(x, x))
    )
    x = torch.zeros(1, 4)
    for name in ("calflops", "ptflops"):
        said = [peers.TOOLS[name](model, x) for model in (by_operator, by_name)]
        assert (said[0].flops or said[0].macs) == (said[1].flops or said[1].macs or 0) - 4
        holds(name, by_operator, (x,))


@pytest.mark.parametrize("network", QUICK)
@pytest.mark.parametrize("name", TOOLS)
def test_torchvision_on_small_images(name: str, network: str) -> None:
    size = QUICK[network]
    holds(name, torchvision.models.get_model(network), (torch.zeros(2, 3, size, size),))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The default weight initialization of GoogleNet:FutureWarning")
@pytest.mark.parametrize("network", WHOLE)
@pytest.mark.parametrize("name", TOOLS)
def test_torchvision(name: str, network: str) -> None:
    holds(name, torchvision.models.get_model(network), (torch.zeros(1, 3, 224, 224),))
