"""Cases that are whole networks, written compactly in linen, without weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
from flax import linen as nn
from jax import numpy as jnp

from benchmarks.accuracy.arrays import tokens
from benchmarks.accuracy.flax.building import case

__all__ = ["NETWORKS"]


class Bottleneck(nn.Module):
    """A block of ResNet whose stride is in its middle convolution."""

    features: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        norm = partial(nn.BatchNorm, use_running_average=not train)
        conv = partial(nn.Conv, use_bias=False)
        y = nn.relu(norm()(conv(self.features, (1, 1))(x)))
        y = nn.relu(norm()(conv(self.features, (3, 3), self.stride, padding=1)(y)))
        y = norm(scale_init=nn.initializers.zeros)(conv(4 * self.features, (1, 1))(y))
        if x.shape != y.shape:
            x = norm()(conv(4 * self.features, (1, 1), self.stride)(x))
        return nn.relu(x + y)


class ResNet(nn.Module):
    """Stages of so many blocks each."""

    stages: tuple[int, ...] = (3, 4, 6, 3)
    classes: int = 1000

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        x = nn.Conv(64, (7, 7), 2, padding=3, use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train)(x))
        pool: Callable[..., jax.Array] = nn.max_pool
        x = pool(x, (3, 3), (2, 2), padding=((1, 1), (1, 1)))
        for stage, blocks in enumerate(self.stages):
            for block in range(blocks):
                x = Bottleneck(64 * 2**stage, 2 if stage and not block else 1)(x, train)
        return nn.Dense(self.classes)(x.mean((1, 2)))


class Block(nn.Module):
    """A block of a transformer that normalises first."""

    heads: int
    hidden: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        x = x + nn.MultiHeadDotProductAttention(self.heads)(nn.LayerNorm()(x), mask=mask)
        y = nn.gelu(nn.Dense(self.hidden)(nn.LayerNorm()(x)))
        return x + nn.Dense(x.shape[-1])(y)


class VisionTransformer(nn.Module):
    """Patches of an image and a token that becomes its class."""

    patch: int = 16
    width: int = 768
    depth: int = 12
    heads: int = 12
    classes: int = 1000

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = nn.Conv(self.width, (self.patch, self.patch), self.patch, padding="VALID")(x)
        x = x.reshape(x.shape[0], -1, self.width)
        token = self.param("token", nn.initializers.zeros, (1, 1, self.width))
        x = jnp.concatenate([jnp.tile(token, (x.shape[0], 1, 1)), x], axis=1)
        x = x + self.param("positions", nn.initializers.normal(0.02), (1, *x.shape[1:]))
        for _ in range(self.depth):
            x = Block(self.heads, 4 * self.width)(x)
        return nn.Dense(self.classes)(nn.LayerNorm()(x)[:, 0])


class LanguageModel(nn.Module):
    """A causal transformer whose head is its embedding."""

    vocabulary: int = 1000
    width: int = 128
    depth: int = 4
    heads: int = 8

    @nn.compact
    def __call__(self, tokens: jax.Array) -> jax.Array:
        embedding = nn.Embed(self.vocabulary, self.width)
        x = embedding(tokens) + nn.Embed(64, self.width)(jnp.arange(tokens.shape[1]))
        for _ in range(self.depth):
            x = Block(self.heads, 4 * self.width)(x, nn.make_causal_mask(tokens))
        return embedding.attend(nn.LayerNorm()(x))


NETWORKS = (
    case("ResNet-50", "network", ResNet, (1, 224, 224, 3), quick=False),
    case("ViT-B/16", "network", VisionTransformer, (1, 224, 224, 3), quick=False),
    case("language model, small", "network", LanguageModel, tokens(1000, 32), quick=False),
)
