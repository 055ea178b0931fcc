"""What a user can say of a model's inputs, and the one form that importers get it in."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import Any, Protocol, TypeAlias, TypeGuard

from analyzer.dtypes import BITS
from analyzer.errors import InputError

__all__ = [
    "Input",
    "InputGroup",
    "InputSpec",
    "InputValue",
    "flat_inputs",
    "nested_inputs",
    "normalize_inputs",
    "parse_input",
    "parse_value",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """One tensor among the inputs as far as the user described it.

    Attributes:
        name: which input, None for "the next one".
        shape: its sizes.
        dtype: its element type, None to let the model decide.
        value: the array or tensor itself where one was given.
    """

    name: str | None = None
    shape: tuple[int, ...]
    dtype: str | None = None
    value: Any = None

    def __str__(self) -> str:
        text = "x".join(map(str, self.shape)) or "scalar"
        named = f"{self.name}={text}" if self.name else text
        return f"{named}:{self.dtype}" if self.dtype else named


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
            inner = _path(path, key)
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


_INPUT = re.compile(r"(?:(?P<name>[^=]+)=)?(?P<shape>scalar|\d+(?:[x,]\d+)*)(?::(?P<dtype>\w+))?")
_VALUE = re.compile(r"(?P<name>[^=]*):=(?P<value>.+)", re.DOTALL)
_WORDS = {"false": False, "none": None, "null": None, "true": True}
_STEP = re.compile(r"\.(?P<field>[^.\[\]]+)|\[(?P<key>[^\[\]]+)\]")
_PLAIN = (bool, int, float, complex, str, bytes, Enum, type(None))


def parse_input(text: str) -> InputSpec | InputValue:
    """Read an input from the command line.

    ``1x3x224x224`` and ``tokens=1x128:int64`` are tensors, ``use_cache:=False`` is a value.

    Raises:
        InputError: the text is none of them.

    >>> parse_input("tokens=1x128:int64")
    InputSpec(name='tokens', shape=(1, 128), dtype='int64', value=None)
    >>> parse_input("use_cache:=False")
    InputValue(name='use_cache', value=False)
    """
    text = text.strip()
    value = _VALUE.fullmatch(text)
    if value is not None:
        return InputValue(name=value["name"] or None, value=parse_value(value["value"]))
    match = _INPUT.fullmatch(text)
    if match is None:
        raise InputError(
            f"input {text!r} is not understood; write [name=]sizes[:dtype], "
            "as in 1x3x224x224 or tokens=1x128:int64, or name:=value, as in use_cache:=False"
        )
    sizes = match["shape"]
    shape = () if sizes == "scalar" else tuple(int(size) for size in re.split("[x,]", sizes))
    return InputSpec(name=match["name"], shape=shape, dtype=_known(match["dtype"], text))


def parse_value(text: str) -> object:
    """Read a value from the command line: a Python literal, else true, false, null or a string.

    >>> parse_value("[4, 7]"), parse_value("false"), parse_value("same")
    ([4, 7], False, 'same')
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return _WORDS.get(text.lower(), text)


def normalize_inputs(inputs: object) -> tuple[Input, ...]:
    """Bring what the library was given into one form: a tuple of the arguments of a call.

    A tuple or list is several inputs in order, a mapping several by name; a sequence of integers
    is a shape, and so is a string that :func:`parse_input` would take for one. An input is an array
    or tensor, a shape, a number, a string, None, or a container of inputs: a tuple, list, mapping
    or dataclass, to any depth. Whatever stands in an :class:`InputValue` is passed as it is.

    Raises:
        InputError: something else came.

    >>> [str(spec) for spec in normalize_inputs({"tokens": (1, 128), "flag": True})]
    ['tokens=1x128', 'flag:=True']
    >>> [str(spec) for spec in normalize_inputs({"images": [(3, 8, 8), (3, 6, 8)]})]
    ['images=[3x8x8, 3x6x8]']
    """
    if inputs is None:
        return ()
    if isinstance(inputs, Mapping) and not is_dataclass(inputs):
        return tuple(_named(_input(item, str(key)), str(key)) for key, item in inputs.items())
    if isinstance(inputs, (tuple, list)) and not (_is_record(inputs) or _is_shape(inputs)):
        return tuple(_input(item, f"[{index}]") for index, item in enumerate(inputs))
    return (_input(inputs, ""),)


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
        _named(_grown(trees[one], one), one) if isinstance(one, str) else one for one in ordered
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
                        f"{_called(path)} is {value!r}, and this model takes tensors only; give "
                        "an array or a shape, or leave it out"
                    )
    return tuple(flat)


def _leaves(item: Input, path: str) -> Iterator[tuple[str, InputSpec | InputValue]]:
    if isinstance(item, InputGroup):
        for key, inner in item.items.items():
            yield from _leaves(inner, _path(path, key))
    else:
        yield path, item


def _input(value: Any, path: str) -> Input:
    """Describe what was given at a path; the name is for whoever holds it to say."""
    if isinstance(value, (InputSpec, InputValue, InputGroup)):
        return value
    if isinstance(value, str) and _INPUT.fullmatch(value):
        return parse_input(value)
    if isinstance(value, _PLAIN):
        return InputValue(value=value)
    if _is_record(value):
        return _group(value._asdict().items(), value, path)
    if isinstance(value, (tuple, list)):
        if _is_shape(value):
            return InputSpec(shape=_sizes(value, path))
        return _group(enumerate(value), value, path)
    if isinstance(value, Mapping):
        return _group(value.items(), value, path)
    shape = _shape_of(value, path)
    if shape is not None and hasattr(value, "dtype"):
        dtype = str(value.dtype).rpartition(".")[2]
        return InputSpec(shape=shape, dtype=_known(dtype, path or "input"), value=value)
    if is_dataclass(value) and not isinstance(value, type):
        named = ((field.name, getattr(value, field.name)) for field in fields(value))
        return _group(named, value, path)
    raise InputError(
        f"{_called(path)} is of type {type(value).__name__}; give an array, a tensor, a shape such "
        "as (1, 3, 224, 224), a tuple, dict or dataclass of them, or analyzer.InputValue(value=…) "
        "around what is to be passed as it is"
    )


def _group(items: Iterable[tuple[Any, Any]], like: Any, path: str) -> InputGroup:
    return InputGroup(items={key: _input(item, _path(path, key)) for key, item in items}, like=like)


def _named(item: Input, name: str) -> Input:
    return replace(item, name=name)


def _contained(made: dict[Any, Any], like: Any) -> Any:
    """Put items into a container of the user's kind; theirs is left as it was."""
    if like is None:
        indices = all(isinstance(key, int) for key in made)
        return list(made.values()) if indices else _Place(made)
    if _is_record(like):
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


def _path(path: str, key: object) -> str:
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
        given = ", ".join(_path(path, key) for key in tree)
        raise InputError(
            f"input {path!r} is given as {given}; give a list every place from 0, or only names"
        )
    return InputGroup(
        items={
            key: _grown(tree[key], _path(path, key)) if isinstance(tree[key], dict) else tree[key]
            for key in (sorted(indices) or tree)
        }
    )


def _called(path: str) -> str:
    return f"input {path!r}" if path else "an input"


def _shape_of(value: Any, path: str) -> tuple[int, ...] | None:
    """Return the sizes of an array, None of what has no shape."""
    try:
        shape = getattr(value, "shape", None)
        return None if shape is None else tuple(int(size) for size in shape)
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"{_called(path)}, of type {type(value).__name__}, has no shape of plain sizes; give "
            "one that has, such as a padded tensor"
        ) from error


def _is_record(value: object) -> TypeGuard[_Record]:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _is_shape(value: Sequence[object]) -> bool:
    """Say whether these are sizes; None among them is one that is open."""
    sizes = [size for size in value if size is not None]
    whole = all(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
    return whole and (bool(sizes) or value == ())


def _sizes(value: Sequence[Any], path: str) -> tuple[int, ...]:
    wrong = [size for size in value if size is None or size < 0]
    if wrong:
        raise InputError(
            f"{_called(path)} has the size {wrong[0]} in {tuple(value)}; give every dimension a "
            "size, open ones too"
        )
    return tuple(int(size) for size in value)


def _known(dtype: str | None, where: str) -> str | None:
    if dtype is not None and dtype not in BITS:
        raise InputError(
            f"input {where!r}: dtype {dtype!r} is not known; known are {', '.join(sorted(BITS))}"
        )
    return dtype
