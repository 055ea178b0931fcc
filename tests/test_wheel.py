"""The wheel: built from the source distribution, installed elsewhere, and used there."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    # Without --wheel, build makes the source distribution first and the wheel from it.
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the scripts folder of an environment that holds the wheel and no framework."""
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run(
        [scripts / "python", "-m", "pip", "install", "--quiet", str(wheel)],
        check=True,
        capture_output=True,
    )
    return scripts


def run(scripts: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [scripts / "analyzer", *arguments], capture_output=True, text=True, check=False, cwd="/"
    )


def test_wheel_holds_plugins_types_and_schemas(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "analyzer/py.typed",
        "analyzer/__init__.pyi",
        "analyzer/schema/report-1.json",
        "analyzer_torch/py.typed",
        "analyzer_keras/__init__.py",
        "analyzer_onnx/__init__.py",
        "analyzer_tensorflow/__init__.py",
    } <= names
    assert not [name for name in names if name.startswith(("tests", "plugins", "examples"))]


def test_command_works_without_any_framework(elsewhere: Path) -> None:
    assert run(elsewhere, "--help").returncode == 0
    listed = run(elsewhere, "plugins")
    assert listed.returncode == 0
    assert "not installed: pip install 'model-analyzer[torch]'" in listed.stdout


@pytest.mark.parametrize(
    ("model", "extra"), [("torchvision.models:resnet50", "torch"), ("keras:Model", "keras")]
)
def test_missing_framework_names_the_extra(elsewhere: Path, model: str, extra: str) -> None:
    result = run(elsewhere, "summary", model)
    assert result.returncode == 3
    assert f"pip install 'model-analyzer[{extra}]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_model_built_by_hand_is_counted(elsewhere: Path) -> None:
    program = """
from analyzer import ModelBuilder, Use, analyze, ops
builder = ModelBuilder(name="tiny", framework="none", framework_version="1", source="here")
builder.layer("", type="Model")
builder.layer("dense", type="Dense", parent="")
builder.parameter("w", shape=(4, 3), dtype="float32")
x, y = builder.tensor((2, 4), "float32"), builder.tensor((2, 3), "float32")
builder.add(ops.Linear(rows=2, in_features=4, out_features=3, bias=False),
            inputs=[x], outputs=[y], uses=[Use("w", "kernel")], layer="dense", native="mine")
report = analyze(builder.build(inputs=[x], outputs=[y]))
print(report.totals.parameters.total, report.totals.macs)
print(report["dense"].explain())
"""
    result = subprocess.run(
        [elsewhere / "python", "-c", program], capture_output=True, text=True, check=False, cwd="/"
    )
    assert result.stdout.startswith("12 24\n"), result.stderr
    assert "input features × output features" in result.stdout
