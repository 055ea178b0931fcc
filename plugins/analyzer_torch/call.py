"""One call of a PyTorch operator, its arguments by the names of its schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._ops import OpOverload

from analyzer import Operation

__all__ = [
    "Call",
    "Maker",
    "Stored",
    "base_name",
    "bound",
    "dtype_name",
    "each",
    "full_name",
    "tensors_in",
]


_QUANTIZED = {
    "qint32": "int32",
    "qint8": "int8",
    "quint2x4": "uint2",
    "quint4x2": "uint4",
    "quint8": "uint8",
}
"""Element types that have a scale, and the integers that are stored."""


class Stored(NamedTuple):
    """A tensor that the model stores, as a call sees it.

    Attributes:
        name: the parameter's name.
        shape: its shape as it is stored, which a view of it need not have.
        strides: how it lies in memory, by which the axes of a view are recognised.
        learnable: whether training is meant to change it.
    """

    name: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    learnable: bool

    def axes(self, view: Tensor, names: tuple[str, ...]) -> tuple[str, ...]:
        """Name the axes as they are stored by those of a view; () where that has but parts of them.

        A view may be one of several that are stacked.
        """
        if len(names) != view.dim():
            return ()
        left = dict(enumerate(names))
        found: list[str] = []
        for size, stride in zip(self.shape, self.strides, strict=True):
            alike = (
                axis for axis in left if (view.shape[axis], view.stride(axis)) == (size, stride)
            )
            axis = next(alike, None)
            found.append("stack" if axis is None else left.pop(axis))
        if not left:
            return tuple(found)
        return names if tuple(view.shape) == self.shape else ()


@dataclass(slots=True)
class Call:
    """An executed operator.

    Attributes:
        func: the operator.
        arguments: by the names of the schema, defaults filled in.
        outputs: the tensors that it returned.
        stored: tells of a tensor which parameter or buffer it is, or is a view of.
        roles: what parameters were found to be, by the identity of the argument.
        unpacked: the weight that the result is, where the operator only unpacks one.
    """

    func: OpOverload
    arguments: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    stored: Callable[[Tensor], Stored | None]
    roles: dict[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    unpacked: Stored | None = None

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument, or the default where this overload does not have it."""
        return self.arguments.get(name, default)

    @property
    def first(self) -> Any:
        """The first argument, whatever this operator calls it."""
        return next(iter(self.arguments.values()))

    @property
    def output(self) -> Tensor:
        """The first tensor that was returned."""
        return self.outputs[0]

    @property
    def name(self) -> str:
        """The operator's name in a report: without overload, without the mark of in-place."""
        return base_name(self.func)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor argument."""
        return tuple(self.arguments[name].shape)

    def tensors(self) -> Iterator[Tensor]:
        """All tensors among the arguments, in the order of the schema."""
        return tensors_in(self.arguments.values())

    def plays(self, tensor: Tensor | None, role: str, axes: tuple[str, ...] = ()) -> None:
        """Note what an argument is to the operation, if it is a stored tensor.

        ``axes`` are named in the order of the argument, and noted in that in which it is stored.
        """
        if tensor is None:
            return
        stored = self.stored(tensor)
        if stored is None:
            return
        self.roles[id(tensor)] = (role, stored.axes(tensor, axes))

    def is_view(self) -> bool:
        """Say whether the result shares the storage of an argument."""
        storages = {tensor.untyped_storage()._cdata for tensor in self.tensors()}
        return all(output.untyped_storage()._cdata in storages for output in self.outputs)


Maker = Callable[[Call], Operation]
"""From a call to our operation; it also tells the roles of the stored tensors it finds."""


def tensors_in(values: Iterable[Any]) -> Iterator[Tensor]:
    """Yield the tensors in nested lists, tuples and dicts."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(value)
        elif isinstance(value, dict):
            yield from tensors_in(value.values())


@cache
def full_name(func: OpOverload) -> str:
    """Return the operator's name as reports list it: ``aten.add``, ``torchvision.nms``."""
    return func._schema.name.replace("::", ".")


@cache
def base_name(func: OpOverload) -> str:
    """Return the name by which tables know the operator.

    The in-place form ``aten.add_`` and the one with ``out=`` compute what ``aten.add`` does.
    """
    name = full_name(func).removeprefix("aten.")
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


@cache
def _signature(func: OpOverload) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (argument.name, argument.default_value if argument.has_default_value() else None)
        for argument in func._schema.arguments
    )


def bound(func: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by name, defaults filled in."""
    found: dict[str, Any] = {}
    for position, (name, default) in enumerate(_signature(func)):
        found[name] = args[position] if position < len(args) else kwargs.get(name, default)
    return found


def each(value: Any, axes: int) -> tuple[int, ...]:
    """Spell out an argument that may be one number for all axes.

    >>> each(2, 3), each([1, 2], 2)
    ((2, 2, 2), (1, 2))
    """
    sizes = (value,) if isinstance(value, int) else tuple(value)
    return sizes * axes if len(sizes) == 1 else sizes


def dtype_name(dtype: torch.dtype) -> str:
    """Return our name of an element type.

    >>> dtype_name(torch.bfloat16)
    'bfloat16'
    """
    name = str(dtype).removeprefix("torch.")
    return _QUANTIZED.get(name, name)
