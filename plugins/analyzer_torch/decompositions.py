"""Operators that PyTorch itself makes of others, though it has kernels of their own for them.

Only its decompositions in Python are asked: they are made of operators from end to end, so that
nothing is missed. Those in C++ (``CompositeExplicitAutograd``) may fill memory in ways that no
dispatch shows, and what they leave out would be counted as nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from torch._ops import OpOverload

__all__ = ["decomposition_of", "writes_first"]


@cache
def decomposition_of(func: OpOverload) -> Callable[..., Any] | None:
    """Return what computes the same as an operator by others, None if PyTorch does not tell.

    Of the in-place form, it is that of the one which returns its result.
    """
    # Only here: with some versions of PyTorch, importing it takes a moment.
    from torch._decomp import decomposition_table

    own = func
    if writes_first(func):
        own = _returning(func) or func
    found: Callable[..., Any] | None = decomposition_table.get(own)
    return found


def writes_first(func: OpOverload) -> bool:
    """Say whether this is the in-place form of an operator, as ``add_`` is of ``add``."""
    name = func._schema.name
    return func._schema.is_mutable and name.endswith("_") and not name.endswith("__")


def _returning(func: OpOverload) -> OpOverload | None:
    import torch

    namespace, _, name = func._schema.name.partition("::")
    packet = getattr(getattr(torch.ops, namespace), name[:-1], None)
    found: OpOverload | None = getattr(packet, func._overloadname, None)
    return found
