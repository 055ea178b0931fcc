"""What follows from constants alone in the equations of JAX, as far as control flow needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any

from analyzer_keras.jaxpr_call import Equation, Value

__all__ = ["evaluated", "small", "trips"]

_ELEMENTS_AT_MOST = 64
"""Of a tensor whose numbers are followed: counters and limits are small."""

_TRIPS_AT_MOST = 1_000_000
"""After which a loop is followed no longer."""

_PLAIN = ("bfloat", "bool", "float", "int", "uint")


def small(shape: tuple[int, ...]) -> bool:
    """Say whether numbers of this many are followed."""
    return prod(shape) <= _ELEMENTS_AT_MOST


def evaluated(equation: Equation) -> Callable[[], Sequence[Any]] | None:
    """Return what computes the results when they are asked for, None where they are not known."""
    native = equation.native
    variables = (*native.invars, *native.outvars)
    dtypes = [str(getattr(one.aval, "dtype", "")) for one in variables]
    if native.effects or not all(dtype.startswith(_PLAIN) for dtype in dtypes):
        return None
    if not all(small(tuple(one.aval.shape)) for one in native.outvars):
        return None
    known = [one.known for one in equation.inputs]
    if any(one is None for one in known):
        return None

    @cache
    def results() -> Sequence[Any]:
        import jax

        with jax.ensure_compile_time_eval():
            numbers = [one() for one in known if one is not None]
            made = native.primitive.bind(*numbers, **native.params)
        return made if native.primitive.multiple_results else [made]

    return results


def trips(
    condition: Any,
    body: Any,
    asked: Sequence[Value],
    more: Sequence[Value],
    start: Sequence[Value],
) -> int | None:
    """Return how often the body of a loop runs, None where that depends on what flows.

    Only what the condition asks for is followed, trip by trip, with whatever that is made of.
    """
    carried = len(start)
    of_condition = _needed(condition.jaxpr, condition.jaxpr.outvars)
    wanted = {at - len(asked) for at in of_condition if at >= len(asked)}
    while True:
        outputs = [body.jaxpr.outvars[at] for at in sorted(wanted)]
        of_body = _needed(body.jaxpr, outputs)
        reached = wanted | {at - len(more) for at in of_body if at >= len(more)}
        if reached == wanted:
            break
        wanted = reached
    needed = (
        *(asked[at] for at in of_condition if at < len(asked)),
        *(more[at] for at in of_body if at < len(more)),
        *(start[at] for at in wanted),
    )
    if any(one.known is None for one in needed):
        return None
    order = sorted(wanted)
    return _followed(
        _sliced(condition, condition.jaxpr.outvars, [*_numbers(asked)], len(asked), carried, order),
        _sliced(
            body,
            [body.jaxpr.outvars[at] for at in order],
            [*_numbers(more)],
            len(more),
            carried,
            order,
        ),
        [start[at].known() for at in order],  # type: ignore[misc]  # all are known
    )


def _numbers(values: Sequence[Value]) -> list[Any]:
    return [None if one.known is None else one.known() for one in values]


def _needed(jaxpr: Any, outputs: Sequence[Any]) -> set[int]:
    """Return which inputs of a jaxpr some of its results are made of."""
    reached = {one for one in outputs if not hasattr(one, "val")}
    for equation in reversed(jaxpr.eqns):
        if any(one in reached for one in equation.outvars):
            reached.update(one for one in equation.invars if not hasattr(one, "val"))
    return {at for at, one in enumerate(jaxpr.invars) if one in reached}


def _sliced(
    closed: Any,
    outputs: Sequence[Any],
    constants: Sequence[Any],
    first: int,
    carried: int,
    order: Sequence[int],
) -> Callable[[Sequence[Any]], list[Any]]:
    """Return what computes some results from those inputs that they are made of."""
    import jax

    jaxpr, equations = closed.jaxpr, []
    reached = {one for one in outputs if not hasattr(one, "val")}
    for equation in reversed(jaxpr.eqns):
        if any(one in reached for one in equation.outvars):
            reached.update(one for one in equation.invars if not hasattr(one, "val"))
            equations.append(equation)
    part = jaxpr.replace(eqns=equations[::-1], outvars=list(outputs))

    def run(state: Sequence[Any]) -> list[Any]:
        inputs = [*constants, *([None] * carried)]
        for at, number in zip(order, state, strict=True):
            inputs[first + at] = number
        return list(jax.core.eval_jaxpr(part, closed.consts, *inputs))

    return run


def _followed(
    condition: Callable[[Sequence[Any]], list[Any]],
    body: Callable[[Sequence[Any]], list[Any]],
    start: Sequence[Any],
) -> int | None:
    import jax
    from jax import numpy as jnp

    def goes_on(state: Any) -> Any:
        trip, numbers = state
        return jnp.logical_and(trip < _TRIPS_AT_MOST, condition(numbers)[0])

    def step(state: Any) -> Any:
        trip, numbers = state
        return trip + 1, body(numbers)

    with jax.ensure_compile_time_eval():
        counted, end = jax.lax.while_loop(
            goes_on, step, (jnp.int32(0), list(map(jnp.asarray, start)))
        )
        return None if bool(condition(end)[0]) else int(counted)
