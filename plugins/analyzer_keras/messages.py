"""What Keras says when something goes wrong, in one line."""

from __future__ import annotations

import re
from textwrap import shorten

__all__ = ["said"]

_FRAMES = ("Exception encountered when calling", "Arguments received by")


def said(error: BaseException) -> str:
    r"""Return the line of an error that says what happened, without what is put around it.

    That is Keras's frame, and the node that TensorFlow made to find out.

    >>> said(ValueError("Could not infer. Error encountered:\n\nshapes differ\nmore"))
    'shapes differ'
    >>> said(ValueError("Dimension 1 must be 4, but is 5 for '{{node add}} = AddV2[T=DT_FLOAT]'"))
    'Dimension 1 must be 4, but is 5'
    """
    text = re.sub(r"\x1b\[\d*m", "", str(error)).rpartition("Error encountered:")[2]
    text = re.sub(r"\.? for '\{\{node .*", "", text)
    lines = [line.strip() for line in text.splitlines()]
    telling = [line for line in lines if line and not line.startswith(_FRAMES)]
    return shorten(telling[0], 300, placeholder=" …") if telling else type(error).__name__
