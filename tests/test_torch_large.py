"""A model of any size is analysed without its weights or activations being there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import analyzer

LLAMA = """
import json, re, time
from pathlib import Path
import torch, transformers
import analyzer

layers, tokens, hidden, inner, heads, kv_heads, vocabulary = {sizes}
config = transformers.LlamaConfig(
    hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers,
    num_attention_heads=heads, num_key_value_heads=kv_heads, vocab_size=vocabulary,
)
start = time.process_time()
with torch.device("meta"):
    model = transformers.LlamaForCausalLM(config)
tokens = analyzer.InputSpec(name="input_ids", shape=(1, tokens), dtype="int64")
report = analyzer.analyze(model, tokens)
held = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(json.dumps({{
    "complete": report.coverage.complete,
    "macs": report.totals.macs,
    "parameters": report.totals.parameters.total,
    "seconds": time.process_time() - start,
    "bytes": 1024 * int(held),
}}))
"""
"""Prints what was found, the processor's time for it, and the most memory that was held."""

measured = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system tells memory in /proc"
)


def llama(layers: int, tokens: int) -> tuple[dict[str, float], int]:
    """Analyse a Llama of the width of 3.1-405B by itself; return that and its MACs by hand.

    Every linear weight is used once a token, the head's too, and attention is a full square.
    """
    hidden, inner, heads, kv_heads, vocabulary = 16384, 53248, 128, 8, 128256
    sizes = (layers, tokens, hidden, inner, heads, kv_heads, vocabulary)
    done = subprocess.run(
        [sys.executable, "-c", LLAMA.format(sizes=sizes)],
        check=True,
        capture_output=True,
        text=True,
    )
    narrow = hidden // heads * kv_heads
    weights = layers * (2 * hidden * hidden + 2 * hidden * narrow + 3 * hidden * inner)
    square = 2 * tokens * tokens * hidden
    macs = tokens * (weights + hidden * vocabulary) + layers * square
    return json.loads(done.stdout), macs


@measured
@pytest.mark.slow
def test_llama_405b() -> None:
    found, macs = llama(126, 8192)
    assert found["complete"]
    assert found["parameters"] == 405_853_388_800
    assert found["macs"] == macs
    assert found["seconds"] < 15
    assert found["bytes"] < 2e9


@measured
@pytest.mark.slow
def test_memory_grows_with_operations_and_not_with_tensors() -> None:
    short, _ = llama(4, 64)
    long, macs = llama(4, 1 << 20)
    assert long["macs"] == macs
    assert long["bytes"] < short["bytes"] + 64e6


class Masked(nn.Module):
    """Makes, of small ranges, a mask that no machine could hold."""

    def forward(self, x: Tensor) -> Tensor:
        at = torch.arange(x.shape[0])
        allowed = at[:, None] >= at
        far = (at[:, None] - at).clamp(-5, 5).repeat(3, 1, 1)
        ones = torch.ones(1).expand(allowed.shape).contiguous()
        return x.masked_fill(~allowed, 0.0) + far[0] + ones


def test_small_tensors_that_grow_large() -> None:
    length = 1 << 22
    report = analyzer.analyze(Masked(), (length, 1))
    assert report.coverage.complete
    (output,) = report.model.outputs
    assert output.shape == (length, length)
    assert not report.notes  # it was not run on real numbers
