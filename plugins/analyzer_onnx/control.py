"""Control flow: ``If``, ``Loop`` and ``Scan``, with trip counts where they can be known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from analyzer import ModelError, Node, ops
from analyzer_onnx.trips import trip_count
from analyzer_onnx.values import Scope, Step, Value

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

    from analyzer_onnx.walk import Walk

__all__ = ["CONTROL"]


def _graph(node: NodeProto, name: str) -> GraphProto:
    for attribute in node.attribute:
        if attribute.name == name and attribute.HasField("g"):
            return attribute.g
    raise ModelError(f"{node.op_type} node {node.name!r} has no {name}; the file is damaged")


def _if(walk: Walk, node: NodeProto, inputs: Sequence[Value | None], scope: Scope) -> None:
    """Take the branch that runs where the condition is known, else both as alternatives."""
    condition = inputs[0]
    taken: int | None = None
    if condition is not None and condition.known and condition.data is not None:
        taken = 0 if bool(condition.data.reshape(-1)[0]) else 1
    bodies: list[list[Step]] = []
    results: list[list[Value]] = []
    for at, name in enumerate(("then_branch", "else_branch")):
        with walk.body(f"{node.output[0]}/{name}") as steps:
            try:
                results.append(walk.graph(_graph(node, name), Scope(scope)))
            except ModelError:
                if taken is None or taken == at:
                    raise
                results.append([])  # sizes need not fit in a branch that is not taken
        bodies.append(steps)
    chosen = results[taken or 0]
    if taken is None:
        chosen = [_either(walk, *pair) for pair in zip(*results, strict=True)]
    _bind(scope, node, chosen)
    _step(
        walk,
        node,
        inputs,
        chosen,
        bodies,
        lambda *alternatives: ops.Branch(alternatives=alternatives, taken=taken),
    )


def _either(walk: Walk, first: Value, second: Value) -> Value:
    """Return the larger of what two branches give, as an upper bound needs it."""
    if first.shape is None or second.shape is None:
        return first if second.shape is None else second
    larger = first if first.elements >= second.elements else second
    if first.shape != second.shape:
        walk.note(
            f"the branches of a condition give {larger.name!r} as {list(first.shape)} or "
            f"{list(second.shape)}; the larger is taken"
        )
    return Value(larger.name, larger.shape, larger.dtype, larger.storage, maker="If")


def _loop(walk: Walk, node: NodeProto, inputs: Sequence[Value | None], scope: Scope) -> None:
    """Repeat a body while its condition holds, at most M times."""
    body = _graph(node, "body")
    carried = list(inputs[2:])
    if len(body.input) != 2 + len(carried):
        raise ModelError(
            f"Loop node {node.name!r}: {len(carried)} values are carried and the body takes "
            f"{len(body.input) - 2}; the file is damaged"
        )
    names = [item.name for item in body.input]
    kept = _kept(body, names[2:])
    inner = Scope(scope)
    inner[names[0]] = _scalar(walk, names[0], "int64")
    inner[names[1]] = _scalar(walk, names[1], "bool")
    for name, value, fixed in zip(names[2:], carried, kept, strict=True):
        if value is not None:
            inner[name] = value if fixed else _varying(walk, name, value)
    with walk.body(node.output[0]) as steps:
        results = walk.graph(body, inner)
    times = trip_count(walk.opsets.get("", 0), body, inputs, inner)
    count = 1 if times is None else times
    outputs = []
    for at, result in enumerate(results[1:]):
        if at < len(carried):
            start = carried[at]
            outputs.append(start if kept[at] and start is not None else _final(result))
            if start is not None and start.shape != result.shape:
                walk.note(
                    f"loop {node.name or node.output[0]!r}: {names[2 + at]!r} changes its shape "
                    "from run to run; every run is counted as the first"
                )
        else:
            outputs.append(_stacked(walk, result, count, 0))
    _bind(scope, node, outputs)
    _repeat(walk, node, inputs, outputs, steps, times)


def _scan(walk: Walk, node: NodeProto, inputs: Sequence[Value | None], scope: Scope) -> None:
    """Repeat a body for each slice of the scanned inputs."""
    from onnx import helper

    if walk.opsets.get("", 0) < 9:  # of operator set 8 alone, with a batch axis; nobody wrote it
        _bind(scope, node, walk.execute(node, inputs))
        return
    body = _graph(node, "body")
    given: dict[str, Any] = {
        item.name: helper.get_attribute_value(item)
        for item in node.attribute
        if item.name != "body"
    }
    scanned = given["num_scan_inputs"]
    states = len(inputs) - scanned
    axes = given.get("scan_input_axes", [0] * scanned)
    out_axes = given.get("scan_output_axes", [0] * (len(body.output) - states))
    names = [item.name for item in body.input]
    inner = Scope(scope)
    times: int | None = None
    for at, (name, value) in enumerate(zip(names, inputs, strict=True)):
        if value is None:
            raise ModelError(f"Scan node {node.name!r}: input {at} is missing")
        if at < states:
            inner[name] = _varying(walk, name, value)
            continue
        sizes = value.sizes
        axis = axes[at - states] % len(sizes)
        times = sizes[axis]
        slice_shape = (*sizes[:axis], *sizes[axis + 1 :])
        inner[name] = Value(name, slice_shape, value.dtype, walk.new_storage(), maker="Scan")
    with walk.body(node.output[0]) as steps:
        results = walk.graph(body, inner)
    outputs = [_final(result) for result in results[:states]]
    for result, axis in zip(results[states:], out_axes, strict=True):
        outputs.append(_stacked(walk, result, times or 0, axis))
    _bind(scope, node, outputs)
    _repeat(walk, node, inputs, outputs, steps, times)


def _scalar(walk: Walk, name: str, dtype: str) -> Value:
    return Value(name, (), dtype, walk.new_storage(), maker="Loop")


def _varying(walk: Walk, name: str, start: Value) -> Value:
    """Return a carried value: shaped as it starts, with other elements every time."""
    return Value(name, start.shape, start.dtype, walk.new_storage(), maker="Loop")


def _final(result: Value) -> Value:
    return Value(result.name, result.shape, result.dtype, result.storage, maker="Loop")


def _stacked(walk: Walk, result: Value, times: int, axis: int) -> Value:
    shape = result.shape
    if shape is not None:
        axis %= len(shape) + 1
        shape = (*shape[:axis], times, *shape[axis:])
    return Value(result.name, shape, result.dtype, walk.new_storage(), maker="Loop")


def _kept(body: GraphProto, names: Sequence[str]) -> list[bool]:
    """Say which carried values the body hands on as they came (exporters carry weights so)."""
    source = {node.output[0]: node.input[0] for node in body.node if node.op_type == "Identity"}
    kept = []
    for name, output in zip(names, [item.name for item in body.output][1:], strict=False):
        origin = output
        while origin in source and origin != name:
            origin = source[origin]
        kept.append(origin == name)
    return kept


def _bind(scope: Scope, node: NodeProto, values: Sequence[Value]) -> None:
    for name, value in zip(node.output, values, strict=False):
        if name:
            scope[name] = value


def _repeat(
    walk: Walk,
    node: NodeProto,
    inputs: Sequence[Value | None],
    outputs: Sequence[Value],
    steps: list[Step],
    times: int | None,
) -> None:
    def wrap(body: tuple[Node, ...]) -> ops.Repeat:
        return ops.Repeat(body=body, times=1 if times is None else times, exact=times is not None)

    _step(walk, node, inputs, outputs, [steps], wrap)


def _step(
    walk: Walk,
    node: NodeProto,
    inputs: Sequence[Value | None],
    outputs: Sequence[Value],
    bodies: Sequence[list[Step]],
    wrap: Callable[..., Any],
) -> None:
    walk.step(node, None, inputs, outputs, bodies=tuple(bodies), wrap=wrap)


CONTROL: dict[str, Callable[[Walk, NodeProto, Sequence[Value | None], Scope], None]] = {
    "If": _if,
    "Loop": _loop,
    "Scan": _scan,
}
"""Operators that hold graphs, to the functions that walk them."""
