"""Softmax and scaled dot-product attention, as loops over scalars."""

from __future__ import annotations

import math

import numpy as np

from analyzer.ops import Attention, Category, Mask, Softmax
from tests.oracle.functions import apply
from tests.oracle.number import Array, Counted, Tally, largest, summed
from tests.oracle.registry import oracle


def softmax(tally: Tally, row: list[Counted], *, logarithm: bool = False) -> list[Counted]:
    """``exp(x − max) / Σ exp(x − max)`` of one row, or its logarithm."""
    with tally.within(Category.SOFTMAX):
        top = largest(row)
        shifted = [number - top for number in row]
        powers = [number.exp() for number in shifted]
        whole = summed(powers)
        if logarithm:
            log = whole.log()
            return [number - log for number in shifted]
        return [power / whole for power in powers]


def attention(
    tally: Tally,
    query: Array,
    key: Array,
    value: Array,
    *,
    scaled: bool,
    causal: bool = False,
    allowed: Array | None = None,
    addend: Array | None = None,
    dropout: bool = False,
) -> Array:
    """``(b, h, q, d), (b, h', k, d), (b, h', k, v) → (b, h, q, v)``; h / h' heads share a key.

    ``allowed`` (booleans) and ``addend`` are masks of shape (q, k). The full square of scores is
    computed whatever the mask.
    """
    batch, heads, queries, width = query.shape
    shared = heads // key.shape[1]
    keys, v_width = value.shape[2:]
    result = np.empty((batch, heads, queries, v_width), dtype=object)
    for image, head, at in np.ndindex(batch, heads, queries):
        scores: list[Counted] = []
        for other in range(keys):
            score = tally.accumulator()
            for axis in range(width):
                score.add(query[image, head, at, axis], key[image, head // shared, other, axis])
            number = score.value
            if scaled:
                number = number / math.sqrt(width)
            if addend is not None:
                number = number + addend[at, other]
            hidden = (causal and other > at) or (allowed is not None and not allowed[at, other])
            scores.append(tally.number(-math.inf) if hidden else number)
        weights = softmax(tally, scores)
        if dropout:
            weights = [apply("dropout", weight, 1.0, 1.0) for weight in weights]
        for axis in range(v_width):
            mixed = tally.accumulator()
            for other in range(keys):
                mixed.add(weights[other], value[image, head // shared, other, axis])
            result[image, head, at, axis] = mixed.value
    return result


@oracle(Softmax)
def _softmax(operation: Softmax, tally: Tally) -> list[list[Counted]]:
    return [
        softmax(tally, list(row), logarithm=operation.logarithm)
        for row in tally.random(operation.rows, operation.size)
    ]


@oracle(Attention)
def _attention(operation: Attention, tally: Tally) -> Array:
    batch, keys = operation.batch, operation.keys
    allowed = np.ones((operation.queries, keys), dtype=bool)
    allowed[:, 1:] = False
    return attention(
        tally,
        tally.random(batch, operation.heads, operation.queries, operation.qk_width),
        tally.random(batch, operation.kv_heads, keys, operation.qk_width),
        tally.random(batch, operation.kv_heads, keys, operation.v_width),
        scaled=operation.scaled,
        causal=operation.mask is Mask.CAUSAL,
        allowed=allowed if operation.mask is Mask.BOOLEAN else None,
        addend=(tally.random(operation.queries, keys) if operation.mask is Mask.ADDITIVE else None),
        dropout=operation.dropout,
    )
