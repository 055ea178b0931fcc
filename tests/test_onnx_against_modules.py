"""Files that PyTorch exported, held to a run of the file and to the module that it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import nn

import analyzer
from tests.onnx_models import (
    EXPORTERS,
    UNFOLDED,
    cases,
    export,
    macs_of,
    make,
    slow_cases,
)
from tests.onnx_watched import (
    Ran,
    all_are_counted,
    feeds_of,
    macs,
    ran,
    specs_for,
    without_functions,
    wrong_shapes,
)

Inputs = tuple[torch.Tensor, ...]

# What an exporter does to a model, in compare's words; a reason may say more before it.
NAMED = (
    "batch norm absent, or folded into the convolution before it",
    "batch counter that no operation reads",
    "batch norm folded into the convolution before it",
    "constants folded beforehand",
    "masks or positions in the graph",
    "numbers stored as constants",
    "position table cut to the positions that are read",
    "present or absent",
    "shapes, indices and settings stored as tensors",
    "that no operation reads",
    "weight tying",
    "whole or spelled out",
)


def recurrent(module: nn.Module) -> bool:
    return any(isinstance(part, nn.RNNBase) for part in module.modules())


def stores_other_sizes(model: onnx.ModelProto, shapes: Ran) -> bool:
    """Say whether a file tells a size of a tensor that is not the one that ran."""
    for told in model.graph.value_info:
        if told.type.tensor_type.HasField("shape"):
            sizes = [
                size.dim_value if size.HasField("dim_value") else None
                for size in told.type.tensor_type.shape.dim
            ]
            for real in shapes.get(((), told.name), ()):
                if any(size not in (None, own) for size, own in zip(sizes, real, strict=True)):
                    return True
    return False


def check(name: str, exporter: str, folder: Path) -> None:
    module, inputs = make(name)
    path = export(module, inputs, folder / f"{name}.onnx", **EXPORTERS[exporter])
    report = analyzer.analyze(str(path))
    check_run(path, inputs, report)
    check_module(name, exporter, module, inputs, report)


def check_run(path: Path, inputs: Inputs, report: analyzer.Report) -> None:
    """Hold shapes and MACs to a run of the file."""
    model = without_functions(onnx.load(path))
    all_are_counted(model)
    feeds = feeds_of(model, [tensor.numpy() for tensor in inputs])
    shapes = ran(model, feeds)
    assert not wrong_shapes(model, feeds, shapes)
    assert report.coverage.complete
    # Of an LSTM, PyTorch 2.14 stores the sizes that it was exported with, also where they are open.
    contradicted = any("contradict" in note for note in report.notes)
    assert contradicted == stores_other_sizes(model, shapes), report.notes
    assert len(report.notes) == contradicted
    assert report.totals.macs == macs(model, shapes)


def check_module(
    name: str, exporter: str, module: nn.Module, inputs: Inputs, report: analyzer.Report
) -> None:
    """Hold MACs and parameters to the module, and every difference to a name."""
    whole = analyzer.analyze(module, inputs)
    if exporter in UNFOLDED:
        assert report.totals.macs == whole.totals.macs
        if not recurrent(module):  # PyTorch's counter does not look into recurrent layers
            assert report.totals.macs == macs_of(module, inputs)
        learnable = sum(parameter.numel() for parameter in module.parameters())
        assert report.totals.parameters.total == learnable
    comparison = analyzer.compare(whole, report)
    assert not comparison.remainder
    for difference in comparison.differences:
        assert difference.reason.endswith(NAMED), difference


@pytest.mark.parametrize(("name", "exporter"), cases())
def test_quick(name: str, exporter: str, tmp_path: Path) -> None:
    check(name, exporter, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "exporter"), slow_cases())
def test_slow(name: str, exporter: str, tmp_path: Path) -> None:
    check(name, exporter, tmp_path)


DYNAMIC = {
    "classifier": {0: "batch", 2: "height", 3: "width"},
    "distilbert": {0: "batch", 1: "length"},
    "encoder": {0: "batch"},
    "tagger": {0: "batch", 1: "length"},
}
LARGER = {
    "classifier": (torch.rand(3, 3, 20, 24),),
    "distilbert": (torch.randint(0, 50, (3, 13)),),
    "encoder": (torch.rand(3, 10, 32),),
    "tagger": (torch.randint(0, 50, (3, 13)),),
}


def check_dynamic(name: str, folder: Path, *, dynamo: bool) -> None:
    module, inputs = make(name)
    axes = DYNAMIC[name]
    if dynamo:
        dynamic = tuple(dict.fromkeys(axes, torch.export.Dim.DYNAMIC) for _ in inputs)
        # The tensors of a model that takes *args are one argument.
        several = module.__class__.__name__ == "Only"
        settings: dict[str, Any] = {"dynamic_shapes": (dynamic,) if several else dynamic}
    else:
        settings = {"dynamo": False, "input_names": ["x"], "dynamic_axes": {"x": axes}}
    path = export(module, inputs, folder / f"{name}.onnx", **settings)
    larger = LARGER[name]
    model = onnx.load(path)
    specs = specs_for(feeds_of(model, [tensor.numpy() for tensor in larger]))
    report = analyzer.analyze(str(path), specs)
    check_run(path, larger, report)
    assert report.totals.macs == analyzer.analyze(module, larger).totals.macs


@pytest.mark.parametrize("name", ["distilbert", "tagger"])
def test_open_dimensions(name: str, tmp_path: Path) -> None:
    check_dynamic(name, tmp_path, dynamo=False)


@pytest.mark.slow
@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("name", DYNAMIC)
def test_open_dimensions_of_both_exporters(name: str, dynamo: bool, tmp_path: Path) -> None:
    check_dynamic(name, tmp_path, dynamo=dynamo)
