"""The Keras plugin: reads Keras models and ``.keras`` files."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer import Importer, hookimpl
from analyzer_keras.importer import KerasImporter

__all__ = ["KerasImporter", "analyzer_importers"]


@hookimpl
def analyzer_importers() -> Iterable[Importer]:
    """Give the importer of Keras models."""
    return [KerasImporter()]
