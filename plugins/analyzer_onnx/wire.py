"""The bytes of a model without the elements of its large tensors.

A protobuf message is a row of fields, each a number, a way of writing and a content with its length
in front. So a reader can step over what it does not want, and need not know what is inside: of a
file of gigabytes, only the graph and the headers of the tensors are ever touched. What is left is
the same message with these elements gone, for the ``onnx`` package to parse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from mmap import mmap

from analyzer.dtypes import is_floating, storage_bytes
from analyzer_onnx.dtypes import DTYPES

__all__ = ["Bytes", "WireError", "is_large", "lean"]

Bytes = bytes | memoryview | mmap

_WHOLE = 1024
"""Bytes up to which a part of the file is kept without a look at it."""
_WHOLE_INTEGERS = 64 * 1024
"""Bytes up to which integers are kept: no shape or index that is computed with is longer."""

_DEEPEST = 100  # protobuf itself reads no deeper
_TENSOR = "TensorProto"
_INSIDE: dict[str, dict[int, str]] = {
    "AttributeProto": {
        5: _TENSOR,
        6: "GraphProto",
        10: _TENSOR,
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: _TENSOR, 15: "SparseTensorProto"},
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "NodeProto": {5: "AttributeProto"},
    "SparseTensorProto": {1: _TENSOR, 2: _TENSOR},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
}
"""The fields that can hold tensors, by message and number; the format never changes them."""

_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9
_PAYLOADS = {4: 4, 5: None, 6: None, 7: None, _RAW_DATA: None, 10: 8, 11: None}
"""The fields of a tensor that hold elements, with the bytes of each number where it is fixed."""


class WireError(ValueError):
    """The bytes are no protobuf message, or none that a tensor can be."""


def lean(data: Bytes, forget: Callable[[], None] = lambda: None) -> bytes:
    """Return a ``ModelProto`` without the elements of its large tensors.

    Small ones, and integers that shapes may be computed from, stay. ``forget`` is called now and
    then, when what was read will not be read again.

    Raises:
        WireError: the bytes are no message, or the elements of a tensor do not fit its shape.
    """
    small = _Lean(data, forget).message("ModelProto", 0, len(data), 0)
    return bytes(data[:]) if small is None else small


def is_large(data_type: int, length: int) -> bool:
    """Say whether the elements of a tensor are to be left out, by their type and bytes."""
    dtype = DTYPES.get(data_type, "string")
    integers = not is_floating(dtype) and dtype != "string"
    return length > (_WHOLE_INTEGERS if integers else _WHOLE)


class _Lean:
    def __init__(self, data: Bytes, forget: Callable[[], None]) -> None:
        self.data = data
        self.forget = forget

    def message(self, kind: str, start: int, end: int, depth: int) -> bytes | None:
        """Return a message without large elements, None where it is to stay as it is."""
        if kind == _TENSOR:
            return self.tensor(start, end)
        if depth > _DEEPEST:
            raise WireError(f"messages are nested more than {_DEEPEST} deep")
        inside = _INSIDE[kind]
        kept: list[bytes | memoryview] = []
        copied = start
        for number, begin, content, stop in _fields(self.data, start, end):
            if stop - content <= _WHOLE or number not in inside:
                continue
            small = self.message(inside[number], content, stop, depth + 1)
            if small is None:
                continue
            kept += (self.data[copied:begin], _varint_bytes(number << 3 | 2))
            kept += (_varint_bytes(len(small)), small)
            copied = stop
        if not kept:
            return None
        kept.append(self.data[copied:end])
        return b"".join(kept)

    def tensor(self, start: int, end: int) -> bytes | None:
        """Return a tensor without its elements, None where it is to stay as it is."""
        header = _Header()
        payloads: list[tuple[int, int]] = []
        for number, begin, content, stop in _fields(self.data, start, end):
            if number in _PAYLOADS:
                header.payloads[number] = header.payloads.get(number, 0) + stop - content
                payloads.append((begin, stop))
            elif number == _DIMS:
                header.dims += self._integers(content, stop)
            elif number == _DATA_TYPE:
                header.data_type = self._integers(content, stop)[-1]
            elif number == _NAME:
                header.name = bytes(self.data[content:stop]).decode(errors="replace")
        if not is_large(header.data_type, sum(header.payloads.values())):
            return None
        header.check()
        self.forget()
        kept = []
        for begin, stop in payloads:
            kept.append(self.data[start:begin])
            start = stop
        kept.append(self.data[start:end])
        return b"".join(kept)

    def _integers(self, content: int, stop: int) -> list[int]:
        """Return the integers of a field: one, or several in a row."""
        found = []
        while content < stop:
            number, content = _varint(self.data, content, stop)
            found.append(number - (1 << 64) if number >= 1 << 63 else number)
        return found or [0]


class _Header:
    """What a tensor says of itself, and the bytes of its elements by field."""

    def __init__(self) -> None:
        self.dims: list[int] = []
        self.data_type = 0
        self.name = ""
        self.payloads: dict[int, int] = {}

    def check(self) -> None:
        """Hold the length of the elements to the shape: nobody can once they are left out.

        Raises:
            WireError: they do not fit.
        """
        dtype = DTYPES.get(self.data_type)
        if dtype is None or dtype == "string" or any(size < 0 for size in self.dims):
            return  # told where the tensor is used
        expected = storage_bytes(prod(self.dims), dtype)
        for number, length in self.payloads.items():
            exact = number == _RAW_DATA or _PAYLOADS[number] is not None
            if exact and length != expected:
                raise WireError(
                    f"stored tensor {self.name!r} has {length} bytes of elements, and its shape "
                    f"{self.dims} of {dtype} takes {expected}"
                )


def _fields(data: Bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Give the number of each field of a message, where it begins, its content and its end.

    Raises:
        WireError: what stands there is no message.
    """
    at = start
    while at < end:
        begin = at
        tag = data[at]
        at += 1
        if tag > 127:
            tag, at = _varint(data, begin, end)
        way = tag & 7
        content = at
        if way == 2:
            size = data[at] if at < end else 0
            at += 1
            if size > 127:
                size, at = _varint(data, content, end)
            content = at
            at += size
        elif way == 0:
            at = _varint(data, at, end)[1]
        elif way == 5:
            at += 4
        elif way == 1:
            at += 8
        else:
            raise WireError(f"at byte {begin} stands a field written in no way that ONNX uses")
        if tag < 8:
            raise WireError(f"at byte {begin} stands a field without a number")
        if at > end:
            raise WireError(
                f"the field at byte {begin} needs {at - begin} bytes and {end - begin} are there"
            )
        yield tag >> 3, begin, content, at


def _varint(data: Bytes, at: int, end: int) -> tuple[int, int]:
    number = shift = 0
    for place in range(at, min(at + 10, end)):
        byte = data[place]
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number & (1 << 64) - 1, place + 1
    raise WireError(f"the number at byte {at} has no end")


def _varint_bytes(number: int) -> bytes:
    r"""Write a number as protobuf does, seven bits a byte.

    >>> _varint_bytes(300)
    b'\xac\x02'
    """
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)
