"""What Keras says when something goes wrong, in one line."""

from __future__ import annotations

import re
from textwrap import shorten

__all__ = ["said"]

_FRAMES = ("Exception encountered when calling", "Arguments received by")


def said(error: BaseException) -> str:
    r"""Return the line of an error that says what happened, without Keras's frame around it.

    >>> said(ValueError("Could not infer. Error encountered:\n\nshapes differ\nmore"))
    'shapes differ'
    """
    text = re.sub(r"\x1b\[\d*m", "", str(error)).rpartition("Error encountered:")[2]
    lines = [line.strip() for line in text.splitlines()]
    telling = [line for line in lines if line and not line.startswith(_FRAMES)]
    return shorten(telling[0], 300, placeholder=" …") if telling else type(error).__name__
