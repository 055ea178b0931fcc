"""What a trace has seen: steps in the order of their execution, tensors, the layer it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from analyzer import Bound, ModelBuilder, Node, Tensor, Use
from analyzer.ops import Branch, Convolution, Elementwise, Linear, Operation, Repeat
from analyzer_keras.calls import Call, Step
from analyzer_keras.tree import LayerTree

__all__ = ["Called", "Record", "Written", "leaves"]

_ROLE_IN = {"add": "bias", "multiply": "scale", "prelu": "slope"}
"""What a variable without a name of its own is to a function that reads it."""

Roles = Mapping[str, tuple[str, tuple[str, ...]]]


@dataclass(slots=True)
class Called:
    """A layer ran, and gave these."""

    path: str
    outputs: tuple[Tensor, ...]
    times: int = 1


@dataclass(slots=True)
class Written:
    """Nodes that the reader of a backend's graph has made already."""

    nodes: tuple[Node, ...]


class Record:
    """Steps, and what the symbolic tensors in them stand for.

    A symbolic tensor is an activation, or a view of a parameter (a bias that was given another
    shape): then the parameter is what an operation reads.
    """

    def __init__(self, builder: ModelBuilder, tree: LayerTree) -> None:
        self.builder = builder
        self.tree = tree
        self.steps: list[Step | Called | Written] = []
        self.path: list[str] = []
        self._tensors: dict[int, tuple[Any, Tensor]] = {}  # the symbolic one is kept alive
        self._views: dict[int, tuple[Any, str]] = {}
        self._at_least: set[int] = set()  # storages of what may be larger

    def tensor(self, symbolic: Any, *, storage: int | None = None, name: str = "") -> Tensor:
        """Return the tensor that a symbolic one, or a constant of the backend, stands for."""
        from keras.backend import standardize_dtype

        known = self._tensors.get(id(symbolic))
        if known is None:
            dtype = standardize_dtype(symbolic.dtype)
            made = self.builder.tensor(symbolic.shape, dtype, storage=storage, name=name)
            known = self._tensors[id(symbolic)] = (symbolic, made)
        return known[1]

    def is_activation(self, value: Any) -> bool:
        from keras import KerasTensor

        return isinstance(value, KerasTensor) and id(value) not in self._views

    def tensors_in(self, values: Any) -> tuple[Tensor, ...]:
        return tuple(self.tensor(value) for value in leaves(values) if self.is_activation(value))

    def parameter_of(self, value: Any) -> str | None:
        """Return the name of the parameter that a value is, or is a view of."""
        viewed = self._views.get(id(value))
        return viewed[1] if viewed else self.tree.parameter_name(value)

    def at_least(self, symbolic: Any) -> None:
        """Say of tensors that they may be larger, and so of all that is made of them."""
        self._at_least.update(tensor.storage for tensor in self.tensors_in(symbolic))

    def add(
        self,
        operation: Operation,
        *,
        args: Any,
        outputs: Any,
        native: str,
        roles: Roles | None = None,
        view: bool = False,
    ) -> Step:
        """Record an executed operation; ``args`` and ``outputs`` are any nest of values."""
        read = leaves(args)
        inputs = tuple(self.tensor(value) for value in read if self.is_activation(value))
        names = dict.fromkeys(name for value in read if (name := self.parameter_of(value)))
        storage = None
        if view and (inputs or names):
            storage = inputs[0].storage if inputs else self.builder.storage_of(next(iter(names)))
        step = Step(
            operation=operation,
            inputs=inputs,
            outputs=tuple(self.tensor(one, storage=storage) for one in leaves(outputs)),
            uses=tuple(
                Use(name, *(roles or {}).get(name, (self._role(name, operation), ())))
                for name in names
            ),
            layer=self.path[-1] if self.path else "",
            native=native,
        )
        if not self._at_least.isdisjoint(one.storage for one in inputs):
            step.bound = Bound.LOWER
            self.at_least(outputs)
        self.steps.append(step)
        return step

    def _role(self, name: str, operation: Operation) -> str:
        """Return what a parameter is by its name, else by what is done with it."""
        told = self.tree.role(name)
        if not told and isinstance(operation, Elementwise):
            return _ROLE_IN.get(operation.function, "")
        return told

    @contextmanager
    def repeat(self, times: int, native: str, args: Any) -> Iterator[Step]:
        """Collect what is recorded inside as the body of a loop. Its outputs are set afterwards."""
        loop = self._without_operation(native, args, ())
        loop.times = times
        with self.part() as loop.body:
            yield loop
        self.steps.append(loop)

    def branch(
        self, alternatives: list[list[Any]], *, native: str, args: Any, outputs: Any
    ) -> None:
        """Record that one of several parts runs."""
        choice = self._without_operation(native, args, outputs)
        choice.alternatives = alternatives
        self.steps.append(choice)

    @contextmanager
    def part(self) -> Iterator[list[Any]]:
        """Collect what is recorded inside, apart."""
        outer, self.steps = self.steps, []
        try:
            yield self.steps
        finally:
            self.steps = outer

    def _without_operation(self, native: str, args: Any, outputs: Any) -> Step:
        return Step(
            operation=None,
            inputs=self.tensors_in(args),
            outputs=self.tensors_in(outputs),
            uses=(),
            layer=self.path[-1] if self.path else "",
            native=native,
        )

    def alias(self, call: Call) -> bool:
        """Let a result that is its operand under another name be just that."""
        (operand,) = (*call.args, *call.kwargs.values())[:1]
        (result,) = call.outputs
        if str(operand.dtype) != str(result.dtype):
            return False
        name = self.parameter_of(operand)
        if name is not None:
            self._views[id(result)] = (result, name)
        elif self.is_activation(operand):
            self._tensors[id(result)] = (result, self.tensor(operand))
        return True

    def stands_for(self, symbolic: Any, tensor: Tensor) -> None:
        """Let a symbolic tensor be one that is there already."""
        self._tensors[id(symbolic)] = (symbolic, tensor)

    def view_of_parameter(self, symbolic: Any, name: str) -> None:
        """Let a symbolic tensor be a parameter, seen in another way."""
        self._views[id(symbolic)] = (symbolic, name)

    def takes_bias(self, call: Call) -> bool:
        """Put a layer's own bias into the contraction just before, where Keras has one layer."""
        bias, result = call["x2"], call["x1"]
        name = self.parameter_of(bias)
        last = self._last_with_inputs()
        if name is None or last is None or not self.is_activation(result):
            return False
        operation = last.operation
        match operation:
            case (
                Linear(out_features=width, bias=False) | Convolution(out_channels=width, bias=False)
            ):
                pass
            case _:
                return False
        fits = (
            self.tree.role(name) == "bias"
            and last.layer == self.path[-1] == self.tree.owner(name)
            and self.tensor(result) == last.outputs[0]
            and width == self.tree.elements(name)
            and call.shape == tuple(result.shape)
        )
        if fits:
            last.operation = replace(operation, bias=True)
            axis = "filters" if isinstance(operation, Convolution) else "output features"
            axes = (axis,) if self.tree.rank(name) == 1 else ()
            last.uses = (*last.uses, Use(name, "bias", axes))
            (output,) = call.outputs
            made = self.tensor(output, storage=last.outputs[0].storage)
            last.outputs = (made,)
        return fits

    def _last_with_inputs(self) -> Step | None:
        for step in reversed(self.steps):
            if isinstance(step, Called | Written):
                return None
            if step.inputs:
                return step
        return None

    def write(self) -> None:
        """Give everything that was recorded to the builder."""
        self.write_steps(
            self.steps,
            1,
            lambda call: self.builder.called(call.path, call.outputs, times=call.times),
        )

    def write_steps(self, steps: Iterable[Any], times: int, tell: Callable[[Called], None]) -> None:
        """Give steps that run so many times to the builder; tell which layers they called."""
        for step in steps:
            if isinstance(step, Called):
                tell(replace(step, times=step.times * times))
                continue
            if isinstance(step, Written):
                self.builder.extend(step.nodes)
                continue
            operation = step.operation
            if step.alternatives:
                operation = Branch(
                    alternatives=tuple(self._nodes(way, times, tell) for way in step.alternatives)
                )
            elif operation is None:
                body = self._nodes(step.body, times * step.times, tell)
                operation = Repeat(
                    body=_bounded(body, step.bound),
                    times=step.times,
                    exact=step.exact,
                )
            self.builder.add(
                operation,
                inputs=step.inputs,
                outputs=step.outputs,
                uses=step.uses,
                layer=step.layer,
                native=step.native,
                bound=step.bound,
            )

    def _nodes(
        self, steps: list[Any], times: int, tell: Callable[[Called], None]
    ) -> tuple[Node, ...]:
        with self.builder.body() as nodes:
            self.write_steps(steps, times, tell)
        return tuple(nodes)


def _bounded(nodes: tuple[Node, ...], bound: Bound) -> tuple[Node, ...]:
    """Return the nodes of a loop, what loops and branches in it hold too, with one more bound."""
    if bound is Bound.EXACT:
        return nodes

    def operation_of(node: Node) -> Operation:
        match node.operation:
            case Repeat(body=body) as loop:
                return replace(loop, body=_bounded(body, bound))
            case Branch(alternatives=ways) as choice:
                return replace(choice, alternatives=tuple(_bounded(way, bound) for way in ways))
            case operation:
                return operation

    return tuple(
        replace(node, operation=operation_of(node), bound=node.bound | bound) for node in nodes
    )


def leaves(values: Any) -> tuple[Any, ...]:
    """Return the values in a nest, None left out."""
    from keras import tree

    return tuple(value for value in tree.flatten(values) if value is not None)
