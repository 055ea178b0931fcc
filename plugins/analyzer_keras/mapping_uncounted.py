"""Operations of ``keras.ops`` that nobody counts yet: what they are, and why.

A model that uses one lists it as unknown, and its totals are lower bounds. Operations that stand in
no other table are all named here; a test holds that. The module imports nothing, for the docs list
it.
"""

from __future__ import annotations

__all__ = ["UNCOUNTED"]

_EUCLID = "Euclid's algorithm takes as many steps as the numbers say"
_ITERATED = "found by iteration, which ends when the numbers are near enough"

UNCOUNTED: dict[str, str] = {
    "AllClose": "a check, of which no model is made",
    "CTCDecode": "the paths of an alignment, as many as a search keeps",
    "CTCLoss": "the paths of an alignment, as many as the lengths of both sequences allow",
    "Eig": _ITERATED,
    "Eigh": _ITERATED,
    "Gcd": _EUCLID,
    "JVP": "a derivative: what is analysed is forward",
    "Lcm": _EUCLID,
    "Lstsq": _ITERATED,
    "MatrixRank": _ITERATED,
    "Pinv": _ITERATED,
    "Qr": "orthogonal factorization: not settled yet",
    "SVD": _ITERATED,
    "ScaleAndTranslate": "every element has a weight in every result, by a scale that is computed",
}
"""Class of the operation → why it is not counted."""
