"""The benchmark of growth: one real point, and what is said of made-up ones."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.document import Table
from benchmarks import growth


def data(power: float = 1.0, *, quick: bool = False, more: float = 1.0) -> dict[str, Any]:
    def point(**told: int) -> dict[str, Any]:
        held = {"operations": 64, "features": 32, "rows": 1, "weight_bytes": 4096}
        return {**held, "seconds": 0.01, "bytes": 1000, **told}

    lengths = [
        {**point(operations=n), "seconds": 1e-4 * n**power, "bytes": n * 8}
        for n in (100, 1_000, 10_000)
    ]
    return {
        "quick": quick,
        "operations": {"onnx": lengths},
        "tensor size": {"onnx": [point(), {**point(rows=100), "seconds": 0.01 * more}]},
        "weight bytes": {"onnx": [point(), point(weight_bytes=1_000_000)]},
    }


def test_a_point_is_measured() -> None:
    found = growth.one("onnx", 20, 8, 2)
    assert found["seconds"] > 0
    assert found["weight_bytes"] == 20 * 8 * 8 * 4
    assert found["bytes"] < 50e6


def test_growth_that_is_not_linear_fails() -> None:
    assert growth.failures(data()) == []
    assert growth.failures(data(power=1.5)) == [
        "target missed: onnx, exponent of seconds in operations is 1.5, and may be 1.2"
    ]
    assert growth.failures(data(more=2)) == [
        "target missed: onnx, times as long from the least to the greatest tensor size is 2, "
        "and may be 1.3"
    ]


def test_a_quick_look_fails_nothing() -> None:
    assert growth.failures(data(power=1.5, quick=True)) == []


def test_points_are_shown_by_what_grows() -> None:
    tables = [block for block in growth.present(data()) if isinstance(block, Table)]
    assert [table.rows[0][0] for table in tables] == [100, 32, 4096]
    assert tables[0].rows[0][1:] == (10.0, 0.0)


def test_a_process_that_fails_stops_the_part() -> None:
    with pytest.raises(RuntimeError, match=r"nobody's, .*KeyError"):
        growth._point("nobody's", 1, 1, 1)
