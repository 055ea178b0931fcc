"""Shapes and types of ONNX Runtime's own operators, of which ``onnx`` knows nothing."""

from __future__ import annotations

from analyzer_onnx import contrib_shapes_attention, contrib_shapes_products
from analyzer_onnx.call import Call
from analyzer_onnx.contrib_shapes_products import stretched
from analyzer_onnx.dtypes import DTYPES
from analyzer_onnx.inferred import Inferred, Shaper

__all__ = ["TABLE"]


def _same(call: Call) -> list[Inferred]:
    return [Inferred(call.x.sizes, call.x.dtype)]


def _second(call: Call) -> list[Inferred]:
    return [Inferred(call.input(1).sizes, call.input(1).dtype)]


def _same_twice(call: Call) -> list[Inferred]:
    return [Inferred(call.x.sizes, call.x.dtype)] * 2


def _to(dtype: str, *more: str) -> Shaper:
    def shape(call: Call) -> list[Inferred]:
        return [Inferred(call.x.sizes, name) for name in (dtype, *more)]

    return shape


def _like(index: int) -> Shaper:
    """Give the shape of the first input, and the type of another."""

    def shape(call: Call) -> list[Inferred]:
        return [Inferred(call.x.sizes, call.input(index).dtype)]

    return shape


def _of_two(left: int, right: int, dtype: str | None = None) -> Shaper:
    def shape(call: Call) -> list[Inferred]:
        both = stretched(call.input(left).sizes, call.input(right).sizes)
        return [Inferred(both, dtype or call.input(left).dtype)]

    return shape


def _half(call: Call) -> list[Inferred]:
    x = call.x.sizes
    return [Inferred((*x[:-1], x[-1] // 2), call.x.dtype)]


def _halved_unless_second(call: Call) -> list[Inferred]:
    return _same(call) if call.has(1) else _half(call)


# Normalisation, embedding


def _normalized(call: Call) -> list[Inferred]:
    """Give the result, mean and deviation of each row, and what was normalised."""
    x = call.x.sizes
    whole, rows = Inferred(x, call.x.dtype), Inferred((*x[:-1], 1), "float32")
    return [whole, rows, rows, whole]


def _simplified(call: Call) -> list[Inferred]:
    x = call.x.sizes
    axis = call.attribute("axis", -1) % len(x)
    rows = (*x[:axis], *(1 for _ in x[axis:]))
    return [Inferred(x, call.input(1).dtype), Inferred(rows, "float32")]


def _embedded(call: Call) -> list[Inferred]:
    ids = call.x.sizes
    table = call.input(2)
    dtype = table.dtype if table.floating else call.input(8).dtype
    whole = Inferred((*ids, table.sizes[1]), dtype)
    masked = (ids[0],) if call.attribute("mask_index_type", 1) == 1 else ids
    return [whole, Inferred(masked, call.x.dtype), whole]


def _looked_up(call: Call) -> list[Inferred]:
    return [Inferred((*call.input(1).sizes, call.x.sizes[1]), call.x.dtype)]


def _unpacked(call: Call) -> list[Inferred]:
    """Gather, then as many numbers as scales and the size of a block say, of a packed last axis."""
    data, indices = call.x.sizes, call.input(1).sizes
    axis = call.attribute("gather_axis", 0) % len(data)
    if call.x.dtype == "uint8":
        data = (*data[:-1], data[-1] * 8 // call.attribute("bits", 4))
    return [Inferred((*data[:axis], *indices, *data[axis + 1 :]), call.input(2).dtype)]


def _relative_positions(call: Call) -> list[Inferred]:
    queries, keys = call.numbers(1), call.numbers(2)
    if not queries or not keys:
        return []
    return [Inferred((1, call.x.sizes[1], queries[0], keys[0]), call.x.dtype)]


# Movement and the rest


def _joined(call: Call) -> list[Inferred]:
    parts = [call.input(index).sizes for index in range(2, len(call.inputs), 3)]
    axis = call.attribute("axis") % len(parts[0])
    whole = sum(part[axis] for part in parts)
    return [Inferred((*parts[0][:axis], whole, *parts[0][axis + 1 :]), call.input(2).dtype)]


def _selected(call: Call) -> list[Inferred]:
    shape = stretched(*(call.input(index).sizes for index in (0, 1, 4)))
    return [Inferred(shape, call.input(1).dtype)]


def _reduced(dtype: str | None = None) -> Shaper:
    def shape(call: Call) -> list[Inferred]:
        x = call.x.sizes
        axes = {axis % len(x) for axis in call.attribute("axes") or range(len(x))}
        kept = bool(call.attribute("keepdims", 1))
        sizes = (1 if at in axes else size for at, size in enumerate(x) if kept or at not in axes)
        return [Inferred(tuple(sizes), dtype or call.x.dtype)]

    return shape


def _expanded(call: Call) -> list[Inferred]:
    told = call.numbers(1)
    if not told:
        return []
    x = call.x.sizes
    axis = told[0] + len(x) + 1 if told[0] < 0 else told[0]
    return [Inferred((*x[:axis], 1, *x[axis:]), call.x.dtype)]


def _distances(call: Call) -> list[Inferred]:
    return [Inferred((call.x.sizes[0], call.input(1).sizes[0]), call.x.dtype)]


def _regions(call: Call) -> list[Inferred]:
    told = call.numbers(3)
    if not told:
        return []
    return [Inferred((call.input(1).sizes[0], call.x.sizes[1], *told), call.x.dtype)]


def _sampled(call: Call) -> list[Inferred]:
    grid = call.input(1).sizes
    return [Inferred((*call.x.sizes[:2], *grid[1:-1]), call.x.dtype)]


def _transformed(call: Call) -> list[Inferred]:
    x, onesided = call.x.sizes, call.attribute("onesided", 1)
    return [Inferred((*x[:-1], x[-1] // 2 + 1 if onesided else x[-1], 2), call.x.dtype)]


def _transformed_back(call: Call) -> list[Inferred]:
    x, onesided = call.x.sizes, call.attribute("onesided", 1)
    return [Inferred((*x[:-2], (x[-2] - 1) * 2 if onesided else x[-2]), call.x.dtype)]


def _unfolded(call: Call) -> list[Inferred]:
    x, size = call.x.sizes, call.attribute("size")
    axis = call.attribute("dim", -1) % len(x)
    slices = (x[axis] - size) // call.attribute("step", 1) + 1
    return [Inferred((*x[:axis], slices, *x[axis + 1 :], size), call.x.dtype)]


def _padded(call: Call) -> list[Inferred]:
    pads = call.numbers(1)
    if not pads:
        return []
    x = call.x.sizes
    sizes = zip(pads[: len(x)], x, pads[len(x) :], strict=True)
    return [Inferred(tuple(map(sum, sizes)), call.x.dtype)]


def _restored(call: Call) -> list[Inferred]:
    return [Inferred((*call.input(1).sizes, call.x.sizes[-1]), call.x.dtype)]


def _gathered(call: Call) -> list[Inferred]:
    x, at = call.x.sizes, call.input(1).sizes
    return [Inferred((*at[:-1], *x[at[-1] :]), call.x.dtype)]


def _flag(call: Call) -> list[Inferred]:
    return [Inferred((), "bool")]


def _with_mask(call: Call) -> list[Inferred]:
    mask = (call.x.elements + 31) // 32 if "Bitmask" in call.op_type else 0
    if mask:
        return [Inferred(call.x.sizes, call.x.dtype), Inferred((mask,), "uint32")]
    return [Inferred(call.x.sizes, call.x.dtype), Inferred(call.x.sizes, "bool")]


def _recurrent(call: Call) -> list[Inferred]:
    steps, batch = call.x.sizes[:2]
    directions, _, gates = call.input(1).sizes
    hidden = gates // 4
    last = Inferred((directions, batch, hidden), call.x.dtype)
    return [Inferred((steps, directions, batch, hidden), call.x.dtype), last, last]


def _quantized(call: Call) -> list[Inferred]:
    return [Inferred(call.x.sizes, call.input(2).dtype if call.has(2) else "uint8")]


def _ordered(call: Call) -> list[Inferred]:
    to = DTYPES[call.attribute("to")] if call.attribute("to") else "int8"
    return [Inferred(call.x.sizes, to)]


_MICROSOFT: dict[str, Shaper] = {
    "BiasAdd": _same,
    "BiasDropout": _with_mask,
    "BiasGelu": _same,
    "BiasSoftmax": _same,
    "BiasSplitGelu": _half,
    "BitmaskBiasDropout": _with_mask,
    "BitmaskDropout": _with_mask,
    "BranchwiseRMSNorm": _same,
    "CDist": _distances,
    "ComplexMul": _of_two(0, 1),
    "ComplexMulConj": _of_two(0, 1),
    "CropAndResize": _regions,
    "DequantizeLinear": _like(1),
    "DequantizeWithOrder": _ordered,
    "DynamicQuantizeLSTM": _recurrent,
    "EmbedLayerNormalization": _embedded,
    "ExpandDims": _expanded,
    "FastGelu": _same,
    "GatedRMSNorm": _same,
    "GatherBlockQuantized": _unpacked,
    "GatherND": _gathered,
    "Gelu": _same,
    "GridSample": _sampled,
    "GroupNorm": _same,
    "Inverse": _same,
    "Irfft": _transformed_back,
    "IsAllFinite": _flag,
    "MoE": _same,
    "MulInteger": _of_two(0, 2, "int32"),
    "NGramRepeatBlock": _second,
    "Pad": _padded,
    "QEmbedLayerNormalization": _embedded,
    "QLinearAdd": _of_two(0, 3),
    "QLinearConcat": _joined,
    "QLinearLeakyRelu": _same,
    "QLinearMul": _of_two(0, 3),
    "QLinearReduceMean": _reduced(),
    "QLinearSigmoid": _same,
    "QLinearSoftmax": _same,
    "QLinearWhere": _selected,
    "QMoE": _same,
    "QOrderedGelu": _same,
    "QOrderedLayerNormalization": _same,
    "QuantizeLinear": _quantized,
    "QuantizeWithOrder": _ordered,
    "QuickGelu": _same,
    "ReduceSumInteger": _reduced("int32"),
    "RelativePositionBias": _relative_positions,
    "RestorePadding": _restored,
    "Rfft": _transformed,
    "SampleOp": _same,
    "ScaledSiLU": _same,
    "SkipGroupNorm": _same_twice,
    "SkipLayerNormalization": _normalized,
    "SkipSimplifiedLayerNormalization": _normalized,
    "SwiGLU": _halved_unless_second,
    "TorchEmbedding": _looked_up,
    "Trilu": _same,
    "UnfoldTensor": _unfolded,
}

TABLE: dict[str, Shaper] = {
    "Affine": _same,
    "ImageScaler": _same,
    "MemcpyFromHost": _same,
    "MemcpyToHost": _same,
    "ParametricSoftplus": _same,
    "Scale": _same,
    "ScaledTanh": _same,
    "SimplifiedLayerNormalization": _simplified,
    **{f"com.microsoft::{name}": shape for name, shape in _MICROSOFT.items()},
    **contrib_shapes_attention.TABLE,
    **contrib_shapes_products.TABLE,
}
"""Operators of ONNX Runtime, to what finds the shapes of their results."""
