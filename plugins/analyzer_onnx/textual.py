"""Models in forms for people: ONNX's own text, and JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analyzer_onnx.wire import WireError

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["read_text"]

_DEEPEST = 100  # as in a file of the other form
_BRACKETS = re.compile(r'"(?:\\.|[^"\\])*"|[({]|[)}]', re.DOTALL)
_LONGEST_REASON = 160


def read_text(text: str, suffix: str) -> ModelProto:
    """Return the model that a text describes.

    Raises:
        WireError: it describes none.
    """
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError
    from onnx import ModelProto, parser

    if _depth(text) > _DEEPEST:  # the parser of onnx would overrun its stack
        raise WireError(f"it is nested more than {_DEEPEST} deep")
    try:
        if suffix == ".onnxjson":
            return json_format.Parse(text, ModelProto())
        return parser.parse_model(text)
    except (DecodeError, RecursionError, json_format.ParseError, parser.ParseError) as error:
        said = error.args[0] if error.args else ""
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise WireError(reason[:_LONGEST_REASON]) from error


def _depth(text: str) -> int:
    """Return how deep the brackets of a text lie in each other, outside its strings.

    >>> _depth('g (x) => (y) { y = If (x) <then_branch = h () => (y) { y = A("((") }> }')
    3
    """
    deepest = depth = 0
    for mark in _BRACKETS.finditer(text):
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(mark[0], 0)
        deepest = max(deepest, depth)
    return deepest
