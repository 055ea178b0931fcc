"""Which layers a name or a pattern means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from analyzer.errors import UnknownNameError
from analyzer.units import some_text

if TYPE_CHECKING:
    from analyzer.report import LayerReport, Report

__all__ = ["find", "is_pattern", "of_type", "select"]


def find(report: Report, path: str) -> LayerReport:
    """Return the layer of this path; the last part is enough where it is unique.

    Raises:
        UnknownNameError: there is none, or several end in these words.
    """
    for layer in report.layers:
        if layer.path == path:
            return layer
    found = [layer for layer in report.layers if path and _last(layer) == path]
    if len(found) == 1:
        return found[0]
    if found:
        paths = [layer.path for layer in found]
        raise UnknownNameError(
            f"layer {path!r} is ambiguous in {report.model.name}; "
            f"it could be {', '.join(paths[:5])}?"
        )
    raise _nothing(report, f"layer {path!r}", path)


def is_pattern(report: Report, text: str) -> bool:
    """Say whether a text is a pattern: it has ``*``, ``?`` or ``[``, and names no layer."""
    return any(sign in text for sign in "*?[") and all(
        text not in (layer.path, _last(layer)) for layer in report.layers
    )


def select(report: Report, pattern: str) -> Sequence[LayerReport]:
    """Return the layers whose path, or its last part, a pattern of the shell fits.

    Raises:
        UnknownNameError: it fits none.
    """
    found = [
        layer
        for layer in report.layers
        if layer.path and any(fnmatchcase(name, pattern) for name in (layer.path, _last(layer)))
    ]
    if not found:
        raise _nothing(report, f"a layer that fits {pattern!r}", re.sub(r"[*?\[\]]", "", pattern))
    return found


def of_type(
    layers: Iterable[LayerReport], name: str, kinds: Mapping[str, Iterable[str]]
) -> Sequence[LayerReport]:
    """Return the layers of a type, or that run an operation of that kind (``kinds``, by path).

    Capitals do not matter, and a pattern of the shell will do.

    Raises:
        UnknownNameError: there is none.
    """
    wanted, there = name.lower(), dict[str, None]()
    found = []
    for layer in layers:
        names = (layer.type, *kinds.get(layer.path, ()))
        there |= dict.fromkeys(names)
        if any(fnmatchcase(one.lower(), wanted) for one in names):
            found.append(layer)
    if not found:
        folded = {one.lower(): one for one in there}
        close = [folded[one] for one in get_close_matches(wanted.strip("*?"), folded, n=3)]
        hint = f"did you mean {', '.join(close)}?" if close else f"there are {some_text([*there])}"
        raise UnknownNameError(f"no layer is of type {name!r}, nor does what is called so; {hint}")
    return found


def _last(layer: LayerReport) -> str:
    return re.split(r"[./]", layer.path)[-1]


def _nothing(report: Report, what: str, like: str) -> UnknownNameError:
    paths = [layer.path for layer in report.layers if layer.path]
    # What is misspelt may be a path or the last part of one.
    ends = {_last(layer): layer.path for layer in report.layers if layer.path}
    close = get_close_matches(like, paths, n=3)
    close = close or [ends[end] for end in get_close_matches(like, ends, n=3)]
    if close:
        hint = f"did you mean {', '.join(close)}?"
    elif paths:
        more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
        hint = f"it has {', '.join(paths[:5])}{more}"
    else:
        hint = "it has no layers: leave the name out"
    return UnknownNameError(f"{what} is not in {report.model.name}; {hint}")
