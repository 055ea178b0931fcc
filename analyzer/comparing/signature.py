"""What an operation computes, whatever it is called and however it is written."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from analyzer.ir import Kind
from analyzer.ops import (
    BatchNormalization,
    Convolution,
    Einsum,
    Embedding,
    Free,
    Linear,
    MatrixProduct,
    Normalization,
    Operation,
    Recurrent,
)

if TYPE_CHECKING:
    from analyzer.comparing.unit import Unit

__all__ = ["form_of", "is_scale", "signature_of"]


def signature_of(unit: Unit) -> tuple[Hashable, ...]:
    """Return what a unit computes, apart from how large the map is on which it does."""
    if is_scale(unit):  # a norm whose numbers are joined
        return ("batch normalization", unit.parameters[0].elements)
    match unit.operation:
        case Convolution() as conv:
            return _slid(conv)
        case Linear() as dense:
            return ("dense", dense.in_features, dense.out_features)
        case Einsum() as einsum if unit.parameters:
            return ("dense", *_features(einsum))
        case BatchNormalization(channels=channels):
            return ("batch normalization", channels)
        case Normalization() as norm:
            return (norm.kind, norm.features)
        case Embedding(vocabulary=vocabulary, width=width):
            return ("embedding", vocabulary, width)
        case Recurrent() as cell:
            return (cell.kind, cell.input_size, cell.hidden_size, cell.layers, _directions(unit))
        case None:
            return ("unread", unit.kind, sum(p.elements for p in unit.parameters))
        case Free():
            return _moved(unit)
        case MatrixProduct(k=k, n=n) if _sizes(unit):
            return ("MatrixProduct", k, n, *_sizes(unit))
        case operation:
            kind = operation.kind if unit.parameters or unit.form is None else unit.form.kind
            return (kind, *_sizes(unit))


def _slid(conv: Convolution) -> tuple[Hashable, ...]:
    """Tell convolutions of one pixel, which are dense layers, from others."""
    if not conv.transposed and conv.groups == prod(conv.kernel) == 1:
        return ("dense", conv.in_channels, conv.out_channels)
    return (conv.kind, conv.in_channels, conv.out_channels, conv.groups, conv.kernel)


def _features(einsum: Einsum) -> tuple[int, int]:
    """Return how many features the last operand, which is stored, takes and gives."""
    sizes, stored = dict(einsum.sizes), einsum.operands[-1]
    summed = prod(sizes[label] for label in stored if label not in einsum.output)
    return summed, prod(sizes[label] for label in stored if label in einsum.output)


def _directions(unit: Unit) -> int:
    cells = [entry.node.operation for entry in unit.entries]
    return sum(cell.directions for cell in cells if isinstance(cell, Recurrent))


def _moved(unit: Unit) -> tuple[Hashable, ...]:
    """Tell tables of vectors from what else is moved, for which frameworks have many names."""
    if not _is_table(unit):
        return ("free", *_sizes(unit))
    (table,) = unit.parameters
    return ("embedding", table.elements // table.shape[-1], table.shape[-1])


def is_scale(unit: Unit) -> bool:
    """Say whether it multiplies channels by learned numbers."""
    learned = [one for one in unit.parameters if one.kind is Kind.LEARNABLE and one.elements > 1]
    joined = bool(learned) and len(learned) == len(unit.parameters)
    return unit.kind == "multiply" and joined and not unit.constant


def _is_table(unit: Unit) -> bool:
    """Say whether vectors of a table are read that stand side by side."""
    tables = [p for p in unit.parameters if p.role == "embedding" and 1 < p.elements > p.shape[-1]]
    return len(tables) == len(unit.parameters) == 1


def _sizes(unit: Unit) -> tuple[int, ...]:
    return tuple(p.elements for p in unit.parameters if p.kind is not Kind.CONSTANT)


def form_of(operation: Operation | None) -> Operation | None:
    """Write a product of two tensors as a product of matrices, the larger side last."""
    match operation:
        case Einsum(operands=(left, right), output=output, sizes=labels):
            sizes = dict(labels)
            both, made = set(left) & set(right), set(output)
            if both <= made or (set(left) ^ set(right)) - made:
                return operation
            m, n = (prod(sizes[one] for one in made & set(side) - both) for side in (left, right))
            operation = MatrixProduct(
                batch=prod(sizes[one] for one in both & made),
                m=m,
                k=prod(sizes[one] for one in both - made),
                n=n,
                complex_numbers=operation.complex_numbers,
            )
    if isinstance(operation, MatrixProduct) and operation.m > operation.n:
        return replace(operation, m=operation.n, n=operation.m)
    return operation
