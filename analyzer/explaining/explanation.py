"""How a layer's numbers come about: every count derived in named factors, with the reason.

Nothing is computed here: the derivations are the very expressions whose values the report adds up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzer.engine import Counted
from analyzer.explaining.traffic import Traffic, stored_bytes
from analyzer.expression import ZERO, Expression, Factor, product, total
from analyzer.ir import Bound, Kind, Parameter, Tensor
from analyzer.ops.base import Category, Cost
from analyzer.report import LayerReport, Report

if TYPE_CHECKING:
    from analyzer.document import Document

__all__ = ["SCHEMA_VERSION", "Derivation", "Explanation", "Explanations", "Step"]

SCHEMA_VERSION = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """The number of elements of one stored tensor, and why there are that many.

    Attributes:
        parameter: the stored tensor.
        expression: its elements, in named factors.
        why: why there are that many.
        read_in: the layers whose operations read it.
    """

    parameter: Parameter
    expression: Expression
    why: str
    read_in: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its full name."""
        return self.parameter.name

    @property
    def role(self) -> str:
        """What it is to the operation that uses it."""
        return self.parameter.role

    @property
    def kind(self) -> Kind:
        """Learnable, state or constant."""
        return self.parameter.kind

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of its axes in the stored order, where they are known."""
        return self.parameter.axes

    @property
    def bytes(self) -> Expression:
        """What it takes as it is stored."""
        return stored_bytes([self.parameter])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "role": self.role,
            "kind": self.kind.value,
            "trainable": self.parameter.trainable,
            "assumed": self.parameter.assumed,
            "shape": list(self.parameter.shape),
            "dtype": self.parameter.dtype,
            "axes": list(self.axes),
            "elements": _plain(self.expression),
            "bytes": _plain(self.bytes),
            "why": self.why,
            "read_in": list(self.read_in),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation of a layer, as often as it runs there alike.

    Attributes:
        entry: the first of the equal ones.
        times: how often an equal operation runs.
        bound: what its work is to the true one.
        traffic: the bytes of one run.
    """

    entry: Counted
    times: int
    bound: Bound
    traffic: Traffic

    @property
    def kind(self) -> str:
        """The name of the operation."""
        return self.entry.node.operation.kind

    @property
    def free(self) -> str:
        """Why it costs nothing, if it does not."""
        return self.entry.cost.free if self.entry.cost else ""

    @property
    def own_cost(self) -> Cost | None:
        """What one run costs by the operation's own rule, whatever convention it is under."""
        return self.entry.node.operation.cost()

    @property
    def macs(self) -> Expression:
        """MACs of all its runs; none of what nobody knows."""
        return self.every_run(self.entry.cost.macs if self.entry.cost else ZERO)

    @property
    def work(self) -> Mapping[Category, Expression]:
        """FLOPs of all its runs by category, or operations on integers if it works on these."""
        if self.entry.cost is None:
            return {}
        categories = self.entry.cost.by_category.items()
        return {category: self.every_run(work) for category, work in categories}

    def every_run(self, once: Expression) -> Expression:
        """Multiply what one run takes by the number of runs."""
        if self.times == 1 or not once.value:
            return once
        return product(Factor("runs", self.times), once)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        node, work = self.entry.node, total(self.work.values()).value
        intensity = self.traffic.intensity(work // max(self.times, 1))
        return {
            "operation": self.kind,
            "native": node.native,
            "times": self.times,
            "inputs": [_tensor(tensor) for tensor in node.inputs],
            "outputs": [_tensor(tensor) for tensor in node.outputs],
            "known": self.entry.cost is not None,
            "bound": self.bound.words,
            "free": self.free,
            "integer": self.entry.integer,
            "macs": _plain(self.macs),
            "work": [
                {"category": category.value, **_plain(work)} for category, work in self.work.items()
            ],
            "bytes_read": _plain(self.every_run(self.traffic.read)),
            "bytes_written": _plain(self.every_run(self.traffic.written)),
            "arithmetic_intensity": None if intensity is None else str(intensity),
            "lesson": node.operation.lesson,
            "work_lesson": [str(line) for line in node.operation.work_lesson()],
            "parameter_lesson": [str(line) for line in node.operation.parameter_lesson()],
            "shape_lesson": [str(line) for line in node.operation.shape_lesson()],
        }


class _Told:
    """What both kinds of explanation can: be shown, in full or in short."""

    __slots__ = ()

    def document(self, detail: str | None = None) -> Document:
        """Lay it out.

        Arguments:
            detail: ``"line"`` is a line for each layer, with its numbers put in; ``"lesson"`` the
                whole lesson of each of them. Without it one layer is a lesson, and several are
                lines with what they teach together.

        Raises:
            UsageError: the detail is another one.
        """
        from analyzer.explaining.lines import present_explanation

        assert isinstance(self, (Explanation, Explanations))
        return present_explanation(self, detail)

    def render(self, format: str = "table", *, detail: str | None = None) -> str:
        """Return the explanation as text in one of the formats; for ``detail`` see `document`."""
        from analyzer.discovery import registry

        return registry().renderer(format).render(self.document(detail))

    def to_latex(self, *, detail: str | None = None) -> str:
        r"""Return a document in LaTeX, which another one can also take in by ``\input``."""
        return self.render("latex", detail=detail)

    def __str__(self) -> str:
        return self.render("table")

    def _repr_markdown_(self) -> str:
        return self.render("markdown")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Explanation(_Told):
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

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.layer.path or 'the model'!r}>"

    @property
    def report(self) -> Report:
        """The report it explains."""
        return self.layer.report

    @property
    def explained(self) -> tuple[Explanation, ...]:
        """What it is an explanation of: this one layer."""
        return (self,)

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

    @property
    def macs(self) -> Expression:
        """The layer's own MACs as one expression; what nobody knows is not in it."""
        return total(step.macs for step in self.steps)

    @property
    def stored_bytes(self) -> Expression:
        """The bytes of everything that the layer itself stores."""
        return stored_bytes(parameter.parameter for parameter in self.parameters)

    def walk(self) -> Iterator[Explanation]:
        """Go through this and all its parts, in the order of the model."""
        left = [self]
        while left:
            part = left.pop()
            yield part
            left.extend(reversed(part.parts))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: what ``analyzer explain --format json`` writes."""
        return _whole(self, self.layer.path)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Explanations(_Told):
    """Explanations of several layers: those that a pattern or a type means.

    Attributes:
        report: what is explained.
        asked: the pattern and the type, as a reader would say it.
        explained: an explanation of each layer, in the order of the model.
    """

    report: Report
    asked: str
    explained: tuple[Explanation, ...]

    def __iter__(self) -> Iterator[Explanation]:
        return iter(self.explained)

    def __len__(self) -> int:
        return len(self.explained)

    def __getitem__(self, at: int) -> Explanation:
        return self.explained[at]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} layers: {self.asked}>"

    def walk(self) -> Iterator[Explanation]:
        """Go through all of them and their parts, each once, in the order of the model."""
        seen: set[str] = set()
        for one in self.explained:
            for part in one.walk():
                if part.layer.path not in seen:
                    seen.add(part.layer.path)
                    yield part

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: what ``analyzer explain --format json`` writes."""
        return _whole(self, self.asked)


def _whole(explanation: Explanation | Explanations, asked: str) -> dict[str, Any]:
    report = explanation.report
    return {
        "schema_version": SCHEMA_VERSION,
        "model": report.described(),
        "convention": report.convention.name,
        "convention_version": report.convention.version,
        "asked": asked,
        "layers": [
            {
                **part.layer.to_dict(),
                "parent": part.layer.parent,
                "tensors": [parameter.to_dict() for parameter in part.parameters],
                "operations": [step.to_dict() for step in part.steps],
            }
            for part in explanation.walk()
        ],
        "notes": list(report.notes),
    }


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"shape": list(tensor.shape), "dtype": tensor.dtype}


def _plain(expression: Expression) -> dict[str, Any]:
    return {
        "count": expression.value,
        "factors": expression.names(),
        "numbers": expression.numbers(),
    }
