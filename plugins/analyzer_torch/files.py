"""Which kind of file it is: told by name and content, before anything large is imported."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer import ModelError
from analyzer_torch.configurations import build, configuration_in

if TYPE_CHECKING:
    from analyzer_torch.state_dicts import StateDict

__all__ = ["load", "takes"]

_INDEX = ".index.json"
_PICKLED = (".bin", ".ckpt", ".pt", ".pth")
_IN_FOLDERS = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
"""What a folder without a configuration may keep its tensors in, the first one that is there."""


def takes(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Say whether a file or folder is PyTorch's, or one of the formats around it.

    Files of these endings are taken by their names alone.
    """
    if path.is_dir():
        return configuration_in(path) is not None or _in_folder(path) is not None
    return path.name.lower().endswith((*suffixes, _INDEX)) or configuration_in(path) is not None


def load(path: Path) -> object:
    """Return what a file or folder holds, for ``reading.read``.

    Raises:
        ModelError: it is damaged, or nothing that can be read without running its code.
    """
    configuration = configuration_in(path)
    if configuration is not None:
        return build(configuration, {})
    if path.is_dir():
        path = _in_folder(path) or path
    name = path.name.lower()
    if name.endswith(_INDEX):
        return _sharded(path)
    if name.endswith(".safetensors"):
        from analyzer_torch.safetensors import load_safetensors

        return load_safetensors(path)
    kind = "program" if name.endswith(".pt2") else _archive(path)
    if kind == "program":
        from analyzer_torch.exported import load_program

        return load_program(path)
    if kind == "script":
        from analyzer_torch.scripted import load_script

        return load_script(path)
    from analyzer_torch.checkpoints import load_checkpoint

    return load_checkpoint(path)


def _in_folder(path: Path) -> Path | None:
    return next((path / name for name in _IN_FOLDERS if (path / name).is_file()), None)


def _archive(path: Path) -> str:
    """Say what a zip archive holds: an exported program, TorchScript, or pickled tensors."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return ""
    inner = {name.partition("/")[2] for name in names}
    if "archive_format" in inner or any(name.startswith("models/") for name in inner):
        return "program"
    return "script" if any(name.startswith("code/") for name in inner) else ""


def _sharded(path: Path) -> StateDict:
    """Return the tensors of all files that an index names; they lie beside it."""
    from analyzer_torch.state_dicts import StateDict

    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        places = {str(name): str(file) for name, file in told["weight_map"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{str(path)!r} is no index of files, or a damaged one: {type(error).__name__}: {error}"
        ) from error
    load_one = _loader(path)
    parts: dict[str, StateDict] = {}
    for file in dict.fromkeys(places.values()):
        if Path(file).name != file or not (path.parent / file).is_file():
            raise ModelError(f"{str(path)!r} names {file!r}, which is not there beside it")
        parts[file] = load_one(path.parent / file)
    held = {tensor.name: tensor for part in parts.values() for tensor in part.tensors}
    missing = [name for name in places if name not in held]
    if missing:
        raise ModelError(
            f"{str(path)!r} names {missing[0]!r}, which {places[missing[0]]!r} does not hold; the "
            "files do not belong together"
        )
    first = next(iter(parts.values()), None)
    return StateDict(
        format="safetensors" if first is None else first.format,
        version="" if first is None else first.version,
        tensors=tuple(held[name] for name in places),
    )


def _loader(path: Path) -> Callable[[Path], StateDict]:
    if path.name.lower().endswith(f".safetensors{_INDEX}"):
        from analyzer_torch.safetensors import load_safetensors

        return load_safetensors
    from analyzer_torch.checkpoints import load_checkpoint

    return load_checkpoint
