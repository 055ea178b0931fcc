"""All node tests that ONNX ships: every inferred shape is the one in the test's stored outputs."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer import Bound
from tests.onnx_nodes import NodeTest, node_tests, sizes_of, sizes_that_ran, walked

NOT_IN_THE_GRAPH = {"ImageDecoder": "how large an image is stands in its bytes, which are a file's"}
"""Operators whose results have a shape that nobody can tell, and why."""

AT_MOST = frozenset({"NonMaxSuppression", "Unique"})
"""Operators that give as many elements as the numbers say, which weights do not lay open."""


QUICK = (
    "compress", "concat", "constantofshape", "dft", "expand", "groupnormalization", "hannwindow",
    "if_", "loop", "nonmaxsuppression", "nonzero", "onehot", "optionalgetelement",
    "optionalhaselement", "pad", "rangeop", "reshape", "scan", "sequence_map", "sequenceinsert",
    "slice", "split", "splittosequence", "squeeze", "stft", "string_split", "tile", "topk",
    "unique", "unsqueeze",
)  # fmt: skip
"""Modules of tests whose shapes follow from numbers or from control flow."""


def operators(test: NodeTest) -> set[str]:
    return {node.op_type for node in test.model.graph.node}


def is_bounded(value: Any, inferred: Any, true: Any) -> bool:
    """Say whether a shape that is not the true one is marked as the bound that it is."""
    if Bound.UPPER not in value.bound and Bound.LOWER not in value.bound:
        return False
    if value.bound == Bound.NEITHER or isinstance(inferred, list):
        return True
    below = value.bound is Bound.LOWER
    return len(inferred) == len(true) and all(
        (one <= other) if below else (one >= other)
        for one, other in zip(inferred, true, strict=True)
    )


def check_with_numbers(tests: tuple[NodeTest, ...]) -> tuple[set[str], set[str]]:
    """Hold every shape to the true one; return the operators of those not known, and of bounds."""
    wrong: dict[str, Any] = {}
    unknown: set[str] = set()
    bounded: set[str] = set()
    for test in tests:
        walk, outputs = walked(test, known="all")
        for (name, value), output in zip(outputs.items(), test.outputs, strict=True):
            inferred, true = sizes_of(value), sizes_that_ran(output)
            if inferred == true:
                continue
            if inferred == "unknown":
                unknown |= operators(test)
            elif is_bounded(value, inferred, true):
                bounded |= operators(test)
                assert any("as many as there can be" in note for note in walk.notes), test.name
            else:
                wrong[f"{test.name}: {name}"] = (inferred, true)
    assert not wrong
    return unknown, bounded


def check_without_numbers(tests: tuple[NodeTest, ...]) -> float:
    """Hold every shape to the true one, or to be marked as a bound; return the share not known."""
    wrong: dict[str, Any] = {}
    unknown = 0
    for test in tests:
        _, outputs = walked(test, known="none")
        for (name, value), output in zip(outputs.items(), test.outputs, strict=True):
            inferred, true = sizes_of(value), sizes_that_ran(output)
            if inferred == "unknown":
                unknown += 1
            elif inferred != true and not is_bounded(value, inferred, true):
                wrong[f"{test.name}: {name}"] = (inferred, true)
    assert not wrong
    return unknown / sum(len(test.outputs) for test in tests)


def test_shapes_that_follow_from_numbers() -> None:
    tests = node_tests(*QUICK)
    unknown, bounded = check_with_numbers(tests)
    assert not unknown - set(NOT_IN_THE_GRAPH)
    assert bounded == AT_MOST
    check_without_numbers(tests)


@pytest.mark.slow
def test_all_shapes() -> None:
    """With numbers known as far as the importer reads numbers, and without any known."""
    tests = node_tests()
    assert len(tests) >= 1884
    unknown, bounded = check_with_numbers(tests)
    assert unknown == set(NOT_IN_THE_GRAPH)
    assert bounded == AT_MOST
    assert check_without_numbers(tests) < 0.15
