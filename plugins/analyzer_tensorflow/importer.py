"""The importer of TensorFlow models. What reads them is loaded when one comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from analyzer import Importer

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Model, Request

__all__ = ["TensorFlowImporter"]


class TensorFlowImporter(Importer):
    """Reads SavedModels, frozen graphs, ``tf.Module``, ``tf.function``, by the graph alone."""

    name: ClassVar[str] = "tensorflow"
    framework: ClassVar[str] = "TensorFlow"
    extra: ClassVar[str] = "tensorflow"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow",)
    suffixes: ClassVar[tuple[str, ...]] = (".pb", ".pbtxt")

    def prepare(self) -> None:
        if "tensorflow" not in sys.modules:
            # It would write of missing GPUs and the like; what really fails, raises.
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    def takes(self, path: Path) -> bool:
        if path.is_dir():
            return (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file()
        return super().takes(path)

    def accepts(self, model: object) -> bool:
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is None or not hasattr(tensorflow, "Module"):
            return False
        from analyzer_tensorflow.objects import is_model

        return is_model(model)

    def load(self, path: Path) -> object:
        return self.load_with(path, {})

    def load_with(self, path: Path, arguments: Mapping[str, object]) -> object:
        from analyzer_tensorflow.files import load
        from analyzer_tensorflow.quiet import without_chatter

        with without_chatter():
            import_module("tensorflow")
        return load(path, arguments)

    def read(self, model: object, request: Request) -> Model:
        from analyzer_tensorflow.objects import name_of
        from analyzer_tensorflow.reading import read

        if request.name == type(model).__name__:
            request = replace(request, name=name_of(model) or request.name)
        return read(model, request)
