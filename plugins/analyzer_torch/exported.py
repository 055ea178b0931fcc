"""Programs made by ``torch.export``: ``.pt2`` files and ``ExportedProgram`` objects."""

from __future__ import annotations

import inspect
import pickle
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule

from analyzer import Input, ModelError, normalize_inputs
from analyzer_torch.inputs import Given

__all__ = ["as_exported", "example_inputs", "load_program", "module_of"]


def load_program(path: Path) -> ExportedProgram:
    """Read a ``.pt2`` file.

    Raises:
        ModelError: the file is damaged, or something else than an exported program.
    """
    if not zipfile.is_zipfile(path):
        raise ModelError(
            f"{str(path)!r} is no .pt2 archive, or a damaged one; make it with torch.export.save"
        )
    try:
        return torch.export.load(path)
    except (RuntimeError, ValueError, KeyError, AssertionError, OSError, EOFError) as error:
        text = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{str(path)!r} could not be read as an exported program: {type(error).__name__}: "
            f"{text}; make it anew with torch.export.save"
        ) from error
    except (pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise ModelError(f"{str(path)!r} is damaged: {error}") from error


def module_of(program: ExportedProgram) -> GraphModule:
    """Return a module that runs the program; its submodules bear the original's paths."""
    module = program.module()
    assert isinstance(module, GraphModule)
    return module


def example_inputs(program: ExportedProgram) -> tuple[Input, ...]:
    """Return the inputs with which the program was exported."""
    if program.example_inputs is None:
        return ()
    args, kwargs = program.example_inputs
    return (*normalize_inputs(list(args)), *normalize_inputs(dict(kwargs)))


def as_exported(program: ExportedProgram, given: Sequence[Given]) -> list[Given]:
    """Return the inputs as the program takes them: each by position or by name, as exported."""
    by_name = set(program.example_inputs[1]) if program.example_inputs is not None else set()
    order = list(inspect.signature(program.module().forward).parameters)
    exported = [replace(one, keyword=one.name in by_name) for one in given]
    return sorted(exported, key=lambda one: order.index(one.name) if one.name in order else -1)
