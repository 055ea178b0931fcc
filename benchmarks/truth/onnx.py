"""ONNX files, run by ONNX Runtime: beside every product in the graph stands one of ones.

The graph is rewritten before it runs. Functions, local ones and those that operators such as
Attention bring along, are put in the place of what calls them. Then each contraction gets a twin
that does the same to ones of the shapes that come along while the file runs, and the sum of what
the twin puts out is added up: in a branch where it is taken, in the body of a loop as often as it
is executed. That sum is one more output of the graph.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count as numbers
from math import prod
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, inliner, numpy_helper

from benchmarks.truth import Truth

__all__ = ["count"]

MICROSOFT = "com.microsoft"


def count(
    model: onnx.ModelProto, inputs: Sequence[np.ndarray], learned: frozenset[str] | int
) -> Truth:
    """Run a model and count what it multiplies.

    Args:
        model: a whole model, external data loaded.
        inputs: arrays for the inputs of the graph, in order.
        learned: the tensors that an optimizer would learn, of which ONNX says nothing; or how many
            elements they have, where the file was exported from something that knows.

    Raises:
        NotImplementedError: something that may multiply is there, and is not in the table of how
            to make it on ones.
    """
    whole = inliner.inline_local_functions(model)
    whole = inliner.inline_selected_functions(whole, list(APART), inline_schema_functions=True)
    versions = {one.domain: one.version for one in whole.opset_import}
    total = _Twins(versions[""]).beside(whole.graph)
    whole.graph.output.append(onnx.ValueInfoProto(name=total))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        whole.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [item.name for item in session.get_inputs()]
    (products,) = session.run([total], dict(zip(names, inputs, strict=True)))
    elements = learned if isinstance(learned, int) else _elements(model, learned)
    return Truth(macs=round(products.item()), parameters=elements)


class _Twins:
    """Writes twins into graphs.

    A twin's output is a whole number in each element, exact in float32; sums are in float64.
    """

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self._numbers = numbers()
        self._nodes: list[onnx.NodeProto] = []

    def beside(self, graph: onnx.GraphProto) -> str:
        """Add twins to a graph and to those in it; return the name of what they multiply."""
        outer, self._nodes = self._nodes, []
        sums = [self.constant(np.float64(0))]
        for node in graph.node:
            if any(attribute.HasField("g") for attribute in node.attribute):
                sums.append(self._within(node))
            elif twin := TWINS.get((node.domain, node.op_type)):
                sums += [self._sum(products) for products in twin(self, node, _attributes(node))]
            elif _may_multiply(node.op_type):
                raise NotImplementedError(
                    f"{node.op_type} may multiply; say how it is made on ones"
                )
        total = self.node("Sum", sums)
        graph.node.extend(self._nodes)
        self._nodes = outer
        return total

    def _within(self, node: onnx.NodeProto) -> str:
        """Let what the bodies of a node multiply out of it."""
        for attribute in node.attribute:
            if attribute.HasField("g"):
                inside = self.beside(attribute.g)
                attribute.g.output.append(
                    helper.make_tensor_value_info(inside, onnx.TensorProto.DOUBLE, [])
                )
                results = len(attribute.g.output) - (node.op_type == "Loop")  # its condition
            elif attribute.name in ("scan_output_axes", "scan_output_directions"):
                attribute.ints.append(0)
        node.output.extend(self.name() for _ in range(results - len(node.output)))
        return self._sum(node.output[-1])

    def _sum(self, values: str) -> str:
        exact = self.node("Cast", [values], to=onnx.TensorProto.DOUBLE)
        return self.node("ReduceSum", [exact], keepdims=0)

    def name(self) -> str:
        return f"twin {next(self._numbers)}"

    def node(self, op_type: str, inputs: Sequence[str], domain: str = "", **attributes: Any) -> str:
        made = self.name()
        self._nodes.append(helper.make_node(op_type, inputs, [made], domain=domain, **attributes))
        return made

    def constant(self, value: Any) -> str:
        return self.node("Constant", [], value=numpy_helper.from_array(np.asarray(value)))

    def filled(self, shape: str, value: Any) -> str:
        filler = numpy_helper.from_array(np.asarray([value]))
        return self.node("ConstantOfShape", [shape], value=filler)

    def sizes(self, name: str, first: int, last: int) -> str:
        """Return some of the sizes of a tensor."""
        shape = self.node("Shape", [name])
        if self.opset < 10:
            return self.node("Slice", [shape], starts=[first], ends=[last])
        return self.node("Slice", [shape, self.constant([first]), self.constant([last])])

    def ones(self, name: str) -> str:
        """Return ones in the shape of a tensor."""
        return self.filled(self.node("Shape", [name]), np.float32(1))


Twin = Callable[[_Twins, onnx.NodeProto, dict[str, Any]], Iterator[str]]

END = 2**31 - 1


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def _convolution(
    twins: _Twins, node: onnx.NodeProto, attributes: dict[str, Any], kernel: int = 1
) -> Iterator[str]:
    """Convolve an image of ones that is as large as the padded one: all that windows lie on."""
    given, weight = node.input[0], node.input[kernel]
    one = twins.constant([1])

    def covered(sizes: str, steps: Sequence[int]) -> str:
        between = twins.node("Sub", [sizes, one])
        return twins.node("Mul", [between, twins.constant(steps)])

    windows = covered(twins.sizes(node.output[0], 2, END), attributes.get("strides", [1]))
    window = covered(twins.sizes(weight, 2, END), attributes.get("dilations", [1]))
    size = twins.node("Add", [twins.node("Add", [windows, window]), one])
    shape = twins.node("Concat", [twins.sizes(given, 0, 2), size], axis=0)
    image = twins.filled(shape, np.float32(1))
    kept = _kept(attributes, "strides", "dilations", "group", "kernel_shape")
    yield twins.node("Conv", [image, twins.ones(weight)], **kept)


def _transposed(twins: _Twins, node: onnx.NodeProto, attributes: dict[str, Any]) -> Iterator[str]:
    """Leave padding out, which only crops: what is cropped was multiplied all the same."""
    ones = [twins.ones(name) for name in node.input[:2]]
    kept = _kept(attributes, "strides", "dilations", "group", "kernel_shape")
    yield twins.node("ConvTranspose", ones, **kept)


def _product(
    twins: _Twins,
    node: onnx.NodeProto,
    attributes: dict[str, Any],
    op_type: str = "MatMul",
    right: int = 1,
) -> Iterator[str]:
    ones = [twins.ones(node.input[0]), twins.ones(node.input[right])]
    if op_type == "Gemm":  # older ones must have a bias
        ones.append(twins.constant(np.zeros(1, np.float32)))
    domain = MICROSOFT if op_type.startswith("Fused") else ""
    kept = _kept(attributes, "transA", "transB", "transBatchA", "transBatchB")
    yield twins.node(op_type, ones, domain, **kept)


def _packed(twins: _Twins, node: onnx.NodeProto, attributes: dict[str, Any]) -> Iterator[str]:
    """Weights of no bit and a suitable scale are ones: 0 stands for the lowest number there is."""
    lowest = -(2 ** (attributes.get("bits", 4) - 1))
    given, weight, scale = node.input[:3]
    zeros = twins.filled(twins.node("Shape", [weight]), np.uint8(0))
    scales = twins.filled(twins.node("Shape", [scale]), np.float32(1 / lowest))
    kept = _kept(attributes, "K", "N", "bits", "block_size")
    yield twins.node("MatMulNBits", [twins.ones(given), zeros, scales], MICROSOFT, **kept)


def _einsum(twins: _Twins, node: onnx.NodeProto, attributes: dict[str, Any]) -> Iterator[str]:
    """Multiply pair by pair from the left; a pair without a sum is multiplied by elements."""
    operands, wanted = _labels(attributes["equation"].decode())

    def alone(name: str, mine: list[str], needed: set[str]) -> tuple[str, list[str]]:
        """Sum what nobody else has, before anything is multiplied."""
        kept = [label for label in dict.fromkeys(mine) if label in needed]
        if kept != mine:
            equation = f"{''.join(mine)}->{''.join(kept)}"
            name = twins.ones(twins.node("Einsum", [name], equation=equation))
        return name, kept

    left, mine = twins.ones(node.input[0]), operands[0]
    for at, theirs in enumerate(operands[1:], 1):
        later = set(wanted).union(*operands[at + 1 :])
        left, mine = alone(left, mine, later.union(theirs))
        right, other = alone(twins.ones(node.input[at]), theirs, later.union(mine))
        kept = [label for label in dict.fromkeys([*mine, *other]) if label in later]
        equation = f"{''.join(mine)},{''.join(other)}->{''.join(kept)}"
        product = twins.node("Einsum", [left, right], equation=equation)
        if set(mine) & set(other) - later:
            yield product
        left, mine = twins.ones(product), kept


def _labels(equation: str) -> tuple[list[list[str]], list[str]]:
    """Return the labels of each operand and of the result, which may be left out."""
    given, arrow, result = equation.replace(" ", "").partition("->")
    operands = [re.findall(r"\.\.\.|\w", operand) for operand in given.split(",")]
    if arrow:
        return operands, re.findall(r"\.\.\.|\w", result)
    often = Counter(label for operand in operands for label in operand)
    return operands, sorted(label for label in often if often[label] == 1 or label == "...")


def _recurrent(twins: _Twins, node: onnx.NodeProto, attributes: dict[str, Any]) -> Iterator[str]:
    """Multiply weights by the inputs and by the states, of all steps at once.

    ONNX Runtime knows the layout alone in which steps come first.
    """
    if not node.output[0]:
        node.output[0] = twins.name()
    for name, weight, equation in (
        (node.input[0], node.input[1], "sbi,dgi->sbdg"),
        (node.output[0], node.input[2], "sdbh,dgh->sbdg"),
    ):
        ones = [twins.ones(name), twins.ones(weight)]
        yield twins.node("Einsum", ones, equation=equation)


def _kept(attributes: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: attributes[name] for name in names if name in attributes}


TWINS: Mapping[tuple[str, str], Twin] = {
    ("", "Conv"): _convolution,
    ("", "ConvInteger"): _convolution,
    ("", "ConvTranspose"): _transposed,
    ("", "Einsum"): _einsum,
    ("", "GRU"): _recurrent,
    ("", "Gemm"): partial(_product, op_type="Gemm"),
    ("", "LSTM"): _recurrent,
    ("", "MatMul"): _product,
    ("", "MatMulInteger"): _product,
    ("", "QLinearConv"): partial(_convolution, kernel=3),
    ("", "QLinearMatMul"): partial(_product, right=3),
    ("", "RNN"): _recurrent,
    (MICROSOFT, "DynamicQuantizeMatMul"): _product,
    (MICROSOFT, "FusedConv"): _convolution,
    (MICROSOFT, "FusedGemm"): partial(_product, op_type="Gemm"),
    (MICROSOFT, "FusedMatMul"): partial(_product, op_type="FusedMatMul"),
    (MICROSOFT, "MatMulIntegerToFloat"): _product,
    (MICROSOFT, "MatMulNBits"): _packed,
    (MICROSOFT, "QGemm"): partial(_product, op_type="Gemm", right=3),
}
"""How what multiplies is made of ones."""

APART = (("", "Attention"), ("", "CausalConvWithState"), ("", "LinearAttention"))
"""Operators that are taken apart by the functions that their schemas carry."""

SUSPICIOUS = (
    *("attention", "conv", "dot", "einsum", "gemm", "gru", "linear", "lstm", "matmul", "moe"),
    *("rnn", "svm"),
)
FREE = frozenset(
    {
        *("DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"),
        *("QLinearAdd", "QLinearAveragePool", "QLinearConcat", "QLinearGlobalAveragePool"),
        *("QLinearLeakyRelu", "QLinearMul", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere"),
    }
)
"""Operators whose names look like products, and that contract nothing."""


def _may_multiply(op_type: str) -> bool:
    return op_type not in FREE and any(part in op_type.lower() for part in SUSPICIOUS)


def _elements(model: onnx.ModelProto, learned: frozenset[str]) -> int:
    """Return how many elements some stored tensors have, wherever they are stored."""
    sizes = dict(_stored(model.graph))
    for function in model.functions:
        sizes |= _stored(function)
    return sum(sizes[name] for name in learned)


def _stored(graph: onnx.GraphProto | onnx.FunctionProto) -> Iterator[tuple[str, int]]:
    if isinstance(graph, onnx.GraphProto):
        yield from ((one.name, prod(one.dims)) for one in graph.initializer)
        yield from ((one.values.name, prod(one.dims)) for one in graph.sparse_initializer)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _stored(attribute.g)
            elif node.op_type == "Constant" and attribute.name == "value":
                yield node.output[0], prod(attribute.t.dims)
            elif node.op_type == "Constant" and attribute.name == "sparse_value":
                yield node.output[0], prod(attribute.sparse_tensor.dims)
