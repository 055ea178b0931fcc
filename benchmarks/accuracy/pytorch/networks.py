"""Cases that are whole networks, as torchvision and transformers make them, without weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torchvision
from torch import Tensor, nn

from benchmarks.accuracy.cases import Case
from benchmarks.accuracy.pytorch.building import case, tokens

__all__ = ["NETWORKS"]


class Called(nn.Module):
    """A network whose result is one tensor of what it returns; its inputs are positional."""

    def __init__(self, network: nn.Module, output: str, inputs: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.network = network
        self.output = output
        self.inputs = inputs

    def forward(self, *given: Tensor) -> Tensor:
        named = dict(zip(self.inputs, given, strict=True)) if self.inputs else {}
        found: Any = self.network(*(() if named else given), **named)
        tensor: Tensor = found[self.output]
        return tensor


def _image(name: str, title: str) -> Case:
    def build() -> nn.Module:
        made: nn.Module = torchvision.models.get_model(name, weights=None)
        return made

    return case(title, "network", build, (1, 3, 224, 224), quick=False)


def _segmentation() -> nn.Module:
    network = torchvision.models.segmentation.deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None
    )
    return Called(network, "out")


def _text(
    model: str, output: str = "last_hidden_state", **settings: Any
) -> Callable[[], nn.Module]:
    """Make a network of transformers by its class and what its configuration changes."""

    def build() -> nn.Module:
        import transformers

        kind = getattr(transformers, model)
        return Called(kind(kind.config_class(**settings)), output)

    return build


LLAMA = {
    "vocab_size": 1000,
    "hidden_size": 128,
    "intermediate_size": 344,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "use_cache": False,
}
MIXTRAL = {**LLAMA, "num_local_experts": 4, "num_experts_per_tok": 2}

NETWORKS = (
    _image("resnet50", "ResNet-50"),
    _image("mobilenet_v2", "MobileNetV2"),
    _image("efficientnet_b0", "EfficientNet-B0"),
    _image("vit_b_16", "ViT-B/16"),
    _image("swin_t", "Swin-T"),
    case("DeepLabV3, MobileNetV3", "network", _segmentation, (1, 3, 224, 224), quick=False),
    case("BERT-base", "network", _text("BertModel"), tokens(30522, 128), quick=False),
    case("GPT-2", "network", _text("GPT2Model", use_cache=False), tokens(50257, 128), quick=False),
    case(
        "Llama, small",
        "network",
        _text("LlamaForCausalLM", "logits", **LLAMA),
        tokens(1000, 32),
        quick=False,
    ),
    case(
        "Mixtral, small",
        "experts",
        _text("MixtralForCausalLM", "logits", **MIXTRAL),
        tokens(1000, 32),
        quick=False,
    ),
)
