"""Operations that hold operations, and the one that nobody could translate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from analyzer.ir import Node
from analyzer.ops.base import Cost, Operation

__all__ = ["Branch", "Repeat", "Unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Operation):
    """An operation that the importer could not translate. It is listed, and never zero.

    Attributes:
        name: the native name, as ``domain::operation`` or ``package.operation``.
        attributes: native attributes that a plugin may want in order to translate it.
    """

    name: str
    attributes: tuple[tuple[str, object], ...] = ()

    lesson: ClassVar[str] = (
        "No rule is known for this operation, so totals that contain it are lower bounds."
    )

    def cost(self) -> None:
        return None

    @property
    def kind(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Operation):
    """A body that runs ``times`` times. If not ``exact``, it runs at least that often."""

    body: tuple[Node, ...]
    times: int
    exact: bool = True

    lesson: ClassVar[str] = "The body is counted once and multiplied by the number of runs."

    def cost(self) -> Cost:
        return Cost(free="a loop costs what its body does")


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(Operation):
    """Alternatives of which one runs: ``taken`` if it is known, else the costliest is counted."""

    alternatives: tuple[tuple[Node, ...], ...]
    taken: int | None = None

    lesson: ClassVar[str] = "Only one of the alternatives runs."

    def cost(self) -> Cost:
        return Cost(free="a branch costs what its alternatives do")
