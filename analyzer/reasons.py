"""Names a reason for every difference between two aligned models, and divides it up exactly.

Each pair's difference is cut into parts that add up to it again, so that whatever is named, the
reasons together are the whole difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from analyzer.align import Pair, Unit
from analyzer.engine import Counted
from analyzer.ir import Kind, Parameter
from analyzer.ops import Convolution, Elementwise, Operation, Pooling
from analyzer.order import Ordered, Places

__all__ = ["Amount", "Part", "amount_of", "name_reasons"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Figures that can be divided up: counts, and bytes of learnable parameters."""

    parameters: int = 0
    state: int = 0
    macs: int = 0
    flops: int = 0
    parameter_bytes: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            **{f.name: getattr(self, f.name) - getattr(other, f.name) for f in fields(self)}
        )

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of the difference (first model less second), why, and where."""

    reason: str
    amount: Amount
    pair: Pair


FOLDED_CONSTANTS = "constants folded by an exporter"
WHOLE_OR_SPELLED = "whole or spelled out"
FOLDED_NORM = "batch norm folded into the convolution before it"
ABSENT_NORM = "batch norm absent, or folded into the convolution before it"
STATISTICS = "batch norm statistics"
SECOND_BIAS = "second bias of a recurrent layer"
STRIDE = "stride in another place"
PADDING = "padding"
INPUT_SIZE = "input of another size"
HEAD = "head or number of classes"
SIZE = "size of a layer"
DTYPE = "stored in another dtype"

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
        "out_elements",
        "out_spatial",
        "padding",
        "rows",
        "stride",
    }
)

# What a graph may write instead of a whole operation, by the kinds of the parts.
_ROOT = "square | power | multiply | add | square root | divide | reciprocal | "
_ROOT += "reciprocal square root | mean | GlobalAveragePooling | variance | subtract | negate"
_SPELLED: dict[str, frozenset[str]] = {
    kind: frozenset(parts.split(" | "))
    for kind, parts in {
        "Attention": "MatrixProduct | Softmax | multiply | divide | add | power | square root",
        "BatchNormalization": "multiply | add | subtract | divide | reciprocal square root",
        "GRU": "Linear | MatrixProduct | sigmoid | tanh | multiply | add | subtract | relu | less",
        "GroupNormalization": f"InstanceNormalization | {_ROOT}",
        "LSTM": "Linear | MatrixProduct | sigmoid | tanh | multiply | add | less",
        "LayerNormalization": _ROOT,
        "RMSNormalization": _ROOT,
        "Softmax": "exp | sum | divide | max | subtract",
        "gelu": "erf | erfc | multiply | add | divide | negate",
        "gelu tanh": "tanh | multiply | add | power",
        "hard swish": "add | clamp | relu6 | divide | multiply | hard sigmoid",
        "mish": "softplus | tanh | multiply",
        "reciprocal square root": "square root | reciprocal | divide",
        "silu": "sigmoid | multiply",
        "simple RNN": "Linear | MatrixProduct | tanh | relu | add | less",
    }.items()
}


def amount_of(unit: Unit | None) -> Amount:
    """Return all figures of a unit."""
    if unit is None:
        return Amount()
    learnable = [p for p in unit.parameters if p.kind is Kind.LEARNABLE]
    return Amount(
        parameters=sum(p.elements for p in learnable),
        state=sum(p.elements for p in unit.parameters if p.kind is Kind.STATE),
        macs=unit.work.macs,
        flops=unit.work.flops,
        parameter_bytes=sum(p.stored_bytes for p in learnable),
    )


def name_reasons(pairs: Sequence[Pair], *, same_inputs: bool) -> list[Part]:
    """Cut the difference of every pair into parts with reasons; empty parts are left out.

    ``same_inputs`` says whether both models were given as many input elements.
    """
    parts = list(_Reasons(pairs, same_inputs).parts())
    return [part for part in (*parts, *_folded_inside(parts)) if part.amount]


def _folded_inside(parts: Sequence[Part]) -> Iterator[Part]:
    """Find what folding took from operations that are spelled out.

    Spelling an operation out changes neither its parameters nor its MACs, so what is missing of
    either was folded into constants: the recurrent product of a first step whose state is zero.
    """
    spelled: dict[str, list[Part]] = {}
    for part in parts:
        if part.reason.endswith(WHOLE_OR_SPELLED):
            spelled.setdefault(part.reason, []).append(part)
    for reason, same in spelled.items():
        whole = sum((part.amount for part in same), start=Amount())
        gone = Amount(
            parameters=whole.parameters,
            macs=whole.macs,
            flops=2 * whole.macs,
            parameter_bytes=whole.parameter_bytes,
        )
        yield Part(reason=FOLDED_CONSTANTS, amount=gone, pair=same[0].pair)
        yield Part(reason=reason, amount=Amount() - gone, pair=same[0].pair)


class _Reasons:
    def __init__(self, pairs: Sequence[Pair], same_inputs: bool) -> None:
        self.pairs = pairs
        self.same_inputs = same_inputs
        self.matched = [pair for pair in pairs if not pair.is_lone]
        self.by_a = sorted(self.matched, key=lambda pair: pair.unit.position)
        contracting = [pair for pair in self.by_a if pair.unit.work.macs]
        self.last = contracting[-1] if contracting else None
        self.spatial: str | None = None  # the latest cause of maps of unequal size, going along A
        self.folded = self._folded_norms()
        self.spelled = self._composites()

    def parts(self) -> Iterator[Part]:
        for pair in self.by_a:
            yield from self._matched(pair)
        for pair in self.pairs:
            if pair.is_lone:
                yield Part(reason=self._alone(pair), amount=_difference(pair), pair=pair)

    def _matched(self, pair: Pair) -> Iterator[Part]:
        assert pair.a is not None
        assert pair.b is not None
        left = _difference(pair)
        for reason, amount in (*_roles(pair.a, pair.b), _bias_work(pair.a, pair.b)):
            if amount and reason:
                named = self.folded.get(id(pair), reason)
                left = left - amount
                yield Part(reason=named, amount=amount, pair=pair)
        reason = self._main(pair.a, pair.b, left)
        yield Part(reason=reason, amount=left, pair=pair)

    def _main(self, a: Unit, b: Unit, left: Amount) -> str:
        """Name why two units that answer to each other cost unequally."""
        if a.signature != b.signature:
            is_head = self.last is not None and self.last.a is a
            same_features = a.signature[:2] == b.signature[:2]
            return HEAD if is_head and same_features and a.signature[0] == "dense" else SIZE
        one, other = a.operation, b.operation
        if not self.same_inputs:
            return INPUT_SIZE
        if isinstance(one, (Convolution, Pooling)) and isinstance(other, (Convolution, Pooling)):
            if one.stride != other.stride:
                self.spatial = STRIDE
            elif one.in_spatial == other.in_spatial and one.padding != other.padding:
                self.spatial = PADDING if one.out_spatial != other.out_spatial else self.spatial
        if left.parameter_bytes and not (left.macs or left.flops or left.parameters):
            return DTYPE
        if one is not None and other is not None and type(one) is type(other):
            unlike = [name for name in _fields(one) if getattr(one, name) != getattr(other, name)]
            unlike = [name.replace("_", " ") for name in unlike if name not in _SIZES_AND_BIAS]
            if unlike:
                return f"{a.kind}: another {', '.join(unlike)}"
            if not left.macs and getattr(one, "bias", None) != getattr(other, "bias", None):
                return _role_reason("bias", a)  # one that is added and not stored
        return self.spatial or "maps of another size"

    def _alone(self, pair: Pair) -> str:
        unit = pair.unit
        if id(pair) in self.spelled:
            return self.spelled[id(pair)]
        if id(pair) in self.folded:
            return self.folded[id(pair)]
        if not unit.entries:
            return f"{unit.kind} that no operation reads"
        if unit.constant:
            return FOLDED_CONSTANTS
        return f"{unit.kind} in one model only"

    def _composites(self) -> dict[int, str]:
        """Find operations that one model has whole and the other spells out in the same place."""
        found: dict[int, str] = {}
        alone = [pair for pair in self.pairs if pair.is_lone and id(pair) not in self.folded]
        only_a = Ordered((pair.a, pair) for pair in alone if pair.a)
        only_b = Ordered((pair.b, pair) for pair in alone if pair.b)
        anchors = [(p.a, p.b) for p in self.matched if p.a and p.b and p.a.is_anchor]
        places_a, places_b = Places(anchors), Places((b, a) for a, b in anchors)
        gaps: dict[tuple[bool, float, float], list[Pair]] = {}
        for pair in alone:
            if pair.unit.kind in _SPELLED:
                low, high = (places_a if pair.a else places_b).around(pair.unit)
                gaps.setdefault((pair.a is None, low, high), []).append(pair)
        for (is_b, low, high), whole in gaps.items():
            kinds = dict.fromkeys(pair.unit.kind for pair in whole)
            parts = frozenset().union(*(_SPELLED[kind] for kind in kinds))
            spelled = [
                other
                for its, other in (only_a if is_b else only_b).between(low, high)
                if its.kind in parts and id(other) not in found
            ]
            if spelled:
                name = f"{' and '.join(kinds)} {WHOLE_OR_SPELLED}"
                found.update({id(other): name for other in (*whole, *spelled)})
        return found

    def _folded_norms(self) -> dict[int, str]:
        """Find batch norms that one model has and the other has folded into a biased kernel.

        A convolution that came by a bias shows it; where both have one, it cannot be told.
        """
        found: dict[int, str] = {}
        hosts_a = Ordered((p.a, p) for p in self.matched if p.a and p.a.work.macs)
        hosts_b = Ordered((p.b, p) for p in self.matched if p.b and p.b.work.macs)
        for pair in self.pairs:
            if not pair.is_lone or pair.unit.kind != "BatchNormalization":
                continue
            host = (hosts_a if pair.a else hosts_b).before(pair.unit)
            if host is None:
                continue
            mine, theirs = (host.a, host.b) if pair.a else (host.b, host.a)
            if not (mine and theirs and _has_bias(theirs)):
                continue
            if _has_bias(mine):
                found[id(pair)] = ABSENT_NORM
            else:
                found |= dict.fromkeys((id(pair), id(host)), FOLDED_NORM)
        return found


def _difference(pair: Pair) -> Amount:
    return amount_of(pair.a) - amount_of(pair.b)


def _has_bias(unit: Unit) -> bool:
    return any(parameter.role == "bias" for parameter in unit.parameters)


def _by_role(unit: Unit) -> dict[str, Amount]:
    """Add up stored elements and bytes by role; a tensor of two roles is divided by their needs."""
    found: dict[str, Amount] = {}
    for parameter in unit.parameters:
        for role, elements in _shares(parameter, unit.operation).items():
            share = parameter.stored_bytes * elements // max(parameter.elements, 1)
            amount = Amount(
                parameters=elements if parameter.kind is Kind.LEARNABLE else 0,
                state=elements if parameter.kind is Kind.STATE else 0,
                parameter_bytes=share if parameter.kind is Kind.LEARNABLE else 0,
            )
            found[role] = found.get(role, Amount()) + amount
    return found


def _shares(parameter: Parameter, operation: Operation | None) -> dict[str, int]:
    roles = parameter.role.split(" + ")
    if len(roles) > 1 and operation is not None:
        counts = operation.parameter_counts()
        needs = {role: counts[role].value for role in roles if role in counts}
        if sum(needs.values()) == parameter.elements:
            return needs
    return {parameter.role: parameter.elements}


def _roles(a: Unit, b: Unit) -> Iterator[tuple[str, Amount]]:
    """Yield what stored tensors of a role that only one of the two has amount to.

    Tensors of one size that go by two roles are the same under two names.
    """
    in_a, in_b = _by_role(a), _by_role(b)
    only_a = {role: amount for role, amount in in_a.items() if role not in in_b}
    only_b = {role: amount for role, amount in in_b.items() if role not in in_a}
    for role, amount in list(only_a.items()):
        twin = next((other for other, found in only_b.items() if found == amount), None)
        if twin is not None:
            del only_a[role], only_b[twin]
    for role, amount in only_a.items():
        yield _role_reason(role, a), amount
    for role, amount in only_b.items():
        yield _role_reason(role, b), Amount() - amount


def _role_reason(role: str, unit: Unit) -> str:
    if role == "recurrent bias":
        return SECOND_BIAS
    if role.startswith("running "):
        return STATISTICS
    if role == "bias":
        return f"bias of {unit.kind} present or absent"
    return f"{role or 'parameter'} of {unit.kind} present or absent"


def _bias_work(a: Unit, b: Unit) -> tuple[str, Amount]:
    """Return what the additions of a bias that only one of the two has amount to."""
    here, there = _bias_flops(a), _bias_flops(b)
    roles_a, roles_b = _by_role(a).keys(), _by_role(b).keys()
    only = (roles_a ^ roles_b) & {"bias", "recurrent bias"}
    if here == there or not only:
        return "", Amount()
    return _role_reason(min(only), a), Amount(flops=here - there)


def _bias_flops(unit: Unit) -> int:
    """Return the additions of biases: inside an operation, or by operations right after it."""
    flops = 0
    for entry in unit.entries:
        if entry.cost is not None and not entry.integer:
            added = entry.cost.flops if _is_addition(entry) else entry.cost.bias
            flops += added.value * entry.times
    return flops


def _is_addition(entry: Counted) -> bool:
    return isinstance(entry.node.operation, Elementwise)


def _fields(operation: Operation) -> tuple[str, ...]:
    return tuple(operation.__dataclass_fields__)  # type: ignore[attr-defined]
