"""Operators that compute nothing, each with the reason, and look-ups."""

from __future__ import annotations

from torch import Tensor

from analyzer import Operation
from analyzer.ops import CAST, COPY, FILL, LOOK_UP, VIEW, Embedding, Free, Unknown, free
from analyzer_torch.call import Call, Maker, full_name

__all__ = ["MOVEMENT"]


def _moved(call: Call) -> Operation:
    """Tell a view, whose result lies in the storage of an argument, from a copy."""
    return free(call.name, because=VIEW if call.is_view() else COPY)


def _cast(call: Call) -> Operation:
    """``to`` and its like: another type, another place, or nothing at all."""
    if call.output.dtype is not call.first.dtype:
        return free("cast", because=CAST)
    return _moved(call)


def _because(reason: str) -> Maker:
    def make(call: Call) -> Free:
        return free(call.name, because=reason)

    return make


def _embedding(call: Call) -> Operation:
    """``(*places), (vocabulary, width) → (*places, width)``."""
    weight: Tensor = call["weight"]
    call.plays(weight, "embedding", ("vocabulary", "width"))
    return Embedding(
        look_ups=call["indices"].numel(), vocabulary=weight.shape[0], width=weight.shape[1]
    )


def _index_put(call: Call) -> Operation:
    """Write elements where indices say; how many are added to what is there is not known."""
    if call["accumulate"]:
        return Unknown(name=full_name(call.func), attributes=(("accumulate", True),))
    return free(call.name, because=COPY)


_INSPECTION = "only metadata, or one value, is read"
_RANDOM = "random numbers are drawn, which is not counted as arithmetic"

MOVEMENT: dict[str, Maker] = {
    "_assert_async": _because(_INSPECTION),
    "_cast_Float": _cast,
    "_conj": _moved,
    "_local_scalar_dense": _because(_INSPECTION),
    "_pack_padded_sequence": _because(COPY),
    "_pad_packed_sequence": _because(COPY),
    "_reshape_alias": _moved,
    "_shape_as_tensor": _because(FILL),
    "_to_copy": _cast,
    "_unsafe_view": _moved,
    "alias": _moved,
    "arange": _because(FILL),
    "as_strided": _moved,
    "atleast_1d": _moved,
    "bernoulli": _because(_RANDOM),
    "broadcast_tensors": _moved,
    "broadcast_to": _moved,
    "cat": _because(COPY),
    "channel_shuffle": _because(COPY),
    "chunk": _moved,
    "clone": _because(COPY),
    "concat": _because(COPY),
    "concatenate": _because(COPY),
    "constant_pad_nd": _because(COPY),
    "contiguous": _moved,
    "copy": _because(COPY),
    "detach": _moved,
    "diagonal": _moved,
    "dstack": _because(COPY),
    "embedding": _embedding,
    "empty": _because(FILL),
    "empty_like": _because(FILL),
    "empty_strided": _because(FILL),
    "expand": _moved,
    "expand_as": _moved,
    "eye": _because(FILL),
    "fill": _because(FILL),
    "flatten": _moved,
    "flip": _because(COPY),
    "full": _because(FILL),
    "full_like": _because(FILL),
    "gather": _because(LOOK_UP),
    "hstack": _because(COPY),
    "im2col": _because(COPY),
    "index": _because(LOOK_UP),
    "index_copy": _because(COPY),
    "index_put": _index_put,
    "index_select": _because(LOOK_UP),
    "is_nonzero": _because(_INSPECTION),
    "item": _because(_INSPECTION),
    "lift": _moved,
    "lift_fresh": _moved,
    "linspace": _because(FILL),
    "masked_scatter": _because(COPY),
    "masked_select": _because(LOOK_UP),
    "meshgrid": _moved,
    "mH": _moved,
    "moveaxis": _moved,
    "movedim": _moved,
    "mT": _moved,
    "narrow": _moved,
    "new_empty": _because(FILL),
    "new_empty_strided": _because(FILL),
    "new_full": _because(FILL),
    "new_ones": _because(FILL),
    "new_zeros": _because(FILL),
    "nonzero": _because("places are looked up, no number is computed"),
    "normal": _because(_RANDOM),
    "numpy_T": _moved,
    "one_hot": _because(FILL),
    "ones": _because(FILL),
    "ones_like": _because(FILL),
    "pad": _because(COPY),
    "permute": _moved,
    "pixel_shuffle": _because(COPY),
    "pixel_unshuffle": _because(COPY),
    "rand": _because(_RANDOM),
    "rand_like": _because(_RANDOM),
    "randint": _because(_RANDOM),
    "randn": _because(_RANDOM),
    "randn_like": _because(_RANDOM),
    "randperm": _because(_RANDOM),
    "real": _moved,
    "reflection_pad1d": _because(COPY),
    "reflection_pad2d": _because(COPY),
    "reflection_pad3d": _because(COPY),
    "repeat": _because(COPY),
    "repeat_interleave": _because(COPY),
    "replication_pad1d": _because(COPY),
    "replication_pad2d": _because(COPY),
    "replication_pad3d": _because(COPY),
    "reshape": _moved,
    "reshape_as": _moved,
    "resolve_conj": _moved,
    "resolve_neg": _moved,
    "roll": _because(COPY),
    "rot90": _because(COPY),
    "scalar_tensor": _because(FILL),
    "select": _moved,
    "slice": _moved,
    "slice_scatter": _because(COPY),
    "split": _moved,
    "split_with_sizes": _moved,
    "squeeze": _moved,
    "stack": _because(COPY),
    "swapaxes": _moved,
    "swapdims": _moved,
    "t": _moved,
    "take_along_dim": _because(LOOK_UP),
    "tensor_split": _moved,
    "tile": _because(COPY),
    "to": _cast,
    "transpose": _moved,
    "tril": _because(COPY),
    "triu": _because(COPY),
    "type_as": _cast,
    "unbind": _moved,
    "unflatten": _moved,
    "unfold": _moved,
    "uniform": _because(_RANDOM),
    "unsafe_chunk": _moved,
    "unsafe_split": _moved,
    "unsafe_split_with_sizes": _moved,
    "unsqueeze": _moved,
    "view": _moved,
    "view_as": _moved,
    "view_as_complex": _moved,
    "view_as_real": _moved,
    "vstack": _because(COPY),
    "zero": _because(FILL),
    "zeros": _because(FILL),
    "zeros_like": _because(FILL),
}
"""ATen name → function that makes our operation, for what costs nothing."""
