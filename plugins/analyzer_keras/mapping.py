"""Every Keras operation that is translated: class name → the function that makes ours."""

from __future__ import annotations

from analyzer_keras.calls import Translator
from analyzer_keras.mapping_composed import COMPOSED
from analyzer_keras.mapping_contraction import CONTRACTIONS
from analyzer_keras.mapping_elementwise import ELEMENTWISE
from analyzer_keras.mapping_images import IMAGES
from analyzer_keras.mapping_linalg import SYSTEMS, TRANSFORMS
from analyzer_keras.mapping_movement import MOVEMENT
from analyzer_keras.mapping_nn import NEURAL
from analyzer_keras.mapping_ordering import ORDERINGS
from analyzer_keras.mapping_reduction import REDUCTION

__all__ = [
    "ALIASES",
    "FOLLOWED",
    "OPEN",
    "OTHER_SHAPES",
    "PARAMETER_VIEWS",
    "TABLE",
    "TABLES",
    "VIEWS",
]

TABLES: tuple[dict[str, Translator], ...] = (
    COMPOSED,
    CONTRACTIONS,
    ELEMENTWISE,
    IMAGES,
    MOVEMENT,
    NEURAL,
    ORDERINGS,
    REDUCTION,
    SYSTEMS,
    TRANSFORMS,
)

TABLE: dict[str, Translator] = {name: make for table in TABLES for name, make in table.items()}

FOLLOWED = frozenset(
    {"AssociativeScan", "Cond", "ForiLoop", "Map", "SSIM", "Scan", "Switch", "VectorizedMap"}
    | {"WhileLoop"}
)
"""They are not read whole: their own Python is followed, to what they are made of."""

OTHER_SHAPES = frozenset({"AdaptiveAveragePool", "AdaptiveMaxPool"})
"""What Keras 3.15 says of the shape they give is wrong; the backend is asked."""

OPEN = frozenset({"Bincount", "Nonzero", "Unique"})
"""They cost the same, however much they give."""

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
