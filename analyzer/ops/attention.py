"""Scaled dot-product attention."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from analyzer.expression import Factor, product, total
from analyzer.ops.base import Cost, Operation
from analyzer.ops.elementwise import FUNCTIONS
from analyzer.ops.softmax import softmax_cost

__all__ = ["Attention", "Mask"]


class Mask(StrEnum):
    """What keeps a query from seeing some of the keys."""

    NONE = "none"
    CAUSAL = "causal"
    BOOLEAN = "boolean"
    ADDITIVE = "additive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention(Operation):
    """``softmax(Q Kᵀ / √qk_width + mask) V``.

    ``(batch, heads, queries, qk_width), (batch, kv_heads, keys, qk_width),
    (batch, kv_heads, keys, v_width) → (batch, heads, queries, v_width)``

    A causal mask does not lessen the count: the full square of queries and keys is counted. A mask
    that selects costs nothing; an additive one is an addition for every score. ``dropout`` says
    that weights are dropped, and the others scaled, as in training.

    >>> Attention(batch=1, heads=12, kv_heads=12, queries=197, keys=197, qk_width=64,
    ...           v_width=64).cost().macs.numbers()
    '1·12·197·197·(64 + 64)'
    """

    batch: int
    heads: int
    kv_heads: int
    queries: int
    keys: int
    qk_width: int
    v_width: int
    mask: Mask = Mask.NONE
    scaled: bool = True
    dropout: bool = False

    lesson: ClassVar[str] = (
        "Every query is multiplied with every key (one score for each pair), the scores of a query "
        "become weights by softmax, and the values are summed with these weights. The work grows "
        "with queries × keys; attention itself has no parameters, its projections do."
    )

    def cost(self) -> Cost:
        rows = product(batch=self.batch, heads=self.heads, queries=self.queries)
        pairs = product(rows, product(keys=self.keys))
        widths = total((product(query_width=self.qk_width), product(value_width=self.v_width)))
        steps = total(
            (
                Factor("scale", int(self.scaled)),
                Factor("add mask", int(self.mask is Mask.ADDITIVE)),
                Factor("dropout", FUNCTIONS["dropout"].flops * self.dropout),
            )
        )
        return Cost(
            macs=product(pairs, widths),
            elementwise=product(pairs, steps),
            softmax=softmax_cost(rows, self.keys),
        )
