"""Bytes that operations read and write, held to the sizes of real tensors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import analyzer
from analyzer import Explanation


def explained(model: nn.Module, *inputs: Tensor) -> Explanation:
    specs = tuple(
        analyzer.InputSpec(shape=tuple(one.shape), dtype=str(one.dtype).removeprefix("torch."))
        for one in inputs
    )
    return analyzer.analyze(model, specs).explain()


def moved(explanation: Explanation) -> dict[str, tuple[int, int]]:
    """Return bytes read and written by each operation."""
    return {
        step.kind: (
            step.every_run(step.traffic.read).value,
            step.every_run(step.traffic.written).value,
        )
        for step in explanation.steps
    }


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (nn.Conv2d(3, 8, 3, padding=1), torch.zeros(2, 3, 9, 9)),
        (nn.Linear(16, 4, dtype=torch.bfloat16), torch.zeros(5, 16, dtype=torch.bfloat16)),
        (nn.LayerNorm(12), torch.zeros(3, 12)),
        (nn.MaxPool2d(2), torch.zeros(1, 4, 8, 8)),
    ],
)
def test_operands_are_read_once_and_results_written_once(model: nn.Module, x: Tensor) -> None:
    stored = sum(parameter.nbytes for parameter in model.parameters())
    (read, written) = next(iter(moved(explained(model, x)).values()))
    assert (read, written) == (stored + x.nbytes, model(x).nbytes)


def test_an_embedding_reads_the_rows_that_it_looks_up() -> None:
    table, tokens = nn.Embedding(1000, 16), torch.zeros(2, 7, dtype=torch.int64)
    rows = table(tokens)
    assert moved(explained(table, tokens)) == {
        "Embedding": (rows.nbytes + tokens.nbytes, rows.nbytes)
    }


class Function(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        squared = x * x  # one tensor, read once
        wide = torch.cat([squared, squared.t().contiguous()])
        return wide[:3].half() + torch.ones_like(x)[:3]


def test_views_are_free_and_copies_read_what_they_write() -> None:
    found = moved(explained(Function(), torch.zeros(6, 6)))
    each = 6 * 6 * 4
    assert found["multiply"] == (each, each)
    assert found["t"] == (0, 0)
    assert found["contiguous"] == (each, each)
    assert found["cat"] == (2 * each, 2 * each)
    assert found["slice"] == (0, 0)
    assert found["cast"] == (3 * 6 * 4, 3 * 6 * 2)
    assert found["ones_like"] == (0, each)


def test_queries_keys_and_values_of_one_storage_are_all_read() -> None:
    class Attention(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            q, k, v = x.view(1, 2, 5, 3, 8).unbind(-2)
            return nn.functional.scaled_dot_product_attention(q, k, v)

    x = torch.zeros(1, 2, 5, 24)
    read, written = moved(explained(Attention(), x))["Attention"]
    assert (read, written) == (x.nbytes, x.nbytes // 3)


def test_intensity_is_exact() -> None:
    (step,) = explained(nn.Linear(4, 2, bias=False), torch.zeros(3, 4)).steps
    flops, bytes_moved = 2 * 3 * 4 * 2, (4 * 2 + 3 * 4 + 3 * 2) * 4
    assert step.to_dict()["arithmetic_intensity"] == f"{flops // 8}/{bytes_moved // 8}"
    assert step.traffic.intensity(flops) == pytest.approx(flops / bytes_moved)
