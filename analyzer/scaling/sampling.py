"""One model at several sizes: what is kept of each analysis, and which sizes it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyzer.engine import Bound, Counted
from analyzer.errors import AnalyzerError, UsageError
from analyzer.ir import Node
from analyzer.memory import live_bytes
from analyzer.ops.attention import Attention
from analyzer.ops.base import Category, Operation
from analyzer.ops.convolution import Convolution
from analyzer.ops.linear import Einsum, Linear, MatrixProduct
from analyzer.ops.recurrent import Recurrent
from analyzer.report import Report

__all__ = ["Point", "Sample", "Sampler", "Share"]

Point = tuple[int, ...]
"""A size for each variable, in their order."""

Share = tuple[str, str]
"""A figure, and what a part of it is spent on: ``("macs", "dense layers")``."""

_MOST = 250
"""Analyses of one model; with five variables of which each is squared somewhere it needs 243."""

_NAMES: dict[type[Operation], str] = {
    Attention: "attention products",
    Convolution: "convolutions",
    Linear: "dense layers",
    Recurrent: "recurrent cells",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is kept of one analysis.

    Attributes:
        figures: the model's totals; those that are not known are left out.
        shares: what MACs and FLOPs are spent on.
        live: bytes that are live while each node runs, None where there was no graph.
        bound: what the totals of work are to the true ones.
        notes: of the report.
    """

    figures: Mapping[str, int]
    shares: Mapping[Share, int]
    live: tuple[int, ...] | None
    bound: Bound
    notes: tuple[str, ...]

    @classmethod
    def of(cls, report: Report) -> Sample:
        """Keep of a report what depends on sizes."""
        totals, memory = report.totals, report.totals.memory
        figures = {
            "parameters": totals.parameters.total,
            "macs": totals.macs,
            "flops": totals.flops,
            "integer_ops": totals.integer_ops,
            "stored_bytes": memory.parameter_bytes + memory.state_bytes + memory.constant_bytes,
            "input_bytes": memory.input_bytes,
            "output_bytes": memory.output_bytes,
            "peak_activation_bytes": memory.peak_activation_bytes,
            "peak_bytes": memory.peak_bytes,
        }
        shares: dict[Share, int] = {}
        for entry in report.entries:
            for share, amount in _shares(entry):
                shares[share] = shares.get(share, 0) + amount
        return cls(
            figures={name: value for name, value in figures.items() if value is not None},
            shares=shares,
            live=live_bytes(report.model),
            bound=report.coverage.bound,
            notes=report.notes,
        )


class Sampler:
    """Analyses a model at points, each once.

    Attributes:
        samples: what came of those that the model takes.
        refused: why it does not take others.
    """

    def __init__(self, analyze: Callable[[Point], Report]) -> None:
        self._analyze = analyze
        self._first_error: AnalyzerError | None = None
        self.report: Report | None = None
        self.samples: dict[Point, Sample] = {}
        self.refused: dict[Point, str] = {}

    def __call__(self, point: Point) -> Sample | None:
        """Return the sample at a point, None where the model refuses those sizes.

        Raises:
            UsageError: there have been too many already.
        """
        if point not in self.samples and point not in self.refused:
            if len(self.samples) + len(self.refused) >= _MOST:
                raise UsageError(
                    f"after {_MOST} analyses no end is in sight; vary fewer sizes at once"
                )
            try:
                report = self._analyze(point)
            except AnalyzerError as error:
                self.refused[point] = " ".join(str(error).split())
                self._first_error = self._first_error or error
            else:
                self.report = self.report or report
                self.samples[point] = Sample.of(report)
        return self.samples.get(point)

    def anchor(self, points: Sequence[Point]) -> Point:
        """Return the first of several points that the model takes.

        Raises:
            AnalyzerError: why it takes none, as it was told of the first.
        """
        for point in points:
            if self(point) is not None:
                return point
        assert self._first_error is not None
        raise self._first_error


def _shares(entry: Counted) -> Iterator[tuple[Share, int]]:
    work = entry.work
    if work.macs:
        yield ("macs", _spent_on(entry.node)), work.macs
    for category, flops in work.flops_by_category.items():
        contraction = category is Category.CONTRACTION
        yield ("flops", _spent_on(entry.node) if contraction else category.value), flops


def _spent_on(node: Node) -> str:
    """Say in the field's words what the products of a node are."""
    operation = node.operation
    parts = operation.parts()
    if parts:  # one step of several operations goes by the costliest
        costs = [cost.macs.value if (cost := part.cost()) else 0 for part in parts]
        operation = parts[costs.index(max(costs))]
    if isinstance(operation, (Einsum, MatrixProduct)):
        return "dense layers" if node.parameters else "products of activations"
    return _NAMES.get(type(operation), operation.kind)
