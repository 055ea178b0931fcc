"""Reads PyTorch modules and exported programs. PyTorch is imported when a model comes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from analyzer import Importer, Model, Request

__all__ = ["TorchImporter"]


class TorchImporter(Importer):
    """The importer of PyTorch's models."""

    name: ClassVar[str] = "torch"
    framework: ClassVar[str] = "PyTorch"
    extra: ClassVar[str] = "torch"
    packages: ClassVar[tuple[str, ...]] = ("torch", "torchvision", "timm")
    suffixes: ClassVar[tuple[str, ...]] = (".pt2",)

    def prepare(self) -> None:
        # TensorFlow and Triton each bring an LLVM of their own; to load Triton second ends the
        # process ("registered more than once"). PyTorch imports it in passing, and can do without.
        if "tensorflow" in sys.modules and "triton" not in sys.modules:
            sys.modules["triton"] = None  # type: ignore[assignment]  # it cannot be imported

    def accepts(self, model: object) -> bool:
        if "torch" not in sys.modules:
            return False
        from analyzer_torch.reading import is_model

        return is_model(model)

    def read(self, model: object, request: Request) -> Model:
        from analyzer_torch.reading import read

        return read(model, request)

    def load(self, path: Path) -> object:
        from analyzer_torch.exported import load_program

        return load_program(path)

    def arguments(
        self, target: str, factory: Callable[..., object], given: Mapping[str, object]
    ) -> dict[str, object]:
        from analyzer_torch.zoo import without_weights

        return without_weights(target, factory, given)
