"""How a layer's numbers come about: every count derived in named factors, with the reason.

Nothing is computed here: the derivations are the very expressions whose values the report adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from analyzer.engine import Counted
from analyzer.expression import Expression, Factor, product, total
from analyzer.ir import Kind, Node, Parameter
from analyzer.ops.base import Operation
from analyzer.report import LayerReport, Report

__all__ = ["Derivation", "Explainer", "Explanation", "Step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """The number of elements of one stored tensor, and why there are that many.

    ``read_in`` are the layers whose operations read it.
    """

    name: str
    role: str
    kind: Kind
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    expression: Expression
    why: str
    assumed: bool
    read_in: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "role": self.role,
            "kind": self.kind.value,
            "shape": list(self.shape),
            "axes": list(self.axes),
            "count": self.expression.value,
            "factors": self.expression.names(),
            "numbers": self.expression.numbers(),
            "why": self.why,
            "assumed": self.assumed,
            "read_in": list(self.read_in),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation of a layer, as often as it runs there alike.

    Attributes:
        entry: the first of the equal ones.
        times: how often an equal operation runs.
    """

    entry: Counted
    times: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        cost = self.entry.cost
        return {
            "operation": self.entry.node.operation.kind,
            "native": self.entry.node.native,
            "times": self.times,
            "outputs": [list(tensor.shape) for tensor in self.entry.node.outputs],
            "known": cost is not None,
            "free": cost.free if cost else "",
            "macs": _plain(cost.macs) if cost and cost.macs.value else None,
            "flops": (
                {category.value: _plain(flops) for category, flops in cost.by_category.items()}
                if cost
                else {}
            ),
            "parameters": list(self.entry.node.operation.parameter_lesson()),
            "shape": list(self.entry.node.operation.shape_lesson()),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The derivation of a layer's numbers, or of a whole model's. ``print`` shows the lesson.

    Attributes:
        layer: the layer explained; the root for a whole model.
        parameters: stored tensors of the layer itself.
        steps: operations that ran in the layer itself.
        parts: explanations of its sublayers.
    """

    layer: LayerReport
    parameters: tuple[Derivation, ...]
    steps: tuple[Step, ...]
    parts: tuple[Explanation, ...]

    @property
    def read_elsewhere(self) -> tuple[str, ...]:
        """The layers that read what this one holds, where it does nothing with it itself."""
        if self.steps:
            return ()
        return tuple(
            dict.fromkeys(layer for parameter in self.parameters for layer in parameter.read_in)
        )

    @property
    def learnable(self) -> Expression:
        """The layer's own learnable parameters as one expression."""
        return total(
            parameter.expression
            for parameter in self.parameters
            if parameter.kind is Kind.LEARNABLE
        )

    def walk(self) -> Iterator[Explanation]:
        """Go through this and all its parts, in the order of the model."""
        left = [self]
        while left:
            part = left.pop()
            yield part
            left.extend(reversed(part.parts))

    def __str__(self) -> str:
        return self.render("table")

    def _repr_markdown_(self) -> str:
        return self.render("markdown")

    def render(self, format: str = "table") -> str:
        """Return the explanation as text in one of the formats."""
        from analyzer.discovery import registry
        from analyzer.lesson import present_explanation

        return registry().renderer(format).render(present_explanation(self))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: what ``analyzer explain --format json`` writes."""
        whole: dict[str, Any] = {}
        for part in reversed(list(self.walk())):  # the innermost first
            whole[part.layer.path] = {
                "layer": part.layer.path,
                "type": part.layer.type,
                "calls": part.layer.calls,
                "totals": part.layer.figures.to_dict(),
                "own": part.layer.own.to_dict(),
                "parameters": [parameter.to_dict() for parameter in part.parameters],
                "operations": [step.to_dict() for step in part.steps],
                "sublayers": [whole[below.layer.path] for below in part.parts],
            }
        return whole[self.layer.path]  # type: ignore[no-any-return]


class Explainer:
    """Explains the layers of one report; it looks through the report once, for all of them."""

    def __init__(self, report: Report) -> None:
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
        self.users: dict[str, list[Node]] = {}
        self.ran: dict[str, list[Counted]] = {}
        for entry in report.entries:
            self.ran.setdefault(entry.node.layer, []).append(entry)
            for name in entry.node.parameters:
                self.users.setdefault(name, []).append(entry.node)

    def explain(self, layer: LayerReport) -> Explanation:
        """Explain a layer and the layers inside it, the innermost first."""
        inside, made = [layer], dict[str, Explanation]()
        for one in inside:  # it grows: parents come before their children
            inside.extend(self.children.get(one.path, ()))
        for one in reversed(inside):
            made[one.path] = Explanation(
                layer=one,
                parameters=tuple(
                    self._derivation(self.parameters[name]) for name in self.held[one.path]
                ),
                steps=tuple(_steps(self.ran.get(one.path, ()))),
                parts=tuple(made[child.path] for child in self.children.get(one.path, ())),
            )
        return made[layer.path]

    def _derivation(self, parameter: Parameter) -> Derivation:
        users = self.users.get(parameter.name, [])
        roles = parameter.role.split(" + ")
        whys = (user.operation.roles.get(role) for user in users for role in roles)
        why = "; ".join(dict.fromkeys(why for why in whys if why))
        return Derivation(
            name=parameter.name,
            role=parameter.role,
            kind=parameter.kind,
            shape=parameter.shape,
            axes=parameter.axes,
            expression=_derive(parameter, users),
            why=why if users else self.unread,
            assumed=parameter.assumed,
            read_in=tuple(dict.fromkeys(user.layer for user in users)),
        )


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


def _steps(entries: Iterable[Counted]) -> Iterator[Step]:
    """Put equal operations of one layer together, in the order of their first run."""
    alike: dict[object, list[Counted]] = {}
    for entry in entries:
        shapes = tuple(tensor.shape for tensor in entry.node.outputs)
        alike.setdefault((entry.node.operation, entry.node.native, shapes), []).append(entry)
    for same in alike.values():
        yield Step(entry=same[0], times=sum(entry.times for entry in same))


def _plain(expression: Expression) -> dict[str, Any]:
    return {
        "count": expression.value,
        "factors": expression.names(),
        "numbers": expression.numbers(),
    }
