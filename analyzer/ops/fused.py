"""Operations that a framework computes in one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer.expression import Expression, Words
from analyzer.ops.base import Cost, Operation

__all__ = ["Fused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused(Operation):
    """Several operations in one step: a bag of embeddings, a convolution with its activation.

    It costs what they cost one after the other. If the cost of one is not known, neither is that
    of the whole.

    Attributes:
        name: what to call it in reports.
        steps: the operations, in the order in which they are done.
    """

    name: str
    steps: tuple[Operation, ...]

    def cost(self) -> Cost | None:
        costs = [step.cost() for step in self.steps]
        known = [cost for cost in costs if cost is not None]
        return Cost.of_all(known) if len(known) == len(costs) else None

    def parameter_counts(self) -> Mapping[str, Expression]:
        counts: dict[str, Expression] = {}
        for step in self.steps:
            for role, count in step.parameter_counts().items():
                counts[role] = counts[role] + count if role in counts else count
        return counts

    def parts(self) -> tuple[Operation, ...]:
        return self.steps

    def parameter_lesson(self) -> tuple[Words, ...]:
        return tuple(line for step in self.steps for line in step.parameter_lesson())

    def shape_lesson(self) -> tuple[Words, ...]:
        return tuple(line for step in self.steps for line in step.shape_lesson())

    def work_lesson(self) -> tuple[Words, ...]:
        return tuple(line for step in self.steps for line in step.work_lesson())

    def elements_read(self, stored: int) -> Expression | None:
        read = (step.elements_read(stored) for step in self.steps)
        return next((elements for elements in read if elements is not None), None)

    @property
    def kind(self) -> str:
        return self.name

    @property
    def lesson(self) -> str:  # type: ignore[override]  # one class, a lesson for each instance
        lessons = dict.fromkeys(step.lesson for step in self.steps)
        kinds = ", ".join(dict.fromkeys(step.kind for step in self.steps))
        return " ".join((f"{self.name} is {kinds} in one step.", *filter(None, lessons)))

    @property
    def roles(self) -> Mapping[str, str]:  # type: ignore[override]  # those of its steps
        found: dict[str, str] = {}
        for step in self.steps:  # a role of several steps is explained by the first
            found = {**step.roles, **found}
        return found
