"""Weights that are stored as something else than they are: packed, quantised, sharded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from analyzer import ModelError

__all__ = ["Logical", "Packed", "inner_tensors", "is_wrapped", "logical", "packed_in"]


class Packed(NamedTuple):
    """A weight in a packed object.

    Attributes:
        name: what the module would call it.
        shape: as if it were not packed.
        dtype: of an element as it is stored.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype


class Logical(NamedTuple):
    """Shape and element type of a weight as they are once it is unpacked."""

    shape: tuple[int, ...]
    dtype: str


def packed_in(module: nn.Module) -> Iterator[Packed]:
    """Yield the weights that a module keeps in objects of TorchScript, as quantised ones do.

    Those of the module in which a linear layer keeps nothing else are the linear layer's.
    """
    if isinstance(module, torch.ao.nn.quantized.modules.linear.LinearPackedParams):
        return
    inside = vars(module).get("_modules", {}).get("_packed_params")
    for holder in (module, inside):
        for value in vars(holder).values() if holder is not None else ():
            if isinstance(value, torch.ScriptObject):
                half = getattr(holder, "dtype", None) is torch.float16
                yield from _weights(value, half=half)


def _weights(packed: Any, *, half: bool) -> Iterator[Packed]:
    if not packed._has_method("unpack"):
        return
    for name, tensor in zip(("weight", "bias"), packed.unpack(), strict=False):
        if isinstance(tensor, Tensor):
            dtype = torch.float16 if half and name == "weight" else tensor.dtype
            yield Packed(name, tuple(tensor.shape), dtype)


def logical(module: nn.Module, name: str, tensor: Tensor) -> Logical | None:
    """Return what a tensor that packs weights of few bits stands for, None if it packs none.

    Known are the layers of bitsandbytes, whose weights remember it, and those of GPTQ and AWQ,
    whose ``qweight`` has several weights in an integer.
    """
    state = getattr(tensor, "quant_state", None)
    if state is not None and hasattr(state, "shape"):
        bits = 8 * tensor.numel() * tensor.element_size() // prod(state.shape)
        return Logical(tuple(state.shape), f"uint{bits}")
    if name != "qweight" or tensor.is_floating_point():
        return None
    features = [
        next((getattr(module, name) for name in names if hasattr(module, name)), 0)
        for names in (("in_features", "infeatures"), ("out_features", "outfeatures"))
    ]
    bits, rest = divmod(8 * tensor.numel() * tensor.element_size(), prod(features) or 1)
    if rest or f"uint{bits}" not in ("uint2", "uint4", "uint8"):
        return None
    return Logical((features[0], features[1]), f"uint{bits}")


def is_wrapped(tensor: Tensor) -> bool:
    """Say whether a tensor is made of others, with operators of its own on them.

    A distributed tensor is not: its parts are on other machines, and it is taken as the whole.
    """
    distributed = sys.modules.get("torch.distributed.tensor")
    if distributed is not None and isinstance(tensor, distributed.DTensor):
        return False
    return type(tensor) is not Tensor and is_traceable_wrapper_subclass(tensor)


def inner_tensors(name: str, tensor: Tensor) -> list[Tensor]:
    """Return the plain tensors in which a parameter is stored.

    Raises:
        ModelError: it is sparse, so that nothing can be said of its products.
    """
    if tensor.layout is not torch.strided and not is_wrapped(tensor):
        raise ModelError(
            f"parameter {name!r} is sparse ({str(tensor.layout).removeprefix('torch.')}), and what "
            "its products cost depends on where it is not zero; give the model with to_dense()"
        )
    if not is_wrapped(tensor):
        return [tensor]
    attributes, _ = tensor.__tensor_flatten__()  # type: ignore[attr-defined]
    return [
        inner
        for attribute in attributes
        for inner in inner_tensors(name, getattr(tensor, attribute))
    ]
