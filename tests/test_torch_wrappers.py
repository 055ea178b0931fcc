"""Models in wrappers, sharded and reparametrized, of any type: the numbers of what is inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import HashStore
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy, fully_shard
from torch.nn.utils import parametrizations, prune

import analyzer
from analyzer import Report


class Tied(nn.Module):
    """Two layers with one weight, a container, a buffer, frozen parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4))
        self.first, self.last = nn.Linear(4, 4, bias=False), nn.Linear(4, 4)
        self.last.weight = self.first.weight
        self.inner[0].bias.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(self.inner(x)))  # type: ignore[no-any-return]

    @staticmethod
    def build(width: int = 4) -> nn.Module:
        return nn.Linear(width, 3)


class Collection:
    class Inner:
        make = staticmethod(Tied.build)


def by_layer(report: Report) -> dict[str, tuple[Any, ...]]:
    return {
        layer.path: (layer.type, layer.calls, layer.own, layer.shared_with)
        for layer in report.layers
    }


@pytest.fixture
def group() -> Iterator[None]:
    dist.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def sharded_by_module(model: nn.Module) -> nn.Module:
    fully_shard(model.get_submodule("inner"))
    fully_shard(model)
    return model


def sharded_by_wrapper(model: nn.Module, *, keep: bool, nested: bool) -> nn.Module:
    options: dict[str, Any] = {"use_orig_params": keep, "device_id": torch.device("cpu")}
    options["sharding_strategy"] = ShardingStrategy.NO_SHARD  # all that one process can do
    if nested:
        model.inner = FullyShardedDataParallel(model.get_submodule("inner"), **options)
    return FullyShardedDataParallel(model, **options)


def thawed() -> nn.Module:
    """Return a model whose parameters are all trained, which flat parameters have to be."""
    return Tied().requires_grad_(True)


@pytest.mark.usefixtures("group")
@pytest.mark.filterwarnings("ignore:FSDP.* is deprecated:FutureWarning")
class TestSharded:
    @pytest.mark.parametrize(
        ("make", "shard"),
        [
            (Tied, sharded_by_module),
            (Tied, lambda model: sharded_by_wrapper(model, keep=True, nested=False)),
            (Tied, lambda model: sharded_by_wrapper(model, keep=True, nested=True)),
            (thawed, lambda model: sharded_by_wrapper(model, keep=False, nested=False)),
            (thawed, lambda model: sharded_by_wrapper(model, keep=False, nested=True)),
        ],
    )
    def test_the_whole_model_is_counted(
        self, make: Callable[[], nn.Module], shard: Callable[[nn.Module], nn.Module]
    ) -> None:
        whole = analyzer.analyze(make(), (3, 4))
        model = shard(make())
        before = {name: tensor.shape for name, tensor in model.named_parameters()}
        for _ in range(2):
            report = analyzer.analyze(model, (3, 4))
            assert report.totals == whole.totals
            assert by_layer(report) == by_layer(whole)
            (note,) = report.notes
            assert "one process" in note
            assert model.training
            result = model(torch.zeros(3, 4))  # it still runs, gathering and all
            assert result.shape == (3, 4)
        assert {name: tensor.shape for name, tensor in model.named_parameters()} == before

    def test_replicated(self) -> None:
        model = nn.parallel.DistributedDataParallel(thawed())
        report = analyzer.analyze(model, (3, 4))
        assert by_layer(report) == by_layer(analyzer.analyze(thawed(), (3, 4)))
        assert not report.notes


class TestReparametrized:
    @pytest.mark.parametrize(
        "change",
        [
            parametrizations.weight_norm,
            parametrizations.spectral_norm,
            parametrizations.orthogonal,
            lambda layer: prune.identity(layer, "weight"),  # type: ignore[no-untyped-call]
        ],
    )
    def test_the_layer_is_still_seen(self, change: Callable[[nn.Module], nn.Module]) -> None:
        torch.manual_seed(0)
        layer = change(nn.Linear(4, 4))
        before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
        report = analyzer.analyze(layer, (3, 4))
        totals = report.totals.parameters
        assert totals.total == sum(p.numel() for p in layer.parameters())
        assert totals.state + totals.constants == sum(b.numel() for b in layer.buffers())
        assert report.totals.macs is not None
        assert report.totals.macs >= 3 * 4 * 4
        for name, tensor in layer.state_dict().items():
            assert torch.equal(tensor, before[name])


class TestTypes:
    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
    @pytest.mark.parametrize("device", ["cpu", "meta"])
    def test_real(self, dtype: torch.dtype, device: str) -> None:
        model = Tied().to(device, dtype)
        report = analyzer.analyze(model, (3, 4))
        whole = analyzer.analyze(Tied(), (3, 4))
        assert (report.totals.macs, report.totals.flops) == (whole.totals.macs, whole.totals.flops)
        assert report.totals.memory.parameter_bytes == sum(p.nbytes for p in model.parameters())
        assert report.model.inputs[0].dtype == str(dtype).removeprefix("torch.")

    def test_complex(self) -> None:
        layer = nn.Linear(4, 3, dtype=torch.complex64)
        report = analyzer.analyze(layer, analyzer.InputSpec(shape=(2, 4), dtype="complex64"))
        assert report.totals.parameters.total == 4 * 3 + 3
        assert report.totals.memory.parameter_bytes == 8 * (4 * 3 + 3)
        assert report.model.outputs[0].dtype == "complex64"


def test_a_callable_inside_a_class() -> None:
    target = "tests.test_torch_wrappers:Collection.Inner.make"
    report = analyzer.analyze(target, (2, 5), arguments={"width": 5})
    assert report.totals.macs == 2 * 5 * 3
    assert report.model.name == "make"
