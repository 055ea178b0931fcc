"""What is watched: operators taken apart, loops and branches, the layers they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._decomp import decomposition_table
from torch._higher_order_ops import associative_scan, scan, while_loop
from torch._higher_order_ops import map as map_over
from torch.nn import functional as F
from torch.nn.attention import flex_attention as flex
from torch.utils.checkpoint import checkpoint

import analyzer
from analyzer import Report, ops
from analyzer.engine import Bound
from analyzer_torch.mapping import TABLE


class Function(nn.Module):
    """A module that is one function, of two dense layers and the inputs."""

    def __init__(self, function: Callable[..., Any], *, layers: bool) -> None:
        super().__init__()
        self.function = function
        if layers:
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, *tensors: Tensor) -> Any:
        layers = [self.a, self.b] if hasattr(self, "a") else []
        return self.function(*layers, *tensors)


def run(function: Callable[..., Any], *inputs: Any, layers: bool = False) -> Report:
    return analyzer.analyze(Function(function, layers=layers), list(inputs))


def dense(function: Callable[..., Any], *inputs: Any) -> Report:
    """Analyse a function of two dense layers of four features, and of inputs."""
    return run(function, *inputs, layers=True)


def same_work(one: Report, other: Report) -> None:
    assert one.coverage.complete
    assert other.coverage.complete
    assert one.totals.macs == other.totals.macs
    assert one.totals.flops_by_category == other.totals.flops_by_category


def natives(report: Report) -> list[str]:
    return [node.native for node in report.model.nodes or ()]


class TestDecomposition:
    """Operators that PyTorch has a kernel for, and the table no name."""

    @pytest.fixture(autouse=True)
    def _without_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("heaviside", "special_zeta", "xlogy"):
            monkeypatch.delitem(TABLE, name, raising=False)

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

    def test_what_ends_in_unknown_parts_is_unknown_as_a_whole(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(TABLE, "prims.zeta", raising=False)
        assert torch.ops.aten.special_zeta.default in decomposition_table
        report = run(torch.special.zeta, (3, 4), (3, 4))
        assert [unknown.operation for unknown in report.coverage.unknown] == ["aten.special_zeta"]
        assert natives(report) == ["aten.special_zeta"]


def choose(condition: Callable[[Tensor], Any]) -> Callable[..., Any]:
    def forward(a: nn.Module, b: nn.Module, x: Tensor) -> Any:
        return torch.cond(condition(x), a, lambda x: b(b(x)), (x,))

    return forward


class TestCond:
    """One dense layer if the condition holds, another one twice if it does not."""

    def test_unknown_condition(self) -> None:
        report = dense(choose(lambda x: x.sum() > 0), (2, 4))
        one = 2 * 4 * 4
        assert report.totals.macs == 2 * one
        assert report.coverage.bound is Bound.UPPER
        (branch,) = (n for n in report.model.nodes or () if isinstance(n.operation, ops.Branch))
        assert isinstance(branch.operation, ops.Branch)
        assert [len(way) for way in branch.operation.alternatives] == [1, 2]
        assert branch.native == "higher_order.cond"
        assert report["b"].macs == 2 * one

    @pytest.mark.parametrize("holds", [True, False])
    def test_known_condition(self, holds: bool) -> None:
        report = dense(choose(lambda x: torch.tensor(3) > (2 if holds else 4)), (2, 4))
        same_work(report, dense(lambda a, b, x: a(x) if holds else b(b(x)), (2, 4)))
        assert report.coverage.bound is Bound.EXACT
        assert (report["a"].calls, report["b"].calls) == ((1, 0) if holds else (0, 2))

    def test_condition_on_an_integer_that_was_given(self) -> None:
        report = dense(
            lambda a, b, x, n: torch.cond(n > 2, a, lambda x: b(b(x)), (x,)),
            (2, 4),
            torch.tensor(1),
        )
        assert report.totals.macs == 2 * 2 * 4 * 4


looped: Callable[..., Any] = while_loop
mapped: Callable[..., Any] = map_over


class TestLoops:
    def test_while_loop_whose_trips_are_known(self) -> None:
        def loop(a: nn.Module, b: nn.Module, x: Tensor) -> Any:
            start = (torch.tensor(0), x)
            return looped(lambda i, x: i < 5, lambda i, x: (i + 1, a(x)), start)[1]

        def spelled_out(a: nn.Module, b: nn.Module, x: Tensor) -> Tensor:
            for _ in range(5):
                x = a(x)
            return x

        report, plain = dense(loop, (2, 4)), dense(spelled_out, (2, 4))
        same_work(report, plain)
        assert report["a"].calls == 5
        # The condition is looked at once more than the body runs.
        assert report.totals.integer_ops == 5 + 6

    def test_while_loop_whose_trips_are_not_known(self) -> None:
        def loop(a: nn.Module, b: nn.Module, x: Tensor) -> Any:
            return looped(lambda x: x.sum() > 0, lambda x: (a(x),), (x,))

        report = dense(loop, (2, 4))
        assert report.totals.macs == 2 * 4 * 4
        assert report.coverage.bound is Bound.LOWER
        assert any("trip count is not known; 1 counted" in note for note in report.notes)

    def test_while_loop_that_does_not_run(self) -> None:
        def loop(a: nn.Module, b: nn.Module, x: Tensor) -> Any:
            start = (torch.tensor(9), x)
            return looped(lambda i, x: i < 5, lambda i, x: (i + 1, a(x)), start)[1]

        assert dense(loop, (2, 4)).totals.macs == 0

    def test_scan(self) -> None:
        def loop(a: nn.Module, b: nn.Module, x: Tensor) -> Any:
            return scan(lambda state, x: (a(state) + x, state * 2), torch.zeros(2, 4), x)[1]

        def spelled_out(a: nn.Module, b: nn.Module, x: Tensor) -> Tensor:
            state, results = torch.zeros(2, 4), []
            for one in x:
                state, result = a(state) + one, state * 2
                results.append(result)
            return torch.stack(results)

        report, plain = dense(loop, (7, 2, 4)), dense(spelled_out, (7, 2, 4))
        same_work(report, plain)
        assert report["a"].calls == plain["a"].calls == 7
        assert report.model.outputs[0].shape == plain.model.outputs[0].shape == (7, 2, 4)

    def test_scan_of_known_values(self) -> None:
        report = run(
            lambda x, n: (
                x.expand(int(scan(lambda s, n: (s + n, s), torch.tensor(0), n)[0]), -1) * 2
            ),
            (1, 4),
            torch.tensor([1, 2, 3]),
        )
        assert not any("real numbers" in note for note in report.notes)
        assert report.model.outputs[0].shape == (6, 4)

    def test_map(self) -> None:
        report = dense(lambda a, b, x: mapped(a, x), (7, 2, 4))
        same_work(report, dense(lambda a, b, x: torch.stack([a(one) for one in x]), (7, 2, 4)))

    @pytest.mark.parametrize("mode", ["generic", "pointwise"])
    def test_associative_scan_is_a_tree_of_steps(self, mode: str) -> None:
        """Half of the elements go with their neighbours; then the same for what results."""
        report = run(lambda x: associative_scan(torch.mul, x, 0, combine_mode=mode), (8, 3))

        def steps(length: int) -> int:
            if length < 2:
                return 0
            return length // 2 + steps(length // 2) + (length - 1) // 2

        assert report.totals.flops == steps(8) * 3


def heads(count: int, length: int, width: int) -> tuple[int, ...]:
    return (2, count, length, width)


class TestFlexAttention:
    def test_is_attention(self) -> None:
        shapes = heads(4, 16, 8), heads(4, 12, 8), heads(4, 12, 6)
        mine = run(flex.flex_attention, *shapes)
        plain = run(F.scaled_dot_product_attention, *shapes)
        assert mine.totals.macs == plain.totals.macs
        assert mine.totals.flops_by_category == plain.totals.flops_by_category
        assert mine.model.outputs[0].shape == plain.model.outputs[0].shape

    def test_grouped_queries(self) -> None:
        def grouped(q: Tensor, k: Tensor) -> Any:
            return flex.flex_attention(q, k, k, enable_gqa=True)

        report = run(grouped, heads(4, 16, 8), heads(2, 16, 8))
        assert report.totals.macs == 2 * 4 * 16 * 16 * (8 + 8)

    def test_what_is_done_to_each_score(self) -> None:
        slopes = torch.ones(4)

        def alibi(score: Tensor, batch: Tensor, head: Tensor, q: Tensor, k: Tensor) -> Tensor:
            return score + slopes[head] * (k - q)

        plain = run(lambda q: flex.flex_attention(q, q, q), heads(4, 16, 8))
        more = run(lambda q: flex.flex_attention(q, q, q, score_mod=alibi), heads(4, 16, 8))
        assert plain.totals.flops is not None
        assert more.totals.flops == plain.totals.flops + 2 * (2 * 4 * 16 * 16)

    def test_blocks_count_as_a_full_square(self) -> None:
        mask = flex.create_block_mask(lambda b, h, q, k: q >= k, None, None, 16, 16, device="cpu")
        report = run(lambda q: flex.flex_attention(q, q, q, block_mask=mask), heads(4, 16, 8))
        assert report.totals.macs == 2 * 4 * 16 * 16 * (8 + 8)
        (attention,) = (
            node.operation
            for node in report.model.nodes or ()
            if isinstance(node.operation, ops.Attention)
        )
        assert attention.mask is ops.Mask.BOOLEAN


class Product(torch.autograd.Function):
    """A function with a gradient of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        return x @ weight

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        raise NotImplementedError


class TestWrappers:
    """What lies between a module and its operators changes nothing."""

    @pytest.mark.parametrize(
        "wrapped",
        [
            lambda a, b, x: checkpoint(a, x, use_reentrant=False),
            lambda a, b, x: torch.func.functional_call(a, dict(b.named_parameters()), (x,)),
            lambda a, b, x: torch.vmap(lambda x: x @ a.weight)(x) + a.bias,
            lambda a, b, x: Product.apply(x, a.weight) + a.bias,
            lambda a, b, x: torch.compile(a)(x),
            lambda a, b, x: torch.compile(lambda x: F.linear(x, a.weight, a.bias))(x),
        ],
    )
    def test_same_work(self, wrapped: Callable[..., Any]) -> None:
        same_work(dense(wrapped, (3, 2, 4)), dense(lambda a, b, x: a(x), (3, 2, 4)))


class Program(nn.Module):
    """Takes one of two ways, and walks over what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Any:
        y = torch.cond(x.sum() > 0, self.a, lambda x: self.b(self.b(x)), (x,))
        with torch.no_grad():
            z = self.a(y)
        return scan(lambda state, one: (state + one, state * one), torch.zeros(4), z)[1]


def test_exported_program_of_higher_order_operators() -> None:
    module, program = Program(), torch.export.export(Program(), (torch.ones(2, 4),))
    direct, exported = analyzer.analyze(module, (2, 4)), analyzer.analyze(program)
    assert exported.totals.macs == direct.totals.macs == 3 * 2 * 4 * 4
    assert exported.totals.flops == direct.totals.flops
    assert exported.coverage.bound is direct.coverage.bound is Bound.UPPER
    assert exported["a"].calls == 1
    assert exported["a"].macs == 2 * 4 * 4
