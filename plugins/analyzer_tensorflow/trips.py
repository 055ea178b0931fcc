"""How often a loop runs: counters, the steps they take, and the limits they run to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from analyzer import Bound
from analyzer_tensorflow.nodes import Body, reference
from analyzer_tensorflow.values import Value

if TYPE_CHECKING:
    from analyzer_tensorflow.walk import Walk

__all__ = ["Trips", "trip_count"]

_PASSES = ("Identity", "Cast", "Squeeze", "Reshape")
_MIRRORED = {"Greater": "Less", "GreaterEqual": "LessEqual"}
_MIRRORED |= {after: before for before, after in _MIRRORED.items()}


@dataclass(frozen=True, slots=True)
class Trips:
    """A trip count: exact, at most (an ``UPPER`` bound), or at least, where nobody knows."""

    times: int
    exact: bool = True
    bound: Bound = Bound.EXACT


def trip_count(walk: Walk, node: Any, inputs: Sequence[Value], kept: Sequence[bool]) -> Trips:
    """Return how often a ``While`` runs.

    Its condition is a comparison of a counter with a limit, or several that must all hold. One that
    cannot be followed may end the loop earlier than the others do.
    """
    return _Loop(walk, node, inputs, kept).trips()


class _Loop:
    def __init__(
        self, walk: Walk, node: Any, inputs: Sequence[Value], kept: Sequence[bool]
    ) -> None:
        self.walk = walk
        self.node = node
        self.inputs = inputs
        self.kept = kept
        self.condition = walk.body(node.attr["cond"].func.name)
        self.body = walk.body(node.attr["body"].func.name)

    def trips(self) -> Trips:
        """Return the least of what the comparisons allow."""
        found = [self._of(text) for text in self._conjuncts(self.condition.results[0])]
        known = [count for count in found if count is not None]
        if not known:
            return Trips(1, exact=False)
        bound = Bound.EXACT if len(known) == len(found) or not min(known) else Bound.UPPER
        return Trips(max(min(known), 0), bound=bound)

    def _conjuncts(self, text: str) -> list[str]:
        node = self._node(self.condition, text)
        if node is not None and node.op == "LogicalAnd":
            return [one for source in node.input[:2] for one in self._conjuncts(source)]
        return [text]

    def _of(self, text: str) -> int | None:
        """Return how often one comparison lets the loop run."""
        node = self._node(self.condition, text)
        if node is None:
            return None
        if node.op not in ("Less", "LessEqual", "Greater", "GreaterEqual", "NotEqual"):
            value = self._number(text)
            return None if value is None or value else 0
        left, right = node.input[:2]
        kind = node.op
        counter = self._counter(left)
        if counter is None:
            counter, right, kind = self._counter(right), left, _MIRRORED.get(kind, kind)
        limit = self._number(right)
        if counter is None or limit is None:
            return None
        return _runs(kind, *counter, limit)

    def _counter(self, text: str) -> tuple[float, float] | None:
        """Return where a counter starts and the step that it takes in every run."""
        name = self._origin(self.condition, text)
        names = [argument for argument, _ in self.condition.arguments]
        if name not in names or self.kept[names.index(name)]:
            return None
        at = names.index(name)
        start = self.walk.numbers(self.inputs[at])
        node = self._node(self.body, self.body.results[at])
        if start is None or start.size != 1 or node is None:
            return None
        if node.op not in ("Add", "AddV2", "Sub"):
            return None
        own = self.body.arguments[at][0]
        origins = [self._origin(self.body, source) for source in node.input[:2]]
        if own not in origins or (node.op == "Sub" and origins[0] != own):
            return None
        other = node.input[1 if origins[0] == own else 0]
        step = self._constant(self.body, other)
        if step is None:
            return None
        return float(start.reshape(-1)[0]), -step if node.op == "Sub" else step

    def _constant(self, body: Body, text: str) -> float | None:
        """Return the number that a reference in a body is in every run."""
        name = self._origin(body, text)
        names = [argument for argument, _ in body.arguments]
        if name in names:
            at = names.index(name)
            return self._one(self.walk.numbers(self.inputs[at])) if self.kept[at] else None
        return self._evaluated(body, text)

    def _number(self, text: str) -> float | None:
        return self._constant(self.condition, text)

    def _evaluated(self, body: Body, text: str) -> float | None:
        """Walk what a reference depends on, where that is the same in every run."""
        scope = {
            (name, 0): value
            for (name, _), value, same in zip(body.arguments, self.inputs, self.kept, strict=True)
            if same
        }
        pending, seen = [reference(text)[0]], set()
        while pending:
            name = pending.pop()
            if name in seen or (name, 0) in scope:
                continue
            seen.add(name)
            if name not in body.nodes:
                return None  # something carried that changes
            pending += [
                reference(source)[0]
                for source in body.nodes[name].input
                if not source.startswith("^")
            ]
        with self.walk.apart():
            (value,) = self.walk.run(body, [text], scope)
        return self._one(self.walk.numbers(value))

    @staticmethod
    def _one(numbers: Any) -> float | None:
        return None if numbers is None or numbers.size != 1 else float(numbers.reshape(-1)[0])

    def _origin(self, body: Body, text: str) -> str:
        name = reference(text)[0]
        while name in body.nodes and body.nodes[name].op in _PASSES:
            name = reference(body.nodes[name].input[0])[0]
        return name

    def _node(self, body: Body, text: str) -> Any:
        return body.nodes.get(self._origin(body, text))


def _runs(kind: str, start: float, step: float, limit: float) -> int | None:
    """Return how often a counter passes a comparison before it fails.

    >>> _runs("Less", 0, 1, 5), _runs("LessEqual", 0, 2, 5), _runs("Greater", 5, -1, 0)
    (5, 3, 5)
    >>> _runs("Less", 0, -1, 5) is None
    True
    """
    if kind in ("Greater", "GreaterEqual"):
        start, step, limit = -start, -step, -limit
        kind = _MIRRORED[kind]
    if kind == "NotEqual":
        runs = (limit - start) / step if step else -1.0
        return int(runs) if runs >= 0 and runs == int(runs) else None
    if start > limit or (start == limit and kind == "Less"):
        return 0
    if step <= 0:
        return None
    runs = (limit - start) / step
    return ceil(runs) if kind == "Less" else int(runs) + 1
