"""TensorFlow code, run eagerly: every product that is executed is made once more on ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.truth import Truth

__all__ = ["count"]

Settings = Mapping[str, Any]


def count(function: Callable[..., Any], *inputs: Any, learned: Iterable[Any]) -> Truth:
    """Run a function operation by operation and count what its contractions multiply.

    Loops are run step by step, and of branches the one that the data takes. What leads to no
    result is left out, as every graph of TensorFlow leaves it out: Keras takes the first step of a
    recurrence twice, once to see its shape.

    Args:
        function: Python code of TensorFlow, or of Keras on TensorFlow.
        inputs: what it is called with.
        learned: the variables that an optimizer learns.

    Raises:
        NotImplementedError: something that may multiply runs whole, or computes what is cropped
            away, and there is no way to make it on ones.
    """
    counted = _OnOnes()
    with _eagerly(), _seen(counted):
        results = function(*inputs)
    sizes = {id(variable): int(np.prod(variable.shape)) for variable in learned}
    return Truth(macs=counted.behind(tf.nest.flatten(results)), parameters=sum(sizes.values()))


@contextmanager
def _eagerly() -> Iterator[None]:
    """Run functions that TensorFlow would make graphs of as the Python code that they are."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextmanager
def _seen(callback: Callable[..., None]) -> Iterator[None]:
    from tensorflow.python.framework import op_callbacks

    op_callbacks.add_op_callback(callback)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(callback)


class _OnOnes:
    def __init__(self) -> None:
        self._ran: list[tuple[int, list[int], list[int]]] = []
        self._again = False

    def behind(self, results: Sequence[Any]) -> int:
        """Return what was multiplied for these results."""
        needed = set(_ids(results))
        products = 0
        for made, read, written in reversed(self._ran):
            if not needed.isdisjoint(written):
                needed.update(read)
                products += made
        return products

    def __call__(
        self,
        op_type: str | bytes,
        inputs: Sequence[Any],
        attrs: Sequence[Any],
        outputs: Sequence[Any],
        op_name: str | None = None,
        graph: Any = None,
    ) -> None:
        if self._again:
            return
        name = _text(op_type)
        if graph is not None:
            if _suspicious(name):
                raise NotImplementedError(f"{name} is part of a graph, which Python does not run")
            return
        made = 0
        if name in AGAIN:
            self._again = True
            settings = dict(zip(map(_text, attrs[::2]), attrs[1::2], strict=True))
            made = round(float(tf.reduce_sum(AGAIN[name](inputs, settings, outputs[0]))))
            self._again = False
        elif name == "BatchToSpaceND" and np.any(inputs[2]):
            raise NotImplementedError("a dilated convolution that computes what is cropped away")
        elif name.startswith("__"):
            raise NotImplementedError(f"{name} is a graph that was traced before: nobody sees in")
        elif _suspicious(name):
            raise NotImplementedError(f"{name} may multiply; say how it is made on ones")
        # What is assigned to a variable is read through its handle, which is an input.
        self._ran.append((made, _ids(inputs), _ids(outputs or inputs[:1])))


def _ids(tensors: Iterable[Any]) -> list[int]:
    """Return the numbers that TensorFlow gives its tensors, none of them twice."""
    return [one._id for one in tensors if hasattr(one, "_id")]


def _suspicious(name: str) -> bool:
    return any(part in name.lower() for part in SUSPICIOUS)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _ones(tensor: Any) -> Any:
    return tf.ones(tensor.shape, tf.float64)


def _product(inputs: Sequence[Any], settings: Settings, _: Any) -> Any:
    turned = [
        any(settings.get(name) for name in names)
        for names in (("adj_x", "transpose_a"), ("adj_y", "transpose_b"))
    ]
    a, b = (_ones(one) for one in inputs)
    return tf.linalg.matmul(a, b, transpose_a=turned[0], transpose_b=turned[1])


def _einsum(inputs: Sequence[Any], settings: Settings, _: Any) -> Any:
    equation = _text(settings["equation"])
    operands, result = equation.split("->")
    labels = [set(operand) for operand in operands.split(",")]
    if set[str]().union(*labels) <= set(result):
        return tf.zeros((), tf.float64)  # nothing is added up: elements times elements
    if len(labels) != 2 or not labels[0] ^ labels[1] <= set(result):
        raise NotImplementedError(f"{equation} takes more, or less, than a product")
    return tf.einsum(equation, *map(_ones, inputs))


def _layout(image: Any, settings: Settings) -> str:
    """Return how an image's axes are ordered: where nobody says, its channels come last."""
    return _text(settings["data_format"]) or ("NHWC" if len(image.shape) == 4 else "NDHWC")


def _convolution(operator: Callable[..., Any]) -> Callable[[Sequence[Any], Settings, Any], Any]:
    """Return what makes a convolution whose padding is ones too."""

    def again(inputs: Sequence[Any], settings: Settings, output: Any) -> Any:
        image, kernel = inputs
        first = 1 if _layout(image, settings).endswith("C") else 2
        around = [[0, 0] for _ in image.shape]
        for at in range(len(image.shape) - 2):
            axis = first + at
            reach = settings["dilations"][axis] * (kernel.shape[at] - 1) + 1
            covered = (output.shape[axis] - 1) * settings["strides"][axis] + reach
            around[axis][1] = max(covered - image.shape[axis], 0)
        made = operator(
            input=tf.pad(_ones(image), around, constant_values=1),
            filter=_ones(kernel),
            strides=settings["strides"],
            padding="VALID",
            data_format=_layout(image, settings),
            dilations=settings["dilations"],
        )
        assert made.shape == output.shape
        return made

    return again


def _transposed(operator: Callable[..., Any]) -> Callable[[Sequence[Any], Settings, Any], Any]:
    """Return what makes a transposed convolution; what is cropped was multiplied all the same."""

    def again(inputs: Sequence[Any], settings: Settings, _: Any) -> Any:
        asked, kernel, image = inputs
        sizes = [int(size) for size in asked]
        first = 1 if _layout(image, settings).endswith("C") else 2
        for at in range(len(sizes) - 2):
            axis = first + at
            reach = settings["dilations"][axis] * (kernel.shape[at] - 1) + 1
            sizes[axis] = (image.shape[axis] - 1) * settings["strides"][axis] + reach
        return operator(
            input_sizes=sizes,
            filter=_ones(kernel),
            out_backprop=_ones(image),
            strides=settings["strides"],
            padding="VALID",
            data_format=_layout(image, settings),
            dilations=settings["dilations"],
        )

    return again


AGAIN: Mapping[str, Callable[[Sequence[Any], Settings, Any], Any]] = {
    "BatchMatMul": _product,
    "BatchMatMulV2": _product,
    "BatchMatMulV3": _product,
    "Conv2D": _convolution(tf.raw_ops.Conv2D),
    "Conv2DBackpropInput": _transposed(tf.raw_ops.Conv2DBackpropInput),
    "Conv3D": _convolution(tf.raw_ops.Conv3D),
    "Conv3DBackpropInputV2": _transposed(tf.raw_ops.Conv3DBackpropInputV2),
    "DepthwiseConv2dNative": _convolution(tf.raw_ops.DepthwiseConv2dNative),
    "Einsum": _einsum,
    "MatMul": _product,
}
"""How an operation is made once more: from its inputs, its settings and what it gave."""

SUSPICIOUS = (
    "attention", "conv", "dot", "einsum", "fft", "gru", "lstm", "matmul", "partitionedcall", "rnn",
    "solve", "xla",
)  # fmt: skip
