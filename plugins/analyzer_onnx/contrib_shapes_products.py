"""Shapes and types of ONNX Runtime's products of matrices, convolutions and poolings."""

from __future__ import annotations

from analyzer_onnx.blocks import BLOCKED
from analyzer_onnx.call import Call
from analyzer_onnx.dtypes import DTYPES
from analyzer_onnx.inferred import Inferred, Shaper
from analyzer_onnx.windows import places

__all__ = ["TABLE", "stretched"]

Sizes = tuple[int, ...]


def stretched(*shapes: Sizes) -> Sizes:
    """Return the shape that some are stretched to.

    >>> stretched((3, 1), (4,))
    (3, 4)
    """
    rank = max(map(len, shapes))
    whole = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(
        next((size for size in sizes if size != 1), 1) for sizes in zip(*whole, strict=True)
    )


def _product(left: int = 0, right: int = 1, *, like: int = 0, dtype: str = "") -> Shaper:
    """Multiply the operands of these places; the result has the type of one, or one of its own."""

    def shape(call: Call) -> list[Inferred]:
        a, b = _matrix(call, left, "A"), _matrix(call, right, "B")
        rows = (a[-2],) if len(a) > 1 else ()
        columns = (b[-1],) if len(b) > 1 else ()
        batch = stretched(a[:-2], b[:-2]) if len(a) > 2 or len(b) > 2 else ()
        return [Inferred((*batch, *rows, *columns), dtype or call.input(like).dtype)]

    return shape


def _matrix(call: Call, index: int, name: str) -> Sizes:
    """Return the sizes of an operand as ``(…, rows, columns)``."""
    sizes = call.input(index).sizes
    if call.attribute(f"transBatch{name}", 0) and len(sizes) > 2:
        sizes = (*sizes[1:-1], sizes[0], sizes[-1])
    if call.attribute(f"trans{name}", 0) and len(sizes) > 1:
        sizes = (*sizes[:-2], sizes[-1], sizes[-2])
    return sizes


def _quantized_gemm(call: Call) -> list[Inferred]:
    return _product(0, 3, dtype=call.input(8).dtype if call.has(8) else "float32")(call)


def _gemm_of_eight_bits(call: Call) -> list[Inferred]:
    return _product(dtype=DTYPES[call.attribute("dtype", 1)])(call)


def _columns(attribute: str = "N") -> Shaper:
    """Make the last axis as long as an attribute says."""

    def shape(call: Call) -> list[Inferred]:
        return [Inferred((*call.x.sizes[:-1], call.attribute(attribute)), call.x.dtype)]

    return shape


def _either_columns(call: Call) -> list[Inferred]:
    return _columns("N" if call.attribute("transB", 1) else "K")(call)


def _rows_of_second(call: Call) -> list[Inferred]:
    return [Inferred((*call.x.sizes[:-1], call.input(1).sizes[0]), call.x.dtype)]


def _columns_of_shape(call: Call) -> list[Inferred]:
    told = call.numbers(2)
    return [Inferred((*call.x.sizes[:-1], told[1]), call.x.dtype)] if told else []


def _gate_and_up(call: Call) -> list[Inferred]:
    return [*_columns()(call), Inferred(call.x.sizes, call.x.dtype)]


def _three_projections(call: Call) -> list[Inferred]:
    each = [_columns(name)(call)[0] for name in ("Nq", "Nkv", "Nkv")]
    return [*each, Inferred(call.x.sizes, call.x.dtype)]


# Windows


def _convolved(
    weight: int = 1, *, like: int = 0, channels_last: bool | None = None, transposed: bool = False
) -> Shaper:
    def shape(call: Call) -> list[Inferred]:
        last = bool(call.attribute("channels_last", 0)) if channels_last is None else channels_last
        x, kernel = call.x.sizes, call.input(weight).sizes
        spatial = x[1:-1] if last else x[2:]
        channels = x[-1] if last else x[1]
        groups = call.attribute("group", 1)
        window = kernel[2:]
        if last and kernel[1] * groups != channels and kernel[-1] * groups == channels:
            window = kernel[1:-1]
        pads = call.numbers(2) if transposed else None
        after = places(call, spatial, window, transposed=transposed, pads=pads)
        filters = kernel[1] * groups if transposed else kernel[0]
        out = (x[0], *after, filters) if last else (x[0], filters, *after)
        return [Inferred(out, call.input(like).dtype)]

    return shape


def _pooled(*, channels_last: bool | None = None, whole: bool = False) -> Shaper:
    def shape(call: Call) -> list[Inferred]:
        last = bool(call.attribute("channels_last", 0)) if channels_last is None else channels_last
        x = call.x.sizes
        spatial = x[1:-1] if last else x[2:]
        if whole:
            after: Sizes = (1,) * len(spatial)
        else:
            after = places(call, spatial, tuple(call.attribute("kernel_shape")))
        return [Inferred((x[0], *after, x[-1]) if last else (*x[:2], *after), call.x.dtype)]

    return shape


def _upsampled(call: Call) -> list[Inferred]:
    sizes = zip(call.x.sizes, call.attribute("scales"), strict=True)
    return [Inferred(tuple(size * scale for size, scale in sizes), call.x.dtype)]


def _into_blocks(call: Call) -> list[Inferred]:
    batch, *rest = call.x.sizes
    spatial, channels = (
        (rest[:-1], rest[-1]) if call.attribute("channels_last", 0) else (rest[1:], rest[0])
    )
    return [Inferred((batch, call.blocks.filled(channels), *spatial), call.x.dtype)]


def _out_of_blocks(call: Call) -> list[Inferred]:
    batch, _, *spatial = call.x.sizes
    channels = call.attribute("channels")
    last = bool(call.attribute("channels_last", 0))
    sizes = (batch, *spatial, channels) if last else (batch, channels, *spatial)
    return [Inferred(sizes, call.x.dtype)]


_IN_BLOCKS: dict[str, Shaper] = {
    "AveragePool": _pooled(channels_last=False),
    "Conv": _convolved(channels_last=False),
    "GlobalAveragePool": _pooled(channels_last=False, whole=True),
    "GlobalMaxPool": _pooled(channels_last=False, whole=True),
    "MaxPool": _pooled(channels_last=False),
    "ReorderInput": _into_blocks,
    "ReorderOutput": _out_of_blocks,
    "Upsample": _upsampled,
}

_MICROSOFT: dict[str, Shaper] = {
    "ConvTransposeWithDynamicPads": _convolved(channels_last=False, transposed=True),
    "DynamicQuantizeMatMul": _product(),
    "FusedConv": _convolved(channels_last=False),
    "FusedGemm": _product(),
    "FusedMatMul": _product(),
    "FusedMatMulActivation": _product(),
    "GemmFastGelu": _product(),
    "GemmFloat8": _gemm_of_eight_bits,
    "MatMulBlockQuantizedFp4Weight": _rows_of_second,
    "MatMulBlockQuantizedFp8Weight": _rows_of_second,
    "MatMulBnb4": _either_columns,
    "MatMulFpQ4": _columns_of_shape,
    "MatMulInteger16": _product(dtype="int32"),
    "MatMulIntegerToFloat": _product(like=2),
    "MatMulNBits": _columns(),
    "MatMulNBitsMlp": _gate_and_up,
    "MatMulNBitsQLoRA": _columns(),
    "MatMulNBitsQkv": _three_projections,
    "MaxpoolWithMask": _pooled(channels_last=False),
    "NhwcConv": _convolved(channels_last=True),
    "NhwcFusedConv": _convolved(channels_last=True),
    "NhwcMaxPool": _pooled(channels_last=True),
    "QGemm": _quantized_gemm,
    "QLinearAveragePool": _pooled(),
    "QLinearConv": _convolved(3),
    "QLinearGlobalAveragePool": _pooled(whole=True),
    "QOrderedMatMul": _product(0, 2),
    "TransposeMatMul": _product(),
}

TABLE: dict[str, Shaper] = {
    **{f"com.microsoft::{name}": shape for name, shape in _MICROSOFT.items()},
    **{f"{BLOCKED}::{name}": shape for name, shape in _IN_BLOCKS.items()},
}
"""Products and windows of ONNX Runtime, to what finds the shapes of their results."""
