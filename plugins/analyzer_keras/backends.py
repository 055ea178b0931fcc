"""On which backend Keras runs where the user has not said: the one that is imported soonest.

The numbers are the same on all of them. Keras is told by its own environment variable while it is
imported, and only then.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from analyzer import ModelError
from analyzer.errors import MissingFrameworkError
from analyzer_keras.messages import said
from analyzer_tensorflow.quiet import without_chatter

__all__ = ["chosen", "import_keras", "with_backend"]

BACKENDS = ("jax", "tensorflow", "torch")
"""Backends of Keras, the one first that is imported soonest: 3, 7 and 9 seconds of a processor.

That on NumPy needs JAX as well, is no quicker to import, and computes where JAX follows shapes.
"""

_VARIABLE = "KERAS_BACKEND"
_OF_KERAS = "tensorflow"
"""What Keras takes, and writes into its settings by itself, when nobody has said anything."""


def chosen(*, own_code: bool = False) -> str | None:
    """Return the backend to import Keras with; None where it is settled, or none is installed.

    What is imported already costs nothing more. Code of the user's own is written with Keras's
    default in mind: for that, another one is chosen only where the default is not installed.
    """
    if "keras" in sys.modules or _settled():
        return None
    installed = [name for name in BACKENDS if name in sys.modules or find_spec(name) is not None]
    if own_code and _OF_KERAS in installed:
        return None
    return min(installed, key=lambda name: name not in sys.modules, default=None)


@contextmanager
def with_backend(*, own_code: bool = False) -> Iterator[None]:
    """Let Keras take the chosen backend if it is imported inside."""
    backend = chosen(own_code=own_code)
    before = os.environ.get(_VARIABLE)
    if backend is not None:
        os.environ[_VARIABLE] = backend
    try:
        yield
    finally:
        if backend is not None:
            if before is None:
                os.environ.pop(_VARIABLE, None)
            else:
                os.environ[_VARIABLE] = before


def import_keras(what: str, *, own_code: bool = False) -> Any:
    """Return Keras, imported on the chosen backend for the sake of ``what``.

    Raises:
        MissingFrameworkError: the backend that Keras is to use is not installed.
        ModelError: importing it fails.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    try:
        with with_backend(own_code=own_code), without_chatter():
            return importlib.import_module("keras")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in (*BACKENDS, "openvino"):
            raise ModelError(
                f"{what!r} needs Keras, and importing it raised {said(error)}"
            ) from error
        advice = f"choose another by {_VARIABLE}" if _settled() else f"or one of {_others(missing)}"
        raise MissingFrameworkError(
            f"{what!r} needs Keras, which runs on {missing!r} here, and that is not installed; "
            f"pip install {missing}, {advice}"
        ) from error
    except Exception as error:  # a backend may fail in ways of its own
        raise ModelError(
            f"{what!r} needs Keras, and importing it raised {type(error).__name__}: {said(error)}"
        ) from error


def _settled() -> bool:
    return bool(os.environ.get(_VARIABLE)) or _configured() not in ("", _OF_KERAS)


def _others(missing: str) -> str:
    return ", ".join(name for name in BACKENDS if name != missing)


def _configured() -> str:
    """Return the backend in the settings of Keras, empty where there are none."""
    home = os.path.expanduser("~")
    folder = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")  # as Keras does
    settings = Path(os.environ.get("KERAS_HOME", folder)).expanduser() / "keras.json"
    try:
        found = json.loads(settings.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    told = found.get("backend") if isinstance(found, dict) else None
    return told if isinstance(told, str) else ""
