"""Small models, written as people write them: functional ones, and classes with a ``call``."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

__all__ = [
    "Adaptive",
    "Branching",
    "Experts",
    "Functions",
    "Looping",
    "Scanning",
    "attention",
    "cross",
    "einsum_attention",
    "grouped_queries",
    "small_network",
    "tied",
    "twice",
]


def einsum_attention(width: int = 16, heads: int = 4, steps: int = 7) -> keras.Model:
    """Attention of which every product is an einsum."""
    start = keras.Input((steps, width))
    query, key, value = (
        layers.EinsumDense("btc,chd->bthd", (None, heads, width // heads))(start) for _ in range(3)
    )
    scores = ops.softmax(ops.einsum("bqhd,bkhd->bhqk", query, key))
    mixed = ops.einsum("bhqk,bkhd->bqhd", scores, value)
    return keras.Model(start, layers.EinsumDense("bthd,hdc->btc", (None, width))(mixed))


def attention(width: int = 16, heads: int = 4, steps: int = 7) -> keras.Model:
    """Self-attention by the layer that Keras has for it."""
    start = keras.Input((steps, width))
    y = layers.LayerNormalization()(start)
    return keras.Model(start, start + layers.MultiHeadAttention(heads, width // heads)(y, y))


def cross(width: int = 16, memory: int = 12, heads: int = 4) -> keras.Model:
    """Attention to another sequence, of another length and width."""
    inputs = [keras.Input((7, width)), keras.Input((11, memory))]
    return keras.Model(inputs, layers.MultiHeadAttention(heads, width // heads)(*inputs))


def grouped_queries(width: int = 32, heads: int = 8, key_heads: int = 2) -> keras.Model:
    """Causal attention in which several queries share keys and values."""
    start = keras.Input((9, width))
    layer = layers.GroupQueryAttention(width // heads, heads, key_heads, use_bias=False)
    return keras.Model(start, layer(start, start, use_causal_mask=True))


def tied(vocabulary: int = 50, width: int = 16) -> keras.Model:
    """A language model whose head is its embedding."""
    start = keras.Input((7,), dtype="int32")
    embedding = layers.ReversibleEmbedding(vocabulary, width)
    hidden = layers.Dense(width, activation="tanh")(embedding(start))
    return keras.Model(start, embedding(hidden, reverse=True))


def twice(channels: int = 8) -> keras.Model:
    """A layer that is called twice, on images of two sizes."""
    block = layers.Conv2D(channels, 3, padding="same", activation="relu")
    start = keras.Input((16, 16, channels))
    return keras.Model(start, block(layers.MaxPooling2D()(block(start))))


def small_network(size: int | None = 16) -> keras.Model:
    """A classifier of images, whose size may be left open."""
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )


class Functions(keras.Model):  # type: ignore[misc]
    """Products between no layers: operators and functions on variables."""

    def __init__(self, width: int = 8, hidden: int = 12) -> None:
        super().__init__()
        self.first = self.add_weight(shape=(width, hidden))
        self.second = self.add_weight(shape=(hidden, hidden))
        self.third = self.add_weight(shape=(hidden, width))

    def call(self, x: Any) -> Any:
        hidden = ops.relu(x @ self.first)
        hidden = ops.tensordot(hidden, self.second, 1)
        alike = ops.softmax(ops.matmul(hidden, ops.swapaxes(hidden, 1, 2)))
        mixed = ops.matmul(alike, hidden)
        return ops.dot(mixed, self.third) + ops.vdot(mixed, mixed) + ops.inner(x, x)[..., :1, 0]


class Experts(keras.Model):  # type: ignore[misc]
    """A mixture of experts: each computes all tokens, and weights say whose answers are taken."""

    def __init__(self, width: int = 16, hidden: int = 24, experts: int = 4, chosen: int = 2):
        super().__init__()
        self.experts = experts
        self.chosen = chosen
        self.router = layers.Dense(experts, use_bias=False)
        self.up = self.add_weight(shape=(experts, width, hidden))
        self.down = self.add_weight(shape=(experts, hidden, width))

    def call(self, x: Any) -> Any:
        shares, indices = ops.top_k(ops.softmax(self.router(x)), self.chosen)
        gates = ops.sum(ops.one_hot(indices, self.experts) * shares[..., None], axis=-2)
        hidden = ops.silu(ops.einsum("btc,ech->bteh", x, self.up))
        each = ops.einsum("bteh,ehc->btec", hidden, self.down)
        return ops.sum(each * gates[..., None], axis=-2)


class Adaptive(keras.Model):  # type: ignore[misc]
    """A step that is repeated until what it says it has done adds up: its trips depend on data."""

    def __init__(self, width: int = 16, most: int = 12) -> None:
        super().__init__()
        self.step = layers.Dense(width, activation="tanh")
        self.halt = layers.Dense(1, activation="sigmoid")
        self.most = most

    def build(self, shape: Any) -> None:
        self.step.build(shape)
        self.halt.build(shape)

    def call(self, x: Any) -> Any:
        def going_on(x: Any, done: Any) -> Any:
            return ops.mean(done) < 2

        def once_more(x: Any, done: Any) -> tuple[Any, Any]:
            x = self.step(x)
            return x, done + self.halt(x)

        start = (x, ops.zeros_like(x[..., :1]))
        return ops.while_loop(going_on, once_more, start, maximum_iterations=self.most)[0]


class Looping(keras.Model):  # type: ignore[misc]
    """A step that is repeated a number of times that the code says."""

    def __init__(self, width: int = 16, steps: int = 5) -> None:
        super().__init__()
        self.step = layers.Dense(width, activation="tanh")
        self.steps = steps

    def build(self, shape: Any) -> None:
        self.step.build(shape)

    def call(self, x: Any) -> Any:
        return ops.fori_loop(0, self.steps, lambda _, x: self.step(x), x)


class Scanning(keras.Model):  # type: ignore[misc]
    """A recurrence of one's own: a state that goes along the sequence."""

    def __init__(self, width: int = 16, hidden: int = 12) -> None:
        super().__init__()
        self.into = layers.Dense(hidden)
        self.within = layers.Dense(hidden, use_bias=False)

    def build(self, shape: Any) -> None:
        self.into.build(shape)
        self.within.build((*shape[:-1], self.within.units))

    def call(self, x: Any) -> Any:
        def once_more(state: Any, x: Any) -> tuple[Any, Any]:
            state = ops.tanh(x + self.within(state))
            return state, state

        steps = ops.swapaxes(self.into(x), 0, 1)
        return ops.scan(once_more, ops.zeros_like(steps[0]), steps)[1]


class Branching(keras.Model):  # type: ignore[misc]
    """One of two layers of different sizes: which, the data says."""

    def __init__(self, width: int = 16, hidden: int = 40) -> None:
        super().__init__()
        self.small = layers.Dense(width)
        self.large = keras.Sequential(
            [layers.Dense(hidden, activation="relu"), layers.Dense(width)]
        )

    def build(self, shape: Any) -> None:
        self.small.build(shape)
        self.large.build(shape)

    def call(self, x: Any) -> Any:
        some = ops.sum(ops.square(x)) > 0
        return ops.cond(some, lambda: self.large(x), lambda: self.small(x))
