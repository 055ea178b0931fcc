"""Names of element types, their widths in bits, and which of them hold floating-point numbers.

One spelling serves every framework: ``float32``, ``int64``, ``bool``. An importer turns its
framework's own spelling into one of these.
"""

from __future__ import annotations

from analyzer.errors import ModelError

__all__ = ["BITS", "bits", "is_floating", "storage_bytes"]

BITS: dict[str, int] = {
    "bfloat16": 16,
    "bool": 8,
    "complex128": 128,
    "complex32": 32,
    "complex64": 64,
    "float16": 16,
    "float32": 32,
    "float4_e2m1fn": 4,
    "float64": 64,
    "float6_e2m3fn": 6,
    "float6_e3m2fn": 6,
    "float8_e4m3fn": 8,
    "float8_e4m3fnuz": 8,
    "float8_e5m2": 8,
    "float8_e5m2fnuz": 8,
    "float8_e8m0fnu": 8,
    "int16": 16,
    "int2": 2,
    "int32": 32,
    "int4": 4,
    "int64": 64,
    "int8": 8,
    "string": 0,  # of no fixed width; text holds no number that is counted
    "uint16": 16,
    "uint2": 2,
    "uint32": 32,
    "uint4": 4,
    "uint64": 64,
    "uint8": 8,
}


def bits(dtype: str) -> int:
    """Return the width of one element in bits.

    Raises:
        ModelError: the name is none of :data:`BITS`.

    >>> bits("float16")
    16
    """
    try:
        return BITS[dtype]
    except KeyError:
        raise ModelError(
            f"dtype {dtype!r} is not known; known are {', '.join(sorted(BITS))}"
        ) from None


def storage_bytes(elements: int, dtype: str) -> int:
    """Return the bytes that ``elements`` of this type take, packed, rounded up to a byte.

    >>> storage_bytes(3, "int4")
    2
    """
    return (elements * bits(dtype) + 7) // 8


def is_floating(dtype: str) -> bool:
    """Say whether arithmetic on this type is floating point (complex types are).

    >>> is_floating("bfloat16"), is_floating("int8")
    (True, False)
    """
    return dtype.startswith(("float", "bfloat", "complex"))
