"""Nothing of the user's is disturbed: whatever way a model is read, and whether it fails or not."""

from __future__ import annotations

import random
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode
from torch.utils.flop_counter import FlopCounterMode

import analyzer
from analyzer import ModelError

SHAPE = (2, 3, 8, 8)
MACS = 2 * 6 * 6 * 4 * 3 * 3 * 3


class Careless(nn.Module):
    """Changes everything that a ``forward`` can change."""

    def __init__(self, *, looks: bool = False, fails: bool = False) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.frozen = nn.BatchNorm2d(4).eval()
        self.power = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 6))
        self.position: Tensor
        self.register_buffer("position", torch.arange(4.0).reshape(4, 1, 1))
        self.register_buffer("hidden", torch.ones(4, 1, 1), persistent=False)
        self.convolution.bias.requires_grad = False  # type: ignore[union-attr]
        self.counter = torch.zeros(())
        self.cache: Tensor | None = None
        self.seen: list[Any] = []
        self.by_name: dict[str, list[int]] = {"ran": []}
        self.last: deque[int] = deque([1, 2], maxlen=2)
        self.ready = False
        self.looks, self.fails = looks, fails

    def forward(self, image: Tensor) -> Tensor:
        if not self.ready:
            self.norm.register_forward_hook(lambda *_: None)
            self.norm.register_forward_pre_hook(lambda *_: None, with_kwargs=True)
            self.register_buffer("late", torch.zeros(1))
            self.added = nn.Linear(1, 1)
            self.ready = True
        random.random()
        numpy.random.rand()
        torch.rand(3)
        self.counter += 1
        features: Tensor = self.frozen(self.norm(self.convolution(image)))
        self.position += 1
        self.position = self.position * 2
        self.cache = features
        self.seen.append(features)
        self.by_name["ran"].append(1)
        self.last.append(3)
        self.norm.training = not self.norm.training
        torch.set_default_dtype(torch.float64)
        with torch.no_grad():
            self.convolution.weight.mul_(2)
            self.norm.running_mean.zero_()  # type: ignore[union-attr]
        if self.looks and features.sum().item() > 1e9:
            features = -features
        if self.fails:
            raise RuntimeError("it was to be")
        result: Tensor = self.power(features) + self.position
        return result


def state_of(model: nn.Module) -> dict[str, Any]:
    """Return everything of a model, and of the process, that could be different afterwards."""
    stored = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    hooks = [name for name in vars(nn.Module()) if name.endswith("_hooks")]
    global_hooks = [name for name in vars(module_hooks) if name.startswith("_global_")]
    return {
        "modules": {path: id(module) for path, module in model.named_modules()},
        "identities": {name: id(tensor) for name, tensor in stored.items()},
        "addresses": {name: tensor.data_ptr() for name, tensor in stored.items()},
        "values": {name: tensor.detach().numpy().tobytes() for name, tensor in stored.items()},
        "versions": {name: tensor._version for name, tensor in stored.items()},
        "keys": list(model.state_dict()),
        "gradients": {name: (t.requires_grad, t.grad) for name, t in stored.items()},
        "training": {path: module.training for path, module in model.named_modules()},
        "attributes": {
            path: {name: repr(value) for name, value in vars(module).items()}
            for path, module in model.named_modules()
        },
        "hooks": {
            (path, name): list(getattr(module, name))
            for path, module in model.named_modules()
            for name in hooks
            if hasattr(module, name)
        },
        "global hooks": {name: repr(getattr(module_hooks, name)) for name in global_hooks},
        "random": (
            torch.random.get_rng_state().numpy().tobytes(),
            random.getstate(),
            repr(numpy.random.get_state()),
        ),
        "modes": (
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.get_autocast_dtype("cpu"),
            torch.get_default_dtype(),
            torch.get_default_device(),
            _get_current_dispatch_mode(),
            torch._C._len_torch_function_stack(),
            torch._C._dispatch_tls_local_exclude_set().raw_repr(),
            torch._C._dispatch_tls_local_include_set().raw_repr(),
        ),
        "switches": (
            torch.backends.mha.get_fastpath_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_num_threads(),
            torch.compile,
            list(warnings.filters),
            _stance(),
        ),
    }


def _stance() -> str:
    dynamo = sys.modules.get("torch._dynamo.eval_frame")
    return "default" if dynamo is None else dynamo._stance.stance


@pytest.mark.parametrize("mode", ["inference", "train"])
@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
@pytest.mark.parametrize("looks", [False, True], ids=["without data", "on real numbers"])
def test_everything_is_as_it_was(mode: str, fails: bool, looks: bool) -> None:
    model = Careless(looks=looks, fails=fails)
    random.seed(1)
    numpy.random.seed(1)
    before = state_of(model)
    if fails:
        with pytest.raises(ModelError, match="it was to be"):
            analyzer.analyze(model, SHAPE, mode=mode)
    else:
        report = analyzer.analyze(model, SHAPE, mode=mode)
        assert report["convolution"].macs == MACS
        assert looks == any("real numbers" in note for note in report.notes)
    after = state_of(model)
    for part, value in before.items():
        assert after[part] == value, part
    with torch.no_grad():
        assert model.eval().fails or model(torch.ones(SHAPE)).shape == (2, 4, 6, 6)
    torch.set_default_dtype(torch.float32)


def test_an_exported_program_is_as_it_was() -> None:
    program = torch.export.export(nn.Sequential(nn.Linear(6, 6), nn.ReLU()), (torch.ones(2, 6),))
    code = program.graph_module.code
    state = {name: tensor.data_ptr() for name, tensor in program.state_dict.items()}
    analyzer.analyze(program)
    assert program.graph_module.code == code
    assert {name: tensor.data_ptr() for name, tensor in program.state_dict.items()} == state


class Counting(TorchDispatchMode):
    """A mode of the user's, that counts operators."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


CONTEXTS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "device meta": lambda: torch.device("meta"),
    "enable_grad": torch.enable_grad,
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "nothing": nullcontext,
    "the user's mode": Counting,
}


@pytest.mark.parametrize("looks", [False, True], ids=["without data", "on real numbers"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_in_a_context_of_the_users(context: str, looks: bool) -> None:
    model = Careless(looks=looks)
    plain = analyzer.analyze(model, SHAPE)
    with CONTEXTS[context]() as entered:
        before = state_of(model)
        counted = getattr(entered, "count", 0)
        report = analyzer.analyze(model, SHAPE)
        assert getattr(entered, "count", 0) == counted
        assert state_of(model)["modes"] == before["modes"]
    assert report.totals == plain.totals
    assert report.to_dict()["layers"] == plain.to_dict()["layers"]


def test_a_counter_around_it_counts_nothing() -> None:
    with FlopCounterMode(display=False) as counter:
        analyzer.analyze(nn.Linear(4, 4), (2, 4))
    assert counter.get_total_flops() == 0


def test_threads() -> None:
    """Each gets its own result, and hooks of one do not follow the modules of another."""
    models = [nn.Sequential(*(nn.Linear(4 + at, 4 + at) for _ in range(20))) for at in range(6)]
    looking = [Careless(looks=True) for _ in range(3)]
    shared = nn.Sequential(*(nn.Linear(9, 9) for _ in range(20)))
    found: dict[int, list[int | None]] = {}
    work: list[tuple[nn.Module, tuple[int, ...]]] = []
    work += [(model, (3, 4 + at)) for at, model in enumerate(models)]
    work += [(model, SHAPE) for model in looking] + [(shared, (2, 9))] * 3
    start = threading.Barrier(len(work))

    def analyse(number: int) -> None:
        model, shape = work[number]
        start.wait()
        report = analyzer.analyze(model, shape)
        found[number] = [report.totals.macs, len(report.layers), report.layers[1].calls]

    threads = [threading.Thread(target=analyse, args=(number,)) for number in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for at in range(len(models)):
        assert found[at] == [20 * 3 * (4 + at) ** 2, 21, 1]
    alone = analyzer.analyze(Careless(), SHAPE)
    for at in range(len(models), len(models) + len(looking)):
        assert found[at] == [alone.totals.macs, len(alone.layers), 1]
    assert found[len(work) - 1] == [20 * 2 * 81, 21, 1]


def test_another_thread_that_runs_modules_is_not_followed() -> None:
    model, other = nn.Sequential(nn.Linear(4, 4)), nn.Sequential(nn.Linear(4, 4))
    results: list[Tensor] = []

    class Waits(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            thread = threading.Thread(target=lambda: results.append(other(torch.ones(2, 4))))
            thread.start()
            thread.join()
            return x

    report = analyzer.analyze(nn.Sequential(Waits(), model, other), (2, 4))
    assert report.totals.macs == 2 * (2 * 4 * 4)
    assert results[0].device.type == "cpu"
    assert [layer.calls for layer in report.layers] == [1] * 6


class TestHooksOfTheUsers:
    """They are part of what the model does."""

    def test_they_run_and_change_what_flows(self) -> None:
        model = nn.Sequential(nn.Linear(4, 6), nn.Linear(3, 2))
        model[0].register_forward_hook(lambda module, args, output: output[:, :3] * 2)
        model[1].register_forward_pre_hook(lambda module, args: (args[0] + 1,))
        report = analyzer.analyze(model, (5, 4))
        assert report.totals.macs == 5 * 4 * 6 + 5 * 3 * 2
        assert report.totals.flops_by_category is not None
        assert report.totals.flops_by_category["elementwise"] == 5 * 3 + 5 * 3

    def test_one_that_fails_is_told(self) -> None:
        def refuse(*_: Any) -> None:
            raise RuntimeError("not this way")

        model = nn.Sequential(nn.Linear(4, 4))
        handle = model[0].register_forward_hook(refuse)
        with pytest.raises(ModelError, match="not this way"):
            analyzer.analyze(model, (2, 4))
        handle.remove()
        assert analyzer.analyze(model, (2, 4)).totals.macs == 2 * 4 * 4

    def test_hooks_for_all_modules(self) -> None:
        seen: list[str] = []
        handle = module_hooks.register_module_forward_hook(
            lambda module, *_: seen.append(type(module).__name__)
        )
        try:
            analyzer.analyze(nn.Sequential(nn.Linear(4, 4)), (2, 4))
        finally:
            handle.remove()
        assert seen == ["Linear", "Sequential"]
