"""From a Keras model to the representation: follow its ``call`` on symbolic tensors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from typing import Any

from analyzer import AnalyzerError, Mode, Model, ModelBuilder, ModelError, Request
from analyzer_keras.feeds import Feed, feed
from analyzer_keras.files import Loaded
from analyzer_keras.layers import recurrent
from analyzer_keras.messages import said
from analyzer_keras.patches import building, recording
from analyzer_keras.quiet import not_asking_tensorflow
from analyzer_keras.trace import NotBuiltError, Trace
from analyzer_keras.tree import LayerTree
from analyzer_keras.twin import twin_of

__all__ = ["read"]


def read(model: Any, request: Request) -> Model:
    """Return the representation of a model or layer; one that is not built is read as a copy.

    Raises:
        InputError: the inputs do not fit, or nothing tells them.
        ModelError: the model cannot be run on them.
    """
    if isinstance(model, Loaded):
        found = read(model.model, replace(request, name=model.name))
        return replace(found, notes=(*model.notes, *found.notes))
    with not_asking_tensorflow(), warnings.catch_warnings():
        # Keras warns of masks that get lost and the like: the run of a model says that, not ours.
        warnings.filterwarnings("ignore", module=r"keras\b")
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
        with _modes_kept(model), recording(trace, training=request.mode is Mode.TRAIN):
            outputs = model(*fed.args, **fed.kwargs)
    except (AnalyzerError, NotBuiltError):
        raise
    except Exception as error:  # a model's call may raise anything
        raise ModelError(_failure(model, error)) from error
    finally:
        trace.close()
    trace.write()
    _tell_of_optimizer(builder, model)
    return builder.build(
        inputs=inputs,
        outputs=[trace.tensor(output) for output in keras.tree.flatten(outputs)],
        dims=fed.dims,
    )


@contextmanager
def _modes_kept(model: Any) -> Iterator[None]:
    """Leave modules of PyTorch in their modes: a layer that wraps one sets its as it is called."""
    from keras import backend

    layers = model._flatten_layers() if backend.backend() == "torch" else ()
    modes = [(one, one.training) for layer in layers for one in layer.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _tell_of_optimizer(builder: ModelBuilder, model: Any) -> None:
    """Say what Keras's own summary counts besides, once a model was trained."""
    optimizer: Any = getattr(model, "optimizer", None)
    if getattr(optimizer, "built", False):
        kept = sum(prod(variable.shape) for variable in optimizer.variables)
        builder.note(
            f"the optimizer ({type(optimizer).__name__}) keeps {kept:,} numbers of its own, which "
            "Keras's summary adds to its total: they are no parameters of the model"
        )


def _build(model: Any, fed: Feed) -> None:
    """Let Keras make the variables, without values, by a symbolic call."""
    try:
        with building():
            model(*fed.args, **fed.kwargs)
    except Exception as error:
        raise ModelError(_failure(model, error)) from error


def _failure(model: Any, error: BaseException) -> str:
    return f"{model.name!r} ({type(model).__name__}) cannot be run on these inputs: {said(error)}"
