"""What an answer is worth: right, wrong by so much, a crash, or no answer at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from benchmarks.peers import Figures
from benchmarks.truth import Truth

__all__ = ["OURS", "Answer", "Row", "Verdict", "judged"]

OURS = "analyzer"

FLOPS_PER_MAC = {"fvcore": 1}
"""What a tool calls FLOPs, by MAC, where it is not the usual two."""


class Verdict(Enum):
    """What an answer is worth."""

    RIGHT = "right"
    WRONG = "wrong"
    BOUND = "a bound, and says so"
    CRASHED = "crashed"
    NOT_SUPPORTED = "not supported"
    NOT_INSTALLED = "not installed"


SHORT = {Verdict.BOUND: "a bound", Verdict.NOT_SUPPORTED: "—"}
"""How a cell says it, where that is not the verdict's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One number of one tool, beside the truth.

    Attributes:
        verdict: what it is worth.
        said: the number, where there is one; FLOPs are halved to MACs.
        truth: what was found by running the model.
        why: for what reason there is no number, in one line.
    """

    verdict: Verdict
    truth: int
    said: float | None = None
    why: str = ""

    @property
    def text(self) -> str:
        """Say it in a cell: "right", "+3.1 %", "a bound", "crashed", "—"."""
        if self.verdict is Verdict.WRONG:
            return _percent(self.said or 0, self.truth)
        return SHORT.get(self.verdict, str(self.verdict.value))

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as it is kept."""
        return {
            "verdict": self.verdict.value,
            "said": self.said,
            "truth": self.truth,
            "why": self.why,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Answer:
        """Return an answer that was kept."""
        return cls(**{**data, "verdict": Verdict(data["verdict"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one tool says of one model.

    Attributes:
        framework: name of the framework that the model is written in.
        case: name of the model.
        covers: what the model is in the list for.
        tool: who was asked.
        version: of the tool.
        macs: its number of MACs.
        parameters: its number of parameters.
    """

    framework: str
    case: str
    covers: str
    tool: str
    version: str
    macs: Answer
    parameters: Answer

    def to_dict(self) -> dict[str, Any]:
        """Return the row as it is kept."""
        return {
            name: getattr(self, name).to_dict() if name in NUMBERS else getattr(self, name)
            for name in self.__slots__
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Row:
        """Return a row that was kept."""
        answers = {name: Answer.from_dict(data[name]) for name in NUMBERS}
        return cls(**{**data, **answers})


NUMBERS = ("macs", "parameters")


def judged(figures: Figures, truth: Truth) -> tuple[Answer, Answer]:
    """Return what a tool's MACs and parameters are worth."""
    macs: float | None = figures.macs
    if macs is None and figures.flops is not None:
        macs = figures.flops / FLOPS_PER_MAC.get(figures.tool, 2)
    return _answer(figures, macs, truth.macs), _answer(
        figures, figures.parameters, truth.parameters
    )


def _answer(figures: Figures, said: float | None, truth: int) -> Answer:
    if not figures.installed:
        return Answer(verdict=Verdict.NOT_INSTALLED, truth=truth, why=figures.failed)
    if figures.failed:
        return Answer(verdict=Verdict.CRASHED, truth=truth, why=figures.failed)
    if said is None:
        return Answer(verdict=Verdict.NOT_SUPPORTED, truth=truth)
    if figures.bound:
        return Answer(verdict=Verdict.BOUND, truth=truth, said=said, why=figures.bound)
    verdict = Verdict.RIGHT if said == truth else Verdict.WRONG
    return Answer(verdict=verdict, truth=truth, said=said)


def _percent(said: float, truth: int) -> str:
    if not truth:
        return "none there"
    off = 100 * (said - truth) / truth
    return f"{off:+.2g} %" if abs(off) < 100 else f"{off:+,.0f} %"
