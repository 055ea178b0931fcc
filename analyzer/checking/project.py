"""The models that ``pyproject.toml`` names, and what it asks of them.

``[tool.analyzer.models.NAME]`` is a model: the key ``model`` and settings.
``[tool.analyzer.defaults]`` holds the settings of all of them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzer.checking.settings import Asked, Given, asked_of
from analyzer.errors import UnknownNameError, UsageError

__all__ = ["Project", "find_project", "read_project"]

_FILE = "pyproject.toml"
_TABLES = ("defaults", "models")
_EXAMPLE = 'write [tool.analyzer.models.NAME] and model = "module:callable" or a file'


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The ``[tool.analyzer]`` of a file; ``file`` as messages call it, ``folder`` it stands in."""

    file: str
    folder: Path
    defaults: Mapping[str, Given]
    models: Mapping[str, Mapping[str, Given]]

    def asked(self, name: str, told: Mapping[str, Given]) -> Asked:
        """Read what is asked of a model; what the user tells goes before the file.

        Raises:
            UsageError: there is no such model, or a setting is wrong.
        """
        if name not in self.models:
            from difflib import get_close_matches

            close = get_close_matches(name, self.models, n=3) or list(self.models)
            raise UnknownNameError(
                f"{self.file} names no model {name!r}; did you mean {', '.join(close)}?"
            )
        own = dict(self.models[name])
        where = f"{self.file}, [tool.analyzer.models.{name}]"
        model = own.pop("model", Given(None, f"{where}, model"))
        if not isinstance(model.value, str) or not model.value:
            raise UsageError(
                f'{model.where}: {model.value!r} is no model; give a file or "module:callable"'
            )
        settings = {**self.defaults, **own, **told}
        # A path in the file is from where the file is, wherever the command is started.
        nearby = self.folder / model.value
        is_file = nearby.exists() or ":" not in model.value
        return asked_of(
            _shown(nearby) if is_file else model.value,
            settings,
            name=name,
            folder=None if "baseline" in told else self.folder,
        )


def find_project(start: Path) -> Path | None:
    """Look for the nearest ``pyproject.toml`` with a ``[tool.analyzer]``, in a folder and above.

    Raises:
        UsageError: one on the way is no TOML.
    """
    for folder in (start, *start.parents):
        path = folder / _FILE
        if path.is_file() and _tool(_load(path), path) is not None:
            return path
    return None


def read_project(path: Path) -> Project:
    """Read the models and settings of a file.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    tool = _tool(_load(path), path)
    file = _shown(path)
    if tool is None:
        raise UsageError(f"{file} has no [tool.analyzer]; {_EXAMPLE}")
    for key in tool:
        if key not in _TABLES:
            raise UsageError(
                f"{file}, [tool.analyzer]: there is no {key!r} in it; it has the tables "
                f"{' and '.join(_TABLES)}"
            )
    where = f"{file}, [tool.analyzer"
    models = _table(tool.get("models", {}), f"{where}.models]")
    if not models:
        raise UsageError(f"{where}] names no model; {_EXAMPLE}")
    return Project(
        file=file,
        folder=path.parent,
        defaults=_given(tool.get("defaults", {}), f"{where}.defaults]"),
        models={name: _given(table, f"{where}.models.{name}]") for name, table in models.items()},
    )


def _load(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{_shown(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:  # of TOML, or of its encoding
        raise UsageError(f"{_shown(path)} is no TOML: {error}") from error


def _tool(data: Mapping[str, Any], path: Path) -> Mapping[str, Any] | None:
    tool = _table(data.get("tool", {}), f"{_shown(path)}, [tool]")
    return (
        _table(tool["analyzer"], f"{_shown(path)}, [tool.analyzer]") if "analyzer" in tool else None
    )


def _given(table: object, where: str) -> dict[str, Given]:
    return {key: Given(value, f"{where}, {key}") for key, value in _table(table, where).items()}


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where} is no table but {value!r}; {_EXAMPLE}")
    return value


def _shown(path: Path) -> str:
    """Name a file from the working directory where it is below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
