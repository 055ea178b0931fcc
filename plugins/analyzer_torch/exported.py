"""Programs made by ``torch.export``: ``.pt2`` files and ``ExportedProgram`` objects."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from analyzer import InputSpec, ModelError

__all__ = ["example_inputs", "load_program", "module_of"]


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


def module_of(program: ExportedProgram) -> nn.Module:
    """Return a module that runs the program; its submodules bear the original's paths."""
    return program.module()


def example_inputs(program: ExportedProgram) -> tuple[InputSpec, ...]:
    """Return the inputs with which the program was exported."""
    if program.example_inputs is None:
        return ()
    args, kwargs = program.example_inputs
    named = [(None, value) for value in args] + list(kwargs.items())
    return tuple(
        InputSpec(
            name=name,
            shape=tuple(value.shape),
            dtype=str(value.dtype).removeprefix("torch."),
            value=value,
        )
        for name, value in named
        if isinstance(value, Tensor)
    )
