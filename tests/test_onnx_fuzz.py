"""Damaged models end in a report or in one line, within limits of time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def damage(folder: Path, examples: int, seed: int) -> None:
    """Run the fuzzer; what it stumbled over stays in the folder."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.onnx_fuzz", str(examples), str(seed)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{folder / 'damaged.onnx'}\n{done.stderr[-6000:]}"


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_damaged_models(tmp_path: Path) -> None:
    damage(tmp_path, 80, 1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize("seed", range(3))
def test_many_damaged_models(tmp_path: Path, seed: int) -> None:
    damage(tmp_path, 3000, seed)
