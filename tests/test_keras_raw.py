"""Code that calls a backend directly reads the same, whichever backend it was written for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

BACKENDS = ("jax", "tensorflow", "torch")
ROOT = Path(__file__).parents[1]


@cache
def found(backend: str) -> dict[str, dict[str, Any]]:
    """Return what the program finds of each model when Keras runs on a backend."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
    }
    result = subprocess.run(
        [sys.executable, "-m", "tests.keras_raw_code"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    read: dict[str, dict[str, Any]] = json.loads(result.stdout)
    return read


def shared() -> dict[str, dict[str, dict[str, Any]]]:
    """Return what was found of models that every backend has: by model, then by backend."""
    names = set.intersection(*(set(found(backend)) for backend in BACKENDS))
    return {name: {backend: found(backend)[name] for backend in BACKENDS} for name in names}


def test_every_backend_reads_the_same_and_all_of_it() -> None:
    assert len(shared()) >= 6
    for name, results in shared().items():
        jax, *others = ({**one, "counted": None} for one in results.values())
        for other in others:
            assert other == jax, name


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_unknown_and_nothing_touched(backend: str) -> None:
    for name, one in found(backend).items():
        assert one["unknown"] == [], name
        assert one["untouched"], name
        assert one["parameters"] == one["count_params"], name


def test_pytorch_counts_the_same_when_it_runs() -> None:
    for name, one in found("torch").items():
        assert one["macs"] == one["counted"], name


def test_layers_in_raw_code_stay_whole() -> None:
    for one in shared()["looping"].values():
        assert one["calls"]["mine/dense"] == 7
        assert one["macs of layers"]["mine/dense"] == one["macs"] == 2 * 7 * 4 * 4
    for one in shared()["holding"].values():
        assert one["calls"]["mine/raw"] == one["calls"]["mine/attend/query"] == 1


def test_code_of_jax_alone() -> None:
    of_jax = found("jax")
    assert of_jax["deciding"]["bound"] == "upper bound"
    assert of_jax["deciding"]["macs"] == 2 * 3 * 4 * 3
    assert of_jax["scanning"]["macs"] == 3 * 4 * 4
    assert of_jax["mapping"]["macs"] == 3 * 4 * 3


def test_code_of_pytorch_alone() -> None:
    of_torch = found("torch")
    assert of_torch["wrapping"]["macs"] == 3 * 4 * 5
    assert set(of_torch["wrapping"]["roles"].values()) == {"kernel", "bias"}
