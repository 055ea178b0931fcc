"""How a case of TensorFlow is made: a module with random weights, or a SavedModel of Keras."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tensorflow as tf

from benchmarks.accuracy.arrays import Input, drawn
from benchmarks.accuracy.cases import Case, Counted

__all__ = ["case", "saved"]


def case(name: str, covers: str, model: Callable[[], tf.Module], *inputs: Input) -> Case:
    """Return a case whose weights and inputs are random, and the same each time it is built.

    Args:
        name: of the case.
        covers: what it is in the list for.
        model: makes the module.
        inputs: shapes of normal numbers, or what draws another array.
    """

    def build() -> Counted:
        tf.random.set_seed(0)
        module = model()
        learned = sum(prod(one.shape) for one in module.variables if _is_learned(one))
        return Counted(module, tuple(map(tf.constant, drawn(inputs))), learned)

    return Case(name=name, covers=covers, build=build)


def _is_learned(variable: tf.Variable) -> bool:
    """Say whether a variable is learned: one of integers was, before it was quantised."""
    return bool(variable.trainable) or variable.dtype == tf.int8


def saved(of: Case, name: str) -> Case:
    """Return the case of the SavedModel that Keras exports of a model of its own."""

    @cache
    def exported() -> tuple[TemporaryDirectory[str], Counted]:
        built: Any = of.build()
        folder = TemporaryDirectory()
        built.model.export(folder.name, verbose=False)
        inputs = tuple(map(tf.constant, built.inputs))
        return folder, Counted(Path(folder.name), inputs, built.learned)

    return Case(name=name, covers=of.covers, build=lambda: exported()[1], quick=of.quick)
