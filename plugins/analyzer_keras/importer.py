"""The importer of Keras models. What reads them is loaded when one comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from analyzer import Importer, Model, Request

__all__ = ["KerasImporter"]


class KerasImporter(Importer):
    """Reads Keras 3 models, layers and ``.keras`` files, on whatever backend Keras runs."""

    name: ClassVar[str] = "keras"
    framework: ClassVar[str] = "Keras"
    extra: ClassVar[str] = "keras"
    packages: ClassVar[tuple[str, ...]] = ("keras", "tensorflow")
    suffixes: ClassVar[tuple[str, ...]] = (".keras",)

    def prepare(self) -> None:
        if "tensorflow" not in sys.modules:
            # It would write of missing GPUs and the like; what really fails, raises.
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    def accepts(self, model: object) -> bool:
        keras = sys.modules.get("keras")
        layer = getattr(keras, "Layer", None)
        return layer is not None and isinstance(model, layer)

    def load(self, path: Path) -> object:
        from analyzer_keras.files import load_archive

        return load_archive(path)

    def arguments(
        self, target: str, factory: Callable[..., object], given: Mapping[str, object]
    ) -> dict[str, object]:
        from analyzer_keras.zoo import without_weights

        return without_weights(target, factory, given)

    def read(self, model: object, request: Request) -> Model:
        from analyzer_keras.reading import read

        return read(model, request)
