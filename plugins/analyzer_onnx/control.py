"""Control flow: the operators that hold graphs, and what a branch leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from analyzer import Bound, ModelError, Node, ops
from analyzer_onnx.findings import Findings
from analyzer_onnx.loops import run_loop
from analyzer_onnx.scans import run_scan
from analyzer_onnx.subgraphs import alike, bind, graph_of, label
from analyzer_onnx.values import Scope, Step, Value, bound_of

if TYPE_CHECKING:
    from analyzer_onnx.nodes import OnnxNode
    from analyzer_onnx.walk import Walk

__all__ = ["CONTROL"]


def run_branch(walk: Walk, node: OnnxNode, inputs: Sequence[Value | None], scope: Scope) -> None:
    """Take the branch that runs where the condition is known, else both as alternatives.

    A condition that follows from sizes that are bounds is not known. Where the sizes fit only one
    of the branches, it is the one that runs.
    """
    condition = inputs[0]
    taken: int | None = None
    data = condition.data if condition is not None and not condition.numbers else None
    if data is not None and data.size == 1:
        taken = 0 if bool(data.reshape(-1)[0]) else 1
    bodies: list[list[Step]] = []
    results: list[list[Value] | None] = []
    failures: list[ModelError] = []
    for at, name in enumerate(("then_branch", "else_branch")):
        runs = taken in (None, at)
        with walk.body(f"{label(node)}/{name}") as steps, _finding(walk, kept=runs):
            try:
                results.append(walk.graph(graph_of(node, name), Scope(scope)))
            except ModelError as error:
                if taken == at:
                    raise
                results.append(None)
                failures.append(error)
        bodies.append(steps)
    first, second = results
    if first is None and second is None:
        raise failures[0]
    if taken is None and failures:
        taken = 1 if first is None else 0
        walk.findings.note(
            f"the sizes fit only the {'else' if taken else 'then'} branch of the condition that "
            f"gives {label(node)!r} ({failures[0]}); it is taken to be the one that runs"
        )
    if taken is None:
        pairs = zip(first or (), second or (), strict=False)
        chosen = [_either(walk, *pair) for pair in pairs]
    else:
        chosen = results[taken] or []
    bind(scope, node, chosen)
    wrap = partial(_branch, taken=taken)
    walk.step(
        node,
        None,
        inputs,
        chosen,
        bodies=tuple(bodies),
        runs=tuple(int(taken in (None, at)) for at in range(len(bodies))),
        wrap=wrap,
        settled=taken is not None,
    )


@contextmanager
def _finding(walk: Walk, *, kept: bool) -> Iterator[None]:
    """Let what is found in a branch that does not run be told to nobody."""
    findings = walk.findings
    if not kept:
        walk.findings = Findings()
    try:
        yield
    finally:
        walk.findings = findings


def _branch(*alternatives: tuple[Node, ...], taken: int | None) -> ops.Branch:
    return ops.Branch(alternatives=alternatives, taken=taken)


def _either(walk: Walk, first: Value, second: Value) -> Value:
    """Return the larger of what two branches give, as an upper bound needs it."""
    if alike(first, second):
        made = Value(first.name, first.shape, first.dtype, first.storage, maker="If")
        made.items, made.each = first.items, first.each
        made.bound = bound_of((first, second))
        return made
    if first.shape is None or second.shape is None:
        known = first if second.shape is None else second
        return Value(known.name, known.shape, known.dtype, known.storage, maker="If")
    larger, other = (first, second) if first.elements >= second.elements else (second, first)
    walk.findings.note(
        f"the branches of a condition give {larger.name!r} as {list(first.shape)} or "
        f"{list(second.shape)}; the larger is taken"
    )
    covers = len(larger.sizes) == len(other.sizes) and all(
        one >= small for one, small in zip(larger.sizes, other.sizes, strict=True)
    )
    return Value(
        larger.name,
        larger.shape,
        larger.dtype,
        larger.storage,
        maker="If",
        bound=bound_of((first, second)) | (Bound.UPPER if covers else Bound.NEITHER),
    )


CONTROL: dict[str, Callable[[Walk, OnnxNode, Sequence[Value | None], Scope], None]] = {
    "If": run_branch,
    "Loop": run_loop,
    "Scan": run_scan,
}
"""Operators that hold graphs, to the functions that walk them."""
