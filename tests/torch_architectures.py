"""Small models of the architectures of transformers: what their authors configure, in miniature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
import transformers
from torch import Tensor, nn

__all__ = ["ARCHITECTURES", "Architecture"]

Settings: TypeAlias = dict[str, Any]

VOCABULARY = 64
TOKENS = 32
WIDTH = 32
PICTURE = VOCABULARY - 1


def tokens(length: int = TOKENS) -> Tensor:
    """Different tokens, so that a router has something to choose between."""
    return (torch.arange(length) % (VOCABULARY - 2)).unsqueeze(0)


def image(size: int = 32) -> Tensor:
    return torch.zeros(1, 3, size, size)


def with_pictures(places: int) -> Tensor:
    """Tokens, of which the first stand for places of a picture."""
    text = tokens()
    text[0, :places] = PICTURE
    return text


TEXT = {"input_ids": tokens()}
TEXT_TO_TEXT = {"input_ids": tokens(), "decoder_input_ids": tokens(8)}
WAVE = {"input_values": torch.zeros(1, 8000)}
IMAGE = {"pixel_values": image()}
LARGER_IMAGE = {"pixel_values": image(64)}
IMAGE_AND_TEXT = {"input_ids": tokens(), "pixel_values": image()}
CLIP = {"pixel_values": torch.zeros(1, 4, 3, 32, 32)}

BLOCKS: Settings = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
ENCODER: Settings = {
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    **BLOCKS,
}
GROUPED: Settings = {**ENCODER, "num_key_value_heads": 2}
PAIR: Settings = {
    "vocab_size": VOCABULARY,
    "d_model": WIDTH,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
}
T5: Settings = {
    "vocab_size": VOCABULARY,
    "d_model": WIDTH,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 4,
}
PATCHES: Settings = {**BLOCKS, "image_size": 32, "patch_size": 8}
SPEECH: Settings = {
    **BLOCKS,
    "vocab_size": 32,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
STATE_SPACE: Settings = {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "num_hidden_layers": 2}
SELECTED: Settings = {"num_experts_per_tok": 2}
EXPERTS: Settings = {**GROUPED, **SELECTED, "num_experts": 4}
LATENT: Settings = {
    **GROUPED,
    **SELECTED,
    "num_key_value_heads": 4,
    "n_routed_experts": 4,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 16,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "kv_lora_rank": 8,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
}
RESNET: Settings = {"embedding_size": 8, "depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 16, 32]}
WITHOUT_WORDS = {name: size for name, size in PAIR.items() if name != "vocab_size"}
BOXES: Settings = {**WITHOUT_WORDS, "num_queries": 5}
SWIN: Settings = {
    "embed_dim": 8,
    "num_heads": [1, 2],
    "depths": [2, 2],
    "window_size": 4,
    "patch_size": 2,
}


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A model of transformers, small.

    Attributes:
        model: its class.
        settings: of its configuration; those of a part are a mapping.
        inputs: what ``forward`` is given.
        experts: of how many experts how many work on a token.
    """

    model: str
    settings: Settings
    inputs: Mapping[str, Tensor] = field(default_factory=lambda: TEXT)
    experts: tuple[int, int] | None = None

    @property
    def known(self) -> bool:
        """Whether the installed transformers has it."""
        return hasattr(transformers, self.model)

    def build(self, **changes: Any) -> nn.Module:
        """Build with random weights."""
        kind = getattr(transformers, self.model)
        settings = {name: configured(value) for name, value in self.settings.items()}
        model = kind(kind.config_class(**settings, **changes))
        assert isinstance(model, nn.Module)
        return model.eval()


def configured(value: Any) -> Any:
    """Make the configuration of a part that names its class: only that says which it is."""
    if isinstance(value, Mapping) and "class" in value:
        settings = {name: item for name, item in value.items() if name != "class"}
        return getattr(transformers, value["class"])(**settings)
    return value


def of(model: str, *, experts: tuple[int, int] | None = None, **settings: Any) -> Architecture:
    return Architecture(model=model, settings=settings, experts=experts)


def fed(model: str, inputs: Mapping[str, Tensor] = IMAGE, /, **settings: Any) -> Architecture:
    return Architecture(model=model, settings=settings, inputs=inputs)


ARCHITECTURES = {
    # Encoders
    "albert": of("AlbertForMaskedLM", **ENCODER, embedding_size=16),
    "bert": of("BertForMaskedLM", **ENCODER),
    "big-bird": of("BigBirdForMaskedLM", **ENCODER, attention_type="original_full"),
    "convbert": of("ConvBertForMaskedLM", **ENCODER, embedding_size=32),
    "deberta-v2": of(
        "DebertaV2ForMaskedLM", **ENCODER, relative_attention=True, pos_att_type=["p2c", "c2p"]
    ),
    "electra": of("ElectraForPreTraining", **ENCODER, embedding_size=16),
    "esm": of("EsmForMaskedLM", **ENCODER, position_embedding_type="rotary", mask_token_id=4),
    "fnet": of(
        "FNetForMaskedLM", vocab_size=64, hidden_size=32, num_hidden_layers=2, intermediate_size=64
    ),
    "funnel": of(
        "FunnelForMaskedLM",
        vocab_size=64, d_model=32, n_head=4, d_head=8, d_inner=64, block_sizes=[1, 1],
    ),
    "longformer": of("LongformerForMaskedLM", **ENCODER, attention_window=[8, 8]),
    "modernbert": of(
        "ModernBertForMaskedLM", **ENCODER, local_attention=8, global_attn_every_n_layers=2
    ),
    "nystromformer": of(
        "NystromformerForMaskedLM", **ENCODER, num_landmarks=8, segment_means_seq_len=32
    ),
    "reformer": of(
        "ReformerForMaskedLM",
        vocab_size=64, hidden_size=32, attention_head_size=8, num_attention_heads=4,
        feed_forward_size=64, attn_layers=["local", "local"], axial_pos_shape=[4, 8],
        axial_pos_embds_dim=[16, 16], local_attn_chunk_length=8, is_decoder=False,
    ),
    "roberta": of("RobertaForMaskedLM", **ENCODER),
    "xlnet": of("XLNetLMHeadModel", vocab_size=64, d_model=32, n_layer=2, n_head=4, d_inner=64),
    # Decoders
    "bloom": of("BloomForCausalLM", vocab_size=64, hidden_size=32, n_layer=2, n_head=4),
    "cohere2": of("Cohere2ForCausalLM", **GROUPED, sliding_window=8),
    "diffllama": of("DiffLlamaForCausalLM", **GROUPED),
    "falcon": of(
        "FalconForCausalLM",
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
    ),
    "gemma2": of("Gemma2ForCausalLM", **GROUPED, head_dim=8, sliding_window=8),
    "gemma3": of("Gemma3ForCausalLM", **GROUPED, head_dim=8, sliding_window=8),
    "gemma3n": of(
        "Gemma3nForCausalLM",
        **GROUPED, head_dim=8, sliding_window=8, vocab_size_per_layer_input=64,
        hidden_size_per_layer_input=8, laurel_rank=4, num_kv_shared_layers=0,
        activation_sparsity_pattern=[0.0, 0.0],
    ),
    "gpt-neo": of(
        "GPTNeoForCausalLM",
        vocab_size=64, hidden_size=32, num_layers=2, num_heads=4, window_size=8,
        attention_types=[[["global", "local"], 1]], max_position_embeddings=64,
    ),
    "gpt-neox": of("GPTNeoXForCausalLM", **ENCODER),
    "gpt2": of("GPT2LMHeadModel", vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=64),
    "llama": of("LlamaForCausalLM", **GROUPED),
    "mistral": of("MistralForCausalLM", **GROUPED, sliding_window=8),
    "mpt": of("MptForCausalLM", vocab_size=64, d_model=32, n_layers=2, n_heads=4, max_seq_len=64),
    "olmo2": of("Olmo2ForCausalLM", **GROUPED),
    "opt": of(
        "OPTForCausalLM",
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64,
        max_position_embeddings=64, word_embed_proj_dim=32,
    ),
    "phi3": of("Phi3ForCausalLM", **GROUPED),
    "qwen2": of("Qwen2ForCausalLM", **GROUPED),
    "qwen3": of("Qwen3ForCausalLM", **GROUPED, head_dim=8),
    # Mixtures of experts
    "deepseek-v2": of("DeepseekV2ForCausalLM", **LATENT, experts=(4, 2)),
    "deepseek-v3": of("DeepseekV3ForCausalLM", **LATENT, experts=(4, 2)),
    "gpt-oss": of(
        "GptOssForCausalLM",
        **GROUPED, **SELECTED, head_dim=8, num_local_experts=4, sliding_window=8, experts=(4, 2),
    ),
    "granitemoe": of(
        "GraniteMoeForCausalLM", **GROUPED, **SELECTED, num_local_experts=4, experts=(4, 2)
    ),
    "llama4": of(
        "Llama4ForCausalLM",
        **GROUPED, head_dim=8, num_experts_per_tok=1, num_local_experts=4, intermediate_size_mlp=64,
        experts=(4, 1),
    ),
    "mixtral": of("MixtralForCausalLM", **GROUPED, **SELECTED, num_local_experts=4, experts=(4, 2)),
    "olmoe": of("OlmoeForCausalLM", **EXPERTS, experts=(4, 2)),
    "phimoe": of("PhimoeForCausalLM", **GROUPED, **SELECTED, num_local_experts=4, experts=(4, 2)),
    "qwen2-moe": of(
        "Qwen2MoeForCausalLM",
        **EXPERTS, moe_intermediate_size=16, shared_expert_intermediate_size=16, experts=(4, 2),
    ),
    "qwen3-moe": of(
        "Qwen3MoeForCausalLM", **EXPERTS, head_dim=8, moe_intermediate_size=16, experts=(4, 2)
    ),
    # State spaces, linear attention, and hybrids
    "bamba": of(
        "BambaForCausalLM",
        **GROUPED, mamba_n_heads=8, mamba_d_head=8, mamba_n_groups=1, mamba_d_state=8,
        mamba_chunk_size=8, attn_layer_indices=[1],
    ),
    "falcon-h1": of(
        "FalconH1ForCausalLM",
        **GROUPED, mamba_d_ssm=64, mamba_n_heads=8, mamba_d_head=8, mamba_n_groups=1,
        mamba_d_state=8, mamba_chunk_size=8,
    ),
    "falcon-mamba": of("FalconMambaForCausalLM", **STATE_SPACE, state_size=4),
    "jamba": of(
        "JambaForCausalLM",
        **EXPERTS, attn_layer_period=2, attn_layer_offset=1, expert_layer_period=2,
        expert_layer_offset=1, mamba_d_state=4, mamba_dt_rank=4, use_mamba_kernels=False,
        experts=(4, 2),
    ),
    "lfm2": of("Lfm2ForCausalLM", **GROUPED, full_attn_idxs=[1]),
    "mamba": of("MambaForCausalLM", **STATE_SPACE, state_size=4),
    "mamba2": of(
        "Mamba2ForCausalLM",
        **STATE_SPACE, state_size=8, num_heads=8, head_dim=8, n_groups=1, chunk_size=8,
    ),
    "minimax": of(
        "MiniMaxForCausalLM",
        **GROUPED, **SELECTED, head_dim=8, num_local_experts=4, block_size=8,
        layer_types=["linear_attention", "full_attention"], experts=(4, 2),
    ),
    "qwen3-next": of(
        "Qwen3NextForCausalLM",
        **EXPERTS, head_dim=8, moe_intermediate_size=16, shared_expert_intermediate_size=16,
        linear_key_head_dim=8, linear_value_head_dim=8, linear_num_key_heads=2,
        linear_num_value_heads=4, layer_types=["linear_attention", "full_attention"],
        experts=(4, 2),
    ),
    "recurrent-gemma": of(
        "RecurrentGemmaForCausalLM",
        **{**ENCODER, "num_hidden_layers": 3}, lru_width=32, attention_window_size=8,
    ),
    "rwkv": of(
        "RwkvForCausalLM", **STATE_SPACE, attention_hidden_size=32, intermediate_size=64
    ),
    "xlstm": of(
        "xLSTMForCausalLM", **{**STATE_SPACE, "hidden_size": 128}, num_heads=4, chunk_size=16
    ),
    "zamba2": of(
        "Zamba2ForCausalLM",
        **{**ENCODER, "num_hidden_layers": 3}, mamba_d_state=8, mamba_headdim=8, n_mamba_heads=8,
        mamba_ngroups=1, num_mem_blocks=1, layers_block_type=["mamba", "mamba", "hybrid"],
        chunk_size=8, adapter_rank=4,
    ),
    # Encoder and decoder
    "bart": fed(
        "BartForConditionalGeneration", TEXT_TO_TEXT, **PAIR, max_position_embeddings=64
    ),
    "led": fed(
        "LEDForConditionalGeneration", TEXT_TO_TEXT,
        **PAIR, attention_window=8, max_encoder_position_embeddings=64,
        max_decoder_position_embeddings=64,
    ),
    "longt5": fed(
        "LongT5ForConditionalGeneration", TEXT_TO_TEXT,
        **T5, local_radius=4, encoder_attention_type="local",
    ),
    "mbart": fed(
        "MBartForConditionalGeneration", TEXT_TO_TEXT, **PAIR, max_position_embeddings=64
    ),
    "pegasus": fed(
        "PegasusForConditionalGeneration", TEXT_TO_TEXT, **PAIR, max_position_embeddings=64
    ),
    "prophetnet": fed(
        "ProphetNetForConditionalGeneration", TEXT_TO_TEXT,
        vocab_size=64, hidden_size=32, num_encoder_layers=2, num_decoder_layers=2,
        num_encoder_attention_heads=4, num_decoder_attention_heads=4, encoder_ffn_dim=64,
        decoder_ffn_dim=64, max_position_embeddings=64, ngram=2,
    ),
    "switch-transformers": fed(
        "SwitchTransformersForConditionalGeneration", TEXT_TO_TEXT,
        **T5, num_experts=4, num_decoder_layers=2, num_sparse_encoder_layers=1,
        num_sparse_decoder_layers=1,
    ),
    "t5": fed("T5ForConditionalGeneration", TEXT_TO_TEXT, **T5),
    # Speech and sound
    "ast": fed(
        "ASTForAudioClassification", {"input_values": torch.zeros(1, 64, 32)},
        **BLOCKS, max_length=64, num_mel_bins=32,
    ),
    "encodec": fed(
        "EncodecModel", {"input_values": torch.zeros(1, 1, 2000)},
        hidden_size=16, num_filters=4, codebook_size=32, codebook_dim=16, upsampling_ratios=[4, 2],
    ),
    "hubert": fed("HubertForCTC", WAVE, **SPEECH),
    "sew": fed(
        "SEWForCTC", WAVE,
        **SPEECH, conv_stride=[5, 2, 2, 2, 2, 2, 2], conv_kernel=[10, 3, 3, 3, 3, 2, 2],
    ),
    "speech-to-text": fed(
        "Speech2TextForConditionalGeneration",
        {"input_features": torch.zeros(1, 60, 16), "decoder_input_ids": tokens(8)},
        **PAIR, input_feat_per_channel=16, max_source_positions=100, max_target_positions=50,
        conv_channels=32, conv_kernel_sizes=[3, 3], pad_token_id=0, decoder_start_token_id=0,
    ),
    "vits": fed(
        "VitsModel", TEXT,
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, ffn_dim=32,
        flow_size=32, spectrogram_bins=9, upsample_initial_channel=16, upsample_rates=[4, 2],
        upsample_kernel_sizes=[8, 4],
    ),
    "wav2vec2": fed("Wav2Vec2ForCTC", WAVE, **SPEECH),
    "wav2vec2-conformer": fed("Wav2Vec2ConformerForCTC", WAVE, **SPEECH),
    "wavlm": fed("WavLMForCTC", WAVE, **SPEECH),
    "whisper": fed(
        "WhisperForConditionalGeneration",
        {"input_features": torch.zeros(1, 8, 100), "decoder_input_ids": tokens(8)},
        **PAIR, num_mel_bins=8, max_source_positions=50, max_target_positions=32, pad_token_id=0,
        bos_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    ),
    # Vision
    "beit": fed("BeitForImageClassification", **PATCHES, use_relative_position_bias=True),
    "convnext": fed(
        "ConvNextForImageClassification", LARGER_IMAGE,
        depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 16, 16],
    ),
    "deformable-detr": fed(
        "DeformableDetrForObjectDetection", LARGER_IMAGE,
        **BOXES, num_feature_levels=2,
        backbone_config={"class": "ResNetConfig", **RESNET, "out_features": ["stage3", "stage4"]},
    ),
    "detr": fed(
        "DetrForObjectDetection", LARGER_IMAGE,
        **BOXES,
        backbone_config={"class": "ResNetConfig", **RESNET, "out_features": ["stage4"]},
    ),
    "dinov2": fed("Dinov2ForImageClassification", **PATCHES),
    "dinov3": fed("DINOv3ViTModel", **PATCHES),
    "dpt": fed(
        "DPTForDepthEstimation",
        **{**PATCHES, "num_hidden_layers": 4}, backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=8,
    ),
    "hiera": fed(
        "HieraForImageClassification", LARGER_IMAGE,
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], image_size=[64, 64],
    ),
    "mobilevit": fed(
        "MobileViTForImageClassification", LARGER_IMAGE,
        hidden_sizes=[16, 24, 32], neck_hidden_sizes=[8, 8, 16, 16, 16, 16, 32], image_size=64,
    ),
    "rt-detr": fed(
        "RTDetrForObjectDetection", {"pixel_values": image(128)},
        **BOXES, encoder_hidden_dim=32, decoder_in_channels=[32, 32, 32],
        encoder_in_channels=[16, 24, 32], num_denoising=0,
        backbone_config={
            "class": "RTDetrResNetConfig",
            **RESNET, "hidden_sizes": [8, 16, 24, 32], "layer_type": "basic",
            "out_features": ["stage2", "stage3", "stage4"],
        },
    ),
    "sam": fed(
        "SamModel", LARGER_IMAGE,
        vision_config={
            **BLOCKS, "output_channels": 16, "image_size": 64, "patch_size": 8, "mlp_dim": 64,
            "global_attn_indexes": [1], "window_size": 4, "num_pos_feats": 8,
        },
        prompt_encoder_config={
            "hidden_size": 16, "image_size": 64, "patch_size": 8, "mask_input_channels": 4,
        },
        mask_decoder_config={
            "hidden_size": 16, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16,
        },
    ),
    "segformer": fed(
        "SegformerForSemanticSegmentation", LARGER_IMAGE,
        depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 16, 32], num_attention_heads=[1, 2, 2, 4],
        decoder_hidden_size=16,
    ),
    "swin": fed("SwinForImageClassification", **SWIN, image_size=32),
    "swinv2": fed("Swinv2ForImageClassification", **SWIN, image_size=32),
    "timesformer": fed("TimesformerForVideoClassification", CLIP, **PATCHES, num_frames=4),
    "videomae": fed("VideoMAEForVideoClassification", CLIP, **PATCHES, num_frames=4),
    "vit": fed("ViTForImageClassification", **PATCHES),
    # Vision and language
    "blip": fed(
        "BlipForConditionalGeneration", IMAGE_AND_TEXT,
        text_config={
            **ENCODER, "projection_dim": 16, "encoder_hidden_size": 32, "bos_token_id": 0,
            "eos_token_id": 1, "sep_token_id": 1,
        },
        vision_config=PATCHES,
    ),
    "clip": fed(
        "CLIPModel", IMAGE_AND_TEXT,
        text_config={**ENCODER, "eos_token_id": 1}, vision_config=PATCHES, projection_dim=16,
    ),
    "git": fed("GitForCausalLM", IMAGE_AND_TEXT, **ENCODER, vision_config=PATCHES),
    "idefics3": fed(
        "Idefics3ForConditionalGeneration",
        {"input_ids": with_pictures(4), "pixel_values": torch.ones(1, 1, 3, 32, 32)},
        text_config={"model_type": "llama", **GROUPED}, vision_config=PATCHES,
        scale_factor=2, image_token_id=PICTURE,
    ),
    "llava": fed(
        "LlavaForConditionalGeneration",
        {"input_ids": with_pictures(16), "pixel_values": image()},
        text_config={"model_type": "llama", **GROUPED},
        vision_config={"model_type": "clip_vision_model", **PATCHES}, image_token_index=PICTURE,
    ),
    "owlvit": fed(
        "OwlViTForObjectDetection", {"input_ids": tokens(16), "pixel_values": image()},
        text_config={**ENCODER, "max_position_embeddings": 16}, vision_config=PATCHES,
        projection_dim=32,
    ),
    "paligemma": fed(
        "PaliGemmaForConditionalGeneration",
        {"input_ids": with_pictures(16), "pixel_values": image()},
        text_config={"model_type": "gemma", **GROUPED, "head_dim": 8},
        vision_config={"model_type": "siglip_vision_model", **PATCHES},
        projection_dim=32, image_token_index=PICTURE,
    ),
    "qwen2-vl": fed(
        "Qwen2VLForConditionalGeneration",
        {
            "input_ids": with_pictures(4),
            "pixel_values": torch.zeros(16, 3 * 2 * 8 * 8),
            "image_grid_thw": torch.tensor([[1, 4, 4]]),
            "mm_token_type_ids": (with_pictures(4) == PICTURE).int(),
        },
        text_config={**GROUPED, "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}},
        vision_config={
            "depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "patch_size": 8,
        },
        image_token_id=PICTURE, vision_start_token_id=PICTURE - 1,
    ),
    "siglip": fed("SiglipModel", IMAGE_AND_TEXT, text_config=ENCODER, vision_config=PATCHES),
    "vilt": fed(
        "ViltModel", IMAGE_AND_TEXT,
        **{**ENCODER, "pad_token_id": None}, image_size=32, patch_size=8,
    ),
    # Series and more
    "informer": fed(
        "InformerModel",
        {
            "past_values": torch.zeros(1, 32), "past_time_features": torch.zeros(1, 32, 2),
            "past_observed_mask": torch.ones(1, 32), "future_values": torch.zeros(1, 4),
            "future_time_features": torch.zeros(1, 4, 2),
        },
        **WITHOUT_WORDS, prediction_length=4, context_length=25, lags_sequence=[1, 7],
        num_time_features=2,
    ),
    "patchtst": fed(
        "PatchTSTForPrediction", {"past_values": torch.zeros(1, 32, 2)},
        num_input_channels=2, context_length=32, patch_length=8, patch_stride=8, d_model=16,
        num_attention_heads=2, ffn_dim=32, num_hidden_layers=2, prediction_length=4,
    ),
    "perceiver": fed(
        "PerceiverForMaskedLM", {"inputs": tokens()},
        num_latents=8, d_latents=32, d_model=16, num_blocks=1, num_self_attends_per_block=2,
        num_self_attention_heads=4, num_cross_attention_heads=4, vocab_size=64,
        max_position_embeddings=32,
    ),
}  # fmt: skip
"""Name of an architecture → a small model of it."""
