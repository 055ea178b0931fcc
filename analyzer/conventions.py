"""Named ways of counting.

A convention is a table from kinds of operation to rules. The default, ``analyzer``, has an empty
table: it is the operations' own rules. Others say what another tool would have counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.ops.base import Cost, Operation

__all__ = ["ANALYZER", "BUILT_IN", "Convention", "Rule"]

Rule = Callable[["Operation", "Cost"], "Cost"]
"""From an operation and its own cost to the cost under a convention."""


def _as_is(operation: Operation, cost: Cost) -> Cost:
    return cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """A named way of counting.

    Attributes:
        name: what ``--convention`` takes.
        version: changes when a figure under this convention would.
        description: one sentence for ``analyzer plugins`` and the docs.
        rules: rule for each kind of operation that it counts in its own way.
        otherwise: rule for all other operations.
    """

    name: str
    version: int
    description: str
    rules: Mapping[type[Operation], Rule] = field(default_factory=dict)
    otherwise: Rule = _as_is

    def cost(self, operation: Operation) -> Cost | None:
        """Return what the operation costs under this convention, None where nobody knows."""
        own = operation.cost()
        if own is None:
            return None
        return self.rules.get(type(operation), self.otherwise)(operation, own)


def _contractions(flops_per_mac: int, tool: str) -> Rule:
    def rule(operation: Operation, cost: Cost) -> Cost:
        from analyzer.ops.base import Cost

        if not cost.macs.value:
            return Cost(free=cost.free or f"{tool} does not count it")
        return Cost(macs=cost.macs, flops_per_mac=flops_per_mac)

    return rule


ANALYZER = Convention(
    name="analyzer",
    version=1,
    description="every scalar operation of the textbook algorithm; 2 FLOPs a MAC (the default)",
)

BUILT_IN = (
    ANALYZER,
    Convention(
        name="torch",
        version=1,
        description="torch.utils.flop_counter on meta tensors: 2 FLOPs a MAC and nothing else",
        otherwise=_contractions(2, "torch.utils.flop_counter"),
    ),
    Convention(
        name="torchvision",
        version=1,
        description="the GFLOPS in torchvision's weights, which are MACs and nothing else",
        otherwise=_contractions(1, "torchvision's metadata"),
    ),
)
