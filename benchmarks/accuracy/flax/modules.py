"""Small modules, written as people write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn
from jax import lax
from jax import numpy as jnp

__all__ = [
    "Adaptive",
    "Attention",
    "Branching",
    "Cross",
    "EinsumAttention",
    "Experts",
    "Functions",
    "GroupedQueries",
    "Int8",
    "Int8Weights",
    "Looping",
    "Recurrent",
    "SmallNetwork",
    "Stacked",
    "Tied",
    "Twice",
]

normal = nn.initializers.normal()


class Recurrent(nn.Module):
    """Recurrent layers over a sequence, and a classifier of the last step."""

    cell: Callable[..., nn.RNNCellBase]
    features: int = 5
    layers: int = 1
    both_ways: bool = False
    classes: int = 3

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        steps: Any = x
        for _ in range(self.layers):
            layer = nn.RNN(self.cell(self.features))
            if self.both_ways:
                steps = nn.Bidirectional(layer, nn.RNN(self.cell(self.features)))(steps)
            else:
                steps = layer(steps)
        return nn.Dense(self.classes)(steps[:, -1])


class EinsumAttention(nn.Module):
    """Attention of which every product is an einsum."""

    width: int = 16
    heads: int = 4

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = self.width, self.heads, self.width // self.heads
        query, key, value = (
            jnp.einsum("btc,chd->bthd", x, self.param(name, normal, shape))
            for name in ("query", "key", "value")
        )
        scores = nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", query, key))
        mixed = jnp.einsum("bhqk,bkhd->bqhd", scores, value)
        return jnp.einsum("bthd,hdc->btc", mixed, self.param("out", normal, (*shape[1:], shape[0])))


class Functions(nn.Module):
    """Products between no layers: operators and functions on parameters."""

    width: int = 8
    hidden: int = 12

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        first = self.param("first", normal, (self.width, self.hidden))
        second = self.param("second", normal, (self.hidden, self.hidden))
        bias = self.param("bias", nn.initializers.zeros, (self.hidden,))
        third = self.param("third", normal, (self.width, self.hidden))
        hidden = nn.relu(x @ first)
        hidden = jnp.dot(hidden, second) + bias
        alike = nn.softmax(jnp.matmul(hidden, jnp.swapaxes(hidden, 1, 2)))
        return jnp.tensordot(jnp.matmul(alike, hidden), third.T, 1)


class Attention(nn.Module):
    """Self-attention by the layer that Flax has for it."""

    heads: int = 4

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        y = nn.LayerNorm()(x)
        mixed: jax.Array = nn.MultiHeadDotProductAttention(self.heads)(y)
        return x + mixed


class Cross(nn.Module):
    """Attention to another sequence, of another length and width."""

    heads: int = 4

    @nn.compact
    def __call__(self, x: jax.Array, memory: jax.Array) -> jax.Array:
        mixed: jax.Array = nn.MultiHeadDotProductAttention(self.heads)(x, memory)
        return mixed


class GroupedQueries(nn.Module):
    """Causal attention in which several queries share keys and values."""

    width: int = 32
    heads: int = 8
    key_heads: int = 2

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        query, key, value = (
            nn.DenseGeneral((heads, self.width // self.heads), use_bias=False)(x)
            for heads in (self.heads, self.key_heads, self.key_heads)
        )
        mixed = jax.nn.dot_product_attention(query, key, value, is_causal=True)
        return nn.DenseGeneral(self.width, axis=(-2, -1), use_bias=False)(mixed)


class Experts(nn.Module):
    """A mixture of experts: each takes the tokens that were routed to it."""

    width: int = 16
    hidden: int = 24
    experts: int = 4
    chosen: int = 2

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        flat = x.reshape(-1, self.width)
        weights, experts = lax.top_k(
            nn.softmax(nn.Dense(self.experts, use_bias=False)(flat)), self.chosen
        )
        order = jnp.argsort(experts.ravel())
        expert = experts.ravel()[order]
        sizes = jnp.bincount(expert, length=self.experts)

        def layer(name: str, rows: jax.Array, outputs: int) -> jax.Array:
            shape = self.experts, rows.shape[-1], outputs
            products = lax.ragged_dot(rows, self.param(name, normal, shape), sizes)
            biases = self.param(f"{name}_bias", normal, (self.experts, outputs))
            return products + biases[expert]

        rows = nn.silu(layer("up", flat[order // self.chosen], self.hidden))
        rows = layer("down", rows, self.width)
        rows = rows * weights.ravel()[order, None]
        return jnp.zeros_like(flat).at[order // self.chosen].add(rows).reshape(x.shape)


class Tied(nn.Module):
    """A language model whose head is its embedding."""

    vocabulary: int = 50
    width: int = 16

    @nn.compact
    def __call__(self, tokens: jax.Array) -> jax.Array:
        embedding = nn.Embed(self.vocabulary, self.width)
        return embedding.attend(jnp.tanh(nn.Dense(self.width)(embedding(tokens))))


class Twice(nn.Module):
    """A block that is called twice, on images of two sizes."""

    channels: int = 8

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        block = nn.Sequential([nn.Conv(self.channels, (3, 3)), nn.relu])
        pool: Callable[..., jax.Array] = nn.max_pool
        out: jax.Array = block(pool(block(x), (2, 2), (2, 2)))
        return out


class Int8(nn.Module):
    """A layer that multiplies whole numbers: its input is rounded to them as it comes."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        kernel, scales = _quantised(self, x.shape[-1], self.features)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        step = jnp.abs(x).max() / 127
        whole = jnp.round(x / step).astype(jnp.int8)
        sums = lax.dot_general(
            whole, kernel, (((x.ndim - 1,), (0,)), ((), ())), preferred_element_type=jnp.int32
        )
        return sums * (step * scales) + bias


class Int8Weights(nn.Module):
    """A layer whose weight is stored as integers, with a scale for each column."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        kernel, scales = _quantised(self, x.shape[-1], self.features)
        return (x @ kernel.astype(x.dtype)) * scales


def _quantised(module: nn.Module, inputs: int, outputs: int) -> tuple[jax.Array, jax.Array]:
    """Return a weight and its scales, which nobody learns any longer."""
    kernel = module.variable("quantised", "kernel", jnp.ones, (inputs, outputs), jnp.int8)
    scales = module.variable("quantised", "scales", jnp.ones, (outputs,))
    return kernel.value, scales.value


class Adaptive(nn.Module):
    """A step that is repeated until what it says it has done adds up: its trips depend on data."""

    width: int = 16

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        kernel = self.param("kernel", normal, (self.width, self.width))
        halt = self.param("halt", normal, (self.width, 1))

        def going_on(state: tuple[jax.Array, jax.Array]) -> jax.Array:
            return state[0].mean() < 2

        def once_more(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            done, x = state
            x = jnp.tanh(x @ kernel)
            return done + nn.sigmoid(x @ halt)[..., 0], x

        return lax.while_loop(going_on, once_more, (jnp.zeros(x.shape[:-1]), x))[1]


class Looping(nn.Module):
    """A step that ``lax.fori_loop`` repeats."""

    width: int = 16
    steps: int = 5

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        kernel = self.param("kernel", normal, (self.width, self.width))
        bias = self.param("bias", normal, (self.width,))

        def once_more(_: int, x: jax.Array) -> jax.Array:
            return jnp.tanh(x @ kernel + bias)

        out: jax.Array = lax.fori_loop(0, self.steps, once_more, x)
        return out


class Stacked(nn.Module):
    """Blocks of one kind that ``nn.scan`` runs one after another, each with its own weights."""

    width: int = 16
    blocks: int = 3

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        def block(layer: nn.Module, x: jax.Array, _: Any) -> tuple[jax.Array, None]:
            return x + nn.relu(layer(x)), None

        repeated = nn.scan(
            block, variable_axes={"params": 0}, split_rngs={"params": True}, length=self.blocks
        )
        out: jax.Array = repeated(nn.Dense(self.width), x, None)[0]
        return out


class Branching(nn.Module):
    """One of two layers of different sizes: which, the data says."""

    width: int = 16
    hidden: int = 40

    def setup(self) -> None:
        self.small = nn.Dense(self.width)
        self.large = nn.Sequential([nn.Dense(self.hidden), nn.relu, nn.Dense(self.width)])

    def __call__(self, x: jax.Array) -> jax.Array:
        if self.is_initializing():  # both layers, for a branch makes no variables
            self.small(x)
            self.large(x)
            return x
        out: jax.Array = nn.cond(
            (x**2).sum() > 0, lambda it, x: it.large(x), lambda it, x: it.small(x), self, x
        )
        return out


class SmallNetwork(nn.Module):
    """A convolution, normalised, and a classifier."""

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        x = nn.Conv(8, (3, 3), strides=2, padding=1, use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train)(x))
        return nn.Dense(10)(x.mean((1, 2)))
