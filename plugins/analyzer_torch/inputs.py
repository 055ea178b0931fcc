"""The tensors that ``forward`` is called with, and how they are matched to its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from analyzer import Input, InputError, InputGroup, InputSpec, InputValue

__all__ = ["Given", "Told", "device_of", "match", "tensor_for", "type_of_floats"]

_SMALL = 1 << 16
"""Elements up to which integers that the user gave keep their values."""

_Kind = inspect.Parameter
_PLACED = (_Kind.POSITIONAL_ONLY, _Kind.POSITIONAL_OR_KEYWORD)


class Told(NamedTuple):
    """Inputs that a model's library tells, and what a reader of the numbers should know of them."""

    inputs: Sequence[Input] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """An input with the argument of ``forward`` that it is for.

    Attributes:
        name: of the argument.
        spec: what the user said of it.
        keyword: whether it is passed by name.
    """

    name: str
    spec: Input
    keyword: bool

    def __str__(self) -> str:
        return str(replace(self.spec, name=self.name))

    def filled(self, fill: Callable[[str, InputSpec], Tensor]) -> Any:
        """Return the argument, with what ``fill`` makes of the path of each tensor in it."""
        match self.spec:
            case InputGroup():
                return self.spec.filled(fill, self.name)
            case InputSpec():
                return fill(self.name, self.spec)
            case InputValue():
                return self.spec.value


def match(forward: Callable[..., Any], specs: Sequence[Input]) -> list[Given]:
    """Match inputs to the arguments of ``forward``: by name where named, others in order.

    Raises:
        InputError: a name is unknown, one is given twice, there are too many or too few.
    """
    parameters = list(inspect.signature(forward).parameters.values())
    places = [parameter.name for parameter in parameters if parameter.kind in _PLACED]
    named = {p.name for p in parameters if p.kind in (*_PLACED[1:], _Kind.KEYWORD_ONLY)}
    open_places = any(parameter.kind is _Kind.VAR_POSITIONAL for parameter in parameters)
    open_names = any(parameter.kind is _Kind.VAR_KEYWORD for parameter in parameters)
    taken = {spec.name for spec in specs if spec.name is not None}
    free = [place for place in places if place not in taken]
    given: list[Given] = []
    for spec in specs:
        if spec.name is not None:
            if spec.name not in named and not open_names:
                raise InputError(
                    f"there is no input {spec.name!r}; forward takes {_listed(parameters)}"
                )
            given.append(Given(spec.name, spec, keyword=True))
        elif free:
            given.append(Given(free.pop(0), spec, keyword=bool(taken & set(places))))
        elif open_places:
            given.append(Given(f"input {len(given)}", spec, keyword=False))
        else:
            raise InputError(
                f"{len(specs)} inputs came ({', '.join(map(str, specs))}), and forward takes "
                f"{_listed(parameters)}; give one for each"
            )
    names = [one.name for one in given]
    if len(set(names)) < len(names):
        raise InputError(f"an input is given twice: {', '.join(names)}")
    _require_all(parameters, names)
    return given


def _require_all(parameters: Iterable[inspect.Parameter], names: Sequence[str]) -> None:
    kinds = (*_PLACED, _Kind.KEYWORD_ONLY)
    missing = [
        parameter.name
        for parameter in parameters
        if parameter.kind in kinds
        and parameter.default is _Kind.empty
        and parameter.name not in names
    ]
    if not missing:
        return
    came = f"only {', '.join(names)} came" if names else "none came and nothing tells their shapes"
    example = "1x3x224x224" if len(missing) == 1 and not names else f"{missing[0]}=1x3x224x224"
    raise InputError(
        f"forward needs {', '.join(map(repr, missing))}, {came}; give each a shape, as in "
        f"--input {example}, or inputs= in the library"
    )


def _listed(parameters: Iterable[inspect.Parameter]) -> str:
    return ", ".join(str(parameter).partition(":")[0] for parameter in parameters) or "none"


def type_of_floats(model: nn.Module) -> str:
    """Return the element type that the model computes in: that of its first float parameter."""
    for tensor in chain(model.parameters(), model.buffers()):
        if tensor.is_floating_point():
            return str(tensor.dtype).removeprefix("torch.")
    return str(torch.get_default_dtype()).removeprefix("torch.")


def device_of(model: nn.Module) -> torch.device:
    """Return where the model's first stored tensor is, the CPU if it has none."""
    stored = next(chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if stored is None else stored.device


def tensor_for(spec: InputSpec, dtype: str, *, device: torch.device, real: bool) -> Tensor:
    """Make the tensor for an input: without data, unless small integers were given.

    With ``real`` there are values, on the model's device: those given, otherwise ones.
    """
    kind: torch.dtype = getattr(torch, spec.dtype or dtype)
    if spec.value is not None:
        integers = not kind.is_floating_point and not kind.is_complex
        value = torch.as_tensor(spec.value)
        if real or (integers and value.numel() <= _SMALL and not value.is_meta):
            return value.detach().to(device if real else "cpu", kind, copy=True)
    if real:
        return torch.ones(spec.shape, dtype=kind, device=device)
    return torch.empty(spec.shape, dtype=kind, device="meta")
