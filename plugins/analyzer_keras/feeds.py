"""What a model is called with: symbolic tensors of concrete sizes, from what the user said."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analyzer import (
    Input,
    InputError,
    InputGroup,
    InputSpec,
    InputValue,
    Request,
    open_spec,
    tensors_in,
)
from analyzer.dtypes import is_floating

__all__ = ["Feed", "feed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Arguments of a model's call, the tensors in them by name, and sizes that could be others."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    tensors: Mapping[str, Any]
    dims: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Place:
    """An input that the model tells of: its layer's name, its path; an open size is None."""

    name: str
    path: str
    shape: tuple[int | None, ...]
    dtype: str


def feed(model: Any, request: Request) -> Feed:
    """Return what to call a model with.

    Raises:
        InputError: what was said does not fit, or something must be said.
    """
    functional = getattr(model, "_functional", None) or model
    places = getattr(functional, "inputs", None)
    if places and hasattr(functional, "_inputs_struct"):
        return _for_functional(functional, places, request)
    return _for_call(model, request)


def _for_functional(functional: Any, inputs: Sequence[Any], request: Request) -> Feed:
    from keras import KerasTensor, tree

    structure = functional._inputs_struct
    places = [
        _Place(one._keras_history.operation.name, path, tuple(one.shape), str(one.dtype))
        for one, (path, _) in zip(inputs, _paths(structure), strict=True)
    ]
    said = _assign(places, request.flat_inputs())
    rest = [place for place in places if place.name not in said]
    sized, dims = request.sized(_open(place.shape) for place in rest)
    told = {place.name: spec for place, spec in zip(rest, tensors_in(sized), strict=True)}
    _check_open_sizes(rest, told)
    tensors = {
        place.name: KerasTensor(
            told[place.name].shape if place.name in told else _shape(place, said[place.name]),
            dtype=_dtype(place, said.get(place.name)),
            sparse=bool(getattr(one, "sparse", False)),
            ragged=bool(getattr(one, "ragged", False)),
            name=place.name,
        )
        for place, one in zip(places, inputs, strict=True)
    }
    packed = tree.pack_sequence_as(structure, list(tensors.values()))
    return Feed(args=(packed,), kwargs={}, tensors=tensors, dims=dims)


def _open(shape: Sequence[int | None]) -> InputSpec:
    """Describe an input with its open sizes, in the order of axes that Keras is set to."""
    from keras import config

    channels_first = config.image_data_format() == "channels_first"
    return open_spec(shape, channels_first=channels_first)


def _paths(structure: Any) -> Iterator[tuple[str, Any]]:
    """Yield every leaf of a nest with its path, as a user writes it; keys in Keras's order."""
    from keras import tree

    for steps, leaf in tree.flatten_with_path(structure):
        path = ""
        for step in steps:
            path = f"{path}[{step}]" if isinstance(step, int) else f"{path}.{step}"
        yield path.removeprefix("."), leaf


def _assign(places: Sequence[_Place], specs: Iterable[InputSpec]) -> dict[str, InputSpec]:
    """Match what was said with the inputs: by name, by path, else in order."""
    names = [place.name for place in places]
    by_path = {place.path: place.name for place in places if place.path}
    said: dict[str, InputSpec] = {}
    unnamed = []
    for spec in specs:
        if spec.name is None:
            unnamed.append(spec)
            continue
        name = spec.name if spec.name in names else by_path.get(spec.name)
        if name is None:
            raise InputError(
                f"input {spec.name!r} is not an input of the model; it has {_listed(places)}"
            )
        if name in said:
            raise InputError(f"input {name!r} is given twice; give it once")
        said[name] = spec
    rest = [name for name in names if name not in said]
    if len(unnamed) > len(rest):
        raise InputError(
            f"{len(said) + len(unnamed)} inputs were given and the model has {len(names)}: "
            f"{_listed(places)}; leave some out"
        )
    return said | dict(zip(rest, unnamed, strict=False))


def _listed(places: Iterable[_Place]) -> str:
    return ", ".join(
        place.name if place.path in ("", place.name) else f"{place.name} ({place.path})"
        for place in places
    )


def _check_open_sizes(places: Iterable[_Place], told: Mapping[str, InputSpec]) -> None:
    """Refuse open sizes that nothing tells, of all inputs at once."""
    sized = [(place, told[place.name].sizes) for place in places]
    open_places = [(place, sizes) for place, sizes in sized if None in sizes]
    if not open_places:
        return
    what = "; ".join(
        f"input {place.name!r} has shape {_text(place.shape)}: nothing tells the size of "
        f"dimension {', '.join(str(at) for at, size in enumerate(shape) if size is None)}"
        for place, shape in open_places
    )
    flags = " ".join(f"--input {place.name}={_example(shape)}" for place, shape in open_places)
    raise InputError(f"{what}; give it with {flags}")


def _shape(place: _Place, spec: InputSpec) -> tuple[int, ...]:
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
    parameters = inspect.signature(model.call).parameters
    names = [
        name
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and name not in ("training", "mask")
    ]
    given = request.nested_inputs()
    dims: Mapping[str, int] = {}
    if given:
        request.check_dims(())
    else:
        given, dims = request.sized(_seen(model, names, request))
    by_keyword = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    named = [item for item in given if item.name]
    if named and not by_keyword and not all(item.name in parameters for item in named):
        given = (_gathered(named, parameters, names), *(one for one in given if not one.name))
    elif not named and len(given) > len(names) == 1:
        given = (InputGroup(items=dict(enumerate(given))),)
    _check_complete(model, given, names, parameters)
    return replace(_fed(model, given, names), dims=dims)


def _gathered(
    named: Sequence[Input], parameters: Mapping[str, Any], names: Sequence[str]
) -> InputGroup:
    """Return inputs as one dictionary, where their names are none of the call's arguments."""
    both = next((item.name for item in named if item.name in parameters), None)
    if both is not None or len(names) != 1:
        wrong = next(item.name for item in named if item.name not in parameters)
        raise InputError(
            f"input {wrong!r} is no argument of the model's call; it takes {', '.join(parameters)}"
        )
    items: dict[int | str, Input] = {item.name or "": replace(item, name=None) for item in named}
    return InputGroup(items=items)


def _check_complete(
    model: Any, given: Sequence[Input], names: Sequence[str], parameters: Mapping[str, Any]
) -> None:
    """Refuse inputs that leave an argument open, or one too many."""
    told = {item.name for item in given if item.name}
    unnamed = sum(not item.name for item in given)
    free = [name for name in names if name not in told]
    if unnamed > len(free) and not any(
        one.kind is one.VAR_POSITIONAL for one in parameters.values()
    ):
        raise InputError(
            f"{len(given)} inputs were given and the call of {model.name!r} takes "
            f"{', '.join(names) or 'none'}; leave some out, or name them"
        )
    missing = [
        name for name in free[unnamed:] if parameters[name].default is inspect.Parameter.empty
    ]
    if missing:
        example = "1x224x224x3"
        several = " ".join(f"--input {name}={example}" for name in missing)
        alone = len(missing) == 1 and not given
        raise InputError(
            f"{model.name!r} ({type(model).__name__}) does not tell the shape of "
            + ("its inputs" if alone else f"its inputs {', '.join(missing)}")
            + f"; give it, as in {f'--input {example}' if alone else several}"
        )


def _fed(model: Any, given: Sequence[Input], names: Sequence[str]) -> Feed:
    """Return the call: symbolic tensors, values and containers of them."""
    from keras import KerasTensor

    tensors: dict[str, Any] = {}

    def tensor(path: str, spec: InputSpec) -> Any:
        name = path.removeprefix(".") or "inputs"
        tensors[name] = KerasTensor(spec.shape, dtype=spec.dtype or model.input_dtype, name=name)
        return tensors[name]

    def argument(item: Input, name: str) -> Any:
        match item:
            case InputSpec():
                return tensor(name, item)
            case InputGroup(items=items):
                by_key = len(names) == 1 and not all(isinstance(key, int) for key in items)
                return _plain(item).filled(tensor, "" if by_key else name)
            case InputValue():
                return item.value

    told = {item.name for item in given if item.name}
    free = iter([name for name in names if name not in told])
    args = tuple(argument(item, next(free, "inputs")) for item in given if not item.name)
    kwargs = {item.name: argument(item, item.name) for item in given if item.name}
    return Feed(args=args, kwargs=kwargs, tensors=tensors, dims={})


def _plain(group: InputGroup) -> InputGroup:
    """Let what only paths tell of be plain dictionaries, which Keras looks into."""
    items = {
        key: _plain(item) if isinstance(item, InputGroup) else item
        for key, item in group.items.items()
    }
    listed = all(isinstance(key, int) for key in items)
    return replace(group, items=items, like={} if group.like is None and not listed else group.like)


def _seen(model: Any, names: Sequence[str], request: Request) -> tuple[Input, ...]:
    """Return the shapes that a model was built with, as far as Keras has kept them."""
    kept = getattr(model, "_build_shapes_dict", None) or {}
    if list(kept) == ["input_shape"]:  # of the first argument, whatever it is called
        kept = {f"{name}_shape": kept["input_shape"] for name in names[:1]}
    found = []
    for key, shapes in kept.items():
        name = key.removesuffix("_shape")
        item = _of_shapes(model, name, shapes, request)
        if name in names and item is not None:
            found.append(replace(item, name=name))
    return tuple(found)


def _of_shapes(model: Any, path: str, shapes: Any, request: Request) -> Input | None:
    """Return the input of a shape, or of a nest of them; None for what is neither."""
    if isinstance(shapes, Mapping):
        parts = {
            key: _of_shapes(model, f"{path}.{key}", value, request) for key, value in shapes.items()
        }
        whole = {key: part for key, part in parts.items() if part is not None}
        return (
            InputGroup(items=whole, like=dict.fromkeys(whole)) if len(whole) == len(parts) else None
        )
    if not isinstance(shapes, (tuple, list)):
        return None
    if any(isinstance(part, (tuple, list, Mapping)) for part in shapes):
        items = {
            at: _of_shapes(model, f"{path}[{at}]", part, request) for at, part in enumerate(shapes)
        }
        whole = {at: item for at, item in items.items() if item is not None}
        return InputGroup(items=whole, like=list(shapes)) if len(whole) == len(items) else None
    # One that was built without open sizes was called with a batch of that size.
    open_sizes = tuple(shapes) if None in shapes else (None, *shapes[1:])
    spec = _open(open_sizes).resized(request.dims)
    spec = spec.resized({"batch": request.batch_size}, only_open=True)
    if None in spec.sizes:
        at = ", ".join(str(axis) for axis, size in enumerate(spec.sizes) if size is None)
        raise InputError(
            f"{model.name!r} ({type(model).__name__}) was built for {_text(shapes)}: nothing tells "
            f"the size of dimension {at} of {path}; give it with --input "
            f"{path}={_example(spec.sizes)}"
        )
    return spec


def _text(shape: Iterable[int | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape) or "scalar"


def _example(shape: Iterable[int | None]) -> str:
    return "x".join("SIZE" if size is None else str(size) for size in shape)
