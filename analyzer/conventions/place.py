"""Where an operation stands: all that the rules of a convention may look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.ir import Layer, Model, Node, Parameter
    from analyzer.ops.base import Cost, Operation

__all__ = ["Place", "Surroundings"]


class Surroundings:
    """What the places of one model have in common: it is looked up once, and only when asked."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.layers: Mapping[str, Layer] = {layer.path: layer for layer in model.layers}
        self.parameters: Mapping[str, Parameter] = {
            parameter.name: parameter for parameter in model.parameters
        }
        self.containers = {layer.parent for layer in model.layers}
        self._costs: dict[Operation, Cost | None] = {}
        self._calls: dict[int, tuple[Node, ...]] | None = None

    def cost(self, operation: Operation) -> Cost | None:
        """Return what an operation costs by its own rule; equal ones are asked once."""
        if operation not in self._costs:
            self._costs[operation] = operation.cost()
        return self._costs[operation]

    def call(self, node: Node) -> tuple[Node, ...]:
        """Return the nodes of the call of a layer that one of them is of, in order."""
        if self._calls is None:
            ran: dict[str, list[Node]] = {}
            for one in _flat(self.model.nodes or ()):
                ran.setdefault(one.layer, []).append(one)
            self._calls = {
                id(one): call
                for path, nodes in ran.items()
                for call in _divided(nodes, self.layers[path].calls)
                for one in call
            }
        return self._calls.get(id(node), (node,))


def _flat(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        bodies = node.operation.bodies()
        if not bodies:
            yield node
        for body in bodies:
            yield from _flat(body)


def _divided(nodes: list[Node], calls: int) -> Iterator[tuple[Node, ...]]:
    """Divide what ran in a layer among its calls, where these are alike; else it is one."""
    size, rest = divmod(len(nodes), max(calls, 1))
    if rest or not size:
        size = len(nodes)
    for start in range(0, len(nodes), size):
        yield tuple(nodes[start : start + size])


class Place:
    """An operation where it stands, for the rules of a convention.

    The ``operation`` and its own ``cost`` are the same wherever it stands. A rule that looks at
    nothing else is asked once for equal operations; one that looks at anything else is asked at
    each place. Nobody has to say which it is.
    """

    __slots__ = ("_around", "_looked", "_node", "operation")

    def __init__(self, node: Node, around: Surroundings) -> None:
        self.operation = node.operation
        self._node = node
        self._around = around
        self._looked: list[bool] = []

    def step(self, operation: Operation) -> Place:
        """Return the place of one of several operations that are done here in one step."""
        place = Place(self._node, self._around)
        place.operation = operation
        place._looked = self._looked
        return place

    @property
    def known(self) -> bool:
        """Whether the operation's own rule tells what it costs."""
        return self._around.cost(self.operation) is not None

    @property
    def cost(self) -> Cost:
        """What the operation costs by its own rule."""
        cost = self._around.cost(self.operation)
        assert cost is not None, "no rule is asked about what is not known"
        return cost

    @property
    def looked_around(self) -> bool:
        """Whether a rule asked for more than the operation and its cost."""
        return bool(self._looked)

    @property
    def node(self) -> Node:
        """The execution: its tensors, its layer's path, what the framework calls it."""
        self._look()
        return self._node

    @property
    def framework(self) -> str:
        """The framework that the model is from."""
        self._look()
        return self._around.model.framework

    @property
    def layer(self) -> Layer:
        """The layer in which it runs, with its native type."""
        self._look()
        return self._around.layers[self._node.layer]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """That layer and those that hold it, the innermost first."""
        found = [self.layer]
        while found[-1].parent is not None:
            found.append(self._around.layers[found[-1].parent])
        return tuple(found)

    @property
    def leaf(self) -> bool:
        """Whether the layer holds no other."""
        return self.layer.path not in self._around.containers

    @property
    def read(self) -> tuple[Parameter, ...]:
        """The stored tensors that it reads."""
        return tuple(self._around.parameters[name] for name in self.node.parameters)

    @property
    def held(self) -> tuple[Parameter, ...]:
        """The stored tensors that the layer itself holds."""
        return tuple(self._around.parameters[name] for name in self.layer.parameters)

    @property
    def call(self) -> tuple[Node, ...]:
        """What ran in the same call of the layer, this among it; all calls, if they differ."""
        return self._around.call(self.node)

    def _look(self) -> None:
        if not self._looked:
            self._looked.append(True)
