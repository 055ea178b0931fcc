"""What the user allows for a file: code in it, and classes of their own.

Keras's safe mode stays on unless the user says otherwise; here is what its refusals, and what is
missing, are called in one line.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from analyzer import ModelError, UsageError
from analyzer.errors import MissingFrameworkError
from analyzer_keras.messages import said
from analyzer_keras.stored import Stored, nodes_of

__all__ = ["Trust", "collections_in", "import_collections", "why_not"]

_COLLECTIONS = {"keras_cv": "keras-cv", "keras_hub": "keras-hub", "keras_nlp": "keras-nlp"}
"""Packages that Keras imports classes from by itself: the name to import → what pip installs."""

_CODE = frozenset({"__lambda__", "TFSMLayer", "TorchModuleWrapper"})
"""Classes whose configuration holds, or names, code that is run."""

_UNKNOWN = re.compile(
    r"(?:Could not locate \w+|Unknown \w+:|Could not deserialize) '(?:keras\.(?:\w+\.)*)?([^'.]+)'"
)
"""How Keras says that it does not know a class or function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the user allows.

    Attributes:
        safe_mode: whether code that stands in a file is refused.
        objects: classes and functions by the names that configurations have for them.
    """

    safe_mode: bool = True
    objects: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, arguments: Mapping[str, object], path: Path) -> Trust:
        """Return what the arguments allow; modules that they name are imported.

        Raises:
            UsageError: there are no such arguments, or not with these values.
            ModelError: a module cannot be imported.
        """
        unknown = [name for name in arguments if name not in ("safe_mode", "custom_objects")]
        if unknown:
            raise UsageError(
                f"--arg {unknown[0]}: {str(path)!r} holds a model that is made; it takes "
                "custom_objects=my_package.my_module and safe_mode=False"
            )
        safe_mode = arguments.get("safe_mode", True)
        if not isinstance(safe_mode, bool):
            raise UsageError(f"--arg safe_mode={safe_mode!r} is neither True nor False")
        return cls(safe_mode=safe_mode, objects=_objects(arguments.get("custom_objects")))


def _objects(given: object) -> dict[str, object]:
    """Return objects by name, from modules, their names or files, or a mapping."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items()}
    parts: Iterable[object] = (given,)
    if isinstance(given, str):
        parts = [name for part in given.split(",") if (name := part.strip())]
    elif isinstance(given, (list, tuple)):
        parts = given
    found: dict[str, object] = {}
    for part in parts:
        module = part if isinstance(part, ModuleType) else _imported(part)
        found.update(
            {
                name: value
                for name, value in vars(module).items()
                if callable(value) and getattr(value, "__module__", None) == module.__name__
            }
        )
    return found


def _imported(name: object) -> ModuleType:
    if not isinstance(name, str):
        raise UsageError(
            f"--arg custom_objects: {name!r} is no module; give the name of one, as in "
            "custom_objects=my_package.my_module, or a .py file"
        )
    try:
        if name.endswith(".py"):
            return _from_file(Path(name))
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _failed(name, error) from error
        raise UsageError(
            f"--arg custom_objects={name}: there is no module {error.name!r}; check the spelling, "
            "or start where it can be imported"
        ) from error
    except (Exception, SystemExit) as error:  # importing runs the user's own code
        raise _failed(name, error) from error


def _failed(name: str, error: BaseException) -> Exception:
    if isinstance(error, UsageError):
        return error
    return ModelError(
        f"--arg custom_objects={name}: importing it raised {type(error).__name__}: {said(error)}"
    )


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"--arg custom_objects={path}: there is no such file")
    known = sys.modules.get(path.stem)
    if known is not None and Path(getattr(known, "__file__", None) or "") == path.resolve():
        return known
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def collections_in(stored: Stored) -> list[str]:
    """Return the packages of models that a configuration names."""
    return sorted({_package(node) for node in nodes_of(stored.model)} & _COLLECTIONS.keys())


def import_collections(stored: Stored) -> None:
    """Import the collections of models that a configuration names, as KerasHub.

    Raises:
        MissingFrameworkError: one of them is not installed.
        ModelError: importing one fails.
    """
    for package in collections_in(stored):
        if package in sys.modules:
            continue
        if importlib.util.find_spec(package) is None:
            raise MissingFrameworkError(
                f"{str(stored.path)!r} holds classes of {package}, which is not installed; "
                f"pip install {_COLLECTIONS[package]}"
            )
        try:
            importlib.import_module(package)
        except Exception as error:  # it may fail in ways of its own
            raise ModelError(
                f"{str(stored.path)!r} holds classes of {package}, and importing that raised "
                f"{type(error).__name__}: {said(error)}"
            ) from error


def why_not(error: BaseException, stored: Stored, trust: Trust) -> str:
    """Return why a configuration could not be made a model of, and what to do."""
    text = " ".join(str(error).split())
    if trust.safe_mode and ("safe_mode" in text or "safe mode" in text):
        return (
            f"it holds {_code_in(stored)}, which is not run; if you trust the file, give "
            "--arg safe_mode=False, or build the model in Python and give it as module:callable"
        )
    missing = _missing(stored, trust)
    told = _UNKNOWN.search(text)
    if told and told[1] not in {name.rpartition(">")[2] for name in missing}:
        missing.append(told[1])
    if missing:
        return _advice(missing, stored)
    if isinstance(error, RecursionError):
        return "its configuration is nested too deeply to be read"
    first: BaseException = error
    while first.__context__ is not None:
        first = first.__context__
    if not trust.safe_mode and isinstance(first, NameError) and first.name:
        return (
            f"its code reads {first.name!r}, which stood beside it where it was written and is not "
            "in the file; build the model in Python and give it as module:callable"
        )
    name, reason = _innermost(str(error), stored.model["class_name"])
    return f"its configuration of {name!r} cannot be read: {reason}{_of_version(stored)}"


def _innermost(text: str, name: str) -> tuple[str, str]:
    """Return the class that could not be made, and why; Keras packs that in several frames."""
    classes = re.findall(r"<class '(?:[\w<>]+\.)*(\w+)'> could not be deserialized", text)
    reason = text.rpartition("Exception encountered: ")[2].partition("Full object config:")[0]
    return (classes[-1] if classes else name), said(Exception(reason))


def _code_in(stored: Stored) -> str:
    found = {str(node["class_name"]) for node in nodes_of(stored.model)} & _CODE
    if found - {"__lambda__"}:
        return f"{', '.join(sorted(found - {'__lambda__'}))}, whose code would be run"
    return "a Lambda or other Python code"


def _advice(missing: list[str], stored: Stored) -> str:
    names = ", ".join(repr(name) for name in missing)
    recorded = {"TFOpLambda", "SlicingOpLambda"} & set(missing)
    if recorded:
        return (
            f"it holds TensorFlow functions ({names}) as Keras 2 recorded them, which Keras 3 "
            "cannot make again; build the model in Keras 3 and give it as module:callable"
            + _of_version(stored)
        )
    from keras.src import ops

    if stored.legacy and all(isinstance(getattr(ops, name, None), type) for name in missing):
        return (
            f"it holds operations of keras.ops ({names}), which Keras does not read back from a "
            "file of this kind; save the model as .keras"
        )
    return (
        f"it needs {names}, which Keras does not know; give the module that defines it, as in "
        "--arg custom_objects=my_package.my_module (several with commas, or a .py file)"
        + _of_version(stored)
    )


def _missing(stored: Stored, trust: Trust) -> list[str]:
    """Return the names of what no module that was imported has registered."""
    from keras import saving

    missing: dict[str, None] = {}
    for node in nodes_of(stored.model):
        name = node.get("registered_name") or node["class_name"]
        if node["class_name"] == "function":
            name = node["config"]
        if not isinstance(name, str) or name.startswith("__") or _is_keras(node):
            continue
        if saving.get_registered_object(name, custom_objects=dict(trust.objects)) is None:
            missing[name] = None
    return list(missing)


def _is_keras(node: Mapping[str, Any]) -> bool:
    """Say whether Keras looks for an object in itself, or in a collection of models."""
    if "module" in node:
        package = _package(node)
        if package == "builtins":
            return any(hasattr(family, str(node["config"])) for family in _functions())
        return package == "keras" or package in _COLLECTIONS
    settings = node["config"]
    layer = isinstance(settings, dict) and {"name", "trainable"} <= settings.keys()
    return not layer or _known_by_keras(str(node["class_name"]))


def _functions() -> tuple[ModuleType, ...]:
    """Return where Keras looks for functions that are known by their names alone."""
    import keras

    return (
        keras.activations,
        keras.constraints,
        keras.initializers,
        keras.losses,
        keras.metrics,
        keras.optimizers,
        keras.regularizers,
    )


def _known_by_keras(name: str) -> bool:
    from keras import layers, models

    return hasattr(layers, name) or hasattr(models, name) or name == "Functional"


def _package(node: Mapping[str, Any]) -> str:
    module, name = node.get("module"), node.get("registered_name")
    for told, mark in ((module, "."), (name, ">")):
        package = told.partition(mark)[0] if isinstance(told, str) else ""
        if package == "keras" or package in _COLLECTIONS or (package and mark == "."):
            return package
    return ""


def _of_version(stored: Stored) -> str:
    """Say which Keras wrote a file, where it is not the one that is installed."""
    import keras

    if not stored.version:
        return ""
    told, here = _major(stored.version), _major(keras.__version__)
    if stored.version == keras.__version__:
        return ""
    age = "" if told == here else ", another major version"
    return f" (Keras {stored.version} wrote it{age}; {keras.__version__} is installed)"


def _major(version: str) -> str:
    return version.partition(".")[0]
