"""Settings of the whole suite."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests of all frameworks share a process here. Triton (which PyTorch imports in passing) has to be
# loaded before TensorFlow: each brings an LLVM of its own, and the other order ends the process.
if importlib.util.find_spec("triton") is not None:
    importlib.import_module("triton")

settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("suite"), max_examples=1000)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def third_party_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which pip has installed the third-party plugin, and nothing else."""
    folder = tmp_path_factory.mktemp("third_party")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    source = Path(__file__).parent / "third_party_plugin"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", folder, source],
        check=True,
        capture_output=True,
    )
    return folder
