"""Convolutions, matrix products and einsum."""

from __future__ import annotations

from math import prod

from torch import Tensor

from analyzer import Operation
from analyzer.ops import Convolution, Einsum, Linear, MatrixProduct, spatial_axes
from analyzer_torch.call import Call, Maker, each
from analyzer_torch.mapping_common import has_complex

__all__ = ["CONTRACTIONS", "added_matmul", "convolution", "linear"]


def _padding(call: Call, kernel: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Pairs (before, after); ``"same"`` puts the odd one behind, as PyTorch does."""
    axes = len(kernel)
    match call["padding"]:
        case "valid":
            return ((0, 0),) * axes
        case "same":
            spread = zip(kernel, each(call["dilation"], axes), strict=True)
            totals = [dilation * (size - 1) for size, dilation in spread]
            return tuple((total // 2, total - total // 2) for total in totals)
        case sizes:
            return tuple((size, size) for size in each(sizes, axes))


def convolution(call: Call, *, transposed: bool) -> Operation:
    """``(batch, in, *spatial), (out, in / groups, *kernel) → (batch, out, *spatial)``."""
    weight: Tensor = call["weight"]
    kernel = tuple(weight.shape[2:])
    axes = len(kernel)
    source, result = tuple(call.first.shape), tuple(call.output.shape)
    groups: int | None = call.get("groups")
    if groups is None:  # kernels of some devices tell them by the shapes alone
        groups = 1 if transposed else source[-axes - 1] // weight.shape[1]
    per_group = "" if groups == 1 else " per group"
    windows = spatial_axes("kernel", axes)
    if transposed:
        names = ("input channels", f"filters{per_group}", *windows)
    else:
        names = ("filters", f"input channels{per_group}", *windows)
    call.plays(weight, "kernel", names)
    bias: Tensor | None = call.get("bias")
    call.plays(bias, "bias", ("filters",))
    return Convolution(
        batch=prod(source[: -axes - 1]),
        in_channels=source[-axes - 1],
        out_channels=result[-axes - 1],
        groups=groups,
        in_spatial=source[-axes:],
        out_spatial=result[-axes:],
        kernel=kernel,
        stride=each(call.get("stride", 1), axes),
        dilation=each(call.get("dilation", 1), axes),
        padding=_padding(call, kernel),
        bias=bias is not None,
        transposed=transposed,
        complex_numbers=has_complex(call),
    )


def _forward_convolution(call: Call) -> Operation:
    return convolution(call, transposed=False)


def _transposed_convolution(call: Call) -> Operation:
    return convolution(call, transposed=True)


def _either_convolution(call: Call) -> Operation:
    return convolution(call, transposed=call["transposed"])


def linear(call: Call) -> Operation:
    """``(…, in), (out, in) → (…, out)``."""
    weight: Tensor = call["weight"]
    return _dense(call, call.first, weight, ("output features", "input features"), call["bias"])


def _dense(
    call: Call, rows: Tensor, weight: Tensor, axes: tuple[str, ...], bias: Tensor | None
) -> Operation:
    sizes = dict(zip(axes, weight.shape, strict=False))
    call.plays(weight, "kernel", axes)
    call.plays(bias, "bias", ("output features",))
    features = sizes["input features"]
    return Linear(
        rows=rows.numel() // features if features else 0,
        in_features=features,
        out_features=sizes.get("output features", 1),
        bias=bias is not None,
        complex_numbers=has_complex(call),
    )


def _matmul(call: Call) -> Operation:
    """``(…, m, k) @ (…, k, n)``, a vector being a matrix of one row or column."""
    left, right = list(call.arguments.values())[:2]
    return _product(call, left, right, addend=None)


def added_matmul(call: Call) -> Operation:
    """``addend · beta + left @ right · alpha``."""
    addend, left, right = list(call.arguments.values())[:3]
    of_product = call.output.numel() if call["alpha"] != 1 else 0
    of_addend = addend.numel() if call["beta"] not in (0, 1) else 0
    addend = addend if call["beta"] else None
    if of_product or of_addend:  # a dense layer multiplies by its weights alone
        return _of_matrices(call, left, right, addend=addend, scaled=of_product + of_addend)
    return _product(call, left, right, addend=addend)


def _product(call: Call, left: Tensor, right: Tensor, *, addend: Tensor | None) -> Operation:
    """Make a dense layer where one side is a stored matrix, else a product of activations."""
    if right.dim() == 2 and call.stored(right) and not call.stored(left):
        return _dense(call, left, right, ("input features", "output features"), addend)
    if left.dim() == 2 and call.stored(left) and not call.stored(right) and addend is None:
        return _dense(call, right, left, ("output features", "input features"), None)
    return _of_matrices(call, left, right, addend=addend)


def _of_matrices(
    call: Call, left: Tensor, right: Tensor, *, addend: Tensor | None, scaled: int = 0
) -> Operation:
    m = left.shape[-2] if left.dim() > 1 else 1
    n = right.shape[-1] if right.dim() > 1 else 1
    call.plays(left, "kernel", _stacked(left, ("output features", "input features")))
    call.plays(right, "kernel", _stacked(right, ("input features", "output features")))
    call.plays(addend, "bias")
    return MatrixProduct(
        batch=call.output.numel() // (m * n) if m * n else 0,
        m=m,
        k=left.shape[-1],
        n=n,
        addend=addend is not None,
        scaled=scaled,
        complex_numbers=has_complex(call),
    )


def _stacked(side: Tensor, axes: tuple[str, ...]) -> tuple[str, ...]:
    """Name the axes of one side of a product: a vector, a matrix or a stack of matrices."""
    return ("input features",) if side.dim() == 1 else ("stack",) * (side.dim() - 2) + axes


def _einsum(call: Call) -> Operation:
    """Labels with the ellipsis written out, in letters that the equation lacks.

    An axis of one element that meets longer ones is stretched over them; its operand is then one
    without that axis.
    """
    tensors: list[Tensor] = list(call["tensors"])
    equation = call["equation"].replace(" ", "")
    left, arrow, output = equation.partition("->")
    operands = left.split(",")
    spare = [label for label in map(chr, range(0x3B1, 0x3B1 + 24)) if label not in equation]
    widths = [
        tensor.dim() - len(labels.replace("...", ""))
        for tensor, labels in zip(tensors, operands, strict=True)
        if "..." in labels
    ]
    ellipsis = "".join(spare[: max(widths, default=0)])
    sizes: dict[str, int] = {}
    written: list[str] = []
    for tensor, labels in zip(tensors, operands, strict=True):
        hidden = tensor.dim() - len(labels.replace("...", ""))
        text = labels.replace("...", ellipsis[len(ellipsis) - hidden :] if hidden else "")
        for label, size in zip(text, tensor.shape, strict=True):
            sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
        call.plays(tensor, "kernel", tuple(text))
        written.append(text)
    for at, (tensor, text) in enumerate(zip(tensors, written, strict=True)):
        axes = zip(text, tensor.shape, strict=True)
        written[at] = "".join(label for label, size in axes if size == sizes[label])
    if not arrow:
        bare = left.replace(",", "").replace("...", "")
        output = "..." + "".join(sorted(label for label in set(bare) if bare.count(label) == 1))
    path = call.get("path") or ()
    return Einsum(
        operands=tuple(written),
        output=output.replace("...", ellipsis),
        sizes=tuple(sizes.items()),
        path=tuple(zip(path[::2], path[1::2], strict=True)),
        complex_numbers=has_complex(call),
    )


def _trilinear(call: Call) -> Operation:
    """Three operands over shared axes, each without the axes along which it is expanded."""
    written: list[str] = []
    sizes: dict[str, int] = {}
    rank = 0
    for which in "123":
        tensor, expanded = call[f"i{which}"], call[f"expand{which}"]
        rank = tensor.dim() + len(expanded)
        labels = [chr(ord("a") + axis) for axis in range(rank) if axis not in expanded]
        sizes.update(zip(labels, tensor.shape, strict=True))
        written.append("".join(labels))
        call.plays(tensor, "kernel")
    kept = [chr(ord("a") + axis) for axis in range(rank) if axis not in call["sumdim"]]
    return Einsum(
        operands=tuple(written),
        output="".join(kept),
        sizes=tuple(sizes.items()),
        complex_numbers=has_complex(call),
    )


def _convolution_in_time(call: Call) -> Operation:
    """``(time, batch, in), (kernel, in, out), (out) → (time, batch, out)``."""
    steps, batch, channels = call["self"].shape
    kernel, _, filters = call["weight"].shape
    call.plays(call["weight"], "kernel", ("kernel length", "input channels", "filters"))
    call.plays(call["bias"], "bias", ("filters",))
    return Convolution(
        batch=batch,
        in_channels=channels,
        out_channels=filters,
        groups=1,
        in_spatial=(steps,),
        out_spatial=(call.output.shape[0],),
        kernel=(kernel,),
        stride=(1,),
        dilation=(1,),
        padding=((call["pad"],) * 2,),
        bias=True,
    )


CONTRACTIONS: dict[str, Maker] = {
    "_convolution": _either_convolution,
    "_trilinear": _trilinear,
    "addmm": added_matmul,
    "addmv": added_matmul,
    "baddbmm": added_matmul,
    "bmm": _matmul,
    "conv1d": _forward_convolution,
    "conv2d": _forward_convolution,
    "conv3d": _forward_convolution,
    "conv_tbc": _convolution_in_time,
    "conv_transpose1d": _transposed_convolution,
    "conv_transpose2d": _transposed_convolution,
    "conv_transpose3d": _transposed_convolution,
    "convolution": _either_convolution,
    "convolution_overrideable": _either_convolution,
    "dot": _matmul,
    "einsum": _einsum,
    "linalg_matmul": _matmul,
    "linear": linear,
    "matmul": _matmul,
    "mm": _matmul,
    "mv": _matmul,
    "vdot": _matmul,
}
"""ATen name → function that makes our operation, for linear contractions."""
