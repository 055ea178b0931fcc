"""Several operations in one step are done one after the other."""

from __future__ import annotations

from analyzer.ops import Fused
from tests.oracle.number import Tally
from tests.oracle.registry import ORACLES, oracle


@oracle(Fused)
def _fused(operation: Fused, tally: Tally) -> list[object]:
    return [ORACLES[type(step)](step, tally) for step in operation.steps]
