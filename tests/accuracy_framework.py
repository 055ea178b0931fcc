"""A framework for the benchmark's own test: its tools are right, wrong, slow, or bring it down."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.accuracy.cases import Built, Case, Framework
from benchmarks.peers import Figures
from benchmarks.peers.running import tool
from benchmarks.truth import Truth

__all__ = ["FRAMEWORK"]


@tool("right", "pytest")
def right(model: Any) -> Mapping[str, int]:
    return {"macs": model["macs"], "parameters": 3}


@tool("raises", "pytest")
def raises(model: Any) -> Mapping[str, int]:
    raise KeyError(model["none"])


@tool("absent", "a-distribution-that-nobody-has")
def absent(model: Any) -> Mapping[str, int]:
    return {"macs": model["macs"]}


@tool("falls", "pytest")
def falls(model: Any) -> Mapping[str, int]:
    os._exit(model["code"])


@tool("sleeps", "pytest")
def sleeps(model: Any) -> Mapping[str, int]:
    time.sleep(model["seconds"])
    return {}


def _asked(built: Built) -> Figures:
    return right(built.model)


FRAMEWORK = Framework(
    name="Made up",
    cases=(
        Case(
            name="small",
            covers="nothing",
            build=lambda: Built(model={"macs": 40, "code": 7, "seconds": 60}),
        ),
        Case(name="large", covers="nothing", build=lambda: Built(model={}), quick=False),
    ),
    truth=lambda built: Truth(macs=built.model["macs"], parameters=3),
    tools={
        "falls": lambda built: falls(built.model),
        "sleeps": lambda built: sleeps(built.model),
        "raises": lambda built: raises(built.model),
        "absent": lambda built: absent(built.model),
        "right": _asked,
    },
    versions=("pytest",),
)
