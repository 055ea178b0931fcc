"""``keras``: the parameters under ``model.summary()``; Keras counts no work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.conventions.base import Convention

if TYPE_CHECKING:
    from analyzer.ir import Model

__all__ = ["KERAS"]

_FRAMEWORK = "Keras"


def _parameters(model: Model) -> int:
    """Return what is learned and the state with it, but no counters of batches from elsewhere."""
    from analyzer.ir import Kind

    return sum(
        one.elements
        for one in model.parameters
        if one.kind is Kind.LEARNABLE
        or (one.kind is Kind.STATE and (model.framework == _FRAMEWORK or not _is_counter(one.role)))
    )


def _is_counter(role: str) -> bool:
    return role == "batch counter"


KERAS = Convention(
    name="keras",
    version=1,
    number=None,
    checked="Keras 3.15",
    description=(
        "the total parameters that Keras prints: state, such as running means and variances, is in "
        "them; it counts no work, which is analyzer's here"
    ),
    frameworks=(_FRAMEWORK,),
    parameters=_parameters,
)
