"""A two-stage detector: sizes follow from what is found, and each is a bound that is marked."""

from __future__ import annotations

import warnings
from itertools import count
from pathlib import Path

import onnx
import pytest
import torch
import torchvision

import analyzer
from analyzer import Bound
from analyzer_onnx.signature import declared_inputs
from analyzer_onnx.values import Scope, Value
from analyzer_onnx.walk import Walk
from tests.onnx_runs import macs_that_ran, shapes_that_ran

IMAGE = (3, 320, 320)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> onnx.ModelProto:
    """Return Faster R-CNN as PyTorch's older exporter writes it: NonZero, If, NMS, RoiAlign."""
    path: Path = tmp_path_factory.mktemp("detector") / "detector.onnx"
    torch.manual_seed(0)
    build = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn
    module = build(weights=None, weights_backbone=None).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(
            module, ([torch.rand(IMAGE)],), str(path), dynamo=False, opset_version=17, verbose=False
        )
    return onnx.load(str(path))


@pytest.mark.slow
def test_shapes_are_those_that_ran_or_bounds_of_them(detector: onnx.ModelProto) -> None:
    numbers = count(1)
    walk, scope = Walk(detector, lambda: next(numbers)), Scope()
    (image,) = declared_inputs(detector.graph)
    scope[image.name] = Value(image.name, IMAGE, image.dtype, next(numbers))
    walk.graph(detector.graph, scope)
    exact = 0
    for name, shape in shapes_that_ran(detector).items():
        value = scope.get(name)
        assert value is not None
        assert value.shape is not None, name
        if value.bound is Bound.EXACT:
            assert value.shape == shape, name
            exact += 1
        else:
            assert value.bound is Bound.UPPER, name
            pairs = zip(shape, value.shape, strict=True)
            assert all(ran <= inferred for ran, inferred in pairs), name
    assert exact > 300


@pytest.mark.slow
def test_work_is_an_upper_bound(detector: onnx.ModelProto) -> None:
    report = analyzer.analyze(detector, IMAGE)
    assert not report.coverage.unknown
    assert report.coverage.bound is Bound.UPPER
    assert (report.totals.macs or 0) >= macs_that_ran(detector, shapes_that_ran(detector))
    assert report["backbone"].figures.bound is Bound.EXACT
    assert any("as many as there can be" in note for note in report.notes)
