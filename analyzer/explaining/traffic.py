"""Bytes that are stored, and that operations read and write, each derived in named factors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from analyzer.dtypes import bits, storage_bytes
from analyzer.expression import Expression, Factor, Quotient, product, total
from analyzer.ir import Model, Node, Parameter, Tensor
from analyzer.ops.movement import FILL

__all__ = ["Traffic", "bytes_of", "sizes_of_storages", "stored_bytes", "traffic"]


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


def stored_bytes(parameters: Iterable[Parameter]) -> Expression:
    """Return what stored tensors take, those of one width together.

    >>> from analyzer import Kind
    >>> kernel = Parameter(name="w", shape=(8, 4), dtype="float32", kind=Kind.LEARNABLE,
    ...     trainable=True, role="kernel", axes=(), storage=1, stored_bytes=128, active_elements=32)
    >>> print(stored_bytes([kernel]).names(), "=", stored_bytes([kernel]).numbers())
    kernel × bytes an element = 32·4
    """
    return _together(
        (parameter.role or "elements", Factor("", parameter.elements), parameter)
        for parameter in parameters
    )


def sizes_of_storages(model: Model) -> Mapping[int, int]:
    """Return the bytes of each storage: of the largest tensor that lives in it."""
    sizes: dict[int, int] = {}

    def look(nodes: Iterable[Node]) -> None:
        for node in nodes:
            for tensor in (*node.inputs, *node.outputs):
                sizes[tensor.storage] = max(sizes.get(tensor.storage, 0), tensor.bytes)
            for body in node.operation.bodies():
                look(body)

    look(model.nodes or ())
    return sizes


def traffic(node: Node, parameters: Mapping[str, Parameter], sizes: Mapping[int, int]) -> Traffic:
    """Return what one run of a node reads and writes; ``sizes`` are those of the storages.

    A view reads and writes nothing, and what fills in reads nothing. What only moves elements reads
    no more of them than it writes; what looks rows up in a stored table reads those rows. No more
    is read from a storage than is in it, however many views of it are given.
    """
    stored = [parameters[name] for name in dict.fromkeys(node.parameters)]
    held = {parameter.storage for parameter in stored}
    inputs = list(_read(node.inputs, held, sizes))
    outputs = list({tensor.storage: tensor for tensor in node.outputs}.values())
    cost = node.operation.cost()
    if cost is not None and cost.free:
        there = held.union(tensor.storage for tensor in node.inputs)
        outputs = [tensor for tensor in outputs if tensor.storage not in there]
        written = sum(tensor.elements for tensor in outputs)
        inputs = [] if cost.free == FILL else _moved(inputs, written)
        stored = stored if outputs else []
    looked_up = (
        (parameter.role or "stored", _looked_up(node, parameter), parameter) for parameter in stored
    )
    return Traffic(
        read=_together([*looked_up, *(("input", _elements(one), one) for one in inputs)]),
        written=_together(("output", _elements(one), one) for one in outputs),
    )


def _looked_up(node: Node, parameter: Parameter) -> Expression:
    some = node.operation.elements_read(parameter.elements)
    return Factor("", parameter.elements) if some is None else some


def _elements(tensor: Tensor) -> Expression:
    return Factor("", tensor.elements)


def _read(
    tensors: Iterable[Tensor], held: Iterable[int], sizes: Mapping[int, int]
) -> Iterable[Tensor]:
    """Keep of the tensors of one storage what there is to read in it, the largest first."""
    left = {**sizes, **dict.fromkeys(held, 0)}
    for tensor in sorted(tensors, key=lambda one: -one.bytes):
        if tensor.bytes <= left.get(tensor.storage, tensor.bytes):
            left[tensor.storage] = left.get(tensor.storage, tensor.bytes) - tensor.bytes
            yield tensor


def _moved(inputs: list[Tensor], written: int) -> list[Tensor]:
    """Return what is read of the inputs where no more elements are needed than are written."""
    if sum(tensor.elements for tensor in inputs) <= written:
        return inputs
    return [Tensor(shape=(written,), dtype=inputs[0].dtype, storage=inputs[0].storage)]


def _together(
    tensors: Iterable[tuple[str, Expression, Tensor | Parameter]],
) -> Expression:
    """Return the bytes of elements: those of one name and those of one width are put together.

    A whole tensor is a factor without a name, and takes the one that it is given.
    """
    wide: dict[int, dict[str, list[Expression]]] = {}
    others: list[Expression] = []
    for name, elements, tensor in tensors:
        packed = _bytes_as_packed(tensor, elements)
        if packed is not None:
            others.append(packed)
        elif bits(tensor.dtype) % 8:
            whole = isinstance(elements, Factor)
            named = Factor(name, elements.value) if whole else elements
            others.append(bytes_of(named, tensor.dtype))
        else:
            wide.setdefault(bits(tensor.dtype), {}).setdefault(name, []).append(elements)
    return total(
        (
            *(
                product(
                    total(_of_one_name(name, some) for name, some in names.items()),
                    Factor("bytes an element", width // 8),
                )
                for width, names in wide.items()
            ),
            *others,
        )
    )


def _of_one_name(name: str, elements: list[Expression]) -> Expression:
    if not all(isinstance(some, Factor) for some in elements):
        return total(elements)
    different = dict.fromkeys(some.value for some in elements)
    if len(elements) > 1 and len(different) == 1:
        return product(Factor("tensors", len(elements)), Factor(f"each {name}", *different))
    return Factor(name, sum(some.value for some in elements))


def _bytes_as_packed(tensor: Tensor | Parameter, elements: Expression) -> Expression | None:
    """Return the bytes of what is packed in a way of its own, None where a type tells them."""
    if isinstance(tensor, Tensor):
        return None
    if storage_bytes(tensor.elements, tensor.dtype) == tensor.stored_bytes:
        return None
    packed = Factor(f"bytes of {tensor.role or 'it'} as stored", tensor.stored_bytes)
    if elements.value == tensor.elements:
        return packed
    return Quotient(product(elements, packed), Factor("elements stored", tensor.elements), up=True)
