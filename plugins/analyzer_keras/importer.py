"""The importer of Keras models. What reads them is loaded when one comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, ClassVar

from analyzer import Importer

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Model, Request

__all__ = ["KerasImporter"]


class KerasImporter(Importer):
    """Reads Keras models, layers and files, on whatever backend Keras runs."""

    name: ClassVar[str] = "keras"
    framework: ClassVar[str] = "Keras"
    extra: ClassVar[str] = "keras"
    packages: ClassVar[tuple[str, ...]] = ("keras", "keras_hub", "tensorflow")
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".hdf5", ".keras")

    def prepare(self) -> None:
        if "tensorflow" not in sys.modules:
            # It would write of missing GPUs and the like; what really fails, raises.
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    def accepts(self, model: object) -> bool:
        keras = sys.modules.get("keras")
        layer = getattr(keras, "Layer", None)
        return layer is not None and isinstance(model, layer)

    def takes(self, path: Path) -> bool:
        if super().takes(path):
            return True
        if not path.name.lower().endswith(".json") and not path.is_dir():
            return False
        from analyzer_keras.stored import configuration_in

        return configuration_in(path) is not None

    def load(self, path: Path) -> object:
        return self.load_with(path, {})

    def load_with(self, path: Path, arguments: Mapping[str, object]) -> object:
        from analyzer_keras.files import load

        return load(path, arguments)

    def arguments(
        self, target: str, factory: Callable[..., object], given: Mapping[str, object]
    ) -> dict[str, object]:
        from analyzer_keras.zoo import without_weights

        return without_weights(target, factory, given)

    @contextmanager
    def importing(self, module: str) -> Iterator[None]:
        from analyzer_keras.backends import with_backend
        from analyzer_tensorflow.quiet import without_chatter

        if module.partition(".")[0] == "keras":
            with with_backend(), without_chatter():
                yield
        else:
            with with_backend(own_code=True):
                yield

    def making(
        self, factory: Callable[..., object], arguments: Mapping[str, object]
    ) -> AbstractContextManager[object]:
        from analyzer_keras.zoo import making

        return making(factory, arguments)

    def read(self, model: object, request: Request) -> Model:
        from analyzer_keras.reading import read

        return read(model, request)
