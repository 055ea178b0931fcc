"""Keeps TensorFlow quiet while it is imported: it writes about processors and drivers."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Thread

__all__ = ["without_chatter"]

_CHATTER = re.compile(
    rb"^(WARNING: All log messages before absl::InitializeLog\(\) .*"
    rb"|[IWE]\d{4} \d\d:\d\d:\d+\.\d+ .*"
    rb"|\d{4}-\d\d-\d\d \d\d:\d\d:\d+\.\d+: [IWE] tensorflow/.*"
    rb"|To enable the following instructions: .* rebuild TensorFlow .*)\n",
    re.MULTILINE,
)
_STANDARD_ERROR = 2


@contextmanager
def without_chatter() -> Iterator[None]:
    """Drop TensorFlow's log lines from standard error while it may be imported inside.

    It writes them past Python, before any setting of its own is in force. What fails, raises.
    """
    if "tensorflow" in sys.modules or find_spec("tensorflow") is None:
        yield
        return
    try:
        kept = os.dup(_STANDARD_ERROR)
    except OSError:  # there is none
        yield
        return
    reading, writing = os.pipe()
    filtering = Thread(target=_pass_on, args=(reading, kept), daemon=True)
    filtering.start()
    os.dup2(writing, _STANDARD_ERROR)
    os.close(writing)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, _STANDARD_ERROR)
        filtering.join(timeout=1)  # a process that was started inside may hold it open
        os.close(kept)


def _pass_on(reading: int, to: int) -> None:
    """Write what is read, without chatter; each line of that comes in one piece."""
    with os.fdopen(reading, "rb", buffering=0) as source:
        while chunk := source.read(1 << 16):
            rest = _CHATTER.sub(b"", chunk)
            try:
                while rest:
                    rest = rest[os.write(to, rest) :]
            except OSError:  # nobody listens any more
                return
