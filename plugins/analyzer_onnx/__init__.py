"""ONNX models: files and ``ModelProto`` objects, counted from their graph alone."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer import Importer, hookimpl
from analyzer_onnx.importer import OnnxImporter

__all__ = ["OnnxImporter", "analyzer_importers"]


@hookimpl
def analyzer_importers() -> Iterable[Importer]:
    """Give the importer of ONNX models."""
    return (OnnxImporter(),)
