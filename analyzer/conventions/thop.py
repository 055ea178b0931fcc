"""``thop``: ``thop.profile``, by hooks on the types of module that it knows."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer.conventions.base import Convention
from analyzer.conventions.modules import FRAMEWORK, module_of, native_module
from analyzer.expression import ZERO, Expression, Factor, product, total

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analyzer.conventions.place import Place
    from analyzer.ir import Model
    from analyzer.ops.base import Cost, Operation

    Count = Callable[[Place], Cost]
    Kinds = type[Operation] | tuple[type[Operation], ...]

__all__ = ["THOP"]

_UPSAMPLED = {
    ("cubic", 2): 224 + 35, ("linear", 1): 5, ("linear", 2): 11, ("nearest", 1): 1,
    ("nearest", 2): 1, ("nearest", 3): 1,
}  # fmt: skip
"""What it takes an element of a resized map for, by the method and the axes."""
_MODES = {
    "upsample_bicubic2d": ("cubic", 2), "upsample_bilinear2d": ("linear", 2),
    "upsample_linear1d": ("linear", 1), "upsample_nearest1d": ("nearest", 1),
    "upsample_nearest2d": ("nearest", 2), "upsample_nearest3d": ("nearest", 3),
}  # fmt: skip
"""The modes that it knows, by the operators of PyTorch."""
_GATES = {"GRU": 3, "LSTM": 4, "simple RNN": 1}
_UPDATES = {"GRU": 4, "LSTM": 4, "simple RNN": 0}
"""Products and sums of a unit that make the new state."""
_ZERO = frozenset({
    "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "Dropout", "LeakyReLU",
    "MaxPool1d", "MaxPool2d", "MaxPool3d", "PixelShuffle", "ReLU", "ReLU6", "Sequential",
    "ZeroPad2d",
})  # fmt: skip
"""Modules that it knows and counts as nothing."""


def _rule(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    module = module_of(place)
    if module in _ZERO:
        return Cost(free=place.cost.free or f"thop counts {module} as nothing")
    if module not in _modules():
        where = f"thop has no hook for {module}" if module else "thop does not see functions"
        return Cost(free=place.cost.free or where)
    kind, count = _modules()[module]
    if not isinstance(place.operation, kind):
        return Cost(free=place.cost.free or "thop counts the module, not what is done in it")
    if place.framework != FRAMEWORK or place.ways == 1:
        return count(place)
    return _several_times(count(place), place.ways)


def _several_times(cost: Cost, ways: int) -> Cost:
    """Count a module in several holders as often as there are pairs of them.

    Each holder hangs a hook on it, and the sum in the end goes through each.
    """
    from analyzer.ops.base import Category, Cost

    times = Factor("holders that hook it", ways) * Factor("holders that add it up", ways)
    work: dict[str, Any] = {
        category.value: times * getattr(cost, category.value)
        for category in Category
        if category is not Category.CONTRACTION and getattr(cost, category.value)
    }
    macs = times * cost.macs if cost.macs else cost.macs
    because = f"thop counts a module that {ways} others hold {ways}·{ways} times"
    return Cost(macs=macs, **work, flops_per_mac=1, because=because, free=cost.free)


def _convolution(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    operation: Any = place.operation
    channels = operation.in_channels
    if place.framework == FRAMEWORK:  # the second size of what is read, with a batch or without
        channels = place.node.inputs[0].shape[1]
    macs = product(
        batch=operation.batch,
        output_channels=operation.out_channels,
        output_places=prod(operation.out_spatial),
        input_channels_of_a_group=channels // operation.groups,
        kernel_places=prod(operation.kernel),
    )
    if macs.value == place.cost.macs.value:
        return Cost(macs=macs, flops_per_mac=1)
    because = "thop counts output elements × second size of the input × kernel"
    return Cost(macs=macs, flops_per_mac=1, because=because)


def _linear(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    return Cost(macs=place.cost.macs, flops_per_mac=1)


def _normalization(place: Place) -> Cost:
    from analyzer import ops

    operation: Any = place.operation
    is_batch = isinstance(operation, ops.BatchNormalization)  # or of instances, by stored numbers
    elements = operation.elements if is_batch else operation.groups * operation.size
    operations = 4 if operation.scale else 2
    work = product(elements=elements, operations_an_element=operations)
    return ops.Cost(normalization=work, because=f"{operations} an element")


def _prelu(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    operation: Any = place.operation
    return Cost(activation=product(elements=operation.elements), because="1 an element")


def _softmax(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    operation: Any = place.operation
    size = operation.size
    steps = total((
        Factor("exponentials", size), Factor("additions", size - 1), Factor("divisions", size),
    ))  # fmt: skip
    return Cost(softmax=product(product(rows=operation.rows), steps), because="3·n − 1 a row of n")


def _average_pooling(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    operation: Any = place.operation
    outputs = operation.batch * operation.channels * prod(operation.out_spatial)
    return Cost(pooling=product(outputs=outputs), because="1 an element of the output")


def _adaptive_pooling(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    operation: Any = place.operation
    sizes = list(zip(operation.in_spatial, operation.out_spatial, strict=True))
    outputs = operation.batch * operation.channels * prod(operation.out_spatial)
    work: Expression = product(
        product(outputs=outputs),
        total((
            Factor("input places an output place", prod(a // b for a, b in sizes)),
            Factor("division", 1),
        )),
    )  # fmt: skip
    if any(before % after for before, after in sizes):
        places = prod(before / after for before, after in sizes)  # a float there too
        work = Factor("(input places an output place + 1) × outputs", int((places + 1) * outputs))
    return Cost(pooling=work, because="a sum and a division an element of the output")


def _upsample(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    operation: Any = place.operation
    mode = (operation.method, operation.axes)
    if place.framework == FRAMEWORK:
        mode = _MODES.get(place.node.native.removeprefix("aten."), ("", 0))
    if mode not in _UPSAMPLED:
        return Cost(free="thop does not implement this mode of Upsample")
    each = _UPSAMPLED[mode]
    work = product(output_elements=operation.out_elements, operations_an_element=each)
    return Cost(resampling=work, because=f"{each} an element of the output")


def _recurrent(place: Place) -> Cost:
    """Count each layer's cell, times the steps; biases are two, and projections are not seen."""
    from analyzer.ops.base import Cost

    operation: Any = place.operation
    gates, hidden = _GATES[operation.cell], operation.hidden_size
    runs = product(
        batch=operation.batch, time_steps=operation.steps, directions=operation.directions
    )
    above = hidden * operation.directions
    kernels = total(
        product(gates=gates, hidden=hidden, input_and_hidden=width + hidden)
        for width in (operation.input_size, *(above,) * (operation.layers - 1))
    )
    units = product(runs, product(layers=operation.layers, hidden=hidden))
    each = total((
        Factor("sums of both products", gates), Factor("new state", _UPDATES[operation.cell]),
    ))  # fmt: skip
    biases = product(units, Factor("biases", 2 * gates)) if operation.biases else ZERO
    return Cost(
        macs=product(runs, kernels),
        elementwise=product(units, each),
        bias=biases,
        flops_per_mac=1,
        because="sums of a step, two biases, and the new state",
    )


@cache
def _modules() -> Mapping[str, tuple[Kinds, Count]]:
    """Return the modules that it counts, each with the operation that does its work."""
    from analyzer import ops

    known: dict[str, tuple[Kinds, Count]] = {
        "LayerNorm": (ops.Normalization, _normalization),
        "Linear": (ops.Linear, _linear),
        "PReLU": (ops.Elementwise, _prelu),
        "Softmax": (ops.Softmax, _softmax),
        "SyncBatchNorm": (ops.BatchNormalization, _normalization),
        "Upsample": (ops.Interpolation, _upsample),
        "UpsamplingBilinear2d": (ops.Interpolation, _upsample),
        "UpsamplingNearest2d": (ops.Interpolation, _upsample),
    }
    for rank in (1, 2, 3):
        known |= {
            f"AdaptiveAvgPool{rank}d": (ops.AdaptivePooling, _adaptive_pooling),
            f"AvgPool{rank}d": (ops.Pooling, _average_pooling),
            f"BatchNorm{rank}d": (ops.BatchNormalization, _normalization),
            f"Conv{rank}d": (ops.Convolution, _convolution),
            f"ConvTranspose{rank}d": (ops.Convolution, _convolution),
            f"InstanceNorm{rank}d": (
                (ops.BatchNormalization, ops.Normalization),
                _normalization,
            ),
        }
    for cell in ("RNN", "GRU", "LSTM"):
        known |= dict.fromkeys((cell, f"{cell}Cell"), (ops.Recurrent, _recurrent))
    return known


def _parameters(model: Model) -> int | None:
    """Add up what the modules that it knows hold, as often as others hold them.

    One that is the whole model is not asked for its parameters.
    """
    from analyzer.conventions.place import Surroundings
    from analyzer.ir import Kind

    if model.framework != FRAMEWORK or model.nodes is None:
        return None
    around = Surroundings(model)
    known = _ZERO.union(_modules())
    return sum(
        around.parameters[name].elements * around.ways(layer.path)
        for layer in model.layers
        if native_module(layer) in known and layer.calls and layer.parent is not None
        for name in layer.parameters
        if around.parameters[name].kind is Kind.LEARNABLE
    )


THOP = Convention(
    name="thop",
    version=1,
    description="thop's MACs: modules of known types, with norms, softmax and average pooling by "
    "its estimates; no functions, and no attention",
    otherwise=_rule,
    word="MACs",
    checked="thop 0.1.1",
    frameworks=(FRAMEWORK,),
    parameters=_parameters,
)
