"""What an answer is worth: right, wrong by so much, a crash, or no answer at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import Any

from benchmarks.peers import Figures
from benchmarks.truth import Truth

__all__ = ["OURS", "Answer", "Row", "Verdict", "judged"]

OURS = "analyzer"

FLOPS_PER_MAC = {"fvcore": 1}
"""What a tool calls FLOPs, by MAC, where it is not the usual two."""


TOGETHER = ("flax tabulate", "tensorflow profiler", "xla", "xla, compiled")
"""Tools that give the FLOPs of everything in one number: more than two a MAC may well be true."""

UNPADDED = ("flax tabulate", "xla", "xla, compiled")
"""Tools that say they count no product with padding, and are held to the truth without them."""


class Verdict(Enum):
    """What an answer is worth."""

    RIGHT = "right"
    WRONG = "wrong"
    TOGETHER = "with all else in it"
    BOUND = "a bound that holds, and says so"
    CRASHED = "crashed"
    NOT_SUPPORTED = "not supported"
    NOT_INSTALLED = "not installed"


SHORT = {Verdict.RIGHT: "✓", Verdict.BOUND: "a bound", Verdict.NOT_SUPPORTED: "—"}
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
        """Say it in a cell: "✓", "+3.1 %", "+3.1 %, all", "a bound", "crashed", "—"."""
        if self.verdict in (Verdict.WRONG, Verdict.TOGETHER):
            everything = ", all" if self.verdict is Verdict.TOGETHER else ""
            return _percent(self.said or 0, self.truth) + everything
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
    macs = truth.macs
    if figures.tool in UNPADDED and truth.unpadded is not None:
        macs = truth.unpadded
    return _macs(figures, macs), _answer(figures, figures.parameters, truth.parameters)


def _macs(figures: Figures, truth: int) -> Answer:
    said: float | None = figures.macs
    if said is None and figures.flops is not None:
        said = figures.flops / FLOPS_PER_MAC.get(figures.tool, 2)
    answer = _answer(figures, said, truth)
    if said is None or answer.verdict is not Verdict.WRONG:
        return answer
    if figures.tool in TOGETHER and said > truth:
        return replace(answer, verdict=Verdict.TOGETHER)
    holds = {"upper bound": said > truth, "lower bound": said < truth}
    if holds.get(figures.bound):
        return replace(answer, verdict=Verdict.BOUND, why=figures.bound)
    return answer


def _answer(figures: Figures, said: float | None, truth: int) -> Answer:
    if not figures.installed:
        return Answer(verdict=Verdict.NOT_INSTALLED, truth=truth, why=figures.failed)
    if figures.failed:
        return Answer(verdict=Verdict.CRASHED, truth=truth, why=figures.failed)
    if said is None:
        return Answer(verdict=Verdict.NOT_SUPPORTED, truth=truth)
    verdict = Verdict.RIGHT if said == truth else Verdict.WRONG
    return Answer(verdict=verdict, truth=truth, said=said)


def _percent(said: float, truth: int) -> str:
    if not truth:
        return "none there"
    off = Decimal(f"{100 * (said - truth) / truth:.2g}")
    return f"{off:+,f} %"
