"""A mutable helper with which importers make an :class:`analyzer.ir.Model`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from analyzer.dtypes import storage_bytes
from analyzer.errors import ModelError
from analyzer.ir import Allocation, Bound, Kind, Layer, Model, Node, Parameter, Tensor

if TYPE_CHECKING:
    from analyzer.ops.base import Operation

__all__ = ["ModelBuilder", "Use"]


class Use(NamedTuple):
    """How a node uses a parameter.

    Attributes:
        name: the parameter's.
        role: what it is to the operation, such as ``"kernel"`` (see ``Operation.roles``).
        axes: names of its axes in stored order, where they are known.
    """

    name: str
    role: str
    axes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Layer:
    path: str
    parent: str | None
    type: str
    parameters: list[str]
    aliases: tuple[str, ...]
    origin: str
    calls: int = 0
    outputs: tuple[Tensor, ...] = ()


@dataclass(slots=True)
class _Stored:
    """A parameter while something may still be said of it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: Kind
    trainable: bool
    role: str
    axes: tuple[str, ...]
    storage: int
    stored_bytes: int
    active_elements: int
    assumed: bool


@dataclass(slots=True)
class ModelBuilder:
    """Collects layers, parameters and nodes, and builds the frozen model at the end.

    Layers are declared parents first, parameters before their use. A parameter gets its role from
    its first use; one that belongs to no layer is given to the layer that first uses it.

    >>> from analyzer.ops import Linear
    >>> builder = ModelBuilder(name="tiny", framework="mine", framework_version="1", source="here")
    >>> builder.layer("", type="Model")
    >>> builder.layer("dense", type="Dense", parent="")
    >>> builder.parameter("dense.w", shape=(4, 3), dtype="float32")
    >>> x = builder.tensor((1, 4), "float32")
    >>> y = builder.tensor((1, 3), "float32")
    >>> builder.add(Linear(rows=1, in_features=4, out_features=3, bias=False), inputs=[x],
    ...             outputs=[y], uses=[Use("dense.w", "kernel")], layer="dense", native="matmul")
    >>> builder.build(inputs=[x], outputs=[y]).parameters[0].role
    'kernel'
    """

    name: str
    framework: str
    framework_version: str
    source: str
    _layers: dict[str, _Layer] = field(default_factory=dict)
    _parameters: dict[str, _Stored] = field(default_factory=dict)
    _owned: set[str] = field(default_factory=set)
    _used: set[str] = field(default_factory=set)
    _nodes: list[Node] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)
    _storages: int = 0

    def layer(
        self,
        path: str,
        *,
        type: str,  # the field's own word, as in the JSON
        parent: str | None = None,
        parameters: Iterable[str] = (),
        aliases: Iterable[str] = (),
        origin: str = "",
    ) -> None:
        """Declare a layer; its parent comes first. ``origin`` is the module that defines its type.

        Raises:
            ModelError: the path is taken, or the parent was not declared.
        """
        if path in self._layers:
            raise ModelError(f"layer {path!r} is declared twice; paths are unique in a model")
        if parent is not None and parent not in self._layers:
            raise ModelError(f"layer {path!r}: its parent {parent!r} is not declared before it")
        held = list(parameters)
        self._owned.update(held)
        self._layers[path] = _Layer(path, parent, type, held, tuple(aliases), origin)

    def called(self, path: str, outputs: Iterable[Tensor] = (), *, times: int = 1) -> None:
        """Note that a layer ran, how many times, and what it gave."""
        layer = self._layers[path]
        layer.calls += times
        layer.outputs = tuple(outputs)

    def storage(self) -> int:
        """Return the number of a new storage."""
        self._storages += 1
        return self._storages

    def tensor(
        self, shape: Iterable[int], dtype: str, *, storage: int | None = None, name: str = ""
    ) -> Tensor:
        """Make a tensor, in a storage of its own unless it is given one."""
        return Tensor(
            shape=tuple(shape),
            dtype=dtype,
            storage=self.storage() if storage is None else storage,
            name=name,
        )

    def parameter(
        self,
        name: str,
        *,
        shape: Iterable[int],
        dtype: str,
        kind: Kind = Kind.LEARNABLE,
        trainable: bool = True,
        storage: int | None = None,
        stored_bytes: int | None = None,
        active_elements: int | None = None,
        role: str = "",
        assumed: bool = False,
    ) -> None:
        """Declare a stored tensor. A tensor shared by several layers is declared once.

        ``role`` is for one that no operation may come to read, such as a counter of batches; the
        role of its first use takes its place.

        Raises:
            ModelError: the name is taken.
        """
        if name in self._parameters:
            raise ModelError(f"parameter {name!r} is declared twice; names are unique in a model")
        shape = tuple(shape)
        elements = prod(shape)
        self._parameters[name] = _Stored(
            name=name,
            shape=shape,
            dtype=dtype,
            kind=kind,
            trainable=trainable and kind is Kind.LEARNABLE,
            role=role,
            axes=(),
            storage=self.storage() if storage is None else storage,
            stored_bytes=storage_bytes(elements, dtype) if stored_bytes is None else stored_bytes,
            active_elements=elements if active_elements is None else active_elements,
            assumed=assumed,
        )

    def storage_of(self, name: str) -> int:
        """Return the storage of a declared parameter, for tensors that are views of it."""
        return self._parameters[name].storage

    def touched(self, name: str, elements: int) -> None:
        """Say how many elements of a parameter one token touches, where only a run has shown it."""
        self._parameters[name].active_elements = elements

    def learned(self, name: str) -> None:
        """Say that a stored tensor is a weight, where only its use has shown it."""
        stored = self._parameters[name]
        stored.kind, stored.trainable, stored.assumed = Kind.LEARNABLE, False, True

    def add(
        self,
        operation: Operation,
        *,
        inputs: Iterable[Tensor],
        outputs: Iterable[Tensor],
        native: str,
        uses: Iterable[Use] = (),
        layer: str = "",
        bound: Bound = Bound.EXACT,
    ) -> None:
        """Append an executed operation.

        ``bound`` says what its sizes are to the true ones, where nobody can tell these beforehand.

        Raises:
            ModelError: it uses a parameter, or ran in a layer, that was not declared.
        """
        if layer not in self._layers:
            raise ModelError(f"operation {native!r} ran in layer {layer!r}, which is not declared")
        names = []
        for use in uses:
            self._describe(use, layer)
            names.append(use.name)
        self._nodes.append(
            Node(
                operation=operation,
                inputs=tuple(inputs),
                outputs=tuple(outputs),
                parameters=tuple(names),
                layer=layer,
                native=native,
                bound=bound,
            )
        )

    @contextmanager
    def body(self) -> Iterator[list[Node]]:
        """Collect the nodes added inside, for a loop or branch, instead of appending them."""
        outer, self._nodes = self._nodes, []
        try:
            yield self._nodes
        finally:
            self._nodes = outer

    def extend(self, nodes: Iterable[Node]) -> None:
        """Append nodes that were collected before, by :meth:`body`."""
        self._nodes.extend(nodes)

    def note(self, text: str) -> None:
        """Add what a reader of the numbers should know; the same words are kept once."""
        if text not in self._notes:
            self._notes.append(text)

    def build(
        self,
        *,
        inputs: Iterable[Tensor],
        outputs: Iterable[Tensor],
        allocations: Iterable[Allocation] | None = None,
        dims: Mapping[str, int] | None = None,
        graph: bool = True,
    ) -> Model:
        """Return the finished model; ``graph=False`` says that only parameters were to be had.

        ``dims`` are the sizes of the inputs that could be others, by name.
        """
        root = next(iter(self._layers), None)
        for name in self._parameters:
            if name not in self._owned and root is not None:
                self._layers[root].parameters.append(name)
        return Model(
            name=self.name,
            framework=self.framework,
            framework_version=self.framework_version,
            source=self.source,
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            layers=tuple(
                Layer(
                    path=layer.path,
                    parent=layer.parent,
                    type=layer.type,
                    calls=layer.calls,
                    parameters=tuple(layer.parameters),
                    outputs=layer.outputs,
                    aliases=layer.aliases,
                    origin=layer.origin,
                )
                for layer in self._layers.values()
            ),
            parameters=tuple(
                [
                    Parameter(
                        name=stored.name,
                        shape=stored.shape,
                        dtype=stored.dtype,
                        kind=stored.kind,
                        trainable=stored.trainable,
                        role=stored.role,
                        axes=stored.axes,
                        storage=stored.storage,
                        stored_bytes=stored.stored_bytes,
                        active_elements=stored.active_elements,
                        assumed=stored.assumed,
                    )
                    for stored in self._parameters.values()
                ]
            ),
            nodes=tuple(self._nodes) if graph else None,
            notes=tuple(self._notes),
            allocations=None if allocations is None else tuple(allocations),
            dims=dict(dims or {}),
        )

    def _describe(self, use: Use, layer: str) -> None:
        known = self._parameters.get(use.name)
        if known is None:
            raise ModelError(f"parameter {use.name!r} is used in {layer!r} but was not declared")
        if use.role and use.name not in self._used:
            self._used.add(use.name)
            known.role, known.axes = use.role, use.axes
        if use.name not in self._owned:
            self._owned.add(use.name)
            self._layers[layer].parameters.append(use.name)
