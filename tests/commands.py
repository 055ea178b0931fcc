"""Runs the command in a process of its own, and makes distributions to be found there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# Hides packages as if they were not installed, and then runs the command.
_RUN = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in {hidden!r}
        return None if hidden else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

if {hidden!r}:
    sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
{code}
"""
_COMMAND = "from analyzer.cli import main; main(prog_name='analyzer')"


def run(
    *arguments: str,
    cwd: Path | None = None,
    path: Path | None = None,
    hidden: Sequence[str] = (),
    code: str = _COMMAND,
) -> subprocess.CompletedProcess[str]:
    """Run ``analyzer`` with these arguments, or other Python ``code``.

    ``path`` is searched for modules and distributions; ``hidden`` packages are not installed.
    """
    environment = dict(os.environ, OMP_NUM_THREADS="1", COLUMNS="160")
    environment.pop("PYTHONPATH", None)
    environment.pop("GITHUB_ACTIONS", None)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    program = _RUN.format(hidden=list(hidden), code=code)
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def error(result: subprocess.CompletedProcess[str], exit_code: int) -> str:
    """Return the one line of an error, having checked that there is nothing else."""
    assert result.returncode == exit_code, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def distribution(folder: Path, name: str, plugins: Mapping[str, str], **modules: str) -> Path:
    """Put an installed distribution with plugins (entry point → module) into a folder."""
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{point} = {module}" for point, module in plugins.items()]
    (information / "entry_points.txt").write_text("\n".join(["[analyzer.plugins]", *lines, ""]))
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    return folder
