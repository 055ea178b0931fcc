"""Weights in other files than the model's own. What the model says of them is checked, no more."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from analyzer import ModelError

if TYPE_CHECKING:
    from onnx import TensorProto

__all__ = ["Files", "notes_on"]

_MOST_NAMED = 3


class Files:
    """The files that a model keeps weights in, each with the bytes that it must at least have."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}

    def add(self, tensor: TensorProto, name: str, length: int | None) -> None:
        """Take in where a tensor is kept; ``length`` is what its shape takes, if that is settled.

        Raises:
            ModelError: the model does not say it, or says nonsense.
        """
        told = {entry.key: entry.value for entry in tensor.external_data}
        location = told.get("location")
        if not isinstance(location, str) or not location:
            raise ModelError(
                f"stored tensor {name!r} is kept in another file, and the model does not say in "
                "which; it is damaged"
            )
        offset = _bytes(told, "offset", name) or 0
        given = _bytes(told, "length", name)
        if length is not None and given not in (None, length):
            raise ModelError(
                f"stored tensor {name!r}: its shape {list(tensor.dims)} takes {length} bytes, and "
                f"the model says that {given} are kept in {location!r}; it is damaged"
            )
        end = offset + (given or length or 0)
        self.sizes[location] = max(end, self.sizes.get(location, 0))


def _bytes(told: Mapping[str, str], key: str, name: str) -> int | None:
    text = told.get(key)
    if text is None:
        return None
    if not isinstance(text, str) or not (text.isascii() and text.isdecimal()):
        raise ModelError(
            f"stored tensor {name!r}: the {key} of its data, {text!r}, is no number of bytes; "
            "the model is damaged"
        )
    return int(text[:30])


def notes_on(files: Mapping[str, int], source: Path) -> Iterator[str]:
    """Tell what the user might take for a reason to doubt the numbers, and need not.

    Files are not opened, and those that lie outside the model's folder not even looked for.
    """
    outside = [name for name in files if _leaves(name)]
    if outside:
        yield (
            f"weights are kept in {_listed(outside)}, outside the folder of the model; runtimes "
            "refuse that; it was not looked at, and nothing in it is needed"
        )
    if not source.is_file():
        return
    inside = [name for name in files if not _leaves(name)]
    sizes = {name: _size(source.parent / name) for name in inside}
    absent = [name for name in inside if sizes[name] is None]
    if absent:
        yield (
            f"weights are kept in {_listed(absent)}, which is not there; "
            "their shapes are in the model's own file, and nothing else is needed"
        )
    for name, size in sizes.items():
        if size is not None and size < files[name]:
            yield (
                f"{name!r} is cut short: weights are kept in its first {files[name]} bytes, and it "
                f"has {size}; the numbers here do not need it, a run does"
            )


def _leaves(name: str) -> bool:
    """Say whether a path leads out of the folder that it starts in, on any system.

    >>> [_leaves(name) for name in ("w.bin", "data/../w.bin", "../w.bin", "/w.bin", "C:w.bin")]
    [False, False, True, True, True]
    """
    path = PureWindowsPath(name)  # takes both slashes for a separator
    depth = 0
    for part in path.parts:
        depth += -1 if part == ".." else part != "."
        if depth < 0:
            return True
    return bool(path.anchor)


def _size(path: Path) -> int | None:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):  # a name that no file can have
        return None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(repr, names[:_MOST_NAMED])) + more
