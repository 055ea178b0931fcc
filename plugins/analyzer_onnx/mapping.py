"""All standard operators that are translated, and the way to find one."""

from __future__ import annotations

from analyzer_onnx import (
    mapping_elementwise,
    mapping_linear,
    mapping_movement,
    mapping_reduction,
)
from analyzer_onnx.call import Mapper

__all__ = ["MAPPERS", "full_name"]

MAPPERS: dict[str, Mapper] = {
    **mapping_elementwise.TABLE,
    **mapping_linear.TABLE,
    **mapping_movement.TABLE,
    **mapping_reduction.TABLE,
}
"""Operator, with its domain unless that is ONNX's own, to the function that translates it."""


def full_name(domain: str, op_type: str) -> str:
    """Return the key of an operator in :data:`MAPPERS`.

    >>> full_name("ai.onnx", "Conv"), full_name("com.microsoft", "FusedConv")
    ('Conv', 'com.microsoft::FusedConv')
    """
    return op_type if domain in ("", "ai.onnx") else f"{domain}::{op_type}"
