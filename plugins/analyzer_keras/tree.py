"""The tree of a model's layers, the paths they have, and the parameters they hold."""

from __future__ import annotations

import re
from math import prod
from typing import Any

from analyzer import Kind, ModelBuilder
from analyzer.dtypes import storage_bytes

__all__ = ["LayerTree"]

_ROLES = {
    "beta": "offset",
    "bias": "bias",
    "depthwise_kernel": "kernel",
    "embeddings": "embedding",
    "gamma": "scale",
    "moving_mean": "running mean",
    "moving_variance": "running variance",
    "pointwise_kernel": "kernel",
    "recurrent_kernel": "recurrent kernel",
    "reverse_embeddings": "kernel",
}
"""What a variable is by its Keras name; another name is a role itself."""

_FLAX_ROLES = {
    "bias": "bias",
    "embedding": "embedding",
    "kernel": "kernel",
    "mean": "running mean",
    "scale": "scale",
    "var": "running variance",
}
"""What a variable is by the last of its keys in Flax; in other code of JAX it could be anything."""

_QUANTISED = ("awq", "gptq", "int4", "int8")
"""Ways in which Keras stores what was learned in fewer bits, no longer to be trained."""


class LayerTree:
    """Declares layers and parameters to a builder, and finds them again.

    A layer's path is the names of the layers around it and its own, joined by ``/``. A layer that
    can be reached in several ways has the first one's path and the others as aliases.
    """

    def __init__(self, builder: ModelBuilder, root: Any, *, whole: Any) -> None:
        self.builder = builder
        self._root = root
        self._whole = whole
        self._paths: dict[int, str] = {}
        self._taken: set[str] = set()
        self._aliases: dict[str, list[str]] = {}
        self._variables: dict[int, str] = {}
        self._roles: dict[str, str] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._dtypes: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._kinds: dict[str, Kind] = {}
        self._kept: list[Any] = [root]  # an id means something only while its object lives
        self._layers: list[tuple[str, str | None, str, tuple[str, ...]]] = []
        self._visit(root, "", None)
        for path, parent, kind, held in self._layers:
            builder.layer(
                path,
                type=kind,
                parent=parent,
                parameters=held,
                aliases=self._aliases.get(path, ()),
            )

    def path(self, layer: Any, *, parent: str | None) -> str:
        """Return the path of a layer; one that only came up in the run is declared now."""
        known = self._paths.get(id(layer))
        if known is None:
            before = len(self._layers)
            self._visit(layer, self._free_path(parent or "", layer.name), parent or "")
            for path, above, kind, held in self._layers[before:]:
                self.builder.layer(path, type=kind, parent=above, parameters=held)
            known = self._paths[id(layer)]
        return known

    def known_path(self, layer: Any) -> str | None:
        """Return the path of a layer that is in the tree."""
        return self._paths.get(id(layer))

    def parameter_name(self, variable: Any) -> str | None:
        """Return the name of the parameter that a variable is."""
        return self._variables.get(id(variable))

    def role(self, parameter: str) -> str:
        """Return what a parameter is by its name."""
        return self._roles[parameter]

    def owner(self, parameter: str) -> str:
        """Return the path of the layer that holds a parameter first."""
        return self._owners[parameter]

    def kind(self, parameter: str) -> Kind:
        """Return whether a parameter is learned, a state or a constant."""
        return self._kinds[parameter]

    def elements(self, parameter: str) -> int:
        """Return the number of a parameter's elements."""
        return prod(self._shapes[parameter])

    def shape(self, parameter: str) -> tuple[int, ...]:
        """Return the shape of a parameter."""
        return self._shapes[parameter]

    def dtype(self, parameter: str) -> str:
        """Return the element type of a parameter."""
        return self._dtypes[parameter]

    def rank(self, parameter: str) -> int:
        """Return the number of a parameter's axes."""
        return len(self._shapes[parameter])

    def _visit(self, layer: Any, path: str, parent: str | None) -> None:
        self._paths[id(layer)] = path
        self._taken.add(path)
        self._kept.append(layer)
        parts = [layer, *(_below(layer) if self._whole(layer) else ())]
        held = [name for part in parts for name in self._declare(part, path)]
        self._layers.append((path, parent, type(layer).__name__, tuple(dict.fromkeys(held))))
        if len(parts) > 1 or self._whole(layer):
            return
        for child in _children(layer):
            known = self._paths.get(id(child))
            if known is None:
                self._visit(child, self._free_path(path, child.name), path)
            elif known != path:
                alias = f"{path}/{child.name}" if path else child.name
                self._aliases.setdefault(known, []).append(alias)

    def _declare(self, layer: Any, path: str) -> list[str]:
        """Declare a layer's own variables; return the names of their parameters."""
        learned = {id(variable) for variable in layer._trainable_variables}
        keys = _keys(layer)
        names = []
        for variable in (*layer._trainable_variables, *layer._non_trainable_variables):
            name = self._variables.get(id(variable))
            if name is None:
                key = keys.get(id(variable))
                name = self._free_name(path, key or variable.name)
                self._variables[id(variable)] = name
                self._kept.append(variable)
                self._roles[name] = (
                    _FLAX_ROLES.get(key.rpartition("/")[2], "") if key else _role(variable.name)
                )
                self._owners[name] = path
                optimized = id(variable) in learned and not variable.overwrite_with_gradient
                kind = Kind.LEARNABLE if optimized else _kind(layer, self._roles[name])
                self._kinds[name] = kind
                shape, dtype = _logical(layer, variable, kind)
                self._shapes[name] = shape
                self._dtypes[name] = dtype
                self.builder.parameter(
                    name,
                    shape=shape,
                    dtype=dtype,
                    kind=kind,
                    trainable=bool(variable.trainable and self._root.trainable),
                    stored_bytes=storage_bytes(prod(variable.shape), str(variable._dtype)),
                    role=self._roles[name],
                )
            names.append(name)
        return names

    def adopt(
        self, variable: Any, path: str, shape: tuple[int, ...], dtype: str, *, trainable: bool
    ) -> str:
        """Declare a variable of the backend's own, which Keras does not know of; return its name.

        ``path`` is that of the layer whose code reads it.
        """
        known = self._variables.get(id(variable))
        if known is not None:
            return known
        own = str(variable.name).partition(":")[0]
        name = self._variables[id(variable)] = self._free_name(path, own)
        self._kept.append(variable)
        self._roles[name], self._owners[name] = _role(own), path
        self._kinds[name] = Kind.LEARNABLE if trainable else Kind.STATE
        self._shapes[name], self._dtypes[name] = shape, dtype
        self.builder.parameter(
            name, shape=shape, dtype=dtype, kind=self._kinds[name], role=self._roles[name]
        )
        return name

    def _free_path(self, parent: str, name: str) -> str:
        wanted = f"{parent}/{name}" if parent else name
        return _unused(wanted, self._taken)

    def _free_name(self, path: str, name: str) -> str:
        wanted = f"{path}/{name}" if path else name
        return _unused(wanted, self._shapes)


def _keys(layer: Any) -> dict[int, str]:
    """Return the names of variables that are made of JAX's arrays: their keys in their nest."""
    from keras.layers import JaxLayer

    if not isinstance(layer, JaxLayer):
        return {}
    from jax.tree_util import keystr, tree_leaves_with_path

    found = tree_leaves_with_path((layer.params, layer.state))
    keys = {id(leaf): keystr(path[1:], simple=True, separator="/") for path, leaf in found}
    return {at: key.removeprefix("params/") for at, key in keys.items()}


def _children(layer: Any) -> list[Any]:
    """Return a layer's sublayers in the order of the model, each once."""
    ordered = list(getattr(layer, "layers", ())) if hasattr(layer, "_operations") else []
    return list({id(child): child for child in (*ordered, *layer._layers)}.values())


def _below(layer: Any) -> list[Any]:
    found = []
    for child in _children(layer):
        found += [child, *_below(child)]
    return found


def _unused(wanted: str, taken: Any) -> str:
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    return name


def _kind(layer: Any, role: str) -> Kind:
    """Say what a variable that no optimizer changes is.

    Scales of float8, and the extremes seen of late, are overwritten in training and count as state.
    The kernel of a layer of quantised weights is still what was learned; the scales and zero points
    that belong to it are constants. Other layers update such variables while they are trained.
    """
    if getattr(layer, "quantization_mode", None) not in _QUANTISED:
        return Kind.STATE
    return Kind.LEARNABLE if role in ("kernel", "embedding") else Kind.CONSTANT


def _logical(layer: Any, variable: Any, kind: Kind) -> tuple[tuple[int, ...], str]:
    """Return shape and type of a variable; of 4-bit weights packed in bytes, as if unpacked."""
    shape, dtype = tuple(variable.shape), str(variable._dtype)
    mode = getattr(layer, "quantization_mode", None)
    if kind is Kind.LEARNABLE and dtype == "uint8" and mode in ("awq", "gptq"):
        rows = getattr(layer, f"{mode}_unpacked_column_size", getattr(layer, "units", shape[0]))
        return ((rows, *shape[1:]), "int4") if rows != shape[0] else (shape, dtype)
    if kind is Kind.LEARNABLE and dtype == "int8" and mode == "int4":
        for named in ("_orig_output_dim", "_int4_unpacked_column_size"):
            width = getattr(layer, named, 0)
            packed = [axis for axis, size in enumerate(shape) if size == (width + 1) // 2]
            if width and packed:  # the last one, but in a table that is kept transposed
                axis = packed[-1]
                return (*shape[:axis], width, *shape[axis + 1 :]), "int4"
    return shape, dtype


def _role(name: str) -> str:
    """Say what a variable is by its name; one that Keras named itself could be anything."""
    if re.fullmatch(r"variable(_\d+)?", name):
        return ""
    return _ROLES.get(name, name.replace("_", " "))
