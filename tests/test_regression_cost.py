"""Reports take no more calls and memory than is recorded, and no more than operations do.

Nothing here depends on time. ``python -m benchmarks.cost --write`` makes the record anew.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from typing import Any

import pytest

from benchmarks.cost import GROWN, Cost, costs, grown, recorded
from benchmarks.cost_models import CHAINS, MODELS

CASES = [(importer, name) for importer, models in MODELS.items() for name in models]


@cache
def found(importer: str) -> dict[str, Any]:
    return costs(importer)


@pytest.mark.parametrize(("importer", "name"), CASES)
def test_a_report_costs_no_more_than_is_recorded(importer: str, name: str) -> None:
    held = recorded()[importer]
    now = Cost(**found(importer)["models"][name])
    same_libraries = held["versions"] == found(importer)["versions"]
    lines = grown(now, held["models"][name], libraries=same_libraries)
    assert not lines, "\n".join([f"{importer}, {name}:", *lines])


@pytest.mark.parametrize("importer", CHAINS)
def test_cost_grows_no_faster_than_operations(importer: str) -> None:
    ratios = found(importer)["growth"]
    assert all(ratio <= 4.2 for ratio in ratios.values()), ratios


@pytest.mark.parametrize("importer", CHAINS)
def test_cost_does_not_grow_with_tensors_and_weights(importer: str) -> None:
    small, large = (Cost(**figures) for figures in found(importer)["wide"])
    assert large.own_calls == small.own_calls
    assert large.peak_bytes < 1.1 * small.peak_bytes


def test_every_model_is_recorded() -> None:
    held = recorded()
    assert [(importer, name) for importer in held for name in held[importer]["models"]] == CASES


def test_what_grew_is_told_with_its_functions() -> None:
    before = Cost(
        operations=10,
        rules=10,
        own_calls=1000,
        all_calls=5000,
        peak_bytes=4000,
        most_called={"analyzer/engine.py: count": 600, "analyzer/ir.py: Model.read": 100},
    )
    assert grown(before, asdict(before), libraries=True) == []
    most = {"analyzer/engine.py: count": 650, "analyzer/memory.py: live": 150}
    now = replace(before, own_calls=1100, all_calls=5300, most_called=most)
    own = [
        "own_calls: 1,100, recorded 1,000: +10.0%, at most +5%",
        "  analyzer/engine.py: count: 650 calls, were 600",
        "  analyzer/memory.py: live: 150 calls, were at most 100",
    ]
    assert grown(now, asdict(before), libraries=False) == own
    of_all = "all_calls: 5,300, recorded 5,000: +6.0%, at most +5%"
    assert grown(now, asdict(before), libraries=True) == [own[0], of_all, *own[1:]]
    assert list(asdict(before))[:-1] == list(GROWN)
