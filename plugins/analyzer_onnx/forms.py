"""The forms in which models come: endings of files, first bytes. Nothing is imported for it."""

from __future__ import annotations

__all__ = ["TEXTUAL", "flat", "looks_like_model"]

TEXTUAL = (".onnxjson", ".onnxtext", ".onnxtxt")
"""The endings that ``onnx`` itself gives to forms for people."""

_MODEL_TAGS = frozenset(
    (number << 3) | way
    for way, numbers in ((0, (1, 5)), (2, (2, 3, 4, 6, 7, 8, 14)))
    for number in numbers
)
"""What the fields of a model begin with: their number and the way in which they are written."""


def flat(data: bytes | bytearray | memoryview) -> memoryview:
    """Return an object's bytes in a row, without a copy where they lie so."""
    view = memoryview(data)
    if view.nbytes and view.c_contiguous:
        return view.cast("B")
    return memoryview(view.tobytes())


def looks_like_model(data: memoryview) -> bool:
    r"""Say whether bytes begin as every ONNX model does, and next to nothing else.

    >>> looks_like_model(flat(b"\x08\x0a")), looks_like_model(flat(b"PK\x03\x04"))
    (True, False)
    """
    return len(data) > 0 and data[0] in _MODEL_TAGS
