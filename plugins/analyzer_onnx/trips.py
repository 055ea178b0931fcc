"""How often a ``Loop`` runs: its condition is followed alone, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer import Bound
from analyzer_onnx.evaluate import evaluate, is_evaluable
from analyzer_onnx.nodes import OnnxNode, read_nodes
from analyzer_onnx.values import Scope, Step, Value, numbers_of

if TYPE_CHECKING:
    from onnx import GraphProto

    from analyzer_onnx.walk import Walk

__all__ = ["Trips", "inputs_behind", "trip_count"]

_MOST_STEPS = 100_000
_MOST_FOLLOWED = 200_000  # nodes of all conditions of a file, each time they are evaluated


class Trips(NamedTuple):
    """How often a loop's body runs.

    Attributes:
        times: None where that depends on what flows through.
        bound: what it is to the true number, where it follows from sizes that are bounds.
        by: a value that sets it, and whose elements nobody knows.
    """

    times: int | None
    bound: Bound = Bound.EXACT
    by: Value | None = None


def trip_count(walk: Walk, body: GraphProto, inputs: Sequence[Value | None], scope: Scope) -> Trips:
    """Return how often a loop's body runs.

    ``scope`` holds the values of the body, which was walked before.

    The nodes that the condition depends on, with the carried values that these depend on in turn,
    are evaluated run by run. They are a counter and a comparison as a rule; whatever they are, if
    they start from known numbers the count is exact.
    """
    most = _number(inputs[0] if inputs else None)
    start = inputs[1] if len(inputs) > 1 else None
    first = True if start is None else _number(start)
    if most == 0 or (first is not None and not first):
        return Trips(0, numbers_of(inputs[:2]))
    condition = _Condition(walk, body, inputs, scope)
    if condition.always:
        if most is None or first is None:
            return Trips(None, numbers_of(inputs[:2]), start if most is not None else inputs[0])
        return Trips(int(most), numbers_of(inputs[:2]))
    if first is None or not condition.known:
        return Trips(None, by=start if first is None else condition.open)
    bound = Bound.NEITHER if condition.bounded else numbers_of(inputs[:2])
    return Trips(condition.runs(int(most) if most is not None else None), bound)


def inputs_behind(steps: Iterable[Step], value: Value | None) -> list[str]:
    """Return the names of the graph's inputs that a value follows from, by the steps before."""
    makers = {id(output): step for step in steps for output in step.outputs}
    pending, found, seen = [value], dict[str, None](), set[int]()
    while pending:
        one = pending.pop()
        if one is None or one.constant or id(one) in seen:
            continue
        seen.add(id(one))
        if id(one) in makers:
            pending.extend(makers[id(one)].inputs)
        else:
            found[one.name] = None
    return sorted(found)


def _number(value: Value | None) -> Any:
    if value is None or not value.known or value.data is None or value.data.size != 1:
        return None
    return value.data.reshape(-1)[0].item()


class _Condition:
    """The part of a loop's body that decides whether it runs once more.

    Attributes:
        always: the condition is handed on as it came, so only M ends the loop.
        known: every number that the condition depends on is known.
        bounded: some of them follow from sizes that are bounds.
        open: a value from outside that it depends on, and that is not known.
    """

    def __init__(
        self, walk: Walk, body: GraphProto, inputs: Sequence[Value | None], scope: Scope
    ) -> None:
        self.walk = walk
        self.result = body.output[0].name
        self.places = {item.name: at for at, item in enumerate(body.input)}
        self.outputs = [item.name for item in body.output]
        self.body = read_nodes(body.node)
        self.makers = {name: node for node in self.body for name in node.output}
        self.fixed: dict[str, Any] = {}
        self.state: dict[str, Any] = {}
        self.nodes: list[OnnxNode] = []
        self.inputs, self.scope = inputs, scope
        self.bounded = False
        self.open: Value | None = None
        self.always = self._passes_on(self.result)
        self.known = not self.always and self._collect()

    def runs(self, most: int | None) -> int | None:
        """Follow the condition until it is false; what starts alike in every run is asked once."""
        numbers = (self.fixed | self.state).items()
        key = (
            most,
            *(node.proto.SerializeToString() for node in self.nodes),
            *((name, array.dtype, array.shape, array.tobytes()) for name, array in numbers),
        )
        if key not in self.walk.trips:
            self.walk.trips[key] = self._follow(most)
        return self.walk.trips[key]

    def _follow(self, most: int | None) -> int | None:
        for step in range(min(most or _MOST_STEPS, _MOST_STEPS)):
            values = self.fixed | self.state | self._iteration(step)
            for node in self.nodes:
                arrays = [values[name] if name else None for name in node.input]
                found = evaluate(node, self.walk.opsets.get("", 0), arrays)
                self.walk.followed += 1
                if found is None or self.walk.followed > _MOST_FOLLOWED:
                    return None
                values.update(zip(node.output, found, strict=False))
            if not bool(values[self.result].reshape(-1)[0]):
                return step + 1
            self.state = {name: values[self.outputs[self.places[name] - 1]] for name in self.state}
        return most if most is not None and most <= _MOST_STEPS else None

    def _iteration(self, step: int) -> dict[str, Any]:
        import numpy as np

        counter, condition = list(self.places)[:2]
        return {counter: np.asarray(step, np.int64), condition: np.asarray(True)}

    def _passes_on(self, name: str) -> bool:
        while name in self.makers and self.makers[name].op_type == "Identity":
            name = self.makers[name].input[0]
        if self.places.get(name) == 1:
            return True
        value = self._known(name)
        return value is not None and bool(value.reshape(-1)[0])

    def _collect(self) -> bool:
        """Gather the nodes behind the condition; say whether all that they read is known."""
        pending, needed = [self.result], set()
        while pending:
            name = pending.pop()
            if not name or name in needed:
                continue
            needed.add(name)
            place = self.places.get(name)
            if place is not None and place < 2:
                continue
            if place is not None:
                start = self.inputs[place]
                if start is None or not start.known:
                    return False
                self.state[name] = start.data
                self.bounded |= bool(start.numbers)
                pending.append(self.outputs[place - 1])
                continue
            known = self._known(name)
            if known is not None:
                self.fixed[name] = known
            elif name not in self.makers or not is_evaluable(self.makers[name].op_type):
                self.open = None if name in self.makers else self.scope.get(name)
                return False
            else:
                pending.extend(self.makers[name].input)
        self.nodes = [
            node
            for node in self.body
            if any(name in needed and name not in self.fixed for name in node.output)
        ]
        return True

    def _known(self, name: str) -> Any:
        """Elements of what is the same in every run: constants, and values from outside."""
        value = self.scope.get(name)
        if value is None or not value.known:
            return None
        self.bounded |= bool(value.numbers)
        return value.data
