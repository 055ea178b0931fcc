"""The common representation of a model: operations over tensors, grouped in layers.

Everything here is concrete (integers, never symbols), frozen, and free of any framework. An
importer builds it, most easily with :class:`analyzer.ModelBuilder`; the engine, ``compare`` and
``explain`` only read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Flag, StrEnum
from math import prod
from typing import TYPE_CHECKING

from analyzer.dtypes import storage_bytes

if TYPE_CHECKING:
    from analyzer.ops.base import Operation

__all__ = ["Allocation", "Bound", "Kind", "Layer", "Model", "Node", "Parameter", "Tensor"]


class Bound(Flag):
    """What a figure is to the true one. Bounds of parts are joined by ``|``.

    >>> Bound.LOWER | Bound.UPPER
    <Bound.NEITHER: 3>
    """

    EXACT = 0
    LOWER = 1
    """Something is missing: an unknown operation, a loop whose trips nobody can tell."""
    UPPER = 2
    """Something may not run: a branch whose condition nobody can tell, fewer elements."""
    NEITHER = 3

    @property
    def sign(self) -> str:
        """How a table marks it."""
        return {Bound.EXACT: "", Bound.LOWER: "≥ ", Bound.UPPER: "≤ "}.get(self, "≈ ")

    @property
    def words(self) -> str:
        """How a text calls it."""
        texts = {Bound.EXACT: "exact", Bound.LOWER: "lower bound", Bound.UPPER: "upper bound"}
        return texts.get(self, "no bound")


class Kind(StrEnum):
    """What a stored tensor is to training."""

    LEARNABLE = "learnable"
    """Changed by an optimizer, or meant to be: weights, biases, γ and β, embeddings."""
    STATE = "state"
    """Stored and updated, but not by an optimizer: running mean and variance, batch counters."""
    CONSTANT = "constant"
    """Never changed by training: masks, position ids, shape vectors, quantisation scales."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A value that flows between operations.

    Attributes:
        shape: concrete sizes, outermost first; ``()`` is a scalar.
        dtype: one of :data:`analyzer.dtypes.BITS`.
        storage: which memory it lives in; a view and its base have the same number.
        name: what the framework calls it, where it has a name.
    """

    shape: tuple[int, ...]
    dtype: str
    storage: int
    name: str = ""

    @property
    def elements(self) -> int:
        """Number of elements: the product of the shape."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of the elements at this dtype."""
        return storage_bytes(self.elements, self.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A tensor that the model stores. Shared storage is one parameter with several users.

    Attributes:
        name: full name, unique in its model.
        shape: logical shape (of a packed 4-bit weight: as if unpacked).
        dtype: of one logical element.
        kind: learnable, state or constant.
        trainable: whether training would change it now; only a learnable one can be.
        role: what it is to the operation that uses it: ``kernel``, ``bias``, ``scale``, ….
        axes: names of the axes in the stored order, or ``()`` where nobody knows them.
        storage: as in :class:`Tensor`.
        stored_bytes: true bytes, which packing can make fewer than the shape suggests.
        active_elements: those that one token touches in a mixture of experts.
        assumed: the role was inferred from use, not told by the framework.
    """

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
    assumed: bool = False

    @property
    def elements(self) -> int:
        """Number of logical elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One execution of an operation.

    Attributes:
        operation: what is computed, with every size that the computation depends on.
        inputs: tensors read, parameters not among them.
        outputs: tensors written.
        parameters: names of the stored tensors that are read.
        layer: path of the layer in which it ran.
        native: what the framework calls the operation.
        bound: what the operation's sizes are to the true ones, where these depend on what flows.
    """

    operation: Operation
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: tuple[str, ...]
    layer: str
    native: str
    bound: Bound = Bound.EXACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A place in the tree of modules, layers or scopes.

    Attributes:
        path: unique name; the root's is ``""``.
        parent: path of the layer that holds it, None for the root.
        type: the framework's own name of its type.
        calls: how many times it ran.
        parameters: names of the parameters that it holds itself, shared ones included.
        outputs: what its last call gave.
        aliases: other paths under which the same layer can be reached.
        origin: the module that defines the type, such as ``torch.nn.modules.linear``, where that
            is known; two frameworks' types, or a user's, may have one name.
    """

    path: str
    parent: str | None
    type: str
    calls: int
    parameters: tuple[str, ...]
    outputs: tuple[Tensor, ...]
    aliases: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Memory that a watched run took or gave back, in the order in which it happened.

    Attributes:
        bytes: positive when taken, negative when released.
        layer: path of the layer that was running.
    """

    bytes: int
    layer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A whole model, ready to be counted.

    Attributes:
        name: what to call it in a report.
        framework: ``"PyTorch"``, ``"Keras"``, ``"ONNX"``, ….
        framework_version: of the library that was used, or of the file's format.
        source: the path or ``module:callable`` it came from, or the type of the object.
        inputs: the tensors it was given.
        outputs: the tensors it returned.
        layers: parents before children, in the order of the model.
        parameters: every stored tensor once.
        nodes: operations in execution order; None where there was no graph to read.
        notes: what a reader of the numbers should know about how they were obtained.
        allocations: what a watched run really allocated, None where no run was watched.
        dims: the sizes that could be others, by name, as they were: the batch, open dimensions,
            those of inputs that the model's library tells.
    """

    name: str
    framework: str
    framework_version: str
    source: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    parameters: tuple[Parameter, ...]
    nodes: tuple[Node, ...] | None
    notes: tuple[str, ...] = ()
    allocations: tuple[Allocation, ...] | None = None
    dims: Mapping[str, int] = field(default_factory=dict, hash=False)
