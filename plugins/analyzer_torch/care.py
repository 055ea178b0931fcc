"""That nothing of the user's is disturbed: what is switched for a run, and set back after it."""

from __future__ import annotations

import random
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from operator import is_
from typing import Any

import numpy
import torch
from torch import nn
from torch.utils._python_dispatch import _disable_current_modes

from analyzer import Mode
from analyzer_torch.twins import storage_key

__all__ = ["seeded", "switched", "untouched"]

_UNCOMPILED = "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG"
"""The switch with which flex attention neither asks to be compiled nor warns that it is not."""


_CONTAINERS = (dict, list, set, deque)


@contextmanager
def seeded() -> Iterator[None]:
    """Draw the same random weights each time: what a detector finds, and so its cost, is theirs."""
    with _random_state():
        torch.manual_seed(0)
        yield


@contextmanager
def switched(model: nn.Module, mode: Mode) -> Iterator[None]:
    """Set the training flags for a mode, and set every one back afterwards.

    What the user has switched on around it is no part of the model and is off meanwhile: dispatch
    modes, so that a counter of theirs counts nothing of it, and autocast. The flags are set one by
    one: ``eval()`` and ``train()`` may be overridden, and then do more (merge weights, say) than
    set a flag. A model that is in training already is left as it is, so that the parts that its
    author froze stay frozen.
    """
    # Frozen TorchScript has no flags left.
    flags = [(one, one.training) for one in model.modules() if hasattr(one, "training")]
    if flags and (mode is Mode.INFERENCE or not model.training):
        for module, _ in flags:
            module.training = mode is Mode.TRAIN
    try:
        with _disable_current_modes(), torch._C._DisableAutocast():
            yield
    finally:
        for module, training in flags:
            module.training = training


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Set back what ``forward`` assigns to modules, the random state, and PyTorch's switches.

    A module that ``forward`` casts is given other memory under the same parameters: they get their
    own again.
    """
    contents = _Contents(map(vars, model.modules()))
    stored = [(tensor, tensor.data) for tensor in (*model.parameters(), *model.buffers())]
    fast_path = torch.backends.mha.get_fastpath_enabled()
    dtype = torch.get_default_dtype()
    with _random_state(), _not_compiled():
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)
            torch.set_default_dtype(dtype)
            contents.put_back()
            for tensor, own in stored:
                if storage_key(tensor) != storage_key(own):
                    tensor.data = own


class _Contents:
    """What containers hold, and what the containers in them hold: hooks, buffers, caches.

    Only those of Python's own types are looked into; others may do more than hold.
    """

    def __init__(self, containers: Iterable[Any]) -> None:
        self._held: list[tuple[Any, list[Any], list[Any]]] = []
        seen: set[int] = set()
        waiting = list(containers)
        for container in waiting:  # which grows meanwhile
            if id(container) in seen:
                continue
            seen.add(id(container))
            keys = list(container)
            values = list(container.values()) if isinstance(container, dict) else keys
            self._held.append((container, keys, values))
            waiting.extend(value for value in values if isinstance(value, _CONTAINERS))

    def put_back(self) -> None:
        """Make each container hold again what it held; leave those alone that still do.

        What is held is told by identity: values may be slow to compare, or refuse to be.
        """
        for container, keys, values in self._held:
            keyed = isinstance(container, dict)
            same = len(container) == len(keys) and all(map(is_, container, keys))
            if same and (not keyed or all(map(is_, container.values(), values))):
                continue
            container.clear()
            if keyed:
                container.update(zip(keys, values, strict=True))
            elif isinstance(container, set):
                container.update(keys)
            else:
                container.extend(keys)


@contextmanager
def _random_state() -> Iterator[None]:
    """Set back the random numbers of PyTorch on every device in use, of Python and of NumPy."""
    python, arrays = random.getstate(), numpy.random.get_state()
    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = list(range(torch.cuda.device_count())) if in_use else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(python)
            numpy.random.set_state(arrays)


@contextmanager
def _not_compiled() -> Iterator[None]:
    """Let nothing be compiled: what is compiled cannot be watched.

    The compiler is slow to import. If nobody has done so, it waits until ``forward`` asks for it.
    """
    own = torch.compile
    with ExitStack() as stack:
        waiting = [lambda: stack.enter_context(torch.compiler.set_stance("force_eager"))]
        if "torch._dynamo" in sys.modules:
            waiting.pop()()

        def compile_nothing(*args: Any, **kwargs: Any) -> Callable[..., Any]:
            if waiting:
                waiting.pop()()
            return own(*args, **kwargs)

        stack.enter_context(warnings.catch_warnings())
        # It warns of hooks for all modules, and they are those with which modules are followed.
        warnings.filterwarnings("ignore", message="Using `torch.compile")
        stack.callback(setattr, torch, "compile", own)
        torch.compile = compile_nothing
        flex = sys.modules.get("torch.nn.attention.flex_attention")
        if flex is not None and hasattr(flex, _UNCOMPILED):
            stack.callback(setattr, flex, _UNCOMPILED, getattr(flex, _UNCOMPILED))
            setattr(flex, _UNCOMPILED, True)
        yield
