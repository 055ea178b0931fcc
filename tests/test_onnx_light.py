"""The nine models that the ``onnx`` package ships: every shape and every MAC against a run."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

import analyzer
from tests.onnx_runs import assert_same_shapes, load, macs_that_ran

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
KNOWN = {
    "light_densenet121": (8_062_504, 2_834_161_664),
    "light_resnet50": (25_557_032, 4_089_184_256),
    "light_vgg19": (143_667_240, 19_632_062_464),
}


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_light(path: Path) -> None:
    report = analyzer.analyze(str(path))
    model = load(path)
    assert report.totals.macs == macs_that_ran(model, assert_same_shapes(model))
    assert report.coverage.complete
    if path.stem in KNOWN:
        assert (report.totals.parameters.total, report.totals.macs) == KNOWN[path.stem]


def test_all_are_there() -> None:
    assert len(list(LIGHT.glob("*.onnx"))) == 9


def test_layers_from_the_names_of_weights() -> None:
    report = analyzer.analyze(str(LIGHT / "light_densenet121.onnx"))
    layer = report["conv2_1/x1"]
    assert layer.type == "Conv"
    assert [sub.path for sub in report.layers if sub.parent == "conv2_1"] == [
        "conv2_1/x1",
        "conv2_1/x2",
    ]
