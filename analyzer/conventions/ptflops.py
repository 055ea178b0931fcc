"""``ptflops``: its backend ``pytorch``, the default: hooks on modules, and patched functions.

A hook counts a module by its exact type; a patched function counts its call, inside a hooked module
too, so that what a module does by such a function is counted twice. What hooks counted is divided
by the size of the batch, what functions counted is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer.conventions.base import Convention, Rules
from analyzer.conventions.modules import FRAMEWORK, module_of, native_module
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
    from analyzer.ir import Model
    from analyzer.ops.base import Cost

__all__ = ["PTFLOPS"]

_HOOKED = (
    r"(Conv|ConvTranspose|BatchNorm|InstanceNorm|(Adaptive)?(Avg|Max)Pool)[123]d|DeformConv2d|Linear"
    r"|ReLU|PReLU|ELU|LeakyReLU|ReLU6|GELU|GroupNorm|LayerNorm|Upsample|(RNN|GRU|LSTM)(Cell)?"
    r"|MultiheadAttention|Attention"
)
"""Exact types of modules that are hooked; the last one is timm's."""

_PATCHED = (
    r"relu|relu6|prelu|elu|gelu|silu|softmax|(adaptive_)?(avg|max)_pool[123]d(_with_indices)?"
    r"|_?upsample_\w+|interpolate|matmul|mm|bmm|addmm|baddbmm|add|mul"
)
"""Functions that are patched."""

_ATTENTION = ("Attention", "MultiheadAttention")
_OF_OTHERS = {
    "timm.layers.attention.Attention": "Attention",
    "torchvision.ops.deform_conv.DeformConv2d": "DeformConv2d",
}
"""Types of other libraries that are hooked, by their whole names."""
_UNSEEN = "ptflops neither hooks this type of module nor patches this function"

Work = Mapping[str, Expression]
"""Expressions by the name of the part of a cost."""


def _module(place: Place) -> str:
    """Return the type of module by the name that it has in the lists here."""
    module = module_of(place)
    return _OF_OTHERS.get(module, module)


def _hooked(place: Place) -> str:
    """Return the type of module that is hooked for an operation, and nothing where none is."""
    module = _module(place)
    if not re.fullmatch(_HOOKED, module):
        return ""
    if place.framework == FRAMEWORK:
        of_timm = place.of_model(_attention_of_timm)
        if module == "Attention" and place.layer.path not in of_timm:
            return ""  # another class of that name, in a file that knows no more of it
        if any(layer.path in of_timm for layer in place.layers[1:]):
            return ""  # a hooked module's own count stands for its parts
    return module


def _attention_of_timm(model: Model) -> frozenset[str]:
    paths = {layer.path for layer in model.layers}
    parts = ("qkv", "q_norm", "k_norm", "attn_drop", "proj", "proj_drop")
    return frozenset(
        layer.path
        for layer in model.layers
        if native_module(layer) in ("Attention", "timm.layers.attention.Attention")
        and paths.issuperset(f"{layer.path}.{part}" for part in parts)
    )


def _cost(place: Place, hooked: Work, called: Work, why: str = "") -> Cost | None:
    """Join what a hook counts, for one example, with what a patched function counts."""
    from analyzer.ops.base import Cost

    module, function = _hooked(place), function_of(place)
    parts: dict[str, list[Expression]] = {}
    reasons = [why] if why else []
    if module:
        for part, work in hooked.items():
            share = _of_one_example(place, product(shares(place), work))
            if share is None:
                return None
            parts.setdefault(part, []).append(share)
        if parts and place.examples > 1:
            reasons.append(f"for one of {place.examples} examples")
    if re.fullmatch(_PATCHED, function) and module != "Attention":  # which writes operators
        for part, work in called.items():
            parts.setdefault(part, []).append(work)
    if not parts:
        return Cost(free=place.cost.free or _UNSEEN)
    if any(len(work) > 1 and work[1].value for work in parts.values()):
        reasons.append("once by a hook and once by a patched function")
    sums: dict[str, Any] = {part: total(work) for part, work in parts.items()}
    return Cost(**sums, flops_per_mac=1, because=", ".join(reasons))


def _of_one_example(place: Place, work: Expression) -> Expression | None:
    """Divide by the size of the batch; None where that leaves a rest, which is lost on the way."""
    examples = place.examples
    if examples == 1 or not work.value:
        return work
    share, rest = divmod(work.value, examples)
    return None if rest else Factor(f"{work.names()} / {examples} examples", share)


def _elements(name: str, count: int) -> Expression:
    return product(**{name: count})


def _convolution(place: Place) -> Cost | None:
    cost = place.cost
    more: Expression = ZERO
    if _module(place) == "DeformConv2d":
        operation: Any = place.operation
        taps = prod((operation.batch, *operation.out_spatial, *operation.kernel))
        # A mask that is not given is a row of zeros there.
        masked = any(len(tensor.shape) == 4 for tensor in place.node.inputs[2:])
        more = product(taps=taps, interpolation=24 + masked)
    has_bias = cost.bias if not more or any(p.role == "bias" for p in place.read) else ZERO
    return _cost(place, {"macs": cost.macs, "bias": has_bias, "resampling": more}, {})


def _linear(place: Place) -> Cost | None:
    operation: Any = place.operation
    macs, bias = place.cost.macs, place.cost.bias
    if _module(place) == "MultiheadAttention" and any("out_proj" in p.name for p in place.read):
        bias = product(rows=operation.rows, output_features=operation.out_features)
    return _cost(place, {"macs": macs, "bias": bias}, {"macs": macs, "bias": product_added(place)})


def _attention(place: Place) -> Cost | None:
    operation: Any = place.operation
    if _module(place) not in _ATTENTION:
        return _cost(place, {}, {})
    rows = product(batch=operation.batch, heads=operation.heads, queries=operation.queries)
    scaled = product(rows, product(width=operation.qk_width))
    weights = product(rows, product(keys=operation.keys))
    work = {"macs": place.cost.macs, "elementwise": scaled, "softmax": weights}
    return _cost(place, work, {}, "products, 1 a query's element and 1 a weight")


def _product(place: Place) -> Cost | None:
    called, bias = product_called(place), product_added(place)
    hooked = {"macs": place.cost.macs} if _module(place) in _ATTENTION else {}
    return _cost(place, hooked, {"macs": called, "bias": bias})


def _softmax(place: Place) -> Cost | None:
    operation: Any = place.operation
    elements = product(rows=operation.rows, size=operation.size)
    hooked = {"softmax": elements} if _module(place) in _ATTENTION else {}
    return _cost(place, hooked, {"softmax": elements}, "1 an element")


def _normalization(place: Place) -> Cost | None:
    operation: Any = place.operation
    elements = product(groups=operation.groups, elements_each=operation.size)
    scaled = operation.scale and _module(place) != "LayerNorm"
    work = product(elements, Factor("steps", 1 + scaled))
    return _cost(place, {"normalization": work}, {}, f"{1 + scaled} an element")


def _batch_normalization(place: Place) -> Cost | None:
    operation: Any = place.operation
    steps = Factor("steps", 1 + operation.scale)
    elements = product(elements=operation.elements)
    work = product(elements, steps)
    return _cost(place, {"normalization": work}, {}, f"{steps.value} an element")


def _pooling(place: Place) -> Cost | None:
    work = {"pooling": places_read(place)}
    return _cost(place, work, work, "1 an element of the input")


def _elementwise(place: Place) -> Cost | None:
    operation: Any = place.operation
    elements = product(elements=operation.elements)
    if operation.function in ("add", "multiply"):
        scaled = operation.function == "multiply" and _module(place) in _ATTENTION
        return _cost(place, {"elementwise": elements} if scaled else {}, {"elementwise": elements})
    hooked = {} if _module(place) in _ATTENTION else {"activation": elements}
    return _cost(place, hooked, {"activation": elements}, "1 an element")


def _interpolation(place: Place) -> Cost | None:
    operation: Any = place.operation
    elements = operation.out_elements
    batch = place.node.outputs[0].shape[0] if place.framework == FRAMEWORK else place.examples
    once = product(elements_of_one_example=elements // batch)
    called = {"resampling": product(elements=elements)}
    return _cost(place, {"resampling": once}, called, "1 an element")


def _recurrent(place: Place) -> Cost | None:
    operation: Any = place.operation
    runs = recurrent_runs(place, operation)
    work = {
        "macs": product(runs, recurrent_macs(operation)),
        "elementwise": product(runs, recurrent_rest(operation)),
    }
    return _cost(place, work, {}, "weights, biases and updates of the state, at each step")


def _nothing(place: Place) -> Cost | None:
    return _cost(place, {}, {})


@cache
def _rules() -> Rules:
    from analyzer import ops

    return {
        ops.AdaptivePooling: _pooling,
        ops.Attention: _attention,
        ops.BatchNormalization: _batch_normalization,
        ops.Convolution: _convolution,
        ops.Elementwise: _elementwise,
        ops.Interpolation: _interpolation,
        ops.Linear: _linear,
        ops.MatrixProduct: _product,
        ops.Normalization: _normalization,
        ops.Pooling: _pooling,
        ops.Recurrent: _recurrent,
        ops.Softmax: _softmax,
    }


PTFLOPS = Convention(
    name="ptflops",
    version=1,
    word="MACs",
    checked="ptflops 0.7.5, backend pytorch",
    description=(
        "the MACs of ptflops as it comes (backend pytorch), of one example: with biases, norms, "
        "activations and pooling, some of them twice"
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
