"""What two units that answer to each other differ by, divided up by what is stored in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from analyzer.comparing.unit import Unit
from analyzer.dtypes import is_floating
from analyzer.engine import Counted
from analyzer.ir import Kind, Parameter
from analyzer.ops import Elementwise, Operation

__all__ = [
    "Amount",
    "amount_of",
    "beside",
    "bias_work",
    "has_bias",
    "learned_bytes",
    "role_reason",
    "second_bias",
    "stored_roles",
]

CONSTANTS = "shapes, indices and settings stored as tensors"
MASKS = "masks or positions in the graph"
NUMBERS = "numbers stored as constants"
QUANTISED = "quantised"
SECOND_BIAS = "second bias of a recurrent layer"
STATISTICS = "batch norm statistics"
TYING = "weight tying"
UNREAD = "that no operation reads"

_BIASES = ("bias", "recurrent bias")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Figures that can be divided up: stored elements, work, and the bytes of all that is stored.

    >>> Amount(parameters=2, stored_bytes=8) - Amount(parameters=2, stored_bytes=4)
    Amount(parameters=0, state=0, constants=0, macs=0, flops=0, integer_ops=0, stored_bytes=4)
    """

    parameters: int = 0
    state: int = 0
    constants: int = 0
    macs: int = 0
    flops: int = 0
    integer_ops: int = 0
    stored_bytes: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(**{name: getattr(self, name) + getattr(other, name) for name in _FIGURES})

    def __sub__(self, other: Amount) -> Amount:
        return Amount(**{name: getattr(self, name) - getattr(other, name) for name in _FIGURES})

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in _FIGURES)


_FIGURES = tuple(field.name for field in fields(Amount))


def amount_of(unit: Unit | None) -> Amount:
    """Return all figures of a unit."""
    if unit is None:
        return Amount()
    elements = dict.fromkeys(Kind, 0)
    for parameter in unit.stored:
        elements[parameter.kind] += parameter.elements
    return Amount(
        parameters=elements[Kind.LEARNABLE],
        state=elements[Kind.STATE],
        constants=elements[Kind.CONSTANT],
        macs=unit.work.macs,
        flops=unit.work.flops,
        integer_ops=unit.work.integer_ops,
        stored_bytes=sum(parameter.stored_bytes for parameter in unit.stored),
    )


def learned_bytes(unit: Unit | None) -> int:
    """Return the bytes of what training gave to a unit: what it learned, and its statistics."""
    stored = unit.stored if unit is not None else ()
    return sum(one.stored_bytes for one in stored if one.kind is not Kind.CONSTANT)


def second_bias(unit: Unit | None) -> Amount:
    """Return what the second biases of a whole recurrent layer amount to."""
    stored = _by_role(unit).get("recurrent bias") if unit is not None else None
    if unit is None or stored is None:
        return Amount()
    return stored + Amount(flops=_bias_flops(unit) // 2)


def has_bias(unit: Unit) -> bool:
    """Say whether a bias is added in it, one that it shares with others included."""
    added = (getattr(entry.node.operation, "bias", False) for entry in unit.entries)
    return any(parameter.role == "bias" for parameter in unit.parameters) or any(added)


def _by_role(unit: Unit) -> dict[str, Amount]:
    """Add up stored elements and bytes by role; a tensor of two roles is divided by their needs."""
    found: dict[str, Amount] = {}
    for parameter in unit.parameters:
        if parameter.kind is Kind.CONSTANT:
            continue
        for role, elements in _shares(parameter, unit.operation).items():
            share = parameter.stored_bytes * elements // max(parameter.elements, 1)
            found[role] = found.get(role, Amount()) + _stored(parameter, elements, share)
    return found


def _stored(parameter: Parameter, elements: int, stored_bytes: int) -> Amount:
    return Amount(
        parameters=elements if parameter.kind is Kind.LEARNABLE else 0,
        state=elements if parameter.kind is Kind.STATE else 0,
        constants=elements if parameter.kind is Kind.CONSTANT else 0,
        stored_bytes=stored_bytes,
    )


def beside(unit: Unit) -> dict[str, Amount]:
    """Return, by reason, what a unit stores beside what its operation learned: a counter, shapes.

    >>> beside(Unit([], [], "", 0))
    {}
    """
    found: dict[str, Amount] = {}
    for parameter in unit.stored:
        if parameter.kind is Kind.CONSTANT:
            reason = _constant_reason(parameter, unit)
        elif any(parameter is one for one in unit.unread):
            reason = f"{parameter.role or 'parameter'} {UNREAD}"
        else:
            continue
        amount = _stored(parameter, parameter.elements, parameter.stored_bytes)
        found[reason] = found.get(reason, Amount()) + amount
    return found


def _constant_reason(parameter: Parameter, unit: Unit) -> str:
    if parameter.role.startswith("quantization ") or (unit.integer and unit.is_anchor):
        return QUANTISED
    if parameter.role == "mask" or (is_floating(parameter.dtype) and parameter.elements > 1):
        return MASKS if unit.aside or unit.masking or parameter.role == "mask" else NUMBERS
    return CONSTANTS


def _shares(parameter: Parameter, operation: Operation | None) -> dict[str, int]:
    roles = parameter.role.split(" + ")
    if len(roles) > 1 and operation is not None:
        counts = operation.parameter_counts()
        needs = {role: counts[role].value for role in roles if role in counts}
        if sum(needs.values()) == parameter.elements:
            return needs
    return {parameter.role: parameter.elements}


def stored_roles(a: Unit, b: Unit) -> Iterator[tuple[str, Amount]]:
    """Yield what stored tensors of a role that only one of the two has amount to.

    Tensors of one size that go by two roles are the same under two names.
    """
    in_a, in_b = _by_role(a), _by_role(b)
    biases = in_a.get("bias"), in_b.get("bias")
    if a.signature == b.signature and all(biases) and len(set(map(_elements, biases))) > 1:
        yield role_reason("bias", a), in_a["bias"] - in_b["bias"]  # of layers side by side
    only_a = {role: amount for role, amount in in_a.items() if role not in in_b}
    only_b = {role: amount for role, amount in in_b.items() if role not in in_a}
    for role, amount in list(only_a.items()):
        twin = next((other for other, found in only_b.items() if found == amount), None)
        if twin is not None:
            del only_a[role], only_b[twin]
    for role, amount in only_a.items():
        yield TYING if amount.parameters in b.shared else role_reason(role, a), amount
    for role, amount in only_b.items():
        yield TYING if amount.parameters in a.shared else role_reason(role, b), Amount() - amount


def role_reason(role: str, unit: Unit) -> str:
    """Name why only one of two has a stored tensor of a role."""
    if role == "recurrent bias":
        return SECOND_BIAS
    if role.startswith("running "):
        return STATISTICS
    if role == "bias":
        return f"bias of {unit.kind} present or absent"
    return f"{role or 'parameter'} of {unit.kind} present or absent"


def bias_work(a: Unit, b: Unit) -> tuple[str, Amount]:
    """Return what the additions of a bias that only one of the two has amount to."""
    if not a.work.macs:
        return "", Amount()
    here, there = _bias_flops(a), _bias_flops(b)
    in_a, in_b = _by_role(a), _by_role(b)
    only = [role for role in _BIASES if _elements(in_a.get(role)) != _elements(in_b.get(role))]
    if here == there or not only or a.signature != b.signature:
        return "", Amount()
    return role_reason(min(only), a), Amount(flops=here - there)


def _elements(amount: Amount | None) -> int:
    return amount.parameters if amount is not None else 0


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
