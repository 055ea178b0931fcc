"""Each convention says what its tool says: the tool is run on the same model, in the same test."""

from __future__ import annotations

import pytest
import torch
import torchvision

import analyzer
from analyzer.conventions import BUILT_IN
from benchmarks.peers import pytorch as peers
from tests.reconciled_networks import NETWORKS

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
