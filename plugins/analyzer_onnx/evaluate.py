"""Evaluation of small constants: shapes, indices, counters. Weights are never evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analyzer.dtypes import is_floating

if TYPE_CHECKING:
    import numpy as np

    from analyzer_onnx.nodes import OnnxNode

__all__ = ["LARGEST_KNOWN", "MOVES", "evaluate", "is_evaluable", "largest_known"]

LARGEST_KNOWN = 4096
"""Elements up to which integers and what follows from them are known; shapes are far shorter."""

_FEW_FLOATS = 16  # the scales of a Resize are known; the elements of a weight are nobody's business

MOVES = frozenset(
    {
        "Cast",
        "Compress",
        "Concat",
        "DequantizeLinear",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Identity",
        "Pad",
        "QuantizeLinear",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
        "Where",
    }
)
"""Operators that move elements, or write them otherwise, and compute none."""

_ARITHMETIC = frozenset(
    {
        "Abs",
        "Add",
        "And",
        "ArgMax",
        "ArgMin",
        "BitwiseAnd",
        "BitwiseNot",
        "BitwiseOr",
        "BitwiseXor",
        "Ceil",
        "Clip",
        "ConstantOfShape",
        "CumSum",
        "Div",
        "Equal",
        "Exp",
        "EyeLike",
        "Floor",
        "Greater",
        "GreaterOrEqual",
        "IsInf",
        "IsNaN",
        "Less",
        "LessOrEqual",
        "Log",
        "Max",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "NonZero",
        "Not",
        "OneHot",
        "Or",
        "Pow",
        "Range",
        "Reciprocal",
        "Relu",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "Round",
        "ScatterElements",
        "ScatterND",
        "Sign",
        "Size",
        "Sqrt",
        "StringConcat",
        "StringNormalizer",
        "StringSplit",
        "Sub",
        "Sum",
        "TopK",
        "Trilu",
        "Unique",
        "Xor",
    }
)


def largest_known(dtype: str) -> int:
    """Return up to how many elements of a type are known."""
    return _FEW_FLOATS if is_floating(dtype) else LARGEST_KNOWN


def is_evaluable(op_type: str) -> bool:
    """Say whether a standard operator is one that shape arithmetic is made of."""
    return op_type in MOVES or op_type in _ARITHMETIC


def evaluate(
    node: OnnxNode, opset: int, inputs: Sequence[np.ndarray[Any, Any] | None]
) -> list[np.ndarray[Any, Any]] | None:
    """Return what a standard operator gives for known inputs, None where it refuses them."""
    import numpy as np

    try:
        if node.op_type == "ConstantOfShape":
            return [_filled(node, inputs[0])]
        from onnx.reference.ops import load_op

        run_params = {"log": lambda *_: None, "opsets": {"": opset}, "verbose": 0, "new_ops": {}}
        with np.errstate(all="ignore"):
            made = load_op("", node.op_type, opset)(node.proto, run_params).run(*inputs)
    except Exception:  # the reference raises whatever numpy raises; then nothing is known
        return None
    return [np.asarray(array) for array in made]


def _filled(node: OnnxNode, shape: Any) -> np.ndarray[Any, Any]:
    """Return a filled tensor: for this one, loading the whole reference would take the longest."""
    import numpy as np
    from onnx import numpy_helper

    told = node.given.get("value")
    value = np.zeros(1, np.float32) if told is None else numpy_helper.to_array(told)
    return np.full(shape.tolist(), value.reshape(-1)[0], dtype=value.dtype)
