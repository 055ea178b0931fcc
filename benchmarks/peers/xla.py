"""What XLA's cost analysis says, of JAX functions and of Keras models; and what Flax tabulates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """Return what ``flax.linen`` tabulates: XLA's FLOPs, and the total of the column ``params``."""
    import jax
    from flax.linen.summary import _get_module_table

    rows = _get_module_table(
        module, depth=0, show_repeated=False, compute_flops=True, compute_vjp_flops=False
    )(jax.random.key(0), *inputs)
    learned = jax.tree.leaves([row.counted_variables.get("params", {}) for row in rows])
    return {"flops": rows[0].flops, "parameters": sum(one.size for one in learned)}


def of_keras(
    model: Any, *inputs: Any, call: Callable[[Any, Sequence[Any]], Any] | None = None
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a Keras model's inference as a function of its variables and inputs, and their shapes.

    Keras has to run on JAX.

    Args:
        model: that is built.
        inputs: what it is to be called with; what it was built for, without any.
        call: calls the model with inputs, where that is not as functional models are called.
    """
    import jax
    import keras

    struct: Any = jax.ShapeDtypeStruct

    def shape(value: Any) -> Any:
        return struct(tuple(size or 1 for size in value.shape), value.dtype)

    def function(variables: Sequence[Any], *given: Any) -> Any:
        with keras.StatelessScope(list(zip(model.variables, variables, strict=True))):
            if call:
                return call(model, given)
            return model(list(given) if len(given) > 1 else given[0], training=False)

    return function, (list(map(shape, model.variables)), *map(shape, inputs or model.inputs))


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
