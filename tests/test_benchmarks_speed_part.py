"""The benchmark's part of speed: what is promised of made-up samples, and who is asked again."""

from __future__ import annotations

from functools import partial
from typing import Any

from analyzer.document import Table
from benchmarks.accuracy.judging import OURS
from benchmarks.speed import part
from benchmarks.speed.subjects import contest


def said(seconds: list[float], macs: int | None = 10, failed: str = "") -> dict[str, Any]:
    return {"seconds": seconds, "macs": macs, "failed": failed}


def ours(seconds: list[float]) -> dict[str, Any]:
    return said(seconds) | {"engine": [each / 10 for each in seconds]}


def process(processor: float, peak: float | None) -> dict[str, Any]:
    return {"process": {"wall": 9.0, "processor": processor}, "peak_bytes": peak, "macs": 10}


def failing(why: str) -> dict[str, Any]:
    return {"process": {"wall": 9.0, "processor": 1.0}, "failed": why}


def samples(**of_resnet: Any) -> dict[str, Any]:
    resnet = {
        "truth": 10,
        "processes": {
            OURS: [process(3.0, 4e8)],
            "quick and wrong": [process(1.0, None)],
            "right": [process(6.0, 3e8)],
            "right and slow": [process(9.0, 3e8)],
            "broken": [failing("ended with code -9")],
        },
        "tools": {
            OURS: ours([1.0, 2.0, 9.0]),
            "quick and wrong": said([0.1], 11),
            "right": said([4.0]),
            "right and slow": said([8.0]),
            "broken": said([], None, "ended with code -9"),
        },
    }
    profiler = "tensorflow profiler"
    keras = {
        "truth": 10,
        "processes": {OURS: [process(3.0, 4e8)], profiler: [process(6.0, 4e8)]},
        "tools": {OURS: ours([1.0]), profiler: said([5.0], 21)},
    }
    light = {
        "one": {OURS: ours([1.0]), "onnx-tool": said([2.0], 11)},
        "two": {OURS: ours([50.0]), "onnx-tool": said([], None, "KeyError: 'x'")},
    }
    return {
        "quick": False,
        "networks": {"ResNet-50": resnet | of_resnet, "ResNet50 of Keras": keras},
        "sets": {
            "classifiers of torchvision": {"failed": "ended with code -9"},
            "light models of onnx": {"models": light},
        },
        "large": {
            "bytes": 1_400_000_000,
            "macs": 10,
            "processes": {
                OURS: [process(1.0, 1e8), process(3.0, 2.5e8), process(1.0, 1e8)],
                "onnx.load": [process(4.0, 3e9) | {"macs": None}] * 3,
                "onnx-tool": [failing("MemoryError")],
            },
        },
    }


def test_the_fastest_tool_that_is_right_is_the_measure() -> None:
    found = {target.name: target for target in part.targets(samples())}
    assert found["ResNet-50, a report beside right"].measured == 0.5
    assert found["ResNet50 of Keras, a report beside tensorflow profiler"].measured == 0.2
    assert found["light models of onnx, reports beside onnx-tool"].measured == 0.5
    assert found["large ONNX file, a report beside onnx.load"].measured == 0.25
    assert found["ResNet-50, the engine's share of a report"].measured == 0.1
    assert found["light models of onnx, the engine's share of a report"].measured == 0.1
    assert [name for name, target in found.items() if not target.met] == [
        "ResNet50 of Keras, a report beside tensorflow profiler",
        "large ONNX file, memory in MB",
    ]


def test_without_a_truth_those_are_the_measure_who_agree() -> None:
    names = [target.name for target in part.targets(samples(truth=None))]
    assert names[0] == "ResNet-50, a report beside right"


def test_what_cannot_be_measured_keeps_no_promise() -> None:
    data = samples(tools={OURS: ours([1.0]), "wrong": said([0.1], 11)})
    data["large"]["processes"][OURS] = [process(1.0, None)]
    unmeasured = [target.name for target in part.targets(data) if target.measured is None]
    assert unmeasured == [
        "ResNet-50, a report beside the fastest that is right",
        "large ONNX file, memory in MB",
    ]
    assert "ResNet-50, a report beside the fastest that is right is not measured" in str(
        part.failures(data)
    )


def test_what_of_ours_fails_and_a_wrong_number_are_failures() -> None:
    lines = part.failures(samples(truth=11) | {"quick": True})
    assert lines == [
        "ResNet-50: ours is 10, the truth 11",
        "classifiers of torchvision: ended with code -9",
    ]
    assert len(part.failures(samples())) == 3


def test_failures_stand_in_the_tables() -> None:
    tables = [block for block in part.present(samples()) if isinstance(block, Table)]
    networks, keras, sets, light, large = tables
    rows = {row[0]: row[1:] for row in networks.rows}
    assert list(rows) == ["quick and wrong", OURS, "right", "right and slow", "broken"]
    assert rows["quick and wrong"] == ("+10 %", "100", "20.00", "1.0", "3.00", "", "")
    assert rows["right"] == ("✓", "4,000", "0.50", "6.0", "0.50", "300", "1.33")
    assert rows["broken"][0] == "ended with code -9"
    assert keras.rows[1][1] == "+110 %, all"
    assert sets.rows[0][3] == "ended with code -9"
    assert sets.rows[1][1:] == ("1 of 2", 0, "onnx-tool", "2,000", "1,000", "0.50")
    assert [row[0] for row in light.rows] == ["one", "two"]
    assert light.rows[0][1:] == ("1000.0", "2000.0", "0.50", "+10 %")
    assert light.rows[1][2] == "KeyError: 'x'"
    assert large.rows == (
        (OURS, "✓", "1,000", "", "250"),
        ("onnx.load", "—", "4,000", "0.25", "3,000"),
        ("onnx-tool", "MemoryError", "", "", ""),
    )


def test_who_fails_is_not_asked_again_and_takes_no_time() -> None:
    asked: list[str] = []

    def call(name: str, failed: str) -> dict[str, Any]:
        asked.append(name)
        later = "too late" if name == "c" and asked.count("c") == 2 else failed
        return {"seconds": 1.0, "macs": 1, "failed": later}

    contenders = {name: partial(call, name, "no" * (name == "b")) for name in "abc"}
    found = contest(contenders, 2)
    assert "".join(asked) == "abcacca"
    assert found["a"]["seconds"] == [1.0, 1.0]
    assert found["b"]["seconds"] == []
    assert found["b"]["failed"] == "no"
    assert found["c"]["seconds"] == [1.0]
    assert found["c"]["failed"] == ""
