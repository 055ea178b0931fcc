"""onnx-tool: the tool is run on the same files, in the same test."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
import onnx.backend.test
import pytest
import torch
import torchvision
from torch import nn, zeros

import analyzer
from benchmarks.peers import onnx as peers
from benchmarks.peers.running import quiet
from tests.reconciled_networks import First

LIGHT = sorted((Path(onnx.backend.test.__file__).parent / "data" / "light").glob("*.onnx"))
NETWORKS = {
    "1-d": (nn.Sequential(nn.Conv1d(3, 4, 3), nn.MaxPool1d(2), nn.AdaptiveAvgPool1d(1)), (2, 3, 8)),
    "3-d": (nn.Sequential(nn.Conv3d(3, 4, 3), nn.MaxPool3d(2)), (2, 3, 8, 8, 8)),
    "GRU": (First(nn.GRU(5, 7)), (6, 2, 5)),
    "LSTM of two directions": (First(nn.LSTM(5, 7, bidirectional=True)), (6, 2, 5)),
    "activations": (
        nn.Sequential(
            *(nn.Conv2d(3, 4, 1), nn.PReLU(), nn.LeakyReLU(), nn.ELU(), nn.Softmax(1), nn.ReLU6()),
            *(nn.Hardswish(), nn.Sigmoid(), nn.Tanh(), nn.GELU(), nn.Softplus(), nn.LogSoftmax(1)),
        ),
        (2, 3, 8, 8),
    ),
    "norms": (
        nn.Sequential(nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True), nn.LayerNorm(8)),
        (2, 4, 8, 8),
    ),
    "resized": (nn.Upsample(scale_factor=2, mode="bilinear"), (2, 3, 8, 8)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2, groups=2), (2, 4, 5, 5)),
}
WHOLE = (
    "convnext_tiny", "densenet121", "efficientnet_b0", "mobilenet_v2", "mobilenet_v3_large",
    "resnet18", "shufflenet_v2_x1_0", "squeezenet1_0", "vit_b_32",
)  # fmt: skip


def exported(model: nn.Module, *shape: int) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "model.onnx"
        torch.onnx.export(model.eval(), (zeros(*shape),), path, dynamo=False)
        return onnx.load(path)


def without_input(model: onnx.ModelProto) -> int:
    """Return what onnx-tool counts of nodes that no number of an input flows into."""
    import onnx_tool

    with quiet():
        graph = onnx_tool.loadmodel(model, {}).graph
        graph.graph_reorder_nodes()
        graph.shape_infer(None)
        graph.profile(exclude_ops=onnx_tool.NoMacsOps)
    stored = {tensor.name for tensor in model.graph.initializer}
    reached = {tensor.name for tensor in model.graph.input} - stored
    counted = 0
    for node in model.graph.node:
        if node.op_type != "Shape" and reached.intersection(node.input):
            reached.update(node.output)
            continue
        names = [name for name, one in graph.nodemap.items() if set(one.output) & set(node.output)]
        counted += sum(getattr(graph.nodemap[name], "macs", (0,))[0] for name in names)
    return counted


def holds(model: onnx.ModelProto) -> None:
    said = peers.onnx_tool(model)
    report = analyzer.analyze(model, convention="onnx-tool")
    assert not said.failed
    assert said.macs is not None
    assert report.coverage.complete
    assert report.number == said.macs - without_input(model)


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.stem)
def test_files_that_onnx_ships(path: Path) -> None:
    said = peers.onnx_tool(onnx.load(path))
    assert analyzer.analyze(path, convention="onnx-tool").number == said.macs


@pytest.mark.parametrize("about", NETWORKS)
def test_small_networks(about: str) -> None:
    model, shape = NETWORKS[about]
    holds(exported(model, *shape))


def test_networks() -> None:
    holds(exported(torchvision.models.shufflenet_v2_x0_5(), 1, 3, 32, 32))


@pytest.mark.slow
@pytest.mark.parametrize("network", WHOLE)
def test_torchvision(network: str) -> None:
    holds(exported(torchvision.models.get_model(network), 1, 3, 224, 224))


@pytest.mark.slow
def test_of_large_constants_some_are_computed_in_the_graph() -> None:
    """Swin's masks are made of constants: what is too large to be evaluated is counted."""
    model = exported(torchvision.models.swin_t(), 1, 3, 224, 224)
    said, number = (
        peers.onnx_tool(model).macs,
        analyzer.analyze(model, convention="onnx-tool").number,
    )
    assert said is not None
    assert number is not None
    assert said - without_input(model) <= number <= said
