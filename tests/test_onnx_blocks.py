"""Files whose maps ONNX Runtime keeps in blocks of channels, held to a run and to the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import nn

import analyzer
from analyzer import Kind
from analyzer_onnx.blocks import BLOCKED
from analyzer_onnx.mapping_blocks import TABLE
from tests.onnx_models import EXPORTERS, export, make
from tests.onnx_watched import all_are_counted, feeds_of, macs, ran, specs_for, wrong_shapes
from tests.test_onnx_rewritten import optimised

Inputs = tuple[torch.Tensor, ...]

rewrite = optimised("ORT_ENABLE_ALL")


class Whole(nn.Module):
    """Every operator of the layout that PyTorch writes; all blocks are full, of 8 or of 16."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.wide = nn.Conv2d(16, 32, 3, padding=1)
        self.again = nn.Conv2d(32, 32, 3, padding=1)
        self.joined = nn.Conv2d(64, 32, 1)
        self.grouped = nn.Conv2d(32, 32, 3, groups=2)
        self.each = nn.Conv2d(32, 32, 3, groups=32)
        self.gate = nn.Conv2d(32, 32, 1)
        self.last = nn.Conv2d(32, 32, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.wide(torch.relu(self.stem(image)))
        y = torch.relu(self.again(x) + x)
        x = nn.functional.max_pool2d(self.joined(torch.cat([x, y], 1)), 2)
        x = self.each(torch.sigmoid(self.grouped(nn.functional.interpolate(x, scale_factor=2))))
        x = nn.functional.avg_pool2d(nn.functional.leaky_relu(x), 2)
        gate = torch.tanh(self.gate(nn.functional.adaptive_avg_pool2d(x, 1)))
        return nn.functional.max_pool2d(self.last(x * 2), x.shape[2:]) * gate


class Filled(nn.Module):
    """Channels that fill no blocks of 8 or of 16; only biases can tell how many the first are.

    They are more than one block: fewer would leave the layout, which tells their number.
    """

    def __init__(self, *, biased: bool) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(3, 20, 3, bias=biased)
        self.each = nn.Conv2d(20, 20, 3, groups=20, bias=biased)
        self.between = nn.Conv2d(20, 28, 3, bias=False)
        self.again = nn.Conv2d(28, 28, 3, padding=1)
        self.norm = nn.BatchNorm2d(28)
        self.last = nn.Conv2d(28, 7, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.between(self.each(torch.relu(self.hidden(image))))
        x = self.norm(torch.relu(self.again(x) + x))
        result: torch.Tensor = self.last(x * 2)
        return result


def checked(
    module: nn.Module, inputs: Inputs, folder: Path
) -> tuple[analyzer.Report, analyzer.Report]:
    """Return what the file was and is, which is held to a run."""
    source = export(module, inputs, folder / "source.onnx", **EXPORTERS["older folding"])
    target = folder / "rewritten.onnx"
    rewrite(source, target, {})
    model = onnx.load(target)
    assert any(node.domain == BLOCKED for node in model.graph.node)
    all_are_counted(model)
    feeds = feeds_of(model, [tensor.numpy() for tensor in inputs])
    shapes = ran(model, feeds)
    assert not wrong_shapes(model, feeds, shapes)
    specs: Any = specs_for(feeds)
    report = analyzer.analyze(str(target), specs)
    assert report.coverage.complete
    assert report.totals.macs == macs(model, shapes)
    return analyzer.analyze(str(source), specs), report


def learnable(report: analyzer.Report) -> list[int]:
    """Return how many elements each weight has."""
    return sorted(one.elements for one in report.model.parameters if one.kind is Kind.LEARNABLE)


def test_whole_blocks_are_counted_as_the_model(tmp_path: Path) -> None:
    inputs = (torch.rand(2, 3, 20, 20),)
    before, report = checked(Whole().eval(), inputs, tmp_path)
    found = {node.op_type for node in onnx.load(tmp_path / "rewritten.onnx").graph.node
             if node.domain == BLOCKED}  # fmt: skip
    assert {f"{BLOCKED}::{name}" for name in found | {"GlobalMaxPool"}} == set(TABLE)
    assert not report.notes
    assert report.totals.macs == before.totals.macs
    assert report.totals.flops == before.totals.flops
    assert learnable(report) == learnable(before)


def test_what_fills_up_blocks_is_work_and_no_weight(tmp_path: Path) -> None:
    before, report = checked(Filled(biased=True).eval(), (torch.rand(2, 3, 20, 20),), tmp_path)
    assert (report.totals.macs or 0) > (before.totals.macs or 0)
    assert not report.notes
    assert learnable(report) == learnable(before)


def test_channels_that_nothing_tells_are_counted_as_stored(tmp_path: Path) -> None:
    module = Filled(biased=False).eval()
    _, report = checked(module, (torch.rand(2, 3, 20, 20),), tmp_path)
    (note,) = report.notes
    assert note.startswith("channels are kept in blocks that zeros fill up")
    # Of 20 channels, and from them.
    unknown = [module.hidden.weight, module.each.weight, module.between.weight]
    assert note.count("Conv node") == len(unknown)
    found = learnable(report)
    for weight in module.parameters():
        if all(weight is not one for one in unknown):
            found.remove(weight.numel())
    assert len(found) == len(unknown)
    assert sum(found) > sum(weight.numel() for weight in unknown)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["googlenet", "mobilenet_v3_small", "resnet18", "squeezenet1_1",
                                  "shufflenet_v2_x0_5", "test_convnext"])  # fmt: skip
def test_networks(name: str, tmp_path: Path) -> None:
    before, report = checked(*make(name), tmp_path)
    more = (report.totals.macs or 0) - (before.totals.macs or 0)
    if report.notes:  # blocks of 16 that channels do not fill, and nothing tells how many they are
        assert more > 0
        assert sum(learnable(report)) > sum(learnable(before))
    else:
        assert more >= 0
        assert learnable(report) == learnable(before)
