"""The importer of ONNX models. What reads them is loaded when one comes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from analyzer import Importer, Model, Request

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["OnnxImporter"]


class OnnxImporter(Importer):
    """Reads ``.onnx`` files and ``ModelProto`` objects, from the graph alone."""

    name: ClassVar[str] = "onnx"
    framework: ClassVar[str] = "ONNX"
    extra: ClassVar[str] = "onnx"
    packages: ClassVar[tuple[str, ...]] = ("onnx",)
    suffixes: ClassVar[tuple[str, ...]] = (".onnx",)

    def accepts(self, model: object) -> bool:
        onnx = sys.modules.get("onnx")
        return onnx is not None and isinstance(model, onnx.ModelProto)

    def load(self, path: Path) -> object:
        from analyzer_onnx.reader import read_file

        return read_file(path)

    def read(self, model: object, request: Request) -> Model:
        from analyzer_onnx.reading import read

        return read(cast("ModelProto", model), request)  # `accepts` or `load` saw to it
