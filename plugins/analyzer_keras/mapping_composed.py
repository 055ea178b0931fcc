"""Functions of Keras that are several of ours in one step: spacings, differences, losses."""

from __future__ import annotations

from math import prod

from analyzer.ops import COPY, FILL, Convolution, MatrixProduct, Operation, Softmax, Sort, free
from analyzer_keras.calls import Call, Translator
from analyzer_keras.mapping_common import (
    elementwise,
    fused,
    has_complex,
    reduced,
    rows_along,
    shape_of,
)

__all__ = ["COMPOSED"]


def _each(*names: str) -> Translator:
    """Return a translator to functions of each element of the result, one after the other."""
    return lambda call: fused(call, *[elementwise(call, name) for name in names])


def _cross(call: Call) -> Operation:
    """Each number is a difference of two products."""
    products = elementwise(call, "multiply", 2 * call.elements)
    return fused(call, products, elementwise(call, "subtract"))


def _conjugated(call: Call) -> Operation:
    """Complex numbers are copied with another sign, real ones are only copied."""
    if has_complex(call):
        return elementwise(call, "conjugate")
    return free("conjugate", because=COPY)


def _is_real(call: Call) -> Operation:
    if has_complex(call):
        return elementwise(call, "not equal", call.elements)
    return free("is real", because=FILL)


def _differences(call: Call) -> Operation:
    """Subtract neighbours ``n`` times; each time there is one less."""
    rows, size = rows_along(shape_of(call["a"]), call.setting("axis"))
    orders = range(1, min(call.setting("n"), size) + 1)
    return elementwise(call, "subtract", rows * sum(size - order for order in orders))


def _unravelled(call: Call) -> Operation:
    """Divide what is left by the size of each axis but the first, and keep the rest."""
    places = prod(shape_of(call["indices"])) * max(len(call.outputs) - 1, 0)
    return fused(
        call,
        elementwise(call, "floor divide", places),
        elementwise(call, "remainder", places),
    )


def _spaced(*before: str, after: tuple[str, ...] = ()) -> Translator:
    """``start + i · (stop − start) / (n − 1)``, of functions of the ends, and a function of it."""

    def translate(call: Call) -> Operation:
        count = call.setting("num")
        rows = call.elements // count if count else 0
        return fused(
            call,
            *[elementwise(call, name, 2 * rows) for name in before],
            elementwise(call, "subtract", rows),
            elementwise(call, "divide", rows),
            elementwise(call, "multiply and add"),
            *[elementwise(call, name) for name in after],
        )

    return translate


def _correlated(call: Call) -> Operation:
    """``(n), (m) → (places)``: one list slides along the other."""
    long, short = sorted((prod(shape_of(call[name])) for name in ("x1", "x2")), reverse=True)
    (places,) = call.shape
    total = max(places + short - 1 - long, 0)
    return Convolution(
        batch=1,
        in_channels=1,
        out_channels=1,
        groups=1,
        in_spatial=(long,),
        out_spatial=(places,),
        kernel=(short,),
        stride=(1,),
        dilation=(1,),
        padding=((total // 2, total - total // 2),),
        bias=False,
    )


def _average(call: Call) -> Operation:
    """Weight, add up, and divide by the sum of the weights."""
    shape, axis = shape_of(call["x"]), call.setting("axis")
    elements, results = prod(shape), call.elements
    if call["weights"] is None:
        return reduced(call, "mean", elements, results)
    weights = shape_of(call["weights"])
    if axis is not None and len(weights) != len(shape):
        (size,) = weights
        return fused(
            call,
            MatrixProduct(batch=1, m=results, k=size, n=1),
            reduced(call, "sum", size, 1),
            elementwise(call, "divide"),
        )
    _, size = rows_along(weights, axis)
    return fused(
        call,
        elementwise(call, "multiply", elements),
        reduced(call, "sum", elements, results),
        reduced(call, "sum", prod(weights), prod(weights) // size if size else 0),
        elementwise(call, "divide"),
    )


def _trapezoids(call: Call) -> Operation:
    """Add up neighbours, times half of how far they are apart."""
    rows, size = rows_along(shape_of(call["y"]), call.setting("axis"))
    between = rows * max(size - 1, 0)
    apart = prod(shape_of(call.setting("x"))) - 1 if call.setting("x") is not None else 0
    return fused(
        call,
        elementwise(call, "subtract", apart) if apart > 0 else None,
        elementwise(call, "divide", apart) if apart > 0 else None,
        elementwise(call, "add", between),
        elementwise(call, "multiply", between),
        reduced(call, "sum", between, rows) if between else None,
    )


def _distances(call: Call) -> Operation:
    """``(…, m, width), (…, n, width) → (…, m, n)``: every pair of two lists."""
    width = shape_of(call["x"])[-1]
    return reduced(call, "Euclidean distance", call.elements * width, call.elements)


def _fold(call: Call) -> Operation:
    """Add patches up where they overlap: one addition for each of their elements."""
    return elementwise(call, "add", prod(shape_of(call["x"])))


def _sparsemax(call: Call) -> Operation:
    """Sort each row and add up from the largest on, to find what to subtract of all.

    The i-th counts while it exceeds (sum of the first i − 1) / i; their sum, less one and divided
    by their number, is subtracted, and what is negative is zero.
    """
    rows, size = rows_along(shape_of(call["x"]), call.setting("axis"))
    elements = rows * size
    return fused(
        call,
        Sort(rows=rows, size=size, kept=size),
        reduced(call, "sum", elements, rows),
        elementwise(call, "subtract", 3 * elements + rows),
        elementwise(call, "divide", elements + rows),
        elementwise(call, "greater", elements),
        *[reduced(call, "sum", elements, rows)] * 2,
        elementwise(call, "maximum", elements),
    )


def _binary_cross_entropy(call: Call) -> Operation:
    of_logits = " of logits" if call.setting("from_logits") else ""
    return elementwise(call, f"binary cross entropy{of_logits}")


def _cross_entropy(call: Call) -> Operation:
    """``−Σ y · log p``; where the shares do not come as logits, they are made to add up to one."""
    rows, size = rows_along(shape_of(call["output"]), call.setting("axis"))
    elements = rows * size
    return fused(
        call,
        *_logarithms(call, rows, size, summed=True),
        elementwise(call, "multiply", elements),
        reduced(call, "sum", elements, rows),
        elementwise(call, "negate", rows),
    )


def _sparse_cross_entropy(call: Call) -> Operation:
    """Look up the logarithm of what was right, and negate it."""
    rows, size = rows_along(shape_of(call["output"]), call.setting("axis"))
    logarithms = _logarithms(call, rows, size, summed=False)
    return fused(call, *logarithms, elementwise(call, "negate", rows))


def _logarithms(call: Call, rows: int, size: int, *, summed: bool) -> list[Operation]:
    elements = rows * size
    if call.setting("from_logits"):
        return [Softmax(rows=rows, size=size, logarithm=True)]
    to_one = [reduced(call, "sum", elements, rows), elementwise(call, "divide", elements)]
    kept = [elementwise(call, "clamp", elements), elementwise(call, "log", elements)]
    return [*to_one, *kept] if summed else kept


def _signal_to_noise(call: Call) -> Operation:
    """``20 · log₁₀ max − 10 · log₁₀ (mean of squared differences)``."""
    elements = prod(shape_of(call["x1"]))
    return fused(
        call,
        elementwise(call, "squared difference", elements),
        reduced(call, "mean", elements, 1),
        elementwise(call, "log10"),
        elementwise(call, "multiply"),
        elementwise(call, "subtract"),
    )


def _fake_quantized(call: Call) -> Operation:
    return elementwise(call, "fake quantize", prod(shape_of(call["inputs"])))


COMPOSED: dict[str, Translator] = {
    "Average": _average,
    "BinaryCrossentropy": _binary_cross_entropy,
    "CDist": _distances,
    "CategoricalCrossentropy": _cross_entropy,
    "Cbrt": _each("sign", "abs", "power", "multiply"),
    "Conj": _conjugated,
    "Conjugate": _conjugated,
    "Correlate": _correlated,
    "Cross": _cross,
    "Diff": _differences,
    "DivideNoNan": _each("equal", "divide"),
    "FakeQuantWithMinMaxVars": _fake_quantized,
    "Fold": _fold,
    "Geomspace": _spaced("abs", "log10", after=("power", "multiply")),
    "Isclose": _each("absolute difference", "abs", "multiply and add", "less or equal"),
    "Isreal": _is_real,
    "Kron": _each("multiply"),
    "Ldexp": _each("exp2", "multiply"),
    "Linspace": _spaced(),
    "Logspace": _spaced(after=("power",)),
    "PSNR": _signal_to_noise,
    "SparseCategoricalCrossentropy": _sparse_cross_entropy,
    "Sparsemax": _sparsemax,
    "Trapezoid": _trapezoids,
    "UnravelIndex": _unravelled,
    "Vander": _each("power"),
}
