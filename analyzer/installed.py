"""Entry points of the distributions that are installed.

They are read from the folders of ``sys.path`` as the packaging specifications lay them out
(``…-info/entry_points.txt`` beside ``METADATA``). ``importlib.metadata`` reads the same, but takes
a third of the time of ``analyzer plugins``: it brings e-mail, sockets and archives along. So it is
asked only where there is more than folders to look in.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import PathFinder
from operator import attrgetter

from analyzer.errors import PluginError

__all__ = ["EntryPoint", "entry_points"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """What a distribution offers under a name.

    Attributes:
        name: unique in its group, if all is well.
        value: where it lives, ``module`` or ``module:attribute``.
        distribution: name and version of the distribution.
    """

    name: str
    value: str
    distribution: str

    def load(self) -> object:
        """Import it.

        Raises:
            ImportError, AttributeError: it is not there; or whatever its module raises.

        >>> EntryPoint(name="tau", value="math:tau", distribution="python 3").load()
        6.283185307179586
        """
        module, _, attribute = self.value.partition("[")[0].replace(" ", "").partition(":")
        found = import_module(module)
        return attrgetter(attribute)(found) if attribute else found


def entry_points(group: str) -> list[EntryPoint]:
    """Return the entry points of a group; of two distributions of one name the first on the path.

    Raises:
        PluginError: a distribution does not say legibly what it offers.

    >>> "pytest" in [point.name for point in entry_points("console_scripts")]
    True
    """
    return list(_in_folders(group) if _only_folders() else _in_whatever_there_is(group))


def _only_folders() -> bool:
    """Say whether nothing but folders is searched: no archives, no eggs, and no one's own way."""
    finders = (finder for finder in sys.meta_path if hasattr(finder, "find_distributions"))
    return all(finder is PathFinder for finder in finders) and not any(
        place.endswith(".egg") or os.path.isfile(place) for place in sys.path
    )


def _in_folders(group: str) -> Iterator[EntryPoint]:
    seen = set()
    for place in sys.path:
        try:
            names = os.listdir(place or ".")
        except OSError:  # not there, or closed to us; Python passes over it, too
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                stem = os.path.splitext(name)[0]
                called = stem.partition("-")[0].replace(".", "_").lower()
                if called not in seen:
                    seen.add(called)
                    yield from _in_one(os.path.join(place, name), group)


def _in_one(folder: str, group: str) -> Iterator[EntryPoint]:
    offered = _read(folder, "entry_points.txt")
    if f"[{group}]".encode() not in offered:
        return
    header = (_read(folder, "METADATA") or _read(folder, "PKG-INFO")).partition(b"\n\n")[0]
    fields = dict(line.partition(": ")[::2] for line in reversed(_lines(header)))
    distribution = f"{fields.get('Name')} {fields.get('Version')}"
    section = ""
    for line in _lines(offered):
        if line.startswith("["):
            section = line.strip("[]")
        elif section == group and line and not line.startswith("#"):
            name, equals, value = map(str.strip, line.partition("="))
            if not equals:
                raise PluginError(
                    f"{folder!r}: entry_points.txt: {line!r} is not name = value; install it again"
                )
            yield EntryPoint(name=name, value=value, distribution=distribution)


def _read(folder: str, file: str) -> bytes:
    try:
        with open(os.path.join(folder, file), "rb", buffering=0) as opened:
            return opened.read()
    except OSError:
        return b""


def _lines(text: bytes) -> list[str]:
    return [line.strip() for line in text.decode("utf-8", errors="replace").splitlines()]


def _in_whatever_there_is(group: str) -> Iterator[EntryPoint]:
    from importlib.metadata import entry_points

    for point in entry_points(group=group):
        distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        yield EntryPoint(name=point.name, value=point.value, distribution=distribution)
