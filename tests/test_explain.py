"""Explanations of what is not as simple as a layer that holds weights and runs once."""

from __future__ import annotations

import re
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
    factors = explanation.render("markdown").partition("## In factors")[2]
    assert "out_proj" in factors
    assert "used in the model itself, and the work stands there" in factors


def test_what_is_unknown_is_named() -> None:
    assert (
        "odd.swirl: This operation could not be counted"
        in analyzer.analyze(odd()).explain().render()
    )


@pytest.fixture(scope="module")
def trained_in_keras() -> str:
    """Return what ``explain`` says of a Keras model after training, with a part of it frozen."""
    import keras
    import numpy as np

    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((5, 8)),
            layers.Dense(8, name="frozen"),
            layers.BatchNormalization(),
            layers.Bidirectional(layers.LSTM(4)),
        ]
    )
    model.get_layer("frozen").trainable = False
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 5, 8)), np.zeros((2, 8)), verbose=0)
    summary: list[str] = []
    model.summary(print_fn=summary.append)
    text = analyzer.analyze(model).explain().render("markdown")
    kept = sum(int(np.prod(one.shape)) for one in model.optimizer.variables)
    return "\n".join([text, f"kept {kept:,}", *summary])


def test_what_keras_prints_is_found_again(trained_in_keras: str) -> None:
    """Its total is ours, the state and what the optimizer keeps; non-trainable is two things."""
    lesson, _, summary = trained_in_keras.partition("\nkept ")
    kept = int(summary.split("\n")[0].replace(",", ""))
    printed = {
        name: int(number.replace(",", ""))
        for name, number in re.findall(r"([\w-]+ params): ([\d,]+)", summary)
    }
    assert printed["Optimizer params"] == kept
    total, learnable, state = (
        int(number.replace(",", ""))
        for number in re.findall(
            r"Keras itself prints ([\d,]+) total.*: ([\d,]+) learnable and ([\d,]+) of state",
            lesson,
        )[0]
    )
    assert printed["Total params"] == total + kept
    assert total == learnable + state
    assert f"the optimizer (Adam) keeps {kept:,} numbers of its own" in lesson
    both = re.findall(r"non-trainable, ([\d,]+), is two things: ([\d,]+) of.*and ([\d,]+)", lesson)
    non_trainable, of_state, frozen = (int(number.replace(",", "")) for number in both[0])
    assert non_trainable == printed["Non-trainable params"] == of_state + frozen
    assert (of_state, frozen) == (state, 8 * 8 + 8)
    assert "A bidirectional layer has two such cells, one for each direction" in lesson
