"""The graph in which shapes are worked out: placeholders, and nodes made anew on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer import ModelError
from analyzer_tensorflow.nodes import dtype_name
from analyzer_tensorflow.values import Value

__all__ = ["Symbols"]


def _text(shape: Any) -> str:
    if shape.rank is None:
        return "any rank"
    return "x".join(map(str, shape.as_list())) or "one number"


class Symbols:
    """Makes values, each with a symbol in a graph of its own. Nothing in that graph is ever run."""

    def __init__(self) -> None:
        import tensorflow as tf

        self._graph = tf.Graph()
        self._made = 0

    def value(self, shape: tuple[int, ...] | None, native: Any, **about: Any) -> Value:
        """Return a new value; ``native`` is its type in TensorFlow."""
        return Value(shape, dtype_name(native), self.symbol(shape, native), **about)

    def constant(self, array: Any) -> Value:
        """Return a value whose elements are known."""
        import numpy as np
        import tensorflow as tf
        from tensorflow.core.framework import node_def_pb2

        array = np.asarray(array)  # of text it is Python's own
        node = node_def_pb2.NodeDef(op="Const")
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))
        node.attr["dtype"].type = node.attr["value"].tensor.dtype
        symbol = self.make(node, ()).outputs[0]
        return Value(
            tuple(array.shape), dtype_name(symbol.dtype), symbol, maker="Const", settled=True
        )

    def like(self, value: Value, **about: Any) -> Value:
        """Return a new value of the same shape and type, of which nothing else is known."""
        made = Value(
            value.shape,
            value.dtype,
            self.symbol(value.shape, value.symbol.dtype),
            bound=value.bound,
            **about,
        )
        made.each, made.length = value.each, value.length
        if not value.dtype:
            made.stored = value.stored
        return made

    def symbol(self, shape: tuple[int, ...] | None, native: Any) -> Any:
        """Return a placeholder in the walk's own graph."""
        import tensorflow as tf
        from tensorflow.core.framework import node_def_pb2

        node = node_def_pb2.NodeDef(op="Placeholder")
        node.attr["dtype"].type = tf.dtypes.as_dtype(native).base_dtype.as_datatype_enum
        node.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())
        return self.make(node, ()).outputs[0]

    def make(self, node: Any, inputs: Sequence[Any]) -> Any:
        """Make a node in the walk's own graph, on its symbols there.

        Raises:
            ModelError: the shapes of the inputs do not go together, or an attribute is damaged.
        """
        import tensorflow as tf
        from tensorflow.core.framework import node_def_pb2

        self._made += 1
        copy = node_def_pb2.NodeDef(op=node.op, name=f"n{self._made}")
        for name, value in node.attr.items():
            if not name.startswith("_"):
                copy.attr[name].CopyFrom(value)
        try:
            return tf.Operation.from_node_def(copy, self._graph, inputs=list(inputs))
        except (AssertionError, LookupError, TypeError, ValueError) as error:
            shapes = ", ".join(_text(one.shape) for one in inputs) or "nothing"
            reason = (str(error).splitlines() or ["too many, or too few"])[0]
            raise ModelError(
                f"node {node.name!r} ({node.op}) cannot take inputs of {shapes}: {reason}"
            ) from error

    def numbers(self, value: Value) -> Any:
        """Return the elements of a value as an array, None where they are not known."""
        from tensorflow.python.framework.tensor_util import try_evaluate_constant

        if not value.settled or value.symbol is None or value.symbol.op.type == "Placeholder":
            return None
        return try_evaluate_constant(value.symbol)

    @staticmethod
    def op_def(op: str) -> Any:
        """Return the definition of a type of operation, None where it is not known."""
        from tensorflow.python.framework import op_def_registry

        return op_def_registry.get(op)
