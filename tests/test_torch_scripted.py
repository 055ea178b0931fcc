"""TorchScript, traced and scripted: the numbers of the module it was made from, in every layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

import analyzer
from analyzer import InputError, ModelError, Report

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit:FutureWarning", "ignore::torch.jit.TracerWarning"
)

WAYS = ("script", "trace")


def scripted(model: nn.Module, way: str, shape: tuple[int, ...]) -> Any:
    if way == "script":
        return torch.jit.script(model)
    return torch.jit.trace(model, torch.zeros(shape))  # type: ignore[no-untyped-call]


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 3, 2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.lstm(x)
        return self.head(y)  # type: ignore[no-any-return]


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.dense = nn.LayerNorm(8), nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.dense(self.norm(x)).chunk(3, -1)
        return x + nn.functional.scaled_dot_product_attention(q, k, v)


class Branching(nn.Module):
    """Goes another way for every number of rows, and through one layer several times."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow, self.act = nn.Linear(4, 16), nn.Linear(16, 4), nn.ReLU()
        self.steps: int = 3

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.size(0) > 2:
            for _ in range(self.steps):
                x = self.narrow(self.act(self.wide(x)))
        else:
            x = x + 1
        return x, self.act(self.act(x))


class Keyed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, batch: dict[str, Tensor], scale: float = 2.0) -> Tensor:
        return self.table(batch["tokens"]) * scale  # type: ignore[no-any-return]


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls: int = 0
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.norm(x)  # type: ignore[no-any-return]


MODELS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "attending": (Attending, (2, 5, 8)),
    "lstm": (Recurrent, (2, 5, 4)),
    "mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, (1, 3, 64, 64)),
    "resnet18": (torchvision.models.resnet18, (1, 3, 64, 64)),
}


def by_layer(report: Report) -> dict[str, tuple[Any, ...]]:
    return {
        layer.path: (layer.type, layer.calls, layer.own.macs, layer.own.flops, layer.parameters)
        for layer in report.layers
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MODELS)
def test_the_same_numbers_layer_by_layer(name: str, way: str) -> None:
    make, shape = MODELS[name]
    model = make().eval()
    eager = analyzer.analyze(model, shape)
    report = analyzer.analyze(scripted(model, way, shape), shape)
    totals = report.totals
    assert (totals.macs, totals.flops) == (eager.totals.macs, eager.totals.flops)
    assert totals.flops_by_category == eager.totals.flops_by_category
    assert totals.parameters == eager.totals.parameters
    assert totals.memory.peak_activation_bytes == eager.totals.memory.peak_activation_bytes
    assert by_layer(report) == by_layer(eager)
    assert report.coverage.complete
    assert not report.notes
    outputs = {layer.path: layer.outputs[:1] for layer in report.layers}
    for layer in eager.layers:
        assert [one.shape for one in outputs[layer.path]] == [o.shape for o in layer.outputs[:1]]


@pytest.mark.parametrize("rows", [2, 5])
def test_control_flow_goes_the_way_it_goes(rows: int) -> None:
    model = Branching().eval()
    eager = analyzer.analyze(model, (rows, 4))
    report = analyzer.analyze(torch.jit.script(model), (rows, 4))
    assert report.totals.macs == eager.totals.macs
    assert report.totals.flops == eager.totals.flops
    assert by_layer(report) == by_layer(eager)
    assert report["act"].calls == (5 if rows > 2 else 2)
    assert [one.shape for one in report.model.outputs] == [(rows, 4)] * 2


@pytest.mark.parametrize("way", WAYS)
def test_files(way: str, tmp_path: Path) -> None:
    model, path = Recurrent().eval(), tmp_path / "recurrent.pt"
    torch.jit.save(scripted(model, way, (2, 5, 4)), path)
    report = analyzer.analyze(path, (2, 5, 4))
    assert by_layer(report) == by_layer(analyzer.analyze(model, (2, 5, 4)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"recurrent\.pt") as caught:
        analyzer.analyze(path, (2, 5, 4))
    assert "\n" not in str(caught.value)


def test_inputs() -> None:
    script = torch.jit.script(Keyed().eval())
    for inputs in ([{"tokens": (2, 5)}], {"batch": {"tokens": (2, 5)}, "scale": 3.0}):
        report = analyzer.analyze(script, inputs)
        assert report.totals.flops == 2 * 5 * 4
        assert [(t.name, t.dtype) for t in report.model.inputs] == [("batch.tokens", "int64")]


def test_a_frozen_module_has_no_layers_left() -> None:
    model = Recurrent().eval()
    frozen = torch.jit.freeze(torch.jit.script(model))
    report = analyzer.analyze(frozen, (2, 5, 4))
    assert report.totals.macs == analyzer.analyze(model, (2, 5, 4)).totals.macs


def test_the_users_module_is_left_alone() -> None:
    script: Any = torch.jit.script(Counting())
    before = {name: tensor.clone() for name, tensor in script.state_dict().items()}
    graph, training = str(script.graph), [module.training for module in script.modules()]
    for mode in ("train", "inference"):
        report = analyzer.analyze(script, (2, 3), mode=mode)
        eager = analyzer.analyze(Counting(), (2, 3), mode=mode)
        assert report.totals.flops == eager.totals.flops
    with pytest.raises(InputError, match="expected 2D or 3D input"):
        analyzer.analyze(script, (2, 3, 4, 5))
    assert script.calls == 0
    assert str(script.graph) == graph
    assert [module.training for module in script.modules()] == training
    for name, tensor in script.state_dict().items():
        assert torch.equal(tensor, before[name])
    script(torch.ones(2, 3))
    assert script.calls == 1


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (None, ("forward needs 'x'", "--input")),
        ({"y": (2, 5, 4)}, ("no input 'y'", "x")),
        ((2, 5, 7), ("2x5x7", "'lstm'")),
    ],
)
def test_what_does_not_fit(inputs: object, words: tuple[str, ...]) -> None:
    with pytest.raises((InputError, ModelError)) as caught:
        analyzer.analyze(torch.jit.script(Recurrent().eval()), inputs)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_there_must_be_a_forward() -> None:
    class Without(nn.Module):
        @torch.jit.export
        def other(self, x: Tensor) -> Tensor:
            return x

    with pytest.raises(ModelError, match="no forward"):
        analyzer.analyze(torch.jit.script(Without()), (2, 3))
