"""Backbones of KerasHub: what is read of them is what PyTorch counts when they run on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.keras_hub_models import MODELS

ROOT = Path(__file__).parents[1]

DIFFERENT = {
    "D-FINE": "it multiplies constants with constants, which is done before it is followed",
}
"""Models of which PyTorch counts more, and why."""

NOT_ALL = {
    "SAM 3": {"torchvision.roi_align"},
}
"""Models of which something is unknown: the size of a box decides how many samples it has."""


def read(program: str, *names: str, backend: str = "torch") -> dict[str, dict[str, Any]]:
    """Return what a program finds of these models, or of all."""
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
    }
    result = subprocess.run(
        [sys.executable, "-m", f"tests.{program}", *names],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    parsed: dict[str, dict[str, Any]] = json.loads(result.stdout)
    return parsed


@cache
def all_of_them() -> dict[str, dict[str, Any]]:
    return read("keras_hub_backbones")


@cache
def tasks(backend: str) -> dict[str, dict[str, Any]]:
    return read("keras_hub_tasks", backend=backend)


def check(name: str, one: dict[str, Any]) -> None:
    assert set(one["unknown"]) == NOT_ALL.get(name, set())
    assert one["parameters"] == one["count_params"]
    assert one["trainable"] == one["trainable_params"]
    if name in DIFFERENT:
        assert one["counted"] > one["macs"]
    elif name not in NOT_ALL:
        assert one["counted"] == one["macs"] > 0


def test_every_backbone_is_there() -> None:
    """A backbone that KerasHub exports is built here, small."""
    import ast
    from importlib.util import find_spec

    spec = find_spec("keras_hub")
    assert spec is not None
    assert spec.origin is not None
    exported = ast.parse((Path(spec.origin).parent / "models" / "__init__.py").read_text())
    names = {
        alias.name
        for node in exported.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.endswith("Backbone")
    }
    code = (ROOT / "tests" / "keras_hub_models.py").read_text()
    missing = {name for name in names if name not in code} - {"Backbone", "FeaturePyramidBackbone"}
    assert not missing


@pytest.mark.slow
def test_two_of_them() -> None:
    for name, one in read("keras_hub_backbones", "Llama", "ResNet").items():
        check(name, one)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_backbones(name: str) -> None:
    check(name, all_of_them()[name])


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_tasks_are_read_whole_quantised_and_generating(backend: str) -> None:
    for name, one in tasks(backend).items():
        assert one["unknown"] == [], name
        assert one["macs"] > 0, name


@pytest.mark.slow
def test_quantised_tasks_do_the_same_with_the_same_parameters() -> None:
    found = tasks("torch")
    for name, one in found.items():
        task, _, mode = name.partition(" ")
        if mode == "generating":
            continue
        plain = found[task]
        assert one["macs"] == plain["macs"], name
        if mode.startswith("int"):
            assert one["total"] == plain["total"], name
        else:
            assert one["total and state"] == one["count_params"], name
