"""What is found out about an operator's results before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from analyzer import Bound
from analyzer_onnx.call import Call

__all__ = ["NOTHING", "Inferred", "Shaper"]


class Inferred(NamedTuple):
    """What is known of one output; shape and type can be missing.

    Attributes:
        bound: what the sizes are to the true ones, where these depend on the elements.
    """

    shape: tuple[int, ...] | None
    dtype: str | None
    bound: Bound = Bound.EXACT


NOTHING = Inferred(None, None)

Shaper = Callable[[Call], list[Inferred]]
"""Finds shape and type of each output of a node, as far as it can; fewer outputs are filled up."""
