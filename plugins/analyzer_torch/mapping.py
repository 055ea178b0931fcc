"""The table from ATen operators to the analyser's operations, put together from its families."""

from __future__ import annotations

from analyzer_torch.call import Maker
from analyzer_torch.mapping_contractions import CONTRACTIONS
from analyzer_torch.mapping_elementwise import ELEMENTWISE
from analyzer_torch.mapping_movement import MOVEMENT
from analyzer_torch.mapping_normalization import NORMALIZATIONS, POOLINGS, REDUCTIONS, RESAMPLINGS
from analyzer_torch.mapping_recurrent import RECURRENT

__all__ = ["FAMILIES", "TABLE"]

FAMILIES = (
    CONTRACTIONS,
    ELEMENTWISE,
    MOVEMENT,
    NORMALIZATIONS,
    POOLINGS,
    RECURRENT,
    REDUCTIONS,
    RESAMPLINGS,
)

TABLE: dict[str, Maker] = {name: maker for family in FAMILIES for name, maker in family.items()}
"""Name without overload and without the mark of in-place → function that makes our operation.

An operator that is not here is decomposed by PyTorch if it can be, and otherwise unknown.
"""
