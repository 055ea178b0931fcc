"""Programs made by ``torch.export``: ``.pt2`` files and ``ExportedProgram`` objects."""

from __future__ import annotations

import inspect
import pickle
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule

from analyzer import (
    Input,
    InputGroup,
    InputSpec,
    InputValue,
    ModelError,
    normalize_inputs,
    open_spec,
)
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
    """Return the inputs with which the program was exported; open dimensions get names."""
    if program.example_inputs is None:
        return ()
    args, kwargs = program.example_inputs
    inputs = (*normalize_inputs(list(args)), *normalize_inputs(dict(kwargs)))
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    given = (values.get(str(name)) for name in program.graph_signature.user_inputs)
    shapes = [tuple(value.shape) for value in given if isinstance(value, torch.Tensor)]
    axes = iter(_open_axes(shapes))
    return tuple(_with_axes(item, axes) for item in inputs)


def _open_axes(shapes: Iterable[tuple[int | torch.SymInt, ...]]) -> Iterator[tuple[str, ...]]:
    """Name the dimensions that are one symbol: each symbol has one name, and no two the same."""
    names: dict[str, str] = {}
    for shape in shapes:
        axes = []
        usual = open_spec((None,) * len(shape), channels_first=True).axes
        for size, name in zip(shape, usual, strict=True):
            symbol = str(size)
            if isinstance(size, int) or not symbol.isidentifier():
                axes.append("")
                continue
            fresh = symbol if not name or name in names.values() else name
            axes.append(names.setdefault(symbol, fresh))
        yield tuple(axes)


def _with_axes(item: Input, axes: Iterator[tuple[str, ...]]) -> Input:
    match item:
        case InputSpec():
            named = next(axes, ())
            return replace(item, axes=named if any(named) else ())
        case InputGroup(items=items):
            return replace(item, items={key: _with_axes(one, axes) for key, one in items.items()})
        case InputValue():
            return item


def as_exported(program: ExportedProgram, given: Sequence[Given]) -> list[Given]:
    """Return the inputs as the program takes them: each by position or by name, as exported."""
    by_name = set(program.example_inputs[1]) if program.example_inputs is not None else set()
    order = list(inspect.signature(program.module().forward).parameters)
    exported = [replace(one, keyword=one.name in by_name) for one in given]
    return sorted(exported, key=lambda one: order.index(one.name) if one.name in order else -1)
