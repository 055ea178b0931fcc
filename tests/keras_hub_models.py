"""Every backbone of KerasHub, built small and without weights."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["MODELS", "input_shapes"]

TOKENS = 8
"""Length of a sequence, where a model leaves it open."""

IMAGE = (32, 32, 3)

_WIDTHS = {"num_layers": 2, "hidden_dim": 16, "intermediate_dim": 24}
_ENCODER = {"vocabulary_size": 50, "num_heads": 2, **_WIDTHS}
_GROUPED = {"vocabulary_size": 50, "num_query_heads": 4, "num_key_value_heads": 2, **_WIDTHS}
_EXPERTS = {"num_experts": 3, "top_k": 2}
_LINEAR = {
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 4,
    "linear_value_head_dim": 4,
}  # fmt: skip
_BOTH = {
    f"{side}_{name}": value
    for side in ("encoder", "decoder")
    for name, value in {
        "hidden_dim": 16, "intermediate_dim": 24, "num_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 4, "layer_types": ["full_attention"] * 2,
    }.items()
}  # fmt: skip

_HIDDEN = {
    "RQVAEBackbone": "keras_hub.src.models.rqvae.rqvae_backbone",
    "VAEBackbone": "keras_hub.src.models.vae.vae_backbone",
}

Maker = Callable[[Any], Any]


def _class(hub: Any, name: str) -> Any:
    """Return a class by its public name; some have none."""
    path = _HIDDEN.get(name)
    return getattr(import_module(path) if path else hub.models, name)


def _plain(name: str, **settings: Any) -> Maker:
    """Return what makes a backbone, or a part of one, of KerasHub's public names."""

    def make(hub: Any) -> Any:
        made = {key: value(hub) if callable(value) else value for key, value in settings.items()}
        return _class(hub, name)(**made)

    return make


def _resnet(
    shape: tuple[int | None, ...] = IMAGE,
    blocks: int = 1,
    filters: tuple[int, ...] = (64, 8, 16, 24),
) -> Maker:
    return _plain(
        "ResNetBackbone",
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=list(filters),
        stackwise_num_blocks=[blocks] * 4,
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        image_shape=shape,
    )


def _vit(**more: Any) -> Maker:
    return _plain(
        "ViTBackbone", image_shape=IMAGE, patch_size=(8, 8), num_layers=2, num_heads=2,
        hidden_dim=16, mlp_dim=24, **more,
    )  # fmt: skip


def _dinov2(**more: Any) -> Maker:
    settings: dict[str, Any] = {"patch_size": 8, "num_heads": 2, "image_shape": IMAGE, **_WIDTHS}
    return _plain("DINOV2Backbone", position_embedding_shape=(48, 48), **{**settings, **more})


def _mit(**more: Any) -> Maker:
    return _plain(
        "MiTBackbone", image_shape=(64, 64, 3), num_layers=4, hidden_dims=[8, 16, 24, 32],
        layerwise_depths=[1, 1, 1, 1], layerwise_num_heads=[1, 2, 2, 2],
        layerwise_sr_ratios=[8, 4, 2, 1], layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2], max_drop_path_rate=0.1, **more,
    )  # fmt: skip


def _two_towers(name: str) -> dict[str, Maker]:
    vision = {"patch_size": 8, "num_heads": 2, "image_shape": IMAGE, **_WIDTHS}
    text = {**_ENCODER, "embedding_dim": 16, "max_sequence_length": TOKENS}
    return {
        "vision_encoder": _plain(f"{name}VisionEncoder", **vision),
        "text_encoder": _plain(f"{name}TextEncoder", **text),
    }


def _vae(**more: Any) -> Maker:
    return _plain(
        "VAEBackbone", encoder_num_filters=[32] * 4, encoder_num_blocks=[1] * 4,
        decoder_num_filters=[32] * 4, decoder_num_blocks=[1] * 4, **more,
    )  # fmt: skip


def _hgnet(**more: Any) -> Maker:
    settings: dict[str, Any] = {
        "depths": [1, 1, 1], "embedding_size": 8, "hidden_sizes": [16, 16, 32],
        "stem_channels": [3, 8, 8], "hidden_act": "relu", "use_learnable_affine_block": False,
        "stackwise_stage_filters": [
            (8, 4, 16, 1, 1, 3), (16, 8, 16, 1, 1, 3), (16, 8, 32, 1, 1, 3),
        ],
        "apply_downsample": [False, True, True],
        "use_lightweight_conv_block": [False, False, True], "image_shape": IMAGE,
    }  # fmt: skip
    return _plain("HGNetV2Backbone", **{**settings, **more})


def _d_fine(hub: Any) -> Any:
    backbone = _hgnet(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 16, 16, 32],
        stackwise_stage_filters=[
            [8, 8, 8, 1, 1, 3], [8, 8, 16, 1, 1, 3], [16, 8, 16, 1, 1, 3], [16, 8, 32, 1, 1, 3],
        ],
        apply_downsample=[False, True, True, True],
        use_lightweight_conv_block=[False, False, True, True],
        image_shape=(None, None, 3),
        out_features=["stage3", "stage4"],
    )(hub)  # fmt: skip
    return hub.models.DFineBackbone(
        backbone=backbone, decoder_in_channels=[16, 16], encoder_hidden_dim=16, num_denoising=0,
        num_labels=5, hidden_dim=16, learn_initial_query=False, num_queries=6,
        anchor_image_size=(64, 64), feat_strides=[16, 32], num_feature_levels=2,
        encoder_in_channels=[16, 32], encode_proj_layers=[1], num_attention_heads=2,
        encoder_ffn_dim=24, num_encoder_layers=1, hidden_expansion=0.5, depth_multiplier=0.5,
        eval_idx=-1, num_decoder_layers=2, decoder_attention_heads=2, decoder_ffn_dim=24,
        decoder_n_points=[2, 2], lqe_hidden_dim=8, num_lqe_layers=2,
        out_features=["stage3", "stage4"], image_shape=(64, 64, 3), seed=0,
    )  # fmt: skip


def _sam(hub: Any) -> Any:
    image_encoder = hub.models.ViTDetBackbone(
        hidden_size=16, num_layers=2, intermediate_dim=24, num_heads=2,
        global_attention_layer_indices=[1], patch_size=8, num_output_channels=8, window_size=2,
        image_shape=IMAGE,
    )  # fmt: skip
    prompt_encoder = hub.layers.SAMPromptEncoder(
        hidden_size=8, image_embedding_size=(4, 4), input_image_size=(32, 32), mask_in_channels=16
    )
    mask_decoder = hub.layers.SAMMaskDecoder(
        num_layers=1, hidden_size=8, intermediate_dim=16, num_heads=2, embedding_dim=8,
        num_multimask_outputs=3, iou_head_depth=3, iou_head_hidden_dim=8,
    )  # fmt: skip
    return hub.models.SAMBackbone(
        image_encoder=image_encoder, prompt_encoder=prompt_encoder, mask_decoder=mask_decoder
    )


def _sam3(hub: Any) -> Any:
    widths: dict[str, int] = {"hidden_dim": 16, "intermediate_dim": 24, "num_heads": 2}
    image: dict[str, Any] = {"image_shape": (56, 56, 3), "patch_size": 14}
    return hub.models.SAM3PromptableConceptBackbone(
        vision_encoder=hub.layers.SAM3VisionEncoder(
            **image, num_layers=2, **widths, fpn_hidden_dim=16,
            fpn_scale_factors=[4.0, 2.0, 1.0, 0.5], pretrain_image_shape=(28, 28, 3),
            window_size=2, global_attn_indexes=[1],
        ),
        text_encoder=hub.layers.SAM3TextEncoder(
            vocabulary_size=50, embedding_dim=16, num_layers=1, **widths
        ),
        geometry_encoder=hub.layers.SAM3GeometryEncoder(num_layers=1, roi_size=3, **widths),
        detr_encoder=hub.layers.SAM3DetrEncoder(num_layers=1, **widths),
        detr_decoder=hub.layers.SAM3DetrDecoder(
            **image, num_layers=1, num_queries=5, **widths
        ),
        mask_decoder=hub.layers.SAM3MaskDecoder(
            num_upsampling_stages=3, hidden_dim=16, num_heads=2
        ),
    )  # fmt: skip


def _stable_diffusion(hub: Any) -> Any:
    text = {**_ENCODER, "embedding_dim": 16, "max_sequence_length": TOKENS}
    return hub.models.StableDiffusion3Backbone(
        mmdit_patch_size=2, mmdit_num_heads=2, mmdit_hidden_dim=16, mmdit_num_layers=2,
        mmdit_position_size=8, mmdit_qk_norm=None, mmdit_dual_attention_indices=None,
        vae=_vae(sample_channels=32)(hub),
        clip_l=hub.models.CLIPTextEncoder(**text, intermediate_output_index=0, name="clip_l"),
        clip_g=hub.models.CLIPTextEncoder(**text, intermediate_output_index=0, name="clip_g"),
        image_shape=(64, 64, 3),
    )  # fmt: skip


def _gemma3_with_images(hub: Any) -> Any:
    from keras_hub.src.models.gemma3.gemma3_vision_encoder import Gemma3VisionEncoder

    vision = Gemma3VisionEncoder(
        image_size=16, patch_size=4, num_heads=2, hidden_dim=8, num_layers=1, intermediate_dim=16,
        output_dim=16, pool_size=2,
    )  # fmt: skip
    return hub.models.Gemma3Backbone(
        **_GROUPED,
        head_dim=4,
        image_size=16,
        vision_encoder=vision,
        use_sliding_window_attention=True,
    )


def _gemma3n(hub: Any) -> Any:
    return hub.models.Gemma3nBackbone(
        text_vocab_size=50, text_hidden_size=8, num_hidden_layers=1, pad_token_id=0,
        num_attention_heads=1, num_key_value_heads=1, head_dim=8, intermediate_size=[16],
        hidden_activation="gelu_approximate", layer_types=["full_attention"], sliding_window=4,
        rope_theta=10000.0, max_position_embeddings=16, vocab_size_per_layer_input=50,
        hidden_size_per_layer_input=2, altup_num_inputs=2, laurel_rank=1,
    )  # fmt: skip


def _blip2(hub: Any) -> Any:
    return hub.models.BLIP2Backbone(
        vision_encoder=None, qformer=None, language_model=hub.models.OPTBackbone(**_ENCODER)
    )


MODELS: dict[str, Maker] = {
    "ALBERT": _plain("AlbertBackbone", embedding_dim=8, **_ENCODER),
    "BART": _plain("BartBackbone", **_ENCODER),
    "BASNet": _plain(
        "BASNetBackbone", image_encoder=_resnet((None, None, 3), 2, (64, 128, 256, 512)),
        num_classes=1, image_shape=(64, 64, 3), projection_filters=64,
    ),
    "BERT": _plain("BertBackbone", **_ENCODER),
    "BLIP-2": _blip2,
    "BLOOM": _plain("BloomBackbone", **_ENCODER),
    "CLIP": _plain("CLIPBackbone", projection_dim=8, **_two_towers("CLIP")),
    "CSPDarkNet": _plain(
        "CSPNetBackbone", stem_filters=8, stem_kernel_size=3, stem_strides=1,
        stackwise_depth=[1, 1, 2], stackwise_strides=[1, 2, 2], stackwise_num_filters=[8, 16, 16],
        block_type="dark_block", stage_type="dark", image_shape=IMAGE,
    ),
    "D-FINE": _d_fine,
    "DINOv2": _dinov2(),
    "DINOv3": _plain(
        "DINOV3Backbone", patch_size=8, num_heads=2, image_shape=IMAGE, **_WIDTHS
    ),
    "DeBERTaV3": _plain("DebertaV3Backbone", bucket_size=4, **_ENCODER),
    "DeepLabV3": _plain(
        "DeepLabV3Backbone", image_encoder=_resnet((64, 64, 3)), projection_filters=8,
        low_level_feature_key="P2", spatial_pyramid_pooling_key="P5", upsampling_size=8,
        dilation_rates=[6, 12, 18], image_shape=(64, 64, 3),
    ),
    "DeiT": _plain(
        "DeiTBackbone", image_shape=IMAGE, patch_size=(8, 8), num_heads=2, **_WIDTHS
    ),
    "DenseNet": _plain(
        "DenseNetBackbone", stackwise_num_repeats=[2, 2], growth_rate=8, image_shape=IMAGE
    ),
    "DepthAnything": _plain(
        "DepthAnythingBackbone", image_encoder=_dinov2(num_layers=4, image_shape=(64, 64, 3)),
        reassemble_factors=[4, 2, 1, 0.5], neck_hidden_dims=[8, 8, 8, 8], fusion_hidden_dim=8,
        head_hidden_dim=8, head_in_index=-1,
        feature_keys=["stage1", "stage2", "stage3", "stage4"],
    ),
    "DistilBERT": _plain("DistilBertBackbone", **_ENCODER),
    "EdRec": _plain(
        "EdRecBackbone", vocab_size=50, num_layers_enc=2, num_layers_dec=2, hidden_dim=16,
        intermediate_dim=24, num_heads=2,
    ),
    "EfficientNet": _plain(
        "EfficientNetBackbone", stackwise_kernel_sizes=[3, 3, 5], stackwise_num_repeats=[1, 2, 1],
        stackwise_input_filters=[8, 8, 16], stackwise_output_filters=[8, 16, 16],
        stackwise_expansion_ratios=[1, 4, 4], stackwise_squeeze_and_excite_ratios=[0.0, 0.25, 0.25],
        stackwise_strides=[1, 2, 2], stackwise_block_types=["fused", "unfused", "cba"],
        stackwise_width_coefficients=[1.0] * 3, stackwise_depth_coefficients=[1.0] * 3,
        stackwise_force_input_filters=[0] * 3, stackwise_nores_option=[False] * 3,
        input_shape=IMAGE, num_features=32,
    ),
    "Electra": _plain(
        "ElectraBackbone", vocab_size=50, num_heads=2, embedding_dim=8, **_WIDTHS
    ),
    "ESM": _plain("ESMBackbone", **_ENCODER),
    "FNet": _plain("FNetBackbone", vocabulary_size=50, **_WIDTHS),
    "Falcon": _plain("FalconBackbone", vocabulary_size=50, num_attention_heads=2, **_WIDTHS),
    "Flux": _plain(
        "FluxBackbone", input_channels=16, hidden_size=16, mlp_ratio=2.0, num_heads=2, depth=1,
        depth_single_blocks=1, axes_dim=[2, 2, 4], theta=100, use_bias=True,
        image_shape=(6, 16), text_shape=(TOKENS, 16), image_ids_shape=(6, 3),
        text_ids_shape=(TOKENS, 3), y_shape=(16,),
    ),
    "GPT-2": _plain("GPT2Backbone", **_ENCODER),
    "GPT-NeoX": _plain("GPTNeoXBackbone", **_ENCODER),
    "GPT-OSS": _plain("GptOssBackbone", **_GROUPED, **_EXPERTS),
    "Gemma": _plain("GemmaBackbone", head_dim=4, **_GROUPED),
    "Gemma 2": _plain(
        "GemmaBackbone", head_dim=4, use_post_ffw_norm=True, use_post_attention_norm=True,
        attention_logit_soft_cap=50.0, final_logit_soft_cap=30.0,
        use_sliding_window_attention=True, sliding_window_size=4, **_GROUPED,
    ),
    "Gemma 3": _plain(
        "Gemma3Backbone", head_dim=4, image_size=16, use_sliding_window_attention=True,
        sliding_window_size=4, **_GROUPED,
    ),
    "Gemma 3 with images": _gemma3_with_images,
    "Gemma 3n": _gemma3n,
    "Gemma 4": _plain("Gemma4Backbone", head_dim=4, image_size=16, **_GROUPED),
    "HGNetV2": _hgnet(),
    "Llama": _plain("LlamaBackbone", **_GROUPED),
    "Llama 3": _plain("Llama3Backbone", **_GROUPED),
    "MetaCLIP 2": _plain("MetaCLIP2Backbone", projection_dim=8, **_two_towers("MetaCLIP2")),
    "MiT": _mit(),
    "Mistral": _plain("MistralBackbone", **_GROUPED),
    "Mixtral": _plain("MixtralBackbone", **_GROUPED, **_EXPERTS),
    "MobileNet": _plain(
        "MobileNetBackbone", stackwise_expansion=[[16, 24], [24, 32]], stackwise_num_blocks=[2, 2],
        stackwise_num_filters=[[8, 8], [16, 16]], stackwise_kernel_size=[[3, 3], [5, 5]],
        stackwise_num_strides=[[2, 1], [2, 1]], stackwise_se_ratio=[[None, None], [0.25, 0.25]],
        stackwise_activation=[["relu", "relu"], ["hard_swish", "hard_swish"]],
        stackwise_padding=[[1, 1], [2, 2]], output_num_filters=32, depthwise_filters=8,
        depthwise_stride=2, depthwise_residual=False, last_layer_filter=32,
        squeeze_and_excite=0.5, image_shape=IMAGE,
    ),
    "MobileNetV5": _plain(
        "MobileNetV5Backbone", stackwise_block_types=[["er"], ["uir", "uir"]],
        stackwise_num_blocks=[1, 2], stackwise_num_filters=[[8], [16, 16]],
        stackwise_strides=[[2], [2, 1]], stackwise_act_layers=[["relu"], ["relu", "relu"]],
        stackwise_exp_ratios=[[4.0], [6.0, 6.0]], stackwise_se_ratios=[[0.0], [0.0, 0.0]],
        stackwise_dw_kernel_sizes=[[0], [5, 5]], stackwise_dw_start_kernel_sizes=[[0], [0, 0]],
        stackwise_dw_end_kernel_sizes=[[0], [0, 0]], stackwise_exp_kernel_sizes=[[3], [0, 0]],
        stackwise_pw_kernel_sizes=[[1], [0, 0]], stackwise_num_heads=[[0], [0, 0]],
        stackwise_key_dims=[[0], [0, 0]], stackwise_value_dims=[[0], [0, 0]],
        stackwise_kv_strides=[[0], [0, 0]], stackwise_use_cpe=[[False], [False, False]],
        use_msfa=False, image_shape=IMAGE,
    ),
    "Moonshine": _plain(
        "MoonshineBackbone", vocabulary_size=50, filter_dim=16, encoder_num_layers=1,
        decoder_num_layers=1, hidden_dim=16, intermediate_dim=24, encoder_num_heads=2,
        decoder_num_heads=2,
    ),
    "OPT": _plain("OPTBackbone", **_ENCODER),
    "PARSeq": _plain(
        "PARSeqBackbone", image_encoder=_vit(use_class_token=False), vocabulary_size=50,
        max_label_length=TOKENS, decoder_hidden_dim=16, num_decoder_layers=1, num_decoder_heads=2,
        decoder_mlp_dim=24,
    ),
    "PaliGemma": _plain(
        "PaliGemmaBackbone", head_dim=4, image_size=16, vit_patch_size=4, vit_num_heads=2,
        vit_hidden_dim=8, vit_num_layers=1, vit_intermediate_dim=16, **_GROUPED,
    ),
    "Phi-3": _plain("Phi3Backbone", **_GROUPED),
    "Qwen 2.5": _plain("QwenBackbone", **_GROUPED),
    "Qwen 3": _plain("Qwen3Backbone", head_dim=4, **_GROUPED),
    "Qwen 3 MoE": _plain(
        "Qwen3MoeBackbone", moe_intermediate_dim=8, head_dim=4, **_GROUPED, **_EXPERTS
    ),
    "Qwen 3.5": _plain("Qwen3_5Backbone", head_dim=4, **_GROUPED, **_LINEAR),
    "Qwen 3.5 MoE": _plain(
        "Qwen3_5MoeBackbone", vocabulary_size=50, num_layers=2, num_query_heads=4,
        num_key_value_heads=2, head_dim=4, hidden_dim=16, moe_intermediate_dim=8,
        shared_expert_intermediate_size=8, **_EXPERTS, **_LINEAR,
    ),
    "Qwen MoE": _plain(
        "QwenMoeBackbone", moe_intermediate_dim=8, shared_expert_intermediate_dim=8, **_GROUPED,
        **_EXPERTS,
    ),
    "ResNet": _resnet(),
    "RetinaNet": _plain(
        "RetinaNetBackbone", image_encoder=_resnet((64, 64, 3)), min_level=3, max_level=5,
        use_p5=True, image_shape=(64, 64, 3),
    ),
    "RoBERTa": _plain("RobertaBackbone", **_ENCODER),
    "RoFormerV2": _plain("RoformerV2Backbone", head_size=8, **_ENCODER),
    "RQ-VAE": _plain(
        "RQVAEBackbone", input_dim=10, encoder_layer_dims=[16, 8], output_dim=4,
        decoder_layer_dims=[8, 16], num_embeddings=12, num_quantizers=2,
    ),
    "RWKV-7": _plain(
        "RWKV7Backbone", vocabulary_size=50, hidden_size=16, num_layers=2, head_size=8,
        intermediate_dim=24, gate_lora=4, mv_lora=4, aaa_lora=4, decay_lora=4,
    ),
    "SAM": _sam,
    "SAM 3": _sam3,
    "SegFormer": _plain("SegFormerBackbone", image_encoder=_mit(), projection_filters=8),
    "SigLIP": _plain("SigLIPBackbone", **_two_towers("SigLIP")),
    "SmolLM3": _plain(
        "SmolLM3Backbone", vocabulary_size=50, num_attention_heads=4, num_key_value_heads=2,
        attention_bias=False, attention_dropout=0.0, rope_layer_enabled_list=[True] * 2,
        layer_types=["attention"] * 2, mlp_bias=False, layer_norm_epsilon=1e-5,
        max_position_embeddings=32, rope_theta=10000.0, partial_rotary_factor=1.0, **_WIDTHS,
    ),
    "Stable Diffusion 3": _stable_diffusion,
    "Swin": _plain(
        "SwinTransformerBackbone", image_shape=(64, 64, 3), embed_dim=8, depths=(1, 2),
        num_heads=(1, 2), window_size=4,
    ),
    "T5": _plain("T5Backbone", **_ENCODER),
    "T5Gemma": _plain("T5GemmaBackbone", vocabulary_size=50, **_BOTH),
    "T5Gemma 2": _plain("T5Gemma2Backbone", vocabulary_size=50, **_BOTH),
    "VAE": _vae(),
    "VGG": _plain(
        "VGGBackbone", stackwise_num_repeats=[1, 2], stackwise_num_filters=[8, 16],
        image_shape=IMAGE,
    ),
    "ViT": _vit(),
    "ViTDet": lambda hub: _sam(hub).image_encoder,
    "VideoPrism": _plain(
        "VideoPrismBackbone", num_frames=2, patch_size=8, hidden_dim=16, intermediate_dim=24,
        num_heads=2, num_spatial_layers=1, num_temporal_layers=1, num_auxiliary_layers=1,
        vocabulary_size=50, num_text_layers=1, image_shape=IMAGE,
    ),
    "Whisper": _plain("WhisperBackbone", **_ENCODER),
    "XLM-RoBERTa": _plain("XLMRobertaBackbone", **_ENCODER),
    "XLNet": _plain("XLNetBackbone", **_ENCODER),
    "Xception": _plain(
        "XceptionBackbone", stackwise_conv_filters=[[8, 16], [16, 24]],
        stackwise_pooling=[True, False], image_shape=IMAGE,
    ),
}  # fmt: skip
"""Name of the model → what makes it, given the package."""

_SHAPES: dict[str, tuple[int, ...]] = {
    "Gemma 3 with images/images": (1, 1, 16, 16, 3),
    "Gemma 3 with images/vision_indices": (1, 4),
    "Moonshine/encoder_input_values": (1, 1000, 1),
    "Moonshine/encoder_padding_mask": (1, 1000),
}


def input_shapes(name: str, model: Any) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input of a model, by name; what it leaves open is filled in."""
    found = {}
    for symbol in model.inputs:
        key = symbol._keras_history.operation.name
        sizes = [1 if axis == 0 else TOKENS for axis in range(len(symbol.shape))]
        if len(symbol.shape) == 4:
            sizes[1:3] = 32, 32
        shape = tuple(own or size for own, size in zip(symbol.shape, sizes, strict=True))
        found[key] = _SHAPES.get(f"{name}/{key}", shape)
    return found
