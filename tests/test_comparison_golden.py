"""Comparisons of networks that people know are as written down, add up, and take nothing back."""

from __future__ import annotations

import pytest

from tests.comparisons import FAMILIES, cancelling, cases, compared, family, golden, title, told

QUICK = {
    ("BERT", "BERT, GELU by tanh"),
    ("BERT", "BERT, attention spelled out"),
    ("BERT", "BERT, longer"),
    ("BERT", "BERT, masked words"),
    ("Llama", "Llama, 3 blocks"),
    ("Llama", "Llama, float16"),
}


@pytest.mark.filterwarnings("ignore")  # the exporters' own
@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        pytest.param(
            *case, marks=[] if case[1:] in QUICK else pytest.mark.slow, id=title(*case[1:])
        )
        for case in cases()
    ],
)
def test_a_comparison_is_as_it_is_written_down(name: str, a: str, b: str) -> None:
    found = compared(name, a, b)
    assert not found.remainder
    assert told(found) == golden(name)[title(a, b)]
    assert cancelling(found) == []


@pytest.mark.parametrize("name", FAMILIES)
def test_every_comparison_is_written_down(name: str) -> None:
    assert list(golden(name)) == [title(a, b) for a, b in family(name).pairs]
