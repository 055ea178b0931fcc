"""A framework as small as one can be: a stack of layers, kept in a text file.

One layer a line: a name, a kind, and what the kind takes. The first line is the input::

    image   input  8
    first   dense  16 bias
    bend    relu
    mix     hadamard
    last    dense  4
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

__version__ = "1.0"


@dataclass
class Line:
    """One layer: its name, its kind, and what stands behind that."""

    name: str
    kind: str
    words: list[str] = field(default_factory=list)


@dataclass
class Stack:
    """A model: the width of its input, and its layers from first to last."""

    width: int
    lines: list[Line]


def load(path: Path) -> Stack:
    """Read a model from its file; a ValueError says which line is wrong."""
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not (words := text.split()):
            continue
        if len(words) < 2:
            raise ValueError(f"line {number}: {text.strip()!r} has no kind; write: name kind …")
        lines.append(Line(words[0], words[1], words[2:]))
    if not lines or lines[0].kind != "input" or not lines[0].words:
        raise ValueError("the first line is not: name input width")
    return Stack(int(lines[0].words[0]), lines[1:])
