"""Mixtures of experts: what a token touches follows from the router."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

import analyzer
from analyzer import InputSpec, Report

WIDTH, TOKENS = 32, 6
TOKEN_IDS = InputSpec(name="input_ids", shape=(1, TOKENS), dtype="int64")
COMMON = {
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
}

CASES: dict[str, tuple[dict[str, Any], int, int, int, int]] = {
    # name of the classes: what its configuration says; experts, those a token reaches, elements
    # of one expert, layers that have experts
    "DeepseekV3": (
        {
            "n_routed_experts": 16,
            "num_experts_per_tok": 4,
            "n_group": 4,
            "topk_group": 2,
            "n_shared_experts": 2,
            "moe_intermediate_size": 24,
            "first_k_dense_replace": 1,
            "q_lora_rank": 16,
            "kv_lora_rank": 16,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 8,
            "v_head_dim": 8,
            "num_key_value_heads": 4,
        },
        16,
        4,
        3 * WIDTH * 24,
        1,
    ),
    "GptOss": (
        {"num_local_experts": 8, "num_experts_per_tok": 2, "head_dim": 8},
        8,
        2,
        3 * WIDTH * 64 + 2 * 64 + WIDTH,
        2,
    ),
    "Mixtral": ({"num_local_experts": 8, "num_experts_per_tok": 2}, 8, 2, 3 * WIDTH * 64, 2),
    "Phimoe": ({"num_local_experts": 8, "num_experts_per_tok": 2}, 8, 2, 3 * WIDTH * 64, 2),
    "Qwen3Moe": (
        {
            "num_experts": 8,
            "num_experts_per_tok": 3,
            "moe_intermediate_size": 24,
            "head_dim": 8,
        },
        8,
        3,
        3 * WIDTH * 24,
        2,
    ),
}


def analysed(name: str, implementation: str, device: str) -> Report:
    config = getattr(transformers, f"{name}Config")(**{**COMMON, **CASES[name][0]})
    with torch.device(device):
        model: Any = getattr(transformers, f"{name}ForCausalLM")(config)
    model.set_experts_implementation(implementation)
    return analyzer.analyze(model, TOKEN_IDS)


@pytest.mark.parametrize(
    ("implementation", "device"), [("grouped_mm", "meta"), ("batched_mm", "meta"), ("eager", "cpu")]
)
@pytest.mark.parametrize("name", CASES)
def test_active_parameters(name: str, implementation: str, device: str) -> None:
    _, experts, chosen, size, layers = CASES[name]
    counts = analysed(name, implementation, device).totals.parameters
    assert counts.total - counts.active == layers * (experts - chosen) * size


@pytest.mark.parametrize("name", CASES)
def test_work_is_tokens_times_experts_a_token(name: str) -> None:
    """Whatever way the products are made: one by one for each expert, or for each pair."""
    _, _, chosen, _, layers = CASES[name]
    intermediate = CASES[name][0].get("moe_intermediate_size", COMMON["intermediate_size"])
    for implementation, device in (("batched_mm", "meta"), ("eager", "cpu")):
        report = analysed(name, implementation, device)
        found = [layer.macs for layer in report.layers if layer.path.endswith(".experts")]
        assert found == [TOKENS * chosen * 3 * WIDTH * intermediate] * layers


class Listed(nn.Module):
    """A mixture of modules in a list, each run by itself on what is routed to it."""

    def __init__(self, experts: int, chosen: int, *, where: str) -> None:
        super().__init__()
        self.router = nn.Linear(WIDTH, experts)
        self.experts = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(experts))
        self.chosen = chosen
        self.where = where

    def forward(self, x: Tensor) -> Tensor:
        weights, places = self.router(x).softmax(-1).topk(self.chosen, dim=-1)
        result = torch.zeros_like(x)
        for place, expert in enumerate(self.experts):
            if self.where == "chosen":
                rows, columns = torch.where(places == place)
                result[rows] += weights[rows, columns, None] * expert(x[rows])
            else:
                share = (weights * (places == place)).sum(-1, keepdim=True)
                result = result + share * expert(x)
        return result


@pytest.mark.parametrize("where", ["chosen", "everywhere"])
def test_experts_in_a_list(where: str) -> None:
    report = analyzer.analyze(Listed(7, 3, where=where), (4, WIDTH))
    one = WIDTH * WIDTH + WIDTH
    counts = report.totals.parameters
    assert counts.total == 7 * one + 7 * (WIDTH + 1)
    assert counts.active == 3 * one + 7 * (WIDTH + 1)


class Shortlist(nn.Module):
    """Chooses, and has no experts: a stack of layers that happens to be as long."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))
        self.table = nn.Parameter(torch.zeros(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        best = x.topk(2, dim=0).values
        return best @ self.table


def test_what_only_looks_like_experts() -> None:
    counts = analyzer.analyze(Shortlist(), (5, 8)).totals.parameters
    assert counts.active == counts.total
