"""Normalisation, pooling and softmax."""

from __future__ import annotations

from math import prod

from analyzer.ops import (
    AdaptivePooling,
    BatchNormalization,
    Normalization,
    Operation,
    Pooling,
    PoolKind,
    Softmax,
    Unknown,
)
from analyzer_keras.calls import Call, Translator, channels_last
from analyzer_keras.mapping_common import reduced_axes
from analyzer_keras.windows import Window, pairs, spatial_of

__all__ = ["NEURAL"]


def _batch_norm(call: Call) -> Operation:
    """Translate a normalisation by what is given, be it stored or computed just before."""
    channels = prod(call["mean"].shape)
    call.use("mean", "running mean", ("channels",))
    call.use("variance", "running variance", ("channels",))
    scale, offset = call["scale"] is not None, call["offset"] is not None
    if scale:
        call.use("scale", "scale", ("channels",))
    if offset:
        call.use("offset", "offset", ("channels",))
    return BatchNormalization(
        elements=call.elements,
        channels=channels,
        scale=scale,
        offset=offset,
    )


def _layer_norm(call: Call) -> Operation:
    return _normalization(
        call,
        style="layer",
        scale="gamma",
        offset=None if call.setting("rms_scaling") else "beta",
    )


def _rms_norm(call: Call) -> Operation:
    return _normalization(call, style="RMS", scale="scale", offset=None)


def _normalization(call: Call, *, style: str, scale: str, offset: str | None) -> Operation:
    shape = tuple(call["x"].shape)
    size = prod(shape[axis] for axis in reduced_axes(call.setting("axis"), len(shape)))
    scaled = call[scale] is not None
    shifted = offset is not None and call[offset] is not None
    axes = ("features",)
    if scaled:
        call.use(scale, "scale", axes if len(call[scale].shape) == 1 else ())
    if shifted and offset is not None:
        call.use(offset, "offset", axes if len(call[offset].shape) == 1 else ())
    return Normalization(
        style=style,
        groups=prod(shape) // size if size else 0,
        size=size,
        features=size if scaled or shifted else 0,
        scale=scaled,
        offset=shifted,
        centered=style != "RMS",
    )


def _normalize(call: Call) -> Operation:
    """Translate ``x / max(‖x‖, ε)``."""
    if call.setting("order") != 2:
        return Unknown(name="keras.ops.Normalize")
    shape = tuple(call["x"].shape)
    size = prod(shape[axis] for axis in reduced_axes(call.setting("axis"), len(shape)))
    groups = prod(shape) // size if size else 0
    return Normalization(style="L2", groups=groups, size=size, centered=False, averaged=False)


def _pool(pool: PoolKind) -> Translator:
    def translate(call: Call) -> Operation:
        shape = tuple(call["inputs"].shape)
        kernel = pairs(call.setting("pool_size"), len(shape) - 2)
        window = Window.of(call, kernel)
        return Pooling(
            pool=pool,
            batch=shape[0],
            channels=window.in_channels,
            in_spatial=window.in_spatial,
            out_spatial=window.out_spatial,
            kernel=kernel,
            stride=window.stride,
            dilation=window.dilation,
            padding=window.padding,
        )

    return translate


def _adaptive_pool(pool: PoolKind) -> Translator:
    def translate(call: Call) -> Operation:
        shape, last = tuple(call["inputs"].shape), channels_last(call)
        return AdaptivePooling(
            pool=pool,
            batch=shape[0],
            channels=shape[-1] if last else shape[1],
            in_spatial=spatial_of(shape, last=last),
            out_spatial=spatial_of(call.shape, last=last),
        )

    return translate


def _softmax(*, logarithm: bool) -> Translator:
    def translate(call: Call) -> Operation:
        shape = tuple(call["x"].shape)
        size = prod(shape[axis] for axis in reduced_axes(call.setting("axis"), len(shape)))
        rows = prod(shape) // size if size else 0
        return Softmax(rows=rows, size=size, logarithm=logarithm)

    return translate


NEURAL: dict[str, Translator] = {
    "AdaptiveAveragePool": _adaptive_pool(PoolKind.AVERAGE),
    "AdaptiveMaxPool": _adaptive_pool(PoolKind.MAX),
    "AveragePool": _pool(PoolKind.AVERAGE),
    "BatchNorm": _batch_norm,
    "LayerNorm": _layer_norm,
    "LogSoftmax": _softmax(logarithm=True),
    "MaxPool": _pool(PoolKind.MAX),
    "Normalize": _normalize,
    "RMSNorm": _rms_norm,
    "Softmax": _softmax(logarithm=False),
}
