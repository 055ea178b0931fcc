"""Without data where that will do, on real numbers where ``forward`` looks at values."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor, nn

import analyzer
from analyzer import ModelError, Report, ops
from analyzer.discovery import registry


class Model(nn.Module):
    """A dense layer, and a function of the model and of what the layer gives."""

    def __init__(self, function: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.function = function
        self.sizes: Tensor
        self.register_buffer("sizes", torch.tensor([2, 3]))
        self.own = torch.tensor([2, 3])

    def forward(self, x: Tensor) -> Any:
        return self.function(self, self.layer(x))


def analysed(function: Callable[[Any, Tensor], Any]) -> Report:
    report = analyzer.analyze(Model(function), (2, 4))
    assert report["layer"].macs == 2 * 4 * 4
    return report


def reasons(report: Report) -> list[str]:
    return [note for note in report.notes if "real numbers" in note]


def changed(model: Any, y: Tensor) -> Tensor:
    """Write to a buffer, and look at what was written."""
    model.sizes.add_(1)
    return y.reshape(int(model.sizes[1]), -1)


def printed(model: Any, y: Tensor) -> Tensor:
    assert str(y) == repr(y)
    return y


WITHOUT: dict[str, Callable[[Any, Tensor], Any]] = {
    "a buffer that is written": changed,
    "a copy": lambda model, y: copy.deepcopy(y),
    "a generator": lambda model, y: y + torch.rand(4, generator=torch.Generator(device=y.device)),
    "a number made here": lambda model, y: y * torch.tensor(y.shape[0]).item(),
    "a quantile": lambda model, y: torch.quantile(y, 0.5),
    "another device": lambda model, y: y.cpu().to("cpu"),
    "arrays of its own": lambda model, y: y + torch.from_numpy(numpy.ones(4, dtype="float32")),
    "printing": printed,
    "sizes in a buffer": lambda model, y: y.reshape(-1, model.sizes.tolist()[0]),
    "sizes of its own": lambda model, y: y.reshape(-1, int(model.own[0])),
    "where it is": lambda model, y: y if y.device == model.layer.weight.device else None,
    "whether it is there": lambda model, y: None if y.is_meta else y,
}


@pytest.mark.parametrize("name", WITHOUT)
def test_no_data_is_needed_for(name: str) -> None:
    report = analysed(WITHOUT[name])
    assert not reasons(report)
    assert report.coverage.complete
    assert report.model.outputs


def repeated(model: Any, y: Tensor) -> Tensor:
    """Run the layer until the numbers are small, which they soon are."""
    while y.abs().sum() > 1e-3:
        y = model.layer(y) * 0
    return y


LOOKS: dict[str, tuple[Callable[[Any, Tensor], Any], str]] = {
    "a branch": (lambda model, y: y if y.sum() > 0 else -y, "one is taken out of a tensor"),
    "a comparison": (lambda model, y: y if torch.equal(y, y) else -y, "aten.equal"),
    "a list": (lambda model, y: y * y.tolist()[0][0], "a tensor becomes a list"),
    "a mask": (lambda model, y: y[y > 0], "aten.index"),
    "a number": (lambda model, y: y * y.sum().item(), "one is taken out of a tensor"),
    "a weight": (
        lambda model, y: y * float(model.layer.weight.max()),
        "one is taken out of a tensor",
    ),
    "an array": (
        lambda model, y: y * torch.from_numpy(y.numpy()),
        "a tensor becomes a NumPy array",
    ),
    "a text": (lambda model, y: y if f"{y.sum():.3f}" else -y, "one is put into a string"),
    "lengths": (
        lambda model, y: y.repeat_interleave(y[:, 0].long().abs(), 0),
        "aten.repeat_interleave",
    ),
    "what is unlike": (lambda model, y: torch.unique(y), "aten._unique2"),
}


@pytest.mark.parametrize("name", LOOKS)
def test_data_are_needed_for(name: str) -> None:
    function, words = LOOKS[name]
    (reason,) = reasons(analysed(function))
    assert f"because the model looks at values ({words}" in reason
    assert "inputs that came without values were ones" in reason


def test_the_module_is_named() -> None:
    report = analyzer.analyze(nn.Sequential(nn.Linear(4, 4), Model(LOOKS["a mask"][0])), (2, 4))
    (reason,) = reasons(report)
    assert "because module '1' looks at values (aten.index)" in reason


def test_a_loop_is_followed() -> None:
    model = Model(repeated)
    report = analyzer.analyze(model, (2, 4))
    calls = report["layer"].calls
    assert calls > 1
    assert report["layer"].macs == calls * 2 * 4 * 4


@pytest.mark.parametrize("name", ["a number", "a weight"])
def test_a_model_that_has_no_numbers(name: str) -> None:
    model = Model(LOOKS[name][0]).to("meta")
    with pytest.raises(ModelError) as caught:
        analyzer.analyze(model, (2, 4))
    message = str(caught.value)
    assert "looks at values" in message
    assert "'layer.weight' has none" in message
    assert "make it on the CPU" in message


def test_real_numbers_are_not_copied_needlessly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what the model stores, only what is written is copied, and statistics in vectors."""
    from analyzer_torch import twins

    copied: list[int] = []
    own = twins._copy
    monkeypatch.setattr(twins, "_copy", lambda one: copied.append(one.nbytes()) or own(one))  # type: ignore[func-returns-value]

    def looks(model: Any, y: Tensor) -> Any:
        return y * (y.sum().item() + model.table[0, 0])

    model = Model(looks)
    model.register_buffer("table", torch.zeros(512, 512))
    assert reasons(analyzer.analyze(model, (2, 4)))
    assert copied == [model.sizes.nbytes] * 2  # when it is tried without data, and with


@pytest.fixture(scope="module", params=[False, True], ids=["real", "fake"])
def operator(request: pytest.FixtureRequest) -> Any:
    """Register an operator, with a fake kernel or without."""

    @torch.library.custom_op(f"analyzer_test::thrice_{request.param}".lower(), mutates_args=())
    def thrice(x: Tensor, offset: int) -> Tensor:
        return x * 3 + offset

    if request.param:
        thrice.register_fake(lambda x, offset: torch.empty_like(x))
    return thrice


def test_a_custom_operator_is_unknown(operator: Any) -> None:
    report = analysed(lambda model, y: operator(y, 2))
    (unknown,) = report.coverage.unknown
    assert unknown.operation == operator._qualname.replace("::", ".")
    assert bool(reasons(report)) == operator._qualname.endswith("false")


def test_a_custom_operator_gets_a_rule(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(node: analyzer.Node) -> analyzer.Operation:
        assert isinstance(node.operation, ops.Unknown)
        assert dict(node.operation.attributes) == {"offset": 2}
        return ops.Elementwise(function="multiply and add", elements=node.inputs[0].elements)

    name = operator._qualname.replace("::", ".")
    monkeypatch.setitem(registry().operations, name, rule)
    report = analysed(lambda model, y: operator(y, 2))
    assert report.coverage.complete
    assert report.totals.flops == 2 * (2 * 4 * 4) + 2 * 4 + 2 * (2 * 4)
