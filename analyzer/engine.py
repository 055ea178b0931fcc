"""The one counting engine: every number comes from here, whatever framework the model is from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from analyzer.conventions import Convention, Place, Surroundings
from analyzer.dtypes import is_floating
from analyzer.ir import Bound, Model, Node
from analyzer.ops.base import Category, Cost, Operation
from analyzer.ops.control import Branch, Repeat

__all__ = ["Bound", "Counted", "Counts", "Work", "count"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A node with what it costs.

    Attributes:
        node: the execution of an operation.
        times: how often it runs, by the loops around it.
        cost: of one run, None where nobody knows.
        integer: it works on integers only, so that its work is no floating-point work.
        bound: what its number of runs and its sizes are to the true ones.
    """

    node: Node
    times: int
    cost: Cost | None
    integer: bool
    bound: Bound = Bound.EXACT

    @property
    def work(self) -> Work:
        """What all its runs cost."""
        if self.cost is None:
            return Work(bound=self.bound | Bound.LOWER)
        categories = {
            category: expression.value * self.times
            for category, expression in self.cost.by_category.items()
        }
        macs = self.cost.macs.value * self.times
        if self.integer:
            return Work(macs=macs, integer_ops=sum(categories.values()), bound=self.bound)
        return Work(macs=macs, flops_by_category=categories, bound=self.bound)


class Work:
    """Numbers of operations, that add up: MACs, FLOPs by category, operations on integers."""

    __slots__ = ("bound", "flops_by_category", "integer_ops", "macs")

    def __init__(
        self,
        macs: int = 0,
        flops_by_category: dict[Category, int] | None = None,
        integer_ops: int = 0,
        bound: Bound = Bound.EXACT,
    ) -> None:
        self.bound = bound
        self.macs = macs
        self.flops_by_category: dict[Category, int] = flops_by_category or {}
        self.integer_ops = integer_ops

    @property
    def flops(self) -> int:
        """All floating-point operations."""
        return sum(self.flops_by_category.values())

    @property
    def size(self) -> tuple[int, int, int]:
        """What is compared to find the costlier of two: MACs first, then FLOPs, then the rest."""
        return self.macs, self.flops, self.integer_ops

    def is_as_much_as(self, other: Work) -> bool:
        """Whether this is no less than another of any sort of work."""
        return all(mine >= its for mine, its in zip(self.size, other.size, strict=True))

    def add(self, other: Work) -> None:
        """Add what another did to this."""
        if other.bound is not Bound.EXACT:
            self.bound |= other.bound
        self.macs += other.macs
        self.integer_ops += other.integer_ops
        for category, flops in other.flops_by_category.items():
            self.flops_by_category[category] = self.flops_by_category.get(category, 0) + flops


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Every node of a model counted, loops and branches laid open.

    Attributes:
        entries: in execution order; of a branch whose condition is unknown, the costliest way.
        notes: bounds that follow from loops and branches that nobody can tell.
    """

    entries: tuple[Counted, ...]
    notes: tuple[str, ...]


def count(model: Model, convention: Convention, around: Surroundings | None = None) -> Counts:
    """Count every node of a model under a convention. A model without a graph has no entries.

    ``around`` are the model's surroundings, for who counts it under several conventions.
    """
    walk = _Walk(convention, around or Surroundings(model))
    entries = tuple(walk.over(model.nodes or (), 1, Bound.EXACT))
    return Counts(entries=entries, notes=tuple(dict.fromkeys(walk.notes)))


class _Walk:
    def __init__(self, convention: Convention, around: Surroundings) -> None:
        self.convention = convention
        self.around = around
        self.costs: dict[Operation, Cost | None] = {}
        self.notes: list[str] = []

    def over(self, nodes: Iterable[Node], times: int, bound: Bound) -> Iterator[Counted]:
        for node in nodes:
            match node.operation:
                case Repeat(body=body, times=trips, exact=exact):
                    if not exact:
                        self.notes.append(
                            f"loop in {node.layer or 'the model'!r} ({node.native}): its trip "
                            f"count is not known; {trips} counted: the totals are lower bounds"
                        )
                    yield from self.over(
                        body, times * trips, bound if exact else bound | Bound.LOWER
                    )
                case Branch(alternatives=alternatives, taken=taken):
                    yield from self._branch(node, alternatives, taken, times, bound)
                case _:
                    yield self._counted(node, times, bound)

    def _branch(
        self,
        node: Node,
        alternatives: Sequence[Sequence[Node]],
        taken: int | None,
        times: int,
        bound: Bound,
    ) -> Iterator[Counted]:
        if taken is not None:
            yield from self.over(alternatives[taken], times, bound)
            return
        ways = [list(self.over(way, times, bound | Bound.UPPER)) for way in alternatives]
        costs = [_sum(way) for way in ways]
        # Of two that are worth the same, the one that hides nothing of what is not known.
        best = max(
            range(len(ways)),
            key=lambda at: (costs[at].size, Bound.LOWER in costs[at].bound, len(ways[at])),
        )
        each = " or ".join(f"{cost.macs:,} MACs and {cost.flops:,} FLOPs" for cost in costs)
        sort, is_bound = "upper bounds", False
        if any(entry.cost is None for way in ways for entry in way):
            sort = "no bound, for some operations in it are unknown"
        elif any(Bound.LOWER in cost.bound for cost in costs):
            sort = "no bound, for not all of its work is known"
        elif not all(costs[best].is_as_much_as(cost) for cost in costs):
            sort = "no bound, for another way has more of other work"
        else:
            is_bound = True
        self.notes.append(
            f"branch in {node.layer or 'the model'!r} ({node.native}): its condition is not known; "
            f"the ways cost {each}, the largest is counted: the totals are {sort}"
        )
        if is_bound:
            yield from ways[best]
        else:  # what was not chosen might cost more
            yield from (replace(entry, bound=Bound.NEITHER) for entry in ways[best])

    def _counted(self, node: Node, times: int, bound: Bound) -> Counted:
        cost = self.costs.get(node.operation)
        if cost is None:  # not met before, or its place matters, or unknown
            place = Place(node, self.around)
            cost = self.convention.cost(place)
            if not place.looked_around:
                self.costs[node.operation] = cost
        tensors = (*node.inputs, *node.outputs)
        return Counted(
            node=node,
            times=times,
            cost=cost,
            integer=bool(tensors) and not any(is_floating(tensor.dtype) for tensor in tensors),
            bound=bound if node.bound is Bound.EXACT or _is_free(cost) else bound | node.bound,
        )


def _is_free(cost: Cost | None) -> bool:
    return cost is not None and bool(cost.free)


def _sum(entries: Iterable[Counted]) -> Work:
    work = Work()
    for entry in entries:
        work.add(entry.work)
    return work
