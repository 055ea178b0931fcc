"""Follows any code of PyTorch on given tensors, into a builder that somebody else has made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.overrides import _pop_mode_temporarily
from torch.utils._python_dispatch import _disable_current_modes

from analyzer import ModelBuilder
from analyzer import Tensor as Value
from analyzer_torch.call import Stored
from analyzer_torch.care import untouched
from analyzer_torch.devices import Devices
from analyzer_torch.trace import Tracer
from analyzer_torch.ways import wants_values

__all__ = ["Followed", "wants_values"]

_VERSIONS = torch._C.DispatchKeySet(torch._C.DispatchKey.ADInplaceOrView)
"""What counts how often tensors were written; here the model's own never are."""


class Followed:
    """Code that is run once, each of its operators written into a builder.

    For plugins of frameworks that run on PyTorch: they know the model's layers and parameters, and
    have declared them; the code is a part of that model.

    >>> from analyzer import ModelBuilder
    >>> builder = ModelBuilder(name="f", framework="mine", framework_version="1", source="")
    >>> builder.layer("", type="Function")
    >>> code = Followed(builder, layer="")
    >>> x = code.stand_in(builder.tensor((2, 3), "float32"))
    >>> with code.running():
    ...     y = x.t() @ x
    >>> code.value(y).shape
    (3, 3)
    """

    def __init__(self, builder: ModelBuilder, *, layer: str, real: bool = False) -> None:
        """Write into ``builder``, as what runs in ``layer``.

        With ``real``, for code that looks at values, tensors hold ones; else they hold nothing.
        """
        self.builder = builder
        self._tracer = Tracer(builder, real=real)
        self._tracer.layer = layer
        self._device = torch.device("cpu" if real else "meta")
        self._kept: list[Tensor] = []
        self._runs = False

    def stand_in(self, value: Value) -> Tensor:
        """Return a tensor with which the code can be given one of the model's."""
        dtype = getattr(torch, value.dtype)
        made = torch.ones(value.shape, dtype=dtype, device=self._device)
        self._tracer.known(made, value.storage)
        self._kept.append(made)
        return made

    def stored(self, name: str, tensor: Tensor, *, learnable: bool) -> Tensor:
        """Make known in which tensor the model stores a parameter; return what the code is given.

        It is neither read nor written, and may be one without values where the model has none yet.
        """
        if tensor.is_meta and self._device.type != "meta":
            tensor = torch.ones(tensor.shape, dtype=tensor.dtype)
        kept = Stored(name, tuple(tensor.shape), tensor.stride(), learnable)
        self._tracer.hold(tensor, kept, storage=self.builder.storage_of(name))
        self._kept.append(tensor)
        return tensor

    def value(self, tensor: Tensor) -> Value | str:
        """Return what a tensor is to the model: a parameter by its name, or an activation."""
        stored = self._tracer.stored(tensor)
        return self._tracer.value(tensor) if stored is None else stored.name

    @property
    def times(self) -> int:
        """How often what is running now would run, being part of a loop or a branch."""
        return self._tracer.times

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch the code that is run inside."""
        with (
            untouched(nn.Module()),
            _disable_current_modes(),
            torch._C._DisableAutocast(),
            Devices(torch.device("cpu")),
            torch._C._ExcludeDispatchKeyGuard(_VERSIONS),
            torch.no_grad(),
            torch._C._AutoDispatchBelowAutograd(),
            self._tracer,
        ):
            self._runs = True
            try:
                yield
            finally:
                self._runs = False

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let what is run inside, while code is watched, be none of it."""
        functions = _pop_mode_temporarily() if self._runs else nullcontext()
        with _disable_current_modes(), functions:
            yield

    def made(self, values: Iterable[Value]) -> list[Tensor]:
        """Return tensors for what was computed aside."""
        with self.aside():
            return [self.stand_in(value) for value in values]
