"""The light models that come with ``onnx``: well-known networks, fillers for their weights."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["light_file", "light_files"]


def light_files() -> list[Path]:
    """Return all of them, in the order of their names; ``onnx`` itself is not imported."""
    spec = find_spec("onnx")
    assert spec is not None
    assert spec.origin is not None
    return sorted((Path(spec.origin).parent / "backend/test/data/light").glob("*.onnx"))


def light_file(name: str) -> Path:
    """Return one of them, such as ``resnet50``."""
    return next(path for path in light_files() if path.stem == f"light_{name}")
