"""The forward walk over the nodes of a graph: shapes, constants, operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer import ModelError, Operation, ops
from analyzer_onnx.call import Call
from analyzer_onnx.control import CONTROL
from analyzer_onnx.dtypes import dtype_name
from analyzer_onnx.evaluate import LARGEST_KNOWN, MOVES, evaluate, is_evaluable
from analyzer_onnx.mapping import MAPPERS, full_name
from analyzer_onnx.mapping_movement import SAME_STORAGE
from analyzer_onnx.nodes import as_cast, bound, named
from analyzer_onnx.scopes import layer_of, layer_types
from analyzer_onnx.sequences import SEQUENCES
from analyzer_onnx.shapes import Inferred, infer, static_shape
from analyzer_onnx.values import Scope, Step, Stored, Value, merged
from analyzer_onnx.weights import Weights

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

__all__ = ["Walk"]

_DEEPEST = 64
_HANDLERS = CONTROL | SEQUENCES
_VIEWS = frozenset(
    {
        "Cast",
        "Concat",
        "DequantizeLinear",
        "Expand",
        "Flatten",
        "Gather",
        "Identity",
        "Pad",
        "QuantizeLinear",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    }
)
"""Operators behind which a weight is a weight all the same."""


class Walk:
    """Walks a model once, in the order of its nodes, and collects what is executed.

    Attributes:
        steps: what was executed so far, in the graph that is being walked.
        weights: every stored tensor that was met.
    """

    def __init__(self, model: ModelProto, new_storage: Callable[[], int]) -> None:
        self.new_storage = new_storage
        self.ir_version = model.ir_version
        self.opsets = _opsets(model.opset_import)
        self.functions: dict[tuple[str, str], FunctionProto] = {
            (function.domain, function.name): function for function in model.functions
        }
        self.steps: list[Step] = []
        self.weights = Weights(new_storage)
        self.notes: list[str] = []
        self.told: dict[str, Inferred] = {}
        self.readers: dict[str, set[str]] = {}  # operators that read each tensor of the graph
        self.place: tuple[str, ...] = ()  # where in the file: names of bodies and functions
        self.prefix: tuple[str, ...] = ()  # layers around a function's body

    # -- graphs -----------------------------------------------------------------------------

    def graph(self, graph: GraphProto, scope: Scope) -> list[Value]:
        """Walk a graph whose inputs are in scope; return its outputs.

        Raises:
            ModelError: a node reads a tensor that nothing has made.
        """
        self.told.update(_told(graph))
        for tensor in graph.initializer:
            if tensor.name not in scope.names:
                scope[tensor.name] = self.weights.tensor(tensor, tensor.name, self.place)
        for sparse in graph.sparse_initializer:
            scope[sparse.values.name] = self.weights.sparse(sparse, sparse.values.name, self.place)
        outer, self.readers = self.readers, _readers(graph)
        for node in graph.node:
            self.node(node, scope)
        self.readers = outer
        return [self.need(scope, output.name, "the graph's outputs") for output in graph.output]

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

    def note(self, text: str) -> None:
        """Keep what a reader of the numbers should know."""
        self.notes.append(text)

    @contextmanager
    def body(self, name: str) -> Iterator[list[Step]]:
        """Collect the steps of a subgraph apart."""
        if len(self.place) >= _DEEPEST:
            raise ModelError(f"subgraphs are nested more than {_DEEPEST} deep at {name!r}")
        outer, self.steps = self.steps, []
        self.place = (*self.place, name)
        try:
            yield self.steps
        finally:
            self.steps = outer
            self.place = self.place[:-1]

    # -- nodes ------------------------------------------------------------------------------

    def node(self, node: NodeProto, scope: Scope) -> None:
        """Walk one node: put its outputs in scope, and what it executes in ``steps``.

        Raises:
            ModelError: the node is damaged, or reads what nothing has made.
        """
        texts = (node.op_type, node.domain, node.name, *node.input, *node.output)
        texts = (*texts, *(attribute.name for attribute in node.attribute))
        if not all(isinstance(text, str) for text in texts):
            raise ModelError(f"node {node.name!r}: a name in it is no text; the file is damaged")
        inputs = [
            self.need(scope, name, named(node)) if name else None for name in map(str, node.input)
        ]
        domain = "" if node.domain == "ai.onnx" else node.domain
        if (domain, node.op_type) in self.functions:
            self._function(self.functions[domain, node.op_type], node, inputs, scope)
        elif domain == "" and node.op_type == "Constant":
            scope[node.output[0]] = self.weights.node(node, self.place)
        elif domain == "" and node.op_type in _HANDLERS:
            _HANDLERS[node.op_type](self, node, inputs, scope)
        else:
            for name, value in zip(node.output, self.execute(node, inputs), strict=True):
                if name:
                    scope[name] = value

    def execute(self, node: NodeProto, inputs: Sequence[Value | None]) -> list[Value]:
        """Return what a plain node gives: known elements, a view of weights, or a new tensor."""
        if full_name(node.domain, node.op_type) == "CastLike":
            node, inputs = as_cast(node, inputs)
        inferred = [
            found if found.shape is not None else self._as_told(name, found)
            for name, found in zip(
                node.output, infer(node, inputs, self.opsets, self.ir_version), strict=True
            )
        ]
        given = [value for value in inputs if value is not None]
        outputs = [
            Value(name, found.shape, found.dtype or _fallback(given), 0, maker=node.op_type)
            for name, found in zip(node.output, inferred, strict=True)
        ]
        constant = all(value.constant for value in given) and not node.op_type.startswith("Random")
        if node.domain in ("", "ai.onnx"):
            if self._is_folded(node, inputs, outputs):
                return outputs
            if constant and self._is_view(node, given, outputs):
                return outputs
        for output in outputs:
            output.storage = self.new_storage()
            output.constant = constant and bool(given)
            output.stored = merged(given) if output.constant else ()
        if node.op_type in SAME_STORAGE and inputs and inputs[0] is not None and outputs:
            outputs[0].storage = inputs[0].storage
        self._translate(node, inputs, outputs)
        return outputs

    def step(
        self,
        node: NodeProto,
        operation: Operation | None,
        inputs: Iterable[Value | None],
        outputs: Iterable[Value],
        **more: Any,
    ) -> None:
        """Note that something was executed."""
        read = [value for value in inputs if value is not None]
        self.steps.append(
            Step(
                operation=operation,
                inputs=tuple(value for value in read if not value.view and not value.known),
                outputs=tuple(outputs),
                uses=merged([value for value in read if value.view or value.known]),
                layer=self._layer(node),
                types=("",) * len(self.prefix) + layer_types(node),
                name=node.name,
                native=node.op_type,
                **more,
            )
        )

    def _layer(self, node: NodeProto) -> tuple[str, ...] | None:
        layer = layer_of(node)
        return (self.prefix or None) if layer is None else (*self.prefix, *layer)

    def _translate(
        self, node: NodeProto, inputs: Sequence[Value | None], outputs: Sequence[Value]
    ) -> None:
        name = full_name(node.domain, node.op_type)
        readers = frozenset(self.readers.get(outputs[0].name, ())) if outputs else frozenset()
        call = Call(node, name, self.opsets.get("", 0), inputs, outputs, readers)
        made: Operation | Sequence[Operation] | None = None
        if name in MAPPERS and all(
            value.shape is not None for value in (*inputs, *outputs[:1]) if value is not None
        ):
            try:
                made = MAPPERS[name](call)
            except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
                raise ModelError(
                    f"{named(node)}: its inputs and attributes do not fit its operator "
                    f"({type(error).__name__}: {' '.join(str(error).split())}); export it again"
                ) from error
        if made is None:
            made = ops.Unknown(name=name if "::" in name else f"ai.onnx::{name}")
        for operation in (made,) if isinstance(made, Operation) else made:
            self.step(node, operation, inputs, outputs)

    def _is_folded(
        self, node: NodeProto, inputs: Sequence[Value | None], outputs: Sequence[Value]
    ) -> bool:
        """Evaluate shape arithmetic: small, and no arithmetic on stored floats."""
        given = [value for value in inputs if value is not None]
        if node.op_type in ("Shape", "Size"):
            if given[0].shape is None:
                return False
            data = [_shape_of(node, given[0].shape)]
            sources: tuple[Stored, ...] = ()
        else:
            if not is_evaluable(node.op_type) or not all(value.known for value in given):
                return False
            small = all(
                output.shape is None or prod(output.shape) <= LARGEST_KNOWN for output in outputs
            )
            weights = any(value.weight and value.floating and value.elements > 1 for value in given)
            if not given or not small or (weights and node.op_type not in MOVES):
                return False
            if any(output.shape is None for output in outputs) and node.op_type in _GROWING:
                return False
            found = evaluate(
                node,
                self.opsets.get("", 0),
                [None if value is None else value.data for value in inputs],
            )
            if found is None or len(found) < len(outputs):
                return False
            data, sources = found, merged(given)
        generated = node.op_type == "ConstantOfShape" and given[0].view
        for output, array in zip(outputs, data, strict=False):
            output.data = array
            output.shape = tuple(array.shape)
            output.constant = True
            output.stored = sources
            output.view = all(value.view for value in given) and node.op_type in _VIEWS
            output.storage = self.new_storage()
        if generated:
            self._generate(outputs[0])
        return True

    def _is_view(self, node: NodeProto, given: Sequence[Value], outputs: Sequence[Value]) -> bool:
        """Follow weights through operators that only move, cast or unpack them."""
        if node.op_type == "ConstantOfShape" and given[0].view and outputs[0].shape is not None:
            self._generate(outputs[0])
            return True
        moved = given if node.op_type == "Concat" else given[:1]
        if node.op_type not in _VIEWS or not all(value.view for value in moved):
            return False
        if any(output.shape is None for output in outputs):
            return False
        base = given[0]
        for output in outputs:
            output.stored, output.view, output.constant = merged(moved), True, True
            output.axes = _axes(node, base)
            output.storage = base.storage
        return True

    def _generate(self, output: Value) -> None:
        """Let a tensor filled from a stored shape stand for a weight, if it is used as one."""
        held = self.weights.hold(
            output.name, output.sizes, output.dtype, self.place, generated=True
        )
        output.stored, output.axes, output.storage = held.stored, held.axes, held.storage
        output.view = output.constant = True

    def _as_told(self, name: str, found: Inferred) -> Inferred:
        """Add what the file itself says of a tensor, where nothing else is to be had."""
        told = self.told.get(name)
        if told is None:
            return found
        return Inferred(told.shape, found.dtype or told.dtype)

    def _function(
        self,
        function: FunctionProto,
        node: NodeProto,
        inputs: Sequence[Value | None],
        outer: Scope,
    ) -> None:
        """Walk the body of a model's own function with the arguments of this call."""
        if len(self.place) >= _DEEPEST:
            raise ModelError(f"{named(node)}: functions call each other without an end")
        scope = Scope()
        for name, value in zip(function.input, inputs, strict=False):
            if value is not None:
                scope[name] = value
        before = self.opsets, self.place, self.prefix
        self.opsets = self.opsets | _opsets(function.opset_import)
        self.place = (*self.place, function.name)
        self.prefix = self._layer(node) or self.prefix
        given = {attribute.name: attribute for attribute in node.attribute}
        given = {attribute.name: attribute for attribute in function.attribute_proto} | given
        for inner in function.node:
            self.node(bound(inner, given), scope)
        self.opsets, self.place, self.prefix = before
        for name, inside in zip(node.output, function.output, strict=False):
            if name:
                outer[name] = self.need(scope, inside, named(node))


_GROWING = frozenset({"ConstantOfShape", "Expand", "OneHot", "Range", "Tile"})


def _opsets(imports: Iterable[Any]) -> dict[str, int]:
    return {"" if opset.domain == "ai.onnx" else opset.domain: opset.version for opset in imports}


def _readers(graph: GraphProto) -> dict[str, set[str]]:
    readers: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    return readers


def _told(graph: GraphProto) -> Iterator[tuple[str, Inferred]]:
    for info in (*graph.value_info, *graph.output):
        if info.type.HasField("tensor_type"):
            number = info.type.tensor_type.elem_type
            dtype = dtype_name(number, info.name) if number else None
            yield info.name, Inferred(static_shape(info.type), dtype)


def _fallback(given: Sequence[Value]) -> str:
    """Type of a result of which nothing is known: most operators keep their first operand's."""
    return given[0].dtype if given else "float32"


def _shape_of(node: NodeProto, shape: tuple[int, ...]) -> Any:
    import numpy as np

    if node.op_type == "Size":
        return np.asarray(prod(shape), dtype=np.int64)
    ends = {attribute.name: attribute.i for attribute in node.attribute}
    return np.asarray(shape[slice(ends.get("start", 0), ends.get("end"))], dtype=np.int64)


def _axes(node: NodeProto, base: Value) -> tuple[int, ...] | None:
    if base.axes is None or node.op_type in ("Cast", "DequantizeLinear", "Identity"):
        return base.axes
    if node.op_type == "Transpose":
        order = next((tuple(item.ints) for item in node.attribute if item.name == "perm"), None)
        order = order or tuple(reversed(range(len(base.axes))))
        return tuple(base.axes[axis] for axis in order)
    return None
