"""The records of a result. All counts are exact integers; None where there was no graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from analyzer.conventions import Convention
from analyzer.engine import Bound, Counted
from analyzer.ir import Model, Tensor

if TYPE_CHECKING:
    from analyzer.explaining.explainer import Explainer
    from analyzer.explaining.explanation import Explanation, Explanations

__all__ = [
    "NOTHING",
    "SCHEMA_VERSION",
    "Coverage",
    "LayerReport",
    "Memory",
    "ParameterCounts",
    "Report",
    "Totals",
    "UnknownOperation",
]

SCHEMA_VERSION = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCounts:
    """Numbers of stored elements, each storage once.

    Attributes:
        total: learnable elements; ``trainable + frozen``.
        trainable: those that training would change now.
        frozen: those that are learnable but switched off.
        active: those that one token touches (less than ``total`` in a mixture of experts).
        assumed: those of ``total`` that are learnable by how they are used, for nothing says so.
        state: stored but not learned: running statistics, batch counters.
        constants: everything else that is stored: masks, position ids, quantisation scales.
    """

    total: int = 0
    trainable: int = 0
    frozen: int = 0
    active: int = 0
    assumed: int = 0
    state: int = 0
    constants: int = 0

    def __add__(self, other: ParameterCounts) -> ParameterCounts:
        if self is NOTHING or other is NOTHING:  # as of most layers
            return other if self is NOTHING else self
        return ParameterCounts(
            total=self.total + other.total,
            trainable=self.trainable + other.trainable,
            frozen=self.frozen + other.frozen,
            active=self.active + other.active,
            assumed=self.assumed + other.assumed,
            state=self.state + other.state,
            constants=self.constants + other.constants,
        )

    def to_dict(self) -> dict[str, int]:
        """Return the counts as in the JSON."""
        return {
            "total": self.total,
            "trainable": self.trainable,
            "frozen": self.frozen,
            "active": self.active,
            "assumed": self.assumed,
            "state": self.state,
            "constants": self.constants,
        }


NOTHING = ParameterCounts()
"""What a layer without parameters holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes. ``peak_bytes`` = parameters + state + constants + inputs + peak of activations."""

    parameter_bytes: int
    state_bytes: int
    constant_bytes: int
    input_bytes: int
    output_bytes: int
    peak_activation_bytes: int | None
    eager_peak_activation_bytes: int | None

    @property
    def stored_bytes(self) -> int:
        """Everything that the model stores: parameters, state and constants."""
        return self.parameter_bytes + self.state_bytes + self.constant_bytes

    @property
    def peak_bytes(self) -> int | None:
        """The most that is needed at once, None where there was no graph."""
        if self.peak_activation_bytes is None:
            return None
        return self.stored_bytes + self.input_bytes + self.peak_activation_bytes

    def to_dict(self) -> dict[str, int | None]:
        """Return the bytes as in the JSON."""
        return {
            "parameter_bytes": self.parameter_bytes,
            "state_bytes": self.state_bytes,
            "constant_bytes": self.constant_bytes,
            "input_bytes": self.input_bytes,
            "output_bytes": self.output_bytes,
            "peak_activation_bytes": self.peak_activation_bytes,
            "eager_peak_activation_bytes": self.eager_peak_activation_bytes,
            "peak_bytes": self.peak_bytes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the whole model holds and costs."""

    parameters: ParameterCounts
    macs: int | None
    flops: int | None
    flops_by_category: Mapping[str, int] | None
    integer_ops: int | None
    memory: Memory

    def to_dict(self) -> dict[str, Any]:
        """Return the totals as in the JSON."""
        return {
            "parameters": self.parameters.to_dict(),
            "macs": self.macs,
            "flops": self.flops,
            "flops_by_category": (
                None if self.flops_by_category is None else dict(self.flops_by_category)
            ),
            "integer_ops": self.integer_ops,
            "memory": self.memory.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownOperation:
    """A native operation without a rule: how often it stands in the model, and in which layers."""

    operation: str
    count: int
    layers: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as in the JSON."""
        return {"operation": self.operation, "count": self.count, "layers": list(self.layers)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of the model was counted: ``operations`` = counted + free + unknown ones.

    ``bound`` says what the totals of work are to the true ones. ``unsettled_parameters`` are stored
    elements that only unknown operations read: they stand under constants and may be learnable.
    """

    operations: int
    counted: int
    free: int
    unknown: tuple[UnknownOperation, ...]
    bound: Bound
    unsettled_parameters: int

    @property
    def complete(self) -> bool:
        """Whether nothing is missing from the totals."""
        return Bound.LOWER not in self.bound

    def to_dict(self) -> dict[str, Any]:
        """Return the coverage as in the JSON."""
        return {
            "operations": self.operations,
            "counted": self.counted,
            "free": self.free,
            "unknown": [unknown.to_dict() for unknown in self.unknown],
            "complete": self.complete,
            "bound": self.bound.words,
            "unsettled_parameters": self.unsettled_parameters,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a layer holds and costs: with its sublayers, or by itself.

    ``bound`` says what MACs and FLOPs are to the true ones.
    """

    parameters: ParameterCounts
    macs: int | None
    flops: int | None
    bound: Bound

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as in the JSON."""
        return {"parameters": self.parameters.to_dict(), "macs": self.macs, "flops": self.flops}


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReport:
    """One layer's figures.

    Attributes:
        path: unique name; the root's is ``""``.
        depth: 0 for the root.
        type: the framework's own name of its type.
        calls: how many times it ran.
        figures: with its sublayers.
        own: without them.
        outputs: of its last call.
        shared_with: other layers that hold some of the same parameters.
        report: the report it is part of.
    """

    path: str
    parent: str | None
    depth: int
    type: str
    calls: int
    figures: Figures
    own: Figures
    outputs: tuple[Tensor, ...]
    shared_with: tuple[str, ...]
    report: Report = field(repr=False, compare=False)

    @property
    def parameters(self) -> ParameterCounts:
        """Parameters, sublayers included."""
        return self.figures.parameters

    @property
    def complete(self) -> bool:
        """Whether nothing is missing from its MACs and FLOPs."""
        return Bound.LOWER not in self.figures.bound

    @property
    def macs(self) -> int | None:
        """MACs, sublayers included."""
        return self.figures.macs

    @property
    def flops(self) -> int | None:
        """FLOPs, sublayers included."""
        return self.figures.flops

    def explain(self) -> Explanation:
        """Return how this layer's numbers come about."""
        return self.report._explainer.explain(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the layer as in the JSON."""
        return {
            "path": self.path,
            "type": self.type,
            "calls": self.calls,
            **self.figures.to_dict(),
            "own": self.own.to_dict(),
            "outputs": [
                {"shape": list(tensor.shape), "dtype": tensor.dtype} for tensor in self.outputs
            ],
            "shared_with": list(self.shared_with),
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """The result of an analysis.

    ``report["Conv1"]`` is one layer, ``print(report)`` a table, ``report.to_dict()`` the JSON.

    Attributes:
        model: the representation that was counted (not part of the JSON).
        entries: every node with its cost (not part of the JSON).
        convention: that it was counted under.
        totals, coverage, layers, notes: the result.
    """

    model: Model = field(repr=False)
    entries: tuple[Counted, ...] = field(repr=False)
    convention: Convention = field(repr=False)
    totals: Totals
    coverage: Coverage
    notes: tuple[str, ...]
    layers: tuple[LayerReport, ...] = field(repr=False, default=())

    def __getitem__(self, path: str) -> LayerReport:
        """Return the layer of this path; the last part is enough where it is unique.

        Raises:
            UnknownNameError: there is none, or several end in these words.
        """
        if path in self._by_path:
            return self._by_path[path]
        from analyzer.explaining.selection import find

        return find(self, path)

    @property
    def number(self) -> int | None:
        """The one number that the convention's tool tells; None where it tells none."""
        told = self.convention.number
        if told is None or self.model.nodes is None:
            return None
        return sum(
            entry.times * (entry.cost.macs if told == "macs" else entry.cost.flops).value
            for entry in self.entries
            if entry.cost is not None and (told == "macs" or self.convention.tells(entry.integer))
        )

    @cached_property
    def _by_path(self) -> Mapping[str, LayerReport]:
        return {layer.path: layer for layer in self.layers}

    @cached_property
    def _explainer(self) -> Explainer:
        from analyzer.explaining.explainer import Explainer

        return Explainer(self)

    def __str__(self) -> str:
        return self.render("table")

    def _repr_html_(self) -> str:
        return self.render("html")

    def render(self, format: str = "table", *, depth: int | None = None) -> str:
        """Return the report as text in one of the formats; ``depth`` cuts the tree of layers."""
        from analyzer.discovery import registry
        from analyzer.present import present_report

        return registry().renderer(format).render(present_report(self, depth=depth))

    @overload
    def explain(self) -> Explanation: ...
    @overload
    def explain(
        self, layer: str | None = None, *, type: str | None = None
    ) -> Explanation | Explanations: ...
    def explain(
        self, layer: str | None = None, *, type: str | None = None
    ) -> Explanation | Explanations:
        """Return how the numbers come about, of the whole model or of some of its layers.

        ``layer`` is a path, the last part of one, or a pattern of the shell such as
        ``features.*.conv``; ``type`` is what the framework calls a layer, or what the layer
        computes (``Convolution``), whatever its capitals. A pattern or a type gives
        :class:`Explanations`, anything else one :class:`Explanation`.

        Raises:
            UnknownNameError: no layer is meant by that.
        """
        return self._explainer.asked(layer, type)

    def described(self) -> dict[str, str]:
        """Return which model it is, as in every JSON."""
        return {
            "name": self.model.name,
            "framework": self.model.framework,
            "framework_version": self.model.framework_version,
            "source": self.model.source,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--format json`` writes: plain dicts, lists, integers and strings."""
        return {
            "schema_version": SCHEMA_VERSION,
            "model": self.described(),
            "notes": list(self.notes),
            "inputs": [
                {"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype}
                for tensor in self.model.inputs
            ],
            "convention": self.convention.name,
            "convention_version": self.convention.version,
            "totals": self.totals.to_dict(),
            "coverage": self.coverage.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
        }
