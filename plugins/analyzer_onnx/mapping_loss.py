"""Losses that a model returns."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper

__all__ = ["TABLE"]


def _likelihood(call: Call, *, weighted: bool, reduction: str) -> tuple[Operation, ...]:
    """Look up the logarithm of what was right, negate and weight it; the mean or the sum of all.

    A mean of weighted numbers is divided by the sum of their weights.
    """
    count = call.input(1).elements
    steps: list[Operation] = [ops.Elementwise(function="negate", elements=count)]
    if weighted:
        steps.append(ops.Elementwise(function="multiply", elements=count))
        if reduction == "mean":
            steps.append(ops.Reduction(function="sum", in_elements=count, out_elements=1))
    if reduction in ("mean", "sum"):
        steps.append(ops.Reduction(function=reduction, in_elements=count, out_elements=1))
    return tuple(steps)


def _weighted(call: Call) -> bool:
    """Say whether each element has a weight: of its class, or 0 if its class is ignored."""
    return call.has(2) or call.attribute("ignore_index") is not None


def _negative_log_likelihood(call: Call) -> Operation:
    reduction = call.attribute("reduction", "mean")
    return call.fused(*_likelihood(call, weighted=_weighted(call), reduction=reduction))


def _cross_entropy(call: Call) -> Operation:
    """``(batch, classes, …), (batch, …)``: the logarithm of a softmax over classes, then that."""
    scores = call.x.sizes
    rows = prod(scores) // scores[1] if scores[1] else 0
    reduction = call.attribute("reduction", "mean")
    return call.fused(
        ops.Softmax(rows=rows, size=scores[1], logarithm=True),
        *_likelihood(call, weighted=_weighted(call), reduction=reduction),
    )


TABLE: dict[str, Mapper] = {
    "NegativeLogLikelihoodLoss": _negative_log_likelihood,
    "SoftmaxCrossEntropyLoss": _cross_entropy,
}
"""Operators of losses, to the functions that translate them."""
