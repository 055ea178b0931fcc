"""Ours is held to the truth on every case that TensorFlow runs, of Keras and without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.accuracy.cases import Case, Framework
from benchmarks.accuracy.judging import OURS, Verdict, judged
from benchmarks.accuracy.keras import FRAMEWORK as KERAS
from benchmarks.accuracy.tensorflow import FRAMEWORK as TENSORFLOW
from benchmarks.accuracy.tensorflow.modules import Twice
from benchmarks.peers import tensorflow as peers

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras's own, of what it quantises

BOUNDS = {
    (KERAS.name, "control flow, loop"),
    (TENSORFLOW.name, "control flow, loop"),
    (TENSORFLOW.name, "control flow, loop, as a SavedModel"),
    (TENSORFLOW.name, "dynamic shapes"),
}
"""Where only data tell how much there is to do; a branch is its larger way, which is taken here."""

CASES = [
    pytest.param(
        framework,
        case,
        id=f"{framework.name}, {case.name}",
        marks=() if case.quick else pytest.mark.slow,
    )
    for framework in (KERAS, TENSORFLOW)
    for case in framework.cases
]


@pytest.mark.parametrize(("framework", "case"), CASES)
def test_ours_is_right_or_a_bound_that_says_so(framework: Framework, case: Case) -> None:
    built = case.build()
    figures = framework.tools[OURS](built)
    assert not figures.failed
    macs, parameters = judged(figures, framework.truth(built))
    assert parameters.verdict is Verdict.RIGHT, parameters
    expected = Verdict.BOUND if (framework.name, case.name) in BOUNDS else Verdict.RIGHT
    assert macs.verdict is expected, macs
    assert bool(figures.bound) == (expected is Verdict.BOUND or "branch" in case.name)


def test_the_profiler_takes_functions_modules_and_folders(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, use_bias=False)])
    model.export(str(tmp_path), verbose=False)
    x = np.zeros((2, 4), "float32")
    for given in (model, tf.function(model), tmp_path):
        assert peers.tensorflow_profiler(given, x).flops == 2 * 2 * 4 * 3
    assert peers.tensorflow_profiler(Twice(), np.zeros((1, 4, 4, 8), "float32")).flops


def test_cases_of_keras_are_for_any_backend() -> None:
    code = (
        "import sys; from benchmarks.accuracy.keras.layers import LAYERS; "
        "print(len(LAYERS), *sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        check=True,
        capture_output=True,
        text=True,
    )
    count, *modules = ran.stdout.split()
    assert int(count) > 20
    assert "tensorflow" not in modules
