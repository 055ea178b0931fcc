"""What is watched: operators taken apart, loops and branches, the layers they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._decomp import decomposition_table

import analyzer
from analyzer import Report


class Function(nn.Module):
    """A module that is one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Any:
        return self.function(*tensors)


def run(function: Callable[..., Any], *inputs: Any) -> Report:
    return analyzer.analyze(Function(function), list(inputs))


def natives(report: Report) -> list[str]:
    return [node.native for node in report.model.nodes or ()]


class TestDecomposition:
    """Operators that PyTorch has a kernel for, and nobody else a name."""

    def test_parts_are_counted_under_the_name_of_the_whole(self) -> None:
        whole = run(torch.heaviside, (3, 4), (3, 4))
        parts = run(decomposition_table[torch.ops.aten.heaviside.default], (3, 4), (3, 4))
        assert whole.coverage.complete
        assert whole.totals.flops_by_category == parts.totals.flops_by_category
        assert whole.totals.flops
        assert set(natives(whole)) == {"aten.heaviside"}

    def test_in_place(self) -> None:
        def changed(x: Tensor) -> Tensor:
            y = x.clone()
            y.xlogy_(x)
            return y

        report = run(changed, (3, 4))
        assert report.coverage.complete
        assert report.totals.flops == run(lambda x: torch.xlogy(x, x), (3, 4)).totals.flops

    def test_memory_is_that_of_the_results(self) -> None:
        report = run(torch.xlogy, (3, 4), (3, 4))
        assert report.totals.memory.eager_peak_activation_bytes == 3 * 4 * 4

    def test_what_ends_in_unknown_parts_is_unknown_as_a_whole(self) -> None:
        assert torch.ops.aten.special_zeta.default in decomposition_table
        report = run(torch.special.zeta, (3, 4), (3, 4))
        assert [unknown.operation for unknown in report.coverage.unknown] == ["aten.special_zeta"]
        assert natives(report) == ["aten.special_zeta"]
