"""Comparisons of nets that are well known come to what was read and found right."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.comparing.reasons import Amount
from tests.image_comparisons import GOLDEN, QUICK, SLOW, compared, told

SAME = ("ConvNeXt-Tiny", "DenseNet-121", "EfficientNet-B0", "MobileNetV2")
KNOWN: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))


def assert_as_golden(name: str) -> None:
    found = compared(name)
    for comparison in found:
        assert comparison.remainder == Amount()
        assert not {"other", ""} & {word.reason for word in comparison.differences}
        by_layer = Amount()
        for pair in comparison.layers:
            for _, amount in pair.differences:
                by_layer = by_layer + amount
        whole = sum((one.amount for one in comparison.differences), start=Amount())
        assert by_layer == whole
    assert [told(comparison) for comparison in found] == KNOWN[name]


@pytest.mark.parametrize("name", QUICK)
def test_small_nets_and_resnets(name: str) -> None:
    assert_as_golden(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_nets_of_several_frameworks(name: str) -> None:
    assert_as_golden(name)


def test_golden_files_hold_these_and_no_others() -> None:
    assert sorted(KNOWN) == sorted([*QUICK, *SLOW])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["ConvNeXt-Tiny", "DenseNet-121", "EfficientNet-B0", "MobileNetV2"]
)
def test_frameworks_agree_and_what_they_print_is_told(name: str) -> None:
    """Keras prints state among its parameters; its own count is in the file."""
    path = Path(__file__).parent / "golden" / "keras_applications.csv"
    rows = {row["model"]: row for row in csv.DictReader(path.read_text().splitlines())}
    for comparison in compared(name):
        assert comparison.is_at_least("equivalent")
        row = rows[comparison.a.model.name]
        shown = str(comparison)
        parameters, macs = int(row["learnable"]), int(row["macs"])
        assert (
            f"Equivalent: the same {parameters:,} learnable parameters and {macs:,} MACs" in shown
        )
        if row["count_params"] != row["learnable"]:
            printed = int(row["count_params"])
            assert f"Keras itself prints {printed:,} total parameters" in " ".join(shown.split())
