"""Ours beside torch's own counter, interleaved in one process: a full report against one number.

    python benchmarks/quick.py

Prints medians of seven runs after one that warms up, and their ratio. Times are of this machine and
this moment; the ratio is what means something.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
import torchvision
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

import analyzer

RUNS = 7


def macs_by_torch(model: torch.nn.Module, image: torch.Tensor) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image)
    return int(counter.get_total_flops()) // 2


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    torch.backends.mha.set_fastpath_enabled(False)
    table = Table("model", "ours, s", "FlopCounterMode, s", "ratio", "the same MACs")
    for name in ("resnet50", "vit_b_16"):
        model = torchvision.models.get_model(name).eval()
        with torch.device("meta"):
            bare = torchvision.models.get_model(name).eval()
            image = torch.empty(1, 3, 224, 224)
        same = analyzer.analyze(model, (1, 3, 224, 224)).totals.macs == macs_by_torch(bare, image)
        ours, theirs = [], []
        for _ in range(RUNS):
            ours.append(seconds(lambda: analyzer.analyze(model, (1, 3, 224, 224))))  # noqa: B023
            theirs.append(seconds(lambda: macs_by_torch(bare, image)))  # noqa: B023
        one, other = statistics.median(ours), statistics.median(theirs)
        table.add_row(name, f"{one:.3f}", f"{other:.3f}", f"{one / other:.2f}", str(same))
    Console().print(table)


if __name__ == "__main__":
    main()
