"""Explanations of what is not as simple as a layer that holds weights and runs once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import analyzer
from tests.models import odd


class Weighted(nn.Module):
    """A function of one weight and the input."""

    def __init__(self, shape: tuple[int, ...], function: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(self.weight, x)


USES: dict[str, tuple[tuple[int, ...], Callable[[Tensor, Tensor], Any], tuple[str, ...]]] = {
    "a square matrix, turned": (
        (8, 8),
        lambda weight, x: torch.matmul(x, weight.t()),
        ("output features", "input features"),
    ),
    "a stack": (
        (3, 8, 4),
        lambda weight, x: torch.bmm(x.expand(3, -1, -1), weight),
        ("stack", "input features", "output features"),
    ),
    "a stack, one by one": (
        (3, 4, 8),
        lambda weight, x: [F.linear(x, one) for one in weight],
        ("stack", "output features", "input features"),
    ),
    "a stack, turned": (
        (3, 4, 8),
        lambda weight, x: torch.bmm(x.expand(3, -1, -1), weight.transpose(1, 2)),
        ("stack", "output features", "input features"),
    ),
    "a vector": ((8,), lambda weight, x: x @ weight, ("input features",)),
    "experts": (
        (2, 16, 8),
        lambda weight, x: torch._grouped_mm(
            x,
            weight.transpose(1, 2),
            offs=torch.tensor([2, 5], dtype=torch.int32),
        ),
        ("experts", "output features", "input features"),
    ),
}


@pytest.mark.parametrize("use", USES)
def test_axes_are_named_in_the_order_in_which_they_are_stored(use: str) -> None:
    shape, function, axes = USES[use]
    model = Weighted(shape, function).bfloat16()
    (kernel,) = analyzer.analyze(model, (5, 8)).explain().parameters
    assert (kernel.role, kernel.axes) == ("kernel", axes)
    assert kernel.why
    if len(axes) != 2:  # of a matrix it is the layer that tells how many there are
        assert kernel.expression.names() == " × ".join(axes)


def test_a_matrix_that_is_read_in_parts() -> None:
    halves = Weighted((8, 8), lambda weight, x: [F.linear(x, half) for half in weight.chunk(2)])
    (kernel,) = analyzer.analyze(halves, (5, 8)).explain().parameters
    assert kernel.axes == ()
    assert kernel.expression.names() == " + ".join(["input features × output features"] * 2)


def test_what_ran_twice_says_so() -> None:
    layer = nn.Linear(8, 8)
    text = analyzer.analyze(nn.Sequential(layer, nn.ReLU(), layer), (1, 8)).explain().render()
    assert "Linear ×2" in text
    assert "ReLU ×" not in text


def test_parameters_that_another_layer_uses() -> None:
    model = nn.MultiheadAttention(8, 2)
    explanation = analyzer.analyze(model, ((1, 4, 8),) * 3).explain()
    (part,) = explanation.parts
    assert part.parameters[0].read_in == ("",)
    assert part.read_elsewhere == ("",)
    assert explanation.read_elsewhere == ()
    assert "used in the model itself, and the work stands there" in part.render()
    lines = explanation.render("markdown").splitlines()
    assert any("out_proj" in line and "used in the model itself" in line for line in lines)


def test_what_is_unknown_is_named() -> None:
    assert (
        "odd.swirl: No rule is known for this operation"
        in analyzer.analyze(odd()).explain().render()
    )
