"""That a call like one before gives what PyTorch would have given again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import analyzer

CALLS: dict[str, Callable[[Tensor], Tensor]] = {
    "an integer": lambda x: x + 1,
    "a float": lambda x: x + 1.0,
    "a truth": lambda x: x + True,
    "in place": lambda x: x.clone().mul_(2),
    "other strides": lambda x: x.t().clone().add_(1),
    "shape changed in place": lambda x: x.clone().unsqueeze_(0),
    "a view": lambda x: x.reshape(-1),
    "several results": lambda x: x.sort(-1)[1],
}


class Twice(nn.Module):
    """Makes the same calls again, after all others."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [call(x) for call in (*CALLS.values(), *CALLS.values())]


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.bool])
def test_results_are_those_of_a_run(dtype: torch.dtype) -> None:
    x = torch.ones(4, 6, dtype=dtype)
    if dtype is torch.bool:
        x = x.to(torch.int8)
    found = analyzer.analyze(Twice(), (x,)).model.outputs
    expected = Twice()(x)
    assert [(one.shape, one.dtype) for one in found] == [
        (tuple(one.shape), str(one.dtype).removeprefix("torch.")) for one in expected
    ]


def test_memory_is_taken_again() -> None:
    layers = [nn.TransformerEncoderLayer(32, 4, 64, batch_first=True) for _ in range(3)]
    model = nn.Sequential(*layers).eval()
    steps = analyzer.analyze(model, (2, 8, 32)).model.allocations
    assert steps is not None
    each = [[step.bytes for step in steps if step.layer.startswith(f"{at}")] for at in range(3)]
    assert each[1]
    assert each[1] == each[2]
    assert sorted(each[0]) == sorted(each[1])
