"""The tensors that a file stores, each once, and their elements where these are few."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import TYPE_CHECKING, Any

from analyzer import ModelError
from analyzer.dtypes import storage_bytes
from analyzer_onnx.dimensions import require_countable
from analyzer_onnx.dtypes import dtype_name
from analyzer_onnx.evaluate import largest_known
from analyzer_onnx.external import Files
from analyzer_onnx.values import Stored, Value

if TYPE_CHECKING:
    from onnx import SparseTensorProto, TensorProto

    from analyzer_onnx.nodes import OnnxNode

__all__ = ["Weights"]

Place = tuple[str, ...]

_ELEMENTS = ("int64_data", "int32_data", "float_data", "double_data", "uint64_data", "string_data")


class Weights:
    """Every stored tensor that a walk has met.

    Attributes:
        stored: by unique name, in the order in which they were met.
        files: those beside the model's own that weights are kept in.
    """

    def __init__(self, new_storage: Callable[[], int]) -> None:
        self.new_storage = new_storage
        self.stored: dict[str, Stored] = {}
        self.files = Files()
        self._places: dict[Place, Stored] = {}

    def tensor(self, tensor: TensorProto, name: str, place: Place) -> Value:
        """Return the value of a stored tensor; ``place`` is the body or function it stands in.

        Raises:
            ModelError: its shape is no shape, or where it is kept no place.
        """
        from onnx import TensorProto

        shape = _shape(tensor.dims, name)
        dtype = dtype_name(tensor.data_type, name)
        value = self.hold(name, shape, dtype, place)
        if tensor.data_location == TensorProto.EXTERNAL:
            self.files.add(
                tensor, name, None if dtype == "string" else value.stored[0].stored_bytes
            )
            return value
        if _is_there(tensor):
            value.stored[0].read = lambda: _elements(tensor, name)
            if prod(shape) <= largest_known(dtype):
                value.read = value.stored[0].read
        return value

    def sparse(self, sparse: SparseTensorProto, name: str, place: Place) -> Value:
        """Return the value of a sparse stored tensor: its logical shape, its true bytes."""
        shape = _shape(sparse.dims, name)
        value = self.hold(name, shape, dtype_name(sparse.values.data_type, name), place)
        values = storage_bytes(prod(_shape(sparse.values.dims, name)), value.dtype)
        indices = storage_bytes(prod(_shape(sparse.indices.dims, name)), "int64")
        value.stored[0].stored_bytes = values + indices
        return value

    def node(self, node: OnnxNode, place: Place) -> Value:
        """Return the value of a ``Constant`` node.

        Raises:
            ModelError: it has no value, or several.
        """
        import numpy as np
        from onnx import helper, numpy_helper

        name = node.output[0] if node.output else ""
        held = node.proto.attribute
        if len(held) != 1:
            raise ModelError(
                f"Constant node {node.name or name!r} has {len(held)} values and not 1; "
                "the file is damaged"
            )
        attribute = held[0]
        if attribute.name == "value":
            return self.tensor(attribute.t, name, place)
        if attribute.name == "sparse_value":
            return self.sparse(attribute.sparse_tensor, name, place)
        types = {"value_float": np.float32, "value_int": np.int64, "value_string": object}
        try:
            dtype = types[attribute.name.removesuffix("s")]
            array = np.asarray(helper.get_attribute_value(attribute), dtype=dtype)
            tensor = numpy_helper.from_array(array, name)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"Constant node {node.name or name!r} has no value that ONNX knows, but "
                f"{attribute.name!r}; the file is damaged"
            ) from error
        return self.tensor(tensor, name, place)

    def hold(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: str,
        place: Place,
        *,
        generated: bool = False,
    ) -> Value:
        """Return a value that is a stored tensor; the same name at the same place is the same."""
        key = (*place, name)
        if key not in self._places:
            unique = name if name not in self.stored else "/".join(key)
            while unique in self.stored:
                unique += "'"
            self._places[key] = self.stored[unique] = Stored(
                name=unique,
                shape=shape,
                dtype=dtype,
                storage=self.new_storage(),
                stored_bytes=storage_bytes(prod(shape), dtype),
                generated=generated,
            )
        stored = self._places[key]
        return Value(
            name,
            shape,
            dtype,
            stored.storage,
            stored=(stored,),
            axes=tuple(range(len(shape))),
            view=True,
            constant=True,
            maker="Constant",
        )


def _shape(dims: Iterable[int], name: str) -> tuple[int, ...]:
    if not isinstance(name, str):
        raise ModelError(f"stored tensor {name!r}: the name is no text; the file is damaged")
    shape = tuple(dims)
    if any(size < 0 for size in shape):
        raise ModelError(
            f"stored tensor {name!r} has a negative size: {list(shape)}; the file is damaged"
        )
    require_countable(shape, name)
    return shape


def _is_there(tensor: TensorProto) -> bool:
    """Say whether a file holds any elements: some tools take them out, and the graph is whole."""
    empty = 0 in tensor.dims  # nothing is all there is
    return (
        empty
        or tensor.HasField("raw_data")
        or any(len(getattr(tensor, name)) for name in _ELEMENTS)
    )


def _elements(tensor: TensorProto, name: str) -> Any:
    from onnx import numpy_helper

    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"stored tensor {name!r}: its bytes do not fit its shape {list(tensor.dims)} "
            f"({' '.join(str(error).split())}); the file is damaged"
        ) from error
