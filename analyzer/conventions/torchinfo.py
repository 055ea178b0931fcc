"""``torchinfo``: ``torchinfo.summary``, by the parameters of modules that hold no others."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer.conventions.base import Convention
from analyzer.conventions.modules import FRAMEWORK, usual_module
from analyzer.expression import Expression, Factor, product, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analyzer.conventions.base import Rules
    from analyzer.conventions.place import Place
    from analyzer.ir import Model, Parameter
    from analyzer.ops.base import Cost, Operation

__all__ = ["TORCHINFO"]


def _rule(place: Place) -> Cost:
    from analyzer.ops.base import Cost

    if place.framework != FRAMEWORK:
        return _usual(place)
    if not place.leaf:
        return Cost(free=place.cost.free or "torchinfo skips modules that hold others")
    held = _learnable(place.held)
    if not held:
        return Cost(free=place.cost.free or "torchinfo counts nothing without parameters")
    if place.node is not _carrier(place, held) or place.output is None:
        return Cost(free=place.cost.free or "torchinfo counts the module, not what is done in it")
    terms = [
        (parameter, _times(place.layer.type, parameter, place.output.shape)) for parameter in held
    ]
    return _cost(
        place.operation,
        kernels=[
            product(times, Factor(_local(parameter), parameter.elements))
            for parameter, times in terms
            if times is not None
        ],
    )


def _carrier(place: Place, held: Iterable[Parameter]) -> object:
    """Return the first node of the call that reads what its module holds, which counts for it."""
    names = {parameter.name for parameter in held}
    readers = (node for node in place.call if not names.isdisjoint(node.parameters))
    return next(readers, place.call[0])


def _learnable(parameters: Iterable[Parameter]) -> list[Parameter]:
    from analyzer.ir import Kind

    return [parameter for parameter in parameters if parameter.kind is Kind.LEARNABLE]


def _local(parameter: Parameter) -> str:
    return parameter.name.rpartition(".")[2]


def _times(module: str, parameter: Parameter, output: tuple[int, ...]) -> Expression | None:
    """Return what it multiplies a parameter's elements by; None for names that it ignores."""
    name = _local(parameter)
    if name in {"weight", "bias"}:
        if "Conv" in module:
            return Factor("output elements a channel", prod(output[:1] + output[2:]))
        return Factor("first size of the output", output[0] if output else 0)
    if "weight" in name or "bias" in name:
        return Factor("first two sizes of the output", prod(output[:2]))
    return None


def _cost(operation: Operation, kernels: Iterable[Expression]) -> Cost:
    """Put the work where it belongs: contractions are MACs, biases and all."""
    from analyzer import ops
    from analyzer.ops.base import Cost

    work = total(kernels)
    if not work.value:
        return Cost(free="torchinfo knows parameters by the names weight and bias")
    because = "parameters times a size of the output"
    if isinstance(operation, ops.BatchNormalization | ops.Normalization):
        return Cost(normalization=work, because=because)
    own = operation.cost()
    if own is not None and own.macs.value:
        return Cost(macs=work, flops_per_mac=1, because=because)
    return Cost(elementwise=work, because=because)


def _usual(place: Place) -> Cost:
    """Count an operation as the module of ``torch.nn`` that does just this."""
    from analyzer.ops.base import Cost

    counts = {
        role: count
        for role, count in place.operation.parameter_counts().items()
        if not role.startswith(("running ", "batch "))
    }
    module = usual_module(place.operation)
    if not (counts and module):
        return Cost(free=place.cost.free or "torchinfo counts nothing without parameters")
    times = _usual_times().get(type(place.operation))
    outputs = place.node.outputs
    rows = outputs[0].shape[0] if outputs and outputs[0].shape else 1
    factor = times(place.operation) if times else Factor("first size of the output", rows)
    return _cost(place.operation, [product(factor, count) for count in counts.values()])


@cache
def _usual_times() -> Mapping[type[Operation], Any]:
    from analyzer import ops

    return {
        ops.Convolution: lambda one: product(batch=one.batch, output_places=prod(one.out_spatial)),
        ops.Recurrent: lambda one: product(batch=one.batch, time_steps=one.steps),
    }


@cache
def _rules() -> Rules:
    from analyzer import ops

    return {ops.Fused: _rule}  # its module is counted once, however many steps it has


def _parameters(model: Model) -> int | None:
    """Add up modules that ran and hold no others, and what the ones around them hold besides.

    A tensor in two modules is counted in both. Nobody can say it of a module in two places, for
    it depends on the order in which the places are called.
    """
    if model.framework != FRAMEWORK or model.nodes is None:
        return None
    if any(layer.aliases for layer in model.layers):
        return None
    return sum(max(count, 0) for count in _told(model))


def _told(model: Model) -> Iterator[int]:
    """Yield for each module what it adds to the sum: one that holds others, what is left over."""
    parameters = {parameter.name: parameter for parameter in model.parameters}
    containers = {layer.parent for layer in model.layers}
    inside: dict[str, dict[str, int]] = {}
    ran: dict[str, int] = {}
    calls = {layer.path: layer.calls for layer in model.layers}
    for layer in reversed(model.layers):
        held = _learnable(parameters[name] for name in layer.parameters)
        every = inside.setdefault(layer.path, {}) | {one.name: one.elements for one in held}
        below = ran.get(layer.path, 0)
        if layer.parent is not None:
            inside.setdefault(layer.parent, {}).update(every)
        if layer.path not in containers:
            told = sum(every.values()) if calls[layer.path] else 0
            yield told
            below = told
        elif calls[layer.path] or below:
            left = sum(every.values()) - below
            yield left
            below += left
        if layer.parent is not None:
            ran[layer.parent] = ran.get(layer.parent, 0) + below


TORCHINFO = Convention(
    name="torchinfo",
    version=1,
    description="torchinfo's mult-adds: the parameters of each innermost module times the places "
    "of a convolution's map, the steps of an RNN, or else the batch alone; no attention",
    rules=_rules,
    otherwise=_rule,
    word="mult-adds",
    checked="torchinfo 1.8",
    frameworks=(FRAMEWORK,),
    parameters=_parameters,
)
