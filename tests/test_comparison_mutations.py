"""One thing is changed in a random network: compare names that thing, and nothing else.

The reasons add up to the whole difference, so where there is one it has the exact amount.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import analyzer
from analyzer.comparing.causes import (
    DTYPE,
    INPUT_SIZE,
    PADDING,
    POSITIONS,
    STRIDE,
    VOCABULARY,
    WIDTH,
)
from analyzer.comparing.comparison import Comparison
from analyzer.comparing.head import HEAD
from analyzer.comparing.reasons import FOLDED_NORM, TYING

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(1, channels),
    "none": lambda channels: nn.Identity(),
}
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "gelu": nn.GELU, "leaky relu": nn.LeakyReLU, "relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh,
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    filters: int
    kernel: int
    norm: str
    activation: str
    bias: bool
    stride: int = 1
    padded: bool = True

    def layers(self, channels: int) -> list[nn.Module]:
        padding = self.kernel // 2 if self.padded else 0
        convolution = nn.Conv2d(
            channels, self.filters, self.kernel, self.stride, padding, bias=self.bias
        )
        return [convolution, NORMS[self.norm](self.filters), ACTIVATIONS[self.activation]()]


@dataclass(frozen=True)
class Net:
    blocks: tuple[Block, ...]
    classes: int
    size: int = 24
    pool: type[nn.Module] = nn.MaxPool2d
    probabilities: bool = False

    def module(self) -> nn.Module:
        layers: list[nn.Module] = []
        channels = 3
        for block in self.blocks:
            layers += block.layers(channels)
            channels = block.filters
        layers += [self.pool(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        layers += [nn.Linear(channels, self.classes)]
        return nn.Sequential(*layers, *([nn.Softmax(-1)] if self.probabilities else []))

    def report(self, dtype: torch.dtype = torch.float32) -> analyzer.Report:
        image = torch.zeros(1, 3, self.size, self.size, dtype=dtype)
        return analyzer.analyze(self.module().to(dtype), image)


@dataclass(frozen=True)
class Case:
    net: Net
    at: int

    @property
    def block(self) -> Block:
        return self.net.blocks[self.at]

    def changed(self, **changes: object) -> Net:
        blocks = list(self.net.blocks)
        blocks[self.at] = replace(self.block, **changes)  # type: ignore[arg-type]
        return replace(self.net, blocks=tuple(blocks))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    block = st.builds(
        Block,
        filters=st.sampled_from([4, 6, 8, 10]),
        kernel=st.sampled_from([1, 3]),
        norm=st.sampled_from(sorted(NORMS)),
        activation=st.sampled_from(sorted(ACTIVATIONS)),
        bias=st.booleans(),
    )
    blocks = draw(st.lists(block, min_size=1, max_size=4))
    net = Net(tuple(blocks), classes=draw(st.integers(2, 9)))
    return Case(net, draw(st.integers(0, len(blocks) - 1)))


def reasons(a: analyzer.Report, b: analyzer.Report) -> list[str]:
    return [one.reason for one in checked(analyzer.compare(a, b)).differences]


def checked(found: Comparison) -> Comparison:
    assert not found.remainder
    return found


def either(one: str, other: str) -> str:
    return f"activation or its approximation: {' or '.join(sorted((one, other)))}"


@settings(max_examples=4, deadline=None)
@given(cases())
def test_a_bias(case: Case) -> None:
    a, b = case.changed(bias=True), case.changed(bias=False)
    (one,) = checked(analyzer.compare(a.report(), b.report())).differences
    assert one.reason == "bias of Convolution present or absent"
    assert one.amount.parameters == case.block.filters
    assert one.amount.flops == case.block.filters * case.net.size**2
    assert (one.amount.macs, one.amount.stored_bytes) == (0, 4 * case.block.filters)


@settings(max_examples=4, deadline=None)
@given(cases(), st.sampled_from(sorted(ACTIVATIONS)))
def test_an_activation(case: Case, other: str) -> None:
    found = reasons(case.net.report(), case.changed(activation=other).report())
    same = other == case.block.activation
    assert found == ([] if same else [either(case.block.activation, other)])


@settings(max_examples=4, deadline=None)
@given(cases())
def test_a_batch_norm_that_is_folded(case: Case) -> None:
    whole, folded = case.changed(bias=False, norm="batch"), case.changed(bias=True, norm="none")
    assert reasons(whole.report(), folded.report()) == [FOLDED_NORM]
    assert reasons(folded.report(), whole.report()) == [FOLDED_NORM]


@settings(max_examples=4, deadline=None)
@given(cases())
def test_another_normalization(case: Case) -> None:
    a, b = case.changed(norm="batch"), case.changed(norm="group")
    other = "normalization: BatchNormalization or GroupNormalization"
    # What training would update is no part of inference, and has reasons of its own.
    stored = {"batch norm statistics", "batch counter that no operation reads"}
    assert set(reasons(a.report(), b.report())) == {other} | stored


@settings(max_examples=4, deadline=None)
@given(cases(), st.integers(10, 20))
def test_a_head(case: Case, classes: int) -> None:
    found = checked(
        analyzer.compare(case.net.report(), replace(case.net, classes=classes).report())
    )
    (one,) = found.differences
    features, more = case.net.blocks[-1].filters, case.net.classes - classes
    assert one.reason == HEAD
    assert (one.amount.parameters, one.amount.macs) == (more * (features + 1), more * features)


@settings(max_examples=3, deadline=None)
@given(cases())
def test_probabilities_or_logits(case: Case) -> None:
    (one,) = checked(
        analyzer.compare(case.net.report(), replace(case.net, probabilities=True).report())
    ).differences
    assert one.reason == "Softmax in one model only"
    assert one.amount.flops == -(5 * case.net.classes - 2)


@settings(max_examples=4, deadline=None)
@given(cases())
def test_an_input_of_another_size(case: Case) -> None:
    assert reasons(case.net.report(), replace(case.net, size=32).report()) == [INPUT_SIZE]


@settings(max_examples=4, deadline=None)
@given(cases())
def test_padding(case: Case) -> None:
    a = replace(case, net=case.changed(kernel=3))
    assert reasons(a.net.report(), a.changed(padded=False).report()) == [PADDING]


@settings(max_examples=4, deadline=None)
@given(cases())
def test_a_stride(case: Case) -> None:
    assert reasons(case.net.report(), case.changed(stride=2).report()) == [STRIDE]


@settings(max_examples=4, deadline=None)
@given(cases())
def test_the_width_of_a_layer(case: Case) -> None:
    assert reasons(case.net.report(), case.changed(filters=12).report()) == [WIDTH]


@settings(max_examples=4, deadline=None)
@given(cases())
def test_the_reach_of_a_kernel(case: Case) -> None:
    found = reasons(case.net.report(), case.changed(kernel=5).report())
    assert found == ["another kernel of Convolution"]


@settings(max_examples=3, deadline=None)
@given(cases())
def test_another_pooling(case: Case) -> None:
    found = reasons(case.net.report(), replace(case.net, pool=nn.AvgPool2d).report())
    assert found == ["pooling: AveragePooling or MaxPooling"]


@settings(max_examples=4, deadline=None)
@given(cases(), st.sampled_from([torch.float16, torch.bfloat16, torch.float64]))
def test_a_dtype(case: Case, dtype: torch.dtype) -> None:
    whole = replace(case.net, blocks=tuple(replace(b, norm="none") for b in case.net.blocks))
    assert reasons(whole.report(), whole.report(dtype)) == [DTYPE]


@settings(max_examples=4, deadline=None)
@given(cases(), st.data())
def test_a_block_that_is_taken_out(case: Case, data: st.DataObject) -> None:
    """What is left over is the block, and nothing on the other side."""
    block = replace(case.block, filters=3, kernel=3)
    at = data.draw(st.integers(0, len(case.net.blocks)))
    more = replace(case.net, blocks=(*case.net.blocks[:at], block, *case.net.blocks[at:]))
    found = checked(analyzer.compare(more.report(), case.net.report()))
    if at == 0:
        assert found.only_b == 0
        assert all(one.amount.macs >= 0 for one in found.differences)


class Words(nn.Module):
    """A model of words with places, attention and the same table at both ends, or two tables."""

    def __init__(
        self, words: int = 20, places: int = 9, *, tied: bool = True, fused: bool = True
    ) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, 8), nn.Embedding(places, 8)
        self.project, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.head = nn.Linear(8, words, bias=False)
        self.fused = fused
        if tied:
            self.head.weight = self.words.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.words(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        queries, keys, values = self.project(x).unflatten(-1, (3, 2, 4)).transpose(1, 3).unbind(2)
        if self.fused:
            mixed = functional.scaled_dot_product_attention(queries, keys, values)
        else:
            mixed = (queries @ keys.transpose(-1, -2) / 2).softmax(-1) @ values
        found: torch.Tensor = self.head(self.out(mixed.transpose(1, 2).flatten(2)))
        return found


def words(**changes: object) -> analyzer.Report:
    return analyzer.analyze(Words(**changes), torch.zeros(2, 7, dtype=torch.int64))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tied": False}, TYING),
        ({"fused": False}, "Attention whole or spelled out"),
        ({"places": 12}, POSITIONS),
    ],
)
def test_a_model_of_words(changes: dict[str, object], reason: str) -> None:
    assert reasons(words(), words(**changes)) == [reason]


def test_a_vocabulary() -> None:
    """More words are more rows of the table, and more classes."""
    assert sorted(reasons(words(tied=False), words(tied=False, words=25))) == [HEAD, VOCABULARY]


CELLS: dict[str, Any] = {"GRU": nn.GRU, "LSTM": nn.LSTM, "simple RNN": nn.RNN}


@settings(max_examples=4, deadline=None)
@given(
    kind=st.sampled_from(sorted(CELLS)),
    other=st.sampled_from(sorted(CELLS)),
    layers=st.integers(1, 3),
    both=st.booleans(),
)
def test_recurrent_cells(kind: str, other: str, layers: int, both: bool) -> None:
    def report(cell: str, layers: int) -> analyzer.Report:
        made = CELLS[cell](4, 5, layers, bidirectional=both)
        return analyzer.analyze(made, torch.zeros(6, 1, 4))

    found = reasons(report(kind, layers), report(other, layers))
    assert found == (
        [] if kind == other else [f"recurrent cell: {' or '.join(sorted((kind, other)))}"]
    )
    assert reasons(report(kind, layers + 1), report(kind, layers)) == [f"{kind} in one model only"]
