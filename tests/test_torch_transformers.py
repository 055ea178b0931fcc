"""Architectures of transformers, small: counts equal PyTorch's own instrumented runs."""

from __future__ import annotations

import re

import pytest

import analyzer
from tests.torch_architectures import ARCHITECTURES, TEXT, Architecture
from tests.torch_truth import check_against_torch, counted_by_torch

QUICK = (
    "bert",
    "clip",
    "deberta-v2",
    "gemma2",
    "llama",
    "mamba2",
    "mixtral",
    "swin",
    "t5",
    "wav2vec2",
    "whisper",
)
EXPERTS = [name for name, architecture in ARCHITECTURES.items() if architecture.experts]


def check(architecture: Architecture) -> None:
    if not architecture.known:
        pytest.skip(f"the installed transformers has no {architecture.model}")
    # Many look at small tensors that they made themselves, which the counter cannot without data.
    check_against_torch(architecture.build(), dict(architecture.inputs), real=True)


@pytest.mark.parametrize("name", QUICK)
def test_macs_are_those_of_the_flop_counter(name: str) -> None:
    check(ARCHITECTURES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name not in QUICK])
def test_every_architecture(name: str) -> None:
    check(ARCHITECTURES[name])


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("mixtral", "gpt-oss") else pytest.param(name, marks=pytest.mark.slow)
        for name in EXPERTS
    ],
)
def test_active_parameters_are_those_that_a_token_is_sent_to(name: str) -> None:
    architecture = ARCHITECTURES[name]
    assert architecture.experts is not None
    there, at_work = architecture.experts
    model = architecture.build()
    found = analyzer.analyze(model, dict(architecture.inputs)).totals.parameters
    stacked = re.compile(r"\.experts\.|\.(in|out)put_linear\.")
    inside = sum(p.numel() for path, p in model.named_parameters() if stacked.search(path))
    assert inside
    assert found.active == found.total - inside * (there - at_work) // there


def test_experts_cost_the_same_however_they_are_computed() -> None:
    counted = []
    for way in ("grouped_mm", "batched_mm", "eager"):
        model = ARCHITECTURES["mixtral"].build(experts_implementation=way)
        counted.append(analyzer.analyze(model, dict(TEXT)).totals.macs)
    truth = counted_by_torch(model, **TEXT)
    assert counted == [truth] * 3


def test_attention_costs_the_same_however_it_is_computed() -> None:
    for name in ("llama", "gpt2"):
        counted = []
        for way in ("sdpa", "eager"):
            model = ARCHITECTURES[name].build(attn_implementation=way)
            counted.append(analyzer.analyze(model, dict(TEXT)).totals.macs)
        assert counted == [counted_by_torch(model, **TEXT)] * 2


def test_a_cache_is_not_left_behind() -> None:
    model = ARCHITECTURES["llama"].build()
    first = analyzer.analyze(model, dict(TEXT))
    assert analyzer.analyze(model, dict(TEXT)).totals == first.totals
