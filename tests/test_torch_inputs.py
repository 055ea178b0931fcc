"""What PyTorch models are called with: any nesting, integers, and what their libraries tell."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

import analyzer
from analyzer import AnalyzerError, InputError, InputSpec, InputValue, Report
from analyzer.given import parse_input
from analyzer_torch.defaults import told

Pair = namedtuple("Pair", ["left", "right"])


@dataclass(frozen=True)
class Batch:
    pixels: Any
    tokens: Any = None
    scale: float = 1.0


class Head(nn.Module):
    """Two projections of whatever ``take`` finds two tensors in."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(4, 8), nn.Linear(6, 2)

    def both(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return self.wide(x), self.narrow(y)


MACS = 3 * 4 * 8 + 5 * 6 * 2


class Listed(Head):
    def forward(self, tensors: list[Tensor]) -> tuple[Tensor, Tensor]:
        assert type(tensors) is list
        return self.both(*tensors)


class Keyed(Head):
    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        return self.both(batch["x"], batch["y"])


class Recorded(Head):
    def forward(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self.both(batch.pixels, batch.tokens)


class Paired(Head):
    def forward(self, pair: Any) -> tuple[Tensor, Tensor]:
        return self.both(pair.left, pair[1])


class Deep(Head):
    def forward(self, one: Any, *, more: Any, flag: bool, name: str | None) -> Any:
        assert flag is False
        assert name is None
        return self.both(one[0]["x"], more["deep"][1])


class TestNesting:
    @pytest.mark.parametrize(
        ("model", "inputs"),
        [
            (Listed(), [[(3, 4), (5, 6)]]),
            (Listed(), {"tensors": [torch.zeros(3, 4), (5, 6)]}),
            (Keyed(), [{"x": (3, 4), "y": (5, 6)}]),
            (Keyed(), {"batch": {"x": (3, 4), "y": torch.zeros(5, 6)}}),
            (Recorded(), Batch(pixels=(3, 4), tokens=torch.zeros(5, 6))),
            (Recorded(), {"batch": Batch(pixels=(3, 4), tokens=(5, 6))}),
            (Paired(), Pair((3, 4), (5, 6))),
            (Paired(), {"pair": Pair((3, 4), (5, 6))}),
            (
                Deep(),
                {
                    "one": [{"x": (3, 4)}],
                    "more": {"deep": (0, (5, 6))},
                    "flag": False,
                    "name": None,
                },
            ),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_in_the_library(self, model: nn.Module, inputs: object) -> None:
        assert analyzer.analyze(model, inputs).totals.macs == MACS

    @pytest.mark.parametrize(
        ("model", "texts"),
        [
            (Listed(), ["tensors[1]=5x6", "tensors[0]=3x4"]),
            (Keyed(), ["batch.x=3x4", "batch.y=5x6"]),
            (Keyed(), ["batch[x]=3x4", "batch[y]=5x6"]),
            (Recorded(), ["batch.pixels=3x4", "batch.tokens=5x6"]),
            (Deep(), ["one[0].x=3x4", "more.deep[0]:=0", "more.deep[1]=5x6", "flag:=false",
                      "name:=None"]),
        ],
        ids=lambda value: type(value).__name__,
    )  # fmt: skip
    def test_on_the_command_line(self, model: nn.Module, texts: list[str]) -> None:
        report = analyzer.analyze(model, list(map(parse_input, texts)))
        assert report.totals.macs == MACS

    def test_inputs_are_named_by_their_paths(self) -> None:
        report = analyzer.analyze(Keyed(), [{"x": (3, 4), "y": (5, 6)}])
        assert [tensor.name for tensor in report.model.inputs] == ["batch.x", "batch.y"]

    def test_what_was_given_is_left_alone(self) -> None:
        batch = Batch(pixels=torch.zeros(3, 4), tokens=torch.zeros(5, 6))
        inputs = {"batch": batch}
        pixels = batch.pixels
        analyzer.analyze(Recorded(), inputs)
        assert inputs == {"batch": batch}
        assert batch.pixels is pixels

    def test_an_object_that_forward_asks(self) -> None:
        class Scaled(nn.Module):
            def forward(self, x: Tensor, how: Any) -> Any:
                return x * how.scale

        how = InputValue(value=Batch(pixels=None, scale=2.0))
        assert analyzer.analyze(Scaled(), {"x": (3, 4), "how": how}).totals.flops == 12

    def test_an_exported_program_keeps_its_nesting(self) -> None:
        batch = {"x": torch.zeros(3, 4), "y": torch.zeros(5, 6)}
        program = torch.export.export(Keyed().eval(), (batch,))
        assert analyzer.analyze(program).totals.macs == MACS
        assert analyzer.analyze(program, {"batch": {"x": (3, 4), "y": (5, 6)}}).totals.macs == MACS

    def test_a_program_does_what_it_did(self) -> None:
        program = torch.export.export(nn.Dropout().eval(), (torch.zeros(3),))
        (note,) = analyzer.analyze(program, mode="train").notes
        assert "training mode changes nothing" in note
        assert not analyzer.analyze(program).notes

    @pytest.mark.parametrize(
        ("model", "inputs", "words"),
        [
            (Listed(), [[(3, 4), (5, 7)]], ("tensors=[3x4, 5x7]", "5x7")),
            (Listed(), [[(3, 4), object()]], ("'[0][1]'", "object")),
            (Listed(), {"tensors": [(3, 4), object()]}, ("'tensors[1]'", "object")),
            (Listed(), {"images": [(3, 4)]}, ("'images'", "tensors")),
            (Listed(), [[(3, 4)]], ("tensors=[3x4]", "missing")),
            (Keyed(), [{"x": (3, 4)}], ("batch={x: 3x4}", "'y'")),
            (Keyed(), [True], ("batch:=True", "not subscriptable")),
            (Recorded(), {"batch": {"pixels": (3, 4)}}, ("batch={pixels: 3x4}", "pixels")),
        ],
    )
    def test_what_does_not_fit(
        self, model: nn.Module, inputs: object, words: tuple[str, ...]
    ) -> None:
        with pytest.raises(AnalyzerError) as caught:
            analyzer.analyze(model, inputs)
        message = str(caught.value)
        assert "\n" not in message
        for word in words:
            assert word in message


class Embedder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, batch: dict[str, Tensor], *, extra: list[Tensor] | None = None) -> Tensor:
        found: Tensor = self.table(batch["tokens"])
        mask = batch.get("mask")
        if mask is not None:
            assert not mask.is_floating_point()
            found = found * mask.unsqueeze(-1)
        return found if extra is None else found + self.table(extra[0])


class TestIntegers:
    def test_what_is_looked_up_is_whole(self) -> None:
        report = analyzer.analyze(
            Embedder(), {"batch": {"tokens": (2, 5)}, "extra": [InputSpec(shape=(2, 5))]}
        )
        dtypes = {tensor.name: tensor.dtype for tensor in report.model.inputs}
        assert dtypes == {"batch.tokens": "int64", "extra[0]": "int64"}
        assert any("'batch.tokens'" in note for note in report.notes)

    def test_masks_keep_their_type(self) -> None:
        mask = torch.ones(2, 5, dtype=torch.bool)
        given: list[Any] = [mask, InputSpec(shape=(2, 5), dtype="bool"), "2x5:bool"]
        for one in given:
            report = analyzer.analyze(Embedder(), [{"tokens": (2, 5), "mask": one}])
            dtypes = {tensor.name: tensor.dtype for tensor in report.model.inputs}
            assert dtypes == {"batch.tokens": "int64", "batch.mask": "bool"}

    def test_small_integers_keep_their_values(self) -> None:
        class Repeated(nn.Module):
            def forward(self, batch: dict[str, Any]) -> Any:
                return batch["x"].repeat_interleave(batch["times"], output_size=7) * 2

        times = torch.tensor([1, 2, 4])
        report = analyzer.analyze(Repeated(), [{"x": (3,), "times": times}])
        assert report.model.outputs[0].shape == (7,)

        class Steps(nn.Module):
            def forward(self, x: Tensor, steps: int) -> Tensor:
                for _ in range(steps):
                    x = x + 1
                return x

        assert analyzer.analyze(Steps(), [(3,), InputValue(value=4)]).totals.flops == 4 * 3


def report_on(target: str, **options: Any) -> Report:
    return analyzer.analyze(target, **options)


class TestTorchvision:
    def test_optical_flow_takes_two_images(self) -> None:
        with torch.device("meta"):
            model = torchvision.models.optical_flow.raft_small()
        first, second = told("", model, 2).inputs
        assert isinstance(first, InputSpec)
        assert first == second
        assert first.shape == (2, 3, 512, 512)
        assert "512" in told("", model, 1).note

    @pytest.mark.slow
    def test_optical_flow_counts_as_published(self) -> None:
        weights = torchvision.models.optical_flow.Raft_Small_Weights.DEFAULT
        macs = report_on("torchvision.models.optical_flow:raft_small").totals.macs
        assert macs is not None
        assert abs(macs - weights.meta["_ops"] * 1e9) <= 1e6

    @pytest.mark.parametrize(
        ("name", "size"),
        [
            ("ssdlite320_mobilenet_v3_large", (3, 320, 320)),
            ("ssd300_vgg16", (3, 300, 300)),
            ("fasterrcnn_mobilenet_v3_large_fpn", (3, 800, 800)),
        ],
    )
    def test_detectors_tell_the_size_that_they_bring_images_to(
        self, name: str, size: tuple[int, ...]
    ) -> None:
        with torch.device("meta"):
            model = torchvision.models.get_model(name, weights=None, weights_backbone=None)
        (images,) = told("", model, 2).inputs
        assert str(images) == "[" + ", ".join(["x".join(map(str, size))] * 2) + "]"
        assert "x".join(map(str, size)) in told("", model, 1).note

    def test_parts_of_detectors_tell_nothing(self) -> None:
        with torch.device("meta"):
            model = torchvision.models.get_model(
                "fasterrcnn_mobilenet_v3_large_fpn", weights=None, weights_backbone=None
            )
        assert told("", model.backbone, 1).inputs == ()

    def test_a_detector_takes_a_list(self) -> None:
        target = "torchvision.models.detection:ssdlite320_mobilenet_v3_large"
        with pytest.raises(InputError, match=r"one tensor; the model takes a container.*3x320x320"):
            report_on(target, inputs=(1, 3, 320, 320))

    def test_builders_of_quantizable_models(self) -> None:
        report = report_on("torchvision.models.quantization:resnet18")
        assert report.model.inputs[0].shape == (1, 3, 224, 224)
        assert report.totals.macs == report_on("torchvision.models:resnet18").totals.macs


class TestTimm:
    @pytest.mark.parametrize(
        ("name", "arguments", "size"),
        [
            ("resnet18", {}, (3, 224, 224)),
            ("resnet18", {"in_chans": 1}, (1, 224, 224)),
            ("test_vit", {}, (3, 160, 160)),
            ("test_vit", {"img_size": (96, 128), "in_chans": 2}, (2, 96, 128)),
            ("swin_tiny_patch4_window7_224", {"img_size": 256}, (3, 256, 256)),
        ],
    )
    def test_as_configured_or_built(
        self, name: str, arguments: dict[str, Any], size: tuple[int, ...]
    ) -> None:
        with torch.device("meta"):
            model = timm.create_model(name, **arguments)
        (spec,) = told("", model, 2).inputs
        assert isinstance(spec, InputSpec)
        assert spec.shape == (2, *size)
        assert model.eval()(torch.empty(2, *size, device="meta")).shape == (2, 1000)
