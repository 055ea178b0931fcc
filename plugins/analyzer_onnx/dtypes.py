"""Names of ONNX's element types in the analyser's spelling."""

from __future__ import annotations

from analyzer.errors import ModelError

__all__ = ["DTYPES", "dtype_name", "element_type"]

DTYPES: dict[int, str] = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
    16: "bfloat16",
    17: "float8_e4m3fn",
    18: "float8_e4m3fnuz",
    19: "float8_e5m2",
    20: "float8_e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4_e2m1fn",
    24: "float8_e8m0fnu",
    25: "uint2",
    26: "int2",
}
"""``TensorProto.DataType`` by number: the numbers are the format and never change."""

_NUMBERS = {name: number for number, name in DTYPES.items()}


def dtype_name(element_type: int, where: str) -> str:
    """Return the name of an element type.

    Raises:
        ModelError: the format does not define it.

    >>> dtype_name(16, "x")
    'bfloat16'
    """
    try:
        return DTYPES[element_type]
    except KeyError:
        raise ModelError(
            f"tensor {where!r}: element type {element_type} is not one of ONNX's; "
            "the file is damaged, or newer than this version of the plugin"
        ) from None


def element_type(dtype: str) -> int:
    """Return ONNX's number of an element type, 0 for one that ONNX has not.

    >>> element_type("float32")
    1
    """
    return _NUMBERS.get(dtype, 0)
