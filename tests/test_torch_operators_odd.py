"""Odd uses of operators: stretched axes, no elements, training; held to PyTorch's own run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed._tools.mem_tracker import MemTracker
from torch.nn import functional as F

import analyzer
from analyzer import Report, ops
from tests.torch_truth import check_against_torch


class Function(nn.Module):
    """A module that is one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Any:
        return self.function(*tensors)


def held(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Report:
    return check_against_torch(Function(function), tuple(map(torch.zeros, shapes)))


def flops(model: nn.Module, *shapes: tuple[int, ...], mode: str = "inference") -> int:
    report = analyzer.analyze(model, list(shapes), mode=mode)
    assert report.coverage.complete
    assert report.totals.flops is not None
    return report.totals.flops


# ------------------------------------------------------------- axes of one element, or of none

ATTENTION = {
    "a head of queries": ((2, 1, 5, 8), (2, 4, 7, 8), (2, 4, 7, 8)),
    "a head of keys": ((2, 4, 5, 8), (2, 1, 7, 8), (2, 1, 7, 8)),
    "one batch of queries": ((1, 4, 5, 8), (2, 4, 7, 8), (2, 4, 7, 8)),
    "queries without heads": ((5, 8), (2, 4, 7, 8), (2, 4, 7, 8)),
    "keys without heads": ((2, 4, 5, 8), (7, 8), (7, 8)),
    "two batches": ((3, 2, 4, 5, 8), (3, 1, 4, 7, 8), (3, 1, 4, 7, 8)),
    "no queries": ((2, 4, 0, 8), (2, 4, 7, 8), (2, 4, 7, 8)),
}


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_stretches_axes(name: str) -> None:
    held(F.scaled_dot_product_attention, *ATTENTION[name])


def test_scores_that_the_mask_alone_stretches_are_not_settled() -> None:
    shapes = [(1, 4, 5, 8), (1, 4, 7, 8), (1, 4, 7, 8), (2, 1, 5, 7)]
    report = analyzer.analyze(Function(F.scaled_dot_product_attention), shapes)
    assert report.model.outputs[0].shape == (2, 4, 5, 8)
    assert [one.operation for one in report.coverage.unknown] == [
        "aten.scaled_dot_product_attention"
    ]


@pytest.mark.parametrize("mask", [(5, 7), (2, 1, 5, 7), (4, 5, 7)])
def test_memory_of_masked_attention(mask: tuple[int, ...]) -> None:
    given = [torch.zeros(2, 4, 5, 8), torch.zeros(2, 4, 7, 8), torch.zeros(2, 4, 7, 8)]
    given.append(torch.zeros(mask))
    same_memory(Function(F.scaled_dot_product_attention), *given)


def same_memory(model: nn.Module, *given: Tensor) -> None:
    tracker = MemTracker()
    tracker.track_external(model, *given)
    with torch.no_grad(), tracker:
        model(*given)
    (peak,) = tracker.get_tracker_snapshot("peak").values()
    taken = sum(size for kind, size in peak.items() if "ACT" in str(kind))
    report = analyzer.analyze(model, list(given))
    assert report.totals.memory.eager_peak_activation_bytes == taken


GROUPED: dict[str, tuple[tuple[int, ...], tuple[int, ...], list[int] | None]] = {
    "rows": ((12, 16), (3, 16, 8), [3, 5, 12]),
    "columns": ((3, 12, 16), (16, 8), [2, 5, 7]),
    "terms": ((12, 24), (24, 8), [8, 16, 24]),
    "batches": ((3, 12, 16), (3, 16, 8), None),
}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("columns", [7, 8])
@pytest.mark.parametrize("name", GROUPED)
def test_memory_of_grouped_products(name: str, columns: int, dtype: torch.dtype) -> None:
    one, other, ends = GROUPED[name]
    offs = None if ends is None else torch.tensor(ends, dtype=torch.int32)
    left, right = torch.zeros(one, dtype=dtype), torch.zeros(other, dtype=dtype)
    turned = right[..., :columns].mT.contiguous()  # whose columns need not fill 16 bytes
    same_memory(Function(lambda x, w: torch._grouped_mm(x, w.mT, offs).clone()), left, turned)


@pytest.mark.parametrize(
    ("one", "other"), [((12, 16), (3, 8, 16)), ((12, 16), (2, 16, 8)), ((12, 14), (3, 14, 8))]
)
def test_grouped_products_that_the_cpu_refuses(
    one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    ends = torch.tensor([3, 5, 12], dtype=torch.int32)
    model = Function(lambda x, w: torch._grouped_mm(x, w, ends))
    with pytest.raises(RuntimeError):
        model(torch.zeros(one), torch.zeros(other))
    with pytest.raises(analyzer.InputError, match="do not fit"):
        analyzer.analyze(model, [one, other])


EINSUMS: dict[str, list[tuple[tuple[int, ...], ...]]] = {
    "ij,jk->ik": [((3, 1), (5, 4)), ((3, 5), (1, 4)), ((3, 0), (0, 4)), ((3, 1), (0, 4))],
    "bij,bjk->bik": [((1, 3, 5), (6, 5, 4)), ((6, 3, 5), (1, 5, 4)), ((0, 3, 5), (1, 5, 4))],
    "...ij,...jk->...ik": [((1, 3, 5), (6, 5, 4)), ((2, 1, 3, 5), (6, 5, 4))],
    "bij,bjk,bkl->bil": [((1, 3, 5), (6, 5, 4), (6, 4, 2))],
    "bii,bij->bj": [((2, 3, 3), (2, 3, 4))],
}


@pytest.mark.parametrize(
    ("equation", "shapes"), [(equation, one) for equation, all in EINSUMS.items() for one in all]
)
def test_einsum_stretches_axes(equation: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    held(lambda *tensors: torch.einsum(equation, *tensors), *shapes)


@pytest.mark.parametrize("equation", ["ij->j", "ij->"])
def test_a_sum_of_nothing_costs_nothing(equation: str) -> None:
    assert flops(Function(lambda x: torch.einsum(equation, x)), (0, 3)) == 0


def test_convolution_of_no_channels() -> None:
    held(F.conv2d, (1, 0, 6, 6), (4, 0, 3, 3))


# ----------------------------------------------------------------------------------- quantiles


@pytest.mark.parametrize("operator", [torch.quantile, torch.nanquantile])
def test_quantiles_sort_and_read_between_two(operator: Callable[..., Tensor]) -> None:
    sort = ops.Sort(rows=3, size=8, kept=8)
    between = ops.Elementwise(function="interpolate", elements=3)
    for share in (0.5, torch.tensor(0.5)):
        report = analyzer.analyze(Function(lambda x, q=share: operator(x, q, dim=1)), (3, 8))
        (found,) = (
            node.operation
            for node in report.model.nodes or ()
            if not isinstance(node.operation, ops.Free)
        )
        assert found.parts()[0] == sort
        assert found.parts()[-1] == between
        assert report.model.outputs[0].shape == (3,)


# ------------------------------------------------------------------------------------ training


def test_dropout_in_attention_is_that_of_attention_spelled_out() -> None:
    """Where weights are asked for, PyTorch spells attention out, dropout and all."""
    shapes = [(2, 5, 8)] * 3
    by_mode = {}
    for weights in (False, True):

        class Called(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)

            def forward(self, *tensors: Tensor, weights: bool = weights) -> Tensor:
                result: Tensor = self.inner(*tensors, need_weights=weights)[0]
                return result

        trained = flops(Called(), *shapes, mode="train")
        by_mode[weights] = trained - flops(Called(), *shapes)
    assert by_mode[False] == by_mode[True] > 0


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_dropout_between_recurrent_layers(kind: Callable[..., nn.Module]) -> None:
    layers = kind(4, 6, num_layers=3, bidirectional=True, dropout=0.5)
    more = flops(layers, (5, 2, 4), mode="train") - flops(layers, (5, 2, 4))
    assert more == 2 * flops(nn.Dropout(0.5), (5, 2, 2 * 6), mode="train")


def test_statistics_that_nobody_stores_are_not_moved() -> None:
    shape = (2, 4, 3, 3)
    stored, bare = nn.BatchNorm2d(4), nn.BatchNorm2d(4, track_running_stats=False)
    moved = 2 * flops(Function(lambda old, new: torch.lerp(old, new, 0.1)), (4,), (4,))
    assert flops(stored, shape, mode="train") - flops(bare, shape, mode="train") == moved
    assert flops(bare, shape) == flops(bare, shape, mode="train")


def test_stored_statistics_of_instances_are_moved_in_training() -> None:
    """PyTorch moves them for every image, and stores the mean."""
    shape = (2, 4, 3, 3)
    stored = nn.InstanceNorm2d(4, track_running_stats=True)
    moved = flops(Function(lambda old, new: torch.lerp(old, new, 0.1).mean(0)), (2, 4), (2, 4))
    trained, plain = flops(stored, shape, mode="train"), flops(nn.InstanceNorm2d(4), shape)
    assert trained - plain == 2 * moved


def test_what_a_fused_normalization_stores_is_explained() -> None:
    layer = nn.InstanceNorm2d(4, affine=True, track_running_stats=True)
    explained = analyzer.analyze(layer, (2, 4, 3, 3), mode="train").layers[0].explain()
    why = {parameter.role: parameter.why for parameter in explained.parameters}
    roles = ops.Normalization.roles
    assert {role: why[role] for role in roles} == dict(roles)
