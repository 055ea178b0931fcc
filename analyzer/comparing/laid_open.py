"""Lays open what one operation does in several steps, so that models can be compared step by step.

A framework may fuse an addition with the norm after it, or hold two layers of cells in one
operation; another writes them apart. Their steps are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

from analyzer.conventions import Place, Surroundings
from analyzer.engine import Counted, Work
from analyzer.ir import Parameter
from analyzer.ops import Fused, Operation, Recurrent
from analyzer.report import Report

__all__ = ["laid_open"]


def laid_open(report: Report) -> Iterator[tuple[Counted, Operation]]:
    """Yield every step that was counted, and the whole operation that it belongs to.

    The steps cost together what the whole does; what cannot be divided so is left whole.
    """
    around = Surroundings(report.model)
    storages = count(-1, -1)  # of what flows between steps, which no importer numbers so
    for entry in report.entries:
        whole = entry.node.operation
        steps = _steps(whole)
        if len(steps) < 2:
            yield entry, whole
            continue
        place = Place(entry.node, around)
        parts = [
            replace(entry, node=replace(entry.node, operation=step), cost=cost)
            for step, cost in ((step, report.convention.cost(place.step(step))) for step in steps)
        ]
        if _sizes(parts) != entry.work.size:
            yield entry, whole
            continue
        stored = [around.parameters[name] for name in entry.node.parameters]
        holders = _held([part.node.operation for part in parts], stored)
        read = entry.node.inputs
        for at, (part, names) in enumerate(zip(parts, holders, strict=True)):
            written = entry.node.outputs
            if at < len(parts) - 1:
                written = tuple(replace(one, storage=next(storages)) for one in written[:1])
            node = replace(part.node, parameters=names, inputs=read, outputs=written)
            read = written if isinstance(whole, Recurrent) else (*written, *entry.node.inputs)
            yield replace(part, node=node), whole


def _steps(operation: Operation) -> Sequence[Operation]:
    match operation:
        case Fused(steps=steps):
            return [part for step in steps for part in _steps(step)]
        case Recurrent(layers=layers, directions=directions) if layers > 1:
            firsts = operation.parts()[::directions]
            return [replace(first, directions=directions) for first in firsts]  # type: ignore[type-var]
    return [operation]


def _sizes(parts: Sequence[Counted]) -> tuple[int, int, int]:
    work = Work()
    for part in parts:
        work.add(part.work)
    return work.size


def _held(steps: Sequence[Operation], stored: Sequence[Parameter]) -> list[tuple[str, ...]]:
    """Divide stored tensors among steps: each takes what it needs of a role, in their order."""
    needs = [
        {role: needed.value for role, needed in step.parameter_counts().items()} for step in steps
    ]
    held: list[list[str]] = [[] for _ in steps]
    for parameter in stored:
        at = _holder(steps, needs, parameter)
        if parameter.role in needs[at]:
            needs[at][parameter.role] -= parameter.elements
        held[at].append(parameter.name)
    return [tuple(names) for names in held]


def _holder(
    steps: Sequence[Operation], needs: Sequence[Mapping[str, int]], parameter: Parameter
) -> int:
    role, size = parameter.role, parameter.elements
    fits = (
        [need.get(role) == size for need in needs],
        [need.get(role, 0) >= size for need in needs],
        [role in step.roles for step in steps],
    )
    return next((found.index(True) for found in fits if True in found), 0)
