"""TorchScript: files of ``torch.jit.save``, traced or scripted."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from analyzer import ModelError

__all__ = ["load_script"]


def load_script(path: Path) -> torch.jit.ScriptModule:
    """Read a TorchScript file.

    Raises:
        ModelError: the file is damaged, or needs operators that are not there.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript as a whole is one
            return torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call, no-any-return]
    except (RuntimeError, ValueError, OSError, EOFError) as error:
        raise ModelError(
            f"{str(path)!r} could not be read as TorchScript: {' '.join(str(error).split())[:300]}"
        ) from error
