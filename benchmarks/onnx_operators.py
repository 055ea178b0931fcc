"""How much of ONNX is understood: all node tests that ONNX ships, and every standard operator.

    python benchmarks/onnx_operators.py

Prints for how many outputs the inferred shape is the true one, with and without the numbers of the
inputs, and which share of the operators is counted, free and unknown.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

from onnx import defs
from rich.console import Console
from rich.table import Table

from analyzer.ops import Free, Unknown

sys.path.insert(0, str(Path(__file__).parents[1]))

from analyzer_onnx.values import Step
from tests.onnx_nodes import (
    Known,
    NodeTest,
    node_tests,
    sizes_of,
    sizes_that_ran,
    steps,
    walked,
)


def shapes(tests: tuple[NodeTest, ...], known: Known) -> tuple[Counter[str], float]:
    """Return how the shapes of all outputs were found, and the seconds that it took."""
    found: Counter[str] = Counter()
    start = time.perf_counter()
    for test in tests:
        _, outputs = walked(test, known=known)
        for value, output in zip(outputs.values(), test.outputs, strict=True):
            inferred, true = sizes_of(value), sizes_that_ran(output)
            if inferred == true:
                found["right"] += 1
            elif inferred == "unknown":
                found["unknown"] += 1
            else:
                found["a bound" if value is not None and value.bound else "wrong"] += 1
    return found, time.perf_counter() - start


def sort_of(test: NodeTest) -> str:
    """Say what becomes of the operators of a test.

    Integers are known first, as in a file; where an operator needs more numbers all are, and where
    nothing is left to execute none is.
    """
    modes: tuple[Known, ...] = ("integers", "none", "all")
    sorts = [_sort(steps(walked(test, known=known)[0])) for known in modes]
    return next((sort for sort in sorts if sort in ("counted", "free")), min(sorts))


def _sort(executed: list[Step]) -> str:
    made = [step.operation for step in executed if step.operation is not None]
    if any(isinstance(operation, Unknown) for operation in made):
        return "unknown"
    if not made:
        return "evaluated"
    return "free" if all(isinstance(operation, Free) for operation in made) else "counted"


def main() -> None:
    """Print both tables."""
    tests = node_tests()
    table = Table(f"shapes of {len(tests)} node tests", "right", "a bound", "unknown", "wrong", "s")
    modes: dict[Known, str] = {"all": "numbers are known", "none": "only shapes are known"}
    for known, words in modes.items():
        found, seconds = shapes(tests, known)
        cells = [str(found[sort]) for sort in ("right", "a bound", "unknown", "wrong")]
        table.add_row(words, *cells, f"{seconds:.1f}")
    Console().print(table)

    sorts = {test.name: sort_of(test) for test in tests}
    per_operator: dict[str, set[str]] = {}
    for test in tests:
        if len(test.model.graph.node) == 1 and test.model.graph.node[0].domain in ("", "ai.onnx"):
            operator = test.model.graph.node[0].op_type
            per_operator.setdefault(operator, set()).add(sorts[test.name])
    order = ("unknown", "counted", "free", "evaluated")
    one_each = {
        operator: next(sort for sort in order if sort in found)
        for operator, found in per_operator.items()
    }
    table = Table("", "counted", "free", "evaluated", "unknown", "together")
    for words, each in (("node tests", sorts), ("standard operators in them", one_each)):
        number = Counter(each.values())
        cells = [
            f"{number[sort]} ({number[sort] / len(each):.1%})"
            for sort in ("counted", "free", "evaluated", "unknown")
        ]
        table.add_row(words, *cells, str(len(each)))
    Console().print(table)
    unknown = sorted(operator for operator, sort in one_each.items() if sort == "unknown")
    untested = {one.name for one in defs.get_all_schemas() if not one.domain} - set(per_operator)
    Console().print(f"unknown in some test: {', '.join(unknown) or 'none'}")
    Console().print(
        f"operators without a test of one node: {', '.join(sorted(untested)) or 'none'}"
    )


if __name__ == "__main__":
    main()
