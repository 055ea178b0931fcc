"""The tree of modules: their paths, their stored tensors, and which of them is running."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks
from torch.nn.parameter import is_lazy

from analyzer import Kind, ModelBuilder, ModelError, Use
from analyzer_torch.call import Stored, dtype_name, tensors_in
from analyzer_torch.devices import Devices
from analyzer_torch.inputs import device_of
from analyzer_torch.scopes import Scopes
from analyzer_torch.subclasses import inner_tensors, logical, packed_in
from analyzer_torch.trace import Tracer
from analyzer_torch.twins import storage_key

__all__ = ["Failure", "Modules"]

_STATE = {
    "_u": "singular vector",
    "_v": "singular vector",
    "num_batches_tracked": "batch counter",
    "running_mean": "running mean",
    "running_var": "running variance",
    "weight_u": "singular vector",
    "weight_v": "singular vector",
}
"""Buffers that training updates without an optimizer, and their roles."""


_VERSIONS = torch._C.DispatchKeySet(torch._C.DispatchKey.ADInplaceOrView)
"""What counts, in the model's own tensors, how often they were written; here they never are."""

_PACKED_ROLES = {"bias": "bias", "weight": "kernel"}
"""Names of packed weights, and their roles."""


@dataclass(slots=True)
class Failure:
    """Where ``forward`` failed, innermost module first seen.

    Attributes:
        path: of the module.
        type: of the module.
        reached: the tensors that it was given.
        whole: it has no modules inside it that run, as a program has none.
    """

    path: str
    type: str
    reached: tuple[Tensor, ...]
    whole: bool


class Modules:
    """The modules of a model by their paths. One that has several paths goes by the first.

    An exported program keeps of its modules only those that store something; ``scopes`` tells of
    the others, and of the types of all.
    """

    def __init__(self, model: nn.Module, scopes: Scopes | None = None) -> None:
        self.model = model
        self.scopes = scopes
        self.failure: Failure | None = None
        self._paths: dict[int, str] = {}
        self._all: dict[str, nn.Module] = {}
        self._aliases: dict[str, list[str]] = {}
        self._elements: dict[str, int] = {}
        for path, module in model.named_modules(remove_duplicate=False):
            first = self._paths.setdefault(id(module), path)
            if first == path:
                self._all[path] = module
            else:
                self._aliases.setdefault(first, []).append(path)
        if scopes is not None:
            self._paths = {id(model): ""}
            self._all = _in_tree_order(scopes.types, self._all)

    def declare(self, builder: ModelBuilder, tracer: Tracer) -> None:
        """Declare every layer, and every stored tensor once."""
        names: dict[tuple[int, int, int], str] = {}
        for path, module in self._all.items():
            held = [
                self._stored(builder, tracer, names, module, f"{path}.{name}".lstrip("."), tensor)
                for name, tensor in (*module._parameters.items(), *module._buffers.items())
                if tensor is not None
            ]
            held += self._packed(builder, tracer, path, module)
            parent = path.rpartition(".")[0] if path else None
            builder.layer(
                path,
                type=self._type(path, module),
                parent=parent,
                parameters=dict.fromkeys(held),
                aliases=self._aliases.get(path, ()),
                origin=type(module).__module__ if self.scopes is None else "",
            )

    def _type(self, path: str, module: nn.Module) -> str:
        own = type(module).__name__
        return own if self.scopes is None else self.scopes.types.get(path, own)

    def _stored(
        self,
        builder: ModelBuilder,
        tracer: Tracer,
        names: dict[tuple[int, int, int], str],
        module: nn.Module,
        name: str,
        tensor: Tensor,
    ) -> str:
        """Return the name under which a tensor is declared: two that share memory have one."""
        if is_lazy(tensor):
            raise ModelError(
                f"parameter {name!r} has no shape yet; run the model once on an input, so that "
                "its lazy modules take their sizes from it"
            )
        inner = inner_tensors(name, tensor)
        place = (storage_key(inner[0]), int(inner[0].storage_offset()), tensor.numel())
        if place in names:
            return names[place]
        names[place] = name
        own = name.rpartition(".")[2]
        unpacked = logical(module, own, tensor)
        learnable = isinstance(tensor, nn.Parameter) or unpacked is not None
        role = "" if learnable else _STATE.get(own, "")
        kind = Kind.LEARNABLE if learnable else Kind.STATE if role else Kind.CONSTANT
        storages = [
            tracer.hold(one, Stored(name, tuple(one.shape), one.stride(), learnable))
            for one in inner
        ]
        shape, dtype = unpacked or (tuple(tensor.shape), dtype_name(tensor.dtype))
        self._elements[name] = prod(shape)
        builder.parameter(
            name,
            shape=shape,
            dtype=dtype,
            kind=kind,
            trainable=tensor.requires_grad,
            role=role,
            storage=storages[0],
            stored_bytes=sum(one.numel() * one.element_size() for one in inner),
        )
        return name

    def _packed(
        self, builder: ModelBuilder, tracer: Tracer, path: str, module: nn.Module
    ) -> Iterator[str]:
        """Declare the weights that a module keeps packed, and yield their names."""
        for weight in packed_in(module):
            name = f"{path}.{weight.name}" if path else weight.name
            builder.parameter(
                name, shape=weight.shape, dtype=dtype_name(weight.dtype), trainable=False
            )
            tracer.packed.setdefault(path, []).append(Use(name, _PACKED_ROLES[weight.name]))
            yield name

    def _follow_scopes(self, builder: ModelBuilder, tracer: Tracer) -> None:
        def entered(path: str) -> None:
            tracer.layer = path

        def left(path: str, results: tuple[Any, ...]) -> None:
            builder.called(path, map(tracer.value, tensors_in(results)), times=tracer.times)

        if self.scopes is not None:
            self.scopes.entered, self.scopes.left = entered, left

    @contextmanager
    def followed(self, builder: ModelBuilder, tracer: Tracer) -> Iterator[None]:
        """Tell the tracer which module is running, by hooks for all modules of this thread."""
        thread = threading.get_ident()
        handled = sys.exception()
        running: list[str] = []
        calls: dict[str, int] = {}

        def known(module: nn.Module) -> str | None:
            return self._paths.get(id(module)) if threading.get_ident() == thread else None

        def before(module: nn.Module, args: object) -> None:
            path = known(module)
            if path is not None:
                running.append(path)
                tracer.layer = path

        def after(module: nn.Module, *reached: Any) -> None:
            # Keyword arguments are left out when forward has failed.
            path, output = known(module), reached[-1]
            if path is None:
                return
            error = sys.exception()
            if output is None and error is not handled:
                if self.failure is None:
                    self.failure = Failure(
                        path,
                        type(module).__name__,
                        tuple(tensors_in(reached[:-1])),
                        whole=self.scopes is not None or next(module.children(), None) is None,
                    )
            else:
                calls[path] = calls.get(path, 0) + 1
                outputs = map(tracer.value, tensors_in([output]))
                builder.called(path, outputs, times=tracer.times)
            while running and running.pop() != path:
                pass
            tracer.layer = running[-1] if running else ""

        self._follow_scopes(builder, tracer)
        hooks = (
            module_hooks.register_module_forward_pre_hook(before),
            module_hooks.register_module_forward_hook(after, with_kwargs=True, always_call=True),
        )
        try:
            with Devices(device_of(self.model)), torch._C._ExcludeDispatchKeyGuard(_VERSIONS):
                yield
            for name, elements in tracer.experts.active(self._all, self._elements, calls):
                builder.touched(name, elements)
        finally:
            for hook in hooks:
                hook.remove()
                # PyTorch forgets this entry, and then warns whoever compiles a module.
                module_hooks._global_forward_hooks_with_kwargs.pop(hook.id, None)


def _in_tree_order(types: Iterable[str], stored: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Return modules by path, each followed by those inside it, in the order of first use."""
    keep = [path for path, module in stored.items() if next(module.parameters(), None) is not None]
    keep += [path for path, module in stored.items() if next(module.buffers(), None) is not None]
    paths = dict.fromkeys((*types, *keep))
    inside: dict[str, list[str]] = {}
    for path in paths:
        if path:
            inside.setdefault(path.rpartition(".")[0], []).append(path)
    ordered: dict[str, nn.Module] = {}
    waiting = [""]
    while waiting:
        path = waiting.pop()
        ordered[path] = stored.get(path) or nn.Module()
        waiting.extend(reversed(inside.get(path, [])))
    return ordered
