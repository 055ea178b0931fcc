"""The walk over a graph: every node it needs, in order, with concrete shapes.

Each node is made anew in a graph of the walk's own, on inputs of concrete shapes, so that
TensorFlow itself works out shapes and evaluates the arithmetic on shapes. Functions are entered
where they are called. Nothing is run, and variables are no more than placeholders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

from analyzer import Bound, ModelError, Operation
from analyzer.dtypes import BITS, is_floating
from analyzer.ops import Unknown
from analyzer_tensorflow.call import Call
from analyzer_tensorflow.mapping import DRAWN, KEEPS_STORED, SAME_STORAGE, SIZES, TABLE
from analyzer_tensorflow.nodes import (
    Body,
    dtype_name,
    needed_nodes,
    places_of,
    read_by,
    reference,
    whose_elements,
)
from analyzer_tensorflow.shapes import largest, untold
from analyzer_tensorflow.special import SPECIAL
from analyzer_tensorflow.symbols import Symbols
from analyzer_tensorflow.values import NOTHING_SAID, Claim, Step, Stored, Value, all_steps

__all__ = ["Scope", "Walk"]

Scope = dict[tuple[str, int], Value]
"""What the outputs of the nodes of one body are, by name and place."""

_MOST_DEPTH = 100


class Walk(Symbols):
    """Collects the steps of a graph.

    Attributes:
        steps: so far, of the body that is being walked.
        stored: variables and constants by name, in the order in which they came up.
        notes: what a reader of the numbers should know.
        hole: gives the outputs of a node that somebody else translates, and its number.
        constants: whether constants are something that the model stores.
        variables: what is known of variables, by the names of their handles.
    """

    def __init__(self, library: Iterable[Any] = ()) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.stored: dict[str, Stored] = {}
        self.notes: dict[str, None] = {}
        self.hole: Callable[[Any, Sequence[Value]], Sequence[Value] | None] = _no_hole
        self.constants = True
        self.variables: Mapping[str, Any] = {}
        self._prefix: tuple[str, ...] = ()
        self._functions = {one.signature.name: one for one in library}
        self._bodies: dict[str, Body] = {}
        self._kept: dict[str, Stored] = {}
        self._body = ""
        self._depth = 0

    def body(self, name: str) -> Body:
        """Return the body of a function.

        Raises:
            ModelError: there is no such function.
        """
        if name not in self._bodies:
            if name not in self._functions:
                raise ModelError(f"the graph calls the function {name!r}, which it does not hold")
            self._bodies[name] = Body.of_function(self._functions[name])
        return self._bodies[name]

    def has_function(self, name: str) -> bool:
        """Say whether there is a function of this name."""
        return name in self._functions

    def run(self, body: Body, wanted: Sequence[str], scope: Scope) -> list[Value]:
        """Walk what results depend on, and return the results."""
        self._bodies.update(body.inner)
        order = needed_nodes(body, wanted, {name for name, _ in scope})
        places: dict[str, dict[str, int]] = {}

        def find(text: str) -> Value:
            name, output, at = reference(text)
            at += places.get(name, {}).get(output, 0)
            found = scope.get((name, at))
            if found is None:
                raise ModelError(f"{body.name}: node {name!r} has no output {at}; it is damaged")
            return found

        reads = [read_by(body, node) for node in order]
        readers: dict[str, list[str]] = {}
        for text in (text for texts in (*reads, wanted) for text in texts):
            readers.setdefault(reference(text)[0], []).append(text)

        def read(name: str) -> None:
            for text in readers.get(name, ()):
                find(text).readers += 1

        for name in {name for name, _ in scope}:
            read(name)
        made: list[list[Step]] = []
        for node, texts in zip(order, reads, strict=True):
            with self.apart() as steps:
                outputs = self._node(node, [find(text) for text in texts])
            made.append(steps)
            op_def = self.op_def(node.op)
            if op_def is not None:
                places[node.name] = places_of(op_def, node.attr)
            scope.update(((node.name, at), value) for at, value in enumerate(outputs))
            read(node.name)
        elements = [
            [text for text in texts if node.op not in SIZES or find(text).bound is not Bound.EXACT]
            for node, texts in zip(order, reads, strict=True)
        ]
        counted = whose_elements(order, elements, wanted)
        for node, steps in zip(order, made, strict=True):
            self.steps += steps if node.name in counted else ()
        return [find(text) for text in wanted]

    def call(self, name: str, arguments: Sequence[Value], node: Any) -> list[Value]:
        """Walk a function's body on what a node calls it with.

        Raises:
            ModelError: the number of arguments is another, or functions call each other in circles.
        """
        body = self.body(name)
        if len(arguments) != len(body.arguments):
            raise ModelError(
                f"function {name!r} takes {len(body.arguments)} arguments and is called with "
                f"{len(arguments)}; the file is damaged"
            )
        if self._depth > _MOST_DEPTH:
            raise ModelError(f"function {name!r} calls itself; such functions cannot be counted")
        scope: Scope = {
            (argument, 0): value
            for (argument, _), value in zip(body.arguments, arguments, strict=True)
        }
        outer = self._prefix, self._body
        self._prefix, self._body = self.scope_of(node), name
        self._depth += 1
        try:
            return self.run(body, body.results, scope)
        finally:
            self._prefix, self._body = outer
            self._depth -= 1

    def scope_of(self, node: Any) -> tuple[str, ...]:
        """Return the scopes that a node stands in, those of the calls around it first."""
        own = tuple(node.name.split("/")[:-1])
        return own if own[: len(self._prefix)] == self._prefix else self._prefix + own

    @contextmanager
    def apart(self) -> Iterator[list[Step]]:
        """Collect the steps inside as those of a body."""
        outer, self.steps = self.steps, []
        try:
            yield self.steps
        finally:
            self.steps = outer

    def keep(self, name: str, shape: tuple[int, ...], dtype: str, *, variable: str = "") -> Stored:
        """Return what the model stores: a variable by its handle, a constant by its node."""
        key = variable or f"{self._body}:{name}"
        if key not in self._kept:
            free, count = name, 1
            while free in self.stored:
                count += 1
                free = f"{name}_{count}"
            made = Stored(free, shape, dtype, True if variable else None, name)
            self._kept[key] = self.stored[free] = made
        return self._kept[key]

    def used(self) -> list[Stored]:
        """Return what is stored and read by a step, each once, in the order of its use."""
        found: dict[int, Stored] = {}
        for step in all_steps(self.steps):
            for stored, _ in step.uses if not step.dropped else ():
                found.setdefault(id(stored), stored)
        return list(found.values())

    def handle(self, stored: Stored | None = None) -> Value:
        """Return the handle of a variable, or of something that is no tensor."""
        from tensorflow import resource

        return self.value((), resource, maker="VarHandleOp", stored=stored)

    # Nodes.

    def _node(self, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
        found = self.hole(node, inputs)
        if found is not None:
            return found
        special = SPECIAL.get(node.op)
        if special is not None:
            return special(self, node, inputs)
        if self.has_function(node.op):  # as functions were called before there was an operation
            return self.call(node.op, inputs, node)
        return self.plain(node, inputs)

    def plain(self, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
        """Translate a node that is an operation."""
        outputs = self.outputs(node, inputs)
        if self._is_settled(node, inputs):
            for output in outputs:
                output.settled = True
            return outputs
        at = KEEPS_STORED.get(node.op)
        if at is not None and inputs[at].stored is not None:
            for output in outputs:
                output.stored, output.settled = inputs[at].stored, inputs[at].settled
            return outputs
        derived = all(value.settled or value.stored or value.derived for value in inputs)
        for output in outputs:
            output.derived = derived and bool(inputs)
            output.integers = _integers(node.op, inputs) if output.derived else None
        if node.op in SAME_STORAGE:
            outputs[0].base, outputs[0].step = inputs[0], inputs[0].step
        self.translate(node, inputs, outputs)
        return outputs

    def outputs(self, node: Any, inputs: Sequence[Value]) -> list[Value]:
        """Return the outputs of a node, as TensorFlow works out their shapes.

        Raises:
            ModelError: the shapes of the inputs do not go together.
        """
        bound = Bound.EXACT
        for value in inputs:
            bound |= value.bound
        op_def = self.op_def(node.op)
        takes_code = any(value.HasField("func") for value in node.attr.values())
        if op_def is None or takes_code:
            return [self.value(*one, maker=node.op, bound=bound) for one in untold(node, op_def)]
        made = self.make(node, [value.symbol for value in inputs])
        found = []
        for at, symbol in enumerate(made.outputs):
            sizes = None if symbol.shape.rank is None else tuple(symbol.shape.as_list())
            if sizes is not None and None not in sizes:
                value = Value(sizes, dtype_name(symbol.dtype), symbol, bound=bound)
            else:
                closed, about = largest(node, at, sizes, inputs, self.numbers)
                value = self.value(closed, symbol.dtype, bound=bound | about)
            value.maker = node.op
            found.append(value)
        return found

    def translate(self, node: Any, inputs: Sequence[Value], outputs: Sequence[Value]) -> None:
        """Add the step of a node."""
        call = Call(
            op=node.op,
            node=node,
            inputs=inputs,
            outputs=outputs,
            numbers_of=self.numbers,
            uses=[],
        )
        mapper = TABLE.get(node.op)
        # Further outputs are often for gradients alone, and of no shape that can be told.
        shaped = all(value.shape is not None for value in (*inputs, *outputs[:1]) if value.dtype)
        operation = mapper(call) if mapper is not None and shaped else None
        if call.merged is not None:
            call.merged.uses += call.uses
            for stored, claim in call.uses:
                stored.claims.append(claim)
            outputs[0].step = outputs[0].made_by = call.merged
            return
        self.add(
            operation or Unknown(name=f"tensorflow.{node.op}"),
            node,
            inputs,
            outputs,
            uses=call.uses,
        )

    def add(
        self,
        operation: Operation | None,
        node: Any,
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        *,
        uses: Sequence[tuple[Stored, Claim]] = (),
        **more: Any,
    ) -> Step:
        """Add a step; stored inputs that nothing was said of are used all the same."""
        said = {id(stored) for stored, _ in uses}
        rest = {
            id(value.stored): (value.stored, NOTHING_SAID)
            for value in inputs
            if value.stored is not None and value.dtype and id(value.stored) not in said
        }
        step = Step(
            operation=operation,
            inputs=[value for value in inputs if value.activation],
            outputs=list(outputs),
            scope=self.scope_of(node),
            native=node.op,
            uses=[*uses, *rest.values()],
            bound=_joined(outputs),
            **more,
        )
        for stored, claim in step.uses:
            stored.claims.append(claim)
        for value in outputs:
            value.made_by = step
            value.step = value.step or step
        self.steps.append(step)
        return step

    @staticmethod
    def _is_settled(node: Any, inputs: Sequence[Value]) -> bool:
        """Say whether neither inputs of the model nor weights decide the result."""
        if node.op in SIZES:
            return all(value.dtype for value in inputs)
        if node.op in DRAWN or not inputs:
            return False
        return all(value.settled and not _is_heavy(value) for value in inputs)


def _no_hole(node: Any, inputs: Sequence[Value]) -> None:
    return None


def _is_heavy(value: Value) -> bool:
    """Say whether a constant may be a weight, or one that is quantised."""
    may_be = is_floating(value.dtype) or _is_small(value.dtype)
    return value.stored is not None and may_be and value.shape not in ((), (1,))


def _is_small(dtype: str) -> bool:
    """Say whether a type is one of integers that weights are quantised to."""
    return "int" in dtype and BITS[dtype] <= 8


def _integers(op: str, inputs: Sequence[Value]) -> Stored | None:
    """Return the largest stored tensor of small integers behind what a node reads."""
    small = (value.stored for value in inputs if value.stored and _is_small(value.stored.dtype))
    behind = (value.integers for value in inputs if value.integers)
    found = max((*small, *behind), key=lambda stored: prod(stored.shape), default=None)
    if found is not None and op in ("BitwiseAnd", "RightShift"):
        found.packed = True
    return found


def _joined(values: Iterable[Value]) -> Bound:
    bound = Bound.EXACT
    for value in values:
        bound |= value.bound if value.shape is not None else Bound.EXACT
    return bound
