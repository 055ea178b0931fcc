"""What our own report says, in the form of everybody's figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import analyzer
from benchmarks.accuracy.cases import Built
from benchmarks.accuracy.judging import OURS
from benchmarks.peers import Figures
from benchmarks.peers.running import tool

__all__ = ["ours"]


def ours(built: Built) -> Figures:
    """Make a report of a model as it comes; what it says of itself is kept with the numbers."""
    reports: list[analyzer.Report] = []

    @tool(OURS, "model-analyzer")
    def run(model: Any) -> dict[str, int]:
        report = analyzer.analyze(model, built.inputs or None)
        reports.append(report)
        totals = report.totals
        numbers = {
            "macs": totals.macs,
            "flops": totals.flops,
            "parameters": totals.parameters.total,
        }
        return {name: number for name, number in numbers.items() if number is not None}

    figures = run(built.model)
    bound = reports[0].coverage.bound if reports else None
    return replace(figures, bound=bound.words) if bound else figures
