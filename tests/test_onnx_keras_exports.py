"""Models that Keras wrote by way of tf2onnx, held to what Keras says and to a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analyzer
from analyzer.ops import Recurrent, Repeat
from tests.onnx_runs import assert_same_shapes, load, macs_that_ran

FEEDS: dict[str, dict[str, Any]] = {
    "attention": {
        "queries": np.ones((2, 7, 32), np.float32),
        "values": np.ones((2, 9, 24), np.float32),
    },
    "cnn": {"image": np.ones((1, 32, 32, 3), np.float32)},
    "mixed": {"image": np.ones((2, 16, 16, 3), np.float32)},
    "rnn": {"words": np.ones((1, 10), np.int32)},
}
STEPS = 10


def exported(made: Path, *names: str) -> Path:
    """Export into a folder; TensorFlow stays in a process of its own."""
    script = Path(__file__).with_name("onnx_keras_exports.py")
    environment = dict(os.environ, KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
    done = subprocess.run(
        [sys.executable, script, made, *names],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the exported files are."""
    return exported(tmp_path_factory.mktemp("keras"))


def analyzed(folder: Path, name: str) -> analyzer.Report:
    feeds = {key: value.shape for key, value in FEEDS[name].items()}
    report = analyzer.analyze(str(folder / f"{name}.onnx"), feeds)
    assert report.coverage.complete
    return report


@pytest.mark.parametrize("name", FEEDS)
def test_shapes_and_macs_as_they_ran(folder: Path, name: str) -> None:
    report = analyzed(folder, name)
    model = load(folder / f"{name}.onnx")
    outside_loops = macs_that_ran(model, assert_same_shapes(model, FEEDS[name]))
    inside_loops = 0
    if name == "rnn":
        gru, simple = 3 * 12 * (32 + 12), 6 * (12 + 6)
        inside_loops = STEPS * (gru + simple)
    assert report.totals.macs == outside_loops + inside_loops


@pytest.mark.parametrize("name", ["attention", "cnn"])
def test_parameters_are_those_of_keras(folder: Path, name: str) -> None:
    told = json.loads((folder / "told.json").read_text())
    assert analyzed(folder, name).totals.parameters.total == told[name]


def test_the_first_model_layer_by_layer(folder: Path) -> None:
    report = analyzed(folder, "cnn")
    counts = {"Conv1": 896, "Conv2": 18_496, "Conv3": 73_856, "Conv4": 33_024, "Dense": 2_621_450}
    assert {name: report[name].parameters.total for name in counts} == counts
    assert report.totals.parameters.total == 2_747_722


def test_loops_run_once_for_each_time_step(folder: Path) -> None:
    report = analyzed(folder, "rnn")
    loops = [
        node.operation
        for node in report.model.nodes or ()
        if isinstance(node.operation, (Repeat, Recurrent))
    ]
    times = [loop.times if isinstance(loop, Repeat) else loop.steps for loop in loops]
    assert times == [STEPS] * 3
    assert not report.notes
    told = json.loads((folder / "told.json").read_text())["rnn"]
    # ONNX's LSTM has two biases where Keras's has one: 4 · 16 more, in each direction.
    assert report.totals.parameters.total == told + 2 * 4 * 16


def test_an_open_batch_is_filled(folder: Path) -> None:
    one, three = (
        analyzer.analyze(str(folder / "cnn.onnx"), batch_size=batch).totals for batch in (1, 3)
    )
    assert one.macs is not None
    assert three.macs == 3 * one.macs


LEARNED_ELSEWHERE = {
    "mobile": "the exporter has put batch normalisations into the convolutions before them",
    "recurrent": "ONNX's LSTM and GRU have two biases a gate, Keras's LSTM has one",
    "residual": "the exporter has put batch normalisations into the convolutions before them",
    "transformer": "the causal mask is a table of floats in the file, and is taken for a scale",
}
"""Networks whose file has other learnable parameters than the model, and why."""

MORE_MACS = {
    # With a mask, Keras takes a step of an LSTM before its loop, only to see what it gives.
    "masked": 4 * 6 * (8 + 6),
}
"""Networks whose file does more than the model, and how much."""

NETWORKS = (
    "convolutional",
    "masked",
    "mobile",
    "own layer",
    "recurrent",
    "residual",
    "several branches",
    "transformer",
    "volumes",
)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the exported networks are."""
    return exported(tmp_path_factory.mktemp("networks"), *NETWORKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_costs_what_its_file_does(networks: Path, name: str) -> None:
    macs, learnable = json.loads((networks / "networks.json").read_text())[name]
    report = analyzer.analyze(str(networks / f"{name}.onnx"))
    assert report.coverage.complete
    assert report.totals.macs == macs + MORE_MACS.get(name, 0)
    same = report.totals.parameters.total == learnable
    assert same is (name not in LEARNED_ELSEWHERE)
