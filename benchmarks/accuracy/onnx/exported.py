"""Modules of PyTorch, exported as ``torch.onnx`` does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from benchmarks.accuracy.onnx.building import File

__all__ = ["EXPORTED", "exported"]


@lru_cache(maxsize=1)
def exported(name: str) -> File:
    """Export a module as ``torch.onnx`` does it; the last one is kept, for several ask for it."""
    import torch

    torch.manual_seed(0)
    module, inputs = EXPORTED[name]()
    with torch.no_grad():  # what is zero or equal would be merged
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(0.01, 1)
    program = torch.onnx.export(module.eval(), inputs, dynamo=True, verbose=False)
    assert program is not None
    learned = sum(parameter.numel() for parameter in _as_exported(module).parameters())
    return File(program.model_proto, tuple(tensor.numpy() for tensor in inputs), learned)


def _as_exported(module: Any) -> Any:
    """Fold batch norms into convolutions, as the exporter does: a bias is left of each."""
    from torch.fx.experimental.optimization import fuse
    from torch.nn import BatchNorm2d

    folds = any(isinstance(part, BatchNorm2d) for part in module.modules())
    return fuse(module) if folds else module


Made = tuple[Any, tuple[Any, ...]]


def _torch_attention() -> Made:
    import torch

    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.MultiheadAttention(32, 4, batch_first=True)

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            attended: torch.Tensor = self.inner(words, words, words, need_weights=False)[0]
            return attended

    return Attention(), (torch.rand(1, 10, 32),)


def _torchvision(name: str) -> Made:
    import torch
    import torchvision

    return torchvision.models.get_model(name), (torch.rand(1, 3, 224, 224),)


def _bert() -> Made:
    import torch
    from transformers import BertConfig, BertModel

    model = BertModel(BertConfig(), add_pooling_layer=False)
    return _only(model, "last_hidden_state"), (torch.randint(0, 1000, (1, 128)),)


def _gpt2() -> Made:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(use_cache=False))
    return _only(model, "logits"), (torch.randint(0, 1000, (1, 128)),)


def _only(model: Any, output: str) -> Any:
    """Return a module of tokens alone that gives one of the outputs."""
    import torch

    class Only(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, tokens: torch.Tensor) -> Any:
            return getattr(self.model(input_ids=tokens), output)

    return Only()


EXPORTED: Mapping[str, Callable[[], Made]] = {
    "BERT-base": _bert,
    "EfficientNet-B0": partial(_torchvision, "efficientnet_b0"),
    "GPT-2": _gpt2,
    "MobileNetV2": partial(_torchvision, "mobilenet_v2"),
    "ResNet-50": partial(_torchvision, "resnet50"),
    "ViT-B/16": partial(_torchvision, "vit_b_16"),
    "attention": _torch_attention,
}
"""Modules that are exported, with their inputs."""
