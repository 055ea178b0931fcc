"""Comparisons of networks that people know, written down in ``tests/golden``.

``python -m tests.comparisons [FAMILY…]`` makes the files anew. They hold what compare says: names,
order and amounts of the reasons. That the amounts are true is proved elsewhere: they add up to the
difference of totals that other tests hold to the frameworks' own counts.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import analyzer
from analyzer.comparing.causes import DTYPE
from analyzer.comparing.comparison import Comparison, Difference
from analyzer.comparing.reasons import CONSTANTS, MASKS, QUANTISED
from tests import image_comparisons

FOLDER = Path(__file__).parent / "golden"

FAMILIES = ("quantised", "recurrent", "transformers")
"""Each is a module ``tests.compared_FAMILY`` with ``MODELS`` and ``PAIRS``."""

_FIGURES = ("parameters", "state", "macs", "flops")
_OF_NUMBERS = ("integer_ops", "stored_bytes")


class Family(NamedTuple):
    """Reports by name, and which are compared.

    Attributes:
        models: make a report on each.
        pairs: names of the first and the second.
    """

    models: Mapping[str, Callable[[], analyzer.Report]]
    pairs: tuple[tuple[str, str], ...]


@cache
def family(name: str) -> Family:
    """Return a family, each of whose models is made once."""
    module = import_module(f"tests.compared_{name}")
    return Family({name: cache(made) for name, made in module.MODELS.items()}, module.PAIRS)


def cases() -> Iterator[tuple[str, str, str]]:
    """Yield every pair with its family."""
    for name in FAMILIES:
        yield from ((name, *pair) for pair in family(name).pairs)


def compared(name: str, a: str, b: str) -> Comparison:
    """Compare two models of a family."""
    models = family(name).models
    return analyzer.compare(models[a](), models[b]())


def told(comparison: Comparison) -> dict[str, Any]:
    """Return what a golden file holds of a comparison.

    Shapes and indices that an exporter stores, and masks without work, change with its version.
    """
    differences = [
        {"reason": one.reason, **_figures(one)}
        for one in comparison.differences
        if _figures(one) or one.reason not in (CONSTANTS, MASKS)
    ]
    return {"verdict": comparison.verdict.value, "differences": differences}


def _figures(difference: Difference) -> dict[str, int]:
    names = _FIGURES if difference.reason not in (DTYPE, QUANTISED) else (*_FIGURES, *_OF_NUMBERS)
    found = {name: getattr(difference.amount, name) for name in names}
    return {name: figure for name, figure in found.items() if figure}


def cancelling(comparison: Comparison) -> list[tuple[str, str]]:
    """Return reasons that take back what others give: signs that the wrong things were matched."""
    figures = [(one.reason, _figures(one)) for one in comparison.differences]
    return [
        (reason, other)
        for at, (reason, here) in enumerate(figures)
        for other, there in figures[at + 1 :]
        if any(there.get(name) == -figure for name, figure in here.items())
    ]


def golden(name: str) -> dict[str, Any]:
    """Return what a family's file holds, by pair."""
    held: dict[str, Any] = json.loads((FOLDER / f"compare_{name}.json").read_text())
    return held


def title(a: str, b: str) -> str:
    """Name a pair."""
    return f"{a} | {b}"


def write(name: str) -> None:
    """Write a family's file."""
    made = {title(a, b): told(compared(name, a, b)) for a, b in family(name).pairs}
    text = json.dumps(made, indent=1, ensure_ascii=False)
    (FOLDER / f"compare_{name}.json").write_text(f"{text}\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the exporters' own
    for wanted in sys.argv[1:] or (*FAMILIES, "images"):
        if wanted == "images":
            image_comparisons.write()
        else:
            write(wanted)
