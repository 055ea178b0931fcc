"""Loops and branches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from analyzer import Bound, ModelError
from analyzer.ops import NO_OP, Branch, Operation, Repeat, free
from analyzer_tensorflow.nodes import reference
from analyzer_tensorflow.trips import trip_count
from analyzer_tensorflow.values import Step, Value, all_steps

if TYPE_CHECKING:
    from analyzer_tensorflow.walk import Walk

__all__ = ["CONTROL"]


def _while(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    """Repeat a body while a condition holds. One walk over the body serves all its runs.

    What the body hands on as it came is the same in every run; of the rest only shape and type are.
    A carried tensor that grows from run to run has the size that it has after the first.
    """
    body = walk.body(node.attr["body"].func.name)
    names = [name for name, _ in body.arguments]
    if len(names) != len(inputs) or len(body.results) != len(inputs):
        raise ModelError(
            f"loop {node.name!r} carries {len(inputs)} values and its body takes {len(names)}; "
            "the file is damaged"
        )
    kept = [_source(body, result) == name for result, name in zip(body.results, names, strict=True)]
    trips = trip_count(walk, node, inputs, kept)
    state: list[Value] = [
        value if same else _carried(walk, value) for value, same in zip(inputs, kept, strict=True)
    ]
    steps, results = _run(walk, body.name, state, node)
    if any(not _alike(one, other) for one, other in zip(state, results, strict=True)):
        grows = any(
            one.dtype and one.shape != other.shape
            for one, other in zip(state, results, strict=True)
        )
        state = [
            value if same else _carried(walk, result)
            for value, result, same in zip(inputs, results, kept, strict=True)
        ]
        steps, results = _run(walk, body.name, state, node)
        if grows:
            walk.notes[
                f"loop {node.name!r}: sizes change from run to run, and all runs are counted like "
                "the second one"
            ] = None
            for step in all_steps(steps):
                step.bound |= Bound.NEITHER
    for step in all_steps(steps) if trips.bound is not Bound.EXACT else ():
        step.bound |= trips.bound
    outputs = [
        value if same or not trips.times else walk.like(result, maker=node.op)
        for value, result, same in zip(
            inputs, results if trips.times else inputs, kept, strict=True
        )
    ]
    for output, start in zip(outputs, inputs, strict=True):
        if output is not start and start.settled and not output.dtype:
            output.settled = False
    if not trips.times:
        return outputs

    def wrap(nodes: tuple[Any, ...]) -> Operation:
        return Repeat(body=nodes, times=trips.times, exact=trips.exact)

    made = [one for one, same in zip(outputs, kept, strict=True) if not same]
    if any(not step.dropped for step in steps):
        walk.add(None, node, inputs, made, bodies=(steps,), runs=(trips.times,), wrap=wrap)
    return outputs


def _carried(walk: Walk, value: Value) -> Value:
    """Return a value that is another one in every run; a counter's number decides no work."""
    return walk.like(value, maker="While", settled=value.settled and not value.shape)


def _source(body: Any, text: str) -> str:
    """Follow a result through nodes that hand on what comes in, to an argument."""
    name = reference(text)[0]
    while name in body.nodes and body.nodes[name].op == "Identity":
        name = reference(body.nodes[name].input[0])[0]
    return name


def _run(
    walk: Walk, name: str, arguments: Sequence[Value], node: Any
) -> tuple[list[Step], list[Value]]:
    with walk.apart() as steps:
        results = walk.call(name, arguments, node)
    return steps, results


def _alike(one: Value, other: Value) -> bool:
    return one.shape == other.shape and one.each == other.each and one.length == other.length


def _if(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    condition, *arguments = inputs
    names = [node.attr[name].func.name for name in ("then_branch", "else_branch")]
    known = walk.numbers(condition)
    taken = None if known is None else int(not known.reshape(-1)[:1].any())
    return _branch(walk, node, inputs, names, arguments, taken)


def _case(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    index, *arguments = inputs
    names = [one.name for one in node.attr["branches"].list.func]
    known = walk.numbers(index)
    taken = None if known is None else int(known)
    if taken is not None and not 0 <= taken < len(names):
        taken = len(names) - 1
    return _branch(walk, node, inputs, names, arguments, taken)


def _branch(
    walk: Walk,
    node: Any,
    inputs: Sequence[Value],
    names: Sequence[str],
    arguments: Sequence[Value],
    taken: int | None,
) -> Sequence[Value]:
    """Walk the way that is taken, or all of them where nobody knows which it is."""
    if taken is not None:
        return walk.call(names[taken], arguments, node)
    ways = [_run(walk, name, arguments, node) for name in names]
    outputs = []
    for place in zip(*(results for _, results in ways), strict=True):
        largest = max(place, key=lambda value: value.elements if value.shape is not None else 0)
        made = walk.like(largest, maker=node.op, settled=all(value.settled for value in place))
        if any(not _alike(value, largest) for value in place):
            made.bound |= Bound.UPPER
        outputs.append(made)

    def wrap(*bodies: tuple[Any, ...]) -> Operation:
        return Branch(alternatives=bodies)

    if any(steps for steps, _ in ways):
        walk.add(
            None,
            node,
            inputs,
            outputs,
            bodies=[steps for steps, _ in ways],
            runs=(1,) * len(ways),
            wrap=wrap,
        )
    return outputs


def _merge(walk: Walk, node: Any, inputs: Sequence[Value]) -> Sequence[Value]:
    """Give what comes from the way that runs, where TensorFlow 1 branches; all ways were walked."""
    outputs = walk.outputs(node, inputs)
    walk.add(free("merge of branches", because=NO_OP), node, inputs, outputs)
    for step in _ways(inputs):
        step.bound |= Bound.UPPER
    walk.notes[
        f"branches that meet in {node.name!r}: which one runs is not known, and all are counted"
    ] = None
    return outputs


def _ways(ends: Sequence[Value]) -> Iterable[Step]:
    """Return the steps that lead to values from where it is decided which of them is made."""
    found: dict[int, Step] = {}
    pending = list(ends)
    while pending:
        step = pending.pop().made_by
        if step is not None and id(step) not in found and step.native != "Switch":
            found[id(step)] = step
            pending += step.inputs
    return found.values()


CONTROL: dict[str, Callable[[Walk, Any, Sequence[Value]], Sequence[Value]]] = {
    "Case": _case,
    "If": _if,
    "Merge": _merge,
    "RefMerge": _merge,
    "StatelessCase": _case,
    "StatelessIf": _if,
    "StatelessWhile": _while,
    "While": _while,
    "_If": _if,
    "_While": _while,
}
"""Types of nodes with code of their own, to the functions that read them."""
