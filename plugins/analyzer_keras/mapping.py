"""Every Keras operation that is translated: class name → the function that makes ours."""

from __future__ import annotations

from analyzer_keras.calls import Translator
from analyzer_keras.mapping_contraction import CONTRACTIONS
from analyzer_keras.mapping_elementwise import ELEMENTWISE
from analyzer_keras.mapping_movement import MOVEMENT
from analyzer_keras.mapping_nn import NEURAL
from analyzer_keras.mapping_reduction import REDUCTION

__all__ = ["ALIASES", "PARAMETER_VIEWS", "TABLE", "VIEWS"]

TABLE: dict[str, Translator] = {
    **CONTRACTIONS,
    **ELEMENTWISE,
    **MOVEMENT,
    **NEURAL,
    **REDUCTION,
}

ALIASES = frozenset({"Array", "Cast", "ConvertToTensor", "SaturateCast", "StopGradient"})
"""Their result is their operand, unless the type changes."""

VIEWS = frozenset({"ExpandDims", "Ravel", "Reshape", "Squeeze", "View"})
"""Their result lives in the memory of their operand."""

PARAMETER_VIEWS = VIEWS | {
    "BroadcastTo",
    "Cast",
    "GetItem",
    "Moveaxis",
    "Slice",
    "Split",
    "Swapaxes",
    "Transpose",
    "Unstack",
}
"""Of a stored tensor, their result is still that tensor, or a part of it."""
