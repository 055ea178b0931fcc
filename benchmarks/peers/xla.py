"""What XLA's cost analysis says, of JAX functions and of Keras models; and what Flax tabulates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.peers.running import Figures, tool

__all__ = ["TOOLS", "of_keras"]


@tool("xla", "jaxlib")
def xla(function: Callable[..., Any], *inputs: Any) -> dict[str, float]:
    """Analyse a function as JAX lowers it, before XLA rewrites it."""
    import jax

    return _figures(jax.jit(function).lower(*inputs).cost_analysis())


@tool("xla, compiled", "jaxlib")
def xla_compiled(function: Callable[..., Any], *inputs: Any) -> dict[str, float]:
    """Analyse what XLA made of a function for this processor: library calls count as nothing."""
    import jax

    return _figures(jax.jit(function).lower(*inputs).compile().cost_analysis())


@tool("flax tabulate", "flax")
def flax_tabulate(module: Any, *inputs: Any) -> dict[str, float]:
    """Return the FLOPs in the first row of ``flax.linen``'s table, which are XLA's."""
    import jax
    from flax.linen.summary import _get_module_table

    rows = _get_module_table(
        module, depth=0, show_repeated=False, compute_flops=True, compute_vjp_flops=False
    )(jax.random.key(0), *inputs)
    return {"flops": rows[0].flops}


def of_keras(model: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a Keras model's inference as a function of its variables and inputs, and their shapes.

    Keras has to run on JAX.
    """
    import jax

    struct: Any = jax.ShapeDtypeStruct

    def shape(value: Any) -> Any:
        return struct(tuple(size or 1 for size in value.shape), value.dtype)

    def function(trainable: Any, other: Any, *inputs: Any) -> Any:
        given = list(inputs) if len(inputs) > 1 else inputs[0]
        return model.stateless_call(trainable, other, given, training=False)[0]

    variables = [
        [shape(variable) for variable in group]
        for group in (model.trainable_variables, model.non_trainable_variables)
    ]
    return function, (*variables, *map(shape, model.inputs))


def _figures(analysis: Any) -> dict[str, float]:
    costs = analysis[0] if isinstance(analysis, list) else analysis
    return {
        "flops": costs.get("flops", 0),
        "transcendentals": costs.get("transcendentals", 0),
    }


TOOLS: Mapping[str, Callable[..., Figures]] = {
    "flax tabulate": flax_tabulate,
    "xla": xla,
    "xla, compiled": xla_compiled,
}
"""Every tool by the name that its figures bear; call with a function (a module) and its inputs."""
