"""Names a reason for every difference between two aligned models, and divides it up exactly.

Each pair's difference is cut into parts that add up to it again, so that whatever is named, the
reasons together are the whole difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from analyzer.comparing.amounts import (
    CONSTANTS,
    MASKS,
    NUMBERS,
    QUANTISED,
    SECOND_BIAS,
    TYING,
    UNREAD,
    Amount,
    amount_of,
    beside,
    bias_work,
    has_bias,
    learned_bytes,
    role_reason,
    second_bias,
    stored_roles,
)
from analyzer.comparing.causes import Causes, is_quantised
from analyzer.comparing.head import HEAD, heads
from analyzer.comparing.order import Ordered
from analyzer.comparing.spelled import QUANTISING, WHOLE_OR_SPELLED, is_indexing
from analyzer.comparing.unit import Pair, Unit
from analyzer.ir import Kind
from analyzer.ops import Elementwise, Interpolation

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
    block: str | None = None  # the layer that stands for it, where that is a larger one

    @property
    def place_a(self) -> str:
        """Path of the layer of the first model."""
        return self._place(self.pair.a)

    @property
    def place_b(self) -> str:
        """Path of the layer of the second model."""
        return self._place(self.pair.b)

    def _place(self, unit: Unit | None) -> str:
        return self.block if self.block is not None else unit.layer if unit is not None else ""


ABSENT_NORM = "batch norm absent, or folded into the convolution before it"
ALONE = "in one model only"
FOLDED_CONSTANTS = "constants folded beforehand"
FOLDED_NORM = "batch norm folded into the convolution before it"
PREPROCESSING = "inputs scaled or resized in the model"


def name_reasons(pairs: Sequence[Pair], *, same_inputs: bool) -> list[Part]:
    """Cut the difference of every pair into parts with reasons; empty parts are left out.

    ``same_inputs`` says whether both models were given as many input elements.
    """
    parts = list(_Reasons(pairs, same_inputs).parts())
    tied = sum((part.amount for part in parts if part.reason == TYING), start=Amount())
    if not tied:  # the same is tied in both; only another layer reads it first
        parts = [part for part in parts if part.reason != TYING]
    named = (*parts, *_folded_inside(parts))
    return [part for part in named if part.amount or (part.reason and not part.pair.is_lone)]


def _folded_inside(parts: Sequence[Part]) -> Iterator[Part]:
    """Find what folding took from operations that are spelled out.

    Spelling an operation out changes nothing that it has learned, nor its MACs, so what is missing
    of these was folded into constants: the recurrent product of a first step whose state is zero.
    """
    spelled: dict[str, list[Part]] = {}
    for part in parts:
        if part.pair.is_lone and part.reason.endswith(WHOLE_OR_SPELLED):
            spelled.setdefault(part.reason, []).append(part)
    for reason, same in spelled.items():
        whole = sum((part.amount for part in same), start=Amount())
        second = sum(
            (second_bias(part.pair.a) - second_bias(part.pair.b) for part in same), start=Amount()
        )
        if second.parameters != whole.parameters:  # it is spelled out as well
            second = Amount()
        yield Part(reason=SECOND_BIAS, amount=second, pair=same[0].pair)
        yield Part(reason=reason, amount=Amount() - second, pair=same[0].pair)
        whole = whole - second
        gone = Amount(
            parameters=whole.parameters,
            state=whole.state,
            macs=whole.macs,
            flops=2 * whole.macs,
            stored_bytes=sum(
                learned_bytes(part.pair.a) - learned_bytes(part.pair.b) for part in same
            )
            - second.stored_bytes,
        )
        yield Part(reason=FOLDED_CONSTANTS, amount=gone, pair=same[0].pair)
        yield Part(reason=reason, amount=Amount() - gone, pair=same[0].pair)


class _Reasons:
    def __init__(self, pairs: Sequence[Pair], same_inputs: bool) -> None:
        self.pairs = pairs
        self.matched = [pair for pair in pairs if not pair.is_lone]
        self.by_a = sorted((p for p in pairs if p.a), key=lambda pair: pair.unit.position)
        self.head = heads(pairs, same_inputs=same_inputs)
        self.causes = Causes(self.by_a, same_inputs=same_inputs)
        self.preparing = (_preparing(pairs, of_b=False), _preparing(pairs, of_b=True))
        self.folded = self._folded_norms()
        self.quantising = self._quantising()

    def parts(self) -> Iterator[Part]:
        for pair in self.by_a:
            if pair.b:
                yield from self._matched(pair)
            elif pair.a:
                self.causes.passed_on(pair.a)
        for pair in self.pairs:
            if pair.is_lone:
                yield Part(reason=self._alone(pair), amount=_difference(pair), pair=pair)

    def _matched(self, pair: Pair) -> Iterator[Part]:
        assert pair.a is not None
        assert pair.b is not None
        if not pair.reason and pair.a.equals(pair.b):
            return
        left = _difference(pair)
        for reason, amount in (*stored_roles(pair.a, pair.b), bias_work(pair.a, pair.b)):
            if amount and reason:
                named = FOLDED_CONSTANTS if _is_worked_out(pair, amount) else reason
                named = self.folded.get(id(pair), named)
                left = left - amount
                yield Part(reason=named, amount=amount, pair=pair)
        for reason, amount in _beside(pair.a, pair.b):
            if amount:
                left = left - amount
                steady = pair.a.steady or pair.b.steady or pair.a.constant or pair.b.constant
                named = FOLDED_CONSTANTS if reason == NUMBERS and steady else reason
                yield Part(reason=named, amount=amount, pair=pair)
        reason = self.causes.of(pair.a, pair.b, left)
        if id(pair) in self.head or pair.reason:
            reason = pair.reason or HEAD
        elif reason == role_reason("bias", pair.a):
            reason = self.folded.get(id(pair), reason)
        yield Part(reason=reason, amount=left, pair=pair)

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
        if not unit.work.macs and unit.layer in self.preparing[pair.a is None]:
            return PREPROCESSING
        if not unit.entries:
            return f"{unit.kind} {UNREAD}"
        if id(pair) in self.quantising:
            return QUANTISED
        if unit.constant:
            return FOLDED_CONSTANTS
        if unit.aside or (unit.masking and not unit.is_anchor) or is_indexing(unit):
            return MASKS
        return f"{unit.kind} {ALONE}"

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
                and is_quantised(host.a) != is_quantised(host.b)
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
        hosts = (_contracting(self.matched, of_b=False), _contracting(self.matched, of_b=True))
        for pair in self.pairs:
            if not pair.is_lone or pair.reason or pair.unit.kind != "BatchNormalization":
                continue
            before = hosts[pair.a is None]
            host = next((before[at] for at in sorted(pair.unit.sources) if at in before), None)
            if host is None:
                continue
            mine, theirs = (host.a, host.b) if pair.a else (host.b, host.a)
            if not (mine and theirs and has_bias(theirs)):
                continue
            if has_bias(mine):
                found[id(pair)] = ABSENT_NORM
            else:
                found |= dict.fromkeys((id(pair), id(host)), FOLDED_NORM)
        return found


def _contracting(pairs: Iterable[Pair], *, of_b: bool) -> dict[int, Pair]:
    """Return the pairs whose units contract tensors, by their positions in one of the models."""
    units = ((pair.b if of_b else pair.a, pair) for pair in pairs)
    return {
        at: pair
        for unit, pair in units
        if unit is not None and unit.work.macs
        for at in (unit.position, *unit.covers)
    }


def _preparing(pairs: Iterable[Pair], *, of_b: bool) -> set[str]:
    """Return layers of one model that scale or resize its inputs, before anything is contracted."""
    units = [(pair.b if of_b else pair.a, pair) for pair in pairs]
    there = sorted(
        ((unit, pair) for unit, pair in units if unit and unit.entries),
        key=lambda item: item[0].position,
    )
    before = list(takewhile(lambda item: _prepares(item[0]), there))
    return {
        unit.layer
        for unit, pair in before
        if pair.is_lone and unit.layer and not (unit.aside or unit.constant)
    }


def _prepares(unit: Unit) -> bool:
    arithmetic = ("add", "subtract", "multiply", "divide", "clamp")
    return unit.kind in arithmetic or isinstance(unit.operation, Interpolation)


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
