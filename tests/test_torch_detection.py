"""Detectors and optical flow of torchvision: PyTorch's own counter, and the published figures.

What a detector computes depends on how many proposals its first stage makes and how many objects
it finds. Here both sides run on the same image with the same random weights. The published figures
are of trained weights and an image of noise; what is found then is worked out below.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum, detection, optical_flow

import analyzer
from analyzer import Report
from tests.torch_truth import check_against_torch

DETECTORS = torchvision.models.list_models(module=detection)
FLOWS = torchvision.models.list_models(module=optical_flow)
QUICK = ("fasterrcnn_mobilenet_v3_large_320_fpn", "ssdlite320_mobilenet_v3_large")
SIZE = 512
"""Height and width of the image that the published figures were made with."""

FOUND = {
    ("fasterrcnn_mobilenet_v3_large_320_fpn", "COCO_V1"): (0, 0),
    ("fasterrcnn_mobilenet_v3_large_fpn", "COCO_V1"): (0, 0),
    ("fasterrcnn_resnet50_fpn", "COCO_V1"): (1000, 0),
    ("fasterrcnn_resnet50_fpn_v2", "COCO_V1"): (1000, 0),
    ("keypointrcnn_resnet50_fpn", "COCO_LEGACY"): (1000, 0),
    ("keypointrcnn_resnet50_fpn", "COCO_V1"): (1000, 1),
    ("maskrcnn_resnet50_fpn", "COCO_V1"): (1000, 0),
    ("maskrcnn_resnet50_fpn_v2", "COCO_V1"): (1000, 100),
}
"""Proposals and objects that the published figure of a model with these weights is made of.

A model on MobileNet takes no proposal whose score is below 0.05, and noise gives none above; the
others take the best 1,000. Mask and keypoint heads work on the objects found among them.
"""


def published(names: list[str]) -> Iterator[tuple[str, WeightsEnum]]:
    for name in names:
        for weights in torchvision.models.get_model_weights(name):
            yield name, weights


def ids(value: object) -> str:
    return value.name if isinstance(value, WeightsEnum) else str(value)


def detector(name: str) -> nn.Module:
    """Build with random weights; few proposals and objects, however low their scores."""
    torch.manual_seed(0)
    few = {
        "rpn_post_nms_top_n_test": 20,
        "rpn_score_thresh": 0.0,
        "box_score_thresh": 0.0,
        "box_detections_per_img": 2,
    }
    builder = torchvision.models.get_model_builder(name)
    model = builder(weights=None, weights_backbone=None, **(few if "rcnn" in name else {}))
    assert isinstance(model, nn.Module)
    return model.eval()


def noise() -> Tensor:
    return torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


@cache
def checked(name: str) -> Report:
    return check_against_torch(detector(name), ([noise()],), real=True)


def head(report: Report, kind: str) -> tuple[int, int]:
    """MACs of a head that runs once for each proposal or object, and how many those were."""
    paths = {layer.path for layer in report.layers}
    parts = [path for path in (f"roi_heads.{kind}_{end}" for end in ("head", "predictor"))
             if path in paths]  # fmt: skip
    macs = sum(report[path].macs or 0 for path in parts)
    return macs, report[parts[-1]].outputs[0].shape[0] if parts else 0


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in DETECTORS],
)
def test_macs_of_detectors_are_those_of_the_flop_counter(name: str) -> None:
    report = checked(name)
    assert "other numbers may make it do other work" in report.notes[0]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "weights"), list(published(DETECTORS)), ids=ids)
def test_published_figures_of_detectors(name: str, weights: WeightsEnum) -> None:
    report = checked(name)
    macs = report.totals.macs
    assert macs is not None
    found = FOUND.get((name, weights.name), (0, 0))
    for number, kinds in zip(found, (("box",), ("mask", "keypoint")), strict=True):
        for kind in kinds:
            taken, rows = head(report, kind)
            each, rest = divmod(taken, rows) if rows else (0, 0)
            assert not rest
            macs += number * each - taken
    assert abs(macs - weights.meta["_ops"] * 1e9) <= 0.6e6


@pytest.mark.slow
@pytest.mark.parametrize(("name", "weights"), list(published(DETECTORS)), ids=ids)
def test_published_parameters_of_detectors(name: str, weights: WeightsEnum) -> None:
    report = checked(name)
    # With a trained backbone, its batch norms are frozen: scale and offset are no parameters then.
    frozen = 0
    if not name.endswith("v2") and "ssd" not in name:
        norms = {layer.path for layer in report.layers if layer.type == "BatchNorm2d"}
        frozen = sum(
            report[path].own.parameters.total for path in norms if path.startswith("backbone")
        )
    assert report.totals.parameters.total - frozen == weights.meta["num_params"]


@pytest.mark.parametrize(
    ("name", "size", "updates"),
    [
        ("raft_small", 128, 2),
        pytest.param("raft_large", 128, 3, marks=pytest.mark.slow),
    ],
)
def test_macs_of_optical_flow_are_those_of_the_flop_counter(
    name: str, size: int, updates: int
) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model_builder(name)()
    images = {f"image{number}": torch.empty(1, 3, size, size) for number in (1, 2)}
    report = check_against_torch(model, {**images, "num_flow_updates": updates})
    assert report["update_block"].calls == updates


@pytest.mark.slow
@pytest.mark.parametrize(("name", "weights"), list(published(FLOWS)), ids=ids)
def test_published_figures_of_optical_flow(name: str, weights: WeightsEnum) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model_builder(name)()
    report = analyzer.analyze(model, ((1, 3, SIZE, SIZE),) * 2)
    assert report.totals.macs is not None
    assert abs(report.totals.macs - weights.meta["_ops"] * 1e9) <= 0.6e6
    assert report.totals.parameters.total == weights.meta["num_params"]
