"""transformers: what its models are called with, and models built from a configuration alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

import analyzer
from analyzer import InputSpec, ModelError, Report, UsageError
from analyzer.given import parse_input
from analyzer_torch.defaults import told
from tests.commands import error, run

TEXT = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
VISION = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 8,
}
PAIR = {
    "vocab_size": 50,
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
}
CLIP = {
    "text_config": {**TEXT, "eos_token_id": 2},
    "vision_config": VISION,
    "projection_dim": 16,
}
WHISPER = {**PAIR, "max_source_positions": 50, "max_target_positions": 40, "num_mel_bins": 8,
           "pad_token_id": 0}  # fmt: skip
SPEECH = {**TEXT, "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16,
          "num_conv_pos_embedding_groups": 4}  # fmt: skip
BUILT: dict[str, tuple[Mapping[str, Any], dict[str, tuple[int, ...]]]] = {
    "BertModel": (TEXT, {"input_ids": (2, 64)}),
    "CLIPModel": (CLIP, {"input_ids": (2, 64), "pixel_values": (2, 3, 32, 32)}),
    "LlamaForCausalLM": ({**TEXT, "max_position_embeddings": 4096}, {"input_ids": (2, 128)}),
    "ResNetModel": (
        {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "num_channels": 1},
        {"pixel_values": (2, 1, 224, 224)},
    ),
    "T5Model": (
        {"vocab_size": 50, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 4},
        {"input_ids": (2, 128), "decoder_input_ids": (2, 128)},
    ),
    "ViTModel": (VISION, {"pixel_values": (2, 3, 32, 32)}),
    "VideoMAEModel": (
        {**VISION, "num_frames": 4, "tubelet_size": 2},
        {"pixel_values": (2, 4, 3, 32, 32)},
    ),
    "Wav2Vec2Model": (SPEECH, {"input_values": (2, 16_000)}),
    "WhisperModel": (WHISPER, {"input_features": (2, 8, 100), "decoder_input_ids": (2, 40)}),
}


def made(name: str, settings: Mapping[str, Any], **changes: Any) -> nn.Module:
    kind = getattr(transformers, name)
    model = kind(kind.config_class(**settings, **changes))
    assert isinstance(model, nn.Module)
    return model.eval()


def shapes(report: Report) -> dict[str, tuple[int, ...]]:
    return {tensor.name: tensor.shape for tensor in report.model.inputs}


class TestInputs:
    @pytest.mark.parametrize("name", BUILT)
    def test_from_the_configuration(self, name: str) -> None:
        settings, expected = BUILT[name]
        model = made(name, settings)
        report = analyzer.analyze(model, batch_size=2)
        assert shapes(report) == expected
        (note,) = (note for note in report.notes if note.startswith("made from"))
        assert all(name in note for name in expected)
        example = parse_input(note.rpartition("--input ")[2])
        doubled = {name: (2 * batch, *each) for name, (batch, *each) in expected.items()}
        assert shapes(analyzer.analyze(model, (example,))) == doubled

    def test_a_picture_in_text(self) -> None:
        text = transformers.LlamaConfig(**TEXT)
        vision = transformers.CLIPVisionConfig(**VISION)
        config = transformers.LlavaConfig(
            text_config=text, vision_config=vision, image_token_index=49
        )
        model = transformers.LlavaForConditionalGeneration(config).eval()
        ids, picture = told("", model, 1).inputs
        assert isinstance(ids, InputSpec)
        places = int((ids.value == config.image_token_id).sum())
        assert places == (VISION["image_size"] // VISION["patch_size"]) ** 2
        report = analyzer.analyze(model)
        assert shapes(report) == {"input_ids": ids.shape, "pixel_values": (1, 3, 32, 32)}
        assert report["vision_tower"].figures.macs
        assert isinstance(picture, InputSpec)

    def test_one_input_may_be_given(self) -> None:
        model = made("LlamaForCausalLM", TEXT)
        for inputs in ((1, 9), {"input_ids": (1, 9)}):
            report = analyzer.analyze(model, inputs)
            assert shapes(report) == {"input_ids": (1, 9)}
            assert not report.notes
        report = analyzer.analyze(model, {"inputs_embeds": (1, 9, 32), "use_cache": False})
        assert shapes(report) == {"inputs_embeds": (1, 9, 32)}

    def test_what_goes_with_it_is_added(self) -> None:
        report = analyzer.analyze(made("T5Model", BUILT["T5Model"][0]), {"input_ids": (3, 9)})
        assert shapes(report) == {"input_ids": (3, 9), "decoder_input_ids": (3, 128)}
        both = {"input_ids": (3, 9), "decoder_input_ids": (3, 7)}
        assert shapes(analyzer.analyze(made("T5Model", BUILT["T5Model"][0]), both)) == both

    def test_masks_are_whole_numbers(self) -> None:
        report = analyzer.analyze(
            made("BertModel", TEXT), {"input_ids": (1, 9), "attention_mask": (1, 9)}
        )
        assert [tensor.dtype for tensor in report.model.inputs] == ["int64", "int64"]

    def test_what_a_tokenizer_gives(self) -> None:
        batch = transformers.BatchEncoding(
            {
                "input_ids": torch.zeros(1, 9, dtype=torch.int64),
                "attention_mask": torch.ones(1, 9, dtype=torch.int64),
            }
        )
        assert shapes(analyzer.analyze(made("BertModel", TEXT), batch)) == {
            "input_ids": (1, 9),
            "attention_mask": (1, 9),
        }

    @pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning:")  # of peft's
    def test_adapters_are_called_like_what_they_adapt(self) -> None:
        import peft

        model = made("LlamaForCausalLM", TEXT)
        own = sum(p.numel() for p in model.parameters())
        config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"])
        adapted = peft.get_peft_model(model, config).eval()
        report = analyzer.analyze(adapted)
        assert shapes(report) == {"input_ids": (1, 64)}
        parameters = report.totals.parameters
        assert parameters.frozen == own
        assert parameters.trainable == sum(
            p.numel() for p in adapted.parameters() if p.requires_grad
        )
        plain = analyzer.analyze(made("LlamaForCausalLM", TEXT)).totals.macs
        assert plain is not None
        layers, tokens, projections = 2, 64, 2
        extra = layers * projections * tokens * (32 * 4 + 4 * 32)
        assert report.totals.macs == plain + extra


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny-llama"
    transformers.LlamaConfig(**TEXT, architectures=["LlamaForCausalLM"]).save_pretrained(folder)
    return folder


class TestConfigurations:
    def test_counts_like_the_model(self, folder: Path) -> None:
        model = made("LlamaForCausalLM", TEXT)
        whole = analyzer.analyze(model)
        for path in (folder, folder / "config.json", str(folder)):
            report = analyzer.analyze(path)
            assert report.totals == whole.totals
            assert report.model.name == "tiny-llama"
            assert report.model.source == str(path)

    def test_names(self) -> None:
        model: Any = made("LlamaModel", TEXT)
        assert analyzer.analyze(model).model.name == "LlamaModel"
        model.config.name_or_path = "someone/tiny-llama"
        assert analyzer.analyze(model).model.name == "tiny-llama"

    def test_the_class_can_be_chosen(self, folder: Path) -> None:
        def total(**arguments: object) -> int:
            return analyzer.analyze(folder, arguments=arguments).totals.parameters.total

        headless = made("LlamaModel", TEXT)
        own = sum(p.numel() for p in headless.parameters())
        assert total(auto="AutoModel") == total(auto="LlamaModel") == own
        assert total(auto="AutoModelForCausalLM") == total() == own + 50 * 32
        assert total(auto="AutoModelForSequenceClassification") == own + 2 * 32

    def test_settings_can_be_changed(self, folder: Path) -> None:
        model = made("LlamaForCausalLM", {**TEXT, "num_hidden_layers": 3})
        report = analyzer.analyze(folder, arguments={"num_hidden_layers": 3, "dtype": "bfloat16"})
        assert report.totals.parameters.total == sum(p.numel() for p in model.parameters())
        assert report.totals.memory.parameter_bytes == 2 * report.totals.parameters.total

    def test_settings_of_a_part(self, tmp_path: Path) -> None:
        transformers.CLIPConfig(**CLIP).save_pretrained(tmp_path)
        report = analyzer.analyze(tmp_path, arguments={"vision_config": {"num_hidden_layers": 1}})
        one = {**CLIP, "vision_config": {**VISION, "num_hidden_layers": 1}}
        expected = sum(p.numel() for p in made("CLIPModel", one).parameters())
        assert report.totals.parameters.total == expected

    def test_spelled_out_attention_counts_the_same(self, folder: Path) -> None:
        spelled = analyzer.analyze(folder, arguments={"attn_implementation": "eager"})
        assert spelled.totals.macs == analyzer.analyze(folder).totals.macs
        config = json.loads((folder / "config.json").read_text())
        for wish in ("flash_attention_2", "eager"):  # what it was trained with is no matter
            (folder / "config.json").write_text(
                json.dumps({**config, "_attn_implementation": wish})
            )
            assert (
                analyzer.analyze(folder).totals
                == analyzer.analyze(made("LlamaForCausalLM", TEXT)).totals
            )

    def test_a_model_that_looks_at_values_gets_some(self, tmp_path: Path) -> None:
        settings = {**TEXT, "conv_kernel_size": 3, "num_attention_heads": 8}
        transformers.ConvBertConfig(**settings).save_pretrained(tmp_path)
        state = torch.random.get_rng_state()
        report = analyzer.analyze(tmp_path)
        assert torch.equal(torch.random.get_rng_state(), state)
        assert report.totals.macs == analyzer.analyze(made("ConvBertModel", settings)).totals.macs

    def test_quantization_is_told(self, folder: Path) -> None:
        path = folder / "config.json"
        config = json.loads(path.read_text())
        config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
        path.write_text(json.dumps(config))
        assert any("gptq" in note for note in analyzer.analyze(folder).notes)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (
                {"auto": "AutoModelForCausalLLM"},
                ("AutoModelForCausalLLM", "did you mean AutoModelForCausalLM,"),
            ),
            ({"auto": "AutoTokenizer"}, ("AutoTokenizer", "no class of models")),
            ({"num_hidden_layer": 3}, ("num_hidden_layer:", "did you mean num_hidden_layers")),
            ({"zzz": 3}, ("zzz:", "no such setting")),
            ({"hidden_act": 7.5}, ("hidden_act", "7.5")),
        ],
    )
    def test_wrong_arguments(
        self, folder: Path, arguments: dict[str, object], words: tuple[str, ...]
    ) -> None:
        with pytest.raises((UsageError, ModelError)) as caught:
            analyzer.analyze(folder, arguments=arguments)
        assert "\n" not in str(caught.value)
        for word in words:
            assert word in str(caught.value)

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"model_type": "surely_not"}, "no model type 'surely_not'.*newer"),
            (
                {"model_type": "surely_not", "auto_map": {"AutoConfig": "mine.Config"}},
                "code of its own, which is not run.*trust_remote_code",
            ),
            ({"_class_name": "UNet2DConditionModel"}, "'UNet2DConditionModel' of diffusers"),
            ({"model_type": "bert", "hidden_size": 7}, "bert could not be built: .*hidden size"),
            ({"model_type": "bert", "hidden_size": "big"}, r"config\.json.*hidden_size.*'big'"),
            ({"model_type": ["bert"]}, r"no model type \['bert'\]"),
        ],
    )
    def test_what_cannot_be_built(
        self, settings: dict[str, Any], words: str, tmp_path: Path
    ) -> None:
        (tmp_path / "config.json").write_text(json.dumps(settings))
        (tmp_path / "mine.py").write_text("raise SystemExit('code of a stranger was run')\n")
        with pytest.raises(ModelError, match=words) as caught:
            analyzer.analyze(tmp_path)
        assert "\n" not in str(caught.value)

    def test_transformers_is_an_extra(self, folder: Path) -> None:
        result = run("summary", str(folder), hidden=["transformers"])
        assert "pip install 'model-analyzer[transformers]'" in error(result, 3)
