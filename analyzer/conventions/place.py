"""Where an operation stands: all that the rules of a convention may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from analyzer.ir import Layer, Model, Node, Parameter, Tensor
    from analyzer.ops.base import Cost, Operation

__all__ = ["Place", "Surroundings"]

T = TypeVar("T")


class Surroundings:
    """What the places of one model have in common: it is looked up once, and only when asked."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.layers: Mapping[str, Layer] = {layer.path: layer for layer in model.layers}
        self.parameters: Mapping[str, Parameter] = {
            parameter.name: parameter for parameter in model.parameters
        }
        self.containers = {layer.parent for layer in model.layers}
        self.paths: Mapping[str, str] = {  # every path, to the one by which the layer goes
            path: layer.path for layer in model.layers for path in (layer.path, *layer.aliases)
        }
        self._costs: dict[Operation, Cost | None] = {}
        self._found: dict[Callable[[Model], Any], Any] = {}

    def cost(self, operation: Operation) -> Cost | None:
        """Return what an operation costs by its own rule; equal ones are asked once."""
        try:
            return self._costs[operation]
        except KeyError:
            cost = self._costs[operation] = operation.cost()
            return cost

    def ways(self, path: str) -> int:
        """Return how often a walk down the modules that enters each child once comes to one."""
        layer = self.layers[path]
        if layer.parent is None:
            return 1
        above = (self.paths.get(one.rpartition(".")[0]) for one in layer.aliases)
        return sum(self.ways(holder) for holder in {layer.parent, *above} if holder is not None)

    def runs(self, path: str) -> Sequence[Node]:
        """Return what ran in a layer itself, in order; loops and branches laid open."""
        return self._ran.get(path, ())

    def of_model(self, find: Callable[[Model], T]) -> T:
        """Return what a function finds in the model; it is asked once."""
        if find not in self._found:
            self._found[find] = find(self.model)
        found: T = self._found[find]
        return found

    def call(self, node: Node) -> tuple[Node, ...]:
        """Return what ran in the same call of its layer; all that ran, if the calls differ."""
        nodes = self._ran[node.layer]
        size, rest = divmod(len(nodes), max(self.layers[node.layer].calls, 1))
        if rest or not size:
            return tuple(nodes)
        start = self._position[id(node)] // size * size
        return tuple(nodes[start : start + size])

    @cached_property
    def _ran(self) -> Mapping[str, list[Node]]:
        ran: dict[str, list[Node]] = {}
        for node in _flat(self.model.nodes or ()):
            ran.setdefault(node.layer, []).append(node)
        return ran

    @cached_property
    def _position(self) -> Mapping[int, int]:
        return {id(node): at for nodes in self._ran.values() for at, node in enumerate(nodes)}


def _flat(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        bodies = node.operation.bodies()
        if not bodies:
            yield node
        for body in bodies:
            yield from _flat(body)


class Place:
    """An operation where it stands, for the rules of a convention.

    The ``operation`` and its own ``cost`` (``own_cost`` is None where nobody knows it, but then no
    rule is asked) are the same wherever it stands. A rule that looks at
    nothing else is asked once for equal operations; one that looks at anything else is asked at
    each place. Nobody has to say which it is.
    """

    __slots__ = ("_around", "_looked", "_node", "operation", "own_cost")

    def __init__(
        self, node: Node, around: Surroundings, operation: Operation | None = None
    ) -> None:
        self.operation = operation or node.operation
        self.own_cost = around.cost(self.operation)
        self._node = node
        self._around = around
        self._looked: list[bool] = []

    def step(self, operation: Operation) -> Place:
        """Return the place of one of several operations that are done here in one step."""
        place = Place(self._node, self._around, operation)
        place._looked = self._looked
        return place

    @property
    def cost(self) -> Cost:
        """What the operation costs by its own rule."""
        assert self.own_cost is not None, "no rule is asked about what is not known"
        return self.own_cost

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
    def examples(self) -> int:
        """How many examples the model's one input holds: its first size; 1 if it has several."""
        self._look()
        inputs = self._around.model.inputs
        return inputs[0].shape[0] if len(inputs) == 1 and inputs[0].shape else 1

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
    def ways(self) -> int:
        """How often a walk down PyTorch's modules comes to the layer: 1, unless it is shared."""
        return self._around.ways(self.layer.path)

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

    @property
    def output(self) -> Tensor | None:
        """What the layer gave in that call, first of several; None where it gave no tensor."""
        last, given = self.call[-1].outputs, self.layer.outputs
        runs = self._around.runs(self.layer.path)
        ends = runs[-1].outputs if runs else ()
        if self.layer.calls > 1 and last and ends and given and ends[0].shape == given[0].shape:
            return last[0]
        return given[0] if given else None

    def of_model(self, find: Callable[[Model], T]) -> T:
        """Return what a function finds in the whole model; it is asked once for all places."""
        self._look()
        return self._around.of_model(find)

    def _look(self) -> None:
        if not self._looked:
            self._looked.append(True)
