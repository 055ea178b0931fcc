"""Comparisons of image networks that are well known, and what they come to.

``tests/golden/compare_images.json`` holds verdicts, and which reasons are given where; ``python -m
tests.comparisons images`` makes it anew. That amounts add up is tested apart.
``python -m tests.image_comparisons NAME`` prints one.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import analyzer
from analyzer.comparing.comparison import Comparison
from analyzer.report import Report

GOLDEN = Path(__file__).parent / "golden" / "compare_images.json"

IMAGE = (1, 3, 16, 16)


def changed(**settings: Any) -> Report:
    """Return the report on a small net of PyTorch in which one layer may be another."""
    from torch import nn

    told: dict[str, Any] = {
        "width": 8, "kernel": 3, "stride": 1, "dilation": 1, "groups": 1, "bias": False,
        "activation": "ReLU", "pooling": "MaxPool2d", "norm": "BatchNorm2d", "classes": 10,
        "blocks": 1, "padding": 1,
    }  # fmt: skip
    told |= settings
    width, norm = told["width"], getattr(nn, told["norm"])

    def block(channels: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.ReLU())

    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(
            8, width, told["kernel"], padding=told["padding"], stride=told["stride"],
            dilation=told["dilation"], groups=told["groups"], bias=told["bias"],
        ),
        norm(1, width) if told["norm"] == "GroupNorm" else norm(width),
        getattr(nn, told["activation"])(),
        getattr(nn, told["pooling"])(2),
        nn.Sequential(*(block(width) for _ in range(told["blocks"]))),
        nn.Conv2d(width, 16, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, told["classes"]),
    )  # fmt: skip
    return analyzer.analyze(model, IMAGE)


@cache
def known(source: str, *, folded: bool | None = None) -> Report:
    """Return the report on a known net; exported to ONNX where ``folded`` is told."""
    library, _, name = source.partition(":")
    if folded is not None:
        return _exported(name, folded=folded)
    if library == "timm":
        return analyzer.analyze("timm:create_model", arguments={"model_name": name})
    return analyzer.analyze(source)


def _exported(name: str, *, folded: bool) -> Report:
    import torch
    import torchvision

    from examples.export_onnx import export_torch

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        path = Path(folder) / f"{name}.onnx"
        module = getattr(torchvision.models, name)()
        export_torch(module, (torch.zeros(1, 3, 224, 224),), path, optimize=folded)
        return analyzer.analyze(str(path))


def _of(*sources: str) -> Callable[[], tuple[Report, ...]]:
    return lambda: tuple(known(source) for source in sources)


def _changed(**settings: Any) -> Callable[[], tuple[Report, ...]]:
    return lambda: (changed(), changed(**settings))


TORCHVISION, KERAS = "torchvision.models", "keras.applications"

QUICK: Mapping[str, Callable[[], tuple[Report, ...]]] = {
    "a layer of another activation": _changed(activation="GELU"),
    "a layer of another dilation": _changed(dilation=2, padding=2),
    "a layer of another kernel": _changed(kernel=5, padding=2),
    "a layer of another norm": _changed(norm="GroupNorm"),
    "a layer of another padding": _changed(padding=0),
    "a layer of another pooling": _changed(pooling="AvgPool2d"),
    "a layer of another stride": _changed(stride=2),
    "a layer of more groups": _changed(groups=4),
    "a layer that is wider": _changed(width=12),
    "a layer with a bias": _changed(bias=True),
    "no norm": _changed(norm="Identity"),
    "another number of classes": _changed(classes=100),
    "two blocks more": _changed(blocks=3),
    "ResNet-50 and ResNet-101": _of(f"{TORCHVISION}:resnet50", f"{TORCHVISION}:resnet101"),
}
SLOW: Mapping[str, Callable[[], tuple[Report, ...]]] = {
    "ConvNeXt-Tiny": _of(
        f"{KERAS}:ConvNeXtTiny", f"{TORCHVISION}:convnext_tiny", "timm:convnext_tiny"
    ),
    "DenseNet-121": _of(f"{KERAS}:DenseNet121", f"{TORCHVISION}:densenet121", "timm:densenet121"),
    "DenseNet-201 and DenseNet-169": _of(
        f"{TORCHVISION}:densenet201", f"{TORCHVISION}:densenet169"
    ),
    "EfficientNet-B0": _of(
        f"{KERAS}:EfficientNetB0", f"{TORCHVISION}:efficientnet_b0", "timm:efficientnet_b0"
    ),
    "MobileNetV2": _of(
        f"{KERAS}:MobileNetV2", f"{TORCHVISION}:mobilenet_v2", "timm:mobilenetv2_100"
    ),
    "ResNet-50": _of(f"{KERAS}:ResNet50", f"{TORCHVISION}:resnet50", "timm:resnet50"),
    "ResNet-50 and its exports": lambda: (
        known(f"{TORCHVISION}:resnet50"),
        known(f"{TORCHVISION}:resnet50", folded=False),
        known(f"{TORCHVISION}:resnet50", folded=True),
    ),
    "ResNet-50 of Keras and exported": lambda: (
        known(f"{KERAS}:ResNet50"), known(f"{TORCHVISION}:resnet50", folded=True),
    ),
    "ResNet-50 and ResNet-101 of Keras": _of(f"{KERAS}:ResNet50", f"{KERAS}:ResNet101"),
    "ResNet-152 and ResNet-101": _of(f"{TORCHVISION}:resnet152", f"{TORCHVISION}:resnet101"),
}  # fmt: skip
ALL = {**QUICK, **SLOW}


def compared(name: str) -> tuple[Comparison, ...]:
    """Return the comparisons of the first model of a name with the others."""
    first, *others = ALL[name]()
    found = (analyzer.compare(first, other) for other in others)
    return tuple(found)


def told(comparison: Comparison) -> dict[str, Any]:
    """Return the verdict, and each reason with where it stands: first, last, how many."""
    return {
        "models": [
            f"{report.model.name} ({report.model.framework}) of {_library(report)}"
            for report in (comparison.a, comparison.b)
        ],
        "verdict": comparison.verdict.value,
        "reasons": {
            difference.reason: [_ends(difference.layers_a), _ends(difference.layers_b)]
            for difference in comparison.differences
        },
    }


def _library(report: Report) -> str:
    source = report.model.source
    return "a file" if source.endswith(".onnx") else source.partition(":")[0]


def _ends(layers: tuple[str, ...]) -> str:
    if len(layers) < 3:
        return ", ".join(layer or "(model)" for layer in layers)
    return f"{layers[0]} … {layers[-1]} ({len(layers)})"


def write() -> None:
    """Write the golden file."""
    golden = {name: [told(one) for one in compared(name)] for name in sorted(ALL)}
    text = json.dumps(golden, indent=1, ensure_ascii=False)
    GOLDEN.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    for one in compared(sys.argv[1]):
        sys.stdout.write(f"{one.render(layers=True)}\n\n")
