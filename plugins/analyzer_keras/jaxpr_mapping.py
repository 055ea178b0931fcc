"""Every primitive of JAX that is translated, and those that hold the equations of others."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer_keras.jaxpr_call import Maker
from analyzer_keras.jaxpr_contractions import CONTRACTIONS
from analyzer_keras.jaxpr_elementwise import ELEMENTWISE
from analyzer_keras.jaxpr_movement import MOVEMENT
from analyzer_keras.jaxpr_reductions import REDUCTIONS

__all__ = ["INLINED", "TABLE"]

TABLE: dict[str, Maker] = {**CONTRACTIONS, **ELEMENTWISE, **MOVEMENT, **REDUCTIONS}

INLINED: Mapping[str, str] = {
    "call": "call_jaxpr",
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "composite": "jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_jvp_call_jaxpr": "fun_jaxpr",
    "custom_partitioning": "call",
    "custom_vjp_call": "call_jaxpr",
    "custom_vmap_call": "call",
    "eval_jaxpr": "jaxpr",
    "jit": "jaxpr",
    "linear_call": "callee",
    "pjit": "jaxpr",
    "remat2": "jaxpr",
    "remat_opt": "fwd_jaxpr",
}
"""Primitives that run what they hold, as it stands there → the setting that holds it."""
