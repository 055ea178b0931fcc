"""The inputs of a graph, made concrete by what the user said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer import InputError, InputSpec, Request, open_spec, tensors_in
from analyzer.dtypes import is_floating
from analyzer_tensorflow.graphs import Place

__all__ = ["concrete_places"]


def concrete_places(
    places: Sequence[Place], request: Request
) -> tuple[list[tuple[Place, tuple[int, ...], Any]], dict[str, int]]:
    """Give every input its sizes, from ``--input``, ``--dim``, the batch size or the graph.

    With them come the sizes of open dimensions of inputs that were not given whole, by name.

    A single integer or truth value that was given comes with it: it may decide a branch.

    Raises:
        InputError: a name, a rank, a size or a type does not fit, or a size stays open.
    """
    said = _assigned(places, request.flat_inputs())
    specs = {place.name: open_spec(place.shape or ()) for place in places if place.name not in said}
    sized, dims = request.sized(specs.values())
    told = dict(zip(specs, tensors_in(sized), strict=True))
    made = []
    missing = []
    for place in places:
        spec = said.get(place.name)
        if spec is not None:
            _check(place, spec)
            made.append((place, spec.shape, _lone_value(spec)))
        elif place.shape is None or None in told[place.name].sizes:
            missing.append((place, None if place.shape is None else told[place.name].sizes))
        else:
            made.append((place, told[place.name].shape, None))
    if missing:
        flags = " ".join(f"--input {place.name}={_example(sizes)}" for place, sizes in missing)
        listed = ", ".join(str(place) for place, _ in missing)
        raise InputError(f"open dimensions of inputs have no size: {listed}; give {flags}")
    return made, dims


def _example(sizes: tuple[int | None, ...] | None) -> str:
    if sizes is None:
        return "NxN"
    return "x".join("N" if size is None else str(size) for size in sizes)


def _assigned(places: Sequence[Place], specs: Sequence[InputSpec]) -> dict[str, InputSpec]:
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
            f"{', '.join(names) or 'none'}; leave some out"
        )
    return said | dict(zip(rest, unnamed, strict=False))


def _check(place: Place, spec: InputSpec) -> None:
    if spec.dtype is not None and spec.dtype != place.dtype:
        raise InputError(
            f"input {place.name!r}: the model takes {place.dtype} and {spec.dtype} came; convert "
            "it, or leave the type out"
        )
    if place.shape is None:
        return
    fits = len(place.shape) == len(spec.shape) and all(
        size in (None, given) for size, given in zip(place.shape, spec.shape, strict=True)
    )
    if not fits:
        raise InputError(
            f"input {place.name!r}: the model takes {place} and {spec} came; give sizes that fit, "
            "or save the model with open ones"
        )


def _lone_value(spec: InputSpec) -> Any:
    import numpy as np

    if spec.value is None or spec.shape not in ((), (1,)) or is_floating(spec.dtype or ""):
        return None
    return np.asarray(spec.value)
