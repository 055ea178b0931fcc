"""Attention in all its forms, against PyTorch's own counter over the kernel that spells it out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import analyzer
from analyzer import ops

ATTENTION = "aten.scaled_dot_product_attention"
X, Y = (2, 5, 16), (2, 7, 16)
QUERY, KEY = (2, 8, 6, 16), (2, 8, 9, 16)


class Called(nn.Module):
    """A module, called in a way of its own."""

    def __init__(self, module: nn.Module, call: Callable[..., Any]) -> None:
        super().__init__()
        self.module = module
        self.call = call

    def forward(self, *tensors: Tensor) -> Any:
        return self.call(self.module, *tensors)


def counted(module: nn.Module, shapes: tuple[tuple[int, ...], ...]) -> int:
    """Let PyTorch count the MACs on ``meta``, without the paths that hide the products."""
    module = copy.deepcopy(module).to("meta").eval()
    counter = FlopCounterMode(display=False)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            module(*(torch.empty(shape, device="meta") for shape in shapes))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(counter.get_total_flops()) // 2


def multihead(**how: Any) -> nn.Module:
    return nn.MultiheadAttention(16, 4, batch_first=True, **how)


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=True)


def decoder() -> nn.Module:
    return nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 32, batch_first=True), 2)


def itself(module: nn.Module, *tensors: Tensor) -> Any:
    return module(*tensors)


def padded(module: nn.Module, x: Tensor, mask: Tensor) -> Any:
    return module(x, src_key_padding_mask=mask[..., 0] > 0)


def causal(module: nn.Module, x: Tensor) -> Any:
    mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], device=x.device)
    return module(x, mask=mask, is_causal=True)


def far(query: Tensor, reach: int) -> Tensor:
    at = torch.arange(query.shape[-2], device=query.device)
    return (at[:, None] - at).abs() < reach


MODULES: dict[str, tuple[Callable[[], nn.Module], Callable[..., Any], tuple[tuple[int, ...], ...]]]
MODULES = {
    "decoder": (decoder, itself, (X, Y)),
    "encoder": (encoder, itself, (X,)),
    "encoder, causal": (encoder, causal, (X,)),
    "encoder, padded": (encoder, padded, (X, (2, 5, 1))),
    "heads": (multihead, lambda m, x: m(x, x, x), (X,)),
    "heads across": (multihead, lambda m, x, y: m(x, y, y), (X, Y)),
    "heads with more keys": (
        lambda: multihead(add_bias_kv=True, add_zero_attn=True),
        lambda m, x, y: m(x, y, y),
        (X, Y),
    ),
    "heads with other widths": (
        lambda: multihead(kdim=8, vdim=6, bias=False),
        lambda m, x, k, v: m(x, k, v),
        (X, (2, 7, 8), (2, 7, 6)),
    ),
    "heads without weights": (multihead, lambda m, x: m(x, x, x, need_weights=False), (X,)),
    "transformer": (
        lambda: nn.Transformer(16, 4, 2, 2, 32, batch_first=True),
        itself,
        (X, Y),
    ),
}


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")
@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str) -> None:
    make, call, shapes = MODULES[name]
    module = Called(make(), call).eval()
    report = analyzer.analyze(module, list(shapes))
    assert report.coverage.complete
    assert report.totals.macs == counted(module, shapes)
    assert not any("real numbers" in note for note in report.notes)


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "across": (F.scaled_dot_product_attention, (QUERY, KEY, (2, 8, 9, 12))),
    "causal": (lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True), (QUERY,)),
    "grouped": (
        lambda q, k: F.scaled_dot_product_attention(q, k, k, enable_gqa=True),
        (QUERY, (2, 2, 9, 16)),
    ),
    "of three axes": (F.scaled_dot_product_attention, (X, Y, Y)),
    "sliding": (
        lambda q: F.scaled_dot_product_attention(q, q, q, attn_mask=far(q, 3)),
        (QUERY,),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    function, shapes = FUNCTIONS[name]
    module = Called(nn.Identity(), lambda _, *tensors: function(*tensors))
    report = analyzer.analyze(module, list(shapes))
    assert report.coverage.complete
    assert report.totals.macs == counted(module, shapes)
    kinds = [type(node.operation) for node in report.model.nodes or () if node.native == ATTENTION]
    assert kinds == [ops.Attention]


def test_a_window_counts_as_what_is_computed() -> None:
    """A mask leaves the square whole; blocks that are cut out of it are smaller squares."""

    def blocks(_: nn.Module, query: Tensor) -> Tensor:
        cut = query.reshape(2, 8, 3, 4, 16)
        return F.scaled_dot_product_attention(cut, cut, cut).flatten(2, 3)

    report = analyzer.analyze(Called(nn.Identity(), blocks), (2, 8, 12, 16))
    assert report.totals.macs == (2 * 8 * 3) * 4 * 4 * (16 + 16)


def test_every_device_is_the_same() -> None:
    """A model that makes a mask where its weights are."""

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project = nn.Linear(16, 16)

        def forward(self, query: Tensor) -> Tensor:
            query = self.project(query)
            assert query.device.type == self.project.weight.device.type
            mask = far(query, 3).to(self.project.weight.device)
            assert mask.device == query.device
            return F.scaled_dot_product_attention(query, query, query, attn_mask=mask)

    reports = [analyzer.analyze(Masked(), QUERY)]
    for somewhere in (FakeTensorMode(), torch.device("meta")):
        with somewhere:
            model = Masked()
        reports.append(analyzer.analyze(model, QUERY))
    assert len({report.totals.macs for report in reports}) == 1
    assert len({report.totals.memory for report in reports}) == 1
