"""Models that are exported to ONNX in tests: small configurations of what people export."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from examples.export_onnx import export_torch

Made = tuple[nn.Module, tuple[torch.Tensor, ...]]

EXPORTERS: dict[str, dict[str, Any]] = {
    "plain": {"optimize": False},
    "optimized": {"optimize": True},
    "older": {"dynamo": False, "do_constant_folding": False},
    "older folding": {"dynamo": False},
}
UNFOLDED = ("plain", "older")


class Only(nn.Module):
    """A model of transformers that takes tensors in order and gives one tensor."""

    def __init__(self, model: nn.Module, inputs: Sequence[str], output: str) -> None:
        super().__init__()
        self.model, self.inputs, self.output = model, inputs, output

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        result = self.model(**dict(zip(self.inputs, tensors, strict=True)))
        chosen: torch.Tensor = getattr(result, self.output)
        return chosen


class Tagger(nn.Module):
    """Words, two bidirectional recurrent layers, labels."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 16, num_layers=2, batch_first=True, bidirectional=True)
        self.labels = nn.Linear(32, 5)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        labels: torch.Tensor = self.labels(self.lstm(self.words(words))[0])
        return labels


def image(size: int = 64, batch: int = 1) -> tuple[torch.Tensor]:
    return (torch.rand(batch, 3, size, size),)


def words(batch: int = 2, length: int = 11) -> torch.Tensor:
    return torch.randint(0, 50, (batch, length))


def tagger() -> Made:
    return Tagger(), (words(),)


def classifier() -> Made:
    """A CNN with what quantisers and optimisers rewrite."""
    layers = [nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    layers += [nn.Conv2d(8, 8, 3, groups=8, padding=1), nn.BatchNorm2d(8), nn.Hardswish()]
    layers += [nn.MaxPool2d(2), nn.Conv2d(8, 12, 1), nn.Sigmoid(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(12, 5), nn.Softmax(-1)), image(16, 2)


def encoder() -> Made:
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), (torch.rand(2, 10, 32),)


def generator() -> Made:
    """A DCGAN's: transposed convolutions that grow an image from noise."""
    layers: list[nn.Module] = []
    channels = 16
    for wider, stride, padding in ((32, 1, 0), (16, 2, 1), (8, 2, 1)):
        layers += [nn.ConvTranspose2d(channels, wider, 4, stride, padding, bias=False)]
        layers += [nn.BatchNorm2d(wider), nn.ReLU()]
        channels = wider
    layers += [nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers), (torch.rand(2, 16, 1, 1),)


def vision(name: str, *, size: int = 64, **options: Any) -> Callable[[], Made]:
    """Return a maker of a model of torchvision."""

    def make() -> Made:
        import torchvision

        return getattr(torchvision.models, name)(weights=None, **options), image(size)

    return make


def small_vit() -> Made:
    import torchvision

    return torchvision.models.VisionTransformer(32, 8, 2, 4, 32, 64), image(32)


def small_swin() -> Made:
    import torchvision

    made = torchvision.models.SwinTransformer([4, 4], 24, [2, 2], [2, 4], [4, 4])
    return made, image(64)


def timm_model(name: str, size: int = 96) -> Callable[[], Made]:
    """Return a maker of a model of timm; those called ``test_…`` are tiny."""

    def make() -> Made:
        import timm

        return timm.create_model(name), image(size)

    return make


_TINY = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


def bert() -> Made:
    import transformers

    model = transformers.BertModel(transformers.BertConfig(**_TINY), add_pooling_layer=False)
    inputs = ["input_ids", "attention_mask"]
    mask = torch.ones(2, 11, dtype=torch.int64)
    return Only(model, inputs, "last_hidden_state"), (words(), mask)


def distilbert() -> Made:
    import transformers

    config = transformers.DistilBertConfig(
        vocab_size=99, dim=32, n_layers=2, n_heads=4, hidden_dim=64
    )
    model = transformers.DistilBertModel(config)
    return Only(model, ["input_ids"], "last_hidden_state"), (words(),)


def gpt2() -> Made:
    import transformers

    config = transformers.GPT2Config(
        vocab_size=99, n_embd=32, n_layer=2, n_head=4, n_positions=64, use_cache=False
    )
    return Only(transformers.GPT2LMHeadModel(config), ["input_ids"], "logits"), (words(),)


def llama() -> Made:
    import transformers

    config = transformers.LlamaConfig(**_TINY, num_key_value_heads=2, use_cache=False)
    return Only(transformers.LlamaForCausalLM(config), ["input_ids"], "logits"), (words(),)


def whisper() -> Made:
    import transformers

    config = transformers.WhisperConfig(
        vocab_size=99,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        num_mel_bins=20,
        max_source_positions=30,
        max_target_positions=20,
        use_cache=False,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    inputs = ["input_features", "decoder_input_ids"]
    model = Only(transformers.WhisperModel(config), inputs, "last_hidden_state")
    return model, (torch.rand(1, 20, 60), words(1, 7))


QUICK: dict[str, tuple[Callable[[], Made], tuple[str, ...]]] = {
    "classifier": (classifier, ("older", "older folding")),
    "distilbert": (distilbert, ("older",)),
    "encoder": (encoder, ("older",)),
    "generator": (generator, ("plain", "optimized", "older")),
    "shufflenet_v2_x0_5": (vision("shufflenet_v2_x0_5"), ("older folding",)),
    "tagger": (tagger, ("older",)),
    "test_vit": (timm_model("test_vit", 160), ("older",)),
}
SLOW: dict[str, Callable[[], Made]] = {
    "bert": bert,
    "classifier": classifier,
    "distilbert": distilbert,
    "encoder": encoder,
    "generator": generator,
    "googlenet": vision("googlenet", aux_logits=False, init_weights=False),
    "gpt2": gpt2,
    "llama": llama,
    "mobilenet_v3_small": vision("mobilenet_v3_small"),
    "resnet18": vision("resnet18"),
    "shufflenet_v2_x0_5": vision("shufflenet_v2_x0_5"),
    "squeezenet1_1": vision("squeezenet1_1"),
    "swin": small_swin,
    "tagger": tagger,
    "test_byobnet": timm_model("test_byobnet"),
    "test_convnext": timm_model("test_convnext"),
    "test_efficientnet": timm_model("test_efficientnet"),
    "test_mambaout": timm_model("test_mambaout"),
    "test_resnet": timm_model("test_resnet"),
    "test_vit": timm_model("test_vit", 160),
    "vit": small_vit,
    "whisper": whisper,
}
NO_OLDER = frozenset({"gpt2", "llama", "whisper"})
"""The older exporter does not know ``aten::diff``, by which transformers masks causally."""


def cases() -> list[tuple[str, str]]:
    """Return the names of models and exporters of the quick run."""
    return [(name, exporter) for name, (_, exporters) in QUICK.items() for exporter in exporters]


def slow_cases() -> list[tuple[str, str]]:
    """Return all others."""
    quick = set(cases())
    return [
        (name, exporter)
        for name in SLOW
        for exporter in EXPORTERS
        if (name, exporter) not in quick and not (name in NO_OLDER and exporter.startswith("older"))
    ]


def make(name: str) -> Made:
    """Return a model in eval mode and its inputs, the same each time."""
    torch.manual_seed(0)
    module, inputs = QUICK[name][0]() if name in QUICK else SLOW[name]()
    return module.eval(), inputs


def export(module: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, **options: Any) -> Path:
    """Write a copy of a module as ONNX, its tensors filled with distinct numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters' own
        export_torch(copy.deepcopy(module), inputs, path, **options)
    return path


def macs_of(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    """Count as PyTorch does itself, with fast paths off that hide the products of attention."""
    was = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            FlopCounterMode(display=False) as counter,
            sdpa_kernel(SDPBackend.MATH),
            torch.no_grad(),
        ):
            module.eval()(*inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(was)
    flops: int = counter.get_total_flops()
    return flops // 2
