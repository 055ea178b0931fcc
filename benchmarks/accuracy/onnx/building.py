"""How files are made of text, and what goes with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from benchmarks.accuracy.cases import Built

__all__ = ["File", "file", "with_learned"]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class File(Built):
    """A file, and what it does not say itself.

    Attributes:
        learned: names of the tensors that an optimizer would learn, or how many elements those
            of the module have that was exported.
    """

    learned: frozenset[str] | int = frozenset()


Stored = tuple[int, ...] | np.ndarray
"""A tensor in a file: the shape of what is learned, or the numbers of what is not."""

HEADER = '<ir_version: 10, opset_import: ["": 23, "com.microsoft": 1, "local": 1]> network'


def file(text: str, *given: Stored, **stored: Stored) -> File:
    """Build a file from what ``onnx.parser`` reads.

    Args:
        text: inputs, outputs and nodes; functions may follow.
        given: shapes of the inputs, or the inputs.
        stored: tensors that the nodes read by name.
    """
    model = onnx.parser.parse_model(f"{HEADER} {text}")
    numbers = np.random.default_rng(0)
    model.graph.initializer.extend(
        numpy_helper.from_array(_array(numbers, one), name) for name, one in stored.items()
    )
    learned = frozenset(name for name, one in stored.items() if isinstance(one, tuple))
    return File(model, tuple(_array(numbers, one) for one in given), learned)


def _array(numbers: np.random.Generator, one: Stored) -> np.ndarray:
    if isinstance(one, tuple):
        return numbers.uniform(0.01, 1, one).astype(np.float32)
    return one


def with_learned(made: File, learned: frozenset[str] | int) -> File:
    return File(made.model, made.inputs, learned)
