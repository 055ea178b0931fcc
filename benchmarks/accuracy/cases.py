"""What is counted: models by name, and who counts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from benchmarks.peers import Figures
from benchmarks.truth import Truth

__all__ = ["Built", "Case", "Counted", "Framework", "framework"]


@dataclass(frozen=True, slots=True)
class Built:
    """A model with the tensors that it is called with, in its framework's own words."""

    model: Any
    inputs: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted(Built):
    """A model that does not say itself what is learned: it is quantised, frozen or exported.

    Attributes:
        learned: elements that an optimizer learns, or would learn.
    """

    learned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model that tools are asked about.

    Attributes:
        name: the same in every framework that has it.
        covers: what it is in the list for, such as "convolution" or "attention".
        build: makes the model, without weights from anywhere.
        quick: whether it is small enough for a smoke test.
    """

    name: str
    covers: str
    build: Callable[[], Built]
    quick: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One way to write the models, with all who count models that are written so.

    Attributes:
        name: as people write it.
        cases: the models.
        truth: runs a model and counts what is multiplied.
        tools: everybody who answers, by name; ``OURS`` is one of them.
        versions: distributions whose versions belong to the table.
        apart: tools that are installed in a folder of their own, for their modules bear the names
            of another's; each is asked in a process of its own.
    """

    name: str
    cases: tuple[Case, ...]
    truth: Callable[[Built], Truth]
    tools: Mapping[str, Callable[[Built], Figures]]
    versions: tuple[str, ...]
    apart: tuple[str, ...] = ()

    def case(self, name: str) -> Case:
        """Return a case by its name."""
        return next(case for case in self.cases if case.name == name)


def framework(module: str) -> Framework:
    """Import a framework's cases; its environment has to be set by then."""
    found = import_module(module).FRAMEWORK
    assert isinstance(found, Framework)
    return found
