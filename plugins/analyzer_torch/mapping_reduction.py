"""Reductions, norms, distances, running reductions and losses."""

from __future__ import annotations

from math import inf, prod

from torch import Tensor

from analyzer import Operation
from analyzer.ops import Embedding, Fused, Linear, Reduction, Softmax, mean_over
from analyzer_torch.call import Call, Maker, each
from analyzer_torch.mapping_common import (
    elementwise,
    fused,
    has_complex,
    reduced,
    reduction,
    unknown,
)

__all__ = ["LOSSES", "REDUCTIONS"]


def _axes(call: Call) -> tuple[int, ...]:
    """Return the axes that are reduced; none named means all."""
    named = call.get("dim")
    rank = call.first.dim()
    if named is None or named == []:
        return tuple(range(rank))
    return (named,) if isinstance(named, int) else tuple(named)


def _mean(call: Call) -> Operation:
    if has_complex(call):
        return reduction("mean")(call)
    return mean_over(tuple(call.first.shape), _axes(call))


def _rows(call: Call) -> tuple[int, int]:
    """Return how many rows there are along the axis, and how long they are."""
    source: Tensor = call.first
    size = source.shape[call["dim"]] if source.dim() else 1
    return (source.numel() // size if size else 0), size


def _running(name: str) -> Maker:
    """Combine along an axis, keeping every step: as many steps as for the last one alone."""

    def make(call: Call) -> Operation:
        return reduced(call, name, call.first.numel(), _rows(call)[0])

    return make


def _running_log_sum_exp(call: Call) -> Operation:
    """Each step adds one more power to the logarithm of their sum."""
    rows, size = _rows(call)
    return elementwise(call, "log add exp", rows * max(size - 1, 0))


_NORMS = {
    0: "count",
    1: "L1 norm",
    2: "L2 norm",
    inf: "maximum norm",
    -inf: "minimum norm",
}
_DISTANCES = {1: "Manhattan distance", 2: "Euclidean distance", inf: "Chebyshev distance"}


def _norm(call: Call) -> Operation:
    """Name the norm by its order."""
    order = call.get("ord", call.get("p", 2))
    return reduction(_NORMS.get(2 if order is None else order, "Lp norm"))(call)


def _sum_of_powers(call: Call) -> Operation:
    """``Σ |x|ᵖ``: the norm before its root."""
    elements = call.first.numel()
    return fused(
        call,
        elementwise(call, "abs", elements),
        elementwise(call, "power", elements),
        reduction("sum")(call),
    )


def _distance(call: Call, elements: int, results: int) -> Operation:
    order = call["p"]
    if order == 0 or has_complex(call):
        return unknown(call, p=order)
    name = _DISTANCES.get(order, "Minkowski distance")
    return reduced(call, name, elements, results)


def _distances_between(call: Call) -> Operation:
    """``(…, m, width), (…, n, width) → (…, m, n)``: every pair of two lists."""
    pairs = call.output.numel()
    return _distance(call, pairs * call["x1"].shape[-1], pairs)


def _distances_within(call: Call) -> Operation:
    """``(n, width) → (n · (n − 1) / 2)``: every pair of one list."""
    pairs = call.output.numel()
    return _distance(call, pairs * call["self"].shape[-1], pairs)


def _distance_of_two(call: Call) -> Operation:
    return _distance(call, call["self"].numel(), 1)


def _trace(call: Call) -> Operation:
    return reduced(call, "sum", min(call.first.shape), 1)


def _equal(call: Call) -> Operation:
    """Whether all elements of two tensors are equal: one comparison each."""
    return elementwise(call, "equal", call.first.numel())


def _segments(call: Call) -> Operation:
    """Reduce runs of rows, as long as ``lengths`` or ``offsets`` tell."""
    name = {"max": "max", "mean": "mean", "min": "min", "prod": "product", "sum": "sum"}
    return Reduction(
        function=name[call["reduce"]],
        in_elements=call["data"].numel(),
        out_elements=call.output.numel(),
        ragged=True,
    )


def _kept_short(call: Call) -> Operation:
    """Scale down each slice whose norm is over a limit: compare, add ε, divide; then multiply."""
    source: Tensor = call["self"]
    slices = source.shape[call["dim"]]
    norm = reduced(call, _NORMS.get(call["p"], "Lp norm"), source.numel(), slices)
    return fused(call, norm, *_limited(call, slices, source.numel()))


def _limited(call: Call, slices: int, elements: int) -> tuple[Operation, ...]:
    return (
        elementwise(call, "greater", slices),
        elementwise(call, "add", slices),
        elementwise(call, "divide", slices),
        elementwise(call, "multiply", elements),
    )


def _rows_kept_short(call: Call) -> Operation:
    """Scale down the rows of a table that are looked up, each of them at most once."""
    look_ups, width = call["indices"].numel(), call["self"].shape[-1]
    rows = min(look_ups, call["self"].shape[0])
    norm = reduced(call, _NORMS.get(call["norm_type"], "Lp norm"), rows * width, rows)
    return fused(call, norm, *_limited(call, rows, rows * width))


def _loss(name: str) -> Maker:
    """Return what makes a function of each pair, its weight, and the mean or the sum of all."""

    def make(call: Call) -> Operation:
        elements = call["self"].numel()
        weighted = [elementwise(call, "multiply", elements)] * sum(
            call.get(weight) is not None for weight in ("weight", "pos_weight")
        )
        last = _of_all(call, elements)
        return fused(call, elementwise(call, name, elements), *weighted, last)

    return make


def _of_all(call: Call, elements: int) -> Operation | None:
    """Return the mean or the sum, by the number that PyTorch gives the choice."""
    name = {0: None, 1: "mean", 2: "sum"}[call["reduction"]]
    return None if name is None else reduced(call, name, elements, 1)


def _likelihood(call: Call) -> Operation:
    """Look up the logarithm of what was right, negate and weight it; the mean of all."""
    count = call["target"].numel()
    steps = [elementwise(call, "negate", count)]
    if call["weight"] is not None:
        steps.append(elementwise(call, "multiply", count))
        if call["reduction"] == 1:
            steps.append(reduced(call, "sum", count, 1))
    return fused(call, *steps, _of_all(call, count))


def _dense_and_likelihood(call: Call) -> Operation:
    """Score every class by a dense layer, and take the logarithm of the right one's share."""
    rows, kernel, target = call["input"], call["linear_weight"], call["target"]
    reduce = call.get("reduction", "none")
    if call.get("label_smoothing") or target.is_floating_point():
        return unknown(call, label_smoothing=call.get("label_smoothing"))
    call.plays(kernel, "kernel", ("output features", "input features"))
    call.plays(call["linear_bias"], "bias", ("output features",))
    classes, features = kernel.shape
    count = rows.numel() // features if features else 0
    bias = call["linear_bias"] is not None
    weighted = call["weight"] is not None
    return fused(
        call,
        Linear(rows=count, in_features=features, out_features=classes, bias=bias),
        Softmax(rows=count, size=classes, logarithm=True),
        elementwise(call, "negate", count),
        elementwise(call, "multiply", count) if weighted else None,
        reduced(call, "sum", count, 1) if weighted and reduce == "mean" else None,
        reduced(call, reduce, count, 1) if reduce != "none" else None,
    )


def _bag(call: Call) -> Operation:
    """Look rows of a table up, weight them, and combine those of each bag; none is empty."""
    weight, indices = call["weight"], call["indices"]
    call.plays(weight, "embedding", ("vocabulary", "width"))
    vocabulary, width = weight.shape
    rows = indices.numel()
    bags = call.output.shape[0]
    table = Embedding(look_ups=rows, vocabulary=vocabulary, width=width)
    if not bags:
        return table
    scaled = call["per_sample_weights"] is not None
    combined = Reduction(
        function=("sum", "mean", "max")[call["mode"]],
        in_elements=rows * width,
        out_elements=min(bags, rows) * width,
        ragged=True,
    )
    weighted = (elementwise(call, "multiply", rows * width),) if scaled else ()
    return Fused(name="embedding bag", steps=(table, *weighted, combined))


def _bins(call: Call) -> Operation:
    """Find each element's bin; where no ends are given, the least and largest are."""
    elements = call.first.numel()
    unbounded = call["min"] == call["max"] == 0
    ends = reduced(call, "min and max", elements, 1) if unbounded and elements else None
    return fused(call, ends, elementwise(call, "put in bins", elements))


def _counted(call: Call) -> Operation:
    """Add one, or a weight, to what an element names."""
    return elementwise(call, "add", call.first.numel())


def _fractional_pooling(axes: int) -> Maker:
    """Windows of one size, at places drawn at random: k − 1 comparisons each."""

    def make(call: Call) -> Operation:
        window = prod(each(call["kernel_size"], axes))
        return reduced(call, "max", call.output.numel() * window, call.output.numel())

    return make


REDUCTIONS: dict[str, Maker] = {
    "_aminmax": reduction("min and max"),
    "_cdist_forward": _distances_between,
    "_embedding_bag": _bag,
    "_embedding_bag_forward_only": _bag,
    "_is_all_true": reduction("all"),
    "_is_any_true": reduction("any"),
    "_logcumsumexp": _running_log_sum_exp,
    "_pdist_forward": _distances_within,
    "all": reduction("all"),
    "amax": reduction("max"),
    "amin": reduction("min"),
    "aminmax": reduction("min and max"),
    "any": reduction("any"),
    "argmax": reduction("argmax"),
    "argmin": reduction("argmin"),
    "bincount": _counted,
    "count_nonzero": reduction("count"),
    "cummax": _running("max"),
    "cummin": _running("min"),
    "cumprod": _running("product"),
    "cumsum": _running("sum"),
    "dist": _distance_of_two,
    "embedding_bag": _bag,
    "embedding_renorm": _rows_kept_short,
    "equal": _equal,
    "fractional_max_pool2d": _fractional_pooling(2),
    "fractional_max_pool3d": _fractional_pooling(3),
    "frobenius_norm": _norm,
    "histc": _bins,
    "linalg__powsum": _sum_of_powers,
    "linalg_vector_norm": _norm,
    "logcumsumexp": _running_log_sum_exp,
    "logsumexp": reduction("log sum exp"),
    "mean": _mean,
    "nansum": reduction("sum of numbers"),
    "native_norm": _norm,
    "norm": _norm,
    "prod": reduction("product"),
    "renorm": _kept_short,
    "segment_reduce": _segments,
    "std": reduction("standard deviation"),
    "std_mean": reduction("standard deviation"),
    "sum": reduction("sum"),
    "trace": _trace,
    "var": reduction("variance"),
    "var_mean": reduction("variance"),
}
"""ATen name → function that makes our operation, for reductions (``max``: see elementwise)."""

LOSSES: dict[str, Maker] = {
    "binary_cross_entropy": _loss("binary cross entropy"),
    "binary_cross_entropy_with_logits": _loss("binary cross entropy of logits"),
    "huber_loss": _loss("Huber"),
    "mse_loss": _loss("squared difference"),
    "nll_loss2d_forward": _likelihood,
    "nll_loss_forward": _likelihood,
    "smooth_l1_loss": _loss("smooth L1"),
    "soft_margin_loss": _loss("soft margin"),
    "torch_nn._linear_cross_entropy_batch_chunked": _dense_and_likelihood,
    "torch_nn._linear_cross_entropy_batch_chunked_no_reduction": _dense_and_likelihood,
}
"""ATen name → function that makes our operation, for losses that a model returns."""
