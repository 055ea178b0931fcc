"""Names why two operations that answer to each other cost unequally."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from math import prod

from analyzer.comparing.amounts import MASKS, QUANTISED, Amount, role_reason
from analyzer.comparing.spelled import WHOLE_OR_SPELLED
from analyzer.comparing.unit import Pair, Unit
from analyzer.dtypes import is_floating
from analyzer.ir import Kind
from analyzer.ops import (
    AdaptivePooling,
    Convolution,
    Elementwise,
    MatrixProduct,
    Operation,
    Pooling,
)

__all__ = ["DTYPE", "Causes", "is_quantised"]

DTYPE = "stored in another dtype"
CUT = "position table cut to the positions that are read"
EXPERTS = "number of experts"
HEADS = "number of heads"
INPUT_SIZE = "input of another size"
MAP_SIZE = "maps of another size"
PADDING = "padding"
POSITIONS = "position table of another length"
STRIDE = "stride"
STRIDE_ELSEWHERE = "stride in another place"
VOCABULARY = "vocabulary of another size"
WIDTH = "width of a layer"

# Fields that say how large a map is, or whose difference has a reason of its own.
_SIZES = frozenset(
    {
        "batch",
        "bias",
        "biases",
        "elements",
        "in_elements",
        "in_spatial",
        "k",
        "keys",
        "look_ups",
        "m",
        "n",
        "out_elements",
        "out_spatial",
        "queries",
        "rows",
        "size",
    }
)
_WIDTHS = frozenset(
    {"channels", "features", "hidden_size", "in_channels", "in_features", "input_size"}
    | {"out_channels", "out_features", "width"}
)
_COMPARING = frozenset(
    {"equal", "greater", "greater or equal", "less", "less or equal", "not equal"}
    | {"all", "any", "logical and", "logical not", "logical or"}
)
_SLIDING = (Convolution, Pooling, AdaptivePooling)


class Causes:
    """Goes along the pairs of two models, and remembers what made results unequal.

    Where one layer has another stride, or is wider, so is what all that reads it works on.
    """

    def __init__(self, pairs: Iterable[Pair], *, same_inputs: bool) -> None:
        units = [(pair.a, pair.b) for pair in pairs if pair.a and pair.b]
        strides = [[_stride(unit) for unit in side] for side in zip(*units, strict=True)]
        elsewhere = len(strides) == 2 and prod(strides[0]) == prod(strides[1])
        self.stride = STRIDE_ELSEWHERE if elsewhere else STRIDE
        self.same_inputs = same_inputs
        self.found: dict[int, str] = {}  # why the result of a unit of the first is unequal

    def of(self, a: Unit, b: Unit, left: Amount) -> str:
        """Name why what is left of the difference of two units is so, in the order of the model.

        A setting that costs nothing has a name too; where nothing differs there is none.
        """
        named = self._named(a, b, left)
        if _written(a) != _written(b):
            self.passed_on(a, self._own(a, b))
        return named

    def passed_on(self, a: Unit, cause: str = "") -> None:
        """Remember why a result is unequal: for a cause of its own, or that of what was read."""
        cause = cause or self._of_what_is_read(a)
        if cause:
            self.found |= dict.fromkeys({a.position, *a.covers}, cause)

    def _of_what_is_read(self, a: Unit) -> str:
        return next((self.found[at] for at in sorted(a.sources) if at in self.found), "")

    def _own(self, a: Unit, b: Unit) -> str:
        """Name what in two units themselves makes their results unequal."""
        if a.signature != b.signature:
            return self._resized(a, b)
        return self._setting(a, b)

    def _named(self, a: Unit, b: Unit, left: Amount) -> str:
        if left and "BatchNormalization" in (a.kind, b.kind) and a.kind != b.kind:
            return f"BatchNormalization {WHOLE_OR_SPELLED}"
        if _combines(a) and _combines(b) and a.kind != b.kind:
            return f"arithmetic: {' or '.join(sorted((a.kind, b.kind)))}"
        if a.signature != b.signature:
            return self._resized(a, b) if left else self._free_setting(a, b)
        if left and (a.aside or b.aside):
            return MASKS
        if left and a.kind in _COMPARING:
            return MASKS
        if left and (is_quantised(a) != is_quantised(b) or a.integer != b.integer):
            return QUANTISED
        if left.stored_bytes and not (left.macs or left.flops or left.parameters):
            return DTYPE
        setting = self._setting(a, b) if left else self._free_setting(a, b)
        if setting or not left:
            return setting
        if not left.macs and _bias(a) != _bias(b):
            return role_reason("bias", a)  # one that is added and not stored
        if cause := self._of_what_is_read(a):
            return cause
        if a.kind == b.kind and _read_and_written(a) == _read_and_written(b):
            return f"another axis of {a.kind}"
        return MAP_SIZE if self.same_inputs else INPUT_SIZE

    def _free_setting(self, a: Unit, b: Unit) -> str:
        """Name the setting in which two operations differ, if one that costs nothing is told."""
        told = isinstance(a.operation, _SLIDING) or _has_other_heads(a.operation, b.operation)
        return self._setting(a, b) if told else ""

    def _setting(self, a: Unit, b: Unit) -> str:
        """Name the setting in which two operations of one type differ."""
        one, other = a.operation, b.operation
        if _has_other_heads(one, other):
            return HEADS
        unlike = [name for name in _unlike(one, other) if name not in _WIDTHS]
        flags = [name for name in unlike if name in ("scale", "offset")]
        if flags:
            return role_reason(flags[0], a)
        own = [name for name in unlike if name not in ("stride", "padding")]
        if own:
            return f"another {' and '.join(map(_word, own))} of {a.kind}"
        if "stride" in unlike:
            return self.stride
        return PADDING if "padding" in unlike and not _padded_alike(one, other) else ""

    def _resized(self, a: Unit, b: Unit) -> str:
        """Name what is unequal about the shapes of what two units learned."""
        if table := _table_reason(a, b):
            return table
        if _has_more_experts(a, b):
            return EXPERTS
        setting = self._setting(a, b)
        if setting and setting not in (self.stride, PADDING):
            return setting
        # What only reads more than the other does so because of what it reads.
        reads_more = a.signature[0] == "dense" and a.signature[2:] == b.signature[2:]
        return (self._of_what_is_read(a) if reads_more else "") or WIDTH


def _word(name: str) -> str:
    """Say what a field is: a kernel, a number of groups."""
    text = name.replace("_", " ")
    return f"number of {text}" if text.endswith("s") and not text.endswith("is") else text


def _combines(unit: Unit) -> bool:
    """Say whether it is arithmetic with two tensors that depend on the model's inputs."""
    node = unit.entries[0].node if unit.entries else None
    several = node is not None and len(node.inputs) > 1 and not (node.parameters or unit.steady)
    return several and isinstance(unit.operation, Elementwise) and not (unit.aside or unit.integer)


def _has_other_heads(one: Operation | None, other: Operation | None) -> bool:
    """Say whether the same is multiplied in more products, each of fewer features."""
    if not isinstance(one, MatrixProduct) or not isinstance(other, MatrixProduct):
        return False
    sizes = [
        (it.batch * it.m * it.k * it.n, it.batch * it.k, it.batch * it.n) for it in (one, other)
    ]
    same = [left == right for left, right in zip(*sizes, strict=True)]
    return one.batch != other.batch and same[0] and any(same[1:])


def _read_and_written(unit: Unit) -> tuple[int, ...]:
    node = unit.entries[0].node
    return tuple(tensor.elements for tensor in (*node.inputs, *node.outputs))


def _written(unit: Unit) -> int:
    """Return how many elements a unit gives."""
    return sum(tensor.elements for e in unit.entries[-1:] for tensor in e.node.outputs[:1])


def is_quantised(unit: Unit) -> bool:
    """Say whether it works on integers, or its learned numbers are stored as such."""
    learned = [
        p for p in unit.parameters if p.kind is Kind.LEARNABLE and p.role in ("embedding", "kernel")
    ]
    return (unit.integer and unit.is_anchor) or any(not is_floating(p.dtype) for p in learned)


def _table_reason(a: Unit, b: Unit) -> str:
    """Name why tables of vectors of one width have unequally many of them."""
    tables = [_table(unit) for unit in (a, b) if unit.signature[0] == "embedding"]
    if len(tables) != 2 or a.signature[2] != b.signature[2]:
        return ""
    if not (_is_positions(a) and _is_positions(b)):
        return VOCABULARY
    (kept, read), (length, places) = sorted(tables)
    return CUT if not (read % kept or places % kept) and places % length else POSITIONS


def _has_more_experts(a: Unit, b: Unit) -> bool:
    """Say whether matrices of one shape are multiplied by, of which one model has more."""
    kinds = (a.signature[0], b.signature[0])
    return kinds == ("MatrixProduct", "MatrixProduct") and a.signature[:3] == b.signature[:3]


def _table(unit: Unit) -> tuple[int, int]:
    """Return how many vectors a table has, and how many are looked up."""
    (table,) = (p for p in unit.parameters if p.role == "embedding")
    width = table.shape[-1]
    return table.elements // width, unit.entries[0].node.outputs[0].elements // width


def _is_positions(unit: Unit) -> bool:
    """Say whether a table is read at places that no input names, or that are worked out."""
    return unit.constant or bool(unit.sources)


def _unlike(one: Operation | None, other: Operation | None) -> list[str]:
    """Return the fields in which two operations of one type differ, apart from sizes of maps."""
    if one is None or other is None or type(one) is not type(other):
        return []
    names = [field.name for field in fields(one)]  # type: ignore[arg-type]
    if not isinstance(one, Convolution) or (_depthwise(one) and _depthwise(other)):
        names = [name for name in names if name != "groups"]  # as many as there are channels
    if isinstance(one, Pooling) and not any(map(any, one.padding)):
        names = [name for name in names if name != "count_padding"]  # there is none
    return [
        name for name in names if name not in _SIZES and getattr(one, name) != getattr(other, name)
    ]


def _depthwise(operation: Operation) -> bool:
    return isinstance(operation, Convolution) and operation.groups == operation.in_channels > 1


def _padded_alike(one: Operation | None, other: Operation | None) -> bool:
    """Say whether two windows slide over equal maps, of which one may be padded beforehand."""
    assert isinstance(one, (Convolution, Pooling))
    assert isinstance(other, (Convolution, Pooling))
    if one.in_spatial == other.in_spatial:
        return one.padding == other.padding
    sizes = [
        [size + sum(pads) for size, pads in zip(it.in_spatial, it.padding, strict=True)]
        for it in (one, other)
    ]
    return sizes[0] == sizes[1]


def _bias(unit: Unit) -> bool:
    return bool(getattr(unit.operation, "bias", False))


def _stride(unit: Unit) -> int:
    match unit.operation:
        case Convolution(stride=stride) | Pooling(stride=stride):
            return prod(stride)
    return 1
