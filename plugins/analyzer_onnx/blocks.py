"""Maps whose channels are kept in blocks, as ONNX Runtime lays them out for a processor.

Channels that do not fill the last block are filled up with zeros, in maps, kernels and biases
alike. A map tells how many of its channels are true where it leaves the layout; what moves or
computes single elements leaves their number as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto

    from analyzer_onnx.nodes import OnnxNode

__all__ = ["BLOCKED", "Blocks"]

BLOCKED = "com.microsoft.nchwc"
"""The domain of operators on such maps."""

_ALL = 2**31
_SIZES = (16, 8)
_FILLED_UP = "reorder"  # how the names of all tensors begin that the runtime lays out anew


class Blocks:
    """What a graph tells of its maps in blocks.

    Attributes:
        size: how many channels are in a block.
    """

    def __init__(self) -> None:
        self.size = _SIZES[0]
        self._same: dict[str, str] = {}
        self._true: dict[str, int] = {}

    @classmethod
    def of(cls, graph: GraphProto, nodes: Sequence[OnnxNode]) -> Blocks:
        """Look through a graph, with its nodes, for what is known before anything is computed."""
        blocks = cls()
        if any(node.domain == BLOCKED for node in nodes):
            kernels = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
            for node in nodes:
                blocks._take(node, kernels)
        return blocks

    def true(self, name: str, stored: int) -> int | None:
        """Return how many channels are true of those that a map has, None where nobody can tell."""
        if name not in self._same:
            return stored  # in no blocks
        known = self._true.get(self._first(name))
        return None if known is None else min(known, stored)

    def settle(self, name: str, channels: int) -> None:
        """Say how many channels of a map are true."""
        self._true[self._first(name)] = channels

    def filled(self, channels: int) -> int:
        """Return how many channels there are with the last block filled up."""
        return -(-channels // self.size) * self.size

    def _take(self, node: OnnxNode, kernels: dict[str, tuple[int, ...]]) -> None:
        if not node.input or not node.output:
            return  # damaged, or a constant
        read = [name for name in node.input if name in self._same]
        made = node.output[0]
        if node.domain != BLOCKED:
            if read:
                self._join([*read, made])
                if node.op_type == "Concat":  # which only whole blocks can be
                    self.settle(made, _ALL)
            return
        attributes = {name: attribute.i for name, attribute in node.attributes.items()}
        if node.op_type == "ReorderOutput":
            self._join(node.input[:1])
            self.settle(node.input[0], attributes.get("channels", _ALL))
        elif node.op_type == "Conv":
            self._take_convolution(node, kernels, attributes)
        elif node.op_type == "ReorderInput":
            self._join([made])
        else:
            self._join([*read, made])

    def _take_convolution(
        self, node: OnnxNode, kernels: dict[str, tuple[int, ...]], attributes: dict[str, int]
    ) -> None:
        x, weight, bias, added = [*node.input, "", "", ""][:4]
        made = node.output[0]
        grouped = attributes.get("group", 1) > 1
        self._join([made, *filter(None, [added, x if grouped else ""])])
        filters, inputs = (*kernels.get(weight, ()), 0, 0)[:2]
        own_bias = bool(bias) and not str(bias).startswith(_FILLED_UP)
        if grouped and inputs == 1:  # by itself each channel may be of a block that is not whole
            whole = own_bias and "kernel_shape" in attributes  # else it was a batch normalisation
        else:
            whole = own_bias or grouped
        if whole:
            self.settle(made, _ALL)
        if filters % self.size or (x in self._same and not grouped and inputs % self.size):
            self.size = _SIZES[1]

    def _join(self, names: Sequence[str]) -> None:
        """Note that some maps have the same channels."""
        known = [self._true.pop(self._first(name), None) for name in names]
        first = self._first(names[0])
        for name in names[1:]:
            self._same[self._first(name)] = first
        told = [channels for channels in known if channels is not None]
        if told:
            self._true[first] = min(told)

    def _first(self, name: str) -> str:
        while self._same.setdefault(name, name) != name:
            name = self._same[name]
        return name
