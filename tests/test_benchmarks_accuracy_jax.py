"""Ours is held to the truth on every case that JAX runs: modules of Flax, and models of Keras."""

from __future__ import annotations

import pytest

from benchmarks.accuracy.judging import OURS, Row, Verdict
from benchmarks.accuracy.running import rows

FRAMEWORKS = ("flax", "keras on jax")
DATA_DECIDES = ("control flow, loop", "control flow, branch")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let XLA optimise nothing: what it compiles is run once."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")


def right(row: Row) -> bool:
    """Say whether a row is right; what the data decides may be a bound that says so."""
    macs = (Verdict.RIGHT, Verdict.BOUND) if row.case in DATA_DECIDES else (Verdict.RIGHT,)
    return row.macs.verdict in macs and row.parameters.verdict is Verdict.RIGHT


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_ours_is_right_or_a_bound_that_says_so(name: str) -> None:
    found = list(rows(name, quick=True, asked=[OURS]))
    assert len(found) > 20
    assert not [row for row in found if not right(row)]


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_networks(name: str) -> None:
    found = [row for row in rows(name, asked=[OURS]) if row.covers in ("network", "experts")]
    assert len(found) > 3
    assert not [row for row in found if not right(row)]
