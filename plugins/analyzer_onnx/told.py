"""What a file itself says of its tensors. It is second to what follows from the inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from analyzer_onnx.dtypes import DTYPES
from analyzer_onnx.inferred import Inferred
from analyzer_onnx.values import Value

if TYPE_CHECKING:
    from onnx import TypeProto, ValueInfoProto

__all__ = ["Told", "declared_value", "told_of"]


class Told(NamedTuple):
    """A tensor as a file declares it.

    Attributes:
        sizes: None where the file leaves one open; None altogether where even the rank is open.
        dtype: None where it is not said.
    """

    sizes: tuple[int | None, ...] | None
    dtype: str | None

    @classmethod
    def of(cls, type_proto: TypeProto) -> Told:
        """Read the type of a tensor."""
        tensor = type_proto.tensor_type
        dtype = DTYPES.get(tensor.elem_type)
        if not tensor.HasField("shape"):
            return cls(None, dtype)
        sizes = [
            size.dim_value if size.HasField("dim_value") and size.dim_value >= 0 else None
            for size in tensor.shape.dim
        ]
        return cls(tuple(sizes), dtype)

    def __str__(self) -> str:
        if self.sizes is None:
            return "of any rank"
        return f"[{', '.join('?' if size is None else str(size) for size in self.sizes)}]"

    @property
    def shape(self) -> tuple[int, ...] | None:
        """All sizes, None unless all are told."""
        if self.sizes is None:
            return None
        shape = tuple(size for size in self.sizes if size is not None)
        return shape if len(shape) == len(self.sizes) else None

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Say whether a tensor can have this shape.

        >>> Told((None, 3), None).fits((7, 3)), Told((2, 3), None).fits((7, 3))
        (True, False)
        """
        return self.sizes is None or (
            len(self.sizes) == len(shape)
            and all(
                size is None or size == found for size, found in zip(self.sizes, shape, strict=True)
            )
        )

    def completes(self, found: Inferred) -> Inferred:
        """Add what is told to what was found, where nothing else is to be had."""
        shape = self.shape if found.shape is None else found.shape
        return Inferred(shape, found.dtype or self.dtype, found.bound)


def told_of(infos: Iterable[ValueInfoProto]) -> dict[str, Told]:
    """Return what is told of tensors, by name."""
    return {info.name: Told.of(info.type) for info in infos if info.type.HasField("tensor_type")}


def declared_value(name: str, type_proto: TypeProto, storage: int) -> Value:
    """Return an input that is no plain tensor: a sequence of any length, or an optional value."""
    if type_proto.HasField("optional_type"):
        value = declared_value(name, type_proto.optional_type.elem_type, storage)
        value.present = None
        return value
    if type_proto.HasField("sequence_type"):
        each = declared_value(name, type_proto.sequence_type.elem_type, storage)
        return Value(name, None, "", storage, each=each)
    told = Told.of(type_proto)
    return Value(name, told.shape, told.dtype or "", storage)
