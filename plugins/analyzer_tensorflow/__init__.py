"""TensorFlow models: SavedModels, frozen graphs and functions, counted from their graphs alone."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer import Importer, hookimpl
from analyzer_tensorflow.importer import TensorFlowImporter

__all__ = ["TensorFlowImporter", "analyzer_importers"]


@hookimpl
def analyzer_importers() -> Iterable[Importer]:
    """Give the importer of TensorFlow models."""
    return (TensorFlowImporter(),)
