"""What ``torch.save`` wrote: tensors are mapped, not read, and no object but them is made."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor

from analyzer import ModelError
from analyzer_torch.call import dtype_name
from analyzer_torch.state_dicts import StateDict, Stored

__all__ = ["load_checkpoint"]

_MODELS = ("state_dict", "model_state_dict", "model", "module", "params_ema", "params", "network",
           "net", "weights", "ema_state_dict", "model_ema", "ema")  # fmt: skip
"""Under which name training scripts keep the model, the most telling first."""

_NO_MODEL = re.compile(r"optim|sched|scaler|rng|random|momentum", re.IGNORECASE)

_SPARSE = {
    torch.sparse_bsc: ("values", "ccol_indices", "row_indices"),
    torch.sparse_bsr: ("values", "crow_indices", "col_indices"),
    torch.sparse_coo: ("_values", "_indices"),
    torch.sparse_csc: ("values", "ccol_indices", "row_indices"),
    torch.sparse_csr: ("values", "crow_indices", "col_indices"),
}
"""What a sparse tensor consists of, by its layout."""

_FLAT = {torch.qint32: "int32", torch.qint8: "int8", torch.quint8: "uint8"}


def load_checkpoint(path: Path) -> StateDict:
    """Return the model's tensors in a checkpoint, whatever else it holds.

    Raises:
        ModelError: the file is damaged, holds no tensors by name, or would run code to be read.
    """
    saved = _unpickled(path)
    try:
        found, notes = _model_in(path, saved)
    except RecursionError as error:
        raise ModelError(
            f"{str(path)!r} holds a container that is inside itself; save the model's state_dict()"
        ) from error
    return StateDict(
        format="PyTorch",
        version=str(torch.__version__),
        tensors=tuple(_stored(path, name, tensor) for name, tensor in _tensors(found, "")),
        notes=tuple(notes),
    )


def _unpickled(path: Path) -> Any:
    """Read a file without running what is pickled in it."""
    mapped = zipfile.is_zipfile(path)  # what old versions wrote cannot be mapped
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of storage types of old files, and the like
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        if found is None or "Unsupported" not in str(error):
            raise ModelError(
                f"{str(path)!r} is damaged, or no PyTorch file: {_said(error)}"
            ) from error
        raise ModelError(
            f"{str(path)!r} holds a pickled {found[1]}, and to unpickle it would run code of the "
            "file's choosing; if you trust it, load it in Python with weights_only=False and "
            "analyse the module, or save its state_dict()"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, AttributeError,
            AssertionError, TypeError, zipfile.BadZipFile) as error:  # fmt: skip
        raise ModelError(f"{str(path)!r} is damaged, or no PyTorch file: {_said(error)}") from error


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {shorten(text, 200, placeholder=' …')}"


def _model_in(path: Path, saved: Any) -> tuple[Any, list[str]]:
    """Return the part of a checkpoint that is the model, and what is said of the rest."""
    if isinstance(saved, Tensor):
        return {"tensor": saved}, []
    if not isinstance(saved, Mapping) or next(_tensors(saved, ""), None) is None:
        raise ModelError(
            f"{str(path)!r} holds a {type(saved).__name__} without tensors by name; give a file "
            "with a state_dict"
        )
    holding = [key for key, value in saved.items() if next(_tensors(value, ""), None) is not None]
    bare = {key for key in holding if isinstance(saved[key], Tensor)}
    models = [name for name in _MODELS if name in holding and name not in bare][:1]
    models = models or [key for key in holding if key in bare or not _NO_MODEL.search(str(key))]
    if not models:
        raise ModelError(
            f"{str(path)!r} holds {', '.join(map(str, saved))}, and none of it is a model; give a "
            "file with a state_dict"
        )
    rest = [
        f"{key} ({sum(tensor.numel() for _, tensor in _tensors(saved[key], '')):,} elements)"
        for key in holding
        if key not in models
    ]
    notes = [f"not part of the model and not counted: {', '.join(rest)}"] if rest else []
    if len(models) > 1 or models[0] in bare:
        return {name: saved[name] for name in models}, notes
    found = saved[models[0]]
    if isinstance(found, Mapping):  # as {"model": {"state_dict": …}}
        found, inner = _model_in(path, found)
        notes += inner
    return found, notes


def _tensors(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in containers, by dotted names."""
    if isinstance(value, Tensor):
        yield name, value
        return
    items: Any = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    for key, item in items:
        yield from _tensors(item, f"{name}.{key}" if name else str(key))


def _stored(path: Path, name: str, tensor: Tensor) -> Stored:
    dtype = _FLAT.get(tensor.dtype) or dtype_name(tensor.dtype)
    place: Any = None
    stored_bytes = tensor.numel() * tensor.element_size()
    if tensor.layout is torch.strided:
        # Of the memory of another file, which is released, the address may have come again.
        storage = tensor.untyped_storage()._cdata
        place = (path, storage, tensor.storage_offset(), tensor.numel())
    elif tensor.layout in _SPARSE:
        parts = [getattr(tensor, part)() for part in _SPARSE[tensor.layout]]
        stored_bytes = sum(part.numel() * part.element_size() for part in parts)
    return Stored(
        name=name,
        shape=tuple(tensor.shape),
        dtype=dtype,
        stored_bytes=stored_bytes,
        place=place,
    )
