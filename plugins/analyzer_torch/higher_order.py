"""Operators that take functions: loops, branches, and attention with a function for the scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._C import DispatchKey
from torch._ops import HigherOrderOperator
from torch.utils._pytree import TreeSpec, tree_flatten, tree_map_only, tree_unflatten

from analyzer import Node, ops
from analyzer_torch.call import tensors_in

if TYPE_CHECKING:
    from analyzer_torch.trace import Tracer

__all__ = ["HIGHER_ORDER", "run_higher_order"]

_TRIES = 10_000
"""Trips after which a loop whose condition is known is followed no longer."""


def run_higher_order(
    tracer: Tracer, operator: HigherOrderOperator, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Run an operator that takes functions, and record what they do.

    One that is not in the table is run as PyTorch's own Python does; its parts are recorded.
    """
    run = HIGHER_ORDER.get(operator.__name__)
    if run is not None:
        return run(tracer, *args, **kwargs)
    with tracer:
        return _kernel(operator)(*args, **kwargs)


def _kernel(operator: HigherOrderOperator) -> Callable[..., Any]:
    found: Callable[..., Any] | None = operator.py_kernels.get(
        DispatchKey.CompositeExplicitAutograd
    )
    if found is None:
        raise NotImplementedError(f"{operator.__name__} cannot be run without being compiled")
    return found


def _cond(
    tracer: Tracer, condition: Any, if_true: Any, if_false: Any, operands: Sequence[Any]
) -> Any:
    """Run both ways, the one that is taken first: its memory is what counts."""
    known = tracer.truth(condition)
    ways = [if_true, if_false] if known is not False else [if_false, if_true]
    with tracer.part() as first:
        result = ways[0](*operands)
    with tracer.part(times=int(known is None), watched=False) as second:
        ways[1](*operands)
    alternatives = [tuple(first), tuple(second)]
    if known is False:
        alternatives.reverse()
    branch = ops.Branch(
        alternatives=tuple(alternatives), taken=None if known is None else int(not known)
    )
    if known is None:
        result = _without_values(result)
    tracer.write(branch, "higher_order.cond", [condition, operands], result)
    return result


def _while_loop(
    tracer: Tracer,
    condition: Callable[..., Any],
    body: Callable[..., Any],
    carried: Sequence[Any],
    more: Sequence[Any] = (),
    **kwargs: Any,
) -> Any:
    """Record one trip, and follow the others for their number where the condition is known."""
    with tracer:
        goes_on = tracer.truth(condition(*carried, *more))
    if goes_on is False:
        with tracer:
            return tree_map_only(Tensor, torch.clone, tuple(carried))
    state: Any = tuple(carried)
    with tracer.part() as nodes:
        state = body(*state, *more)
        goes_on = tracer.truth(condition(*state, *more)) if goes_on else None
    trips = 1
    with tracer.unrecorded():
        while goes_on and trips < _TRIES:
            state = body(*state, *more)
            goes_on = tracer.truth(condition(*state, *more))
            trips += 1
    if goes_on is not False:
        state = _without_values(state)
    loop = ops.Repeat(body=tuple(nodes), times=trips, exact=goes_on is False)
    tracer.write(loop, "higher_order.while_loop", [carried, more], state)
    return state


def _scan(
    tracer: Tracer,
    combine: Callable[..., Any],
    start: Sequence[Any],
    over: Sequence[Tensor],
    more: Sequence[Any] = (),
    **kwargs: Any,
) -> Any:
    """Record one step, and repeat it; the results of all steps are stacked."""
    length = over[0].shape[0]
    with tracer.unrecorded():
        first = [tensor.select(0, 0) for tensor in over]
    with tracer.part(times=length) as nodes:
        step = list(combine(*start, *first, *more))
    with tracer.unrecorded():
        if any(tensor.is_meta for tensor in tensors_in(step)):
            result = [*step[: len(start)], *_stacked(step[len(start) :], length)]
        else:
            state, each = step[: len(start)], [step[len(start) :]]
            for at in range(1, length):
                step = list(combine(*state, *(tensor.select(0, at) for tensor in over), *more))
                state = step[: len(start)]
                each.append(step[len(start) :])
            result = [*state, *map(torch.stack, zip(*each, strict=True))]
    loop = ops.Repeat(body=tuple(nodes), times=length)
    tracer.write(loop, "higher_order.scan", [start, over, more], result)
    return result


def _map(
    tracer: Tracer,
    function: Callable[..., Any],
    over: Sequence[Tensor],
    more: Sequence[Any],
    **kwargs: Any,
) -> Any:
    """Record what is done with the first row, and repeat it for all."""
    structure: list[TreeSpec] = []

    def each(*args: Any) -> list[Any]:
        flat, spec = tree_flatten(function(*args))
        structure.append(spec)
        return flat

    return tree_unflatten(_scan(tracer, each, (), over, more), structure[0])


def _flex_attention(
    tracer: Tracer,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod: Callable[..., Tensor],
    block_mask: Sequence[Any],
    scale: float,
    kernel_options: Mapping[str, Any],
    of_score: Sequence[Any] = (),
    of_mask: Sequence[Any] = (),
) -> Any:
    """``(batch, heads, queries, width), (…, kv heads, keys, width), (…, kv heads, keys, width)``.

    The scores are a full square, whatever blocks of it a kernel may leave out; what is done to
    each score is recorded once, and repeated for all.
    """
    batch, heads, queries, width = query.shape
    kv_heads, keys, v_width = key.shape[1], key.shape[2], value.shape[3]
    score = torch.empty((), dtype=query.dtype, device="meta")
    place = [torch.empty((), dtype=torch.int32, device="meta") for _ in range(4)]
    with tracer.part(watched=False) as masking, _looking_up():
        block_mask[-1](*place, *of_mask)
    attention = ops.Attention(
        batch=batch,
        heads=heads,
        kv_heads=kv_heads,
        queries=queries,
        keys=keys,
        qk_width=width,
        v_width=v_width,
        mask=ops.Mask.BOOLEAN if _computes(masking) else ops.Mask.NONE,
        scaled=scale != 1.0,
    )
    if any(tensor.is_meta for tensor in (query, key, value)):
        with tracer.unrecorded():
            order = sorted(range(4), key=query.stride, reverse=True)
            sizes = [(batch, heads, queries, v_width)[axis] for axis in order]
            output = query.new_empty(sizes).permute(*(order.index(axis) for axis in range(4)))
            sums, largest = (
                query.new_empty((batch, heads, queries), dtype=torch.float32) for _ in "12"
            )
        result: Any = (output, sums, largest)
    else:
        result = _kernel(torch.ops.higher_order.flex_attention)(
            query, key, value, score_mod, block_mask, scale, kernel_options, of_score, of_mask
        )
    with tracer.part(watched=False) as scoring, _looking_up():
        score_mod(score, *place, *of_score)
    native = "higher_order.flex_attention"
    if _computes(scoring):
        times = prod((batch, heads, queries, keys))
        tracer.write(
            ops.Repeat(body=tuple(scoring), times=times), native, [query, key, of_score], []
        )
    tracer.write(attention, native, [query, key, value], result)
    return result


def _looking_up() -> AbstractContextManager[Any]:
    """Let a place whose number is not known be an index, as flex attention itself does."""
    from torch._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex

    return TransformGetItemToIndex()


def _computes(nodes: Sequence[Node]) -> bool:
    return any(not isinstance(node.operation, ops.Free) for node in nodes)


def _stacked(tensors: Sequence[Any], length: int) -> list[Any]:
    return [one.new_empty((length, *one.shape)) for one in tensors]


def _without_values(result: Any) -> Any:
    """Results of what may not have run, or not as often, are there in shape only."""
    return tree_map_only(
        Tensor, lambda one: one if one.is_meta else torch.empty_like(one, device="meta"), result
    )


HIGHER_ORDER: dict[str, Callable[..., Any]] = {
    "cond": _cond,
    "flex_attention": _flex_attention,
    "map_impl": _map,
    "scan": _scan,
    "while_loop": _while_loop,
}
"""Operator → what runs and records it, given the tracer and the operator's own arguments."""
