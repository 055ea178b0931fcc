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
    Interpolation,
    Operation,
    Unknown,
    free,
)
from analyzer_keras.calls import Call, Translator, channels_last

__all__ = ["MOVEMENT"]


def _free(name: str, because: str) -> Translator:
    operation = free(name, because=because)
    return lambda call: operation


def _take(call: Call) -> Operation:
    """Return a look-up; of a stored table of vectors, an embedding."""
    table = call["x"]
    axis = call.setting("axis")
    if len(table.shape) == 2 and axis in (0, -2) and call.is_parameter("x"):
        call.use("x", "embedding", ("vocabulary", "width"))
        vocabulary, width = table.shape
        return Embedding(look_ups=call.elements // width, vocabulary=vocabulary, width=width)
    return free("take", because=LOOK_UP)


def _resize(call: Call) -> Operation:
    settings = ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio")
    methods = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}
    method = methods.get(call.setting("interpolation"))
    if method is None or any(call.setting(name) for name in settings):
        return Unknown(name="keras.ops.Resize")
    spatial = slice(-3, -1) if channels_last(call) else slice(-2, None)
    before, after = call["images"].shape[spatial], call.shape[spatial]
    axes = sum(old != new for old, new in zip(before, after, strict=True))
    if axes == 0:
        return free("resize", because=NO_OP)
    return Interpolation(method=method, axes=axes, out_elements=call.elements)


def _scatter(call: Call) -> Operation:
    reduction = call.setting("reduction")
    if reduction in (None, "replace"):
        return free("scatter", because=COPY)
    names = {"add": "add", "max": "maximum", "min": "minimum", "mul": "multiply"}
    return Elementwise(function=names[reduction], elements=prod(call["updates"].shape))


MOVEMENT: dict[str, Translator] = {
    "Append": _free("append", COPY),
    "Arange": _free("range", FILL),
    "Array": _free("cast", CAST),
    "ArraySplit": _free("split", COPY),
    "BroadcastTo": _free("broadcast", COPY),
    "Cast": _free("cast", CAST),
    "Concatenate": _free("concatenate", COPY),
    "ConvertToTensor": _free("cast", CAST),
    "Copy": _free("copy", COPY),
    "CropImages": _free("crop", COPY),
    "DepthToSpace": _free("depth to space", COPY),
    "Diag": _free("diagonal", COPY),
    "Diagflat": _free("diagonal", COPY),
    "Diagonal": _free("diagonal", COPY),
    "Dsplit": _free("split", COPY),
    "Dstack": _free("stack", COPY),
    "EmptyLike": _free("fill", FILL),
    "ExpandDims": _free("expand dims", VIEW),
    "ExtractPatches": _free("extract patches", COPY),
    "ExtractSequences": _free("extract sequences", COPY),
    "Flip": _free("flip", COPY),
    "Fliplr": _free("flip", COPY),
    "Flipud": _free("flip", COPY),
    "Full": _free("fill", FILL),
    "FullLike": _free("fill", FILL),
    "GetItem": _free("slice", COPY),
    "Hsplit": _free("split", COPY),
    "Hstack": _free("stack", COPY),
    "Imag": _free("imaginary part", COPY),
    "Meshgrid": _free("meshgrid", COPY),
    "Moveaxis": _free("transpose", COPY),
    "MultiHot": _free("multi-hot", FILL),
    "Ndim": _free("shape", FILL),
    "OneHot": _free("one-hot", FILL),
    "OnesLike": _free("fill", FILL),
    "Pad": _free("pad", COPY),
    "PadImages": _free("pad", COPY),
    "Ravel": _free("reshape", VIEW),
    "Real": _free("real part", COPY),
    "Rearrange": _free("rearrange", COPY),
    "Repeat": _free("repeat", COPY),
    "Reshape": _free("reshape", VIEW),
    "Resize": _resize,
    "Roll": _free("roll", COPY),
    "Rot90": _free("rotate by 90°", COPY),
    "SaturateCast": _free("cast", CAST),
    "Scatter": _free("scatter", COPY),
    "ScatterUpdate": _scatter,
    "Select": _free("select", COPY),
    "Size": _free("shape", FILL),
    "Slice": _free("slice", COPY),
    "SliceUpdate": _free("slice update", COPY),
    "SpaceToDepth": _free("space to depth", COPY),
    "Split": _free("split", COPY),
    "Squeeze": _free("squeeze", VIEW),
    "Stack": _free("stack", COPY),
    "StopGradient": _free("stop gradient", NO_OP),
    "Swapaxes": _free("transpose", COPY),
    "Take": _take,
    "TakeAlongAxis": _free("take", LOOK_UP),
    "Tile": _free("tile", COPY),
    "Transpose": _free("transpose", COPY),
    "Tril": _free("lower triangle", COPY),
    "Triu": _free("upper triangle", COPY),
    "Unfold": _free("unfold", COPY),
    "Unstack": _free("unstack", COPY),
    "View": _free("view", VIEW),
    "ViewAsComplex": _free("view as complex", COPY),
    "ViewAsReal": _free("view as real", COPY),
    "Vsplit": _free("split", COPY),
    "Vstack": _free("stack", COPY),
    "ZerosLike": _free("fill", FILL),
}
