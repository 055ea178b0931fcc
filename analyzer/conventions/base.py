"""What a named way of counting is, and what its rules may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from analyzer.conventions.place import Place

if TYPE_CHECKING:
    from analyzer.ir import Model
    from analyzer.ops.base import Cost, Operation

__all__ = ["Convention", "Rule", "Rules"]

Rule = Callable[[Place], "Cost | None"]
"""From an operation where it stands to its cost under a convention, None where nobody knows."""

Rules = Mapping["type[Operation]", Rule]
"""Rule for each kind of operation, by its record."""


def as_is(place: Place) -> Cost:
    """Count what ``analyzer`` counts."""
    return place.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """A named way of counting, mostly that of another tool.

    What nobody knows the cost of stays unknown under every convention. Of operations that are
    done in one step (:class:`analyzer.ops.Fused`) each is counted by itself, unless there is a
    rule for that kind.

    Attributes:
        name: what ``--convention`` takes.
        version: changes when a figure under this convention would.
        description: one sentence for ``analyzer plugins`` and the docs.
        rules: rule for each kind of operation that it counts in its own way, or a function that
            returns them, which is asked when a model is counted.
        otherwise: rule for all other operations.
        number: which of the totals is the one number that the tool tells, where it tells one.
        word: what the tool calls that number.
        integers: whether that number counts what is done with integers, as that of most tools.
        checked: the tool, and the versions of it that the rules were held to.
        frameworks: those whose models the tool reads, as in :attr:`analyzer.Model.framework`; of
            others the rules tell what it would count if the same were written there. Empty where
            it reads all.
        remark: what a reader should know of its figures, in any model that the tool reads.
        parameters: from a model to the number of parameters that the tool tells of it, and None
            where nobody can say; none where the tool tells no such number.
    """

    name: str
    version: int
    description: str
    rules: Rules | Callable[[], Rules] = field(default_factory=dict)
    otherwise: Rule = as_is
    number: Literal["flops", "macs"] | None = "flops"
    word: str = "FLOPs"
    integers: bool = True
    checked: str = ""
    frameworks: tuple[str, ...] = ()
    remark: str = ""
    parameters: Callable[[Model], int | None] | None = None

    def cost(self, place: Place) -> Cost | None:
        """Return what an operation costs under this convention, None where nobody knows."""
        if place.own_cost is None or (self.otherwise is as_is and not self.rules):
            return place.own_cost
        from analyzer.ops.base import Cost
        from analyzer.ops.fused import Fused

        rules = self.rules() if callable(self.rules) else self.rules
        rule = rules.get(type(place.operation))
        if rule is None and isinstance(place.operation, Fused):
            costs = [self.cost(place.step(step)) for step in place.operation.steps]
            known = [cost for cost in costs if cost is not None]
            return Cost.of_all(known) if len(known) == len(costs) else None
        return (rule or self.otherwise)(place)

    def tells(self, integer: bool) -> bool:
        """Say whether the tool's number counts work, which is done with integers or not."""
        return self.integers or not integer

    def note(self, model: Model) -> str:
        """Say what a reader should know of a model's figures under this convention."""
        if not self.frameworks or model.framework in self.frameworks:
            return self.remark
        return (
            f"reads no models of {model.framework}; counted as if the same were written in "
            f"{' or '.join(self.frameworks)}"
        )
