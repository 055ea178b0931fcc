"""Why something failed, in words that can be kept."""

from __future__ import annotations

import re
from textwrap import shorten

__all__ = ["reason"]

_FOLDERS = re.compile(r"(?<![\w:/.])/(?:[^\s/\"']+/)+")
_LONGEST = 300


def reason(said: str) -> str:
    """Return what an error said in one line, not all of it, and without the folders of a machine.

    >>> reason('no way\\n  File "/home/me/lib/tool.py", see https://some.where/else')
    'no way File "tool.py", see https://some.where/else'
    """
    return shorten(_FOLDERS.sub("", said), _LONGEST, placeholder=" …")
