"""Names a reason for every difference between two aligned models, and divides it up exactly.

Each pair's difference is cut into parts that add up to it again, so that whatever is named, the
reasons together are the whole difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer.amounts import (
    CONSTANTS,
    MASKS,
    QUANTISED,
    TYING,
    UNREAD,
    Amount,
    amount_of,
    beside,
    bias_work,
    has_bias,
    learned_bytes,
    role_reason,
    stored_roles,
)
from analyzer.cut import Pair, Unit
from analyzer.dtypes import is_floating
from analyzer.head import HEAD, heads
from analyzer.ir import Kind
from analyzer.ops import Convolution, Elementwise, Operation, Pooling
from analyzer.order import Ordered
from analyzer.spelled import QUANTISING, WHOLE_OR_SPELLED

__all__ = [
    "CONSTANTS",
    "MASKS",
    "QUANTISED",
    "TYING",
    "Amount",
    "Part",
    "amount_of",
    "name_reasons",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of the difference (first model less second), why, and where."""

    reason: str
    amount: Amount
    pair: Pair


FOLDED_CONSTANTS = "constants folded by an exporter"
FOLDED_NORM = "batch norm folded into the convolution before it"
ABSENT_NORM = "batch norm absent, or folded into the convolution before it"
STRIDE = "stride in another place"
PADDING = "padding"
INPUT_SIZE = "input of another size"
EXPERTS = "number of experts"
POSITIONS = "position table of another length"
CUT = "position table cut to the positions that are read"
SIZE = "size of a layer"
VOCABULARY = "vocabulary of another size"
DTYPE = "stored in another dtype"

OTHER_MAPS = "maps of another size"

# What makes the maps after it larger or smaller.
_RESIZING = frozenset({EXPERTS, PADDING, SIZE, STRIDE})

# Fields that say how large the map is, or whose difference has a reason of its own.
_SIZES_AND_BIAS = frozenset(
    {
        "batch",
        "bias",
        "biases",
        "elements",
        "groups",
        "in_elements",
        "in_spatial",
        "k",
        "keys",
        "look_ups",
        "m",
        "n",
        "out_elements",
        "out_spatial",
        "padding",
        "queries",
        "rows",
        "size",
        "stride",
    }
)


def name_reasons(pairs: Sequence[Pair], *, same_inputs: bool) -> list[Part]:
    """Cut the difference of every pair into parts with reasons; empty parts are left out.

    ``same_inputs`` says whether both models were given as many input elements.
    """
    parts = list(_Reasons(pairs, same_inputs).parts())
    tied = sum((part.amount for part in parts if part.reason == TYING), start=Amount())
    if not tied:  # the same is tied in both; only another layer reads it first
        parts = [part for part in parts if part.reason != TYING]
    return [part for part in (*parts, *_folded_inside(parts)) if part.amount]


def _folded_inside(parts: Sequence[Part]) -> Iterator[Part]:
    """Find what folding took from operations that are spelled out.

    Spelling an operation out changes nothing that it has learned, nor its MACs, so what is missing
    of these was folded into constants: the recurrent product of a first step whose state is zero.
    """
    spelled: dict[str, list[Part]] = {}
    for part in parts:
        if part.reason.endswith(WHOLE_OR_SPELLED):
            spelled.setdefault(part.reason, []).append(part)
    for reason, same in spelled.items():
        whole = sum((part.amount for part in same), start=Amount())
        gone = Amount(
            parameters=whole.parameters,
            state=whole.state,
            macs=whole.macs,
            flops=2 * whole.macs,
            stored_bytes=sum(
                learned_bytes(part.pair.a) - learned_bytes(part.pair.b) for part in same
            ),
        )
        yield Part(reason=FOLDED_CONSTANTS, amount=gone, pair=same[0].pair)
        yield Part(reason=reason, amount=Amount() - gone, pair=same[0].pair)


class _Reasons:
    def __init__(self, pairs: Sequence[Pair], same_inputs: bool) -> None:
        self.pairs = pairs
        self.same_inputs = same_inputs
        self.matched = [pair for pair in pairs if not pair.is_lone]
        self.by_a = sorted((p for p in pairs if p.a), key=lambda pair: pair.unit.position)
        self.head = heads(pairs, same_inputs=same_inputs)
        self.causes: dict[int, str] = {}  # why the result of a unit of A is of another size
        self.folded = self._folded_norms()
        self.quantising = self._quantising()

    def parts(self) -> Iterator[Part]:
        for pair in self.by_a:
            if pair.b:
                yield from self._matched(pair)
            elif pair.a:
                self._resize(pair.a, None, "")
        for pair in self.pairs:
            if pair.is_lone:
                yield Part(reason=self._alone(pair), amount=_difference(pair), pair=pair)

    def _matched(self, pair: Pair) -> Iterator[Part]:
        assert pair.a is not None
        assert pair.b is not None
        left = _difference(pair)
        for reason, amount in (*stored_roles(pair.a, pair.b), bias_work(pair.a, pair.b)):
            if amount and reason:
                named = FOLDED_CONSTANTS if _is_worked_out(pair, amount) else reason
                named = self.folded.get(id(pair), named)
                left = left - amount
                yield Part(reason=named, amount=amount, pair=pair)
        for reason, amount in _beside(pair.a, pair.b):
            left = left - amount
            yield Part(reason=reason, amount=amount, pair=pair)
        reason = self._main(pair.a, pair.b, left)
        self._resize(pair.a, pair.b, reason)
        if id(pair) in self.head:
            reason = HEAD
        yield Part(reason=reason, amount=left, pair=pair)

    def _main(self, a: Unit, b: Unit, left: Amount) -> str:
        """Name why two units that answer to each other cost unequally."""
        if a.signature != b.signature:
            return _table_reason(a, b) or (EXPERTS if _has_more_experts(a, b) else SIZE)
        one, other = a.operation, b.operation
        if a.aside and b.aside:
            return MASKS
        if _is_quantised(a) != _is_quantised(b) or a.integer != b.integer:
            return QUANTISED
        if not self.same_inputs:
            return INPUT_SIZE
        if isinstance(one, (Convolution, Pooling)) and isinstance(other, (Convolution, Pooling)):
            if one.stride != other.stride:
                return STRIDE
            if one.in_spatial == other.in_spatial and one.out_spatial != other.out_spatial:
                return PADDING
        if left.stored_bytes and not (left.macs or left.flops or left.parameters):
            return DTYPE
        if one is not None and other is not None and type(one) is type(other):
            unlike = [name for name in _fields(one) if getattr(one, name) != getattr(other, name)]
            unlike = [name.replace("_", " ") for name in unlike if name not in _SIZES_AND_BIAS]
            if unlike:
                return f"{a.kind}: another {', '.join(unlike)}"
            if not left.macs and getattr(one, "bias", None) != getattr(other, "bias", None):
                return role_reason("bias", a)  # one that is added and not stored
        return self._cause(a) or OTHER_MAPS

    def _cause(self, unit: Unit) -> str:
        """Return why what a unit of A reads is of another size than in B."""
        return next((self.causes[at] for at in sorted(unit.sources) if at in self.causes), "")

    def _resize(self, a: Unit, b: Unit | None, reason: str) -> None:
        """Note why the result of a unit of A is of another size than that of B."""
        if b is not None and _written(a) == _written(b):
            return
        cause = reason if reason in _RESIZING else self._cause(a)
        if cause:
            self.causes |= dict.fromkeys({a.position, *a.covers}, cause)

    def _alone(self, pair: Pair) -> str:
        unit = pair.unit
        if id(pair) in self.folded:
            return self.folded[id(pair)]
        if id(pair) in self.head:
            return HEAD
        if pair.reason:
            return pair.reason
        if unit.stored and (unit.is_still and all(p.kind is Kind.CONSTANT for p in unit.stored)):
            return CONSTANTS
        if not unit.entries:
            return f"{unit.kind} {UNREAD}"
        if id(pair) in self.quantising:
            return QUANTISED
        if unit.constant:
            return FOLDED_CONSTANTS
        if unit.aside or (unit.masking and not unit.is_anchor):
            return MASKS
        return f"{unit.kind} in one model only"

    def _quantising(self) -> set[int]:
        """Find lone work that turns numbers into integers and back, and scales their products."""
        hosts_a = Ordered((p.a, p) for p in self.matched if p.a and p.a.work.macs)
        hosts_b = Ordered((p.b, p) for p in self.matched if p.b and p.b.work.macs)
        found = set()
        for pair in self.pairs:
            unit = pair.unit
            if not pair.is_lone or unit.aside or unit.whole is None:
                continue
            host = (hosts_a if pair.a else hosts_b).before(unit)
            clamps = (  # what the range of the integers does by itself
                unit.kind in ("clamp", "relu", "relu6")
                and host is not None
                and (host.a is not None and host.b is not None)
                and _is_quantised(host.a) != _is_quantised(host.b)
            )
            kinds = {unit.kind, *(part.kind for part in unit.whole.parts())}
            if clamps or kinds & QUANTISING:
                found.add(id(pair))
        return found

    def _folded_norms(self) -> dict[int, str]:
        """Find batch norms that one model has and the other has folded into a biased kernel.

        A convolution that came by a bias shows it; where both have one, it cannot be told.
        """
        found: dict[int, str] = {}
        hosts_a = Ordered((p.a, p) for p in self.matched if p.a and p.a.work.macs)
        hosts_b = Ordered((p.b, p) for p in self.matched if p.b and p.b.work.macs)
        for pair in self.pairs:
            if not pair.is_lone or pair.reason or pair.unit.kind != "BatchNormalization":
                continue
            host = (hosts_a if pair.a else hosts_b).before(pair.unit)
            if host is None or not _follows(pair, host):
                continue
            mine, theirs = (host.a, host.b) if pair.a else (host.b, host.a)
            if not (mine and theirs and has_bias(theirs)):
                continue
            if has_bias(mine):
                found[id(pair)] = ABSENT_NORM
            else:
                found |= dict.fromkeys((id(pair), id(host)), FOLDED_NORM)
        return found


def _written(unit: Unit) -> int:
    """Return how many elements a unit gives."""
    return sum(tensor.elements for e in unit.entries[-1:] for tensor in e.node.outputs[:1])


def _follows(pair: Pair, host: Pair) -> bool:
    """Say whether a lone unit reads what a pair's unit of the same model gives."""
    unit = host.a if pair.a else host.b
    return unit is not None and not pair.unit.sources.isdisjoint({unit.position, *unit.covers})


def _difference(pair: Pair) -> Amount:
    return amount_of(pair.a) - amount_of(pair.b)


def _beside(a: Unit, b: Unit) -> Iterator[tuple[str, Amount]]:
    in_a, in_b = beside(a), beside(b)
    for reason in dict.fromkeys((*in_a, *in_b)):
        yield reason, in_a.get(reason, Amount()) - in_b.get(reason, Amount())


def _is_worked_out(pair: Pair, amount: Amount) -> bool:
    """Say whether one works out from constants what the other stores."""
    holder, other = (pair.a, pair.b) if amount.parameters > 0 else (pair.b, pair.a)
    if holder is None or other is None or not isinstance(other.operation, Elementwise):
        return False
    return other.steady or any(parameter.assumed for parameter in holder.parameters)


def _is_quantised(unit: Unit) -> bool:
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


def _fields(operation: Operation) -> tuple[str, ...]:
    return tuple(operation.__dataclass_fields__)  # type: ignore[attr-defined]
