"""What was promised, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analyzer.document import Table

__all__ = ["Target", "missed", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure that must not be above a limit.

    Attributes:
        name: what is measured, with its unit.
        measured: how much it is; None where that could not be measured, and nothing is kept.
        limit: how much it may be.
    """

    name: str
    measured: float | None
    limit: float

    @property
    def met(self) -> bool:
        """Whether the promise is kept."""
        return self.measured is not None and self.measured <= self.limit

    @property
    def text(self) -> str:
        """Say how much it is, in three digits."""
        return "not measured" if self.measured is None else f"{self.measured:.3g}"


def missed(targets: Iterable[Target]) -> list[str]:
    """Say of each promise that is broken what was measured."""
    return [
        f"target missed: {target.name} is {target.text}, and may be {target.limit:.3g}"
        for target in targets
        if not target.met
    ]


def table(targets: Iterable[Target]) -> Table:
    """Put the promises into a table."""
    return Table(
        title="Targets",
        columns=("target", "measured", "at most", ""),
        rows=tuple(
            (
                target.name,
                target.text,
                f"{target.limit:.3g}",
                "met" if target.met else "missed",
            )
            for target in targets
        ),
    )
