"""Loops and branches as PyTorch's exporters write them: tensors in bodies, held to each run."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import nn

import analyzer
from analyzer import Bound
from tests.onnx_watched import (
    Ran,
    feeds_of,
    macs,
    ran,
    specs_for,
    without_functions,
    wrong_shapes,
)


class Halves(nn.Module):
    """Two ways of unequal cost."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow, self.back = nn.Linear(8, 16), nn.Linear(8, 2), nn.Linear(2, 16)

    def _one(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.wide(x)
        return made

    def _two(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.back(self.narrow(x))
        return made

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        chosen: torch.Tensor = torch.cond(x.sum() > 0, self._one, self._two, (x,))
        return chosen


class Again(nn.Module):
    """The same layer as often as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, times: int) -> torch.Tensor:
        for _ in range(times):
            x = torch.relu(self.layer(x))
        return x


class Growing(nn.Module):
    """A sequence that is longer each time, as one that is generated."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, times: int) -> torch.Tensor:
        for _ in range(times):
            x = torch.cat([x, self.layer(x)[:1]])
        return x


class Nested(nn.Module):
    """A loop in a loop, and a branch that the number of the run decides."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.other = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, times: int) -> torch.Tensor:
        for at in range(times):
            for _ in range(3):
                x = torch.relu(self.layer(x))
            if at > 1:
                x = self.other(x)
        return x


def check(
    module: Any, inputs: tuple[Any, ...], folder: Path, **options: Any
) -> tuple[analyzer.Report, int, Ran]:
    """Hold the shapes of a file to a run; return the report, and the MACs that ran."""
    path = folder / "exported.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters' own
        torch.onnx.export(module, inputs, str(path), verbose=False, **options)
    model = without_functions(onnx.load(path))
    feeds = feeds_of(model, inputs)
    shapes = ran(model, feeds)
    assert not wrong_shapes(model, feeds, shapes)
    report = analyzer.analyze(str(path), specs_for(feeds))
    assert report.coverage.complete or report.coverage.bound is not Bound.EXACT
    return report, macs(model, shapes), shapes


@pytest.mark.parametrize("kind", [Again, Growing, Nested])
def test_loops(kind: type[nn.Module], tmp_path: Path) -> None:
    times = 4
    inputs = (torch.rand(2, 8), torch.tensor(times))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripts are deprecated, and files made of them are there
        script = torch.jit.script(kind().eval())
    names = ["x", "times"]
    report, real, shapes = check(script, inputs, tmp_path, dynamo=False, input_names=names)
    inside = [sizes for (place, _), sizes in shapes.items() if place]
    assert times in map(len, inside)  # the runs were seen
    assert report.coverage.bound is Bound.EXACT
    assert report.totals.macs == real
    per_row = 8 * 8
    rows = {Again: 2 * times, Growing: sum(range(2, 2 + times)), Nested: 2 * (3 * times + 2)}
    assert real == per_row * rows[kind]


@pytest.mark.slow
@pytest.mark.parametrize("sign", [1, -1])
def test_branches(sign: int, tmp_path: Path) -> None:
    x = sign * torch.rand(2, 8)
    options = {"dynamo": True, "external_data": False}
    report, real, _ = check(Halves().eval(), (x,), tmp_path, **options)
    wide, narrow = 2 * 8 * 16, 2 * (8 * 2 + 2 * 16)
    assert real == (wide if sign > 0 else narrow)
    assert report.totals.macs == max(wide, narrow)
    assert report.coverage.bound is Bound.UPPER
    assert len(report.notes) == 1
