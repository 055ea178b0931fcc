"""Operations that compute nothing: views, copies, look-ups, casts, constants."""

from __future__ import annotations

from math import prod

from analyzer.ops import (
    CAST,
    COPY,
    FILL,
    LOOK_UP,
    NO_OP,
    VIEW,
    Elementwise,
    Embedding,
    Operation,
    free,
)
from analyzer_keras.calls import Call, Translator
from analyzer_keras.mapping_common import free_of

__all__ = ["MOVEMENT"]


def _take(call: Call) -> Operation:
    """Return a look-up; of a learned table of vectors, an embedding."""
    table = call["x"]
    axis = call.setting("axis")
    if len(table.shape) == 2 and axis in (0, -2) and call.is_learned("x"):
        call.use("x", "embedding", ("vocabulary", "width"))
        vocabulary, width = table.shape
        return Embedding(look_ups=call.elements // width, vocabulary=vocabulary, width=width)
    return free("take", because=LOOK_UP)


def _scatter(call: Call) -> Operation:
    reduction = call.setting("reduction")
    if reduction in (None, "replace"):
        return free("scatter", because=COPY)
    names = {"add": "add", "max": "maximum", "min": "minimum", "mul": "multiply"}
    return Elementwise(function=names[reduction], elements=prod(call["updates"].shape))


MOVEMENT: dict[str, Translator] = {
    "Append": free_of("append", COPY),
    "Arange": free_of("range", FILL),
    "Array": free_of("cast", CAST),
    "ArraySplit": free_of("split", COPY),
    "BroadcastTo": free_of("broadcast", COPY),
    "Cast": free_of("cast", CAST),
    "Concatenate": free_of("concatenate", COPY),
    "ConvertToTensor": free_of("cast", CAST),
    "Copy": free_of("copy", COPY),
    "CropImages": free_of("crop", COPY),
    "DepthToSpace": free_of("depth to space", COPY),
    "Diag": free_of("diagonal", COPY),
    "Diagflat": free_of("diagonal", COPY),
    "Diagonal": free_of("diagonal", COPY),
    "Dsplit": free_of("split", COPY),
    "Dstack": free_of("stack", COPY),
    "EmptyLike": free_of("fill", FILL),
    "ExpandDims": free_of("expand dims", VIEW),
    "ExtractPatches": free_of("extract patches", COPY),
    "ExtractSequences": free_of("extract sequences", COPY),
    "Flip": free_of("flip", COPY),
    "Fliplr": free_of("flip", COPY),
    "Flipud": free_of("flip", COPY),
    "Full": free_of("fill", FILL),
    "FullLike": free_of("fill", FILL),
    "GetItem": free_of("slice", COPY),
    "Hsplit": free_of("split", COPY),
    "Hstack": free_of("stack", COPY),
    "Imag": free_of("imaginary part", COPY),
    "Meshgrid": free_of("meshgrid", COPY),
    "Moveaxis": free_of("transpose", COPY),
    "MultiHot": free_of("multi-hot", FILL),
    "Ndim": free_of("shape", FILL),
    "Nonzero": free_of("nonzero", "places are looked up, no number is computed"),
    "OneHot": free_of("one-hot", FILL),
    "OnesLike": free_of("fill", FILL),
    "Pad": free_of("pad", COPY),
    "PadImages": free_of("pad", COPY),
    "Ravel": free_of("reshape", VIEW),
    "Real": free_of("real part", COPY),
    "Rearrange": free_of("rearrange", COPY),
    "Repeat": free_of("repeat", COPY),
    "Reshape": free_of("reshape", VIEW),
    "Roll": free_of("roll", COPY),
    "Rot90": free_of("rotate by 90°", COPY),
    "SaturateCast": free_of("cast", CAST),
    "Scatter": free_of("scatter", COPY),
    "ScatterUpdate": _scatter,
    "Select": free_of("select", COPY),
    "Size": free_of("shape", FILL),
    "Slice": free_of("slice", COPY),
    "SliceUpdate": free_of("slice update", COPY),
    "SpaceToDepth": free_of("space to depth", COPY),
    "Split": free_of("split", COPY),
    "Squeeze": free_of("squeeze", VIEW),
    "Stack": free_of("stack", COPY),
    "StopGradient": free_of("stop gradient", NO_OP),
    "Swapaxes": free_of("transpose", COPY),
    "Take": _take,
    "TakeAlongAxis": free_of("take", LOOK_UP),
    "Tile": free_of("tile", COPY),
    "Transpose": free_of("transpose", COPY),
    "Tril": free_of("lower triangle", COPY),
    "Triu": free_of("upper triangle", COPY),
    "Unfold": free_of("unfold", COPY),
    "Unstack": free_of("unstack", COPY),
    "View": free_of("view", VIEW),
    "ViewAsComplex": free_of("view as complex", COPY),
    "ViewAsReal": free_of("view as real", COPY),
    "Vsplit": free_of("split", COPY),
    "Vstack": free_of("stack", COPY),
    "ZerosLike": free_of("fill", FILL),
}
