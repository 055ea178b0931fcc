"""What loops, scans and branches have in common: graphs inside nodes, and values through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analyzer import Bound, ModelError, Node, ops
from analyzer_onnx.values import Scope, Step, Value

if TYPE_CHECKING:
    from onnx import GraphProto

    from analyzer_onnx.nodes import OnnxNode
    from analyzer_onnx.walk import Walk

__all__ = [
    "alike",
    "all_steps",
    "bind",
    "final",
    "graph_of",
    "label",
    "mark",
    "repeat",
    "same_work",
    "stacked",
    "varying",
]


def graph_of(node: OnnxNode, name: str) -> GraphProto:
    """Return a graph that a node holds.

    Raises:
        ModelError: it does not.
    """
    held = node.attributes.get(name)
    if held is not None and held.HasField("g"):
        return held.g
    raise ModelError(f"{node.op_type} node {node.name!r} has no {name}; the file is damaged")


def label(node: OnnxNode) -> str:
    """Return what to call a node's graphs: they are apart by it."""
    return next(iter(node.output), "") or node.name or node.op_type


def bind(scope: Scope, node: OnnxNode, values: Sequence[Value]) -> None:
    """Put a node's outputs in scope."""
    for name, value in zip(node.output, values, strict=False):
        if name:
            scope[name] = value


def varying(walk: Walk, name: str, start: Value, *, data: bool = False) -> Value:
    """Return a carried value as it comes into a run: its shape, and its elements only if asked."""
    made = Value(name, start.shape, start.dtype, walk.new_storage(), maker="Loop")
    made.items, made.each, made.present, made.bound = (
        start.items,
        start.each,
        start.present,
        start.bound,
    )
    if data and start.known:
        made.data, made.numbers = start.data, start.numbers
    return made


def final(result: Value) -> Value:
    """Return what a carried value is after the last run."""
    made = Value(result.name, result.shape, result.dtype, result.storage, maker="Loop")
    made.items, made.each, made.present, made.bound = (
        result.items,
        result.each,
        result.present,
        result.bound,
    )
    if result.known:
        made.data, made.numbers = result.data, result.numbers
    return made


def stacked(walk: Walk, result: Value, times: int, axis: int, bound: Bound) -> Value:
    """Return the results of all runs, one after the other along a new axis."""
    shape = result.shape
    if shape is not None:
        axis %= len(shape) + 1
        shape = (*shape[:axis], times, *shape[axis:])
    made = Value(result.name, shape, result.dtype, walk.new_storage(), maker="Loop")
    made.bound = result.bound | bound
    return made


def alike(first: Value, second: Value) -> bool:
    """Say whether two values have the same shape, or hold tensors of the same shapes."""
    if first.items is not None and second.items is not None:
        return len(first.items) == len(second.items) and all(map(alike, first.items, second.items))
    if first.is_sequence or second.is_sequence:
        return first.is_sequence and second.is_sequence and _same_each(first, second)
    return first.shape == second.shape and first.present == second.present


def _same_each(first: Value, second: Value) -> bool:
    if first.each is None or second.each is None:
        return False
    return alike(first.each, second.each)


def all_steps(steps: Sequence[Step]) -> Iterator[Step]:
    """Give steps and those in their bodies."""
    for step in steps:
        yield step
        for body in step.bodies:
            yield from all_steps(body)


def mark(steps: Sequence[Step], bound: Bound) -> None:
    """Say of everything in a body that its sizes are bounds."""
    for step in all_steps(steps) if bound else ():
        step.bound |= bound


def same_work(first: Sequence[Step], second: Sequence[Step]) -> bool:
    """Say whether two runs of a body do the same on tensors of the same sizes."""
    return len(first) == len(second) and all(map(_same_step, first, second))


def _same_step(first: Step, second: Step) -> bool:
    return _described(first) == _described(second) and all(
        map(same_work, first.bodies, second.bodies)
    )


def _described(step: Step) -> Any:
    wrap = step.wrap
    return (
        step.operation,
        wrap.keywords if isinstance(wrap, partial) else wrap,
        step.uses,
        step.bound,
        len(step.bodies),
        [(value.shape, value.dtype) for value in (*step.inputs, *step.outputs)],
    )


def repeat(
    walk: Walk,
    node: OnnxNode,
    inputs: Sequence[Value | None],
    outputs: Sequence[Value],
    steps: list[Step],
    times: int | None,
) -> None:
    """Note that a body ran, ``times`` times or, where that is None, nobody knows how often."""
    runs = 1 if times is None else times
    wrap = partial(_repeat, times=runs, exact=times is not None)
    walk.step(
        node,
        None,
        inputs,
        outputs,
        bodies=(steps,),
        runs=(runs,),
        wrap=wrap,
        settled=times is not None,
    )


def _repeat(body: tuple[Node, ...], *, times: int, exact: bool) -> ops.Repeat:
    return ops.Repeat(body=body, times=times, exact=exact)
