"""What a stored tensor is: learnable, state or constant. ONNX does not say; its uses do."""

from __future__ import annotations

from analyzer import Kind
from analyzer_onnx.values import Claim, Stored

__all__ = ["role_of"]

_UNCLAIMED = Claim(Kind.CONSTANT, "constant")


def role_of(stored: Stored) -> Claim:
    """Settle what all uses together make of a stored tensor.

    A use that an operator's definition tells (the ``W`` of a convolution) goes before one that is
    assumed (an addition); learnable goes before state; what nobody claims is a constant. A whole
    map that is filled with one number is where a layer starts: it is not assumed to be learned.

    >>> bias = Claim(Kind.LEARNABLE, "bias", assumed=True)
    >>> kernel = Claim(Kind.LEARNABLE, "kernel")
    >>> role_of(Stored("w", (2, 2), "float32", 1, 16, claims=[bias, kernel])).role
    'kernel'
    """
    claims = stored.claims
    if stored.generated and sum(size > 1 for size in stored.shape) > 1:
        claims = [claim for claim in claims if not claim.assumed]
    return min(claims, key=_rank, default=_UNCLAIMED)


def _rank(claim: Claim) -> tuple[bool, bool, bool]:
    return (claim.kind is Kind.CONSTANT, claim.assumed, claim.kind is Kind.STATE)
