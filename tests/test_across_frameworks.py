"""The same networks in several frameworks: equal where they are equal, and every difference named.

The figures here are published ones or worked out by hand; how each importer's own figures are held
to its framework stands in that importer's tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import analyzer
from analyzer import Report
from analyzer.comparing.comparison import Comparison
from analyzer.comparing.reasons import CONSTANTS, Amount

ROOT = Path(__file__).parent.parent
CNN = ("examples.cnn_keras:build", "examples.cnn_torch:build")
CNN_FILES = ("examples/cnn_keras.onnx", "examples/cnn_torch.onnx")
CNN_PARAMETERS = {
    "Conv1": 896,
    "Conv2": 18_496,
    "Conv3": 73_856,
    "Conv4": 33_024,
    "Dense": 2_621_450,
}

# Learnable parameters and MACs of one image.
KNOWN = {
    ("keras.applications:ConvNeXtTiny", "torchvision.models:convnext_tiny"): (
        28_589_128,
        4_455_531_264,
    ),
    ("keras.applications:DenseNet121", "torchvision.models:densenet121"): (
        7_978_856,
        2_834_161_664,
    ),
    ("keras.applications:EfficientNetB0", "torchvision.models:efficientnet_b0"): (
        5_288_548,
        385_814_752,
    ),
    ("keras.applications:MobileNetV2", "torchvision.models:mobilenet_v2"): (
        3_504_872,
        300_774_272,
    ),
    ("keras.applications:VGG19", "torchvision.models:vgg19"): (143_667_240, 19_632_062_464),
}


@cache
def report(source: str) -> Report:
    path = str(ROOT / source) if source.endswith(".onnx") else source
    image = (1, 3, 32, 32) if source == CNN[1] else None
    return analyzer.analyze(path, image)


def compared(a: str, b: str) -> Comparison:
    found = analyzer.compare(report(a), report(b))
    assert found.remainder == Amount()
    assert all("other" not in difference.reason.split() for difference in found.differences)
    return found


@pytest.mark.parametrize("source", [*CNN, *CNN_FILES])
def test_the_first_cnn_has_the_same_parameters_in_every_form(source: str) -> None:
    found = report(source)
    assert found.totals.parameters.total == 2_747_722
    assert found.coverage.complete
    for layer, parameters in CNN_PARAMETERS.items():
        assert found[layer].parameters.total == parameters
        derivation = found[layer].explain()
        assert sum(one.expression.value for one in derivation.parameters) == parameters
    assert sum(layer.own.parameters.total for layer in found.layers) == 2_747_722


@pytest.mark.parametrize("source", [*CNN, *CNN_FILES])
def test_conv1_is_explained_alike_in_every_form(source: str) -> None:
    text = str(report(source)["Conv1"].explain())
    assert "3·3·3·32 + 32 = 896 learnable parameters" in text
    assert "kernel height × kernel width × input channels × filters" in text
    assert "1·32·32·32·3·3·3 = 884,736" in text


@pytest.mark.parametrize("source", [CNN[1], *CNN_FILES])
def test_the_first_cnn_costs_the_same_in_every_form(source: str) -> None:
    found = compared(CNN[0], source)
    assert found.is_at_least("equivalent")
    # A file may keep the shape that Flatten gives as a tensor.
    assert {difference.reason for difference in found.differences} <= {CONSTANTS}


@pytest.mark.slow
@pytest.mark.parametrize(("keras_model", "torch_model"), KNOWN)
def test_the_same_network_in_keras_and_torchvision(keras_model: str, torch_model: str) -> None:
    parameters, macs = KNOWN[(keras_model, torch_model)]
    found = compared(keras_model, torch_model)
    for side in (found.a, found.b):
        assert side.totals.parameters.total == parameters
        assert side.totals.macs == macs
    assert found.is_at_least("equivalent")


def test_resnet_50_differs_and_every_difference_has_its_reason() -> None:
    found = compared("keras.applications:ResNet50", "torchvision.models:resnet50")
    assert found.a.totals.parameters.total == 25_583_592
    assert found.b.totals.parameters.total == 25_557_032
    amounts = {difference.reason: difference.amount for difference in found.differences}
    assert amounts["bias of Convolution present or absent"].parameters == 26_560
    assert amounts["stride in another place"].macs == -231_211_008
    assert amounts["batch counter that no operation reads"] == Amount(
        state=-53, stored_bytes=-53 * 8
    )
    assert found.a.totals.parameters.state == 53_120
    assert found.verdict == "different"


@pytest.mark.slow
def test_frameworks_that_cannot_share_a_process_do(tmp_path: Path) -> None:
    """TensorFlow first, then torchvision: without care, two LLVMs end the process."""
    program = (
        "import tensorflow, analyzer\n"
        "print(analyzer.analyze('torchvision.models:squeezenet1_1').totals.macs)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "349151936"
