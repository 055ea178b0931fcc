"""How many parameters tools tell of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.ir import Model

__all__ = ["total_parameters"]


def total_parameters(model: Model) -> int:
    """Return the learnable elements, each storage once: ``parameters()`` of a PyTorch module."""
    from analyzer.ir import Kind

    return sum(one.elements for one in model.parameters if one.kind is Kind.LEARNABLE)
