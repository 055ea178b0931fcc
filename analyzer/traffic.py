"""Bytes that are stored, and that operations read and write, each derived in named factors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from analyzer.dtypes import bits, storage_bytes
from analyzer.expression import Expression, Factor, Quotient, product, total
from analyzer.ir import Node, Parameter, Tensor

__all__ = ["Traffic", "bytes_of", "stored_bytes", "traffic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Bytes that one run of an operation reads and writes: each tensor once.

    What an operation keeps to itself on the way is not in it, and neither are a second reading and
    a second writing, to which a small cache may force it: this is the least there can be.
    """

    read: Expression
    written: Expression

    def intensity(self, operations: int) -> Fraction | None:
        """Return the operations that are done for each byte that is moved, None where none is."""
        moved = self.read.value + self.written.value
        return Fraction(operations, moved) if moved else None


def bytes_of(elements: Expression, dtype: str) -> Expression:
    """Return what elements of a type take, packed, rounded up to a byte.

    >>> bytes_of(Factor("elements", 3), "int4").numbers()
    '⌈3·4 / 8⌉'
    >>> bytes_of(Factor("elements", 864), "float32").names()
    'elements × bytes an element'
    """
    width = bits(dtype)
    if width % 8 == 0:
        return product(elements, Factor("bytes an element", width // 8))
    return Quotient(
        product(elements, Factor("bits an element", width)), Factor("bits a byte", 8), up=True
    )


def stored_bytes(parameter: Parameter, elements: Expression | None = None) -> Expression:
    """Return the bytes of a stored tensor, or of some of its elements, packed as it is."""
    some = elements or Factor("elements", parameter.elements)
    if storage_bytes(parameter.elements, parameter.dtype) == parameter.stored_bytes:
        return bytes_of(some, parameter.dtype)
    packed = Factor("bytes as stored", parameter.stored_bytes)
    if some.value == parameter.elements:
        return packed
    whole = Factor("elements stored", parameter.elements)
    return Quotient(product(some, packed), whole, up=True)


def traffic(node: Node, parameters: Mapping[str, Parameter]) -> Traffic:
    """Return what one run of a node reads and writes.

    A view reads and writes nothing. What only moves elements reads no more of them than it writes;
    what looks rows up in a stored table reads those rows.
    """
    stored = [parameters[name] for name in dict.fromkeys(node.parameters)]
    held = {parameter.storage for parameter in stored}
    inputs = [tensor for tensor in _once(node.inputs) if tensor.storage not in held]
    outputs = list(_once(node.outputs))
    cost = node.operation.cost()
    if cost is not None and cost.free:
        there = held.union(tensor.storage for tensor in node.inputs)
        outputs = [tensor for tensor in outputs if tensor.storage not in there]
        inputs = _moved(inputs, sum(tensor.elements for tensor in outputs))
    return Traffic(
        read=total(
            [*(_of_stored(node, one) for one in stored if outputs), *_each(inputs, "input")]
        ),
        written=total(_each(outputs, "output")),
    )


def _of_stored(node: Node, parameter: Parameter) -> Expression:
    some = node.operation.elements_read(parameter.elements)
    role = parameter.role or "stored"
    return stored_bytes(parameter, some or Factor(f"{role} elements", parameter.elements))


def _once(tensors: Iterable[Tensor]) -> Iterable[Tensor]:
    """Keep the largest tensor of each storage, in the order of the storages."""
    largest: dict[int, Tensor] = {}
    for tensor in tensors:
        known = largest.get(tensor.storage)
        if known is None or known.bytes < tensor.bytes:
            largest[tensor.storage] = tensor
    return largest.values()


def _moved(inputs: list[Tensor], written: int) -> list[Tensor]:
    """Return what is read of the inputs where no more elements are needed than are written."""
    if sum(tensor.elements for tensor in inputs) <= written:
        return inputs
    first, *_ = sorted(inputs, key=lambda tensor: -tensor.elements)
    return [Tensor(shape=(written,), dtype=first.dtype, storage=first.storage)]


def _each(tensors: Iterable[Tensor], what: str) -> Iterable[Expression]:
    """Return the bytes of tensors, of those that are alike in one product."""
    alike = Counter((tensor.elements, tensor.dtype) for tensor in tensors)
    for (elements, dtype), count in alike.items():
        each = bytes_of(Factor(f"{what} elements", elements), dtype)
        yield product(Factor(f"{what}s", count), each) if count > 1 else each
