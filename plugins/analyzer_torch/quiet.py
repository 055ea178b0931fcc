"""What libraries log while a model is made: kept quiet, unless somebody asked for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["quiet"]

_CHOICE = "TRANSFORMERS_VERBOSITY"
"""The variable with which a user of transformers chooses; it is read when that is imported."""


@contextmanager
def quiet() -> Iterator[None]:
    """Let libraries log errors alone; where somebody has chosen a level, it stays.

    What really fails, raises. Everything is set back, unless it was changed meanwhile.
    """
    if _CHOICE in os.environ:
        yield
        return
    import logging

    hushed = [name for name, usual in _levels().items() if logging.getLogger(name).level == usual]
    os.environ[_CHOICE] = "error"
    for name in hushed:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        os.environ.pop(_CHOICE, None)
        for name in hushed:
            if logging.getLogger(name).level == logging.ERROR:
                logging.getLogger(name).setLevel(_levels()[name])


def _levels() -> Mapping[str, int]:
    """Return the levels that loggers have where nobody has chosen any."""
    import logging

    imported = "transformers" in sys.modules
    return {
        "torch.utils._pytree": logging.NOTSET,  # warns of what torchao registers
        "transformers": logging.WARNING if imported else logging.NOTSET,
    }
