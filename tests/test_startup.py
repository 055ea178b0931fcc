"""The command starts quickly: nothing is imported that is not used, and little is done."""

from __future__ import annotations

import json
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from tests.commands import run

# Counts the calls from the first import on.
_COUNTED = """
import cProfile, json, pstats
from contextlib import redirect_stdout
from io import StringIO
profile = cProfile.Profile()
with redirect_stdout(StringIO()):
    profile.enable()
    from analyzer.cli import main
    main(sys.argv[1:], standalone_mode=False)
    profile.disable()
loaded = sorted(sys.modules)
print(json.dumps([loaded, pstats.Stats(profile).total_calls]))
"""

_UNUSED = {
    "analyzer.engine", "analyzer.inputs", "analyzer.ir", "analyzer.ops", "analyzer.report",
    "email", "google", "jax", "keras", "numpy", "onnx", "rich.live", "rich.markdown", "rich.syntax",
    "pygments", "tensorflow", "torch", "zipfile",
}  # fmt: skip
LIGHT = Path(str(metadata.distribution("onnx").locate_file("onnx"))) / (
    "backend/test/data/light/light_squeezenet.onnx"
)


@cache
def counted(*arguments: str) -> tuple[frozenset[str], int]:
    for _ in range(2):  # the first run also compiles what is not compiled yet
        done = run(*arguments, code=_COUNTED)
        assert done.returncode == 0, done.stderr
    loaded, calls = json.loads(done.stdout)
    return frozenset(loaded), calls


@pytest.mark.parametrize("command", [("--help",), ("plugins",), ("plugins", "--format", "json")])
def test_nothing_is_imported_that_is_not_used(command: tuple[str, ...]) -> None:
    loaded, _ = counted(*command)
    assert loaded.isdisjoint(_UNUSED)
    if "plugins" not in command or "json" in command:
        assert "rich" not in loaded


def test_a_command_does_not_load_the_others() -> None:
    loaded, _ = counted("plugins")
    assert {name for name in loaded if name.startswith("analyzer.cli.")} == {
        "analyzer.cli.failing", "analyzer.cli.options", "analyzer.cli.plugins",
    }  # fmt: skip


def test_a_summary_imports_no_more_of_onnx_than_it_needs() -> None:
    loaded, _ = counted("summary", str(LIGHT))
    assert loaded.isdisjoint({
        "analyzer.comparing", "analyzer.explaining.explainer", "analyzer.scaling", "jax", "keras",
        "onnx.reference", "onnxruntime", "tensorflow", "torch",
    })  # fmt: skip


# About a fifth more than was needed when this was written, on Python 3.11: what the interpreter and
# click need changes with their versions; an import of a library for nothing is more than that.
@pytest.mark.parametrize(
    ("command", "at_most"),
    [(("--help",), 58_000), (("plugins",), 185_000), (("summary", str(LIGHT)), 610_000)],
)
def test_little_is_done(command: tuple[str, ...], at_most: int) -> None:
    _, calls = counted(*command)
    assert calls <= at_most
