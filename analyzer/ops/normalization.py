"""Normalisations: batch, layer, group, instance, RMS and local response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from analyzer.expression import Expression, Factor, Sum, product, total
from analyzer.ops.base import Cost, Operation

__all__ = ["BatchNormalization", "LocalResponseNormalization", "Normalization"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNormalization(Operation):
    """``(x − μ) / √(σ² + ε) · γ + β`` with one μ, σ², γ, β a channel; the shape is unchanged.

    In inference μ and σ² are stored; with ``training`` they are computed from the batch, and the
    stored ones are moved towards them, unless there are no ``running_statistics``.

    >>> BatchNormalization(elements=100, channels=4, scale=True, offset=True).cost().flops.value
    408
    """

    elements: int
    channels: int
    scale: bool
    offset: bool
    training: bool = False
    running_statistics: bool = True

    lesson: ClassVar[str] = (
        "Each channel is shifted and scaled. The scale γ and the offset β are learned; the running "
        "mean and variance are only measured while training and stored, so they are state and not "
        "learnable parameters. Keras prints them as non-trainable parameters."
    )
    roles: ClassVar[Mapping[str, str]] = {
        "scale": "γ, one a channel, learned",
        "offset": "β, one a channel, learned",
        "running mean": "μ, one a channel, stored but not learned",
        "running variance": "σ², one a channel, stored but not learned",
        "batch counter": "how many batches were seen, stored but not learned",
    }

    def cost(self) -> Cost:
        steps = total(
            (
                Factor("subtract mean", 1),
                Factor("divide by deviation", 1),
                Factor("scale", int(self.scale)),
                Factor("offset", int(self.offset)),
                Factor("mean of the batch", int(self.training)),
                Factor("square", int(self.training)),
                Factor("variance of the batch", int(self.training)),
            )
        )
        channel_steps = total(
            (
                Factor("add ε", 1),
                Factor("square root", 1),
                Factor("update of the statistics", 6 * (self.training and self.running_statistics)),
            )
        )
        return Cost(
            normalization=total(
                (
                    product(product(elements=self.elements), steps),
                    product(product(channels=self.channels), channel_steps),
                )
            )
        )

    def parameter_counts(self) -> Mapping[str, Expression]:
        stored = {
            "scale": self.scale,
            "offset": self.offset,
            "running mean": self.running_statistics,
            "running variance": self.running_statistics,
        }
        channels = product(channels=self.channels)
        return {role: channels for role, is_there in stored.items() if is_there}


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalization(Operation):
    """Normalisation over groups of elements of one example: layer, group, instance, RMS.

    ``(groups, size) → (groups, size)``: each group is normalised by its own mean and variance
    (layer normalisation: a group is one token's features; group normalisation: some channels of
    one image). ``centered=False`` is RMS normalisation: no mean is subtracted, and each element
    is divided by ``√(Σ x² / size + ε)``; with ``averaged=False`` too it is L2 normalisation, which
    divides by ``√(Σ x² + ε)``.

    Attributes:
        style: name in reports: ``"layer"``, ``"group"``, ``"instance"``, ``"RMS"``, ``"L2"``.
        groups: how many groups are normalised.
        size: elements in each.
        features: how many scales and offsets there are, where there are any.
        centered: whether the mean is subtracted.
        averaged: whether the sum of squares is divided by the size.
        epsilon: whether a constant keeps the divisor from zero (added, or as a least value).

    >>> Normalization(style="layer", groups=1, size=8, features=8, scale=True,
    ...               offset=True).cost().flops.value
    58
    """

    style: str
    groups: int
    size: int
    features: int = 0
    scale: bool = False
    offset: bool = False
    centered: bool = True
    averaged: bool = True
    epsilon: bool = True

    lesson: ClassVar[str] = (
        "Mean and variance are computed anew for every group of elements, so nothing but the "
        "scale γ and the offset β is stored, and both are learned."
    )
    roles: ClassVar[Mapping[str, str]] = {
        "scale": "γ, one a feature, learned",
        "offset": "β, one a feature, learned",
        "running mean": "μ, one a channel, stored but not learned",
        "running variance": "σ², one a channel, stored but not learned",
    }

    @property
    def kind(self) -> str:
        return f"{self.style[0].upper()}{self.style[1:]}Normalization"

    def cost(self) -> Cost:
        elements = product(groups=self.groups, elements_each=self.size)
        steps = total(
            (
                Factor("mean", int(self.centered)),
                Factor("subtract mean", int(self.centered)),
                Factor("square", 1),
                Factor("mean of squares", int(self.averaged)),
                Factor("divide by deviation", 1),
                Factor("scale", int(self.scale)),
                Factor("offset", int(self.offset)),
            )
        )
        groups = product(groups=self.groups)
        root = total((Factor("add ε", int(self.epsilon)), Factor("square root", 1)))
        work = [product(elements, steps), product(groups, root)]
        if not self.averaged and self.size:
            work.append(product(groups, Sum((Factor("additions", self.size), Factor("1", -1)))))
        return Cost(normalization=total(work))

    def parameter_counts(self) -> Mapping[str, Expression]:
        stored = {"scale": self.scale, "offset": self.offset}
        features = product(features=self.features)
        return {role: features for role, is_there in stored.items() if is_there}


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalResponseNormalization(Operation):
    """``x / (k + α/size · Σ x²)^β`` over a window of ``size`` channels; the shape is unchanged.

    >>> LocalResponseNormalization(elements=10, size=5).cost().flops.value
    90
    """

    elements: int
    size: int

    lesson: ClassVar[str] = "Each element is divided by a power of its neighbours' sum of squares."

    def cost(self) -> Cost:
        steps = total(
            (
                Factor("square", 1),
                Factor("additions over the window", self.size - 1),
                Factor("multiply by α/size", 1),
                Factor("add k", 1),
                Factor("power", 1),
                Factor("divide", 1),
            )
        )
        return Cost(normalization=product(product(elements=self.elements), steps))
