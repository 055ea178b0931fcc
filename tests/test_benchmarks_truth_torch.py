"""The truth of PyTorch: products of naive loops, and of networks small enough to walk."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
import torch
import torchvision
from torch import Tensor, nn

from benchmarks.accuracy.cases import Case
from benchmarks.accuracy.judging import OURS
from benchmarks.accuracy.pytorch import FRAMEWORK
from benchmarks.accuracy.pytorch.modules import Branching, Looping
from benchmarks.truth.pytorch import count

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch's own, of what it is about to drop


def convolved(image: Tensor, layer: nn.Conv2d) -> int:
    """Walk over every output and every tap of a convolution; padding is multiplied, too."""
    _, _, rows, columns = layer(image).shape
    taps = product(range(layer.kernel_size[0]), range(layer.kernel_size[1]))
    made = 0
    for _ in product(range(layer.out_channels), range(rows), range(columns), list(taps)):
        for _ in range(layer.in_channels // layer.groups):
            made += 1
    return made


def spread(image: Tensor, layer: nn.ConvTranspose2d) -> int:
    """Walk over every input, which a transposed convolution multiplies with a whole kernel."""
    made = 0
    for _ in product(*map(range, image.shape[1:])):
        for _ in product(range(layer.out_channels // layer.groups), *map(range, layer.kernel_size)):
            made += 1
    return made


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3),
        nn.Conv2d(4, 6, (3, 2), stride=2, padding=(2, 1), groups=2),
        nn.Conv2d(4, 4, 3, dilation=2, padding="same", groups=4),
    ],
)
def test_convolution(layer: nn.Conv2d) -> None:
    image = torch.randn(1, 4, 9, 7)
    found = count(layer, image)
    assert found.macs == convolved(image, layer)
    assert found.parameters == sum(1 for weight in layer.parameters() for _ in weight.flatten())


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(4, 6, 3, bias=False),
        nn.ConvTranspose2d(4, 6, (3, 2), stride=2, padding=1, output_padding=1, groups=2),
    ],
)
def test_transposed_convolution(layer: nn.ConvTranspose2d) -> None:
    image = torch.randn(1, 4, 5, 3)
    assert count(layer, image).macs == spread(image, layer)


def test_lstm() -> None:
    made = 0
    for _step in range(5):
        for _gate in range(4):
            for _unit in range(3):
                made += 2 + 3  # the inputs, and the state of before
    assert count(nn.LSTM(2, 3), torch.randn(5, 1, 2)).macs == made


def test_bilinear() -> None:
    made = 0
    for _row, _out, _right in product(range(2), range(3), range(5)):
        for _left in range(4):
            made += 1  # left times weight
        made += 1  # their sum times right
    layer = nn.Bilinear(4, 5, 3, bias=False)
    assert count(layer, torch.randn(2, 4), torch.randn(2, 5)).macs == made


def test_steps_of_a_loop_are_run() -> None:
    made = 0
    for _step, _row, _out in product(range(3), range(2), range(16)):
        for _in in range(16):
            made += 1
    assert count(Looping(steps=3), torch.randn(2, 16)).macs == made


@pytest.mark.parametrize(("size", "between"), [(1.0, [16, 40, 16]), (0.0, [16, 16])])
def test_the_branch_that_is_taken_is_run(size: float, between: list[int]) -> None:
    made = 0
    for inputs, outputs in pairwise(between):
        for _ in product(range(2), range(inputs), range(outputs)):
            made += 1
    assert count(Branching(), torch.full((2, 16), size)).macs == made


def test_weights_that_are_shared_count_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.randn(5, 3))
            self.first = nn.Parameter(self.table.detach()[:2])

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.table.T

    assert count(Tied(), torch.randn(1, 3)).parameters == 5 * 3


def test_what_may_multiply_and_is_not_known_raises() -> None:
    layer = torchvision.ops.DeformConv2d(2, 3, 1)
    with pytest.raises(NotImplementedError, match="deform_conv2d may multiply"):
        count(layer, torch.randn(1, 2, 4, 4), torch.randn(1, 2, 4, 4))


def quick_cases() -> list[Case]:
    return [case for case in FRAMEWORK.cases if case.quick]


@pytest.mark.parametrize("case", quick_cases(), ids=lambda case: case.name)
def test_ours_is_the_truth(case: Case) -> None:
    truth = FRAMEWORK.truth(case.build())
    found = FRAMEWORK.tools[OURS](case.build())
    assert not found.failed
    assert (found.macs, found.parameters) == (truth.macs, truth.parameters)
