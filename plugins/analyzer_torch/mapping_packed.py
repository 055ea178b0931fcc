"""Products with experts' weights, with packed and scaled ones, and the kernels of libraries."""

from __future__ import annotations

from torch import Tensor

from analyzer import Operation
from analyzer.ops import Elementwise, MatrixProduct
from analyzer_torch.call import Call, Maker
from analyzer_torch.mapping_common import elementwise, fused, unknown
from analyzer_torch.mapping_contractions import added_matmul, convolution, linear

__all__ = ["PACKED"]


def _grouped(call: Call) -> Operation:
    """Rows times the matrix of their group, whose ends ``offs`` tells.

    ``(rows, k), (groups, k, n) → (rows, n)``, and the like with groups of columns or of the summed
    axis; each row, column or term is in one group, so that how they are divided changes nothing.
    """
    left, right = list(call.arguments.values())[:2]
    bias = call.get("bias")
    call.plays(right, "kernel", ("experts", "input features", "output features"))
    call.plays(bias, "bias", ("experts", "output features"))
    both = left.dim() == right.dim() == 3
    rows = left.shape[-2]
    if left.dim() == 2 and right.dim() == 3:
        rows = _spanned(call["offs"], rows)
    scaled = call.output.numel() if "scaled" in call.name else 0
    return MatrixProduct(
        batch=left.shape[0] if both else 1,
        m=rows,
        k=left.shape[-1],
        n=right.shape[-1],
        addend=bias is not None,
        scaled=scaled,
    )


def _spanned(ends: Tensor | None, rows: int) -> int:
    """Return the rows that belong to a group, if the ends are known; else all of them."""
    if ends is None or ends.is_meta or not ends.numel():
        return rows
    return min(int(ends[-1]), rows)


def _scaled(call: Call) -> Operation:
    """Both sides have scales, whose product each result is multiplied by."""
    left, right = list(call.arguments.values())[:2]
    call.plays(right, "kernel", ("input features", "output features"))
    call.plays(call["bias"], "bias", ("output features",))
    return MatrixProduct(
        batch=1,
        m=left.shape[0],
        k=left.shape[1],
        n=call.output.shape[-1],
        addend=call["bias"] is not None,
        scaled=call.output.numel(),
    )


def _of_integers(call: Call) -> Operation:
    left, right = call["self"], call["mat2"]
    call.plays(right, "kernel", ("input features", "output features"))
    return MatrixProduct(batch=1, m=left.shape[0], k=left.shape[1], n=right.shape[1])


def _of_bytes(call: Call) -> Operation:
    """``(m, k), (n, k), (n) → (m, n)``: each result is multiplied by its column's scale."""
    left, right = call["self"], call["mat2"]
    call.plays(right, "kernel", ("output features", "input features"))
    return MatrixProduct(
        batch=1, m=left.shape[0], k=left.shape[1], n=right.shape[0], scaled=call.output.numel()
    )


def _of_nibbles(call: Call) -> Operation:
    """Packed weights get their zero and scale, one pair a group, before they are multiplied."""
    source: Tensor = call.first
    rows, features = source.numel() // source.shape[-1], source.shape[-1]
    columns = call.output.shape[-1]
    packed = list(call.arguments.values())[1]
    call.plays(packed, "kernel")
    return fused(
        call,
        Elementwise(function="dequantize", elements=features * columns),
        MatrixProduct(batch=1, m=rows, k=features, n=columns),
    )


def _summed_products(call: Call) -> Operation:
    """``beta · self + alpha · Σ batch1 @ batch2``: the batch is part of what is summed."""
    left, right = call["batch1"], call["batch2"]
    results = call.output.numel()
    of_product = results if call["alpha"] != 1 else 0
    of_addend = call["self"].numel() if call["beta"] not in (0, 1) else 0
    return MatrixProduct(
        batch=1,
        m=left.shape[1],
        k=left.shape[0] * left.shape[2],
        n=right.shape[2],
        addend=bool(call["beta"]),
        scaled=of_product + of_addend,
    )


def _activated_product(call: Call) -> Operation:
    name = "gelu tanh" if call["use_gelu"] else "relu"
    return fused(call, added_matmul(call), elementwise(call, name))


def _activated_convolution(call: Call) -> Operation:
    return fused(call, convolution(call, transposed=False), elementwise(call, "relu"))


def _added_convolution(call: Call) -> Operation:
    """Convolve, add ``alpha · z``, and cut away what is negative."""
    name = "add" if call["alpha"] in (None, 1) else "multiply and add"
    return fused(
        call,
        convolution(call, transposed=False),
        elementwise(call, name),
        elementwise(call, "relu"),
    )


def _convolution(call: Call) -> Operation:
    return convolution(call, transposed=False)


def _transposed_convolution(call: Call) -> Operation:
    return convolution(call, transposed=True)


def _mixed_linear(call: Call) -> Operation:
    """Weights of few bits get their scale; then a dense layer, and its activation."""
    source, scale, results = call["input"], call["scale"], call.output
    columns = results.shape[-1]
    call.plays(call["weight"], "kernel")
    call.plays(call["bias"], "bias", ("output features",))
    if call["activation"] not in (None, "none", "relu", "silu") or scale.dim() > 1:
        return unknown(call, activation=call["activation"])
    name = {"relu": "relu", "silu": "silu"}.get(call["activation"] or "")
    return fused(
        call,
        Elementwise(function="multiply", elements=source.shape[-1] * columns),
        MatrixProduct(
            batch=1,
            m=results.numel() // columns,
            k=source.shape[-1],
            n=columns,
            addend=call["bias"] is not None,
        ),
        elementwise(call, name) if name else None,
    )


PACKED: dict[str, Maker] = {
    "_addmm_activation": _activated_product,
    "_conv_depthwise2d": _convolution,
    "_dyn_quant_matmul_4bit": _of_nibbles,
    "_grouped_mm": _grouped,
    "_int_mm": _of_integers,
    "_mixed_dtypes_linear": _mixed_linear,
    "_mps_convolution": _convolution,
    "_mps_convolution_transpose": _transposed_convolution,
    "_nnpack_spatial_convolution": _convolution,
    "_scaled_grouped_mm": _grouped,
    "_scaled_grouped_mm_v2": _grouped,
    "_scaled_mm": _scaled,
    "_scaled_mm_v2": _scaled,
    "_slow_conv2d_forward": _convolution,
    "_weight_int4pack_mm": _of_nibbles,
    "_weight_int4pack_mm_for_cpu": _of_nibbles,
    "_weight_int4pack_mm_with_scales_and_zeros": _of_nibbles,
    "_weight_int8pack_mm": _of_bytes,
    "addbmm": _summed_products,
    "conv_depthwise3d": _convolution,
    "cudnn_convolution": _convolution,
    "cudnn_convolution_add_relu": _added_convolution,
    "cudnn_convolution_relu": _activated_convolution,
    "cudnn_convolution_transpose": _transposed_convolution,
    "miopen_convolution": _convolution,
    "miopen_convolution_add_relu": _added_convolution,
    "miopen_convolution_relu": _activated_convolution,
    "miopen_convolution_transpose": _transposed_convolution,
    "miopen_depthwise_convolution": _convolution,
    "mkldnn_convolution": _convolution,
    "mkldnn_linear": linear,
    "slow_conv3d_forward": _convolution,
    "slow_conv_dilated2d": _convolution,
    "slow_conv_dilated3d": _convolution,
    "slow_conv_transpose2d": _transposed_convolution,
    "slow_conv_transpose3d": _transposed_convolution,
    "transformers.grouped_mm_fallback": _grouped,
}
"""ATen name → function that makes our operation, for these."""
