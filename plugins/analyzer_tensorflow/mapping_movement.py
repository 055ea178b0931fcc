"""Operations that compute nothing: views, copies, look-ups, casts."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_tensorflow.call import Call, Mapper

__all__ = ["DRAWN", "KEEPS_STORED", "SAME_STORAGE", "SIZES", "TABLE"]

_CHECK = "something is checked, nothing computed"
_DRAWN = "random numbers are drawn, none is computed"
_HANDLE = "a handle, no tensor"
_HASHED = "values are hashed, no number is computed"
_PARSED = "records are parsed, no number is computed"
_SIZES = "only sizes are read"
_TEXT = "text, and no numbers"

_DRAWN_BY = (
    "Multinomial", "ParameterizedTruncatedNormal", "RandomGamma", "RandomPoisson",
    "RandomPoissonV2", "RandomStandardNormal", "RandomUniform", "RandomUniformInt",
    "RngReadAndSkip", "StatefulRandomBinomial", "StatefulStandardNormal",
    "StatefulStandardNormalV2", "StatefulTruncatedNormal", "StatefulUniform",
    "StatefulUniformFullInt", "StatefulUniformInt", "StatelessMultinomial",
    "StatelessParameterizedTruncatedNormal", "StatelessRandomBinomial", "StatelessRandomGammaV2",
    "StatelessRandomGammaV3", "StatelessRandomGetAlg", "StatelessRandomGetKeyCounter",
    "StatelessRandomGetKeyCounterAlg", "StatelessRandomNormal", "StatelessRandomNormalV2",
    "StatelessRandomPoisson", "StatelessRandomUniform", "StatelessRandomUniformFullInt",
    "StatelessRandomUniformFullIntV2", "StatelessRandomUniformInt", "StatelessRandomUniformIntV2",
    "StatelessRandomUniformV2", "StatelessTruncatedNormal", "StatelessTruncatedNormalV2",
    "TruncatedNormal",
)  # fmt: skip

DRAWN = frozenset(_DRAWN_BY) | {"RandomShuffle", "StatelessShuffle"}
"""Operations whose results are not the same each time, though what they read is."""

SIZES = frozenset({"OnesLike", "Rank", "Shape", "ShapeN", "Size", "ZerosLike"})
"""Operations that only read sizes, which are numbers of the model here: elements do not matter."""

SAME_STORAGE = frozenset(
    {"Bitcast", "CheckNumerics", "EnsureShape", "ExpandDims", "PreventGradient", "Reshape"}
    | {"Snapshot", "Squeeze", "StopGradient"}
)
"""Operations whose first result is their first operand in the same memory."""

KEEPS_STORED: dict[str, int] = {
    "BroadcastTo": 0,
    "Cast": 0,
    "CheckNumerics": 0,
    "EnsureShape": 0,
    "ExpandDims": 0,
    "PreventGradient": 0,
    "Reshape": 0,
    "Slice": 0,
    "Snapshot": 0,
    "Split": 1,
    "SplitV": 0,
    "Squeeze": 0,
    "StopGradient": 0,
    "StridedSlice": 0,
    "Transpose": 0,
    "Unpack": 0,
}
"""Operations whose results of a stored tensor are still it, or parts of it, to that operand."""

_REASONS: dict[str, str] = {
    **dict.fromkeys(_DRAWN_BY, _DRAWN),
    "AnonymousHashTable": _HANDLE,
    "AnonymousMutableDenseHashTable": _HANDLE,
    "AnonymousMutableHashTable": _HANDLE,
    "AnonymousMutableHashTableOfTensors": _HANDLE,
    "AsString": _TEXT,
    "Assert": _CHECK,
    "Assign": ops.COPY,
    "AssignVariableOp": ops.COPY,
    "BatchToSpace": ops.COPY,
    "Bitcast": ops.VIEW,
    "BroadcastArgs": _SIZES,
    "BroadcastGradientArgs": _SIZES,
    "BroadcastTo": ops.COPY,
    "Cast": ops.CAST,
    "CheckNumerics": _CHECK,
    "CheckNumericsV2": _CHECK,
    "Complex": ops.COPY,
    "Concat": ops.COPY,
    "ConcatOffset": _SIZES,
    "ConcatV2": ops.COPY,
    "ConjugateTranspose": ops.COPY,
    "ControlTrigger": ops.NO_OP,
    "Copy": ops.COPY,
    "CopyHost": ops.COPY,
    "DataFormatDimMap": _SIZES,
    "DataFormatVecPermute": ops.COPY,
    "DecodeBase64": _TEXT,
    "DecodeRaw": ops.CAST,
    "DeepCopy": ops.COPY,
    "DepthToSpace": ops.COPY,
    "Diag": ops.COPY,
    "DiagPart": ops.COPY,
    "DynamicPartition": ops.COPY,
    "DynamicStitch": ops.COPY,
    "Empty": ops.FILL,
    "EncodeBase64": _TEXT,
    "EnsureShape": ops.VIEW,
    "Enter": ops.VIEW,
    "Exit": ops.VIEW,
    "ExpandDims": ops.VIEW,
    "ExtractImagePatches": ops.COPY,
    "ExtractVolumePatches": ops.COPY,
    "FakeParam": ops.FILL,
    "Fill": ops.FILL,
    "GatherNd": ops.LOOK_UP,
    "GuaranteeConst": ops.VIEW,
    "HashTable": _HANDLE,
    "HashTableV2": _HANDLE,
    "Imag": ops.COPY,
    "InplaceUpdate": ops.COPY,
    "InvertPermutation": ops.COPY,
    "IsVariableInitialized": _CHECK,
    "LinSpace": ops.FILL,
    "ListDiff": ops.LOOK_UP,
    "LookupTableFind": ops.LOOK_UP,
    "LookupTableFindV2": ops.LOOK_UP,
    "LookupTableSize": _SIZES,
    "LookupTableSizeV2": _SIZES,
    "MatrixBandPart": ops.COPY,
    "MatrixDiag": ops.COPY,
    "MatrixDiagPart": ops.COPY,
    "MatrixDiagPartV2": ops.COPY,
    "MatrixDiagPartV3": ops.COPY,
    "MatrixDiagV2": ops.COPY,
    "MatrixDiagV3": ops.COPY,
    "MatrixSetDiag": ops.COPY,
    "MatrixSetDiagV2": ops.COPY,
    "MatrixSetDiagV3": ops.COPY,
    "MirrorPad": ops.COPY,
    "MutableDenseHashTable": _HANDLE,
    "MutableDenseHashTableV2": _HANDLE,
    "MutableHashTable": _HANDLE,
    "MutableHashTableOfTensors": _HANDLE,
    "MutableHashTableOfTensorsV2": _HANDLE,
    "MutableHashTableV2": _HANDLE,
    "NoOp": ops.NO_OP,
    "OneHot": ops.FILL,
    "OnesLike": ops.FILL,
    "Pack": ops.COPY,
    "Pad": ops.COPY,
    "PadV2": ops.COPY,
    "ParallelConcat": ops.COPY,
    "ParallelDynamicStitch": ops.COPY,
    "ParseExample": _PARSED,
    "ParseExampleV2": _PARSED,
    "ParseSequenceExample": _PARSED,
    "ParseSequenceExampleV2": _PARSED,
    "ParseSingleExample": _PARSED,
    "ParseSingleSequenceExample": _PARSED,
    "ParseTensor": _PARSED,
    "PreventGradient": ops.VIEW,
    "Print": _CHECK,
    "PrintV2": _CHECK,
    "RaggedGather": ops.LOOK_UP,
    "RaggedRange": ops.FILL,
    "RaggedTensorToSparse": ops.COPY,
    "RaggedTensorToTensor": ops.COPY,
    "Range": ops.FILL,
    "Rank": _SIZES,
    "Real": ops.COPY,
    "ReduceJoin": _TEXT,
    "RegexFullMatch": _TEXT,
    "RegexReplace": _TEXT,
    "Reshape": ops.VIEW,
    "Reverse": ops.COPY,
    "ReverseSequence": ops.COPY,
    "ReverseV2": ops.COPY,
    "Roll": ops.COPY,
    "ScatterNdUpdate": ops.COPY,
    "SerializeTensor": _PARSED,
    "Shape": _SIZES,
    "ShapeN": _SIZES,
    "Size": _SIZES,
    "Slice": ops.COPY,
    "Snapshot": ops.COPY,
    "SpaceToBatch": ops.COPY,
    "SpaceToBatchND": ops.COPY,
    "SpaceToDepth": ops.COPY,
    "SparseConcat": ops.COPY,
    "SparseCross": _HASHED,
    "SparseCrossHashed": _HASHED,
    "SparseCrossV2": _HASHED,
    "SparseFillEmptyRows": ops.COPY,
    "SparseReorder": ops.COPY,
    "SparseReshape": ops.VIEW,
    "SparseSlice": ops.COPY,
    "SparseSplit": ops.COPY,
    "SparseToDense": ops.COPY,
    "Split": ops.COPY,
    "SplitV": ops.COPY,
    "Squeeze": ops.VIEW,
    "StaticRegexFullMatch": _TEXT,
    "StaticRegexReplace": _TEXT,
    "StopGradient": ops.NO_OP,
    "StridedSlice": ops.COPY,
    "StringFormat": _TEXT,
    "StringJoin": _TEXT,
    "StringLength": _TEXT,
    "StringLower": _TEXT,
    "StringNGrams": _TEXT,
    "StringSplit": _TEXT,
    "StringSplitV2": _TEXT,
    "StringStrip": _TEXT,
    "StringToHashBucket": _TEXT,
    "StringToHashBucketFast": _TEXT,
    "StringToHashBucketStrong": _TEXT,
    "StringToNumber": ops.CAST,
    "StringUpper": _TEXT,
    "Substr": _TEXT,
    "Switch": ops.VIEW,
    "TensorListConcatV2": ops.COPY,
    "TensorListElementShape": _SIZES,
    "TensorListGather": ops.COPY,
    "TensorListScatterIntoExistingList": ops.COPY,
    "TensorListScatterV2": ops.COPY,
    "TensorListSplit": ops.COPY,
    "TensorScatterUpdate": ops.COPY,
    "TensorStridedSliceUpdate": ops.COPY,
    "Tile": ops.COPY,
    "Timestamp": ops.FILL,
    "Transpose": ops.COPY,
    "UnicodeDecode": _TEXT,
    "UnicodeDecodeWithOffsets": _TEXT,
    "UnicodeEncode": _TEXT,
    "UnicodeScript": _TEXT,
    "UnicodeTranscode": _TEXT,
    "Unpack": ops.COPY,
    "UnravelIndex": ops.LOOK_UP,
    "UnsortedSegmentJoin": _TEXT,
    "VarIsInitializedOp": _CHECK,
    "Where": ops.LOOK_UP,
    "XlaDynamicSlice": ops.COPY,
    "XlaDynamicUpdateSlice": ops.COPY,
    "ZerosLike": ops.FILL,
}


def _free(call: Call) -> Operation:
    if call.op in ("ConcatV2", "Concat", "Pack"):
        _claim_joined(call)
    return ops.free(call.op, because=_REASONS[call.op])


def _claim_joined(call: Call) -> None:
    """Take stored numbers joined to activations for learned ones, such as a class token."""
    for at, value in enumerate(call.inputs):
        if value.stored is not None and value.dtype.startswith("float") and value.elements > 1:
            call.claim(at, "embedding", assumed=True)


def _gather(call: Call) -> Operation:
    """Take a look-up of rows in a stored table of numbers for an embedding."""
    table, indices = call.x, call.inputs[1]
    axis = call.numbers(2) if call.op == "GatherV2" else [0]
    floating = table.dtype.startswith(("float", "bfloat"))
    embeds = table.stored is not None and floating and len(table.sizes) == 2
    known = not indices.activation or indices.derived
    if not embeds or axis is None or axis[0] not in (0, -2) or known:
        return ops.free(call.op, because=ops.LOOK_UP)
    call.claim(0, "embedding", ("vocabulary", "width"))
    return ops.Embedding(look_ups=indices.elements, vocabulary=table.sizes[0], width=table.sizes[1])


_SCATTERED = {
    "InplaceAdd": "add",
    "InplaceSub": "subtract",
    "ScatterNd": "add",
    "ScatterNdNonAliasingAdd": "add",
    "TensorScatterAdd": "add",
    "TensorScatterMax": "maximum",
    "TensorScatterMin": "minimum",
    "TensorScatterSub": "subtract",
}


def _scatter(call: Call) -> Operation:
    """Combine each element of the updates with one of the tensor; ``ScatterNd`` begins at zero."""
    updates = call.inputs[1 if call.op == "ScatterNd" else 2]
    return ops.Elementwise(function=_SCATTERED[call.op], elements=prod(updates.sizes))


TABLE: dict[str, Mapper] = {
    **dict.fromkeys(_REASONS, _free),
    **dict.fromkeys(_SCATTERED, _scatter),
    "Gather": _gather,
    "GatherV2": _gather,
}
"""Operations that move elements, to the functions that translate them."""
