"""The inputs of a model as importers get them: tensors, values and containers of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, TypeGuard

from analyzer.errors import InputError

__all__ = [
    "OPEN",
    "Input",
    "InputGroup",
    "InputSpec",
    "InputValue",
    "called",
    "flat_inputs",
    "is_record",
    "named",
    "nested_inputs",
    "open_spec",
    "path_to",
    "resized",
    "tensors_in",
]

OPEN = -1
"""In a shape: the size is not told yet, only its name is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """One tensor among the inputs as far as the user described it.

    Attributes:
        name: which input, None for "the next one".
        shape: its sizes; :data:`OPEN` for one that only its name tells yet, which no importer sees.
        dtype: its element type, None to let the model decide.
        value: the array or tensor itself where one was given.
        axes: names of its dimensions, "" for one without; empty where none has a name. A size with
            a name can be another: see :meth:`resized`.
    """

    name: str | None = None
    shape: tuple[int, ...]
    dtype: str | None = None
    value: Any = None
    axes: tuple[str, ...] = ()

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """Its sizes, None for one that is open."""
        return tuple(None if size == OPEN else size for size in self.shape)

    @property
    def named_sizes(self) -> Mapping[str, int]:
        """The sizes of the dimensions that have a name."""
        return {axis: size for axis, size in zip(self.axes, self.shape, strict=False) if axis}

    def resized(self, sizes: Mapping[str, int], *, only_open: bool = False) -> InputSpec:
        """Return it with other sizes for the dimensions that are called so, or for open ones only.

        A value of another size is left out.

        >>> image = InputSpec(shape=(1, 3, 8, 8), axes=("batch", "channels", "height", "width"))
        >>> str(image.resized({"height": 6, "batch": 2, "steps": 5}))
        '2x3x6x8'
        """
        shape = tuple(
            sizes.get(axis, size) if size == OPEN or not only_open else size
            for axis, size in zip(self.axes, self.shape, strict=False)
        )
        if not self.axes or shape == self.shape:
            return self
        return replace(self, shape=shape, value=None)

    def __str__(self) -> str:
        axes = self.axes or ("",) * len(self.shape)
        sizes = (
            f"{{{axis or '?'}}}" if size == OPEN else str(size)
            for axis, size in zip(axes, self.shape, strict=True)
        )
        text = "x".join(sizes) or "scalar"
        whole = f"{self.name}={text}" if self.name else text
        return f"{whole}:{self.dtype}" if self.dtype else whole


@dataclass(frozen=True, slots=True, kw_only=True)
class InputValue:
    """An input that is no tensor and is passed as it is: a flag, a number, a string, None.

    Attributes:
        name: which input, None for "the next one".
        value: any Python object.
    """

    name: str | None = None
    value: Any

    def __str__(self) -> str:
        return f"{self.name or ''}:={self.value!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputGroup:
    """Inputs in one container: a list, a mapping, a record.

    Attributes:
        name: which input, None for "the next one".
        items: what is in it, by index, key or field; these inputs have no names of their own.
        like: the container that the user gave, None where only the paths of the items were.
    """

    name: str | None = None
    items: Mapping[int | str, Input]
    like: Any = None

    def __str__(self) -> str:
        inside = ", ".join(
            str(item) if isinstance(key, int) else f"{key}: {item}"
            for key, item in self.items.items()
        )
        text = f"[{inside}]" if all(isinstance(key, int) for key in self.items) else f"{{{inside}}}"
        return f"{self.name}={text}" if self.name else text

    def filled(self, fill: Callable[[str, InputSpec], Any], path: str) -> Any:
        """Return a container like the user's, with what ``fill`` makes of each path and tensor.

        >>> group = InputGroup(items={0: InputSpec(shape=(2, 3)), 1: InputValue(value=True)})
        >>> group.filled(lambda path, spec: (path, spec.shape), "images")
        [('images[0]', (2, 3)), True]
        """
        made: dict[Any, Any] = {}
        for key, item in self.items.items():
            inner = path_to(path, key)
            match item:
                case InputGroup():
                    made[key] = item.filled(fill, inner)
                case InputSpec():
                    made[key] = fill(inner, item)
                case InputValue():
                    made[key] = item.value
        return _contained(made, self.like)


Input: TypeAlias = InputSpec | InputValue | InputGroup


class _Place(dict[str, Any]):
    """A mapping made of paths: nobody said whether its items are keys or attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class _Record(Protocol):
    """What all namedtuples have."""

    def _asdict(self) -> dict[str, Any]: ...


_STEP = re.compile(r"\.(?P<field>[^.\[\]]+)|\[(?P<key>[^\[\]]+)\]")


def nested_inputs(inputs: Iterable[Input]) -> tuple[Input, ...]:
    """Gather inputs that are named by paths into the groups that the paths tell of.

    ``images[0]`` and ``images[1]`` become a list ``images``; ``batch.mask`` (or ``batch[mask]``)
    a part of ``batch``, which can then be asked by key and by attribute.

    Raises:
        InputError: two paths do not go together, or a list has gaps.

    >>> specs = [InputSpec(name=f"images[{index}]", shape=(3, 8, 8)) for index in range(2)]
    >>> [str(group) for group in nested_inputs(specs)]
    ['images=[3x8x8, 3x8x8]']
    """
    trees: dict[str, dict[Any, Any]] = {}
    ordered: list[Input | str] = []
    for item in inputs:
        root, steps = _steps(item.name or "")
        if not steps:
            ordered.append(item)
            continue
        if root not in trees:
            ordered.append(root)
        _hang(trees.setdefault(root, {}), steps, item)
    for one in ordered:
        if not isinstance(one, str) and one.name in trees:
            raise InputError(f"input {one.name!r} is given as a whole and in parts; give it once")
    return tuple(
        named(_grown(trees[one], one), one) if isinstance(one, str) else one for one in ordered
    )


def flat_inputs(inputs: Iterable[Input]) -> tuple[InputSpec, ...]:
    """Return the tensors alone, for models whose inputs are not nested.

    What is in a group is named by its path; where the group has no name, by its key, or not at all
    in a list. A number becomes a tensor without dimensions.

    Raises:
        InputError: an input is no tensor.

    >>> group = InputGroup(items={"tokens": InputSpec(shape=(1, 8))})
    >>> [str(spec) for spec in flat_inputs([group, InputValue(name="steps", value=3)])]
    ['tokens=1x8', 'steps=scalar:int64']
    """
    flat: list[InputSpec] = []
    for item in inputs:
        for path, leaf in _leaves(item, item.name or ""):
            name = path.removeprefix(".") or None
            if name is not None and name.startswith("["):  # a place in a list without a name
                name = None
            match leaf:
                case InputSpec():
                    flat.append(replace(leaf, name=name))
                case InputValue(value=bool() | int() | float() as value):
                    dtype = {bool: "bool", int: "int64", float: "float32"}.get(type(value))
                    flat.append(InputSpec(name=name, shape=(), dtype=dtype, value=value))
                case InputValue(value=value):
                    raise InputError(
                        f"{called(path)} is {value!r}, and this model takes tensors only; give "
                        "an array or a shape, or leave it out"
                    )
    return tuple(flat)


def _leaves(item: Input, path: str) -> Iterator[tuple[str, InputSpec | InputValue]]:
    if isinstance(item, InputGroup):
        for key, inner in item.items.items():
            yield from _leaves(inner, path_to(path, key))
    else:
        yield path, item


def tensors_in(inputs: Iterable[Input]) -> Iterator[InputSpec]:
    """Yield the tensors among inputs, those in containers too."""
    for item in inputs:
        for _, leaf in _leaves(item, ""):
            if isinstance(leaf, InputSpec):
                yield leaf


def resized(item: Input, sizes: Mapping[str, int], *, only_open: bool = False) -> Input:
    """Return an input with other sizes, as :meth:`InputSpec.resized` does, in containers too."""
    match item:
        case InputSpec():
            return item.resized(sizes, only_open=only_open)
        case InputGroup(items=items):
            inner = {key: resized(one, sizes, only_open=only_open) for key, one in items.items()}
            return replace(item, items=inner)
        case InputValue():
            return item


def open_spec(
    sizes: Sequence[int | None],
    *,
    name: str | None = None,
    dtype: str | None = None,
    channels_first: bool = False,
) -> InputSpec:
    """Describe an input with open sizes that the framework gives no names.

    They are called as in images, clips and sequences of that many dimensions.

    >>> str(open_spec((None, None, None, 3))), str(open_spec((1, None), name="tokens"))
    ('{batch}x{height}x{width}x3', 'tokens=1x{sequence}')
    """
    rank = len(sizes)
    usual = ("batch", *(("sequence", "features")[: rank - 1] if rank < 4 else ()))
    if rank in (4, 5):
        moving = ("frames", "height", "width")[5 - rank :]
        usual = ("batch", "channels", *moving) if channels_first else ("batch", *moving, "channels")
    names = (*usual, *("",) * rank)[:rank]
    axes = tuple(axis if size is None else "" for axis, size in zip(names, sizes, strict=True))
    return InputSpec(
        name=name,
        shape=tuple(OPEN if size is None else size for size in sizes),
        dtype=dtype,
        axes=axes if any(axes) else (),
    )


def named(item: Input, name: str) -> Input:
    """Return an input under another name."""
    return replace(item, name=name)


def _contained(made: dict[Any, Any], like: Any) -> Any:
    """Put items into a container of the user's kind; theirs is left as it was."""
    if like is None:
        indices = all(isinstance(key, int) for key in made)
        return list(made.values()) if indices else _Place(made)
    if is_record(like):
        return type(like)(**made)
    if isinstance(like, (tuple, list)):
        return tuple(made.values()) if isinstance(like, tuple) else list(made.values())
    if not isinstance(like, Mapping):
        record = copy(like)
        for key, item in made.items():
            object.__setattr__(record, key, item)  # a frozen one, too
        return record
    try:
        mapping: Any = copy(like)
        for key, item in made.items():
            mapping[key] = item
    except TypeError:  # one that cannot be copied or changed
        return made
    return mapping


def path_to(path: str, key: object) -> str:
    """Return the path of what a container holds under a key.

    >>> path_to("images", 0), path_to("batch", "mask"), path_to("batch", "a.b")
    ('images[0]', 'batch.mask', 'batch[a.b]')
    """
    plain = isinstance(key, str) and not re.search(r"[.\[\]]", key)
    return f"{path}.{key}" if plain else f"{path}[{key}]"


def _steps(name: str) -> tuple[str, list[int | str]]:
    """Split a path into its root and its steps; a name that is no path is all root."""
    root = re.split(r"[.\[]", name, maxsplit=1)[0]
    rest = name[len(root) :]
    found = list(_STEP.finditer(rest))
    if not root or "".join(step[0] for step in found) != rest:
        return name, []
    return root, [
        int(step["key"]) if (step["key"] or "").isdecimal() else step["field"] or step["key"]
        for step in found
    ]


def _hang(tree: dict[Any, Any], steps: Sequence[int | str], item: Input) -> None:
    place: Any = tree
    *way, last = steps
    for step in way:
        place = place.setdefault(step, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict) or last in place:
        raise InputError(f"input {item.name!r} is given as a whole and in parts; give it once")
    place[last] = replace(item, name=None)


def _grown(tree: dict[Any, Any], path: str) -> InputGroup:
    indices = [key for key in tree if isinstance(key, int)]
    if indices and (len(indices) < len(tree) or sorted(indices) != list(range(len(tree)))):
        given = ", ".join(path_to(path, key) for key in tree)
        raise InputError(
            f"input {path!r} is given as {given}; give a list every place from 0, or only names"
        )
    return InputGroup(
        items={
            key: _grown(tree[key], path_to(path, key)) if isinstance(tree[key], dict) else tree[key]
            for key in (sorted(indices) or tree)
        }
    )


def called(path: str) -> str:
    """Return what to call an input in a message."""
    return f"input {path!r}" if path else "an input"


def is_record(value: object) -> TypeGuard[_Record]:
    """Say whether a value is a namedtuple."""
    return isinstance(value, tuple) and hasattr(value, "_fields")
