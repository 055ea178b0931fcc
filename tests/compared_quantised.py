"""A network and its copies in fewer bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

import analyzer
from analyzer import Report
from examples.export_onnx import export_torch

_IMAGE = torch.zeros(1, 3, 32, 32)


def _network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.ReLU6(),
        nn.Conv2d(32, 32, 3, padding=1, groups=32),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def _in(dtype: torch.dtype) -> Report:
    return analyzer.analyze(_network().to(dtype), _IMAGE.to(dtype))


def _file(rewrite: Callable[[Path, Path], None] | None = None) -> Report:
    with TemporaryDirectory() as folder:
        path, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        export_torch(_network(), (_IMAGE,), path, dynamo=False, input_names=["image"])
        if rewrite is not None:
            rewrite(path, after)
        return analyzer.analyze(str(after if rewrite else path))


def _static(before: Path, after: Path, form: str, *, per_channel: bool = False) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Images(CalibrationDataReader):  # type: ignore[misc]  # the tool has no types
        def __init__(self) -> None:
            self.left: Iterator[Any] = iter([{"image": np.ones(_IMAGE.shape, np.float32)}])

        def get_next(self) -> Any:
            return next(self.left, None)

    settings = {"quant_format": QuantFormat[form], "per_channel": per_channel}
    quantize_static(before, after, Images(), **settings)


def _dynamic(before: Path, after: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(before, after)


MODELS: dict[str, Callable[[], Report]] = {
    "PyTorch": partial(_in, torch.float32),
    "PyTorch, bfloat16": partial(_in, torch.bfloat16),
    "PyTorch, float16": partial(_in, torch.float16),
    "ONNX": _file,
    "ONNX, integers at run time": partial(_file, _dynamic),
    "ONNX, operators of integers": partial(_file, partial(_static, form="QOperator")),
    "ONNX, quantised and back": partial(_file, partial(_static, form="QDQ")),
    "ONNX, quantised by channel": partial(_file, partial(_static, form="QDQ", per_channel=True)),
}

PAIRS = (
    ("PyTorch", "PyTorch, float16"),
    ("PyTorch", "PyTorch, bfloat16"),
    ("PyTorch", "ONNX"),
    ("PyTorch", "ONNX, integers at run time"),
    ("PyTorch", "ONNX, operators of integers"),
    ("PyTorch", "ONNX, quantised and back"),
    ("PyTorch", "ONNX, quantised by channel"),
    ("ONNX", "ONNX, operators of integers"),
)
