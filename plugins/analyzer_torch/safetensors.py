"""Safetensors files: only the header is read, never the tensors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

from analyzer import ModelError
from analyzer.dtypes import storage_bytes
from analyzer_torch.state_dicts import StateDict, Stored

__all__ = ["load_safetensors"]

_LENGTH = 8
_HEADER_AT_MOST = 100_000_000
"""Bytes that the format allows a header."""

_DTYPES: dict[str, str] = {
    "BF16": "bfloat16",
    "BOOL": "bool",
    "C64": "complex64",
    "F16": "float16",
    "F32": "float32",
    "F4": "float4_e2m1fn",
    "F64": "float64",
    "F6_E2M3": "float6_e2m3fn",
    "F6_E3M2": "float6_e3m2fn",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2": "float8_e5m2",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "I8": "int8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "U8": "uint8",
}
"""Element types of the format → ours."""


def load_safetensors(path: Path) -> StateDict:
    """Return what the header of a file tells.

    Raises:
        ModelError: the file is damaged, or cut off.
    """
    header = _header(path)
    told = header.pop("__metadata__", {})
    written_by = told.get("format", "") if isinstance(told, dict) else ""
    shard = re.search(r"-(\d+)-of-(\d+)\.safetensors$", path.name)
    return StateDict(
        format="safetensors",
        version=f"format {written_by}" if written_by else "",
        tensors=tuple(sorted(_tensors(path, header), key=lambda one: _natural(one.name))),
        notes=(
            f"this is file {int(shard[1])} of {int(shard[2])}; the index beside it tells of all",
        )
        if shard and int(shard[2]) > 1
        else (),
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """Order names by the numbers in them: files keep them as text, 10 before 2.

    >>> sorted(["layer.10", "layer.2"], key=_natural)
    ['layer.2', 'layer.10']
    """
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _header(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        if size < _LENGTH or length > min(size - _LENGTH, _HEADER_AT_MOST):
            raise ModelError(
                f"{str(path)!r} is no safetensors file, or a damaged one: its header would be "
                f"{length:,} bytes and the file has {size:,}"
            )
        text = file.read(length)
    try:
        header = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{str(path)!r} has a damaged header: {error}") from error
    if not isinstance(header, dict):
        raise ModelError(f"{str(path)!r} has a damaged header: it is no JSON object")
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of what is named once each; of two of a name, JSON would drop the first."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} stands in it twice")
        found[name] = value
    return found


def _sizes(value: object) -> tuple[int, ...]:
    if isinstance(value, list) and all(type(size) is int and size >= 0 for size in value):
        return tuple(value)
    raise ValueError(f"{value!r} are no sizes")


def _tensors(path: Path, header: Mapping[str, Any]) -> Iterator[Stored]:
    stored = path.stat().st_size
    with path.open("rb") as file:
        start = _LENGTH + int.from_bytes(file.read(_LENGTH), "little")
    places: list[tuple[int, int, str]] = []
    for name, told in header.items():
        try:
            dtype, shape = _DTYPES[told["dtype"]], _sizes(told["shape"])
            begin, end = _sizes(told["data_offsets"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{str(path)!r}: what is said of {name!r} is not understood: "
                f"{type(error).__name__}: {error}"
            ) from error
        if end - begin != storage_bytes(prod(shape), dtype):
            raise ModelError(
                f"{str(path)!r} is damaged: {name!r} of {told['dtype']} {list(shape)} has "
                f"{end - begin:,} bytes"
            )
        if start + end > stored:
            raise ModelError(
                f"{str(path)!r} is cut off: {name!r} ends at {start + end:,} and the file has "
                f"{stored:,} bytes; copy it again"
            )
        places.append((begin, end, name))
        yield Stored(name=name, shape=shape, dtype=dtype, stored_bytes=end - begin)
    expected = 0
    for begin, end, name in sorted(places):
        if begin != expected:  # the format has neither gaps nor overlaps
            raise ModelError(
                f"{str(path)!r} is damaged: {name!r} begins at {begin:,} and not at {expected:,}, "
                "where the tensor before it ends"
            )
        expected = end
