"""Which tensors of a PyTorch model are not contiguous, and which ones are learned.

Views say the first by their shapes; the second are those that parameters flow into.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Flag
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analyzer.ir import Model, Node, Tensor

__all__ = ["Layout", "batch_first", "layouts", "learned"]

_PERMUTE = frozenset(
    {"adjoint", "moveaxis", "movedim", "permute", "swapaxes", "swapdims", "t", "transpose"}
)
_CUT = frozenset(
    {"chunk", "narrow", "select", "slice", "split", "split_with_sizes", "tensor_split", "unbind"}
)

Key = tuple[int, tuple[int, ...]]


class Layout(Flag):
    """What keeps a tensor from being contiguous."""

    CONTIGUOUS = 0
    PERMUTED = 1
    CUT = 2
    HEADS_INSIDE = 4
    """The fused kernel of attention keeps the heads of a token together, as they are used next."""
    OPEN = 8
    """Whether the batch stood first is not told by sizes that are equal."""


def layouts(model: Model) -> dict[int, Layout]:
    """Return how what a node reads first lies in memory when it runs, by the node's ``id``."""
    seen: dict[int, Layout] = {}
    found: dict[Key, Layout] = {}
    orders: dict[int, list[int]] = {}
    for node in _flat(model.nodes or ()):
        if not node.inputs:
            continue
        source = node.inputs[0]
        before = seen[id(node)] = found.get(_key(source), Layout.CONTIGUOUS)
        if Layout.PERMUTED not in before:
            orders[source.storage] = _long(source)
        order = orders[source.storage]
        for output in node.outputs:
            found[_key(output)] = _layout(node, source, output, before, order)
            orders[output.storage] = order
    return seen


def batch_first(node: Node) -> Layout:
    """Return the layout of what a recurrent layer works on, if what it is given is contiguous."""
    operation: Any = node.operation
    shape = node.inputs[0].shape
    if len(shape) != 3 or operation.batch == 1 or operation.steps == 1:
        return Layout.CONTIGUOUS
    if operation.batch == operation.steps:
        return Layout.OPEN
    return Layout.PERMUTED if shape[0] == operation.batch else Layout.CONTIGUOUS


def learned(model: Model) -> frozenset[int]:
    """Return the storages of tensors that are made of what is trained: they need gradients."""
    trained = {parameter.name for parameter in model.parameters if parameter.trainable}
    found: set[int] = set()
    for node in _flat(model.nodes or ()):
        if trained.intersection(node.parameters) or found & {one.storage for one in node.inputs}:
            found.update(output.storage for output in node.outputs)
    return frozenset(found)


def _flat(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        yield node
        for body in node.operation.bodies():
            yield from _flat(body)


def _key(tensor: Tensor) -> Key:
    return tensor.storage, tensor.shape


def _layout(node: Node, source: Tensor, output: Tensor, before: Layout, order: list[int]) -> Layout:
    """Return the layout of an output; ``order`` are the long axes as they lie in the source."""
    name = node.native.removeprefix("aten.").rstrip("_")
    kind = type(node.operation).__name__
    if kind == "Attention" and len(output.shape) == 4:
        return Layout.HEADS_INSIDE if min(output.shape[1:3]) > 1 else Layout.CONTIGUOUS
    if kind == "Recurrent":
        return batch_first(node) if output is node.outputs[0] else Layout.CONTIGUOUS
    if output.storage != source.storage:  # a new tensor, in the order of what it is computed from
        alike = kind == "Elementwise" and output.shape == source.shape
        return before & ~Layout.CUT if alike else Layout.CONTIGUOUS
    if name in _PERMUTE and (output.shape == source.shape or _long(output) != _long(source)):
        if Layout.HEADS_INSIDE in before:
            return before ^ Layout.HEADS_INSIDE
        is_back = Layout.PERMUTED in before and _long(output) == order
        if not is_back:
            return before | Layout.PERMUTED
        told = len(set(order)) == len(order)
        return before & ~Layout.PERMUTED if told else before | Layout.OPEN
    if name in _CUT and not _cut_in_front(source.shape, output.shape):
        return before | Layout.CUT
    return before


def _long(tensor: Tensor) -> list[int]:
    return [size for size in tensor.shape if size != 1]


def _cut_in_front(source: tuple[int, ...], output: tuple[int, ...]) -> bool:
    """Whether what is cut is in one piece: no axis but those of one element stands before it."""
    at = next(
        (
            axis
            for axis, sizes in enumerate(zip(source, output, strict=False))
            if sizes[0] != sizes[1]
        ),
        len(output),
    )
    return all(size == 1 for size in source[:at])
