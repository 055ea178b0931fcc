"""Makes the explanations of a report's layers, from what the report was made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_

from analyzer.engine import Counted
from analyzer.explaining.explanation import Derivation, Explanation, Explanations, Step
from analyzer.explaining.selection import is_pattern, of_type, select
from analyzer.explaining.traffic import sizes_of_storages, traffic
from analyzer.expression import Expression, Factor, product, total
from analyzer.ir import Kind, Node, Parameter, Tensor
from analyzer.ops.base import Operation
from analyzer.report import LayerReport, Report

__all__ = ["Explainer"]


_KINDS = {
    Kind.STATE: "stored and updated, but not learned",
    Kind.CONSTANT: "stored, never trained",
}
"""Why there are tensors of whose role nothing else is to be said."""


class Explainer:
    """Explains the layers of one report; it looks through the report once, for all of them."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.unread = (
            "no operation of this run reads it"
            if report.model.nodes is not None
            else "there was no graph that would tell its use"
        )
        self.parameters = {parameter.name: parameter for parameter in report.model.parameters}
        self.held = {layer.path: layer.parameters for layer in report.model.layers}
        self.children: dict[str | None, list[LayerReport]] = {}
        for layer in report.layers:
            self.children.setdefault(layer.parent, []).append(layer)
        self.sizes = sizes_of_storages(report.model)
        self.made: dict[str, Explanation] = {}
        self.users: dict[str, list[Node]] = {}
        self.ran: dict[str, list[Counted]] = {}
        for entry in report.entries:
            self.ran.setdefault(entry.node.layer, []).append(entry)
            for name in entry.node.parameters:
                self.users.setdefault(name, []).append(entry.node)

    def asked(self, layer: str | None, type: str | None) -> Explanation | Explanations:
        """Explain what was asked for: a layer, or those that a pattern or a type means.

        Raises:
            UnknownNameError: there is no such layer.
        """
        report = self.report
        if layer is not None and is_pattern(report, layer):
            layers = select(report, layer)
        else:
            one = report["" if layer is None else layer]
            if type is None:
                return self.explain(one)
            layers = [part.layer for part in self.explain(one).walk()]
        if type is None:
            explained = [self.explain(one) for one in layers]
        else:  # what is asked for by its type is that alone, and not what lies inside it
            kinds = {path: dict.fromkeys(_kinds(entries)) for path, entries in self.ran.items()}
            explained = [self._alone(one) for one in of_type(layers, type, kinds)]
        words = (layer, f"type {type}" if type else None)
        return Explanations(
            report=report,
            asked=", ".join(word for word in words if word),
            explained=tuple(explained),
        )

    def explain(self, layer: LayerReport) -> Explanation:
        """Explain a layer and the layers inside it, the innermost first."""
        for one in reversed([layer, *self._inside(layer)]):
            if one.path not in self.made:
                parts = (self.made[child.path] for child in self.children.get(one.path, ()))
                self.made[one.path] = replace(self._alone(one), parts=tuple(parts))
        return self.made[layer.path]

    def _alone(self, layer: LayerReport) -> Explanation:
        stored = (self.parameters[name] for name in self.held[layer.path])
        return Explanation(
            layer=layer,
            parameters=tuple(map(self._derivation, stored)),
            steps=tuple(self._steps(self.ran.get(layer.path, ()))),
            parts=(),
        )

    def _inside(self, layer: LayerReport) -> list[LayerReport]:
        inside = list(self.children.get(layer.path, ()))
        for one in inside:  # it grows: parents come before their children
            inside.extend(self.children.get(one.path, ()))
        return inside

    def _derivation(self, parameter: Parameter) -> Derivation:
        users = self.users.get(parameter.name, [])
        roles = parameter.role.split(" + ")
        whys = (user.operation.roles.get(role) for user in users for role in roles)
        why = "; ".join(dict.fromkeys(why for why in whys if why)) or _KINDS.get(parameter.kind, "")
        return Derivation(
            parameter=parameter,
            expression=_derive(parameter, users),
            why=why if users else self.unread,
            read_in=tuple(dict.fromkeys(user.layer for user in users)),
        )

    def _steps(self, entries: Iterable[Counted]) -> Iterator[Step]:
        """Put equal operations of one layer together, in the order of their first run."""
        alike: dict[object, list[Counted]] = {}
        for entry in entries:
            node = entry.node
            key = (
                entry.cost,
                node.operation,
                node.native,
                *map(_sizes, (node.inputs, node.outputs)),
            )
            alike.setdefault(key, []).append(entry)
        for same in alike.values():
            yield Step(
                entry=same[0],
                times=sum(entry.times for entry in same),
                bound=reduce(or_, (entry.bound for entry in same)),
                traffic=traffic(same[0].node, self.parameters, self.sizes),
            )


def _kinds(entries: Iterable[Counted]) -> Iterator[str]:
    """Yield what operations are called, and what those are that they consist of."""
    for entry in entries:
        yield entry.node.operation.kind
        yield from (part.kind for part in entry.node.operation.parts())


def _sizes(tensors: Iterable[Tensor]) -> tuple[tuple[tuple[int, ...], str], ...]:
    return tuple((tensor.shape, tensor.dtype) for tensor in tensors)


def _derive(parameter: Parameter, users: Iterable[Node]) -> Expression:
    """Derive the size from the operation that needs it; where that does not fit, from the shape.

    A tensor may be read in parts (one matrix for queries, keys and values), so where nobody knows
    its axes, the needs of all its users together are tried too.
    """
    roles = parameter.role.split(" + ")
    needs = []
    for user in users:
        need = _need(user.operation, roles)
        for one in (need, *(_need(part, roles) for part in user.operation.parts())):
            if one is not None and one.value == parameter.elements:
                return one
        if need is not None:
            needs.append(need)
    together = total(needs)
    if together.value == parameter.elements and not parameter.axes:
        return together
    axes = parameter.axes or tuple(f"axis {axis}" for axis in range(len(parameter.shape)))
    if not axes:
        return Factor("one number", 1)
    return product(*(Factor(axis, size) for axis, size in zip(axes, parameter.shape, strict=True)))


def _need(operation: Operation, roles: Sequence[str]) -> Expression | None:
    """Return how many parameters of some roles an operation needs, None where it has no such."""
    counts = operation.parameter_counts()
    return total(counts[role] for role in roles) if all(role in counts for role in roles) else None
