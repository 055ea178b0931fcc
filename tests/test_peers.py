"""The other tools are run quietly, on copies, and a failure of theirs is a result."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import jax.numpy
import onnx
import pytest
import torch

from benchmarks.peers import Figures
from benchmarks.peers import keras as keras_peers
from benchmarks.peers import onnx as onnx_peers
from benchmarks.peers import pytorch as torch_peers
from benchmarks.peers import xla as xla_peers
from benchmarks.peers.running import tool
from benchmarks.reasons import reason

IMAGE = torch.zeros(1, 3, 8, 8)
MACS = 6 * 6 * 4 * 27 + 144 * 5


def small() -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.Flatten(), torch.nn.Linear(144, 5)
    )


class Failing(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.small = small()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.small(image)
        raise RuntimeError("no\nway")


TORCH_TOOLS = {
    name: run
    for name, run in torch_peers.TOOLS.items()
    if name not in torch_peers.APART and (name != "DeepSpeed" or find_spec("deepspeed"))
}
"""Those that can be installed together, and are."""


@pytest.mark.parametrize("run", TORCH_TOOLS.values(), ids=TORCH_TOOLS)
def test_modules_are_counted_and_left_as_they_were(
    run: Callable[..., Figures], capfd: pytest.CaptureFixture[str]
) -> None:
    model = small()
    before = {name: vars(part).copy() for name, part in model.named_modules()}
    figures = run(model, IMAGE)
    assert not figures.failed
    assert figures.version
    # Some count the bias, some name MACs FLOPs: the tool is run, that is all that is tested here.
    assert {figures.macs, figures.flops} & {MACS, MACS + 5, 2 * MACS}
    assert figures.parameters in (None, sum(weight.numel() for weight in model.parameters()))
    assert {name: vars(part) for name, part in model.named_modules()} == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("run", TORCH_TOOLS.values(), ids=TORCH_TOOLS)
def test_a_failure_is_a_result_and_leaves_nothing_patched(run: Callable[..., Figures]) -> None:
    holders = (torch, torch.Tensor, torch.nn.functional)
    before = [dict(vars(holder)) for holder in holders]
    figures = run(Failing(), IMAGE)
    assert figures.failed
    assert "\n" not in figures.failed
    assert (figures.macs, figures.flops, figures.parameters) == (None, None, None)
    for holder, attributes in zip(holders, before, strict=True):
        changed = {name for name, value in attributes.items() if vars(holder)[name] is not value}
        assert not changed
    assert run(small(), IMAGE) == run(small(), IMAGE)


def test_what_calflops_leaves_patched_is_put_back() -> None:
    before = torch.baddbmm
    torch_peers.calflops(small(), IMAGE)
    assert torch.baddbmm is before


def test_several_inputs() -> None:
    class Sum(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(4, 3, bias=False)

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            joined: torch.Tensor = self.linear(torch.cat((a, b), -1))
            return joined

    parts = torch.zeros(2, 1), torch.zeros(2, 3)
    for run in TORCH_TOOLS.values():
        figures = run(Sum(), *parts)
        assert {figures.macs, figures.flops} & {24, 48}, figures


def test_files_are_counted() -> None:
    file = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["": 17]>
        small (float[2, 4] x) => (float[2, 3] y)
        <float[4, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}> { y = MatMul(x, w) }
    """)
    for run in onnx_peers.TOOLS.values():
        figures = run(file)
        assert (figures.macs, figures.parameters) == (24, 12), figures


def test_functions_and_keras_models_are_counted() -> None:
    import flax.linen
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, use_bias=False)])
    assert keras_peers.keras(model).parameters == 12
    if keras.backend.backend() == "tensorflow":
        assert keras_peers.tensorflow_profiler(model, 2).flops == 48
    x, w = jax.numpy.zeros((2, 4)), jax.numpy.zeros((4, 3))
    assert xla_peers.xla(jax.numpy.matmul, x, w).flops == 48
    assert xla_peers.xla_compiled(jax.numpy.matmul, x, w).flops == 48
    tabulated = xla_peers.flax_tabulate(flax.linen.Dense(3, use_bias=False), x)
    assert (tabulated.flops, tabulated.parameters) == (48, 12)


def test_what_is_not_installed_or_no_count_says_so() -> None:
    @tool("nobody", "no-such-distribution")
    def absent(model: object) -> dict[str, float]:
        return {}

    @tool("half", "torch")
    def half(model: object) -> dict[str, float]:
        return {"macs": 0.5}

    assert absent(None).failed == "no-such-distribution is not installed"
    assert not absent(None).installed
    assert half(None).installed
    assert half(None).failed == "ValueError: macs is 0.5, which is no count"


def test_a_reason_names_no_folder_of_the_machine() -> None:
    said = 'no way\n  File "/home/me/lib/tool.py", line 1; see https://some.where/else'
    assert reason(said) == 'no way File "tool.py", line 1; see https://some.where/else'
    assert reason("long " * 99).endswith(" …")
