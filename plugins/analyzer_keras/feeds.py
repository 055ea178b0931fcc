"""What a model is called with: symbolic tensors of concrete sizes, from what the user said."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analyzer import InputError, InputSpec, Request
from analyzer.dtypes import is_floating

__all__ = ["Feed", "feed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Arguments of a model's call, and the tensors in them by name."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    tensors: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Place:
    """An input that the model tells of; an open size is None."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


def feed(model: Any, request: Request) -> Feed:
    """Return what to call a model with.

    Raises:
        InputError: what was said does not fit, or something must be said.
    """
    if request.dims:
        raise InputError(
            f"dimension {next(iter(request.dims))!r}: the sizes of Keras inputs have no names; "
            "give the whole shape, as in --input name=1x128"
        )
    functional = getattr(model, "_functional", None) or model
    places = getattr(functional, "inputs", None)
    if places and hasattr(functional, "_inputs_struct"):
        return _for_functional(functional, places, request)
    return _for_call(model, request)


def _for_functional(functional: Any, inputs: Sequence[Any], request: Request) -> Feed:
    from keras import KerasTensor, tree

    places = [
        _Place(one._keras_history.operation.name, tuple(one.shape), str(one.dtype))
        for one in inputs
    ]
    said = _assign(places, request.flat_inputs())
    tensors = {
        place.name: KerasTensor(
            _shape(place, said.get(place.name), request.batch_size),
            dtype=_dtype(place, said.get(place.name)),
            sparse=bool(getattr(one, "sparse", False)),
            name=place.name,
        )
        for place, one in zip(places, inputs, strict=True)
    }
    structure = tree.pack_sequence_as(functional._inputs_struct, list(tensors.values()))
    return Feed(args=(structure,), kwargs={}, tensors=tensors)


def _assign(places: Sequence[_Place], specs: Iterable[InputSpec]) -> dict[str, InputSpec]:
    """Match what was said with the inputs: by name, else in order."""
    names = [place.name for place in places]
    said: dict[str, InputSpec] = {}
    unnamed = []
    for spec in specs:
        if spec.name is None:
            unnamed.append(spec)
        elif spec.name not in names:
            raise InputError(
                f"input {spec.name!r} is not an input of the model; it has {', '.join(names)}"
            )
        else:
            said[spec.name] = spec
    rest = [name for name in names if name not in said]
    if len(unnamed) > len(rest):
        raise InputError(
            f"{len(said) + len(unnamed)} inputs were given and the model has {len(names)}: "
            f"{', '.join(names)}; leave some out"
        )
    return said | dict(zip(rest, unnamed, strict=False))


def _shape(place: _Place, spec: InputSpec | None, batch_size: int) -> tuple[int, ...]:
    if spec is None:
        shape = (batch_size if place.shape[:1] == (None,) else None, *place.shape[1:])
        shape = (place.shape[0] if shape[0] is None else shape[0], *shape[1:])
        open_sizes = [axis for axis, size in enumerate(shape) if size is None]
        if open_sizes:
            raise InputError(
                f"input {place.name!r} has shape {_text(place.shape)}: nothing tells the size of "
                f"dimension {', '.join(map(str, open_sizes))}; give it with --input "
                f"{place.name}={_example(shape)}"
            )
        return tuple(size for size in shape if size is not None)
    if len(spec.shape) != len(place.shape):
        raise InputError(
            f"input {place.name!r} has {len(place.shape)} dimensions, {_text(place.shape)}; "
            f"{_text(spec.shape)} has {len(spec.shape)}"
        )
    for axis, (built, asked) in enumerate(zip(place.shape, spec.shape, strict=True)):
        if built is not None and built != asked:
            raise InputError(
                f"input {place.name!r}: the model was built for {_text(place.shape)}, and "
                f"{_text(spec.shape)} has {asked} in dimension {axis}; build it for that size"
            )
    return spec.shape


def _dtype(place: _Place, spec: InputSpec | None) -> str:
    """Return the model's own type: Keras converts what it is given, where it can."""
    asked = spec.dtype if spec else None
    if asked is not None and asked != place.dtype:
        loses = is_floating(asked) and not is_floating(place.dtype)
        if loses or "string" in (asked, place.dtype):
            raise InputError(f"input {place.name!r} is {place.dtype}, and {asked} was given")
    return place.dtype


def _for_call(model: Any, request: Request) -> Feed:
    """Feed a model that tells nothing of its inputs: a subclass, or one that is not built."""
    from keras import KerasTensor

    names = [
        name
        for name, parameter in inspect.signature(model.call).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and name not in ("training", "mask")
    ]
    specs = request.flat_inputs() or _seen(model, request.batch_size)
    if not specs:
        raise InputError(
            f"{model.name!r} ({type(model).__name__}) does not tell the shape of its inputs; give "
            "it, as in --input 1x224x224x3"
        )
    tensors = {
        spec.name or _default_name(names, at, len(specs)): KerasTensor(
            spec.shape, dtype=spec.dtype or model.input_dtype, name=spec.name
        )
        for at, spec in enumerate(specs)
    }
    given = list(tensors.values())
    named = [spec.name for spec in specs if spec.name]
    if named and all(name in names for name in named):
        unnamed = [tensor for spec, tensor in zip(specs, given, strict=True) if not spec.name]
        return Feed(
            args=tuple(unnamed), kwargs={name: tensors[name] for name in named}, tensors=tensors
        )
    if named:
        return Feed(args=(tensors,), kwargs={}, tensors=tensors)
    if 1 < len(given) <= len(names):
        return Feed(args=tuple(given), kwargs={}, tensors=tensors)
    return Feed(args=(given if len(given) > 1 else given[0],), kwargs={}, tensors=tensors)


def _seen(model: Any, batch_size: int) -> tuple[InputSpec, ...]:
    """Return the shape that a subclassed model was built with, where it is one."""
    shapes = list((getattr(model, "_build_shapes_dict", None) or {}).values())
    if len(shapes) != 1 or not isinstance(shapes[0], (tuple, list)):
        return ()
    sizes = shapes[0][1:]
    if not all(isinstance(size, int) for size in sizes):
        return ()
    return (InputSpec(shape=(batch_size, *sizes)),)


def _default_name(names: Sequence[str], at: int, count: int) -> str:
    if count <= len(names):
        return names[at]
    return f"{names[0] if names else 'inputs'}[{at}]"


def _text(shape: Iterable[int | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape) or "scalar"


def _example(shape: Iterable[int | None]) -> str:
    return "x".join("SIZE" if size is None else str(size) for size in shape)
