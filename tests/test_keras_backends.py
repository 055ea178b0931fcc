"""On which backend Keras runs when nobody has said, and that it makes no difference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from analyzer_keras import backends
from analyzer_tensorflow.quiet import without_chatter
from tests.commands import error, run
from tests.keras_networks import NETWORKS

WHERE = "import os, sys; from analyzer import analyze; report = analyze({0!r}); " + (
    "import keras; print(keras.backend.backend(), report.totals.parameters.total, "
    "*[name for name in ('jax', 'tensorflow', 'torch') if name in sys.modules], "
    "os.environ.get('KERAS_BACKEND'))"
)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make it look as if Keras were not imported and had no settings; return their folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    for name in ("keras", *backends.BACKENDS):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(backends, "find_spec", lambda name: name)
    return tmp_path


def installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: name if name in names else None)


def test_the_one_that_is_imported_soonest(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backends.chosen() == "jax"
    installed(monkeypatch, "tensorflow", "torch")
    assert backends.chosen() == "tensorflow"
    installed(monkeypatch, "torch")
    assert backends.chosen() == "torch"
    installed(monkeypatch)
    assert backends.chosen() is None


def test_what_is_imported_already_costs_nothing(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    assert backends.chosen() == "torch"


def test_what_the_user_said_holds(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = fresh / "keras.json"
    settings.write_text(json.dumps({"backend": "torch"}))
    assert backends.chosen() is None
    for text in ('{"backend": "tensorflow"}', "{", "[]"):  # as Keras writes it by itself, or broken
        settings.write_text(text)
        assert backends.chosen() == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert backends.chosen() is None


def test_code_of_ones_own_has_the_default(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backends.chosen(own_code=True) is None
    installed(monkeypatch, "jax", "torch")
    assert backends.chosen(own_code=True) == "jax"


def test_the_environment_is_left_as_it_was(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with backends.with_backend():
        assert os.environ["KERAS_BACKEND"] == "jax"
    assert "KERAS_BACKEND" not in os.environ
    monkeypatch.setenv("KERAS_BACKEND", "")
    with backends.with_backend():
        assert os.environ["KERAS_BACKEND"] == "jax"
    assert os.environ["KERAS_BACKEND"] == ""


def test_only_chatter_is_dropped(capfd: pytest.CaptureFixture[str], fresh: Path) -> None:
    with without_chatter():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are said\n")
        os.write(2, b"I0000 00:00:1795410739.529496    2678 stub.cc:31] Could not find drivers\n")
        os.write(2, b"something that matters\n")
        sys.stderr.write("and this\n")
    assert sorted(capfd.readouterr().err.splitlines()) == ["and this", "something that matters"]


def config_file(folder: Path) -> Path:
    path = folder / "model.json"
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}}
    source = {"module": "keras.layers", "class_name": "InputLayer"}
    layers = [source | {"config": {"batch_shape": [None, 3]}}, dense]
    model = {"class_name": "Sequential", "config": {"name": "a", "layers": layers}}
    path.write_text(json.dumps({"module": "keras"} | model))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hidden", "told"),
    [((), "jax 8 jax None"), (("jax",), "tensorflow 8 tensorflow None")],
)
def test_no_other_backend_is_imported(
    hidden: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    done = run(code=WHERE.format(str(config_file(tmp_path))), hidden=hidden)
    assert done.stdout.strip() == told
    assert not done.stderr


@pytest.mark.slow
def test_torch_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    hidden = ("jax", "tensorflow")
    done = run(code=WHERE.format(str(config_file(tmp_path))), hidden=hidden)
    assert done.stdout.startswith("torch 8 ")
    (tmp_path / "own.py").write_text(
        "import keras\ndef build():\n    return keras.layers.Dense(2)\n"
    )
    done = run("summary", "own:build", "--input", "1x3", cwd=tmp_path, hidden=hidden)
    assert done.returncode == 0, done.stderr


def test_no_backend_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path = config_file(tmp_path)
    line = error(run("summary", str(path), hidden=backends.BACKENDS), 3)
    assert "needs Keras, which runs on 'tensorflow' here, and that is not installed" in line
    assert "or one of jax, torch" in line
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    line = error(run("summary", str(path), hidden=("jax",)), 3)
    assert "runs on 'jax' here" in line
    assert "choose another by KERAS_BACKEND" in line


def on(backend: str, *names: str) -> dict[str, Any]:
    """Return the reports on networks, made by a process whose Keras runs on a backend."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.keras_networks", *names],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """Return what Keras on TensorFlow gives."""
    return on("tensorflow")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "numpy", "torch"])
def test_the_backend_makes_no_difference(backend: str, expected: dict[str, Any]) -> None:
    names = set(NETWORKS)
    if backend == "numpy":
        names -= {"subclassed"}  # to find shapes it makes up values, and these are no indices
    found = on(backend, *sorted(names))
    assert {report.partition(",")[0] for report in found} == names
    for name, report in found.items():
        assert report == expected[name], name
        assert report["coverage"]["complete"], name
