"""Files that packages carry to be used: open sizes, branches, loops; held to a run of each.

``shipped_models.txt`` names the packages. Their own code is not imported.
"""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import numpy as np
import onnx
import pytest

import analyzer
from analyzer.engine import Bound
from tests.onnx_watched import macs, ran, specs_for, wrong_shapes


def image(*sizes: int) -> np.ndarray:
    return np.ones((1, 3, *sizes), np.float32)


def speech(samples: int, rate: int) -> dict[str, np.ndarray]:
    """Return a piece of sound, as the detector of speech takes it, with what it remembers."""
    return {
        "input": np.ones((1, samples), np.float32),
        "state": np.zeros((2, 1, 128), np.float32),
        "sr": np.array(rate),
    }


CASES = (
    ("magika", "model.onnx", {"bytes": np.ones((2, 2048), np.int32)}),
    ("rapidocr-onnxruntime", "ch_PP-OCRv4_det_infer.onnx", {"x": image(64, 96)}),
    ("rapidocr-onnxruntime", "ch_PP-OCRv4_rec_infer.onnx", {"x": image(48, 96)}),
    ("rapidocr-onnxruntime", "ch_ppocr_mobile_v2.0_cls_infer.onnx", {"x": image(48, 192)}),
    ("silero-vad", "silero_vad.onnx", speech(576, 16_000)),
    ("silero-vad", "silero_vad.onnx", speech(288, 8_000)),
    ("silero-vad", "silero_vad_16k_op15.onnx", speech(576, 16_000)),
    ("silero-vad", "silero_vad_op18_ifless.onnx", speech(576, 16_000)),
)


def shipped(package: str, name: str) -> Path:
    found = [file for file in files(package) or () if file.name == name]
    return Path(str(found[0].locate()))


@pytest.mark.parametrize(("package", "name", "feeds"), CASES)
def test_every_shape_and_the_macs(package: str, name: str, feeds: dict[str, np.ndarray]) -> None:
    path = shipped(package, name)
    model = onnx.load(path)
    shapes = ran(model, feeds)
    assert not wrong_shapes(model, feeds, shapes)
    report = analyzer.analyze(path, specs_for(feeds))
    assert report.totals.macs == macs(model, shapes)
    assert report.coverage.complete
    assert report.coverage.bound is Bound.EXACT
    assert not report.notes  # nothing of a branch that does not run


def test_a_branch_that_nobody_can_tell_is_no_exact_number() -> None:
    """Without its rate, either half of the detector of speech may run."""
    feeds = speech(576, 16_000)
    path = shipped("silero-vad", "silero_vad.onnx")
    shapes = {name: array.shape for name, array in feeds.items()}
    report = analyzer.analyze(path, shapes)
    known = analyzer.analyze(path, specs_for(feeds))
    assert report.totals.macs == known.totals.macs  # the larger of the two
    assert report.coverage.bound is not Bound.EXACT
