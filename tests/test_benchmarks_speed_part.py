"""The benchmark's part of speed: what is promised of made-up samples, and who is asked again."""

from __future__ import annotations

from typing import Any

from analyzer.document import Table
from benchmarks.speed import part
from benchmarks.speed.subjects import OURS, contest


def said(seconds: list[float], macs: int | None = 10, failed: str = "") -> dict[str, Any]:
    return {"seconds": seconds, "macs": macs, "failed": failed}


def ours(seconds: list[float]) -> dict[str, Any]:
    return said(seconds) | {"engine": [each / 10 for each in seconds]}


def process(processor: float, peak: float) -> dict[str, Any]:
    return {"process": {"wall": 9.0, "processor": processor}, "peak_bytes": peak}


def samples(**of_resnet: Any) -> dict[str, Any]:
    resnet = {
        "truth": 10,
        "processes": {
            OURS: [process(3.0, 4e8)],
            "right": [process(6.0, 3e8)],
            "right and slow": [{"failed": "ended with code -9"}],
        },
        "tools": {
            OURS: ours([1.0, 2.0, 9.0]),
            "quick and wrong": said([0.1], 11),
            "right": said([4.0]),
            "right and slow": said([8.0]),
            "broken": said([], None, "ValueError: no"),
        },
    }
    keras = {
        "truth": 10,
        "tools": {OURS: ours([1.0]), "tensorflow profiler": said([5.0], 21)},
    }
    light = {
        "one": {OURS: ours([1.0]), "onnx-tool": said([2.0])},
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
            "processes": {
                OURS: [process(1.0, 1e8), process(3.0, 2.5e8), process(1.0, 1e8)],
                "onnx.load": [process(4.0, 3e9)] * 3,
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


def test_what_fails_and_a_wrong_number_of_ours_are_failures() -> None:
    lines = part.failures(samples(truth=11) | {"quick": True})
    assert lines == [
        "ResNet-50: ours is 10, the truth 11",
        "ResNet-50, right and slow in a process of its own: ended with code -9",
        "classifiers of torchvision: ended with code -9",
    ]
    assert len(part.failures(samples())) == 4


def test_failures_stand_in_the_tables() -> None:
    tables = [block for block in part.present(samples()) if isinstance(block, Table)]
    networks, *_, sets, light, large = tables
    rows = {row[0]: row[1:] for row in networks.rows}
    assert list(rows) == ["quick and wrong", OURS, "right", "right and slow", "broken"]
    assert rows["quick and wrong"] == ("not right", "100", "20.00 of it", "", "", "")
    assert rows["right"] == ("right", "4,000", "0.50 of it", "6.0", "0.50 of it", "300")
    assert rows["right and slow"][3:] == ("", "", "")
    assert rows["broken"][0] == "ValueError: no"
    assert sets.rows[0][2] == "ended with code -9"
    assert sets.rows[1][1:4] == ("1 of 2", "onnx-tool", "2,000")
    assert [row[0] for row in light.rows] == ["one"]
    assert large.rows[0] == (OURS, "1,000", "250")


def test_who_fails_is_not_asked_again() -> None:
    asked: list[str] = []

    def call(name: str, failed: str) -> dict[str, Any]:
        asked.append(name)
        return {"seconds": 1.0, "macs": 1, "failed": failed}

    found = contest({"a": lambda: call("a", ""), "b": lambda: call("b", "no")}, 2)
    assert asked == ["a", "b", "a", "a"]
    assert found["a"]["seconds"] == [1.0, 1.0]
    assert found["b"]["seconds"] == []
