"""The forward walk over the nodes of a graph: shapes, constants, operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from analyzer import Bound, ModelError, Operation, ops
from analyzer_onnx.blocks import Blocks
from analyzer_onnx.call import NOBODY, Call
from analyzer_onnx.checks import require_fitting, require_matching
from analyzer_onnx.control import CONTROL
from analyzer_onnx.dimensions import require_countable
from analyzer_onnx.findings import Findings
from analyzer_onnx.folding import filled, fold, moved, partly, view
from analyzer_onnx.functions import DEEPEST, Functions, opsets_of, readers_of, run_function
from analyzer_onnx.inferred import Inferred
from analyzer_onnx.mapping import MAPPERS
from analyzer_onnx.mapping_elementwise import FUNCTIONS
from analyzer_onnx.mapping_movement import SAME_STORAGE
from analyzer_onnx.mapping_uncounted import UNCOUNTED
from analyzer_onnx.nodes import OnnxNode, as_cast, named, read_nodes, without
from analyzer_onnx.scopes import layer_of
from analyzer_onnx.sequences import SEQUENCES
from analyzer_onnx.shapes import Shapes
from analyzer_onnx.told import Told, declared_value, told_of
from analyzer_onnx.values import Scope, Step, Value, handed_on, merged
from analyzer_onnx.weights import Weights

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

__all__ = ["Walk"]

_LONGEST_REASON = 300
_HANDLERS = CONTROL | SEQUENCES


class Walk:
    """Walks a model once, in the order of its nodes, and collects what is executed.

    Attributes:
        steps: what was executed so far, in the graph that is being walked.
        weights: every stored tensor that was met.
        findings: what a reader of the numbers should know.
        walked: how many nodes of loops were walked, each time.
        called: how many nodes of functions were walked, each time.
        followed: how many nodes of conditions of loops were evaluated, each time.
        trips: how often loops run, by their condition and the numbers that it starts with.
        told: what the file says of the tensors of the graph that is being walked.
        readers: operators that read each tensor of that graph.
        place: where in the file that graph is: names of bodies and functions.
        layer: the layer around the nodes of a function, with the ``types`` of its parts.
    """

    def __init__(self, model: ModelProto, new_storage: Callable[[], int]) -> None:
        self.new_storage = new_storage
        self.opsets = opsets_of(model.opset_import)
        self.functions = Functions(model.functions)
        self.shapes = Shapes(model.ir_version)
        self.steps: list[Step] = []
        self.weights = Weights(new_storage)
        self.findings = Findings()
        self.walked = 0
        self.called = 0
        self.followed = 0
        self.trips: dict[Any, int | None] = {}
        self.told: dict[str, Told] = {}
        self.readers: dict[str, set[str]] = {}
        self.place: tuple[str, ...] = ()
        self.layer: tuple[str, ...] = ()
        self.types: tuple[str, ...] = ()
        self._numbers: Counter[tuple[str, ...]] = Counter()

    @property
    def notes(self) -> list[str]:
        """What a reader of the numbers should know."""
        return list(self.findings.notes())

    # -- graphs -----------------------------------------------------------------------------

    def graph(self, graph: GraphProto, scope: Scope) -> list[Value]:
        """Walk a graph whose inputs are in scope; return its outputs.

        Raises:
            ModelError: a node reads a tensor that nothing has made.
        """
        outer = self.told, self.readers, self.shapes.blocks
        nodes = read_nodes(graph.node)
        self.told = told_of((*graph.value_info, *graph.output))
        self.readers = readers_of(nodes)
        self.shapes.blocks = Blocks.of(graph, nodes)
        if not self.place:
            self._other_inputs(graph, scope)
        for tensor in graph.initializer:
            if tensor.name not in scope.names:
                scope[tensor.name] = self.weights.tensor(tensor, tensor.name, self.place)
        for sparse in graph.sparse_initializer:
            scope[sparse.values.name] = self.weights.sparse(sparse, sparse.values.name, self.place)
        for node in nodes:
            self.node(node, scope)
        self.told, self.readers, self.shapes.blocks = outer
        return [self.need(scope, output.name, "the graph's outputs") for output in graph.output]

    def _other_inputs(self, graph: GraphProto, scope: Scope) -> None:
        """Put in scope what is no plain tensor: sequences and optional values."""
        for item in graph.input:
            if item.name not in scope.names and not item.type.HasField("tensor_type"):
                scope[item.name] = declared_value(item.name, item.type, self.new_storage())

    def need(self, scope: Scope, name: str, where: str) -> Value:
        """Return the value of a name.

        Raises:
            ModelError: nothing has made it.
        """
        value = scope.get(name)
        if value is None:
            raise ModelError(
                f"{where}: tensor {name!r} is made by no node before; the graph is damaged, "
                "or its nodes are out of order or form a circle"
            )
        return value

    @contextmanager
    def body(self, name: str) -> Iterator[list[Step]]:
        """Collect the steps of a subgraph apart."""
        if len(self.place) >= DEEPEST:
            raise ModelError(f"subgraphs are nested more than {DEEPEST} deep at {name!r}")
        outer, self.steps = self.steps, []
        self.place = (*self.place, name)
        try:
            yield self.steps
        finally:
            self.steps = outer
            self.place = self.place[:-1]

    # -- nodes ------------------------------------------------------------------------------

    def node(self, node: OnnxNode, scope: Scope) -> None:
        """Walk one node: put its outputs in scope, and what it executes in ``steps``.

        Raises:
            ModelError: the node is damaged, or reads what nothing has made.
        """
        inputs = [self._read(scope, name, node) if name else None for name in node.input]
        if None in inputs:
            node = without(node, inputs)
        function = self.functions.own(node)
        if function is not None:
            run_function(self, function, node, inputs, scope, own=True)
            return
        require_fitting(node, self.opsets)
        try:
            self._standard(node, inputs, scope)
        except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise ModelError(
                f"{named(node)}: its inputs and attributes do not fit its operator "
                f"({type(error).__name__}: {' '.join(str(error).split())[:_LONGEST_REASON]}); "
                "export it again"
            ) from error

    def _read(self, scope: Scope, name: str, node: OnnxNode) -> Value | None:
        """Return an operand, None for an optional one that is known not to be there."""
        value = scope.get(name) or self.need(scope, name, named(node))
        return None if value.present is False else value

    def _standard(self, node: OnnxNode, inputs: Sequence[Value | None], scope: Scope) -> None:
        if node.domain:
            self._plain(node, inputs, scope)
        elif node.op_type == "Constant":
            scope[node.output[0]] = self.weights.node(node, self.place)
        elif node.op_type == "ConstantOfShape" and (value := filled(self, node, inputs)):
            scope[node.output[0]] = value
        elif node.op_type in _HANDLERS:
            _HANDLERS[node.op_type](self, node, inputs, scope)
        elif (
            node.op_type == "Identity"
            and inputs[0] is not None
            and (inputs[0].is_sequence or not inputs[0].present)
        ):
            scope[node.output[0]] = inputs[0]
        else:
            self._plain(node, inputs, scope)

    def _plain(self, node: OnnxNode, inputs: Sequence[Value | None], scope: Scope) -> None:
        if node.full_name == "CastLike":
            node, inputs = as_cast(node, inputs)
        if node.full_name not in MAPPERS or node.holds_graph:
            function = self.functions.defined(node, inputs, self.opsets)
            if function is not None:
                run_function(self, function, node, inputs, scope, own=False)
                return
        for name, value in zip(node.output, self.execute(node, inputs), strict=True):
            if name:
                scope[name] = value

    def execute(self, node: OnnxNode, inputs: Sequence[Value | None]) -> list[Value]:
        """Return what a plain node gives: known elements, a view of weights, or a new tensor."""
        call = Call(node, node.full_name, self.opsets.get("", 0), inputs, (), self.shapes.blocks)
        inferred = self.shapes.infer(call, self.opsets)
        if not self.place:
            require_matching(node, inputs, [found.shape for found in inferred])
        given = [value for value in inputs if value is not None]
        outputs = [
            self.value(name, node, found, given)
            for name, found in zip(node.output, inferred, strict=True)
        ]
        constant = all(value.constant for value in given) and not node.op_type.startswith("Random")
        standard = not node.domain
        if standard and fold(self, node, inputs, outputs):
            return outputs
        moving = constant and (standard or node.domain == "com.microsoft")
        if moving and view(self, node, given, outputs):
            return outputs
        if standard:
            for output in outputs[:1]:
                output.partial = partly(node, inputs)
        for output in outputs:
            output.storage = self.new_storage()
            output.constant = constant and bool(given)
            output.stored = handed_on(moved(node, given), output.dtype) if output.constant else ()
            if output.bound is not Bound.EXACT and not _bound_by(node, given):
                self.findings.at_most(named(node), output.shape or ())
        if node.op_type in SAME_STORAGE and inputs and inputs[0] is not None and outputs:
            outputs[0].storage = inputs[0].storage
        self._translate(call, outputs)
        return outputs

    def value(self, name: str, node: OnnxNode, found: Inferred, given: Sequence[Value]) -> Value:
        """Return a result: as it was found, else as the file tells it."""
        bound = _bound_by(node, given)
        if found.bound is not Bound.EXACT:
            bound |= found.bound
        told = self.told.get(name)
        if told is not None:
            if found.shape is None or found.dtype is None:
                found = told.completes(found)
            elif bound is Bound.EXACT and not told.fits(found.shape):
                self.findings.contradiction(name, told, found.shape)
        # Most operators keep the type of their first operand.
        dtype = found.dtype or (given[0].dtype if given else "float32")
        made = Value(name, found.shape, dtype, 0, maker=node.op_type)
        require_countable(found.shape or (), name)
        if bound is not Bound.UPPER or found.shape is None or made.elements > 1:
            made.bound = bound  # of at most one element there is nothing to be said
        return made

    def step(
        self,
        node: OnnxNode,
        operation: Operation | None,
        inputs: Iterable[Value | None],
        outputs: Iterable[Value],
        **more: Any,
    ) -> None:
        """Note that something was executed."""
        read = [value for value in inputs if value is not None]
        held = [value for value in read if value.view or value.known]
        path, types = self.where(node)
        self.steps.append(
            Step(
                operation=operation,
                inputs=tuple([value for value in read if not (value.view or value.known)]),
                outputs=tuple(outputs),
                uses=merged(held) if held else (),
                layer=path,
                types=types,
                name=node.name,
                native=node.op_type,
                bound=_bound_by(node, read),
                **more,
            )
        )

    def where(self, node: OnnxNode) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """Return the layer that a node runs in, None where nothing tells it, and its types."""
        own, types = layer_of(node)
        if own is None:
            return self.layer or None, self.types
        path = (*self.layer, *own)
        if len(path) > DEEPEST:  # no model's; the name stays whole
            path = (*path[: DEEPEST - 1], "/".join(path[DEEPEST - 1 :]))
        return path, (*self.types, *types)[:DEEPEST]

    def numbered(self, path: tuple[str, ...], label: str, node: OnnxNode) -> str:
        """Return the name of a layer for a call: its own, or a number behind that of its sort."""
        if node.name:
            return label
        at = self._numbers[(*path, label)]
        self._numbers[(*path, label)] += 1
        return f"{label}_{at}"

    def _translate(self, call: Call, outputs: Sequence[Value]) -> None:
        node, name, inputs = call.node, call.op_type, call.inputs
        call.outputs, call.keep = outputs, self._keep
        if outputs:
            call.readers = self.readers.get(outputs[0].name, NOBODY)
        made: Operation | Sequence[Operation] | None = None
        shapes = [value.shape for value in (*inputs, *outputs[:1]) if value is not None]
        if name in MAPPERS and None not in shapes:
            made = MAPPERS[name](call)
        if made is None:
            made = ops.Unknown(
                name=name if "::" in name else f"ai.onnx::{name}",
                because=ops.why_uncounted(name, UNCOUNTED) or _unsized(name, inputs, outputs),
            )
        if call.filled_up:
            self.findings.filled_up(named(node), call.input(1).sizes)
        for operation in (made,) if isinstance(made, Operation) else made:
            self.step(node, operation, (*inputs, *call.held), outputs)
            if call.at_most:
                self.steps[-1].bound |= Bound.UPPER
                self.findings.note(f"{named(node)}: {call.at_most}: the totals are upper bounds")

    def _keep(self, name: str, shape: tuple[int, ...]) -> Value:
        """Return the value of weights that are written into a node."""
        return self.weights.hold(name, shape, "float32", self.place)


def _unsized(name: str, inputs: Sequence[Value | None], outputs: Sequence[Value]) -> str:
    """Say whose sizes are missing to count an operator that could be counted, "" if none are."""
    if name not in MAPPERS:
        return ""
    if any(value is not None and value.shape is None for value in inputs):
        return "sizes of what it reads are not known"
    if any(value.shape is None for value in outputs[:1]):
        return "sizes of what it gives do not follow from what it reads"
    return ""


def _bound_by(node: OnnxNode, given: Sequence[Value]) -> Bound:
    """Return what sizes are to the true ones that follow from sizes, and from known numbers."""
    bound = numbers = Bound.EXACT
    for value in given:
        if value.bound is not Bound.EXACT or value.numbers is not Bound.EXACT:
            bound |= value.bound
            numbers |= value.numbers
    if numbers is Bound.EXACT or node.op_type in FUNCTIONS:  # of which no number is a size
        return bound
    return bound | numbers
