"""Finds what one model has whole and the other spells out, and functions that answer to others.

What was left without a counterpart between the same anchors of both models is looked at together:
an ``erf`` with its multiplications on one side, a GELU on the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from analyzer.comparing.amounts import QUANTISED, amount_of
from analyzer.comparing.unit import Unit
from analyzer.dtypes import bits
from analyzer.ops import (
    FUNCTIONS,
    AdaptivePooling,
    BatchNormalization,
    Cell,
    Convolution,
    Elementwise,
    Normalization,
    Operation,
    Pooling,
    Recurrent,
)
from analyzer.ops.base import Category

__all__ = [
    "ACTIVATION",
    "ANOTHER_ATTENTION",
    "IN_STEPS",
    "QUANTISING",
    "WHOLE_OR_SPELLED",
    "Answer",
    "answers",
    "in_steps",
    "is_activation",
    "is_indexing",
    "more_cells",
]

WHOLE_OR_SPELLED = "whole or spelled out"
ANOTHER_ATTENTION = "attention spelled out in another way"
IN_STEPS = "at once or in several steps"
ACTIVATION = "activation or its approximation"
QUANTISING = frozenset({"dequantize", "fake quantize", "quantization scale", "quantize"})

# What a graph may write instead of a whole operation, by the kinds of the parts.
_ROOT = "square | power | multiply | add | square root | divide | reciprocal | "
_ROOT += "reciprocal square root | mean | GlobalAveragePooling | variance | subtract | negate | "
_ROOT += "squared difference"
_SCALE = "multiply | divide | power | square root"
_CELL = "Linear | MatrixProduct | sigmoid | tanh | multiply | add | less"
_PARTS: dict[str, frozenset[str]] = {
    kind: frozenset(parts.split(" | "))
    for kind, parts in {
        "Attention": f"MatrixProduct | Softmax | {_SCALE} | add | is nan | select",
        "BatchNormalization": f"multiply | add | subtract | {_ROOT}",
        "GRU": f"{_CELL} | subtract | relu",
        "GroupNormalization": f"InstanceNormalization | {_ROOT}",
        "InstanceNormalization": _ROOT,
        "LSTM": f"{_CELL} | relu",
        "LayerNormalization": _ROOT,
        "RMSNormalization": _ROOT,
        "Softmax": "exp | sum | divide | max | subtract",
        "gelu": "erf | erfc | multiply | add | divide | negate",
        "gelu tanh": "tanh | multiply | add | power",
        "hard swish": "add | clamp | relu6 | divide | multiply | hard sigmoid",
        "mish": "softplus | tanh | multiply | exp | log1p | add | log",
        "quick gelu": "sigmoid | multiply",
        "reciprocal square root": "square root | power | reciprocal | divide",
        "silu": "sigmoid | multiply",
        "simple RNN": f"{_CELL} | relu",
        "softplus": "exp | log1p | add | log",
    }.items()
}

_NORMS = frozenset(kind for kind in _PARTS if kind.endswith("Normalization"))

# Parts that are everywhere, and so show nothing by themselves.
_COMMON = frozenset({"add", "divide", "multiply", "negate", "select", "subtract"})

# By which parts a function is known where nothing but its parts is there; the first that fits.
_KNOWN: dict[str, tuple[str, ...]] = {
    "gelu": ("erf", "multiply"),
    "gelu ": ("erfc", "multiply"),
    "mish": ("softplus", "tanh", "multiply"),
    "gelu tanh": ("tanh", "add", "multiply"),
    "quick gelu": ("sigmoid", "multiply", "multiply"),
    "silu": ("sigmoid", "multiply"),
    "hard swish": ("hard sigmoid", "multiply"),
    "hard swish ": ("relu6", "add", "multiply"),
    "hard swish  ": ("clamp", "add", "multiply"),
}


# Layers of one purpose, of which one may stand for another.
_FAMILIES: dict[str, tuple[type[Operation], ...]] = {
    "convolution": (Convolution,),
    "normalization": (BatchNormalization, Normalization),
    "pooling": (AdaptivePooling, Pooling),
    "recurrent cell": (Recurrent,),
}


class Answer(NamedTuple):
    """Units of both models that together do the same, or stand in the same place, and why."""

    reason: str
    a: list[Unit]
    b: list[Unit]


def answers(a: Iterable[Unit], b: Iterable[Unit], *, attending: bool) -> list[Answer]:
    """Match what stands without a counterpart before the same anchor of two models.

    ``attending`` says that the anchor is a product of activations, as attention consists of.
    """
    left_a, left_b = _candidates(a), _candidates(b)
    found = []
    ways: list[Callable[[Sequence[Unit], Sequence[Unit]], Answer | None]] = [
        _whole_or_spelled,
        _another_function,
        *(partial(_another_of, family) for family in _FAMILIES),
        _in_steps,
    ]
    for find in (*ways, _attention) if attending else ways:
        answer = find(left_a, left_b)
        if answer is not None:
            found.append(answer)
            taken = {id(unit) for unit in (*answer.a, *answer.b)}
            left_a = [unit for unit in left_a if id(unit) not in taken]
            left_b = [unit for unit in left_b if id(unit) not in taken]
    return found


def in_steps(a: Iterable[Unit], b: Iterable[Unit]) -> list[Answer]:
    """Match what one model does at once and the other in several steps."""
    found = _in_steps(_candidates(a), _candidates(b))
    return [] if found is None else [found]


def more_cells(a: Iterable[Unit], b: Iterable[Unit], reasons: Container[str]) -> Iterator[Answer]:
    """Find what is left of cells that are spelled out, whose loops no data flow ties together."""
    left_a, left_b = _candidates(a), _candidates(b)
    for cell in Cell:
        reason = f"{cell} {WHOLE_OR_SPELLED}"
        if reason in reasons:
            parts = [
                [unit for unit in side if unit.entries[0].times > 1 and _belongs(unit, cell)]
                for side in (left_a, left_b)
            ]
            yield Answer(reason, *parts)


def _candidates(units: Iterable[Unit]) -> list[Unit]:
    moving = [unit for unit in units if unit.entries and (unit.constant or not unit.aside)]
    return [unit for unit in moving if unit.kind not in QUANTISING and not is_indexing(unit)]


def is_indexing(unit: Unit) -> bool:
    """Say whether it works on integers too wide to stand for quantised numbers."""
    tensors = unit.entries[0].node.inputs
    return unit.integer and not unit.is_anchor and all(bits(one.dtype) > 8 for one in tensors)


def _kind(unit: Unit) -> str:
    return unit.form.kind if unit.form is not None else unit.kind


def _whole_or_spelled(a: Sequence[Unit], b: Sequence[Unit]) -> Answer | None:
    kinds_a, kinds_b = {_kind(unit) for unit in a}, {_kind(unit) for unit in b}
    wholes = [kind for kind in _whole(a) if kind not in kinds_b and _is_shown(kind, b)]
    wholes += [kind for kind in _whole(b) if kind not in kinds_a and _is_shown(kind, a)]
    wholes = [kind for kind in wholes if not any(kind in _PARTS[other] for other in wholes)]
    if not wholes:
        return None
    members = [
        [unit for unit in side if any(_belongs(unit, kind) for kind in wholes)] for side in (a, b)
    ]
    of_integers = [any(unit.integer for unit in side) for side in members]
    reason = f"{' and '.join(sorted(wholes))} {WHOLE_OR_SPELLED}"
    return Answer(QUANTISED if len(set(of_integers)) > 1 else reason, *members)


def _whole(units: Iterable[Unit]) -> list[str]:
    return [kind for kind in dict.fromkeys(map(_kind, units)) if kind in _PARTS]


def _belongs(unit: Unit, whole: str) -> bool:
    """Say whether a unit may be part of what another model has whole.

    What depends on no input is no part of attention, but of masks and positions.
    """
    kind = _kind(unit)
    return kind == whole or (kind in _PARTS[whole] and (whole != "Attention" or not unit.constant))


def _is_shown(whole: str, units: Iterable[Unit]) -> bool:
    """Say whether there is something by which the parts of an operation are known.

    A sigmoid alone is no SiLU: of functions that are made of others all that they need is there.
    """
    units = list(units)
    ways = [set(needs) for name, needs in _KNOWN.items() if name.rstrip() == whole]
    if ways and not any(needs <= set(map(_kind, units)) for needs in ways):
        return False
    return any(
        _kind(unit) not in _COMMON or (whole in _NORMS and unit.is_anchor)
        for unit in units
        if _belongs(unit, whole)
    )


def _another_function(a: Sequence[Unit], b: Sequence[Unit]) -> Answer | None:
    function_a, units_a = _function(a)
    function_b, units_b = _function(b)
    if not units_a or not units_b or function_a == function_b:
        return None
    names = " or ".join(sorted((function_a, function_b)))
    return Answer(f"{ACTIVATION}: {names}", units_a, units_b)


def _another_of(family: str, a: Sequence[Unit], b: Sequence[Unit]) -> Answer | None:
    """Find a layer in whose place another of the same purpose stands."""
    in_a, in_b = (
        [unit for unit in side if isinstance(unit.operation, _FAMILIES[family])] for side in (a, b)
    )
    kinds_a, kinds_b = (list(dict.fromkeys(map(_kind, side))) for side in (in_a, in_b))
    if not in_a or not in_b or set(kinds_a) == set(kinds_b):
        return None
    names = " or ".join(sorted((" and ".join(kinds_a), " and ".join(kinds_b))))
    return Answer(f"{family}: {names}", in_a, in_b)


def _in_steps(a: Sequence[Unit], b: Sequence[Unit]) -> Answer | None:
    """Find work that one model does at once and the other in several steps."""
    kinds = [
        kind
        for kind in dict.fromkeys(map(_kind, a))
        if _number(a, kind) != _number(b, kind) and _size(a, kind) == _size(b, kind)
    ]
    sides = ([unit for unit in side if _kind(unit) in kinds] for side in (a, b))
    return Answer(IN_STEPS, *sides) if kinds else None


def _number(units: Sequence[Unit], kind: str) -> int:
    return sum(_kind(unit) == kind for unit in units)


def _size(units: Sequence[Unit], kind: str) -> tuple[int, ...]:
    some = [amount_of(unit) for unit in units if _kind(unit) == kind]
    figures = ([one.parameters, one.state, one.macs, one.flops] for one in some)
    return tuple(map(sum, zip(*figures, strict=True)))


def _attention(a: Sequence[Unit], b: Sequence[Unit]) -> Answer | None:
    """Find where scores are scaled or cleaned in one of two attentions that are spelled out."""
    around = ([unit for unit in side if not (unit.masking or unit.is_anchor)] for side in (a, b))
    parts = [[unit for unit in side if _belongs(unit, "Attention")] for side in around]
    softmaxes = [_number(side, "Softmax") for side in parts]
    if softmaxes[0] == softmaxes[1]:  # each has its own in the other model
        parts = [[unit for unit in side if _kind(unit) != "Softmax"] for side in parts]
    return Answer(ANOTHER_ATTENTION, *parts) if any(parts) else None


def _function(units: Sequence[Unit]) -> tuple[str, list[Unit]]:
    """Return the one activation that stands there, whole or spelled out, and its units."""
    units = [unit for unit in units if not unit.constant]
    kinds = Counter(_kind(unit) for unit in units)
    for name, needs in _KNOWN.items():
        function = name.rstrip()
        if not Counter(needs) - kinds and function not in kinds:
            return function, [unit for unit in units if _kind(unit) in _PARTS[function]]
    whole = [unit for unit in units if is_activation(unit)]
    names = dict.fromkeys(map(_kind, whole))
    return " and ".join(names), whole


def is_activation(unit: Unit) -> bool:
    """Say whether it is a function of one number that makes a network more than linear."""
    operation = unit.operation
    return (
        isinstance(operation, Elementwise)
        and FUNCTIONS[operation.function].category is Category.ACTIVATION
    )
