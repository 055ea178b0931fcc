"""From a file to a Keras model: made of its configuration, the variables without values."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzer import AnalyzerError, ModelError
from analyzer_keras.backends import import_keras
from analyzer_keras.quiet import not_asking_tensorflow
from analyzer_keras.stored import Stored, read_stored
from analyzer_keras.trusted import Trust, collections_in, import_collections, why_not

__all__ = ["Loaded", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that was made from a file.

    Attributes:
        model: the Keras object.
        name: what to call it.
        notes: what a reader of its numbers should know.
    """

    model: Any
    name: str
    notes: tuple[str, ...] = ()


def load(path: Path, arguments: Mapping[str, object]) -> Loaded:
    """Return the model in a file.

    Raises:
        UsageError: the arguments are not for a file of Keras.
        ModelError: it is damaged, or needs code that is not there or not trusted.
    """
    stored = read_stored(path)
    own_code = "custom_objects" in arguments or bool(collections_in(stored))
    import_keras(str(path), own_code=own_code)
    trust = Trust.of(arguments, path)
    import_collections(stored)
    from keras.src.backend.common import global_state

    from analyzer_keras.patches import without_values

    try:
        with ExitStack() as contexts:
            contexts.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")  # what matters of it fails, or is seen in the numbers
            contexts.enter_context(without_values())
            contexts.enter_context(not_asking_tensorflow())
            global_state.set_global_attribute("object_name_uids", None)  # names as in a new process
            model = _made(stored, trust, contexts)
    except AnalyzerError:
        raise
    except Exception as error:  # deserialisation runs the code of any class that is registered
        raise ModelError(f"{str(path)!r}: {why_not(error, stored, trust)}") from error
    folder = path.stem == "config" and path.suffix == ".json"
    return Loaded(
        model=model,
        name=path.resolve().parent.name if folder else path.stem,
        notes=tuple(_with_optimizer(model, stored)),
    )


def _made(stored: Stored, trust: Trust, contexts: ExitStack) -> Any:
    from keras import Layer
    from keras.src.legacy.saving import saving_options, saving_utils
    from keras.src.saving import serialization_lib

    contexts.enter_context(serialization_lib.SafeModeScope(trust.safe_mode))
    contexts.enter_context(serialization_lib.ObjectSharingScope())
    objects = dict(trust.objects)
    if stored.legacy:
        contexts.enter_context(saving_options.keras_option_scope(use_legacy_config=True))
        made = saving_utils.model_from_config(stored.model, custom_objects=objects)
    else:
        made = serialization_lib.deserialize_keras_object(
            stored.model, custom_objects=objects, safe_mode=trust.safe_mode
        )
    if not isinstance(made, Layer):
        raise ModelError(
            f"{str(stored.path)!r} holds {stored.model['class_name']!r}, which is no model or layer"
        )
    return made


def _with_optimizer(model: Any, stored: Stored) -> Iterator[str]:
    """Give a model the optimizer that it was compiled with, or say that it is not known.

    Nothing else of what it was compiled with is needed: not to know a loss is no reason to fail.
    """
    from keras import Model, optimizers

    from analyzer_keras.patches import without_values

    if stored.optimizer is None or not isinstance(model, Model) or not model.built:
        return
    try:
        optimizer = optimizers.get(stored.optimizer)
        optimizer._var_key = id  # TensorFlow's asks the value of a variable who it is
        with without_values():
            optimizer.build(model.trainable_variables)
        model.optimizer = optimizer
    except Exception:  # a class of one's own, of which nothing is known
        yield (
            "the file was saved with an optimizer that is not known here; what that keeps is no "
            "part of these numbers, as Keras's own total is"
        )
