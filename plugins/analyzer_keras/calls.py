"""One call of a Keras operation, as the functions that translate it see it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import prod
from typing import Any, NamedTuple

from analyzer import Bound, Kind, Tensor, Use
from analyzer.ops import Operation

__all__ = ["Call", "Found", "Step", "Translator", "channels_last"]


@dataclass(slots=True, kw_only=True)
class Step:
    """A node of the model in the making.

    ``body`` holds what is repeated ``times`` times, or at least so often where that is not
    ``exact``; of ``alternatives`` one runs, by what flows. ``bound`` says what the sizes, or
    the trips, are to the true ones.
    """

    operation: Operation | None
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    uses: tuple[Use, ...]
    layer: str
    native: str
    body: list[Any] = field(default_factory=list)
    times: int = 1
    exact: bool = True
    bound: Bound = Bound.EXACT
    alternatives: list[list[Any]] = field(default_factory=list)


class Found(NamedTuple):
    """One of several operations that a native one stands for.

    Attributes:
        operation: what is computed.
        shape: of the result that the next one reads; None for the last.
        reads: names of the arguments that it reads besides the result before.
    """

    operation: Operation
    shape: tuple[int, ...] | None
    reads: tuple[str, ...]


@dataclass(slots=True)
class Call:
    """A call of an operation: its arguments by name, its results, and the parameters it reads.

    Attributes:
        native: the Keras operation object, with its settings as attributes.
        outputs: symbolic tensors that it gives.
        parameter_of: tells which parameter a value is, or a view of; None where it is none.
        kind_of: tells whether a parameter is learned, a state or a constant.
        roles: what the parameters are to the operation, as far as a translator said.
    """

    native: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[Any, ...]
    parameter_of: Callable[[Any], str | None]
    kind_of: Callable[[str], Kind]
    roles: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    _bound: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """Class name of the operation."""
        return type(self.native).__name__

    def __getitem__(self, name: str) -> Any:
        if self._bound is None:
            signature = _signature(type(self.native).call)
            bound = signature.bind(self.native, *self.args, **self.kwargs)
            bound.apply_defaults()
            self._bound = bound.arguments
        return self._bound[name]

    @property
    def first(self) -> Any:
        """The first argument."""
        return self.args[0] if self.args else next(iter(self.kwargs.values()))

    def values(self) -> tuple[Any, ...]:
        """Return every argument, and those in lists of them."""
        given = (*self.args, *self.kwargs.values())
        return tuple(
            one
            for value in given
            for one in (value if isinstance(value, (list, tuple)) else [value])
        )

    def is_parameter(self, name: str) -> bool:
        """Say whether an argument is a stored tensor, or a view of one."""
        return self.parameter_of(self[name]) is not None

    def is_learned(self, name: str) -> bool:
        """Say whether an argument is a parameter that training gives."""
        parameter = self.parameter_of(self[name])
        return parameter is not None and self.kind_of(parameter) is Kind.LEARNABLE

    def use(self, name: str, role: str, axes: Sequence[str] = ()) -> bool:
        """Say what an argument is to the operation, if it is a parameter."""
        parameter = self.parameter_of(self[name])
        if parameter is not None:
            self.roles[parameter] = (role, tuple(axes))
        return parameter is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first result."""
        return tuple(self.outputs[0].shape)

    @property
    def elements(self) -> int:
        """Elements of all results."""
        return sum(prod(output.shape) for output in self.outputs)

    def setting(self, name: str, default: Any = None) -> Any:
        """Return a setting of the operation, the default where it is None."""
        value = getattr(self.native, name, None)
        return default if value is None else value


Translator = Callable[[Call], Operation | Sequence[Found]]


@cache
def _signature(operation: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(operation)


def channels_last(call: Call) -> bool:
    """Say where the channels stand."""
    import keras

    return bool(call.setting("data_format", keras.config.image_data_format()) == "channels_last")
