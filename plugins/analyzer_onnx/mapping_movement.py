"""Operators that compute nothing: views, copies, look-ups."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from analyzer import Operation, ops
from analyzer_onnx.call import Call, Mapper

__all__ = ["SAME_STORAGE", "TABLE", "claim_joined"]

_DRAWN = "random numbers are drawn, none is computed"
_OF_SIZES = "only numbers of the model decide it, and no input does"
_SIZES = "only sizes are read"

_REASONS: dict[str, str] = {
    "Bernoulli": _DRAWN,
    "BitCast": ops.VIEW,
    "BlackmanWindow": _OF_SIZES,
    "CenterCropPad": ops.COPY,
    "Compress": ops.LOOK_UP,
    "ConstantOfShape": ops.FILL,
    "DepthToSpace": ops.COPY,
    "Expand": ops.COPY,
    "EyeLike": ops.FILL,
    "Flatten": ops.VIEW,
    "GatherElements": ops.LOOK_UP,
    "GatherND": ops.LOOK_UP,
    "HammingWindow": _OF_SIZES,
    "HannWindow": _OF_SIZES,
    "Identity": ops.VIEW,
    "MaxUnpool": ops.COPY,
    "MelWeightMatrix": _OF_SIZES,
    "Multinomial": _DRAWN,
    "NonZero": ops.LOOK_UP,
    "OneHot": ops.FILL,
    "Optional": ops.VIEW,
    "OptionalGetElement": ops.VIEW,
    "OptionalHasElement": _SIZES,
    "Pad": ops.COPY,
    "RandomNormal": _DRAWN,
    "RandomNormalLike": _DRAWN,
    "RandomUniform": _DRAWN,
    "RandomUniformLike": _DRAWN,
    "Range": ops.FILL,
    "Reshape": ops.VIEW,
    "ReverseSequence": ops.COPY,
    "SequenceErase": ops.VIEW,
    "Shape": _SIZES,
    "Size": _SIZES,
    "Slice": ops.COPY,
    "SpaceToDepth": ops.COPY,
    "Split": ops.COPY,
    "Squeeze": ops.VIEW,
    "TensorScatter": ops.COPY,
    "Tile": ops.COPY,
    "Transpose": ops.COPY,
    "Trilu": ops.COPY,
    "Unsqueeze": ops.VIEW,
}

_RUNTIME: dict[str, str] = {
    "Crop": ops.COPY,
    "DynamicSlice": ops.COPY,
    "GivenTensorFill": ops.FILL,
    "MemcpyFromHost": ops.COPY,
    "MemcpyToHost": ops.COPY,
    "ai.onnx.ml::ArrayFeatureExtractor": ops.LOOK_UP,
    "ai.onnx.ml::CastMap": ops.CAST,
    "ai.onnx.ml::CategoryMapper": ops.LOOK_UP,
    "ai.onnx.ml::DictVectorizer": ops.LOOK_UP,
    "ai.onnx.ml::FeatureVectorizer": ops.COPY,
    "ai.onnx.ml::LabelEncoder": ops.LOOK_UP,
    "ai.onnx.ml::OneHotEncoder": ops.FILL,
    "ai.onnx.ml::ZipMap": ops.COPY,
    "com.microsoft::ExpandDims": ops.VIEW,
    "com.microsoft::GatherND": ops.LOOK_UP,
    "com.microsoft::Pad": ops.COPY,
    "com.microsoft::Range": ops.FILL,
    "com.microsoft::RemovePadding": ops.COPY,
    "com.microsoft::RestorePadding": ops.COPY,
    "com.microsoft::SampleOp": ops.VIEW,
    "com.microsoft::Trilu": ops.COPY,
    "com.microsoft::UnfoldTensor": ops.COPY,
}
"""The same of classical models, and of ONNX Runtime, whose oldest operators have no domain."""

_OF_INTEGERS = frozenset(
    {
        "ConvInteger",
        "DequantizeLinear",
        "DequantizeWithOrder",
        "MatMulInteger",
        "MatMulInteger16",
        "MatMulIntegerToFloat",
        "QAttention",
        "QGemm",
    }
)
_OF_QUANTIZED = ("QLinear", "QOrdered")
"""Operators that take integers for the numbers that they stand for, and how others are called."""

SAME_STORAGE = frozenset({"Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
"""Operators whose first result is their first operand in the same memory: nothing is copied."""


def _free(call: Call) -> Operation:
    because = _REASONS.get(call.op_type) or _RUNTIME[call.op_type]
    return ops.free(call.node.op_type, because=because)


def _cast(call: Call) -> Operation:
    """Change the type alone: what computed the operand has computed the result."""
    call.y.maker = call.x.maker
    return ops.free("Cast", because=ops.CAST)


def _gather(call: Call) -> Operation:
    """Take a look-up of rows in a stored table of numbers for an embedding.

    Integers are numbers of a table if what is looked up is dequantised, or computed with as if.
    """
    table, indices = call.x, call.input(1)
    numbers = table.floating or any(map(takes_quantized, call.readers))
    embeds = table.weight and numbers and len(table.sizes) == 2 and not indices.constant
    if not embeds or call.attribute("axis", 0) not in (0, -2):
        return ops.free("Gather", because=ops.LOOK_UP)
    call.claim(0, "embedding", ("vocabulary", "width"))
    return ops.Embedding(
        look_ups=prod(indices.sizes), vocabulary=table.sizes[0], width=table.sizes[1]
    )


def takes_quantized(op_type: str) -> bool:
    """Say whether an operator takes integers for the numbers that they stand for.

    >>> takes_quantized("DequantizeLinear"), takes_quantized("QLinearAdd"), takes_quantized("Add")
    (True, True, False)
    """
    return op_type in _OF_INTEGERS or op_type.startswith(_OF_QUANTIZED)


def claim_joined(call: Call, places: Iterable[int]) -> None:
    """Take stored numbers joined to activations for learned ones, such as a class token."""
    joined = {index: call.input(index) for index in places if call.has(index)}
    if all(value.constant for value in joined.values()):
        return
    for index, value in joined.items():
        if value.weight and value.elements > 1:
            call.claim(index, "embedding", assumed=True)


def _concat(call: Call) -> Operation:
    floats = (at for at, value in enumerate(call.inputs) if value is not None and value.floating)
    claim_joined(call, floats)
    return ops.free("Concat", because=ops.COPY)


def _scatter(call: Call) -> Operation:
    reduction = call.attribute("reduction", "none")
    names = {"add": "add", "max": "maximum", "min": "minimum", "mul": "multiply"}
    if reduction == "none":
        return ops.free(call.op_type, because=ops.COPY)
    return ops.Elementwise(function=names[reduction], elements=prod(call.input(2).sizes))


TABLE: dict[str, Mapper] = {
    **dict.fromkeys((*_REASONS, *_RUNTIME), _free),
    "Cast": _cast,
    "Concat": _concat,
    "Gather": _gather,
    "Scatter": _scatter,
    "ScatterElements": _scatter,
    "ScatterND": _scatter,
}
"""Operators that move elements, to the functions that translate them."""
