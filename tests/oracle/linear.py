"""Matrix products and sums of products, as loops over scalars."""

from __future__ import annotations

from itertools import product

import numpy as np

from analyzer.ops import Category, Einsum, Linear, MatrixProduct
from tests.oracle.number import Array, Counted, Tally, summed
from tests.oracle.registry import oracle


def linear(tally: Tally, x: Array, kernel: Array, bias: Array | None = None) -> Array:
    """``(rows, in) @ (in, out) + (out) → (rows, out)``."""
    rows, features = x.shape
    result = np.empty((rows, kernel.shape[1]), dtype=object)
    for row, column in np.ndindex(result.shape):
        sum_of_products = tally.accumulator()
        for feature in range(features):
            sum_of_products.add(kernel[feature, column], x[row, feature])
        result[row, column] = sum_of_products.value
        if bias is not None:
            with tally.within(Category.BIAS):
                result[row, column] = result[row, column] + bias[column]
    return result


def matrix_product(tally: Tally, a: Array, b: Array, addend: Array | None = None) -> Array:
    """``(…, m, k) @ (…, k, n) + (…, m, n) → (…, m, n)``, leading axes broadcast."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    left = np.broadcast_to(a, batch + a.shape[-2:])
    right = np.broadcast_to(b, batch + b.shape[-2:])
    result = np.empty((*batch, a.shape[-2], b.shape[-1]), dtype=object)
    for place in np.ndindex(batch):
        result[place] = linear(tally, left[place], right[place])
    if addend is not None:
        with tally.within(Category.BIAS):
            for place in np.ndindex(result.shape):
                result[place] = result[place] + np.broadcast_to(addend, result.shape)[place]
    return result


Labelled = tuple[str, dict[tuple[int, ...], Counted]]


def einsum(
    tally: Tally,
    operands: tuple[str, ...],
    output: str,
    arrays: list[Array],
    path: tuple[tuple[int, int], ...] = (),
) -> Array:
    """Sum of products over labels, two operands at a time."""
    sizes = {
        label: size
        for labels, array in zip(operands, arrays, strict=True)
        for label, size in zip(labels, array.shape, strict=True)
    }
    pending = [_diagonal(pair) for pair in zip(operands, arrays, strict=True)]
    if len(pending) == 1:
        pending[0] = _pre_sum(tally, pending[0], output)
    steps = list(path)
    while len(pending) > 1:
        at = sorted(steps.pop(0)) if path else [0, 1]
        right, left = pending.pop(at[1]), pending.pop(at[0])
        elsewhere = output + "".join(labels for labels, _ in pending)
        left = _pre_sum(tally, left, elsewhere + right[0])
        right = _pre_sum(tally, right, elsewhere + left[0])
        pending.insert(len(pending) if path else 0, _pair(tally, left, right, elsewhere, sizes))
    labels, found = pending[0]
    result = np.empty(tuple(sizes[label] for label in output), dtype=object)
    for place in np.ndindex(result.shape):
        known = dict(zip(output, place, strict=True))
        result[place] = found[tuple(known[label] for label in labels)]
    return result


def _diagonal(operand: tuple[str, Array]) -> Labelled:
    labels, array = operand
    kept = "".join(dict.fromkeys(labels))
    found: dict[tuple[int, ...], Counted] = {}
    for place in np.ndindex(array.shape):
        known: dict[str, int] = {}
        if all(known.setdefault(label, at) == at for label, at in zip(labels, place, strict=True)):
            found[tuple(known[label] for label in kept)] = array.item(*place)
    return kept, found


def _pre_sum(tally: Tally, operand: Labelled, keep: str) -> Labelled:
    labels, found = operand
    kept = "".join(label for label in labels if label in keep)
    together: dict[tuple[int, ...], list[Counted]] = {}
    for place, number in found.items():
        known = dict(zip(labels, place, strict=True))
        together.setdefault(tuple(known[label] for label in kept), []).append(number)
    with tally.within(Category.REDUCTION):
        return kept, {place: summed(numbers) for place, numbers in together.items()}


def _pair(
    tally: Tally, left: Labelled, right: Labelled, keep: str, sizes: dict[str, int]
) -> Labelled:
    labels = "".join(dict.fromkeys(left[0] + right[0]))
    kept = "".join(label for label in labels if label in keep)
    gone = [label for label in labels if label not in keep]
    found = {}
    for place in product(*(range(sizes[label]) for label in kept)):
        known = dict(zip(kept, place, strict=True))
        if not gone:
            found[place] = _at(left, known) * _at(right, known)
            continue
        sum_of_products = tally.accumulator()
        for inner in product(*(range(sizes[label]) for label in gone)):
            known.update(zip(gone, inner, strict=True))
            sum_of_products.add(_at(left, known), _at(right, known))
        found[place] = sum_of_products.value
    return kept, found


def _at(operand: Labelled, known: dict[str, int]) -> Counted:
    return operand[1][tuple(known[label] for label in operand[0])]


@oracle(Linear)
def _linear(operation: Linear, tally: Tally) -> Array:
    bias = tally.random(operation.out_features) if operation.bias else None
    return linear(
        tally,
        tally.random(operation.rows, operation.in_features),
        tally.random(operation.in_features, operation.out_features),
        bias,
    )


@oracle(MatrixProduct)
def _matrix_product(operation: MatrixProduct, tally: Tally) -> Array:
    batch, m, k, n = operation.batch, operation.m, operation.k, operation.n
    addend = tally.random(n) if operation.addend else None
    with tally.within(Category.ELEMENTWISE):
        for number in tally.random(operation.scaled):
            number * number
    return matrix_product(tally, tally.random(batch, m, k), tally.random(1, k, n), addend)


@oracle(Einsum)
def _einsum(operation: Einsum, tally: Tally) -> Array:
    sizes = dict(operation.sizes)
    arrays = [tally.random(*(sizes[label] for label in operand)) for operand in operation.operands]
    return einsum(tally, operation.operands, operation.output, arrays, operation.path)
