"""PyTorch models: modules and exported programs, counted by watching ``forward`` without data."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer import Importer, hookimpl
from analyzer_torch.importer import TorchImporter

__all__ = ["TorchImporter", "analyzer_importers"]


@hookimpl
def analyzer_importers() -> Iterable[Importer]:
    """Give the importer of PyTorch models."""
    return (TorchImporter(),)
