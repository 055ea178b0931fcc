"""``Scan``: a body that runs for each slice of some inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analyzer import Bound, ModelError
from analyzer_onnx.subgraphs import bind, final, graph_of, label, mark, repeat, stacked, varying
from analyzer_onnx.values import Scope, Value

if TYPE_CHECKING:
    from analyzer_onnx.nodes import OnnxNode
    from analyzer_onnx.walk import Walk

__all__ = ["run_scan"]


def run_scan(walk: Walk, node: OnnxNode, inputs: Sequence[Value | None], scope: Scope) -> None:
    """Repeat a body for each slice of the scanned inputs; in which direction does not matter.

    In operator set 8 everything has a batch axis before, and the first input may say how many
    slices each sequence of the batch has; the body runs for every sequence by itself.
    """
    body = graph_of(node, "body")
    given = node.given
    batched = walk.opsets.get("", 0) < 9
    lengths = inputs[0] if batched and inputs else None
    values = list(inputs[1:] if batched else inputs)
    scanned = given["num_scan_inputs"]
    states = len(values) - scanned
    names = [item.name for item in body.input]
    if len(names) != len(values) or any(value is None for value in values) or states < 0:
        raise ModelError(
            f"Scan node {node.name or label(node)!r}: {len(values)} values come and the body "
            f"takes {len(names)}; the file is damaged"
        )
    axes = given.get("scan_input_axes", [0] * scanned)
    out_axes = given.get("scan_output_axes", [0] * (len(body.output) - states))
    inner = Scope(scope)
    sizes: dict[int, None] = {}
    batch = 1
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        assert value is not None
        shape = value.sizes
        if batched:
            batch, shape = shape[0], shape[1:]
        if at >= states:
            axis = axes[at - states] % len(shape)
            sizes[shape[axis]] = None
            shape = (*shape[:axis], *shape[axis + 1 :])
        made = varying(walk, name, value)
        made.shape = shape
        inner[name] = made
    if len(sizes) > 1:
        raise ModelError(
            f"Scan node {node.name or label(node)!r}: the inputs that are scanned have "
            f"{' and '.join(map(str, sizes))} slices; they have to have the same number"
        )
    slices = next(iter(sizes), 0)
    times, bound = _runs(batch, slices, lengths)
    with walk.body(label(node)) as steps:
        results = walk.graph(body, inner)
    mark(steps, bound)
    outputs = [final(result) for result in results[:states]]
    for result, axis in zip(results[states:], out_axes, strict=True):
        outputs.append(stacked(walk, result, slices, axis, Bound.EXACT))
    if batched:
        outputs = [stacked(walk, output, batch, 0, Bound.EXACT) for output in outputs]
    bind(scope, node, outputs)
    repeat(walk, node, inputs, outputs, steps, times)


def _runs(batch: int, slices: int, lengths: Value | None) -> tuple[int, Bound]:
    """Return how often a body runs for a whole batch of sequences of these lengths."""
    if lengths is None:
        return batch * slices, Bound.EXACT
    if lengths.known and lengths.data is not None:
        return int(lengths.data.sum()), Bound.EXACT
    return batch * slices, Bound.UPPER
