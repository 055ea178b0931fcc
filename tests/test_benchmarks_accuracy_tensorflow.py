"""Ours is held to the truth on every case that TensorFlow runs, of Keras and without it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.accuracy.cases import Case, Framework
from benchmarks.accuracy.judging import OURS, Answer, Verdict, judged
from benchmarks.accuracy.keras import FRAMEWORK as KERAS
from benchmarks.peers import Figures

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras's own, of what it quantises

FRAMEWORKS = (KERAS,)
CASES = [
    pytest.param(
        framework,
        case,
        id=f"{framework.name}, {case.name}",
        marks=() if case.quick else pytest.mark.slow,
    )
    for framework in FRAMEWORKS
    for case in framework.cases
]


def judge(framework: Framework, case: Case) -> tuple[Figures, Answer, Answer]:
    built = case.build()
    figures = framework.tools[OURS](built)
    return (figures, *judged(figures, framework.truth(built)))


@pytest.mark.parametrize(("framework", "case"), CASES)
def test_ours_is_right_or_a_bound_that_says_so(framework: Framework, case: Case) -> None:
    figures, macs, parameters = judge(framework, case)
    assert not figures.failed
    assert parameters.verdict is Verdict.RIGHT, parameters
    if case.covers == "control flow":
        assert macs.verdict in (Verdict.RIGHT, Verdict.BOUND), macs
    else:
        assert macs.verdict is Verdict.RIGHT, macs
        assert not figures.bound


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
