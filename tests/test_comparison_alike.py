"""Models that look alike, with as many parameters and MACs, and layers among many of the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

import analyzer
from analyzer.comparing.comparison import Comparison, compare_reports


class Net(nn.Module):
    """Layers ``a`` and ``b``, and whatever is done with them."""

    def __init__(
        self, forward: Callable[[nn.Module, nn.Module, torch.Tensor], torch.Tensor]
    ) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
        self.done = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.done(self.a, self.b, x)


def compared(a: nn.Module, b: nn.Module, inputs: str = "3x8") -> Comparison:
    one, other = (analyzer.analyze(model.eval(), inputs) for model in (a, b))
    found = compare_reports(one, other)
    back = compare_reports(other, one)
    assert not found.remainder
    assert found.verdict == back.verdict
    assert {each.reason for each in found.differences} == {each.reason for each in back.differences}
    return found


def reasons(found: Comparison) -> list[str]:
    return [each.reason for each in found.differences]


NORM_FIRST = partial(nn.TransformerEncoderLayer, 8, 2, 16, batch_first=True)

REWIRED = {
    "one after the other or side by side": (
        Net(lambda a, b, x: a(x) + b(x)),
        Net(lambda a, b, x: (y := a(x)) + b(y)),
        "3x8",
    ),
    "a skip that begins elsewhere": (
        Net(lambda a, b, x: b(torch.relu(a(x)) + x)),
        Net(lambda a, b, x: b(torch.relu(a(x) + x))),
        "3x8",
    ),
    "norm before or after": (NORM_FIRST(norm_first=True), NORM_FIRST(norm_first=False), "1x5x8"),
    "activation before or after the norm": (
        nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.LayerNorm(8)),
        nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.ReLU()),
        "3x8",
    ),
    "two convolutions in another order": (
        nn.Sequential(nn.Conv1d(8, 8, 3, padding=1), nn.Conv1d(8, 8, 5, padding=2)),
        nn.Sequential(nn.Conv1d(8, 8, 5, padding=2), nn.Conv1d(8, 8, 3, padding=1)),
        "1x8x9",
    ),
}


@pytest.mark.parametrize("name", REWIRED)
def test_the_same_layers_that_read_each_other_in_another_way_are_not_identical(name: str) -> None:
    a, b, inputs = REWIRED[name]
    found = compared(a, b, inputs)
    assert found.verdict == "equivalent"
    assert reasons(found) == ["connected in another way"]


@pytest.mark.parametrize("name", REWIRED)
def test_each_is_identical_to_itself(name: str) -> None:
    for model in REWIRED[name][:2]:
        assert compared(model, model, REWIRED[name][2]).verdict == "identical"


def test_branches_in_another_order_are_connected_in_the_same_way() -> None:
    one = Net(lambda a, b, x: torch.relu(a(x)) + b(x))
    other = Net(lambda a, b, x: torch.add(b(x), torch.relu(a(x))))
    assert compared(one, other).verdict == "identical"


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (
            Net(lambda a, b, x: a(x) + b(x)),
            Net(lambda a, b, x: a(x) * b(x)),
            "arithmetic: add or multiply",
        ),
        (
            Net(lambda a, b, x: torch.maximum(a(x), b(x))),
            Net(lambda a, b, x: torch.minimum(a(x), b(x))),
            "arithmetic: maximum or minimum",
        ),
        (
            Net(lambda a, b, x: b(torch.sigmoid(a(x)))),
            Net(lambda a, b, x: b(nn.functional.silu(a(x)))),
            "activation or its approximation: sigmoid or silu",
        ),
        (
            Net(lambda a, b, x: torch.softmax(b(a(x)), 0)),
            Net(lambda a, b, x: torch.softmax(b(a(x)), 1)),
            "another axis of Softmax",
        ),
    ],
)
def test_what_costs_as_much_has_its_own_reason(
    one: nn.Module, other: nn.Module, reason: str
) -> None:
    found = compared(one, other)
    assert found.verdict == "equivalent"
    assert reasons(found) == [reason]


def test_a_kernel_that_lies_otherwise_is_another_kernel() -> None:
    one = nn.Conv2d(8, 8, (1, 3), padding=(0, 1))
    other = nn.Conv2d(8, 8, (3, 1), padding=(1, 0))
    assert reasons(compared(one, other, "1x8x6x6")) == ["another kernel of Convolution"]


def test_more_heads_make_more_scores() -> None:
    def attended(heads: int, x: torch.Tensor) -> torch.Tensor:
        q = x.reshape(1, 5, heads, 8 // heads).transpose(1, 2)
        scores = torch.softmax(q @ q.transpose(2, 3), -1)
        return (scores @ q).transpose(1, 2).reshape(1, 5, 8)

    one, other = (
        Net(lambda a, b, x, heads=heads: b(attended(heads, a(x))))  # type: ignore[misc]
        for heads in (2, 4)
    )
    found = compared(one, other, "1x5x8")
    assert reasons(found) == ["number of heads"]
    # A softmax over n is 5·n − 2: 2 or 4 heads, 5 queries, over 5 keys.
    assert found.differences[0].amount.flops == -(4 - 2) * 5 * (5 * 5 - 2)


@pytest.mark.parametrize("at", [3, 50, 97])
def test_one_layer_more_among_equal_ones_is_found_where_it_is(at: int) -> None:
    def chain(*, more: bool) -> nn.Sequential:
        layers: list[nn.Module] = []
        for each in range(100):
            layers += [nn.Linear(8, 8), nn.ReLU()]
            layers += [nn.Linear(8, 8)] if more and each == at else []
        layers.insert(2 * at, nn.Identity())  # nothing is named by its number
        return nn.Sequential(*layers)

    (found,) = compared(chain(more=False), chain(more=True)).differences
    assert found.amount.parameters == -(8 * 8 + 8)
    # The one that is more, or the next one, which it comes directly before.
    assert found.layers_b in ((str(2 * at + 3),), (str(2 * at + 4),))


class Early(nn.Module):
    """A residual block as Keras has it: the short cut first, strided where it begins."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        self.short = None
        if (stride, channels) != (1, out):
            self.short = nn.Sequential(nn.Conv2d(channels, out, 1, stride), nn.BatchNorm2d(out))
        self.ways = self.made(channels, width, stride, 1)

    @staticmethod
    def made(channels: int, width: int, first: int, second: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(channels, width, 1, first),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, second, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 4 * width, 1),
            nn.BatchNorm2d(4 * width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        short = x if self.short is None else self.short(x)
        return torch.relu(self.ways(x) + short)


class Late(Early):
    """The same as torchvision has it: the short cut last, strided in the middle."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__(channels, width, stride)
        self.ways = self.made(channels, width, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.ways(x)
        return torch.relu(out + (x if self.short is None else self.short(x)))


def residual(block: type[Early], depths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 8
    for at, depth in enumerate(depths):
        for each in range(depth):
            layers.append(block(channels, 4 << at, 2 if at and not each else 1))
            channels = 4 * (4 << at)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5))


def test_blocks_more_are_found_though_strides_and_short_cuts_stand_elsewhere() -> None:
    one, other = residual(Late, (2, 3, 3, 2)), residual(Early, (2, 3, 9, 2))
    found = compared(one, other, "1x8x32x32")
    assert reasons(found) == ["Early in one model only", "stride in another place"]
    more = found.differences[0]
    parameters = 64 * 16 + 16 + 16 * 16 * 9 + 16 + 16 * 64 + 64 + 2 * (16 + 16 + 64)
    assert more.amount.parameters == -6 * parameters
    assert len(more.layers_b) == 6
    assert not found.differences[1].amount.parameters


@pytest.mark.slow
def test_blocks_more_across_frameworks() -> None:
    import keras
    import torchvision

    one = analyzer.analyze(torchvision.models.resnet50(), "1x3x224x224")
    other = analyzer.analyze(keras.applications.ResNet101(weights=None))
    found = {each.reason: each for each in compare_reports(one, other).differences}
    block = 1024 * 256 + 256 + 256 * 256 * 9 + 256 + 256 * 1024 + 1024 + 2 * (256 + 256 + 1024)
    assert found["layers in one model only"].amount.parameters == -17 * block
    assert found["bias of Convolution present or absent"].amount.parameters == -sum(
        unit.shape[0]
        for unit in torchvision.models.resnet50().state_dict().values()
        if unit.ndim == 4
    )
    assert found["stride in another place"].amount.parameters == 0
    assert not {"width of a layer", "Convolution in one model only"} & set(found)
