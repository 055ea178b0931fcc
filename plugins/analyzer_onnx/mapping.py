"""All operators that are translated, and the way to find one."""

from __future__ import annotations

from analyzer_onnx import (
    mapping_attention,
    mapping_attention_fused,
    mapping_blocks,
    mapping_contrib,
    mapping_elementwise,
    mapping_linear,
    mapping_loss,
    mapping_ml,
    mapping_movement,
    mapping_normalization,
    mapping_packed,
    mapping_quantized,
    mapping_reduction,
    mapping_sampling,
    mapping_trees,
)
from analyzer_onnx.call import Mapper

__all__ = ["FAMILIES", "MAPPERS"]

FAMILIES: tuple[dict[str, Mapper], ...] = (
    mapping_attention.TABLE,
    mapping_attention_fused.TABLE,
    mapping_blocks.TABLE,
    mapping_contrib.TABLE,
    mapping_elementwise.TABLE,
    mapping_linear.TABLE,
    mapping_loss.TABLE,
    mapping_ml.TABLE,
    mapping_movement.TABLE,
    mapping_normalization.TABLE,
    mapping_packed.TABLE,
    mapping_quantized.TABLE,
    mapping_reduction.TABLE,
    mapping_sampling.TABLE,
    mapping_trees.TABLE,
)

MAPPERS: dict[str, Mapper] = {name: mapper for table in FAMILIES for name, mapper in table.items()}
"""Operator, with its domain unless that is ONNX's own, to the function that translates it."""
