"""Normalisations, softmax and pooling."""

from __future__ import annotations

from math import prod

from torch import Tensor

from analyzer import Operation
from analyzer.ops import (
    AdaptivePooling,
    BatchNormalization,
    Elementwise,
    Normalization,
    Pooling,
    PoolKind,
    Reduction,
    Softmax,
)
from analyzer_torch.call import Call, Maker, each
from analyzer_torch.mapping_common import fused

__all__ = ["NORMALIZATIONS", "POOLINGS"]


def _scaled(call: Call, axes: tuple[str, ...]) -> tuple[bool, bool]:
    """Name scale and offset, and say which of them there are."""
    call.plays(call.get("weight"), "scale", axes)
    call.plays(call.get("bias"), "offset", axes)
    return call.get("weight") is not None, call.get("bias") is not None


def _batch_normalization(call: Call) -> Operation:
    """``(batch, channels, *spatial)``, one mean and variance a channel."""
    shape = call.shape("input")
    scale, offset = _scaled(call, ("channels",))
    mean = call.get("running_mean", call.get("mean"))
    call.plays(mean, "running mean", ("channels",))
    call.plays(call.get("running_var", call.get("var")), "running variance", ("channels",))
    return BatchNormalization(
        elements=prod(shape),
        channels=prod(shape[1:2]),
        scale=scale,
        offset=offset,
        training=bool(call.get("training", "_with_update" in call.name)),
        running_statistics=mean is not None,
    )


def _groups(
    call: Call, style: str, groups: int, features: int, *, centered: bool = True
) -> Operation:
    scale, offset = _scaled(call, ("features",) if style in ("layer", "RMS") else ("channels",))
    elements = call["input"].numel()
    return Normalization(
        style=style,
        groups=groups,
        size=elements // groups if groups else 0,
        features=features if scale or offset else 0,
        scale=scale,
        offset=offset,
        centered=centered,
    )


def _layer_normalization(call: Call) -> Operation:
    """Normalise each group of ``(groups…, *normalized_shape)``."""
    size = prod(call["normalized_shape"])
    return _groups(call, "layer", call["input"].numel() // size if size else 0, size)


def _rms_normalization(call: Call) -> Operation:
    """Normalise each group of ``(groups…, *normalized_shape)``; no mean is subtracted."""
    size = prod(call["normalized_shape"])
    groups = call["input"].numel() // size if size else 0
    return _groups(call, "RMS", groups, size, centered=False)


def _group_normalization(call: Call) -> Operation:
    """``(batch, channels, *spatial)``, the channels of an image in ``num_groups`` groups."""
    batch, channels = call.shape("input")[:2]
    groups = call.get("num_groups", call.get("group"))
    return _groups(call, "group", batch * groups, channels)


def _instance_normalization(call: Call) -> Operation:
    """``(batch, channels, *spatial)``; with stored statistics it is batch normalisation.

    In training they are moved towards those of every image, and the mean of the images is stored.
    """
    if not call["use_input_stats"]:
        return _batch_normalization(call)
    batch, channels = call.shape("input")[:2]
    normalized = _groups(call, "instance", batch * channels, channels)
    if call["running_mean"] is None or not batch:
        return normalized
    call.plays(call["running_mean"], "running mean", ("channels",))
    call.plays(call["running_var"], "running variance", ("channels",))
    statistics = 2 * batch * channels
    return fused(
        call,
        normalized,
        Elementwise(function="interpolate", elements=statistics),
        Reduction(function="mean", in_elements=statistics, out_elements=2 * channels),
    )


def _weight_normalization(call: Call) -> Operation:
    """``g · v / ‖v‖``, one length a slice along ``dim``."""
    call.plays(call["v"], "kernel")
    call.plays(call["g"], "scale")
    groups = call["g"].numel()
    return Normalization(
        style="weight",
        groups=groups,
        size=call["v"].numel() // groups if groups else 0,
        features=groups,
        scale=True,
        centered=False,
        averaged=False,
        epsilon=False,
    )


def _softmax(call: Call) -> Operation:
    source: Tensor = call.first
    axis = -1 if call["dim"] is None else call["dim"]
    size = source.shape[axis] if source.dim() else 1
    rows = source.numel() // size if size else 0
    return Softmax(rows=rows, size=size, logarithm="log" in call.name)


def _pooling(pool: PoolKind, axes: int) -> Maker:
    def make(call: Call) -> Operation:
        """``(batch, channels, *spatial)`` or without the batch."""
        source, result = tuple(call.first.shape), tuple(call.output.shape)
        kernel = each(call["kernel_size"], axes)
        padding = each(call["padding"], axes)
        return Pooling(
            pool=pool,
            batch=prod(source[: -axes - 1]),
            channels=source[-axes - 1],
            in_spatial=source[-axes:],
            out_spatial=result[-axes:],
            kernel=kernel,
            stride=each(call["stride"], axes) if call["stride"] else kernel,
            dilation=each(call.get("dilation", 1), axes),
            padding=tuple((size, size) for size in padding),
            count_padding=bool(call.get("count_include_pad", False)),
        )

    return make


def _adaptive(pool: PoolKind, axes: int) -> Maker:
    def make(call: Call) -> Operation:
        """``(batch, channels, *in) → (batch, channels, *out)`` or without the batch."""
        source, result = tuple(call.first.shape), tuple(call.output.shape)
        return AdaptivePooling(
            pool=pool,
            batch=prod(source[: -axes - 1]),
            channels=source[-axes - 1],
            in_spatial=source[-axes:],
            out_spatial=result[-axes:],
        )

    return make


NORMALIZATIONS: dict[str, Maker] = {
    "_batch_norm_impl_index": _batch_normalization,
    "_batch_norm_no_update": _batch_normalization,
    "_batch_norm_with_update": _batch_normalization,
    "_batch_norm_with_update_functional": _batch_normalization,
    "_fused_rms_norm": _rms_normalization,
    "_log_softmax": _softmax,
    "_masked_softmax": _softmax,
    "_native_batch_norm_legit": _batch_normalization,
    "_native_batch_norm_legit_functional": _batch_normalization,
    "_native_batch_norm_legit_no_training": _batch_normalization,
    "_safe_softmax": _softmax,
    "_softmax": _softmax,
    "_weight_norm": _weight_normalization,
    "_weight_norm_interface": _weight_normalization,
    "batch_norm": _batch_normalization,
    "cudnn_batch_norm": _batch_normalization,
    "group_norm": _group_normalization,
    "instance_norm": _instance_normalization,
    "layer_norm": _layer_normalization,
    "log_softmax": _softmax,
    "miopen_batch_norm": _batch_normalization,
    "native_batch_norm": _batch_normalization,
    "native_group_norm": _group_normalization,
    "native_layer_norm": _layer_normalization,
    "quantized_batch_norm": _batch_normalization,
    "rms_norm": _rms_normalization,
    "softmax": _softmax,
    "special_log_softmax": _softmax,
    "special_softmax": _softmax,
}
"""ATen name → function that makes our operation, for normalisations and softmax."""

POOLINGS: dict[str, Maker] = {
    "_adaptive_avg_pool2d": _adaptive(PoolKind.AVERAGE, 2),
    "_adaptive_avg_pool3d": _adaptive(PoolKind.AVERAGE, 3),
    "adaptive_avg_pool1d": _adaptive(PoolKind.AVERAGE, 1),
    "adaptive_avg_pool2d": _adaptive(PoolKind.AVERAGE, 2),
    "adaptive_avg_pool3d": _adaptive(PoolKind.AVERAGE, 3),
    "adaptive_max_pool1d": _adaptive(PoolKind.MAX, 1),
    "adaptive_max_pool2d": _adaptive(PoolKind.MAX, 2),
    "adaptive_max_pool3d": _adaptive(PoolKind.MAX, 3),
    "avg_pool1d": _pooling(PoolKind.AVERAGE, 1),
    "avg_pool2d": _pooling(PoolKind.AVERAGE, 2),
    "avg_pool3d": _pooling(PoolKind.AVERAGE, 3),
    "max_pool1d": _pooling(PoolKind.MAX, 1),
    "max_pool1d_with_indices": _pooling(PoolKind.MAX, 1),
    "max_pool2d": _pooling(PoolKind.MAX, 2),
    "max_pool2d_with_indices": _pooling(PoolKind.MAX, 2),
    "max_pool3d": _pooling(PoolKind.MAX, 3),
    "max_pool3d_with_indices": _pooling(PoolKind.MAX, 3),
    "mkldnn_adaptive_avg_pool2d": _adaptive(PoolKind.AVERAGE, 2),
    "mkldnn_max_pool2d": _pooling(PoolKind.MAX, 2),
    "mkldnn_max_pool3d": _pooling(PoolKind.MAX, 3),
    "quantized_max_pool1d": _pooling(PoolKind.MAX, 1),
    "quantized_max_pool2d": _pooling(PoolKind.MAX, 2),
    "quantized_max_pool3d": _pooling(PoolKind.MAX, 3),
}
"""ATen name → function that makes our operation, for pooling."""
