"""Keeps Keras from importing TensorFlow for nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["not_asking_tensorflow"]


@contextmanager
def not_asking_tensorflow() -> Iterator[None]:
    """Keep Keras from importing TensorFlow just to see that an object is none of its own.

    Where it was not imported, no object is; layers that need it still import it.
    """
    from keras.src.saving import serialization_lib

    whole = serialization_lib.tf

    class Imported:
        @property
        def available(self) -> bool:
            return "tensorflow" in sys.modules

        def __getattr__(self, name: str) -> Any:
            return getattr(whole, name)

    serialization_lib.tf = Imported()
    try:
        yield
    finally:
        serialization_lib.tf = whole
