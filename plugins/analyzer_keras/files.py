"""Reads ``.keras`` archives by their configuration; the weights stay where they are."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

from analyzer import ModelError
from analyzer_keras.messages import said
from analyzer_keras.patches import without_values

__all__ = ["load_archive"]


def load_archive(path: Path) -> object:
    """Return the model in a ``.keras`` file, its variables without values.

    Raises:
        ModelError: it is no such archive, or needs code that is not there or not trusted.
    """
    config = _config(path)
    import keras

    try:
        with without_values():
            return keras.saving.deserialize_keras_object(config, safe_mode=True)
    except Exception as error:  # deserialisation runs the code of any class that is registered
        raise ModelError(f"{str(path)!r}: {_reason(error, config)}") from error


def _config(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        raise ModelError(
            f"{str(path)!r} is no Keras archive (a .keras file is a zip file); write it with "
            "model.save('name.keras')"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    except KeyError:
        raise ModelError(
            f"{str(path)!r} is a zip file without config.json, so no Keras archive; write it with "
            "model.save('name.keras')"
        ) from None
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise ModelError(f"{str(path)!r} is damaged: {error}; save or copy it again") from error


def _reason(error: Exception, config: Any) -> str:
    text = " ".join(str(error).split())
    name = config.get("class_name") if isinstance(config, dict) else None
    if "safe_mode" in text or "unsafe" in text.lower():
        return (
            "it holds a Lambda or other Python code, which is not run; build the model in Python "
            "and give it as module:callable"
        )
    missing = re.search(r"Could not locate (?:class|function) '(\w+)'", text)
    if missing:
        return (
            f"it needs {missing[1]!r}, which is not known; import the module that registers it "
            "(keras.saving.register_keras_serializable), or build the model in Python and give it "
            "as module:callable"
        )
    return f"its configuration of {name!r} cannot be read: {said(error)}"
