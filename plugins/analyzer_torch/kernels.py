"""Operators whose ``meta`` kernel is not what the CPU does, or that need values for a shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from analyzer_torch.call import base_name, bound

__all__ = ["KERNELS", "VALUES_OF", "ValuesNeeded", "run_kernel"]


class ValuesNeeded(Exception):  # noqa: N818  # not a failure: another way is taken
    """A shape depends on the values of a tensor that has none."""


VALUES_OF: dict[str, str] = {
    "_pack_padded_sequence": "lengths",
    "_pad_packed_sequence": "batch_sizes",
    "gru": "batch_sizes",
    "index": "indices",
    "index_put": "indices",
    "lstm": "batch_sizes",
    "rnn_relu": "batch_sizes",
    "rnn_tanh": "batch_sizes",
}
"""Operator → the argument whose values decide the shape of its result."""


Watch = Callable[[Tensor], object]
"""Takes note of a tensor that a kernel has made besides its result."""


def run_kernel(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], watch: Watch
) -> Any:
    """Execute an operator of the table; NotImplemented where its own kernel does it right."""
    kernel = KERNELS.get(base_name(func))
    return NotImplemented if kernel is None else kernel(func, bound(func, args, kwargs), watch)


def _attention(func: OpOverload, given: dict[str, Any], watch: Watch) -> Any:
    """On the CPU attention is fused where it can be; ``meta`` would spell it out in memory."""
    query, key, value = given["query"], given["key"], given["value"]
    mask: Tensor | None = given["attn_mask"]
    fused = (
        query.is_meta
        and query.dim() == key.dim() == value.dim() == 4
        and query.shape[-1] == key.shape[-1] == value.shape[-1]
        and (given["dropout_p"] == 0)
        and query.is_floating_point()
        and min(query.shape[-2], key.shape[-2]) > 0
        and all(tensor.stride(-1) == 1 for tensor in (query, key, value))
        and (query.shape[1] == key.shape[1] or given["enable_gqa"])
        and query.shape[0] == key.shape[0]
        and (mask is None or _fits(mask, (*query.shape[:-1], key.shape[-2])))
    )
    if not fused:
        return NotImplemented
    if mask is not None and mask.dtype is torch.bool:
        mask = torch.empty_like(mask, dtype=query.dtype)  # it is made additive
        watch(mask)
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (tensor.repeat_interleave(groups, -3) for tensor in (key, value))
        watch(key)
        watch(value)
    output, logsumexp = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, 0.0, given["is_causal"], attn_mask=mask, scale=given["scale"]
    )
    watch(output)
    watch(logsumexp)
    return output


def _fits(mask: Tensor, scores: tuple[int, ...]) -> bool:
    """Say whether a mask of two or four axes stretches to the scores, and not they to it."""
    sizes = zip(mask.shape, scores[-mask.dim() :], strict=False)
    return mask.dim() in (2, 4) and all(size in (1, score) for size, score in sizes)


def _batch_norm(func: OpOverload, given: dict[str, Any], watch: Watch) -> Any:
    """In inference the CPU saves no statistics for a backward pass, as ``meta`` does."""
    if given["training"] or not given["input"].is_meta:
        return NotImplemented
    return torch.empty_like(given["input"])


def _index(func: OpOverload, given: dict[str, Any], watch: Watch) -> Any:
    """Look up with a mask of known values, which selects a known number of places."""
    source: Tensor = given["self"]
    if not source.is_meta:
        return NotImplemented
    places: list[Tensor | None] = []
    for index in given["indices"]:
        if index is None or index.is_meta:
            places.append(index)
        elif index.dtype in (torch.bool, torch.uint8):
            places.extend(place.to("meta") for place in index.nonzero(as_tuple=True))
        else:
            places.append(index.to("meta"))
    return func(*(places if name == "indices" else value for name, value in given.items()))


def _pack(func: OpOverload, given: dict[str, Any], watch: Watch) -> Any:
    """``(batch, steps, *features)`` → the steps that exist, and how many sequences have each."""
    source, lengths = given["input"], given["lengths"]
    if not source.is_meta:
        return NotImplemented
    known = _values(lengths, "pack_padded_sequence", "lengths")
    data = source.new_empty((sum(known), *source.shape[2:]))
    sizes = [sum(length > step for length in known) for step in range(max(known))]
    return data, torch.tensor(sizes, dtype=torch.int64)


def _unpack(func: OpOverload, given: dict[str, Any], watch: Watch) -> Any:
    """Spread the steps that exist over ``(batch, steps, *features)``; also return the lengths."""
    data, sizes = given["data"], given["batch_sizes"]
    if not data.is_meta:
        return NotImplemented
    known = _values(sizes, "pad_packed_sequence", "batch_sizes")
    steps = max(len(known), given["total_length"])
    places = (known[0], steps) if given["batch_first"] else (steps, known[0])
    lengths = [sum(size > place for size in known) for place in range(known[0])]
    return data.new_empty((*places, *data.shape[1:])), torch.tensor(lengths, dtype=torch.int64)


def _grouped(func: OpOverload, given: dict[str, Any], watch: Watch) -> Any:
    """Multiply float32 and float16 as the CPU does; ``meta`` refuses them in some versions.

    It is asked about bfloat16 with rows at the same bytes, so that it still refuses what else it
    would. Rows of the result begin every 16 bytes.
    """
    left, right = list(given.values())[:2]
    size = left.element_size()
    passes = left.dtype in (torch.float32, torch.float16) and left.dtype == right.dtype
    if not (left.is_meta and passes and given["out_dtype"] in (None, left.dtype)):
        return NotImplemented
    sides = (
        torch.empty_strided(
            side.shape,
            [step if step == 1 else step * size // 2 for step in side.stride()],
            dtype=torch.bfloat16,
            device="meta",
        )
        for side in (left, right)
    )
    shape = func(*sides, given["offs"], given["bias"]).shape
    row = -(-shape[-1] * size // 16) * 16 // size
    steps = (shape[-2] * row, row, 1)
    return left.new_empty_strided(shape, steps[-len(shape) :])


def _quantile(func: OpOverload, given: dict[str, Any], watch: Watch) -> Any:
    """PyTorch puts a plain number where the elements are, which it believes to have values."""
    source, share = given["self"], given["q"]
    if not source.is_meta or isinstance(share, Tensor):
        return NotImplemented
    whole = source.flatten() if given["dim"] is None else source
    ordered = whole.sort(-1)
    _watch_all(ordered, watch)
    of_tensors = getattr(torch.ops.aten, base_name(func)).default
    return of_tensors(**{**given, "q": source.new_empty(())})


def _recurrent(func: OpOverload, given: dict[str, Any], watch: Watch) -> Any:
    """Make the results of all steps at once, which ``meta`` would make one by one.

    The memory is what the CPU takes: LSTM layers of single precision are computed whole by a
    library; of others there are the products of the inputs of all steps, the output of each step,
    and these stacked. Packed sequences are walked by their lengths, which have to be known.
    """
    if "batch_sizes" in given:
        _values(given["batch_sizes"], base_name(func), "batch_sizes")
    source: Tensor = given["data"] if "data" in given else given["input"]
    if not source.is_meta or (given["train"] and given["dropout"]):
        return NotImplemented
    is_lstm = base_name(func) == "lstm"
    states: list[Tensor] = list(given["hx"]) if is_lstm else [given["hx"]]
    gates, width = given["params"][0].shape[0], states[0].shape[-1]
    whole = is_lstm and source.dtype is torch.float32 and "input" in given
    whole = whole and width == states[1].shape[-1]
    batch_first = bool(given.get("batch_first"))
    if batch_first:
        source = source.transpose(0, 1)
        if whole:
            source = source.contiguous()
            watch(source)
    result, finals = source, list[Tensor]()
    for _ in range(given["num_layers"]):
        sides: list[Tensor] = []
        steps: list[Tensor] = []
        for _ in range(2 if given["bidirectional"] else 1):
            if whole:
                finals += (state.new_empty(state.shape[1:]) for state in states)
                _watch_all(finals[-len(states) :], watch)
            else:
                products = source.new_empty((*source.shape[:-1], gates))
                steps.append(source.new_empty((*source.shape[:-1], width)))
                _watch_all((products, steps[-1]), watch)
            sides.append(source.new_empty((*source.shape[:-1], width)))
            watch(sides[-1])
        joined = torch.cat(sides, -1) if len(sides) > 1 else sides[0]
        watch(joined)
        result = joined
    last = [torch.empty_like(state) for state in states]
    _watch_all(last, watch)
    return (result.transpose(0, 1) if batch_first else result, *last)


def _watch_all(tensors: Iterable[Tensor], watch: Watch) -> None:
    for tensor in tensors:
        watch(tensor)


def _values(tensor: Tensor, operator: str, argument: str) -> list[int]:
    if tensor.is_meta:
        raise ValuesNeeded(f"{operator} needs the values of {argument!r}")
    values: list[int] = tensor.tolist()
    return values


KERNELS: dict[str, Callable[[OpOverload, dict[str, Any], Watch], Any]] = {
    "_grouped_mm": _grouped,
    "_pack_padded_sequence": _pack,
    "_pad_packed_sequence": _unpack,
    "batch_norm": _batch_norm,
    "gru": _recurrent,
    "index": _index,
    "index_put": _index,
    "lstm": _recurrent,
    "nanquantile": _quantile,
    "quantile": _quantile,
    "rnn_relu": _recurrent,
    "rnn_tanh": _recurrent,
    "scaled_dot_product_attention": _attention,
}
"""Operator → what executes it, given its arguments by name."""
