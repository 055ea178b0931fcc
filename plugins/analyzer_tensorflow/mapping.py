"""Every type of operation that is translated, to the function that makes ours."""

from __future__ import annotations

from analyzer_tensorflow import (
    mapping_elementwise,
    mapping_fused,
    mapping_linear,
    mapping_movement,
    mapping_recurrent,
    mapping_reduction,
    mapping_sampling,
)
from analyzer_tensorflow.call import Mapper
from analyzer_tensorflow.mapping_movement import DRAWN, KEEPS_STORED, SAME_STORAGE, SIZES

__all__ = ["DRAWN", "FAMILIES", "KEEPS_STORED", "SAME_STORAGE", "SIZES", "TABLE"]

FAMILIES: tuple[dict[str, Mapper], ...] = (
    mapping_elementwise.TABLE,
    mapping_fused.TABLE,
    mapping_linear.TABLE,
    mapping_movement.TABLE,
    mapping_recurrent.TABLE,
    mapping_reduction.TABLE,
    mapping_sampling.TABLE,
)

TABLE: dict[str, Mapper] = {name: mapper for table in FAMILIES for name, mapper in table.items()}
"""Type of a node, to the function that translates it."""
