"""The importer of ONNX models. What reads them is loaded when one comes."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from analyzer import Importer
from analyzer_onnx.forms import TEXTUAL, flat, looks_like_model

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Model, Request

__all__ = ["OnnxImporter"]


class OnnxImporter(Importer):
    """Reads ONNX files, their bytes and objects of ``onnx`` and ``onnx_ir``, by the graph alone."""

    name: ClassVar[str] = "onnx"
    framework: ClassVar[str] = "ONNX"
    extra: ClassVar[str] = "onnx"
    packages: ClassVar[tuple[str, ...]] = ("onnx",)
    suffixes: ClassVar[tuple[str, ...]] = (".onnx", *TEXTUAL)

    def takes(self, path: Path) -> bool:
        return super().takes(path) or path.suffix.lower() == ".ort"  # to say what to give instead

    def accepts(self, model: object) -> bool:
        if isinstance(model, (bytes, bytearray, memoryview)):
            return looks_like_model(flat(model))
        return _is_a(model, "onnx", "ModelProto") or _is_a(model, "onnx_ir", "Model")

    def load(self, path: Path) -> object:
        from analyzer_onnx.reader import read_file

        return read_file(path)

    def read(self, model: object, request: Request) -> Model:
        from analyzer_onnx.reader import read_object
        from analyzer_onnx.reading import read

        proto = read_object(model)
        if request.name == type(model).__name__ and isinstance(proto.graph.name, str):
            request = replace(request, name=proto.graph.name or request.name)
        return read(proto, request)


def _is_a(model: object, package: str, name: str) -> bool:
    """Say whether an object is of a class of a package that need not be there."""
    kind = getattr(sys.modules.get(package), name, None)
    return isinstance(kind, type) and isinstance(model, kind)
