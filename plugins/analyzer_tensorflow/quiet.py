"""Imports TensorFlow without the lines that it writes about processors and drivers."""

from __future__ import annotations

import os
import sys
from importlib import import_module

__all__ = ["import_quietly"]


def import_quietly() -> None:
    """Import TensorFlow; what really fails, raises.

    Its libraries write to the process's own file of errors before they can be told not to.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        kept = os.dup(2)
    except OSError:  # there is nowhere to write to anyway
        import_module("tensorflow")
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import_module("tensorflow")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
