"""Operators of ONNX Runtime: the numbers, the shapes and the work of graphs that spell them out."""

from __future__ import annotations

import numpy as np
import pytest

from tests.onnx_spelled import Spelled, check, contrib, numbers, op

HALF = np.float32(0.5)
X = {"x": numbers(2, 5, 8)}
ROWS = {"x": numbers(3, 8)}
MAPS = {"x": numbers(2, 4, 9, 7)}
CASES: dict[str, Spelled] = {
    "Gelu": Spelled(whole=[contrib("Gelu", "x", "y")], parts=[op("Gelu", "x", "y")], inputs=X),
    "BiasGelu": Spelled(
        whole=[contrib("BiasGelu", "x b", "y")],
        parts=[op("Add", "x b", "s"), op("Gelu", "s", "y")],
        inputs=X,
        weights={"b": numbers(8)},
    ),
    "FastGelu": Spelled(
        whole=[contrib("FastGelu", "x b", "y")],
        parts=[op("Add", "x b", "s"), op("Gelu", "s", "y", approximate="tanh")],
        inputs=X,
        weights={"b": numbers(8)},
    ),
    "FastGelu alone": Spelled(
        whole=[contrib("FastGelu", "x", "y")],
        parts=[op("Gelu", "x", "y", approximate="tanh")],
        inputs=X,
    ),
    "QuickGelu": Spelled(
        whole=[contrib("QuickGelu", "x", "y", alpha=1.25)],
        parts=[op("Mul", "x a", "s"), op("Sigmoid", "s", "g"), op("Mul", "x g", "y")],
        inputs=X,
        weights={"a": np.float32(1.25)},
    ),
    "FusedMatMul": Spelled(
        whole=[contrib("FusedMatMul", "x w", "y", transA=1, transB=1, alpha=0.5)],
        parts=[
            op("Transpose", "x", "a", perm=[0, 2, 1]),
            op("Transpose", "w", "b", perm=[1, 0]),
            op("MatMul", "a b", "p"),
            op("Mul", "p h", "y"),
        ],
        inputs=X,
        weights={"w": numbers(3, 5), "h": HALF},
    ),
    "FusedMatMul, batch inside": Spelled(
        whole=[contrib("FusedMatMul", "x z", "y", transBatchA=1, transBatchB=1, transB=1)],
        parts=[
            op("Transpose", "x", "a", perm=[1, 0, 2]),
            op("Transpose", "z", "b", perm=[1, 2, 0]),
            op("MatMul", "a b", "y"),
        ],
        inputs=X | {"z": numbers(6, 5, 8)},
    ),
    "TransposeMatMul": Spelled(
        whole=[contrib("TransposeMatMul", "x z", "y", transB=1)],
        parts=[op("Transpose", "z", "b", perm=[0, 2, 1]), op("MatMul", "x b", "y")],
        inputs=X | {"z": numbers(2, 3, 8)},
    ),
    "FusedGemm": Spelled(
        whole=[contrib("FusedGemm", "x w b", "y", transB=1, activation="Relu")],
        parts=[op("Gemm", "x w b", "s", transB=1), op("Relu", "s", "y")],
        inputs=ROWS,
        weights={"w": numbers(5, 8), "b": numbers(5)},
    ),
    "FusedConv": Spelled(
        whole=[
            contrib("FusedConv", "x w b z", "y", activation="Relu", pads=[1] * 4, strides=[2, 2])
        ],
        parts=[
            op("Conv", "x w b", "c", pads=[1] * 4, strides=[2, 2]),
            op("Add", "c z", "s"),
            op("Relu", "s", "y"),
        ],
        inputs=MAPS | {"z": numbers(2, 6, 5, 4)},
        weights={"w": numbers(6, 4, 3, 3), "b": numbers(6)},
    ),
    "FusedConv, grouped": Spelled(
        whole=[
            contrib("FusedConv", "x w", "y", activation="LeakyRelu", activation_params=[0.25],
                    group=2, auto_pad="SAME_UPPER", dilations=[1, 1])
        ],
        parts=[
            op("Conv", "x w", "c", group=2, auto_pad="SAME_UPPER"),
            op("LeakyRelu", "c", "y", alpha=0.25),
        ],
        inputs=MAPS,
        weights={"w": numbers(6, 2, 3, 3)},
    ),
    "SkipLayerNormalization": Spelled(
        whole=[contrib("SkipLayerNormalization", "x z g o b", "y - - s")],
        parts=[
            op("Add", "x z", "t"),
            op("Add", "t b", "s"),
            op("LayerNormalization", "s g o", "y", epsilon=1e-12),
        ],
        inputs=X | {"z": numbers(2, 5, 8, seed=1)},
        weights={name: numbers(8, seed=at) for at, name in enumerate("gob")},
        results=("y", "s"),
    ),
    "SkipLayerNormalization without": Spelled(
        whole=[contrib("SkipLayerNormalization", "x z g", "y")],
        parts=[op("Add", "x z", "s"), op("LayerNormalization", "s g", "y", epsilon=1e-12)],
        inputs=X | {"z": numbers(2, 5, 8, seed=1)},
        weights={"g": numbers(8)},
    ),
    "SkipSimplifiedLayerNormalization": Spelled(
        whole=[contrib("SkipSimplifiedLayerNormalization", "x z g b", "y - - s", epsilon=1e-5)],
        parts=[
            op("Add", "x z", "t"),
            op("Add", "t b", "s"),
            op("RMSNormalization", "s g", "y", epsilon=1e-5),
        ],
        inputs=X | {"z": numbers(2, 5, 8, seed=1)},
        weights={"g": numbers(8), "b": numbers(8, seed=1)},
        results=("y", "s"),
    ),
    "SimplifiedLayerNormalization": Spelled(
        whole=[op("SimplifiedLayerNormalization", "x g", "y", epsilon=1e-5)],
        parts=[op("RMSNormalization", "x g", "y", epsilon=1e-5)],
        inputs=X,
        weights={"g": numbers(8)},
    ),
    "EmbedLayerNormalization": Spelled(
        whole=[contrib("EmbedLayerNormalization", "i s w p t g o", "y - e", epsilon=1e-5)],
        parts=[
            op("Gather", "w i", "words"),
            op("Gather", "p places", "positions"),
            op("Gather", "t s", "segments"),
            op("Add", "words positions", "two"),
            op("Add", "two segments", "e"),
            op("LayerNormalization", "e g o", "y", epsilon=1e-5),
        ],
        inputs={
            "i": numbers(2, 5, dtype=np.int32),
            "s": numbers(2, 5, dtype=np.int32) % 2,
            "places": np.arange(5, dtype=np.int64)[None].repeat(2, axis=0),
        },
        weights={
            "w": numbers(20, 8), "p": numbers(9, 8), "t": numbers(2, 8),
            "g": numbers(8), "o": numbers(8, seed=1),
        },
        results=("y", "e"),
    ),
    "BranchwiseRMSNorm": Spelled(
        whole=[contrib("BranchwiseRMSNorm", "x g", "y", epsilon=1e-5)],
        parts=[op("RMSNormalization", "x g", "y", epsilon=1e-5)],
        inputs=X,
        weights={"g": numbers(8)},
    ),
    "GatedRMSNorm": Spelled(
        whole=[contrib("GatedRMSNorm", "x g z", "y", epsilon=1e-5, activation="silu")],
        parts=[
            op("RMSNormalization", "x g", "n", epsilon=1e-5),
            op("Sigmoid", "z", "s"),
            op("Mul", "z s", "gate"),
            op("Mul", "n gate", "y"),
        ],
        inputs=X | {"z": numbers(2, 5, 8, seed=1)},
        weights={"g": numbers(8)},
    ),
    "ScaledSiLU": Spelled(
        whole=[contrib("ScaledSiLU", "x", "y", alpha=0.5)],
        parts=[op("Mul", "x h", "z"), op("Sigmoid", "z", "s"), op("Mul", "z s", "y")],
        inputs=X,
        weights={"h": HALF},
    ),
    "SwiGLU": Spelled(
        whole=[contrib("SwiGLU", "x z", "y", limit=0.5, activation_alpha=1.5, activation_beta=1.0)],
        parts=[
            op("Min", "x high", "g"),
            op("Clip", "z low high", "l"),
            op("Mul", "g a", "ga"),
            op("Sigmoid", "ga", "s"),
            op("Mul", "g s", "gs"),
            op("Add", "l one", "l1"),
            op("Mul", "gs l1", "y"),
        ],
        runs=False,
        inputs=X | {"z": numbers(2, 5, 8, seed=1)},
        weights={"low": -HALF, "high": HALF, "a": np.float32(1.5), "one": np.float32(1)},
    ),
    "SwiGLU in one": Spelled(
        whole=[contrib("SwiGLU", "x", "y")],
        parts=[
            op("Split", "x", "g l", axis=-1, num_outputs=2),
            op("Sigmoid", "g", "s"),
            op("Mul", "g s", "gs"),
            op("Mul", "gs l", "y"),
        ],
        runs=False,
        inputs=X,
    ),
    "CDist": Spelled(
        whole=[contrib("CDist", "x z", "y", metric="euclidean")],
        parts=[
            op("Unsqueeze", "x one", "a"),
            op("Sub", "a z", "d"),
            op("ReduceL2", "d two", "y", keepdims=0),
        ],
        inputs=ROWS | {"z": numbers(4, 8)},
        weights={"one": np.array([1]), "two": np.array([2])},
    ),
    "NhwcMaxPool": Spelled(
        whole=[contrib("NhwcMaxPool", "x", "y", kernel_shape=[3, 2], strides=[2, 1])],
        parts=[
            op("Transpose", "x", "t", perm=[0, 3, 1, 2]),
            op("MaxPool", "t", "p", kernel_shape=[3, 2], strides=[2, 1]),
            op("Transpose", "p", "y", perm=[0, 2, 3, 1]),
        ],
        inputs={"x": numbers(2, 9, 7, 4, dtype=np.uint8)},
    ),
    "ExpandDims": Spelled(
        whole=[contrib("ExpandDims", "x a", "y")],
        parts=[op("Unsqueeze", "x b", "y")],
        inputs=X,
        weights={"a": np.array(-2, np.int32), "b": np.array([-2])},
    ),
    "Pad": Spelled(
        whole=[contrib("Pad", "x p", "y")],
        parts=[op("Pad", "x p", "y")],
        inputs=ROWS,
        weights={"p": np.array([1, 0, 2, 3])},
    ),
    "Trilu": Spelled(
        whole=[contrib("Trilu", "x", "y", upper=0)],
        parts=[op("Trilu", "x", "y", upper=0)],
        inputs=X,
    ),
    "GatherND": Spelled(
        whole=[contrib("GatherND", "x i", "y")],
        parts=[op("GatherND", "x i", "y")],
        inputs=X,
        weights={"i": np.array([[1, 3], [0, 2], [1, 1]])},
    ),
    "GridSample": Spelled(
        whole=[contrib("GridSample", "x g", "y", mode="bilinear")],
        parts=[op("GridSample", "x g", "y", mode="linear")],
        inputs=MAPS | {"g": numbers(2, 5, 6, 2)},
    ),
    "BiasSplitGelu": Spelled(
        whole=[contrib("BiasSplitGelu", "x b", "y")],
        parts=[
            op("Add", "x b", "s"),
            op("Split", "s", "l r", axis=-1, num_outputs=2),
            op("Gelu", "r", "g"),
            op("Mul", "l g", "y"),
        ],
        runs=False,
        inputs=X,
        weights={"b": numbers(8)},
    ),
    "BiasAdd": Spelled(
        whole=[contrib("BiasAdd", "x b z", "y")],
        parts=[op("Add", "x b", "s"), op("Add", "s z", "y")],
        runs=False,
        inputs=X | {"z": numbers(2, 5, 8, seed=1)},
        weights={"b": numbers(8)},
    ),
    "BiasDropout": Spelled(
        whole=[contrib("BiasDropout", "x b z", "y")],
        parts=[op("Add", "x b", "s"), op("Add", "s z", "y")],
        runs=False,
        inputs=X | {"z": numbers(2, 5, 8, seed=1)},
        weights={"b": numbers(8)},
    ),
    "BiasSoftmax": Spelled(
        whole=[contrib("BiasSoftmax", "x b", "y", axis=2, is_inner_broadcast=0)],
        parts=[op("Add", "x b", "s"), op("Softmax", "s", "y")],
        runs=False,
        inputs=X | {"b": numbers(2, 1, 8)},
    ),
    "GroupNorm": Spelled(
        whole=[contrib("GroupNorm", "x g o", "y", groups=2, activation=1, channels_last=0)],
        parts=[
            op("GroupNormalization", "x g o", "n", num_groups=2),
            op("Sigmoid", "n", "s"),
            op("Mul", "n s", "y"),
        ],
        runs=False,
        inputs=MAPS,
        weights={"g": numbers(4), "o": numbers(4, seed=1)},
    ),
    "SkipGroupNorm": Spelled(
        whole=[contrib("SkipGroupNorm", "x g o z b", "y s", groups=2, activation=0)],
        parts=[
            op("Add", "x b", "t"),
            op("Add", "t z", "s"),
            op("Transpose", "s", "u", perm=[0, 3, 1, 2]),
            op("GroupNormalization", "u g o", "n", num_groups=2),
            op("Transpose", "n", "y", perm=[0, 2, 3, 1]),
        ],
        results=("y", "s"),
        runs=False,
        inputs={"x": numbers(2, 9, 7, 4), "z": numbers(2, 9, 7, 4, seed=1)},
        weights={"g": numbers(4), "o": numbers(4, seed=1), "b": numbers(4, seed=2)},
    ),
    "NhwcConv": Spelled(
        whole=[contrib("NhwcConv", "x w b", "y", pads=[1, 0, 1, 0], strides=[2, 1])],
        parts=[
            op("Transpose", "x", "t", perm=[0, 3, 1, 2]),
            op("Conv", "t w b", "c", pads=[1, 0, 1, 0], strides=[2, 1]),
            op("Transpose", "c", "y", perm=[0, 2, 3, 1]),
        ],
        runs=False,
        inputs={"x": numbers(2, 9, 7, 4)},
        weights={"w": numbers(6, 4, 3, 3), "b": numbers(6)},
    ),
    "ComplexMul": Spelled(
        whole=[contrib("ComplexMul", "x z", "y")],
        parts=[
            op("Split", "x", "a b", axis=-1, num_outputs=2),
            op("Split", "z", "c d", axis=-1, num_outputs=2),
            op("Mul", "a c", "ac"),
            op("Mul", "b d", "bd"),
            op("Mul", "a d", "ad"),
            op("Mul", "b c", "bc"),
            op("Sub", "ac bd", "re"),
            op("Add", "ad bc", "im"),
            op("Concat", "re im", "y", axis=-1),
        ],
        runs=False,
        inputs={"x": numbers(3, 5, 2), "z": numbers(3, 5, 2, seed=1)},
    ),
    "Rfft": Spelled(
        whole=[contrib("Rfft", "x", "y", normalized=0, onesided=1, signal_ndim=1)],
        parts=[
            op("Unsqueeze", "x last", "u"),
            op("DFT", "u - axis", "y", onesided=1),
        ],
        runs=False,
        inputs=ROWS,
        weights={"last": np.array([-1]), "axis": np.array(1)},
    ),
    "GemmFastGelu": Spelled(
        whole=[contrib("GemmFastGelu", "x w b", "y")],
        parts=[
            op("MatMul", "x w", "p"),
            op("Add", "p b", "s"),
            op("Gelu", "s", "y", approximate="tanh"),
        ],
        runs=False,
        inputs=X,
        weights={"w": numbers(8, 3), "b": numbers(3)},
    ),
    "Affine": Spelled(
        whole=[op("Affine", "x", "y", alpha=0.5, beta=1.0)],
        parts=[op("Mul", "x h", "s"), op("Add", "s one", "y")],
        runs=False,
        inputs=X,
        weights={"h": HALF, "one": np.float32(1)},
    ),
    "ParametricSoftplus": Spelled(
        whole=[op("ParametricSoftplus", "x", "y", alpha=0.5, beta=0.5)],
        parts=[op("Mul", "x h", "s"), op("Softplus", "s", "p"), op("Mul", "p h", "y")],
        runs=False,
        inputs=X,
        weights={"h": HALF},
    ),
    "ScaledTanh": Spelled(
        whole=[op("ScaledTanh", "x", "y", alpha=0.5, beta=0.5)],
        parts=[op("Mul", "x h", "s"), op("Tanh", "s", "p"), op("Mul", "p h", "y")],
        runs=False,
        inputs=X,
        weights={"h": HALF},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operator_and_the_graph_that_spells_it_out(name: str) -> None:
    check(CASES[name])
