"""The memory of an eager run, against what PyTorch's tracker measures in a real one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

import analyzer
from tests.torch_truth import held_bytes


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


def hourglass() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.GroupNorm(4, 16),
        nn.GELU(),
    )


def pyramid() -> nn.Module:
    backbone: nn.Module = resnet_fpn_backbone(
        backbone_name="resnet18", weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
    )
    return backbone


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (encoder, (2, 32, 64)),
        (hourglass, (1, 3, 64, 64)),
        pytest.param(pyramid, (1, 3, 64, 64), marks=pytest.mark.slow),
    ],
)
def test_eager_peak(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    model = make().eval()
    report = analyzer.analyze(model, shape)
    held = held_bytes(model, torch.zeros(shape))
    assert report.totals.memory.eager_peak_activation_bytes == held["ACT"]
