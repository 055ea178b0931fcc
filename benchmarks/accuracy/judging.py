"""What an answer is worth: right, wrong by so much, a crash, or no answer at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import Any

from benchmarks.peers import Figures
from benchmarks.truth import Truth

__all__ = [
    "BESIDES",
    "OURS",
    "UNPADDED",
    "Answer",
    "Row",
    "Verdict",
    "compared",
    "judged",
    "told_macs",
]

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
    BOUND = "a bound that says so"
    CRASHED = "crashed"
    NOT_SUPPORTED = "not supported"
    NOT_INSTALLED = "not installed"


SHORT = {Verdict.RIGHT: "✓", Verdict.NOT_SUPPORTED: "—"}
"""How a cell says it, where that is not the verdict's own words."""

OFF = {Verdict.WRONG: "", Verdict.TOGETHER: ", all", Verdict.BOUND: ", a bound"}
"""What stands behind by how much a number is off."""

BESIDES = {
    "calflops": "nothing in its MACs",
    "DeepSpeed": "nothing in its MACs",
    "flop counter": "nothing",
    "flop counter, meta": "nothing",
    "flop counter, no gradients": "nothing",
    "fvcore": "norms, resizing, adaptive pooling",
    "onnx-tool": "all else, in steps of a processor: an exponential is 32",
    "onnx_opcounter": "norms, ReLU, additions, resizing",
    "ptflops": "biases, norms, activations, pooling; an example's share of a batch",
    "ptflops, aten": "biases, norms, activations, pooling; an example's share of a batch",
    "thop": "norms, average pooling, softmax, resizing",
    "torchinfo": "biases, norms",
    "torchprofile": "norms, average pooling, resizing, elementwise products",
    "ultralytics-thop": "norms, average pooling, softmax, resizing",
    **dict.fromkeys(TOGETHER, "all floating-point work"),
}
"""What tools count besides, by their own definition: more than the truth may be what they mean."""


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
        """Say it in a cell: "✓", "+3.1 %", "+3.1 %, all", "-5 %, a bound", "crashed", "—"."""
        if self.verdict in OFF:
            return _percent(self.said or 0, self.truth) + OFF[self.verdict]
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


def told_macs(figures: Figures) -> float | None:
    """Return what a tool says of MACs, if only by its FLOPs."""
    if figures.macs is None and figures.flops is not None:
        return figures.flops / FLOPS_PER_MAC.get(figures.tool, 2)
    return figures.macs


def compared(tool: str, said: float, truth: int, bound: str = "") -> Answer:
    """Return what a number of MACs is worth that a tool gave."""
    answer = Answer(verdict=Verdict.RIGHT, truth=truth, said=said)
    if said == truth:
        return answer
    if tool in TOGETHER and said > truth:
        return replace(answer, verdict=Verdict.TOGETHER)
    if {"upper bound": said > truth, "lower bound": said < truth}.get(bound):
        return replace(answer, verdict=Verdict.BOUND, why=bound)
    return replace(answer, verdict=Verdict.WRONG)


def _macs(figures: Figures, truth: int) -> Answer:
    said = told_macs(figures)
    if figures.failed or said is None:
        return _answer(figures, said, truth)
    return compared(figures.tool, said, truth, figures.bound)


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
