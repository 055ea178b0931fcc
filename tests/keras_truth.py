"""An independent count: the contractions that TensorFlow's own graph of a Keras model holds.

Nothing here knows of the analyser. The model is traced by ``tf.function``; each operation of the
graph (and of the bodies of its loops, times their trip count) is counted from its shapes.
"""

from __future__ import annotations

from math import prod
from typing import Any

__all__ = ["contractions_of", "graph_macs"]


def graph_macs(model: Any, *shapes: tuple[int, ...], dtype: str | None = None) -> int:
    """Return the MACs of one call of a model on inputs of these shapes, in inference."""
    import tensorflow as tf

    inputs = model.inputs if getattr(model, "inputs", None) else [None] * len(shapes)
    specs = [
        tf.TensorSpec(shape, dtype or (one.dtype if one is not None else "float32"))
        for shape, one in zip(shapes, inputs, strict=True)
    ]

    def call(*args: Any) -> Any:
        return model(args[0] if len(args) == 1 else list(args), training=False)

    return contractions_of(tf.function(call).get_concrete_function(*specs).graph)


def contractions_of(graph: Any) -> int:
    """Count the MACs of what the outputs depend on.

    Keras traces a loop's step once more, to see its shape; nothing reads that.
    """
    pending = [tensor.op for tensor in graph.outputs]
    needed = {}
    while pending:
        operation = pending.pop()
        if id(operation) not in needed:
            needed[id(operation)] = operation
            pending += [tensor.op for tensor in operation.inputs]
    return sum(_of_operation(operation, graph) for operation in needed.values())


def _of_operation(operation: Any, graph: Any) -> int:
    shapes = [tensor.shape.as_list() for tensor in operation.inputs]
    out = [tensor.shape.as_list() for tensor in operation.outputs]
    match operation.type:
        case "Conv2D" | "Conv3D":
            *kernel, channels, _ = shapes[1]
            return int(prod(out[0]) * prod(kernel) * channels)
        case "DepthwiseConv2dNative":
            return int(prod(out[0]) * prod(shapes[1][:2]))
        case "Conv2DBackpropInput" | "Conv3DBackpropInputV2":
            *kernel, filters, _ = shapes[1]
            return int(prod(shapes[2]) * prod(kernel) * filters)
        case "MatMul":
            inner = shapes[0][0 if operation.get_attr("transpose_a") else 1]
            return int(prod(out[0]) * inner)
        case "BatchMatMulV2":
            inner = shapes[0][-2 if operation.get_attr("adj_x") else -1]
            return int(prod(out[0]) * inner)
        case "Einsum":
            return _einsum(operation.get_attr("equation").decode(), shapes)
        case "While" | "StatelessWhile":
            body = graph._get_function(operation.get_attr("body").name).graph
            return _trips(operation) * contractions_of(body)
        case "PartitionedCall" | "StatefulPartitionedCall":
            return contractions_of(graph._get_function(operation.get_attr("f").name).graph)
    return 0


def _einsum(equation: str, shapes: list[list[int]]) -> int:
    operands, _ = equation.split("->")
    sizes: dict[str, int] = {}
    for labels, shape in zip(operands.split(","), shapes, strict=True):
        if "..." in labels:
            head, tail = labels.split("...")
            count = len(shape) - len(head) - len(tail)
            named = [*head, *(f".{at}" for at in range(count)), *tail]
        else:
            named = list(labels)
        for label, size in zip(named, shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    return prod(sizes.values())


def _trips(loop: Any) -> int:
    """Read the trip count of a loop of Keras, which passes it as ``maximum_iterations``."""
    return max(value for tensor in loop.inputs[:3] if (value := _value(tensor)) is not None)


def _value(tensor: Any) -> int | None:
    """Work out a scalar of the graph, through the operations that Keras puts around a length."""
    import tensorflow as tf

    known = tf.get_static_value(tensor)
    if known is not None:
        return int(known) if known.shape == () else None
    return _value(tensor.op.inputs[0]) if tensor.op.type in ("Identity", "Max") else None
