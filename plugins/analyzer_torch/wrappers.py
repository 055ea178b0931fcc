"""The model inside what is wrapped around it: compilation, replication, sharding.

A sharded model is read as the whole that it is: in a copy whose parameters have their full shapes,
no data, and no hooks that would gather them from other processes.
"""

from __future__ import annotations

import copy
import sys
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Unwrapped", "unwrapped"]

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_SHARDED = (
    "read as the whole model in one process; how it is sharded changes nothing in the numbers"
)


class Unwrapped(NamedTuple):
    """A model without its wrappers, and what a reader should know of it."""

    module: nn.Module
    note: str = ""


def unwrapped(model: nn.Module) -> Unwrapped:
    """Return the module inside what PyTorch wraps around it."""
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model.get_submodule("_orig_mod")
        else:
            break
    if _wrappers(model) or any(map(_is_sharded, set(map(type, model.parameters())))):
        return Unwrapped(_Whole(model).module, _SHARDED)
    return Unwrapped(model)


def _wrappers(model: nn.Module) -> list[Any]:
    """Return the parts that ``FullyShardedDataParallel`` is wrapped around."""
    fsdp = sys.modules.get("torch.distributed.fsdp.fully_sharded_data_parallel")
    kind = getattr(fsdp, "FullyShardedDataParallel", None)
    return [] if kind is None else [one for one in model.modules() if isinstance(one, kind)]


def _is_sharded(kind: type[Tensor]) -> bool:
    """Say whether tensors of a type are parts of one that several processes hold together."""
    return any(
        one.__module__.startswith("torch.distributed.") and one.__name__ == "DTensor"
        for one in kind.__mro__
    )


class _Whole:
    """Copies a tree of modules, with parameters of full shape and without the wrappers in it."""

    def __init__(self, model: nn.Module) -> None:
        self._copies: dict[int, nn.Module] = {}
        self._tensors: dict[int, Tensor] = {}
        wrappers = _wrappers(model)
        self._wrappers = {id(one) for one in wrappers}
        self.module = self._copied(model)
        for wrapper in wrappers:
            self._put_back(wrapper)

    def _copied(self, module: nn.Module) -> nn.Module:
        if id(module) in self._wrappers:
            return self._copied(module.get_submodule("_fsdp_wrapped_module"))
        known = self._copies.get(id(module))
        if known is not None:
            return known
        made: nn.Module = object.__new__(_plain(type(module)))
        self._copies[id(module)] = made
        vars(made).update(vars(module))
        for name in ("_parameters", "_buffers", "_modules", *_HOOKS):
            vars(made)[name] = copy.copy(vars(module)[name])
        for name in _HOOKS:
            for number, hook in vars(module)[name].items():
                if _distributes(hook):
                    del vars(made)[name][number]
        for held in (made._parameters, made._buffers):
            for name, tensor in list(held.items()):
                if tensor is not None and _is_sharded(type(tensor)):
                    held[name] = self._whole(tensor)
        for name, inner in module._modules.items():
            made._modules[name] = None if inner is None else self._copied(inner)
        return made

    def _whole(self, tensor: Tensor) -> Any:
        """Return a tensor of the full shape; one for each that the model shares."""
        if id(tensor) not in self._tensors:
            empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
            self._tensors[id(tensor)] = (
                nn.Parameter(empty, requires_grad=tensor.requires_grad)
                if isinstance(tensor, nn.Parameter)
                else empty
            )
        return self._tensors[id(tensor)]

    def _put_back(self, wrapper: Any) -> None:
        """Give modules the parameters that a wrapper has put end to end into one."""
        if wrapper._handle is None:  # nothing of its own: others are inside it
            return
        flat = wrapper._handle.flat_param
        for made in self._copies.values():
            for name in [name for name, one in made._parameters.items() if one is flat]:
                del made._parameters[name]
        held = flat._params or [flat] * len(flat._shapes)
        parameters: dict[tuple[int, str], nn.Parameter] = {}
        for told, shape, own in zip(flat._param_infos, flat._shapes, held, strict=True):
            empty = torch.empty(shape, dtype=flat.dtype, device="meta")
            parameter = nn.Parameter(empty, requires_grad=own.requires_grad)
            parameters[id(told.module), told.param_name] = parameter
            self._set(told.module, told.param_name, parameter)
        for told in flat._shared_param_infos:
            parameter = parameters[id(told.prim_module), told.prim_param_name]
            self._set(told.module, told.param_name, parameter)

    def _set(self, module: nn.Module, name: str, parameter: nn.Parameter) -> None:
        made = self._copies[id(module)]
        vars(made).pop(name, None)
        made._parameters[name] = parameter


def _plain(kind: type) -> type:
    """Return the class that ``fully_shard`` derived its own from."""
    sharded = [one for one in kind.__mro__ if one.__name__ == "FSDPModule"]
    mixed = sharded and kind.__bases__[:1] == (sharded[0],)
    return kind.__bases__[1] if mixed and len(kind.__bases__) == 2 else kind


def _distributes(hook: Any) -> bool:
    """Say whether a hook belongs to PyTorch's own distribution of models."""
    while isinstance(hook, partial):
        hook = hook.func
    owners = (hook, getattr(hook, "__func__", None), type(hook))
    return any(
        str(getattr(owner, "__module__", "")).startswith("torch.distributed.") for owner in owners
    )
