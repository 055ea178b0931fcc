"""The table from ATen operators to the analyser's operations, put together from its families."""

from __future__ import annotations

from analyzer_torch.call import Maker
from analyzer_torch.mapping_attention import ATTENTION
from analyzer_torch.mapping_contractions import CONTRACTIONS
from analyzer_torch.mapping_elementwise import ELEMENTWISE
from analyzer_torch.mapping_movement import MOVEMENT
from analyzer_torch.mapping_normalization import NORMALIZATIONS, POOLINGS
from analyzer_torch.mapping_packed import PACKED
from analyzer_torch.mapping_prims import PRIMS
from analyzer_torch.mapping_quantized import QUANTIZED
from analyzer_torch.mapping_recurrent import RECURRENT
from analyzer_torch.mapping_reduction import LOSSES, REDUCTIONS
from analyzer_torch.mapping_sampling import ORDERINGS, RESAMPLINGS, SAMPLINGS
from analyzer_torch.mapping_scattering import SCATTERINGS
from analyzer_torch.mapping_transform import SYSTEMS, TRANSFORMS

__all__ = ["FAMILIES", "TABLE"]

FAMILIES = (
    ATTENTION,
    CONTRACTIONS,
    ELEMENTWISE,
    LOSSES,
    MOVEMENT,
    NORMALIZATIONS,
    ORDERINGS,
    PACKED,
    POOLINGS,
    PRIMS,
    QUANTIZED,
    RECURRENT,
    REDUCTIONS,
    RESAMPLINGS,
    SAMPLINGS,
    SCATTERINGS,
    SYSTEMS,
    TRANSFORMS,
)

TABLE: dict[str, Maker] = {name: maker for family in FAMILIES for name, maker in family.items()}
"""Name without overload and without the mark of in-place → function that makes our operation.

An operator that is not here is decomposed by PyTorch if it can be, and otherwise unknown.
"""
