"""Tools that count PyTorch modules: each takes a module and the tensors that it is called with."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks.peers.running import Figures, attributes_kept, deep_copy, tool
from benchmarks.truth.pytorch import may_multiply

__all__ = ["APART", "TOOLS"]

Numbers = dict[str, Any]


@contextmanager
def _kept() -> Iterator[None]:
    functional = torch.nn.functional
    with attributes_kept(functional, torch, torch.Tensor):
        yield


def _evaluated(model: torch.nn.Module) -> torch.nn.Module:
    return deep_copy(model).eval()


def _on_meta(model: torch.nn.Module) -> torch.nn.Module:
    return _evaluated(model).to("meta")


@tool("flop counter", "torch", prepare=_evaluated)
def flop_counter(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run ``torch.utils.flop_counter`` where the tensors are, gradients recorded."""
    return {"flops": _flops(model, *inputs)}


@tool("flop counter, no gradients", "torch", prepare=_evaluated)
def flop_counter_without_gradients(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run it under ``no_grad``, where encoder layers may take a fast path that it does not see."""
    with torch.no_grad():
        return {"flops": _flops(model, *inputs)}


@tool("flop counter, meta", "torch", prepare=_on_meta)
def flop_counter_on_meta(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run it on tensors without data, where attention is two products of matrices."""
    moved = [tensor.to("meta") for tensor in inputs]
    return {"flops": _flops(model, *moved)}


def _flops(model: torch.nn.Module, *inputs: torch.Tensor) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    return int(counter.get_total_flops())


@tool("fvcore", "fvcore", prepare=_evaluated)
def fvcore(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run ``fvcore.nn.FlopCountAnalysis``, whose flops are mostly MACs.

    It tells which operators it leaves out; where one is a product, it says that it gives a bound.
    """
    from fvcore.nn import FlopCountAnalysis, parameter_count

    analysis = FlopCountAnalysis(model, inputs)
    analysis.unsupported_ops_warnings(enabled=False).uncalled_modules_warnings(enabled=False)
    numbers = {"flops": analysis.total(), "parameters": parameter_count(model)[""]}
    return {**numbers, "bound": _bound(analysis.unsupported_ops())}


def _bound(left_out: Iterable[str]) -> str:
    return "lower bound" if any(map(may_multiply, left_out)) else ""


def _ptflops(model: torch.nn.Module, inputs: tuple[torch.Tensor, ...], backend: str) -> Numbers:
    from ptflops import get_model_complexity_info

    # It calls the model with a tensor, or with a dict of arguments; several go through one.
    whole = _Called(model).eval() if len(inputs) > 1 else model
    given = {"inputs": inputs} if len(inputs) > 1 else inputs[0]
    macs, parameters = get_model_complexity_info(
        whole,
        (1,),
        as_strings=False,
        print_per_layer_stat=False,
        input_constructor=lambda _: given,
        backend=backend,
    )
    if macs is None:
        raise RuntimeError("it could not run the model")
    return {"macs": macs, "parameters": parameters}


class _Called(torch.nn.Module):
    """A module of several inputs as one that takes them together."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: tuple[torch.Tensor, ...]) -> object:
        return self.model(*inputs)


@tool("ptflops", "ptflops", prepare=_evaluated, within=_kept)
def ptflops(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run ptflops as it comes: its backend ``pytorch``, hooks on modules and patched functions."""
    return _ptflops(model, inputs, "pytorch")


@tool("ptflops, aten", "ptflops", prepare=_evaluated, within=_kept)
def ptflops_aten(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run its backend ``aten``, which sees what is dispatched."""
    return _ptflops(model, inputs, "aten")


def _thop(model: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> Numbers:
    from thop import profile

    macs, parameters = profile(model, inputs=inputs, verbose=False)
    return {"macs": macs, "parameters": parameters}


@tool("thop", "thop", prepare=_evaluated)
def thop(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run ``thop.profile``: hooks on modules."""
    return _thop(model, inputs)


@tool("ultralytics-thop", "ultralytics-thop", prepare=_evaluated)
def ultralytics_thop(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run ``thop.profile`` of Ultralytics: hooks on modules, and products between them."""
    return _thop(model, inputs)


@tool("torchinfo", "torchinfo", prepare=_evaluated)
def torchinfo(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run ``torchinfo.summary``: the mult-adds under its table."""
    from torchinfo import summary

    found = summary(model, input_data=list(inputs), verbose=0, device=inputs[0].device)
    return {"macs": found.total_mult_adds, "parameters": found.total_params}


@tool("calflops", "calflops", prepare=_evaluated, within=_kept)
def calflops(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run ``calflops.calculate_flops``: patched functions."""
    from calflops import calculate_flops, calculate_pipline

    try:
        flops, macs, parameters = calculate_flops(
            model,
            args=list(inputs),
            print_results=False,
            print_detailed=False,
            output_as_string=False,
        )
    finally:  # after a failure they would be added to the next model's
        calculate_pipline.module_flop_count.clear()
        calculate_pipline.module_mac_count.clear()
    return {"flops": flops, "macs": macs, "parameters": parameters}


@tool("DeepSpeed", "deepspeed", prepare=_evaluated, within=_kept)
def deepspeed(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run ``deepspeed.profiling.flops_profiler.get_model_profile``: patched functions."""
    import einops
    from deepspeed.profiling.flops_profiler import get_model_profile, profiler

    try:
        with attributes_kept(einops):
            flops, macs, parameters = get_model_profile(
                model, args=list(inputs), print_profile=False, as_string=False, warm_up=0
            )
    finally:  # after a failure they would be added to the next model's
        profiler.module_flop_count.clear()
        profiler.module_mac_count.clear()
    return {"flops": flops, "macs": macs, "parameters": parameters}


@tool("torchprofile", "torchprofile", prepare=_evaluated)
def torchprofile(model: torch.nn.Module, *inputs: torch.Tensor) -> Numbers:
    """Run ``torchprofile.profile_macs``: a traced graph. It warns of operators that it leaves out.

    (Its words: ``No handlers found: "aten::_convolution_mode". Skipped.``)
    """
    from torchprofile import profile_macs

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        macs = profile_macs(model, inputs)
    assert isinstance(macs, int)  # a mapping by nodes only where one asks for it
    said = " ".join(str(one.message) for one in warned)
    return {"macs": macs, "bound": _bound(re.findall(r'No handlers found: "([^"]+)"', said))}


TOOLS: Mapping[str, Callable[..., Figures]] = {
    "DeepSpeed": deepspeed,
    "calflops": calflops,
    "flop counter": flop_counter,
    "flop counter, meta": flop_counter_on_meta,
    "flop counter, no gradients": flop_counter_without_gradients,
    "fvcore": fvcore,
    "ptflops": ptflops,
    "ptflops, aten": ptflops_aten,
    "thop": thop,
    "torchinfo": torchinfo,
    "torchprofile": torchprofile,
    "ultralytics-thop": ultralytics_thop,
}
"""Every tool by the name that its figures bear; call with ``(module, *tensors)``."""

APART = ("ultralytics-thop",)
"""Tools whose modules bear the names of another's: each needs a folder and a process of its own."""
