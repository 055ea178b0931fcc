"""Operators that compute nothing: views, copies, look-ups."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper

__all__ = ["SAME_STORAGE", "TABLE"]

_REASONS: dict[str, str] = {
    "Bernoulli": "random numbers are drawn, none is computed",
    "Cast": ops.CAST,
    "CenterCropPad": ops.COPY,
    "Compress": ops.LOOK_UP,
    "ConstantOfShape": ops.FILL,
    "DepthToSpace": ops.COPY,
    "Expand": ops.COPY,
    "EyeLike": ops.FILL,
    "Flatten": ops.VIEW,
    "GatherElements": ops.LOOK_UP,
    "GatherND": ops.LOOK_UP,
    "Identity": ops.VIEW,
    "NonZero": ops.LOOK_UP,
    "OneHot": ops.FILL,
    "Pad": ops.COPY,
    "RandomNormal": "random numbers are drawn, none is computed",
    "RandomNormalLike": "random numbers are drawn, none is computed",
    "RandomUniform": "random numbers are drawn, none is computed",
    "RandomUniformLike": "random numbers are drawn, none is computed",
    "Range": ops.FILL,
    "Reshape": ops.VIEW,
    "ReverseSequence": ops.COPY,
    "Shape": "only sizes are read",
    "Size": "only sizes are read",
    "Slice": ops.COPY,
    "SpaceToDepth": ops.COPY,
    "Split": ops.COPY,
    "Squeeze": ops.VIEW,
    "Tile": ops.COPY,
    "Transpose": ops.COPY,
    "Trilu": ops.COPY,
    "Unsqueeze": ops.VIEW,
}

SAME_STORAGE = frozenset({"Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
"""Operators whose first result is their first operand in the same memory: nothing is copied."""


def _free(call: Call) -> Operation:
    return ops.free(call.op_type, because=_REASONS[call.op_type])


def _gather(call: Call) -> Operation:
    """Take a look-up of rows in a stored table of numbers for an embedding."""
    table, indices = call.x, call.input(1)
    embeds = table.weight and table.floating and len(table.sizes) == 2 and not indices.constant
    if not embeds or call.attribute("axis", 0) not in (0, -2):
        return ops.free("Gather", because=ops.LOOK_UP)
    call.claim(0, "embedding", ("vocabulary", "width"))
    return ops.Embedding(
        look_ups=prod(indices.sizes), vocabulary=table.sizes[0], width=table.sizes[1]
    )


def _concat(call: Call) -> Operation:
    """Take stored numbers joined to activations for learned ones, such as a class token."""
    if not all(value is None or value.constant for value in call.inputs):
        for index, value in enumerate(call.inputs):
            if value is not None and value.weight and value.floating and value.elements > 1:
                call.claim(index, "embedding", assumed=True)
    return ops.free("Concat", because=ops.COPY)


def _scatter(call: Call) -> Operation:
    reduction = call.attribute("reduction", "none")
    names = {"add": "add", "max": "maximum", "min": "minimum", "mul": "multiply"}
    if reduction == "none":
        return ops.free(call.op_type, because=ops.COPY)
    return ops.Elementwise(function=names[reduction], elements=prod(call.input(2).sizes))


TABLE: dict[str, Mapper] = {
    **dict.fromkeys(_REASONS, _free),
    "Concat": _concat,
    "Gather": _gather,
    "Scatter": _scatter,
    "ScatterElements": _scatter,
    "ScatterND": _scatter,
}
"""Standard operators that move elements, to the functions that translate them."""
