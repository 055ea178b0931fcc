"""What puts elements in order: sorts, searches, quantiles, bins."""

from __future__ import annotations

from math import prod

from analyzer.ops import Elementwise, Operation, Search, Sort
from analyzer_keras.calls import Call, Translator
from analyzer_keras.mapping_common import (
    elementwise,
    fused,
    reduced,
    rows_along,
    shape_of,
    unknown,
)

__all__ = ["ORDERINGS"]


def _along(call: Call) -> tuple[int, int]:
    return rows_along(shape_of(call.first), call.setting("axis"))


def _sort(call: Call) -> Operation:
    rows, size = _along(call)
    return Sort(rows=rows, size=size, kept=size)


def _partition(call: Call) -> Operation:
    """Put the k-th of each row where it belongs: it is the last of its first, or of its last."""
    rows, size = _along(call)
    place = call.setting("kth") % size if size else 0
    return Sort(rows=rows, size=size, kept=min(place + 1, size - place))


def _largest(call: Call) -> Operation:
    rows, size = rows_along(shape_of(call["x"]), -1)
    return Sort(rows=rows, size=size, kept=call.setting("k"))


def _among_the_largest(call: Call) -> Operation:
    """``(batch), (batch, classes) → (batch)``: how many score higher is compared with k."""
    rows, size = rows_along(shape_of(call["predictions"]), -1)
    return fused(
        call,
        elementwise(call, "greater", rows * size),
        reduced(call, "sum", rows * size, rows),
        elementwise(call, "less", rows),
    )


def _median(call: Call) -> Operation:
    """Sort half of each row; between the two in the middle of an even one, their mean is taken."""
    rows, size = _along(call)
    even = size % 2 == 0
    return fused(
        call,
        Sort(rows=rows, size=size, kept=size // 2 + 1),
        reduced(call, "mean", 2 * rows, rows) if even else None,
    )


def _quantile(call: Call) -> Operation:
    """Sort, find the place ``q · (n − 1)``, and read there, between two neighbours or at one."""
    rows, size = _along(call)
    shares = call.elements // rows if rows else 0
    percent = elementwise(call, "divide", shares) if "ercentile" in call.name else None
    between = call.setting("method") in ("linear", "midpoint")
    return fused(
        call,
        percent,
        Sort(rows=rows, size=size, kept=size),
        elementwise(call, "multiply", shares),
        elementwise(call, "fractional part", shares),
        elementwise(call, "interpolate") if between else None,
    )


def _unique(call: Call) -> Operation:
    """Sort all elements, then compare neighbours; slices are compared until they differ."""
    shape = shape_of(call["x"])
    if call.setting("axis") is not None and len(shape) > 1:
        return unknown(call, axis=call.setting("axis"))
    size = prod(shape)
    neighbours = Elementwise(function="equal", elements=size - 1) if size > 1 else None
    return fused(call, Sort(rows=1, size=size, kept=size), neighbours)


def _searched(order: str, looked_up: str) -> Translator:
    def translate(call: Call) -> Operation:
        return Search(look_ups=prod(shape_of(call[looked_up])), size=shape_of(call[order])[-1])

    return translate


def _is_in(call: Call) -> Operation:
    """Compare each element of the one with each of the other."""
    elements, others = prod(shape_of(call["x1"])), prod(shape_of(call["x2"]))
    return fused(
        call,
        elementwise(call, "equal", elements * others),
        reduced(call, "any", elements * others, elements) if others else None,
    )


def _counted(call: Call) -> Operation:
    """Add one, or a weight, to what an element names."""
    return elementwise(call, "add", prod(shape_of(call["x"])))


def _histogram(call: Call) -> Operation:
    """Find each element's bin; where no ends are given, the least and largest are."""
    elements = prod(shape_of(call["x"]))
    unbounded = not call.setting("range")
    ends = reduced(call, "min and max", elements, 1) if unbounded and elements else None
    return fused(call, ends, elementwise(call, "put in bins", elements))


def _range(call: Call) -> Operation:
    """Return the least and the largest of each group, and the difference."""
    return fused(
        call,
        reduced(call, "min and max", prod(shape_of(call["x"])), call.elements),
        elementwise(call, "subtract"),
    )


ORDERINGS: dict[str, Translator] = {
    "Argpartition": _partition,
    "Argsort": _sort,
    "Bincount": _counted,
    "Digitize": _searched("bins", "x"),
    "Histogram": _histogram,
    "InTopK": _among_the_largest,
    "IsIn": _is_in,
    "Median": _median,
    "Nanmedian": _median,
    "Nanpercentile": _quantile,
    "Nanquantile": _quantile,
    "Percentile": _quantile,
    "Ptp": _range,
    "Quantile": _quantile,
    "SearchSorted": _searched("sorted_sequence", "values"),
    "Sort": _sort,
    "TopK": _largest,
    "Unique": _unique,
}
