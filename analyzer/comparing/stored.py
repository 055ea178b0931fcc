"""Compares what two models store, where one of them tells nothing else: a file of tensors."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

from analyzer.comparing.align import by_key
from analyzer.comparing.amounts import amount_of
from analyzer.comparing.causes import DTYPE
from analyzer.comparing.reasons import ALONE, Part
from analyzer.comparing.unit import Pair, Unit
from analyzer.ir import Parameter
from analyzer.report import Report

__all__ = ["align_stored", "stored_reasons", "stored_units"]


def stored_units(report: Report) -> list[Unit]:
    """Return a unit for each stored tensor, in the order of the model."""
    holders = {name: layer.path for layer in report.model.layers for name in layer.parameters}
    return [
        Unit([], [parameter], holders.get(parameter.name, ""), at)
        for at, parameter in enumerate(report.model.parameters)
    ]


def align_stored(a: Sequence[Unit], b: Sequence[Unit]) -> list[Pair]:
    """Match stored tensors by role and shape; of several that are equal, those of one name first.

    In whatever order a framework keeps the axes, the sizes are the same.
    """
    keys: tuple[Callable[[Unit], Hashable], ...] = (
        lambda unit: (_sizes(unit), _one(unit).kind, _one(unit).name),
        lambda unit: (_sizes(unit), _one(unit).kind, _one(unit).role),
        lambda unit: (_sizes(unit), _one(unit).kind),
        lambda unit: (_one(unit).kind, _one(unit).name),
    )
    pairs: list[Pair] = []
    free_a, free_b = list(a), list(b)
    for key in keys:
        found = [Pair(*two) for two in by_key(free_a, free_b, key)]
        taken = {id(unit) for pair in found for unit in (pair.a, pair.b)}
        free_a = [unit for unit in free_a if id(unit) not in taken]
        free_b = [unit for unit in free_b if id(unit) not in taken]
        pairs += found
    return [*pairs, *(Pair(one, None) for one in free_a), *(Pair(None, one) for one in free_b)]


def stored_reasons(pairs: Iterable[Pair]) -> list[Part]:
    """Name why each two stored tensors differ, or why one is alone."""
    parts = []
    for pair in pairs:
        amount = amount_of(pair.a) - amount_of(pair.b)
        if pair.a and pair.b:
            same_dtype = _one(pair.a).dtype == _one(pair.b).dtype
            if not amount and same_dtype:
                continue
            resized = amount.parameters or amount.state or amount.constants
            reason = f"{pair.unit.kind} of another size" if resized else DTYPE
        else:
            kind = _one(pair.unit).kind.value
            reason = f"{_one(pair.unit).role or f'{kind} tensor'} {ALONE}"
        parts.append(Part(reason=reason, amount=amount, pair=pair))
    return parts


def _one(unit: Unit) -> Parameter:
    (parameter,) = unit.parameters
    return parameter


def _sizes(unit: Unit) -> tuple[int, ...]:
    return tuple(sorted(size for size in _one(unit).shape if size != 1))
