"""Modules: paths, calls, sharing, and that the user's own are left as they were."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks

import analyzer
from analyzer import AnalyzerError, Kind, ModelError


class Small(nn.Module):
    """Something of everything that a run could change."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.frozen = nn.BatchNorm2d(4).eval()
        self.drop = nn.Dropout(0.5)
        self.position: Tensor
        self.register_buffer("position", torch.arange(4.0).reshape(4, 1, 1))
        self.counter = torch.zeros(())
        self.cache: Tensor | None = None
        self.fails = False

    def forward(self, image: Tensor) -> Tensor:
        self.counter += 1
        random.random()
        features: Tensor = self.drop(self.frozen(self.norm(self.conv(image))))
        self.position += 1
        self.cache = features
        self.position = self.position * 2
        if self.fails:
            raise RuntimeError("it was to be")
        return features + torch.rand(1) + self.position


def snapshot(model: nn.Module) -> dict[str, Any]:
    stored = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        "identity": {name: id(tensor) for name, tensor in stored.items()},
        "storage": {name: tensor.untyped_storage().data_ptr() for name, tensor in stored.items()},
        "values": {name: tensor.tolist() for name, tensor in stored.items()},
        "grad": {name: tensor.requires_grad for name, tensor in stored.items()},
        "training": {path: module.training for path, module in model.named_modules()},
        "attributes": {path: sorted(vars(module)) for path, module in model.named_modules()},
        "hooks": {path: dict(m._forward_hooks) for path, m in model.named_modules()},
        "random": torch.random.get_rng_state().tolist(),
        "python random": random.getstate(),
        "switches": (
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.backends.mha.get_fastpath_enabled(),
            len(module_hooks._global_forward_hooks),
            len(module_hooks._global_forward_pre_hooks),
        ),
    }


class TestUntouched:
    @pytest.mark.parametrize("mode", ["inference", "train"])
    @pytest.mark.parametrize("fails", [False, True])
    def test_model_is_as_it_was(self, mode: str, fails: bool) -> None:
        model = Small()
        model.fails = fails
        model.conv.weight.requires_grad = False
        seen: list[str] = []
        model.conv.register_forward_hook(lambda *_: seen.append("hook"))
        before = snapshot(model)
        if fails:
            with pytest.raises(ModelError, match="it was to be"):
                analyzer.analyze(model, (2, 3, 8, 8), mode=mode)
        else:
            analyzer.analyze(model, (2, 3, 8, 8), mode=mode)
        assert snapshot(model) == before
        assert model.cache is None
        assert model.counter.item() == 0
        assert seen  # the user's hooks ran

    def test_values_are_not_needed(self) -> None:
        report = analyzer.analyze(Small().to("meta"), (2, 3, 8, 8))
        assert report.totals.macs == 2 * 6 * 6 * 4 * 3 * 3 * 3

    def test_real_numbers_leave_it_untouched(self) -> None:
        class Looks(Small):
            def forward(self, image: Tensor) -> Tensor:
                result = super().forward(image)
                return result if result.sum().item() > 0 else -result

        model = Looks()
        before = snapshot(model)
        report = analyzer.analyze(model, (2, 3, 8, 8), mode="train")
        assert snapshot(model) == before
        assert any("real numbers" in note and "other work" in note for note in report.notes)
        assert report.totals.macs == 2 * 6 * 6 * 4 * 3 * 3 * 3

    def test_parameters_are_not_read(self) -> None:
        model = nn.Linear(4, 3)
        report = analyzer.analyze(model, (2, 4))
        assert report.totals.parameters.trainable == 15

    def test_two_threads(self) -> None:
        found: list[int | None] = []

        def work() -> None:
            found.append(analyzer.analyze(Small(), (1, 3, 8, 8)).totals.macs)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        assert len(set(found)) == 1


class TestWrapped:
    def test_compiled(self) -> None:
        model = torch.compile(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
        report = analyzer.analyze(model, (2, 4))
        assert [layer.path for layer in report.layers] == ["", "0", "1"]
        assert report.totals.macs == 32

    def test_compiled_in_place(self) -> None:
        model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        model[0].compile()
        assert analyzer.analyze(model, (2, 4))["0"].figures.macs == 32

    def test_data_parallel(self) -> None:
        report = analyzer.analyze(nn.DataParallel(nn.Sequential(nn.Linear(4, 4))), (2, 4))
        assert report["0"].figures.macs == 32

    def test_parametrized(self) -> None:
        class Double(nn.Module):
            def forward(self, weight: Tensor) -> Tensor:
                return 2 * weight

        model = nn.utils.parametrize.register_parametrization(nn.Linear(4, 4), "weight", Double())
        report = analyzer.analyze(model, (2, 4))
        assert report.totals.parameters.total == 20
        assert report.totals.macs == 32


class TestSharing:
    def test_tied_weights_are_one_parameter(self) -> None:
        class Tied(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embed = nn.Embedding(10, 4)
                self.head = nn.Linear(4, 10, bias=False)
                self.head.weight = self.embed.weight

            def forward(self, tokens: Tensor) -> Tensor:
                result: Tensor = self.head(self.embed(tokens))
                return result

        report = analyzer.analyze(Tied(), (1, 3))
        assert report.totals.parameters.total == 40
        assert report["embed"].shared_with == ("head",)
        assert report["head"].figures.parameters.total == 40
        assert report.totals.macs == 3 * 4 * 10
        assert any("int64" in note for note in report.notes)

    def test_two_tensors_over_one_storage(self) -> None:
        class Views(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                flat = torch.zeros(32)
                self.first = nn.Parameter(flat[:16].view(4, 4))
                self.second = nn.Parameter(flat[16:].view(4, 4))

            def forward(self, x: Tensor) -> Tensor:
                return x @ self.first @ self.second.t()

        report = analyzer.analyze(Views(), (2, 4))
        assert report.totals.parameters.total == 32
        uses = [node.parameters for node in report.model.nodes or () if node.parameters]
        assert uses == [("first",), ("second",), ("second",)]

    def test_module_called_twice(self) -> None:
        class Twice(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = nn.Linear(4, 4)
                self.again = self.layer
                self.unused = nn.Linear(4, 4)

            def forward(self, x: Tensor) -> Tensor:
                result: Tensor = self.again(self.layer(x))
                return result

        report = analyzer.analyze(Twice(), (3, 4))
        layers = {layer.path: layer for layer in report.layers}
        assert set(layers) == {"", "layer", "unused"}
        assert (layers["layer"].calls, layers["unused"].calls) == (2, 0)
        assert layers["layer"].shared_with == ("again",)
        assert layers["layer"].figures.macs == 2 * 3 * 4 * 4
        assert report.totals.parameters.total == 40

    def test_functions_belong_to_the_module_they_run_in(self) -> None:
        class Block(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return torch.relu(x) @ x

        report = analyzer.analyze(nn.Sequential(Block(), nn.ReLU()), (4, 4))
        found = [(node.layer, node.native) for node in report.model.nodes or ()]
        assert found == [("0", "aten.relu"), ("0", "aten.matmul"), ("1", "aten.relu")]


class TestKinds:
    def test_what_training_changes(self) -> None:
        kinds = {p.name: p.kind for p in analyzer.analyze(Small(), (1, 3, 8, 8)).model.parameters}
        assert kinds["norm.weight"] is Kind.LEARNABLE
        assert kinds["norm.running_mean"] is Kind.STATE
        assert kinds["norm.num_batches_tracked"] is Kind.STATE
        assert kinds["position"] is Kind.CONSTANT

    def test_roles(self) -> None:
        roles = {p.name: p.role for p in analyzer.analyze(Small(), (1, 3, 8, 8)).model.parameters}
        assert roles["conv.weight"] == "kernel"
        assert roles["conv.bias"] == "bias"
        assert roles["norm.weight"] == "scale"
        assert roles["norm.bias"] == "offset"
        assert roles["norm.running_mean"] == "running mean"
        assert roles["norm.running_var"] == "running variance"
        assert roles["norm.num_batches_tracked"] == "batch counter"

    def test_power_iteration_is_state(self) -> None:
        model = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3))
        parameters = analyzer.analyze(model, (1, 4)).totals.parameters
        assert (parameters.total, parameters.state, parameters.constants) == (15, 3 + 4, 0)

    def test_frozen_parameters(self) -> None:
        model = nn.Linear(4, 3)
        model.bias.requires_grad = False
        counts = analyzer.analyze(model, (1, 4)).totals.parameters
        assert (counts.total, counts.trainable, counts.frozen) == (15, 12, 3)

    def test_lazy_module(self) -> None:
        with pytest.raises(ModelError, match=r"'weight' has no shape yet"):
            analyzer.analyze(nn.LazyLinear(3), (1, 4))


def refused(call: Callable[[], object], *words: str) -> None:
    """Check that a call raises one of our errors, of one line, that has these words."""
    with pytest.raises(AnalyzerError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


class TestInputs:
    def test_wrong_name(self) -> None:
        refused(lambda: analyzer.analyze(Small(), {"picture": (1, 3, 8, 8)}), "'picture'", "image")

    def test_too_many(self) -> None:
        refused(lambda: analyzer.analyze(Small(), [(1, 3, 8, 8), (1,)]), "2 inputs", "image")

    def test_none(self) -> None:
        refused(lambda: analyzer.analyze(Small()), "'image'", "--input")

    @pytest.mark.parametrize(
        ("inputs", "words"),
        [
            ((1, 3, -1, 8), ("size -1", "(1, 3, -1, 8)")),
            ((1, 3, None, 8), ("size None", "(1, 3, None, 8)")),
            ({"image": (1, 3, None, 8)}, ("'image'", "size None")),
            (object(), ("an input is of type object", "a shape such as")),
            ([None], ("the model's inputs were image:=None",)),
        ],
    )
    def test_no_shape(self, inputs: object, words: tuple[str, ...]) -> None:
        refused(lambda: analyzer.analyze(Small(), inputs), *words)

    def test_wrong_rank_where_the_zoo_knows(self) -> None:
        refused(
            lambda: analyzer.analyze("torchvision.models:resnet18", (3, 224)),
            "3x224",
            "2 dimensions",
            "1x3x224x224",
        )

    def test_wrong_channels(self) -> None:
        with pytest.raises(analyzer.InputError) as caught:
            analyzer.analyze(Small(), (1, 7, 8, 8))
        assert "'conv' (Conv2d)" in str(caught.value)
        assert "aten.conv2d of 1x7x8x8, 4x3x3x3, 4: " in str(caught.value)

    def test_failure_inside(self) -> None:
        model = nn.Sequential(nn.Linear(4, 4), nn.Linear(5, 4))
        with pytest.raises(ModelError) as caught:
            analyzer.analyze(model, (2, 4))
        assert "'1' (Linear), which got 2x4" in str(caught.value)

    def test_what_an_input_does_not_fit(self) -> None:
        with pytest.raises(analyzer.InputError, match=r"LSTM.*2x3x5.*Expected 4, got 5"):
            analyzer.analyze(nn.LSTM(4, 4), (2, 3, 5))

    def test_named_dimensions(self) -> None:
        refused(lambda: analyzer.analyze(nn.Linear(4, 4), (1, 4), dims={"n": 3}), "n", "--input")

    def test_keyword_and_default(self) -> None:
        class Two(nn.Module):
            def forward(self, a: Tensor, b: Tensor | None = None, *, c: Tensor) -> Tensor:
                return a + c if b is None else a + b + c

        one = analyzer.analyze(Two(), {"a": (2, 3), "c": (2, 3)})
        two = analyzer.analyze(Two(), {"c": (2, 3), "b": (2, 3), "a": (2, 3)})
        assert (one.totals.flops, two.totals.flops) == (6, 12)
        assert [tensor.name for tensor in two.model.inputs] == ["c", "b", "a"]

    def test_dtype_is_the_parameters(self) -> None:
        report = analyzer.analyze(nn.Linear(4, 3).to(torch.bfloat16), (1, 4))
        assert report.model.inputs[0].dtype == "bfloat16"
        assert report.totals.memory.output_bytes == 3 * 2

    def test_values_of_integers(self) -> None:
        class Steps(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = nn.Linear(4, 4)

            def forward(self, x: Tensor, steps: Tensor) -> Tensor:
                for _ in range(int(steps)):
                    x = self.layer(x)
                return x

        report = analyzer.analyze(Steps(), {"x": (1, 4), "steps": torch.tensor(3)})
        assert report["layer"].calls == 3
        assert not report.notes

    def test_zoo_tells_the_size(self) -> None:
        report = analyzer.analyze("torchvision.models:inception_v3", batch_size=2)
        assert report.model.inputs[0].shape == (2, 3, 299, 299)

    def test_timm_tells_the_size(self) -> None:
        import timm

        report = analyzer.analyze(timm.create_model("resnet10t"))
        assert report.model.inputs[0].shape == (1, 3, 176, 176)
