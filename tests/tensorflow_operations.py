"""An example of each operation of TensorFlow, for the tests of the tables that read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from analyzer_tensorflow.mapping_elementwise import FUNCTIONS

__all__ = ["EXAMPLES", "Example"]

Example = tuple[tuple[Any, ...], Mapping[str, Any]]
"""Positional inputs (an array is an input of the model, a list is a constant), and attributes."""

_RANDOM = np.random.default_rng(0)
_BOOLS = frozenset({"LogicalAnd", "LogicalNot", "LogicalOr"})
_INTS = frozenset(
    {"BitwiseAnd", "BitwiseOr", "BitwiseXor", "Invert", "LeftShift", "RightShift", "TruncateDiv"}
)
_THREE = frozenset({"ClipByValue"})


def floats(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return numbers between 0.1 and 0.9."""
    return _RANDOM.uniform(0.1, 0.9, shape).astype(np.float32)


def integers(*shape: int, high: int = 3) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Return small integers."""
    return _RANDOM.integers(0, high, shape).astype(np.int32)


def complexes(*shape: int) -> np.ndarray[Any, np.dtype[np.complex64]]:
    """Return complex numbers."""
    return (floats(*shape) + 1j * floats(*shape)).astype(np.complex64)


def positive(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return matrices that are symmetric and positive."""
    square = floats(*shape)
    return (square @ square.swapaxes(-1, -2) + 3 * np.eye(shape[-1])).astype(np.float32)


def texts(*shape: int) -> Any:
    """Return words."""
    return np.full(shape, "ab cd", dtype=object)


def _elementwise() -> dict[str, Example]:
    """Return an example for each function of an element, by how many inputs it has."""
    from tensorflow.python.framework import op_def_registry

    found: dict[str, Example] = {}
    for name in FUNCTIONS:
        inputs: list[Any] = [floats(3, 4) for _ in op_def_registry.get(name).input_arg]
        if name in _BOOLS:
            inputs = [one > 0.5 for one in inputs]
        if name in _INTS:
            inputs = [integers(3, 4) + 1 for _ in inputs]
        if name in ("Select", "SelectV2"):
            inputs[0] = inputs[0] > 0.5
        if name in _THREE:
            inputs[1:] = [np.float32(0.2), np.float32(0.8)]
        found[name] = (tuple(inputs), {})
    return found


_IMAGE, _VOLUME = floats(2, 8, 7, 4), floats(1, 5, 6, 7, 2)
_WINDOW: dict[str, Any] = {"strides": [1, 2, 2, 1], "padding": "SAME"}
_POOL: dict[str, Any] = {"ksize": [1, 3, 2, 1], "strides": [1, 2, 1, 1], "padding": "VALID"}
_POOL3: dict[str, Any] = {"ksize": [1, 2, 2, 2, 1], "strides": [1, 1, 2, 1, 1], "padding": "SAME"}
_SEGMENTS = np.array([0, 0, 1, 2, 2], np.int32)
_NORM = (_IMAGE, floats(4), floats(4), floats(4), floats(4))
_BOXES = np.sort(floats(6, 2, 2), axis=1).reshape(6, 4)
_SPARSE = (np.array([[0, 1], [2, 0]], np.int64), floats(2), np.array([3, 4], np.int64))
_DRAW = {"dtype": tf.float32}
_BLOCK = ([2, 2], [[0, 0], [0, 1]])

EXAMPLES: dict[str, Example] = {
    **_elementwise(),
    "AccumulateNV2": (([floats(3, 4), floats(3, 4)],), {"shape": [3, 4]}),
    "Add": ((floats(3, 4), floats(4)), {}),
    "AddN": (([floats(3, 4), floats(3, 4), floats(3, 4)],), {}),
    "AddV2": ((floats(3, 4), floats(4)), {}),
    "AdjustContrastv2": ((_IMAGE, np.float32(2)), {}),
    "All": ((floats(3, 4) > 0.5, [1]), {}),
    "Angle": ((complexes(3, 4),), {"Tout": tf.float32}),
    "Any": ((floats(3, 4) > 0.5, [0, 1]), {}),
    "ApproximateEqual": ((floats(3, 4), floats(3, 4)), {}),
    "ArgMax": ((floats(3, 4), 1), {}),
    "ArgMin": ((floats(3, 4), 0), {}),
    "AsString": ((floats(3),), {}),
    "AvgPool": ((_IMAGE,), _POOL),
    "AvgPool3D": ((_VOLUME,), _POOL3),
    "BatchMatMul": ((floats(2, 3, 4), floats(2, 4, 5)), {}),
    "BatchMatMulV2": ((floats(2, 3, 4), floats(1, 5, 4)), {"adj_y": True}),
    "BatchMatMulV3": ((floats(2, 3, 4), floats(4, 5)), {"Tout": tf.float32}),
    "BatchToSpace": ((floats(4, 2, 2, 3), [[0, 0], [0, 1]]), {"block_size": 2}),
    "BatchToSpaceND": ((floats(4, 2, 2, 3), *_BLOCK), {}),
    "BiasAdd": ((_IMAGE, floats(4)), {}),
    "BiasAddV1": ((_IMAGE, floats(4)), {}),
    "Bincount": ((integers(3, 4), 5, floats(3, 4)), {}),
    "Bitcast": ((floats(3, 4),), {"type": tf.int32}),
    "BlockLSTM": (
        (
            np.int64(5), floats(5, 2, 3), floats(2, 4), floats(2, 4), floats(7, 16), floats(4),
            floats(4), floats(4), floats(16),
        ),
        {"use_peephole": True},
    ),
    "BlockLSTMV2": (
        (
            np.int64(5), floats(5, 2, 3), floats(2, 4), floats(2, 4), floats(7, 16), floats(4),
            floats(4), floats(4), floats(16),
        ),
        {},
    ),
    "BroadcastArgs": (([3, 1], [4]), {}),
    "BroadcastTo": ((floats(3, 1), [3, 4]), {}),
    "Bucketize": ((floats(3, 4),), {"boundaries": [0.2, 0.5, 0.7]}),
    "Cast": ((floats(3, 4),), {"DstT": tf.int32}),
    "CheckNumerics": ((floats(3),), {"message": "no"}),
    "Cholesky": ((positive(2, 3, 3),), {}),
    "CombinedNonMaxSuppression": (
        (floats(1, 6, 1, 4), floats(1, 6, 2), 3, 4, 0.5, 0.1),
        {"pad_per_class": False},
    ),
    "Complex": ((floats(3), floats(3)), {}),
    "ComplexAbs": ((complexes(3, 4),), {}),
    "Concat": ((1, [floats(3, 4), floats(3, 2)]), {}),
    "ConcatV2": (([floats(3, 4), floats(3, 2)], 1), {}),
    "Conj": ((complexes(3, 4),), {}),
    "ConjugateTranspose": ((complexes(3, 4), [1, 0]), {}),
    "Conv": ((_IMAGE, floats(3, 2, 4, 6)), {"strides": [1, 1, 2, 1], "padding": "VALID"}),
    "Conv2D": ((_IMAGE, floats(3, 2, 2, 6)), _WINDOW),
    "Conv2DBackpropInput": (([2, 8, 7, 4], floats(3, 3, 4, 6), floats(2, 4, 4, 6)), _WINDOW),
    "Conv2DBackpropInputV2": ((_IMAGE, floats(3, 3, 4, 6), floats(2, 4, 4, 6)), _WINDOW),
    "Conv3D": (
        (_VOLUME, floats(2, 3, 3, 2, 4)),
        {"strides": [1, 1, 2, 1, 1], "padding": "VALID"},
    ),
    "Conv3DBackpropInputV2": (
        ([1, 5, 6, 7, 2], floats(2, 2, 2, 2, 4), floats(1, 5, 6, 7, 4)),
        {"strides": [1, 1, 1, 1, 1], "padding": "SAME"},
    ),
    "CropAndResize": ((_IMAGE, _BOXES, integers(6, high=2), [3, 3]), {}),
    "CudnnRNNV3": (
        (floats(5, 2, 3), floats(2, 2, 4), floats(2, 2, 4), floats(304), integers(2)),
        {"direction": "bidirectional", "is_training": False},
    ),
    "Cross": ((floats(5, 3), floats(5, 3)), {}),
    "Cumprod": ((floats(3, 4), 1), {}),
    "Cumsum": ((floats(3, 4), 0), {}),
    "DataFormatVecPermute": (([1, 2, 3, 4],), {}),
    "DecodeRaw": ((texts(3),), {"out_type": tf.uint8}),
    "DenseBincount": ((integers(3, 4), 5, floats(3, 4)), {}),
    "DepthToSpace": ((_IMAGE,), {"block_size": 2}),
    "DepthwiseConv2dNative": ((_IMAGE, floats(3, 3, 4, 2)), _WINDOW),
    "DepthwiseConv2dNativeBackpropInput": (
        ([2, 8, 7, 4], floats(3, 3, 4, 2), floats(2, 4, 4, 8)),
        _WINDOW,
    ),
    "Diag": ((floats(3),), {}),
    "DiagPart": ((floats(3, 3),), {}),
    "Dilation2D": (
        (_IMAGE, floats(2, 3, 4)),
        {"strides": [1, 1, 1, 1], "rates": [1, 1, 1, 1], "padding": "VALID"},
    ),
    "DynamicPartition": ((floats(5, 3), integers(5, high=2)), {"num_partitions": 2}),
    "DynamicStitch": (([[0, 2], [1, 3]], [floats(2, 3), floats(2, 3)]), {}),
    "Einsum": (([floats(2, 3, 4), floats(4, 5)],), {"equation": "...ij,jk->...ik"}),
    "EnsureShape": ((floats(3),), {"shape": [3]}),
    "EuclideanNorm": ((floats(3, 4), [1]), {}),
    "ExpandDims": ((floats(3), 0), {}),
    "ExtractImagePatches": (
        (_IMAGE,),
        {
            "ksizes": [1, 3, 3, 1], "strides": [1, 2, 2, 1], "rates": [1, 1, 1, 1],
            "padding": "SAME",
        },
    ),
    "ExtractVolumePatches": (
        (_VOLUME,),
        {"ksizes": [1, 2, 2, 2, 1], "strides": [1, 2, 2, 2, 1], "padding": "VALID"},
    ),
    "FFT": ((complexes(2, 8),), {}),
    "FFT2D": ((complexes(2, 6, 8),), {}),
    "FFT3D": ((complexes(2, 4, 6, 8),), {}),
    "FFTND": ((complexes(2, 6, 8), [6, 8], [1, 2]), {}),
    "FakeQuantWithMinMaxVars": ((floats(3, 4), np.float32(0), np.float32(1)), {}),
    "FakeQuantWithMinMaxVarsPerChannel": ((floats(3, 4), floats(4) - 1, floats(4)), {}),
    "Fill": (([3, 4], np.float32(2)), {}),
    "FusedBatchNorm": (_NORM, {"is_training": False}),
    "FusedBatchNormV2": (_NORM, {"is_training": False}),
    "FusedBatchNormV3": (_NORM, {"is_training": False}),
    "GRUBlockCell": (
        (floats(2, 3), floats(2, 4), floats(7, 8), floats(7, 4), floats(8), floats(4)),
        {},
    ),
    "Gather": ((floats(9, 4), integers(2, 3)), {}),
    "GatherNd": ((floats(9, 4), integers(5, 1)), {}),
    "GatherV2": ((floats(9, 4), integers(2, 3), 0), {}),
    "HistogramFixedWidth": ((floats(3, 4), np.array([0, 1], np.float32), 5), {}),
    "IFFT": ((complexes(2, 8),), {}),
    "IFFT2D": ((complexes(2, 6, 8),), {}),
    "IFFT3D": ((complexes(2, 4, 6, 8),), {}),
    "IRFFT": ((complexes(2, 5), [8]), {}),
    "IRFFT2D": ((complexes(2, 6, 5), [6, 8]), {}),
    "IRFFT3D": ((complexes(2, 4, 6, 5), [4, 6, 8]), {}),
    "Imag": ((complexes(3),), {}),
    "ImageProjectiveTransformV2": ((_IMAGE, floats(2, 8), [5, 6]), {"interpolation": "BILINEAR"}),
    "ImageProjectiveTransformV3": (
        (_IMAGE, floats(2, 8), [5, 6], np.float32(0)),
        {"interpolation": "NEAREST"},
    ),
    "IRFFTND": ((complexes(2, 6, 5), [6, 8], [1, 2]), {}),
    "InTopK": ((floats(3, 4), integers(3)), {"k": 2}),
    "InTopKV2": ((floats(3, 4), integers(3), 2), {}),
    "InvertPermutation": (([1, 0, 2],), {}),
    "L2Loss": ((floats(3, 4),), {}),
    "LRN": ((_IMAGE,), {"depth_radius": 1}),
    "LSTMBlockCell": (
        (
            floats(2, 3), floats(2, 4), floats(2, 4), floats(7, 16), floats(4), floats(4),
            floats(4), floats(16),
        ),
        {},
    ),
    "InplaceAdd": ((floats(5, 3), [0, 2], floats(2, 3)), {}),
    "InplaceSub": ((floats(5, 3), [0, 2], floats(2, 3)), {}),
    "InplaceUpdate": ((floats(5, 3), [0, 2], floats(2, 3)), {}),
    "LinSpace": ((np.float32(0), np.float32(1), 5), {}),
    "ListDiff": ((integers(5), integers(2)), {}),
    "LogMatrixDeterminant": ((positive(2, 3, 3),), {}),
    "LogSoftmax": ((floats(3, 4),), {}),
    "LowerBound": ((np.sort(floats(2, 7)), floats(2, 3)), {}),
    "Lu": ((positive(2, 3, 3),), {}),
    "MatMul": ((floats(3, 4), floats(5, 4)), {"transpose_b": True}),
    "MatrixBandPart": ((floats(3, 4), 1, 1), {}),
    "MatrixDeterminant": ((positive(2, 3, 3),), {}),
    "MatrixDiag": ((floats(3),), {}),
    "MatrixDiagPart": ((floats(3, 3),), {}),
    "MatrixDiagPartV3": ((floats(3, 3), 0, np.float32(0)), {}),
    "MatrixDiagV3": ((floats(3), 0, -1, -1, np.float32(0)), {}),
    "MatrixInverse": ((positive(2, 3, 3),), {}),
    "MatrixSetDiag": ((floats(3, 3), floats(3)), {}),
    "MatrixSetDiagV3": ((floats(3, 3), floats(3), 0), {}),
    "MatrixSolve": ((positive(2, 3, 3), floats(2, 3, 4)), {}),
    "MatrixTriangularSolve": ((positive(2, 3, 3), floats(2, 3, 4)), {}),
    "Max": ((_IMAGE, [1, 2]), {}),
    "MaxPool": ((_IMAGE,), _POOL),
    "MaxPool3D": ((_VOLUME,), _POOL3),
    "MaxPoolV2": ((_IMAGE, [1, 2, 2, 1], [1, 2, 2, 1]), {"padding": "VALID"}),
    "MaxPoolWithArgmax": ((_IMAGE,), _POOL),
    "Mean": ((_IMAGE, [1, 2]), {}),
    "Min": ((floats(3, 4), [1]), {"keep_dims": True}),
    "MirrorPad": ((floats(3, 4), [[1, 1], [0, 2]]), {"mode": "REFLECT"}),
    "Multinomial": ((floats(2, 3), 4), {}),
    "NonMaxSuppression": ((_BOXES, floats(6), 3), {}),
    "NonMaxSuppressionV2": ((_BOXES, floats(6), 3, 0.5), {}),
    "NonMaxSuppressionV3": ((_BOXES, floats(6), 3, 0.5, 0.1), {}),
    "NonMaxSuppressionV4": (
        (_BOXES, floats(6), 3, 0.5, 0.1),
        {"pad_to_max_output_size": True},
    ),
    "NthElement": ((floats(3, 5), 2), {}),
    "OneHot": ((integers(3), 4, np.float32(1), np.float32(0)), {}),
    "OnesLike": ((floats(3),), {}),
    "Pack": (([floats(3), floats(3)],), {"axis": 1}),
    "Pad": ((floats(3, 4), [[1, 1], [0, 2]]), {}),
    "PadV2": ((floats(3, 4), [[1, 1], [0, 2]], np.float32(1)), {}),
    "ParallelDynamicStitch": (([[0, 2], [1, 3]], [floats(2, 3), floats(2, 3)]), {}),
    "Prod": ((floats(3, 4), [0]), {}),
    "QuantizeAndDequantizeV2": ((floats(3, 4), 0.0, 1.0), {"range_given": True}),
    "QuantizeAndDequantizeV3": ((floats(3, 4), 0.0, 1.0, 8), {"range_given": False}),
    "QuantizeAndDequantizeV4": ((floats(3, 4), 0.0, 1.0), {"range_given": False}),
    "RFFT": ((floats(2, 8), [8]), {}),
    "RFFT2D": ((floats(2, 6, 8), [6, 8]), {}),
    "RFFT3D": ((floats(2, 4, 6, 8), [4, 6, 8]), {}),
    "RFFTND": ((floats(2, 6, 8), [6, 8], [1, 2]), {}),
    "RandomShuffle": ((floats(3, 4),), {}),
    "RandomStandardNormal": (([3, 4],), _DRAW),
    "RandomUniform": (([3, 4],), _DRAW),
    "RandomUniformInt": (([3, 4], 0, 5), {}),
    "Range": ((0, 5, 1), {}),
    "Rank": ((floats(3, 4),), {}),
    "Real": ((complexes(3),), {}),
    "Reshape": ((floats(3, 4), [2, -1]), {}),
    "ResizeBicubic": ((_IMAGE, [5, 9]), {}),
    "ResizeBilinear": ((_IMAGE, [5, 7]), {}),
    "ResizeNearestNeighbor": ((_IMAGE, [5, 9]), {}),
    "ReverseSequence": ((floats(3, 4), np.array([1, 2, 3], np.int32)), {"seq_dim": 1}),
    "ReverseV2": ((floats(3, 4), [1]), {}),
    "Roll": ((floats(3, 4), 1, 0), {}),
    "ScaleAndTranslate": (
        (_IMAGE, [4, 7], np.array([0.5, 1.0], np.float32).tolist(), [0.0, 0.0]),
        {"kernel_type": "triangle"},
    ),
    "ScatterNd": (([[0], [2]], floats(2, 3), [4, 3]), {}),
    "SegmentMax": ((floats(5, 3), _SEGMENTS.tolist()), {}),
    "SegmentMaxV2": ((floats(5, 3), _SEGMENTS, 3), {}),
    "SegmentMean": ((floats(5, 3), _SEGMENTS.tolist()), {}),
    "SegmentMin": ((floats(5, 3), _SEGMENTS.tolist()), {}),
    "SegmentMinV2": ((floats(5, 3), _SEGMENTS, 3), {}),
    "SegmentProd": ((floats(5, 3), _SEGMENTS.tolist()), {}),
    "SegmentProdV2": ((floats(5, 3), _SEGMENTS, 3), {}),
    "SegmentSum": ((floats(5, 3), _SEGMENTS.tolist()), {}),
    "SegmentSumV2": ((floats(5, 3), _SEGMENTS, 3), {}),
    "Shape": ((floats(3, 4),), {}),
    "ShapeN": (([floats(3, 4), floats(2)],), {}),
    "Size": ((floats(3, 4),), {}),
    "Slice": ((floats(3, 4), [1, 0], [2, -1]), {}),
    "Softmax": ((floats(3, 4),), {}),
    "SoftmaxCrossEntropyWithLogits": ((floats(3, 4), floats(3, 4)), {}),
    "SpaceToBatch": ((_IMAGE, [[0, 0], [0, 1]]), {"block_size": 2}),
    "SpaceToBatchND": ((_IMAGE, *_BLOCK), {}),
    "SpaceToDepth": ((floats(2, 8, 6, 4),), {"block_size": 2}),
    "Snapshot": ((floats(3, 4),), {}),
    "SparseDenseCwiseAdd": ((*_SPARSE, floats(3, 4)), {}),
    "SparseDenseCwiseDiv": ((*_SPARSE, floats(3, 4)), {}),
    "SparseDenseCwiseMul": ((*_SPARSE, floats(3, 4)), {}),
    "SparseMatMul": ((floats(3, 4), floats(4, 5)), {}),
    "SparseReduceMax": ((_SPARSE[0], _SPARSE[1], [3, 4], [1]), {}),
    "SparseReduceSum": ((_SPARSE[0], _SPARSE[1], [3, 4], [1]), {}),
    "SparseReorder": ((_SPARSE[0], _SPARSE[1], _SPARSE[2]), {}),
    "SparseSegmentMean": ((floats(9, 3), integers(5, high=9), _SEGMENTS.tolist()), {}),
    "SparseSegmentSqrtN": ((floats(9, 3), integers(5, high=9), _SEGMENTS.tolist()), {}),
    "SparseSegmentSum": ((floats(9, 3), integers(5, high=9), _SEGMENTS.tolist()), {}),
    "SparseSegmentSumWithNumSegments": (
        (floats(9, 3), integers(5, high=9), _SEGMENTS, 4),
        {},
    ),
    "SparseSoftmaxCrossEntropyWithLogits": ((floats(3, 4), integers(3)), {}),
    "SparseTensorDenseAdd": ((*_SPARSE, floats(3, 4)), {}),
    "SparseTensorDenseMatMul": ((_SPARSE[0], _SPARSE[1], [3, 4], floats(4, 5)), {}),
    "SparseToDense": ((_SPARSE[0], [3, 4], _SPARSE[1], np.float32(0)), {}),
    "Split": ((1, floats(3, 4)), {"num_split": 2}),
    "SplitV": ((floats(3, 4), [1, 3], 1), {"num_split": 2}),
    "Squeeze": ((floats(3, 1),), {}),
    "StatelessRandomNormal": (([3, 4], [1, 2]), {}),
    "StatelessRandomUniform": (([3, 4], [1, 2]), {}),
    "StopGradient": ((floats(3),), {}),
    "StridedSlice": ((floats(3, 4), [0, 1], [2, 4], [1, 2]), {}),
    "StringLength": ((texts(3),), {}),
    "StringLower": ((texts(3),), {}),
    "StringJoin": (([texts(3), texts(3)],), {}),
    "StringStrip": ((texts(3),), {}),
    "StringToHashBucketFast": ((texts(3),), {"num_buckets": 5}),
    "StringToNumber": ((np.array(["1", "2"], dtype=object),), {}),
    "StringUpper": ((texts(3),), {}),
    "Substr": ((texts(3), 0, 2), {}),
    "Sum": ((floats(3, 4), [1]), {}),
    "TensorScatterAdd": ((floats(5, 3), [[0], [2]], floats(2, 3)), {}),
    "TensorScatterMax": ((floats(5, 3), [[0], [2]], floats(2, 3)), {}),
    "TensorScatterMin": ((floats(5, 3), [[0], [2]], floats(2, 3)), {}),
    "TensorScatterSub": ((floats(5, 3), [[0], [2]], floats(2, 3)), {}),
    "TensorScatterUpdate": ((floats(5, 3), [[0], [2]], floats(2, 3)), {}),
    "TensorStridedSliceUpdate": (
        (floats(3, 4), [0, 1], [2, 4], [1, 2], floats(2, 2)),
        {},
    ),
    "Tile": ((floats(3, 4), [2, 1]), {}),
    "TopKV2": ((floats(3, 9), 2), {}),
    "Transpose": ((floats(3, 4), [1, 0]), {}),
    "TridiagonalMatMul": ((floats(1, 3), floats(1, 3), floats(1, 3), floats(3, 4)), {}),
    "Unique": ((integers(7),), {}),
    "UniqueV2": ((integers(4, 3), [0]), {}),
    "UniqueWithCounts": ((integers(7),), {}),
    "Unpack": ((floats(3, 4),), {"num": 3}),
    "UnsortedSegmentMax": ((floats(5, 3), _SEGMENTS, 3), {}),
    "UnsortedSegmentMin": ((floats(5, 3), _SEGMENTS, 3), {}),
    "UnsortedSegmentProd": ((floats(5, 3), _SEGMENTS, 3), {}),
    "UnsortedSegmentSum": ((floats(5, 3), _SEGMENTS, 3), {}),
    "UpperBound": ((np.sort(floats(2, 7)), floats(2, 3)), {}),
    "Where": ((floats(3, 4) > 0.5,), {}),
    "ZerosLike": ((floats(3),), {}),
}  # fmt: skip
"""Type of an operation, to what it is called with."""
