"""What the user handed over, an object, a file or ``module:callable``, and who can read it."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from analyzer.errors import (
    AnalyzerError,
    MissingFrameworkError,
    ModelError,
    ModelNotFoundError,
    NoImporterError,
    UsageError,
)
from analyzer.importer import Importer, Request
from analyzer.ir import Model

__all__ = ["Found", "find_model"]

_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A native model and who reads it, once or at several sizes.

    Attributes:
        model: the object; one in the common representation has no importer.
        importer: reads it.
        source: the path or ``module:callable`` that it came from, else its type.
        name: what to call it.
    """

    model: object
    importer: Importer | None
    source: str
    name: str

    def read(self, request: Request) -> Model:
        """Return the representation of the model.

        Raises:
            UsageError: it is in the common representation, and inputs or sizes came.
        """
        if self.importer is not None:
            return self.importer.read(
                self.model, replace(request, source=self.source, name=self.name)
            )
        assert isinstance(self.model, Model)
        if request.inputs or request.dims:
            raise UsageError(
                f"{self.model.name or 'the model'} is already in the common representation, "
                f"whose shapes are fixed; leave the {'inputs' if request.inputs else 'sizes'} out"
            )
        return self.model


def find_model(
    model: object,
    importers: Mapping[str, Importer],
    arguments: Mapping[str, object] | None = None,
) -> Found:
    """Return a model and its importer.

    ``arguments`` are for the callable of a ``module:callable``, or for a file that describes how
    a model is made.

    Raises:
        UsageError: arguments were given and there is nothing to call.
        ModelNotFoundError, NoImporterError, MissingFrameworkError: nothing could be read.
    """
    for importer in importers.values():
        importer.prepare()
    if isinstance(model, str) and _TARGET.fullmatch(model) and not Path(model).exists():
        return _from_target(model, importers, dict(arguments or {}))
    if isinstance(model, (str, Path)):
        if not str(model):  # a path of nothing would be the working directory
            raise ModelNotFoundError("'' names no model; give a file or module:callable")
        return _from_file(Path(model), importers, dict(arguments or {}))
    if arguments:
        raise UsageError(
            f"--arg is for what makes a model, and {_describe(model)} is one; leave it out"
        )
    source = f"{type(model).__module__}.{type(model).__qualname__}"
    own = getattr(model, "name", None)
    name = own if own and isinstance(own, str) else type(model).__name__
    return _from_object(model, source, name, importers)


def _from_object(
    model: object,
    source: str,
    name: str,
    importers: Mapping[str, Importer],
    *,
    came_from: str = "",
) -> Found:
    if isinstance(model, Model):
        return Found(model=model, importer=None, source=source, name=name)
    for importer in importers.values():
        if importer.accepts(model):
            return Found(model=model, importer=importer, source=source, name=name)
    raise NoImporterError(
        f"{came_from}no importer takes: {_describe(model)}; give a model of "
        f"{_listed(importers.values())}, a file or module:callable"
    )


def _from_file(
    path: Path, importers: Mapping[str, Importer], arguments: Mapping[str, object]
) -> Found:
    if not path.exists():
        raise ModelNotFoundError(
            f"{str(path)!r}: no such file; give a file or module:callable, "
            "as in torchvision.models:resnet50"
        )
    for importer in importers.values():
        if importer.takes(path):
            for package in importer.packages[:1]:
                _require(package, importer, str(path))
            loaded = importer.load_with(path, arguments) if arguments else importer.load(path)
            return Found(model=loaded, importer=importer, source=str(path), name=path.stem)
    known = sorted({suffix for importer in importers.values() for suffix in importer.suffixes})
    kind = f"{path.suffix!r} files" if path.suffix else "a file without a suffix"
    if path.is_dir():
        kind = "a folder without a model that it knows in it"
    raise NoImporterError(
        f"{str(path)!r}: no importer takes {kind}; there are importers for "
        f"{', '.join(known) or 'no file at all'}"
    )


def _from_target(
    target: str, importers: Mapping[str, Importer], arguments: Mapping[str, object]
) -> Found:
    module_name, _, attribute = target.partition(":")
    factory = _import(module_name, target, importers)
    for part in attribute.split("."):
        try:
            factory = getattr(factory, part)
        except AttributeError:
            from difflib import get_close_matches

            close = get_close_matches(part, dir(factory), n=3)
            advice = f"did you mean {', '.join(close)}?" if close else "check the spelling"
            raise ModelNotFoundError(
                f"{target!r}: module {module_name} has no {attribute!r}; {advice}"
            ) from None
    name = attribute.rpartition(".")[2]
    if isinstance(factory, Model) or any(
        importer.accepts(factory) for importer in importers.values()
    ):
        if arguments:
            raise UsageError(
                f"--arg is for what makes a model, and {target!r} is one; leave it out"
            )
        return _from_object(factory, target, name, importers)
    if not callable(factory):
        raise NoImporterError(
            f"{target!r} is {_describe(factory)}, neither a model nor callable; "
            "give a model, or a function that makes one"
        )
    arguments = dict(arguments)
    for importer in importers.values():
        arguments = importer.arguments(target, factory, arguments)
    try:
        with ExitStack() as contexts:
            for importer in importers.values():
                contexts.enter_context(importer.making(factory, arguments))
            made = factory(**arguments)
    except AnalyzerError:
        raise
    except (Exception, SystemExit) as error:  # what the user's own code raises is told as that
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        kind = UsageError if isinstance(error, TypeError) else ModelError
        raise kind(
            f"{target}({given}) raised {type(error).__name__}: {_one_line(error)}; "
            "arguments are given with --arg name=value"
        ) from error
    return _from_object(made, target, name, importers, came_from=f"{target} gave what ")


def _import(module: str, target: str, importers: Mapping[str, Importer]) -> object:
    try:
        with ExitStack() as contexts:
            for importer in importers.values():
                contexts.enter_context(importer.importing(module))
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        for importer in importers.values():
            if missing in importer.packages:
                _require(missing, importer, target)
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise ModelNotFoundError(
                f"{target!r}: there is no module {error.name!r}; check the spelling, "
                "or start the command where the module can be imported"
            ) from error
        raise ModelError(
            f"{target!r}: importing {module} raised ModuleNotFoundError: {_one_line(error)}"
        ) from error
    except (Exception, SystemExit) as error:  # importing runs a stranger's code
        raise ModelError(
            f"{target!r}: importing {module} raised {type(error).__name__}: {_one_line(error)}; "
            "the module must be one that can be imported"
        ) from error


def _require(package: str, importer: Importer, what: str) -> None:
    if package not in sys.modules and importlib.util.find_spec(package) is None:
        raise MissingFrameworkError(
            f"{what!r} needs {importer.framework}, and the package {package!r} is not installed; "
            f"pip install '{importer.requirement}'"
        )


def _describe(model: object) -> str:
    if isinstance(model, (str, Path)):
        return repr(str(model))
    return f"an object of type {type(model).__module__}.{type(model).__qualname__}"


def _listed(importers: Iterable[Importer]) -> str:
    return ", ".join(sorted(importer.framework for importer in importers)) or "nothing at all"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
