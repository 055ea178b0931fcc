"""Reads PyTorch modules and exported programs. PyTorch is imported when a model comes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from analyzer import Importer
from analyzer_torch.quiet import quiet

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Model, Request

__all__ = ["TorchImporter"]


class TorchImporter(Importer):
    """The importer of PyTorch's models."""

    name: ClassVar[str] = "torch"
    framework: ClassVar[str] = "PyTorch"
    extra: ClassVar[str] = "torch"
    packages: ClassVar[tuple[str, ...]] = ("torch", "torchvision", "timm", "transformers")
    suffixes: ClassVar[tuple[str, ...]] = (
        ".bin", ".ckpt", ".pt", ".pt2", ".pth", ".safetensors",
    )  # fmt: skip

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

    def takes(self, path: Path) -> bool:
        from analyzer_torch.files import takes

        return takes(path, self.suffixes)

    def load(self, path: Path) -> object:
        from analyzer_torch.files import load

        return load(path)

    def load_with(self, path: Path, arguments: Mapping[str, object]) -> object:
        from analyzer_torch.configurations import build, configuration_in

        configuration = configuration_in(path)
        if configuration is None:
            return super().load_with(path, arguments)
        return build(configuration, arguments)

    def arguments(
        self, target: str, factory: Callable[..., object], given: Mapping[str, object]
    ) -> dict[str, object]:
        from analyzer_torch.zoo import without_weights

        return without_weights(target, factory, given)

    @contextmanager
    def making(
        self, factory: Callable[..., object], arguments: Mapping[str, object]
    ) -> Iterator[None]:
        with quiet():
            if "torch" not in sys.modules:
                yield
                return
            from analyzer_torch.care import seeded

            with seeded():
                yield
