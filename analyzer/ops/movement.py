"""Operations that compute nothing: views, copies, look-ups, casts. Each says why it is free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from analyzer.expression import Expression, Factor, product
from analyzer.ops.base import Cost, Operation

__all__ = ["CAST", "COPY", "FILL", "LOOK_UP", "NO_OP", "VIEW", "Embedding", "Free", "free"]

VIEW = "a view: no element is computed"
COPY = "elements are moved, none is computed"
LOOK_UP = "elements are looked up, none is computed"
FILL = "elements are filled in, none is computed"
CAST = "only the type of the elements changes"
NO_OP = "it does nothing in inference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Free(Operation):
    """An operation without arithmetic, with the reason."""

    name: str
    because: str

    def cost(self) -> Cost:
        return Cost(free=self.because)

    @property
    def kind(self) -> str:
        return self.name

    @property
    def lesson(self) -> str:  # type: ignore[override]  # one class, a reason for each instance
        return f"{self.name} is free: {self.because}."


def free(name: str, *, because: str) -> Free:
    """Declare an operation free.

    >>> free("reshape", because=VIEW).cost().free
    'a view: no element is computed'
    """
    return Free(name=name, because=because)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding(Operation):
    """A look-up: ``(look_ups) → (look_ups, width)`` in a table of ``vocabulary`` rows.

    Where look-ups are weighted or summed (bags), that is an operation of its own.

    >>> Embedding(look_ups=7, vocabulary=100, width=8).parameter_counts()["embedding"].value
    800
    """

    look_ups: int
    vocabulary: int
    width: int

    lesson: ClassVar[str] = (
        "The table holds one learned vector for every word of the vocabulary. Using it only copies "
        "rows, so it has many parameters and no arithmetic."
    )
    roles: ClassVar[Mapping[str, str]] = {
        "embedding": "one vector of learned numbers for each entry of the vocabulary",
    }

    def cost(self) -> Cost:
        return Cost(free="rows of the table are copied: nothing is computed")

    def elements_read(self, stored: int) -> Expression | None:
        if stored != self.vocabulary * self.width:
            return None
        return product(Factor("look-ups", self.look_ups), Factor("width", self.width))

    def parameter_counts(self) -> Mapping[str, Expression]:
        return {"embedding": product(vocabulary=self.vocabulary, width=self.width)}
