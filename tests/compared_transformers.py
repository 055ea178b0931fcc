"""Transformers as several libraries have them, small and without trained weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

import analyzer
from analyzer import Report
from examples.export_onnx import export_torch

BATCH, TOKENS, WIDTH, HEADS, INNER, WORDS, PLACES = 2, 16, 32, 4, 64, 100, 40

_IDS = torch.zeros(BATCH, TOKENS, dtype=torch.int64)
_SEEN = torch.ones(BATCH, TOKENS, dtype=torch.int64)
_IMAGE = {"pixel_values": torch.zeros(1, 3, 32, 32)}
_TEXT = {"input_ids": _IDS, "attention_mask": _SEEN}
_BERT = {**_TEXT, "token_type_ids": _IDS}
_PAIR = {**_TEXT, "decoder_input_ids": _IDS[:, :8]}

_NEW = {"dynamo": True}
_OLD = {"dynamo": False}
_FOR_FUSION = {"dynamo": False, "opset_version": 17}
_KEPT = {"dynamo": True, "optimize": False}


class _Flat(nn.Module):
    """A model of transformers that gives a tuple and is called in order, as exporters want it."""

    def __init__(self, model: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.model(**dict(zip(self.names, inputs, strict=True))).to_tuple()


def _made(model: str, config: str, pooler: bool = True, **settings: Any) -> nn.Module:
    import transformers

    options = {} if pooler else {"add_pooling_layer": False}
    made = getattr(transformers, model)(getattr(transformers, config)(**settings), **options)
    assert isinstance(made, nn.Module)
    return made.eval()


_bert = partial(
    _made, config="BertConfig", vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=2,
    num_attention_heads=HEADS, intermediate_size=INNER, max_position_embeddings=PLACES,
)  # fmt: skip
_gpt2 = partial(
    _made, config="GPT2Config", vocab_size=WORDS, n_embd=WIDTH, n_layer=2, n_head=HEADS,
    n_positions=PLACES, use_cache=False,
)  # fmt: skip
_llama = partial(
    _made, config="LlamaConfig", vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=2,
    num_attention_heads=HEADS, num_key_value_heads=2, intermediate_size=INNER, use_cache=False,
    max_position_embeddings=PLACES,
)  # fmt: skip
_mixtral = partial(
    _made, "MixtralForCausalLM", "MixtralConfig", vocab_size=WORDS, hidden_size=WIDTH,
    num_hidden_layers=2, num_attention_heads=HEADS, num_key_value_heads=2, head_dim=8,
    intermediate_size=INNER, use_cache=False,
)  # fmt: skip
_t5 = partial(
    _made, "T5ForConditionalGeneration", "T5Config", vocab_size=WORDS, d_model=WIDTH, d_kv=8,
    d_ff=INNER, num_layers=2, num_heads=HEADS, use_cache=False,
)  # fmt: skip
_vit = partial(
    _made, "ViTForImageClassification", "ViTConfig", hidden_size=WIDTH, num_hidden_layers=2,
    num_attention_heads=HEADS, intermediate_size=INNER, image_size=32, patch_size=8, num_labels=10,
)  # fmt: skip


def _adapted() -> nn.Module:
    import peft

    settings = peft.LoraConfig(r=4, target_modules=["query", "value"])
    adapted: nn.Module = peft.get_peft_model(_bert("BertModel"), settings)
    return adapted


def _torchvision() -> Report:
    import torchvision

    model = torchvision.models.VisionTransformer(32, 8, 2, HEADS, WIDTH, INNER, num_classes=10)
    return analyzer.analyze(model, (1, 3, 32, 32))


def _timm() -> Report:
    import timm

    model = timm.models.vision_transformer.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=WIDTH, depth=2, num_heads=HEADS, mlp_ratio=2,
        num_classes=10,
    )  # fmt: skip
    return analyzer.analyze(model, (1, 3, 32, 32))


def _of(make: Callable[[], nn.Module], inputs: Mapping[str, Any]) -> Report:
    return analyzer.analyze(make(), inputs)


def _exported(
    make: Callable[[], nn.Module],
    inputs: Mapping[str, Any],
    options: Mapping[str, Any],
    after: Callable[[Path, Path], None] | None = None,
) -> Report:
    """Analyse the ONNX file that an exporter makes, and another tool rewrites."""
    with TemporaryDirectory() as folder:
        path, other = Path(folder) / "model.onnx", Path(folder) / "other.onnx"
        export_torch(_Flat(make(), list(inputs)), tuple(inputs.values()), path, **options)
        if after is None:
            return analyzer.analyze(str(path))
        after(path, other)
        return analyzer.analyze(str(other))


def _optimized(before: Path, after: Path) -> None:
    """Let ONNX Runtime optimise a file as far as it does on every machine."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(after)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(before), options, providers=["CPUExecutionProvider"])


def _fused(before: Path, after: Path) -> None:
    """Let ONNX Runtime's tool for transformers fuse attention."""
    from onnxruntime.transformers.optimizer import optimize_model

    model = optimize_model(
        str(before), model_type="bert", num_heads=HEADS, hidden_size=WIDTH, opt_level=0
    )
    model.save_model_to_file(str(after))


def _hub(model: str, inputs: Mapping[str, Any], **settings: Any) -> Report:
    import keras_hub

    sizes = {"num_layers": 2, "hidden_dim": WIDTH, **settings}
    return analyzer.analyze(getattr(keras_hub.models, model)(**sizes), inputs)


def _hub_language_model(model: str, backbone: str, **settings: Any) -> Report:
    import keras_hub

    models = keras_hub.models
    made = getattr(models, backbone)(num_layers=2, hidden_dim=WIDTH, **settings)
    return analyzer.analyze(getattr(models, model)(made, preprocessor=None), _HUB_TEXT)


def _hub_vit() -> Report:
    import keras_hub

    backbone = keras_hub.models.ViTBackbone(
        image_shape=(32, 32, 3), patch_size=8, num_layers=2, num_heads=HEADS, hidden_dim=WIDTH,
        mlp_dim=INNER,
    )  # fmt: skip
    model = keras_hub.models.ViTImageClassifier(backbone, num_classes=10, preprocessor=None)
    return analyzer.analyze(model, (1, 32, 32, 3))


_HUB_TEXT = {"token_ids": (BATCH, TOKENS), "padding_mask": (BATCH, TOKENS)}
_HUB_PAIR = {
    "encoder_token_ids": (BATCH, TOKENS), "encoder_padding_mask": (BATCH, TOKENS),
    "decoder_token_ids": (BATCH, 8), "decoder_padding_mask": (BATCH, 8),
}  # fmt: skip

_bert_model = partial(_bert, "BertModel")
_eager = partial(_bert, "BertModel", attn_implementation="eager")
_gpt2_model = partial(_gpt2, "GPT2LMHeadModel")
_llama_model = partial(_llama, "LlamaForCausalLM")

MODELS: dict[str, Callable[[], Report]] = {
    "BERT": partial(_of, _bert_model, _BERT),
    "BERT, attention spelled out": partial(_of, _eager, _BERT),
    "BERT, GELU by tanh": partial(_of, partial(_bert_model, hidden_act="gelu_new"), _BERT),
    "BERT, without pooler": partial(_of, partial(_bert_model, pooler=False), _BERT),
    "BERT, longer": partial(_of, partial(_bert, "BertModel", max_position_embeddings=64), _BERT),
    "BERT, more words": partial(_of, partial(_bert, "BertModel", vocab_size=120), _BERT),
    "BERT, low-rank adapters": partial(_of, _adapted, _BERT),
    "BERT, masked words": partial(_of, partial(_bert, "BertForMaskedLM"), _BERT),
    "BERT, masked words, not tied": partial(
        _of, partial(_bert, "BertForMaskedLM", tie_word_embeddings=False), _BERT
    ),
    "BERT, 2 classes": partial(
        _of, partial(_bert, "BertForSequenceClassification", num_labels=2), _BERT
    ),
    "BERT, 5 classes": partial(
        _of, partial(_bert, "BertForSequenceClassification", num_labels=5), _BERT
    ),
    "BERT of KerasHub": partial(
        _hub, "BertBackbone", {**_HUB_TEXT, "segment_ids": (BATCH, TOKENS)}, num_heads=HEADS,
        intermediate_dim=INNER, vocabulary_size=WORDS, max_sequence_length=PLACES,
    ),
    "BERT, ONNX": partial(_exported, _bert_model, _BERT, _NEW),
    "BERT, ONNX, not optimised": partial(_exported, _bert_model, _BERT, _KEPT),
    "BERT, ONNX of the older exporter": partial(_exported, _bert_model, _BERT, _OLD),
    "BERT, ONNX, by the runtime": partial(_exported, _bert_model, _BERT, _OLD, _optimized),
    "BERT, ONNX, attention spelled out": partial(_exported, _eager, _BERT, _OLD),
    "BERT, ONNX, attention fused": partial(_exported, _eager, _BERT, _FOR_FUSION, _fused),
    "GPT-2": partial(_of, _gpt2_model, _TEXT),
    "GPT-2, without head": partial(_of, partial(_gpt2, "GPT2Model"), _TEXT),
    "GPT-2, ONNX": partial(_exported, _gpt2_model, _TEXT, _NEW),
    "GPT-2, ONNX of the older exporter": partial(_exported, _gpt2_model, _TEXT, _OLD),
    "GPT-2 of KerasHub": partial(
        _hub_language_model, "GPT2CausalLM", "GPT2Backbone", vocabulary_size=WORDS,
        num_heads=HEADS, intermediate_dim=4 * WIDTH, max_sequence_length=PLACES,
    ),
    "Llama": partial(_of, _llama_model, _TEXT),
    "Llama, without head": partial(_of, partial(_llama, "LlamaModel"), _TEXT),
    "Llama, 3 blocks": partial(
        _of, partial(_llama, "LlamaForCausalLM", num_hidden_layers=3), _TEXT
    ),
    "Llama, as many keys": partial(
        _of, partial(_llama, "LlamaForCausalLM", num_key_value_heads=HEADS), _TEXT
    ),
    "Llama, float16": partial(_of, lambda: _llama_model().half(), _TEXT),
    "Llama, ONNX": partial(_exported, _llama_model, _TEXT, _NEW),
    "Llama, ONNX of the older exporter": partial(_exported, _llama_model, _TEXT, _OLD),
    "Llama of KerasHub": partial(
        _hub_language_model, "LlamaCausalLM", "LlamaBackbone", vocabulary_size=WORDS,
        num_query_heads=HEADS, num_key_value_heads=2, intermediate_dim=INNER,
    ),
    "Mixtral, 4 experts": partial(_of, partial(_mixtral, num_local_experts=4), _TEXT),
    "Mixtral, 8 experts": partial(_of, partial(_mixtral, num_local_experts=8), _TEXT),
    "T5": partial(_of, _t5, _PAIR),
    "T5, ONNX of the older exporter": partial(_exported, _t5, _PAIR, _OLD),
    "T5 of KerasHub": partial(
        _hub, "T5Backbone", _HUB_PAIR, vocabulary_size=WORDS, num_heads=HEADS,
        intermediate_dim=INNER, use_gated_activation=False, activation="relu", key_value_dim=8,
        tie_embedding_weights=True,
    ),
    "ViT of torchvision": _torchvision,
    "ViT of timm": _timm,
    "ViT of transformers": partial(_of, _vit, _IMAGE),
    "ViT of KerasHub": _hub_vit,
    "ViT of transformers, ONNX": partial(_exported, _vit, _IMAGE, _NEW),
}  # fmt: skip

PAIRS = (
    ("BERT", "BERT of KerasHub"),
    ("BERT", "BERT, attention spelled out"),
    ("BERT", "BERT, GELU by tanh"),
    ("BERT", "BERT, without pooler"),
    ("BERT", "BERT, longer"),
    ("BERT", "BERT, more words"),
    ("BERT", "BERT, low-rank adapters"),
    ("BERT", "BERT, masked words"),
    ("BERT, masked words", "BERT, masked words, not tied"),
    ("BERT", "BERT, 2 classes"),
    ("BERT, 2 classes", "BERT, 5 classes"),
    ("BERT", "BERT, ONNX"),
    ("BERT", "BERT, ONNX, not optimised"),
    ("BERT", "BERT, ONNX of the older exporter"),
    ("BERT", "BERT, ONNX, by the runtime"),
    ("BERT, attention spelled out", "BERT, ONNX, attention spelled out"),
    ("BERT", "BERT, ONNX, attention fused"),
    ("BERT of KerasHub", "BERT, ONNX of the older exporter"),
    ("BERT of KerasHub", "BERT, ONNX, attention fused"),
    ("GPT-2", "GPT-2 of KerasHub"),
    ("GPT-2", "GPT-2, without head"),
    ("GPT-2", "GPT-2, ONNX"),
    ("GPT-2", "GPT-2, ONNX of the older exporter"),
    ("GPT-2 of KerasHub", "GPT-2, ONNX"),
    ("Llama", "Llama of KerasHub"),
    ("Llama", "Llama, without head"),
    ("Llama", "Llama, 3 blocks"),
    ("Llama", "Llama, as many keys"),
    ("Llama", "Llama, float16"),
    ("Llama", "Llama, ONNX"),
    ("Llama", "Llama, ONNX of the older exporter"),
    ("Llama of KerasHub", "Llama, ONNX"),
    ("Mixtral, 4 experts", "Mixtral, 8 experts"),
    ("T5", "T5 of KerasHub"),
    ("T5", "T5, ONNX of the older exporter"),
    ("ViT of torchvision", "ViT of timm"),
    ("ViT of torchvision", "ViT of transformers"),
    ("ViT of torchvision", "ViT of KerasHub"),
    ("ViT of transformers", "ViT of transformers, ONNX"),
)
