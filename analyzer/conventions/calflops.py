"""``calflops``: patched functions of PyTorch, and hooks on recurrent modules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, cast

from analyzer.conventions.base import Convention, Rules
from analyzer.conventions.modules import FRAMEWORK, module_of
from analyzer.conventions.recurrence import recurrent_macs, recurrent_rest, recurrent_runs
from analyzer.conventions.written import (
    function_of,
    places_read,
    product_added,
    product_called,
    shares,
    trainable,
)
from analyzer.expression import ZERO, Expression, Factor, product, total

if TYPE_CHECKING:
    from analyzer.conventions.place import Place
    from analyzer.ops.base import Cost
    from analyzer.ops.convolution import Convolution

__all__ = ["CALFLOPS"]

_PATCHED = (
    r"relu|relu6|prelu|elu|leaky_relu|gelu|silu|softmax|linear|conv(_transpose)?[123]d"
    r"|(adaptive_)?(avg|max)_pool[123]d(_with_indices)?|(batch|layer|instance|group)_norm"
    r"|matmul|addmm|baddbmm|einsum|add|mul"
)
"""Functions that are patched; ``mm`` and ``bmm`` are not."""

_UNSEEN = "calflops does not patch this function"


def _cost(place: Place, why: str = "", **work: Expression) -> Cost:
    from analyzer.ops.base import Cost

    if not re.fullmatch(_PATCHED, function_of(place)):
        return Cost(free=place.cost.free or _UNSEEN)
    return _repeated(place, work, why)


def _repeated(place: Place, work: Mapping[str, Expression], because: str) -> Cost:
    from analyzer.ops.base import Cost

    times = shares(place)
    parts: dict[str, Any] = {
        part: product(times, count) if count else ZERO for part, count in work.items()
    }
    return Cost(**parts, because=because)


def _taken_places(operation: Convolution) -> tuple[int, ...]:
    """Return the size of the result as calflops takes it: padded alike on both sides."""
    axes = zip(
        operation.in_spatial,
        operation.padding,
        operation.dilation,
        operation.kernel,
        operation.stride,
        strict=True,
    )
    return tuple(
        (size + 2 * before - (dilation * (window - 1) + 1)) // step + 1
        for size, (before, _), dilation, window, step in axes
    )


def _convolution(place: Place) -> Cost:
    operation = cast("Convolution", place.operation)
    filters = operation.out_channels // operation.groups
    if operation.transposed:
        filters //= operation.groups  # they were divided before: the kernel's axis is of a group
        places, biases = operation.in_spatial, operation.out_channels // operation.groups
    else:
        places, biases = _taken_places(operation), operation.out_channels
    batch = product(batch=operation.batch)
    kernel = product(window=prod(operation.kernel), input_channels=operation.in_channels)
    macs = product(
        batch, product(places=prod(places)), kernel, Factor("filters per group", filters)
    )
    added = product(batch, product(filters=biases, places=prod(_taken_places(operation))))
    own = macs.value == place.cost.macs.value
    return _cost(
        place,
        "" if own else "by sizes that it works out itself",
        macs=place.cost.macs if own else macs,
        bias=added if operation.bias else ZERO,
    )


def _linear(place: Place) -> Cost:
    return _cost(place, macs=place.cost.macs, bias=product_added(place))


def _product(place: Place) -> Cost:
    return _cost(place, macs=product_called(place), bias=product_added(place))


def _einsum(place: Place) -> Cost | None:
    """NumPy's estimate, of which calflops reads the four digits that it prints."""
    operation: Any = place.operation
    if function_of(place) != "einsum":
        return _nothing(place)
    if len(operation.operands) != 2:
        return None
    products = place.cost.macs * Factor("operations", 2)
    flops = total((products, place.cost.elementwise, Factor("one more", 1)))
    rounded = int(float(f"{flops.value:.3e}"))
    if rounded != flops.value:
        flops = Factor(f"{flops.names()}, to four digits", rounded)
    return _cost(place, elementwise=flops)


def _softmax(place: Place) -> Cost:
    operation: Any = place.operation
    return _cost(place, "1 an element", softmax=product(rows=operation.rows, size=operation.size))


def _normalization(place: Place) -> Cost:
    operation: Any = place.operation
    elements = product(groups=operation.groups, elements_each=operation.size)
    steps = Factor("steps", 4 + operation.scale)
    return _cost(place, f"{steps.value} an element", normalization=product(elements, steps))


def _batch_normalization(place: Place) -> Cost:
    operation: Any = place.operation
    steps = Factor("steps", (4 if operation.training else 1) + operation.scale)
    work = product(product(elements=operation.elements), steps)
    return _cost(place, f"{steps.value} an element", normalization=work)


def _pooling(place: Place) -> Cost:
    return _cost(place, "1 an element of the input", pooling=places_read(place))


def _elementwise(place: Place) -> Cost:
    operation: Any = place.operation
    part = "elementwise" if operation.function in ("add", "multiply") else "activation"
    return _cost(place, "1 an element", **{part: product(elements=operation.elements)})


def _interpolation(place: Place) -> None:
    """Whether a size was given or a scale decides what is counted, and no graph tells which."""


def _recurrent(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    operation: Any = place.operation
    if not re.fullmatch("(RNN|GRU|LSTM)(Cell)?", module_of(place)):
        return Cost(free=_UNSEEN)
    runs = recurrent_runs(place, operation)
    work = total(
        (
            product(Factor("product and sum", 2), recurrent_macs(operation)),
            recurrent_rest(operation, less_a_gate=2),
        )
    )
    why = "calflops gives recurrent layers FLOPs and no MACs"
    return _repeated(place, {"elementwise": product(runs, work)}, why)


def _nothing(place: Place) -> Cost:
    return _cost(place)


@cache
def _rules() -> Rules:
    from analyzer import ops

    return {
        ops.AdaptivePooling: _pooling,
        ops.BatchNormalization: _batch_normalization,
        ops.Convolution: _convolution,
        ops.Einsum: _einsum,
        ops.Elementwise: _elementwise,
        ops.Interpolation: _interpolation,
        ops.Linear: _linear,
        ops.MatrixProduct: _product,
        ops.Normalization: _normalization,
        ops.Pooling: _pooling,
        ops.Recurrent: _recurrent,
        ops.Softmax: _softmax,
    }


CALFLOPS = Convention(
    name="calflops",
    version=1,
    checked="calflops 0.3.2",
    description=(
        "the FLOPs and MACs of calflops: without biases of dense layers and without attention, "
        "with norms, pooling and the activations that are functions of their own"
    ),
    rules=_rules,
    otherwise=_nothing,
    frameworks=(FRAMEWORK,),
    remark=(
        "sees functions called by name: sums and products are taken to be written "
        "as operators, products of matrices and activations by name"
    ),
    parameters=trainable,
)
