"""Loops, branches and maps of ``keras.ops``: what they are given is followed once, and repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from analyzer import Bound
from analyzer.ops import COPY, VIEW, free
from analyzer_keras.record import leaves

if TYPE_CHECKING:
    from analyzer_keras.trace import Trace

__all__ = ["CONTROL", "as_symbol"]

_TRIES = 10_000
"""Trips after which a loop whose condition is known is followed no longer."""

Function = Callable[..., Any]


def as_symbol(value: Any) -> Any:
    """Return a symbolic tensor like a value: the state of a loop is no longer what it began as."""
    from keras import KerasTensor
    from keras.src.backend import convert_to_tensor, is_tensor, standardize_dtype

    if value is None:
        return None
    if not isinstance(value, KerasTensor) and not is_tensor(value) and not hasattr(value, "dtype"):
        value = convert_to_tensor(value)
    return KerasTensor(value.shape, dtype=standardize_dtype(value.dtype))


def _is_symbolic(value: Any) -> bool:
    """Say whether a value is known in shape only, as parameters are too."""
    from keras import KerasTensor, Variable

    return isinstance(value, (KerasTensor, Variable))


def _number(value: Any) -> int | None:
    """Return a number or a truth that is known, else None."""
    return None if _is_symbolic(value) else int(value)


def _map(trace: Trace, f: Function, xs: Any) -> Any:
    return _each(trace, "map", lambda _, x: (None, f(x)), None, xs, _length(xs))[1]


def _scan(
    trace: Trace,
    f: Function,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> Any:
    times = _length(xs) if length is None else int(length)
    return _each(trace, "scan", f, init, xs, times)


def _length(xs: Any) -> int:
    first = leaves(xs)[0]
    return int(first.shape[0])


def _each(trace: Trace, native: str, f: Function, init: Any, xs: Any, times: int) -> Any:
    """Follow one step; what all steps give is stacked, and what is carried comes out as it is."""
    from keras import KerasTensor, tree

    def at_one_step(x: Any) -> Any:
        return None if x is None else KerasTensor(x.shape[1:], dtype=as_symbol(x).dtype)

    carried, now = tree.map_structure(as_symbol, init), tree.map_structure(at_one_step, xs)
    with trace.repeat(times, native, (init, xs)) as loop:
        if leaves(now):
            trace.add(
                free("step of the sequence", because=VIEW),
                args=xs,
                outputs=now,
                native=native,
                view=True,
            )
        state, result = f(carried, now)
    stacked = tree.map_structure(
        lambda y: None if y is None else KerasTensor((times, *y.shape), dtype=as_symbol(y).dtype),
        result,
    )
    state = tree.map_structure(as_symbol, state)
    loop.outputs = trace.tensors_in((state, stacked))
    return state, stacked


def _associative_scan(
    trace: Trace, f: Function, elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Combine neighbours, scan those that remain, and combine what they give with the others.

    Keras does so on every backend: ``n`` elements take one call on the half of them, the same for
    that half, and one call on the half before.
    """
    from keras import KerasTensor, tree

    def some(count: int) -> Any:
        def part(x: Any) -> Any:
            shape = list(x.shape)
            shape[axis] = count
            return KerasTensor(shape, dtype=as_symbol(x).dtype)

        parts = tree.map_structure(part, elems)
        cut = free("slice", because=COPY)
        trace.add(cut, args=elems, outputs=parts, native="associative_scan")
        return parts

    results: list[Any] = []

    def scan(count: int) -> None:
        if count > 1:
            results.append(f(some(count // 2), some(count // 2)))
            scan(count // 2)
        if count > 2:
            results.append(f(some((count - 1) // 2), some((count - 1) // 2)))

    scan(int(leaves(elems)[0].shape[axis]))
    outputs = tree.map_structure(as_symbol, elems)
    join = free("interleave", because=COPY)
    trace.add(join, args=(elems, results), outputs=outputs, native="associative_scan")
    return outputs


def _cond(trace: Trace, pred: Any, true_fn: Function, false_fn: Function) -> Any:
    return _one_of(trace, "cond", pred, [true_fn, false_fn], (), 1 - (_number(pred) or 0))


def _switch(trace: Trace, index: Any, branches: Sequence[Function], *operands: Any) -> Any:
    last = len(branches) - 1
    return _one_of(
        trace, "switch", index, branches, operands, min(max(_number(index) or 0, 0), last)
    )


def _one_of(
    trace: Trace, native: str, choice: Any, ways: Sequence[Function], operands: Any, taken: int
) -> Any:
    """Follow the way that is taken; where only data tells, all of them."""
    from keras import tree

    if not _is_symbolic(choice):
        return ways[taken](*operands)
    alternatives, results = [], []
    for way in ways:
        with trace.part() as steps:
            results.append(way(*operands))
        alternatives.append(steps)
    outputs = tree.map_structure(as_symbol, results[0])
    trace.branch(alternatives, native=native, args=(choice, operands, results), outputs=outputs)
    return outputs


def _while_loop(
    trace: Trace,
    cond: Function,
    body: Function,
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """Follow one trip; how many there are is known where the condition does not look at data."""
    from keras import tree

    several = isinstance(loop_vars, (tuple, list))
    state = tuple(loop_vars) if several else (loop_vars,)

    def step(*values: Any) -> tuple[Any, ...]:
        results = body(*values)
        return tuple(results) if several else (results,)

    with trace.part():
        times, bound = _trips(cond, step, state, maximum_iterations)
    if times == 0:
        return loop_vars
    carried = tree.map_structure(as_symbol, state)
    cond(*carried)
    with trace.repeat(times, "while_loop", state) as loop:
        results = step(*carried)
        cond(*results)
    loop.exact, loop.bound = bound is not Bound.LOWER, bound & Bound.UPPER
    outputs = tree.map_structure(as_symbol, results)
    loop.outputs = trace.tensors_in((results, outputs))
    return outputs if several else outputs[0]


def _trips(cond: Function, step: Function, state: Any, most: int | None) -> tuple[int, Bound]:
    """Run a loop as far as its condition is known; say how often, and what that is to the truth.

    Where nobody can tell the condition, as many trips are counted as are allowed, else one.
    """
    limit = _TRIES if most is None else min(most, _TRIES)
    for trips in range(limit):
        goes_on = _number(cond(*state))
        if goes_on is None:
            return (1, Bound.LOWER) if most is None else (most, Bound.UPPER)
        if not goes_on:
            return trips, Bound.EXACT
        state = step(*state)
    return limit, Bound.EXACT if limit == most else Bound.LOWER


def _fori_loop(trace: Trace, lower: Any, upper: Any, body_fun: Function, init_val: Any) -> Any:
    from keras import KerasTensor, tree

    first, end = _number(lower), _number(upper)
    known = first is not None and end is not None
    times = max((end or 0) - (first or 0), 0) if known else 1
    if times == 0:
        return init_val
    carried = tree.map_structure(as_symbol, init_val)
    with trace.repeat(times, "fori_loop", (lower, upper, init_val)) as loop:
        result = body_fun(KerasTensor((), dtype="int32"), carried)
    loop.exact = known
    outputs = tree.map_structure(as_symbol, result)
    loop.outputs = trace.tensors_in((result, outputs))
    return outputs


CONTROL: dict[str, Callable[..., Any]] = {
    "associative_scan": _associative_scan,
    "cond": _cond,
    "fori_loop": _fori_loop,
    "map": _map,
    "scan": _scan,
    "switch": _switch,
    "vectorized_map": _map,
    "while_loop": _while_loop,
}
"""Name in ``keras.ops`` → what follows and records it, given the trace and its own arguments."""
