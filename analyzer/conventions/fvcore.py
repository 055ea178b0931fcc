"""``fvcore``: ``fvcore.nn.FlopCountAnalysis``, by the operators of a traced model."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer.conventions.base import Convention
from analyzer.conventions.modules import FRAMEWORK
from analyzer.conventions.parameters import total_parameters
from analyzer.expression import Factor, product

if TYPE_CHECKING:
    from analyzer.conventions.base import Rules
    from analyzer.conventions.place import Place
    from analyzer.ops.base import Cost

__all__ = ["FVCORE"]

_SEEN = frozenset({
    "adaptive_avg_pool2d", "addmm", "batch_norm", "bmm", "conv1d", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution", "einsum",
    "grid_sampler_2d", "grid_sampler_3d", "group_norm", "instance_norm", "layer_norm", "linear",
    "matmul", "mm", "upsample_bilinear2d", "upsample_nearest2d",
})  # fmt: skip
"""The operators that it has a handle for, as the importer of PyTorch names them."""


def _unseen(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    if place.framework == FRAMEWORK:
        name = place.node.native.removeprefix("aten.")
        return Cost(free=place.cost.free or f"fvcore has no handle for {name}")
    return Cost(free=place.cost.free or "fvcore has no handle for it")


def _contraction(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    if not _has_handle(place):
        return _unseen(place)
    return Cost(macs=place.cost.macs, flops_per_mac=1)


def _has_handle(place: Place) -> bool:
    return place.framework != FRAMEWORK or place.node.native.removeprefix("aten.") in _SEEN


def _matrix_product(place: Place) -> Cost:
    """Count all of the first operand times the columns of the second, broadcast or not."""
    from analyzer.ops.base import Cost

    cost = _contraction(place)
    operands = place.node.inputs
    if not cost.macs.value or place.node.native != "aten.matmul" or len(operands) != 2:
        return cost
    first, second = operands
    macs = product(elements_of_the_first=first.elements, columns=second.shape[-1])
    if macs.value == cost.macs.value:
        return cost
    return Cost(macs=macs, flops_per_mac=1, because="fvcore does not broadcast the first operand")


def _einsum(place: Place) -> Cost:
    """Count what ``numpy.einsum_path`` prints, rounded as it prints it, and halve that."""
    from analyzer.ops.base import Cost

    operation: Any = place.operation
    operands, sizes = operation.operands, dict(operation.sizes)
    if len(operands) > 2:
        return _contraction(place)
    everything = set("".join(operands))
    multiplied = prod(sizes[label] for label in everything)
    flops = multiplied * (1 + bool(everything - set(operation.output)))
    counted = int(float(f"{flops:.3e}") // 2)
    if _as_batched_product(operands, operation.output) or counted == place.cost.macs.value:
        return _contraction(place)
    rounded = Factor("what numpy.einsum_path prints, halved", counted)
    return Cost(macs=rounded, flops_per_mac=1, because="numpy prints four digits of it")


def _as_batched_product(operands: tuple[str, ...], output: str) -> bool:
    """Say whether it is one of the two equations that fvcore knows by itself."""
    letters = dict.fromkeys("".join((*operands, output)))
    to = {letter: chr(97 + at) for at, letter in enumerate(letters)}
    parts = tuple("".join(to[one] for one in part) for part in (*operands, output))
    return parts in {("abc", "abd", "acd"), ("abc", "adc", "adb")}


def _batch_normalization(place: Place) -> Cost:
    operation: Any = place.operation
    if operation.training or place.node.native == "aten.instance_norm":
        return _normalized(place, operation.elements, 4 + operation.scale)
    return _normalized(place, operation.elements, 1 + operation.scale)


def _normalization(place: Place) -> Cost:
    operation: Any = place.operation
    if operation.style not in {"layer", "group", "instance"}:
        return _unseen(place)
    return _normalized(place, operation.groups * operation.size, 4 + operation.scale)


def _normalized(place: Place, elements: int, operations: int) -> Cost:
    from analyzer.ops.base import Cost

    if not _has_handle(place):
        return _unseen(place)
    work = product(elements=elements, operations_an_element=operations)
    return Cost(normalization=work, because=f"{operations} an element")


def _adaptive_pooling(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    operation: Any = place.operation
    is_counted = operation.pool == "average" and len(operation.in_spatial) == 2
    if not (is_counted and _has_handle(place)):
        return _unseen(place)
    elements = operation.batch * operation.channels * prod(operation.in_spatial)
    return Cost(pooling=product(input_elements=elements), because="1 an element of the input")


def _interpolation(place: Place) -> Cost:
    operation: Any = place.operation
    each = {"linear": 4, "nearest": 1}.get(operation.method, 0)
    if not each or operation.antialiased or len(place.node.outputs[0].shape) != 4:
        return _unseen(place)
    return _resampled(place, operation.out_elements, each)


def _sampling(place: Place) -> Cost:
    operation: Any = place.operation
    return _resampled(place, operation.points * operation.channels, 4)


def _resampled(place: Place, elements: int, each: int) -> Cost:
    from analyzer.ops.base import Cost

    if not _has_handle(place):
        return _unseen(place)
    work = product(output_elements=elements, operations_an_element=each)
    return Cost(resampling=work, because=f"{each} an element of the output")


def _recurrent(place: Place) -> Cost:
    """Count a single cell, which is traced as matrix products; a whole layer is not seen."""
    from analyzer.ops.base import Cost

    is_cell = place.framework == FRAMEWORK and place.node.native.endswith("_cell")
    return Cost(macs=place.cost.macs, flops_per_mac=1) if is_cell else _unseen(place)


@cache
def _rules() -> Rules:
    from analyzer import ops

    return {
        ops.AdaptivePooling: _adaptive_pooling,
        ops.BatchNormalization: _batch_normalization,
        ops.Convolution: _contraction,
        ops.Einsum: _einsum,
        ops.Interpolation: _interpolation,
        ops.Linear: _contraction,
        ops.MatrixProduct: _matrix_product,
        ops.Normalization: _normalization,
        ops.Recurrent: _recurrent,
        ops.Sampling: _sampling,
    }


FVCORE = Convention(
    name="fvcore",
    version=1,
    description="fvcore's flops: MACs, and norms, bilinear resizing and adaptive average pooling "
    "by its estimates; attention products only where they are spelled out",
    rules=_rules,
    otherwise=_unseen,
    word="flops",
    checked="fvcore 0.1.5",
    frameworks=(FRAMEWORK,),
    parameters=total_parameters,
)
