"""The importer of Keras models."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from analyzer import (
    AnalyzerError,
    Importer,
    Mode,
    Model,
    ModelBuilder,
    ModelError,
    Request,
)
from analyzer_keras.feeds import Feed, feed
from analyzer_keras.files import load_archive
from analyzer_keras.layers import recurrent
from analyzer_keras.messages import said
from analyzer_keras.patches import recording, without_values
from analyzer_keras.trace import NotBuiltError, Trace
from analyzer_keras.tree import LayerTree
from analyzer_keras.twin import twin_of
from analyzer_keras.zoo import without_weights

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
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors, but no chatter

    def accepts(self, model: object) -> bool:
        keras = sys.modules.get("keras")
        layer = getattr(keras, "Layer", None)
        return layer is not None and isinstance(model, layer)

    def load(self, path: Path) -> object:
        return load_archive(path)

    def arguments(
        self, target: str, factory: Callable[..., object], given: Mapping[str, object]
    ) -> dict[str, object]:
        return without_weights(target, factory, given)

    def read(self, model: object, request: Request) -> Model:
        fed = feed(model, request)
        try:
            return _read(model, fed, request, may_build=False)
        except NotBuiltError:
            return _read(twin_of(model), fed, request, may_build=True)


def _read(model: Any, fed: Feed, request: Request, *, may_build: bool) -> Model:
    import keras

    if may_build:
        _build(model, fed)
    builder = ModelBuilder(
        name=request.name or model.name,
        framework="Keras",
        framework_version=keras.__version__,
        source=request.source,
    )
    tree = LayerTree(builder, model, whole=recurrent)
    trace = Trace(builder, tree, may_build=may_build)
    inputs = [trace.tensor(tensor, name=name) for name, tensor in fed.tensors.items()]
    try:
        with recording(trace, training=request.mode is Mode.TRAIN):
            outputs = model(*fed.args, **fed.kwargs)
    except (AnalyzerError, NotBuiltError):
        raise
    except Exception as error:  # a model's call may raise anything
        raise ModelError(_failure(model, error)) from error
    finally:
        trace.close()
    trace.write()
    return builder.build(
        inputs=inputs, outputs=[trace.tensor(output) for output in keras.tree.flatten(outputs)]
    )


def _build(model: Any, fed: Feed) -> None:
    """Let Keras make the variables, without values, by a symbolic call."""
    try:
        with without_values():
            model(*fed.args, **fed.kwargs)
    except Exception as error:
        raise ModelError(_failure(model, error)) from error


def _failure(model: Any, error: BaseException) -> str:
    return f"{model.name!r} ({type(model).__name__}) cannot be run on these inputs: {said(error)}"
