"""What was measured, read: seconds, memory, and whose number is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.accuracy.judging import OURS, Answer, Verdict, compared

__all__ = [
    "LIGHT",
    "LOADED",
    "Found",
    "answer",
    "both",
    "ended",
    "megabytes",
    "processor",
    "right",
    "seconds",
    "total",
]

Found = Mapping[str, Any]

LIGHT = "light models of onnx"
LOADED = "onnx.load"


def answer(found: Found, tool: str) -> Answer | None:
    """Return what a tool's number is worth; without a truth, beside ours. None without a number."""
    said = found["tools"][tool]["macs"]
    truth = found["tools"][OURS]["macs"] if found["truth"] is None else found["truth"]
    return None if said is None else compared(tool, said, truth)


def right(found: Found) -> list[str]:
    """Return the other tools that gave the right number; without a truth, those that agree."""
    answers = {tool: answer(found, tool) for tool in found["tools"] if tool != OURS}
    return [tool for tool, one in answers.items() if one and one.verdict is Verdict.RIGHT]


def seconds(found: Found, tool: str, what: str = "seconds") -> float:
    """Return the median of one tool's calls."""
    return float(median(found["tools"][tool][what]))


def both(found: Found, tool: str) -> list[Found]:
    """Return what was measured of the models of a set that ours and another tool read."""
    models = found["models"].values()
    return [tools for tools in models if not any(tools[by]["failed"] for by in (OURS, tool))]


def total(models: Sequence[Found], tool: str, what: str = "seconds") -> float:
    """Return the seconds of a tool on all of these."""
    return float(sum(median(tools[tool][what]) for tools in models))


def ended(processes: Sequence[Found]) -> str:
    """Return why a process failed, if one did."""
    return next((one["failed"] for one in processes if one.get("failed")), "")


def processor(processes: Sequence[Found]) -> float:
    """Return the median of the seconds that whole processes took."""
    return float(median(one["process"]["processor"] for one in processes))


def megabytes(processes: Sequence[Found]) -> float | None:
    """Return the most memory that any of the processes had; None where the system does not tell."""
    peaks = [one.get("peak_bytes") for one in processes]
    known = [peak for peak in peaks if peak is not None]
    return max(known) / 1e6 if len(known) == len(peaks) else None
