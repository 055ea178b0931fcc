"""Resizing, regions and boxes, order, Fourier transforms, linear algebra."""

from __future__ import annotations

from math import prod

from analyzer import Operation, ops
from analyzer_tensorflow.call import Call, Mapper

__all__ = ["TABLE"]

_METHODS = {
    "ResizeBicubic": "cubic",
    "ResizeBilinear": "linear",
    "ResizeNearestNeighbor": "nearest",
}
_KERNELS = {"keyscubic": "cubic", "lanczos3": "lanczos", "triangle": "linear"}


def _resize(call: Call) -> Operation:
    before, after = call.x.sizes[1:3], call.y.sizes[1:3]
    changed = sum(old != new for old, new in zip(before, after, strict=True))
    if not changed:
        return ops.free(call.op, because=ops.NO_OP)
    return ops.Interpolation(method=_METHODS[call.op], axes=changed, out_elements=call.y.elements)


def _scale_and_translate(call: Call) -> Operation | None:
    """Resize by a filter; with a scale of its own only if that is what the sizes say."""
    method = _KERNELS.get(str(call.attribute("kernel_type", "lanczos3")))
    scale, moved = call.numbers(2), call.numbers(3)
    if method is None or scale is None or moved is None or any(moved):
        return None
    sizes = list(zip(call.x.sizes[1:3], call.y.sizes[1:3], strict=True))
    changed = tuple(pair for pair in sizes if pair[0] != pair[1])
    if not changed:
        return ops.free(call.op, because=ops.NO_OP)
    filtered = bool(call.attribute("antialias", True))
    if not filtered and method == "lanczos":
        return None
    return ops.Interpolation(
        method=method,
        axes=len(changed),
        out_elements=call.y.elements,
        antialiased=changed if filtered else (),
    )


def _regions(call: Call) -> Operation:
    """``(batch, height, width, channels), (boxes, 4) → (boxes, *size, channels)``."""
    channels = call.y.sizes[-1]
    method = "nearest" if call.attribute("method", "bilinear") == "nearest" else "linear"
    points = call.y.elements // channels if channels else 0
    return ops.Sampling(method=method, points=points, axes=2, channels=channels)


def _projected(call: Call) -> Operation:
    """Read each place of the result where a projection puts it: two products and sums, divided."""
    channels = call.y.sizes[-1]
    points = call.y.elements // channels if channels else 0
    nearest = str(call.attribute("interpolation", "NEAREST")).upper() == "NEAREST"
    return call.fused(
        ops.MatrixProduct(batch=1, m=points, k=3, n=3),
        ops.Elementwise(function="divide", elements=2 * points),
        ops.Sampling(
            method="nearest" if nearest else "linear", points=points, axes=2, channels=channels
        ),
    )


def _suppression(call: Call) -> Operation:
    """Keep the best boxes; with a threshold of scores only those above it are put in order."""
    boxes = call.inputs[1].sizes[0]
    return ops.NonMaximumSuppression(batch=1, boxes=boxes)


def _combined_suppression(call: Call) -> Operation:
    """``(batch, boxes, classes)`` scores: every class has a list of its own."""
    batch, boxes, classes = call.inputs[1].sizes
    kept = call.numbers(2)
    total = call.numbers(3)
    each = min(int(kept[0]), boxes) if kept else boxes
    return call.fused(
        ops.Elementwise(function="greater", elements=batch * boxes * classes),
        ops.NonMaximumSuppression(batch=batch * classes, boxes=boxes),
        ops.Sort(rows=batch, size=each * classes, kept=int(total[0]) if total else each * classes),
    )


def _largest(call: Call) -> Operation:
    size, kept = call.x.sizes[-1], call.y.sizes[-1]
    return ops.Sort(rows=call.x.elements // size if size else 0, size=size, kept=kept)


def _nth(call: Call) -> Operation:
    size = call.x.sizes[-1]
    n = call.numbers(1)
    return ops.Sort(
        rows=call.x.elements // size if size else 0,
        size=size,
        kept=int(n[0]) + 1 if n else size,
    )


def _sorted(call: Call) -> Operation:
    size = call.x.sizes[-1] if call.x.sizes else 1
    return ops.Sort(rows=call.x.elements // size if size else 0, size=size, kept=size)


def _unique(call: Call) -> Operation:
    """Sort slices, which are compared to their ends, then compare neighbours."""
    size = call.x.sizes[0] if call.x.sizes else 1
    width = call.x.elements // size if size else 0
    neighbours = width * max(size - 1, 0)
    return call.fused(
        ops.Sort(rows=width, size=size, kept=size),
        ops.Elementwise(function="not equal", elements=neighbours) if neighbours else None,
    )


def _among_best(call: Call) -> Operation:
    """Count the classes that score more than the true one: a comparison for each."""
    return ops.Elementwise(function="greater", elements=call.x.elements)


def _searched(call: Call) -> Operation:
    return ops.Search(look_ups=call.y.elements, size=call.x.sizes[-1])


def _in_bins(call: Call) -> Operation:
    bounds = call.attribute("boundaries", [])
    return ops.Search(look_ups=call.y.elements, size=len(bounds))


def _fourier(call: Call) -> Operation | None:
    """Transform the last axes; the inverse divides by their size, which is a product each."""
    if call.op.endswith("ND"):
        axes = call.numbers(2)
        if axes is None:
            return None
        rank = len(axes)
        if {int(axis) % len(call.x.sizes) for axis in axes} != {
            len(call.x.sizes) - 1 - at for at in range(rank)
        }:
            return None
    else:
        rank = {"2D": 2, "3D": 3}.get(call.op[-2:], 1)
    real = "RFFT" in call.op
    back = "IFFT" in call.op or "IRFFT" in call.op
    whole = call.x if real and not back else call.y
    sizes = whole.sizes[-rank:]
    if real and not back:  # what is given may be cut or padded to the length that is asked for
        length = call.numbers(1)
        if length is not None and len(length) == rank:
            sizes = tuple(int(one) for one in length)
    rows = prod(whole.sizes[:-rank])
    return ops.FourierTransform(rows=rows, sizes=sizes, real=real, scaled=back)


def _cholesky(call: Call) -> Operation:
    *batch, size, _ = call.x.sizes
    return ops.Factorization(method="Cholesky", batch=prod(batch), size=size)


def _lu(call: Call) -> Operation:
    *batch, size, _ = call.x.sizes
    return ops.Factorization(method="LU", batch=prod(batch), size=size)


def _determinant(call: Call) -> Operation:
    """Multiply the diagonal of U."""
    *batch, size, _ = call.x.sizes
    return call.fused(
        ops.Factorization(method="LU", batch=prod(batch), size=size),
        ops.Reduction(function="product", in_elements=prod(batch) * size, out_elements=prod(batch)),
    )


def _solve(call: Call) -> Operation:
    """Solve by L and by U; the inverse is the solution for the unit matrix."""
    *batch, size, _ = call.x.sizes
    columns = call.y.sizes[-1]
    many = prod(batch)
    return call.fused(
        ops.Factorization(method="LU", batch=many, size=size),
        ops.TriangularSolve(batch=many, size=size, columns=columns, unit_diagonal=True),
        ops.TriangularSolve(batch=many, size=size, columns=columns),
    )


def _triangular_solve(call: Call) -> Operation:
    *batch, size, columns = call.y.sizes
    return ops.TriangularSolve(batch=prod(batch), size=size, columns=columns)


def _cross(call: Call) -> Operation:
    """Six products and three differences for each three numbers."""
    return call.fused(
        ops.Elementwise(function="multiply", elements=2 * call.y.elements),
        ops.Elementwise(function="subtract", elements=call.y.elements),
    )


def _drawn_order(call: Call) -> Operation:
    return ops.free(call.op, because=ops.COPY)


TABLE: dict[str, Mapper] = {
    **dict.fromkeys(_METHODS, _resize),
    "Bucketize": _in_bins,
    "Cholesky": _cholesky,
    "CombinedNonMaxSuppression": _combined_suppression,
    "CropAndResize": _regions,
    "Cross": _cross,
    "FFT": _fourier,
    "FFT2D": _fourier,
    "FFT3D": _fourier,
    "FFTND": _fourier,
    "IFFT": _fourier,
    "IFFT2D": _fourier,
    "IFFT3D": _fourier,
    "IFFTND": _fourier,
    "IRFFT": _fourier,
    "IRFFT2D": _fourier,
    "IRFFT3D": _fourier,
    "IRFFTND": _fourier,
    "ImageProjectiveTransformV2": _projected,
    "ImageProjectiveTransformV3": _projected,
    "InTopK": _among_best,
    "InTopKV2": _among_best,
    "LowerBound": _searched,
    "Lu": _lu,
    "MatrixDeterminant": _determinant,
    "MatrixInverse": _solve,
    "MatrixSolve": _solve,
    "MatrixTriangularSolve": _triangular_solve,
    "NonMaxSuppression": _suppression,
    "NonMaxSuppressionV2": _suppression,
    "NonMaxSuppressionV3": _suppression,
    "NonMaxSuppressionV4": _suppression,
    "NthElement": _nth,
    "RFFT": _fourier,
    "RFFT2D": _fourier,
    "RFFT3D": _fourier,
    "RFFTND": _fourier,
    "RandomShuffle": _drawn_order,
    "ScaleAndTranslate": _scale_and_translate,
    "StatelessShuffle": _drawn_order,
    "TopK": _largest,
    "TopKV2": _largest,
    "Unique": _unique,
    "UniqueV2": _unique,
    "UniqueWithCounts": _unique,
    "UniqueWithCountsV2": _unique,
    "UpperBound": _searched,
    "XlaSort": _sorted,
}
"""Operations on places, order, waves and systems, to the functions that translate them."""
