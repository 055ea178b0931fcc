"""What a stored tensor is: learnable, state or constant, and its role."""

from __future__ import annotations

from dataclasses import replace

from analyzer import Kind
from analyzer_tensorflow.values import Claim, Stored

__all__ = ["claim_of"]

_UNCLAIMED = Claim("", kind=Kind.CONSTANT)


def claim_of(stored: Stored, *, frozen: bool) -> Claim:
    """Settle what all uses together make of a stored tensor.

    A variable says whether it is trained; one that is not is learnable all the same where its use
    is a weight's by definition (a frozen kernel), else it is state. Of the constants of a frozen
    graph, which has no variables, only the uses tell; beside variables they are constants, and so
    is what nobody claims.

    >>> weight = Stored("w", (2, 2), "float32", trainable=False, claims=[Claim("kernel")])
    >>> claim_of(weight, frozen=False).kind.value
    'learnable'
    >>> claim_of(Stored("mean", (2,), "float32", trainable=False), frozen=False).kind.value
    'state'
    """
    best = min(stored.claims, key=_rank, default=_UNCLAIMED)
    if stored.trainable is None:
        return best if frozen else replace(best, kind=Kind.CONSTANT)
    if stored.trainable:
        return replace(best, kind=Kind.LEARNABLE, assumed=False)
    known = best.kind is Kind.LEARNABLE and bool(best.role) and not best.assumed
    return replace(best, kind=Kind.LEARNABLE if known else Kind.STATE, assumed=False)


def _rank(claim: Claim) -> tuple[bool, bool, bool]:
    return (claim.kind is Kind.CONSTANT, claim.assumed, claim.kind is Kind.STATE)
