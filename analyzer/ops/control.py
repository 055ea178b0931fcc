"""Operations that hold operations, and the one that nobody could translate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

from analyzer.ir import Node
from analyzer.ops.base import Cost, Operation

__all__ = ["Branch", "Repeat", "Unknown", "why_uncounted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Operation):
    """An operation that the importer could not translate. It is listed, and never zero.

    Attributes:
        name: the native name, as ``domain::operation`` or ``package.operation``.
        because: why nobody counts it, where that is known.
        attributes: native attributes that a plugin may want in order to translate it.
    """

    name: str
    because: str = ""
    attributes: tuple[tuple[str, object], ...] = ()

    def cost(self) -> None:
        return None

    @property
    def kind(self) -> str:
        return self.name

    @property
    def lesson(self) -> str:  # type: ignore[override]  # one class, a reason for each instance
        why = f" ({self.because})" if self.because else ""
        return (
            f"This operation could not be counted{why}, so totals that contain it are lower bounds."
        )


def why_uncounted(name: str, reasons: Mapping[str, str]) -> str:
    """Return why an operator is not counted, and nothing where no pattern names it.

    ``reasons`` is from patterns of names, in which ``*`` stands for anything; the first that fits
    is taken.

    >>> why_uncounted("linalg_eigh", {"linalg_eig*": "found by iteration"})
    'found by iteration'
    >>> why_uncounted("relu", {"linalg_eig*": "found by iteration"})
    ''
    """
    return next((why for pattern, why in reasons.items() if fnmatchcase(name, pattern)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Operation):
    """A body that runs ``times`` times. If not ``exact``, it runs at least that often."""

    body: tuple[Node, ...]
    times: int
    exact: bool = True

    lesson: ClassVar[str] = "The body is counted once and multiplied by the number of runs."

    def cost(self) -> Cost:
        return Cost(free="a loop costs what its body does")

    def bodies(self) -> tuple[tuple[Node, ...], ...]:
        return (self.body,) if self.times else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(Operation):
    """Alternatives of which one runs: ``taken`` if it is known, else the costliest is counted."""

    alternatives: tuple[tuple[Node, ...], ...]
    taken: int | None = None

    lesson: ClassVar[str] = "Only one of the alternatives runs."

    def cost(self) -> Cost:
        return Cost(free="a branch costs what its alternatives do")

    def bodies(self) -> tuple[tuple[Node, ...], ...]:
        return self.alternatives if self.taken is None else (self.alternatives[self.taken],)
