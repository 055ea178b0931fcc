"""Every tensor of a real file as it ran, those inside of loops and branches too, and its MACs.

ONNX Runtime gives out only what the main graph gives. So the shape of every tensor in a body is
made an output of the body: of a loop one for each run, of a branch one that says that it never ran
where the other branch did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import helper, inliner

from analyzer import InputSpec, Request
from analyzer_onnx.nodes import OnnxNode
from analyzer_onnx.signature import concrete_inputs, declared_inputs
from analyzer_onnx.values import Scope, Value
from analyzer_onnx.walk import Walk
from tests.onnx_runs import run

Shape = tuple[int, ...]
Place = tuple[str, ...]
Ran = dict[tuple[Place, str], list[Shape]]
"""Where a tensor is and its name, to the shape it had each time that it was made."""

_LONGEST = 10  # dimensions of a tensor that is watched
_END, _NEVER = -2, -1
_NO_TENSORS = ("Sequence", "SplitToSequence", "Optional", "StringSplit")


def bodies_of(node: onnx.NodeProto) -> Iterator[tuple[str, onnx.GraphProto]]:
    """Yield the graphs in a node, by the names that the importer has for these places."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            branch = f"/{attribute.name}" if node.op_type == "If" else ""
            yield f"{node.output[0]}{branch}", attribute.g


class _Watch:
    """Rewrites a model so that the shapes inside of bodies come out of it."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.numbers = count()
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.places = self._nodes(self.model.graph, ())

    def _nodes(self, graph: onnx.GraphProto, place: Place) -> dict[str, tuple[Place, str]]:
        """Let shapes out of the nodes of a graph; return what is out in it by now."""
        out: dict[str, tuple[Place, str]] = {}
        for node in graph.node:
            bodies = list(bodies_of(node))
            each = [self._body(body, (*place, name)) for name, body in bodies]
            names = {name: at for found in each for name, at in found.items()}
            for (_, body), found in zip(bodies, each, strict=True):
                for name in names.keys() - found.keys():
                    never = onnx.numpy_helper.from_array(np.full(_LONGEST, _NEVER), name)
                    body.node.append(helper.make_node("Constant", [], [name], value=never))
                for name in names:
                    body.output.append(_shape_output(name))
            # Shapes inside have names of their own; these are the same outside.
            node.output.extend(names)
            out |= names
        return out

    def _body(self, graph: onnx.GraphProto, place: Place) -> dict[str, tuple[Place, str]]:
        made = [item.name for item in graph.input if _is_tensor(item)]
        made += [
            name
            for node in graph.node
            if not node.op_type.startswith(_NO_TENSORS)
            for name in node.output
            if name
        ]
        out = self._nodes(graph, place)
        for name in made:
            label = f"watched shape {next(self.numbers)}"
            graph.node.extend(_padded_shape(name, label))
            out[label] = (place, name)
        return out


def _is_tensor(item: onnx.ValueInfoProto) -> bool:
    return item.type.WhichOneof("value") in (None, "tensor_type")


def _padded_shape(name: str, label: str) -> Iterator[onnx.NodeProto]:
    """Yield nodes that give the shape of a tensor, in a vector of a fixed length."""
    filler = onnx.numpy_helper.from_array(np.full(_LONGEST, _END), "filler")
    first = onnx.numpy_helper.from_array(np.arange(_LONGEST), "first")
    yield helper.make_node("Constant", [], [f"{label} filler"], value=filler)
    yield helper.make_node("Constant", [], [f"{label} first"], value=first)
    yield helper.make_node("Shape", [name], [f"{label} sizes"])
    joined = [f"{label} sizes", f"{label} filler"]
    yield helper.make_node("Concat", joined, [f"{label} all"], axis=0)
    yield helper.make_node("Gather", [f"{label} all", f"{label} first"], [label], axis=0)


def _shape_output(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.INT64, None)


def _rows(array: np.ndarray) -> list[Shape]:
    rows = [row.tolist() for row in array.reshape(-1, _LONGEST)]
    return [
        tuple(row[: row.index(_END)]) if _END in row else tuple(row)
        for row in rows
        if row[0] != _NEVER
    ]


def without_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model with its functions inlined, whose tensors no run gives out."""
    if not model.functions:
        return model
    inlined: onnx.ModelProto = inliner.inline_local_functions(model)
    return inlined


def ran(model: onnx.ModelProto, feeds: Mapping[str, Any]) -> Ran:
    """Run a model with every tensor as an output; return the shapes of all of them."""
    watch = _Watch(model)
    graph = watch.model.graph
    have = {output.name for output in graph.output}
    names = [name for node in graph.node for name in node.output if name and name not in have]
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    shapes: Ran = {((), name): [tuple(np.shape(array))] for name, array in feeds.items()}
    for name, array in run(watch.model, feeds).items():
        if name in watch.places:
            shapes[watch.places[name]] = _rows(array)
        elif isinstance(array, np.ndarray):
            shapes[(), name] = [array.shape]
    shapes |= {place: [shape] for place, shape in _stored(model.graph, ())}
    return shapes


def _stored(graph: onnx.GraphProto, place: Place) -> Iterator[tuple[tuple[Place, str], Shape]]:
    for tensor in graph.initializer:
        yield (place, tensor.name), tuple(tensor.dims)
    for node in graph.node:
        for name, body in bodies_of(node):
            yield from _stored(body, (*place, name))


class _Watching(Walk):
    """The importer's walk, which keeps what it found of every tensor each time."""

    seen: dict[tuple[Place, str], list[Shape | None]]

    def graph(self, graph: onnx.GraphProto, scope: Scope) -> list[Value]:
        if self.place:
            self._see([item.name for item in graph.input], scope)
        return super().graph(graph, scope)

    def node(self, node: OnnxNode, scope: Scope) -> None:
        super().node(node, scope)
        self._see(node.output, scope)

    def _see(self, names: Sequence[str], scope: Scope) -> None:
        for name in names:
            value = scope.get(name) if name else None
            if value is not None and not value.is_sequence:
                self.seen.setdefault((self.place, name), []).append(value.shape)


def inferred(
    model: onnx.ModelProto, feeds: Mapping[str, Any]
) -> dict[tuple[Place, str], list[Shape | None]]:
    """Return the shapes that the importer finds for the same tensors, without running anything."""
    numbers = count(1)
    walk = _Watching(model, lambda: next(numbers))
    walk.seen = {}
    scope = Scope()
    for item, shape, data in concrete_inputs(declared_inputs(model.graph), request_for(feeds)):
        scope[item.name] = Value(item.name, shape, item.dtype, next(numbers), _data=data)
        walk.seen[(), item.name] = [shape]
    walk.graph(model.graph, scope)
    for name, value in scope.names.items():
        walk.seen.setdefault(((), name), [value.shape])
    return walk.seen


def request_for(feeds: Mapping[str, Any]) -> Request:
    """Return what a user would say of these inputs: sizes, and a lone number where it matters."""
    return Request(inputs=tuple(specs_for(feeds)))


def specs_for(feeds: Mapping[str, Any]) -> list[InputSpec]:
    """Return a specification of each input."""
    return [
        InputSpec(
            name=name,
            shape=tuple(np.shape(array)),
            value=array.item() if array.ndim == 0 and array.dtype == np.int64 else None,
        )
        for name, array in feeds.items()
    ]


def wrong_shapes(
    model: onnx.ModelProto, feeds: Mapping[str, Any], shapes: Ran
) -> dict[tuple[Place, str], Any]:
    """Return where the importer's shapes are not those that ran."""
    found = inferred(model, feeds)
    wrong = {}
    for place, real in shapes.items():
        ours = found.get(place)
        if place[0]:
            # A body is walked for what holds in any run before it is walked run by run.
            if real and not set(real) <= set(ours or ()):
                wrong[place] = (ours, real)
        elif ours != real:
            wrong[place] = (ours, real)
    return wrong


def macs(model: onnx.ModelProto, shapes: Ran) -> int:
    """Count the MACs of a run from the shapes in it, by another way than the importer's."""
    return _macs(model.graph, (), shapes)


def _macs(graph: onnx.GraphProto, place: Place, shapes: Ran) -> int:
    total = 0
    for node in graph.node:
        for name, body in bodies_of(node):
            total += _macs(body, (*place, name), shapes)
        rule = _RULES.get(node.op_type)
        if rule is not None:
            times = len(shapes.get((place, node.output[0]), ()))
            for at in range(times):
                total += rule(_Call(node, place, shapes, at, times))
    return total


class _Call:
    """A node in one of its runs."""

    def __init__(
        self, node: onnx.NodeProto, place: Place, shapes: Ran, at: int, times: int
    ) -> None:
        self.node, self.place, self.shapes, self.at, self.times = node, place, shapes, at, times

    def shape(self, name: str) -> Shape:
        """Return the shape of a tensor that is seen from here."""
        for depth in range(len(self.place), -1, -1):
            real = self.shapes.get((self.place[:depth], name))
            if real:
                return real[self.at * len(real) // self.times]
        return self.shapes[self.place, name][0]

    def input(self, at: int) -> Shape:
        """Return the shape of an input, () for one that is left out."""
        names = self.node.input
        return self.shape(names[at]) if at < len(names) and names[at] else ()

    @property
    def output(self) -> Shape:
        return self.shape(self.node.output[0])

    def attribute(self, name: str, default: int = 0) -> Any:
        for one in self.node.attribute:
            if one.name == name:
                return helper.get_attribute_value(one)
        return default


def _conv(kernel: int) -> Callable[[_Call], int]:
    return lambda call: prod(call.output) * prod(call.input(kernel)[1:])


def _conv_transpose(call: _Call) -> int:
    return prod(call.input(0)) * prod(call.input(1)[1:])


def _product(call: _Call) -> int:
    turned = call.attribute("transA")
    return prod(call.output) * call.input(0)[-2 if turned else -1]


def _recurrent(call: _Call) -> int:
    return prod(call.input(0)[:2]) * (prod(call.input(1)) + prod(call.input(2)))


def _einsum(call: _Call) -> int:
    equation = call.attribute("equation").decode().replace(" ", "")
    labels = equation.partition("->")[0].split(",")
    if len(labels) != 2 or "." in equation:
        raise NotImplementedError(equation)
    sizes: dict[str, int] = {}
    for at, names in enumerate(labels):
        sizes |= dict(zip(names, call.input(at), strict=True))
    assert set(labels[0]) & set(labels[1]) - set(equation.partition("->")[2])
    return prod(sizes.values())


def _own_attention(call: _Call) -> int:
    """Products of the kernel of all heads, then of queries with keys and scores with values."""
    batch, length, width = call.input(0)
    stored = call.input(1)[1]
    value_width = call.output[-1]
    return batch * length * width * stored + batch * length * length * (
        (stored - value_width) // 2 + value_width
    )


def _linear_classifier(call: _Call) -> int:
    return call.input(0)[0] * len(call.attribute("coefficients"))


def _packed(call: _Call) -> int:
    return prod(call.output) * int(call.attribute("K"))


def _multi_head(call: _Call) -> int:
    batch, queries, width = call.input(0)[0], call.input(0)[1], prod(call.input(0)[2:])
    keys = call.input(1)[-2] if len(call.input(1)) == 4 else call.input(1)[1]
    return batch * queries * keys * (width + prod(call.output[2:]))


_RULES: dict[str, Callable[[_Call], int]] = {
    "Attention": _own_attention,
    "Conv": _conv(1),
    "ConvInteger": _conv(1),
    "ConvTranspose": _conv_transpose,
    "DynamicQuantizeLSTM": _recurrent,
    "DynamicQuantizeMatMul": _product,
    "Einsum": _einsum,
    "FusedConv": _conv(1),
    "FusedGemm": _product,
    "FusedMatMul": _product,
    "GRU": _recurrent,
    "Gemm": _product,
    "LSTM": _recurrent,
    "LinearClassifier": _linear_classifier,
    "MatMul": _product,
    "MatMulInteger": _product,
    "MatMulIntegerToFloat": _product,
    "MatMulNBits": _packed,
    "MultiHeadAttention": _multi_head,
    "QGemm": _product,
    "QLinearConv": _conv(3),
    "QLinearMatMul": _product,
    "RNN": _recurrent,
    "TransposeMatMul": _product,
}


def feeds_of(model: onnx.ModelProto, values: Sequence[Any]) -> dict[str, np.ndarray]:
    """Name arrays as the inputs of a model are named, in order."""
    names = [item.name for item in declared_inputs(model.graph)]
    return dict(zip(names, map(np.asarray, values), strict=True))


def all_are_counted(model: onnx.ModelProto) -> None:
    """Fail where a node was not understood that multiplies and adds: the table above has it not."""
    unknown = {
        node.op_type
        for node in model.graph.node
        if node.op_type not in _RULES and any(word in node.op_type for word in _CONTRACTING)
    }
    assert not unknown, f"tests/onnx_watched.py counts no {unknown}"


_CONTRACTING = ("Conv", "MatMul", "Gemm", "Attention", "LSTM", "GRU", "RNN", "MoE")
