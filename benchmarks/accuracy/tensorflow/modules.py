"""Small modules of raw TensorFlow, written as people write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

__all__ = [
    "GRU",
    "MLP",
    "Adaptive",
    "Attention",
    "Bidirectional",
    "Branching",
    "Convolution",
    "EinsumAttention",
    "Experts",
    "FakeQuantised",
    "Functions",
    "GroupedQueries",
    "Int8Products",
    "Int8Weights",
    "Looping",
    "SmallNetwork",
    "Tied",
    "Trimming",
    "Twice",
    "weight",
]

Convolve = Callable[..., Any]


def weight(*shape: int) -> tf.Variable:
    """Return a variable that is learned."""
    return tf.Variable(tf.random.normal(shape))


class Convolution(tf.Module):  # type: ignore[misc]
    """A function of ``tf.nn`` on an image, with kernels and a bias."""

    def __init__(self, convolve: Convolve, *kernels: tuple[int, ...], bias: int = 12) -> None:
        super().__init__()
        self.convolve = convolve
        self.kernels = [weight(*shape) for shape in kernels]
        self.bias = weight(bias)

    def __call__(self, x: Any) -> Any:
        return tf.nn.bias_add(self.convolve(x, *self.kernels), self.bias)


class Dense(tf.Module):  # type: ignore[misc]
    """A linear layer."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = weight(inputs, outputs)
        self.bias = weight(outputs) if bias else None

    def __call__(self, x: Any) -> Any:
        product = tf.matmul(x, self.weight)
        return product if self.bias is None else product + self.bias


class MLP(tf.Module):  # type: ignore[misc]
    """Two linear layers."""

    def __init__(self, inputs: int = 16, hidden: int = 24, outputs: int = 5) -> None:
        super().__init__()
        self.up = Dense(inputs, hidden)
        self.down = Dense(hidden, outputs)

    def __call__(self, x: Any) -> Any:
        return self.down(tf.nn.gelu(self.up(x)))


class EinsumAttention(tf.Module):  # type: ignore[misc]
    """Attention of which every product is an einsum."""

    def __init__(self, width: int = 16, heads: int = 4) -> None:
        super().__init__()
        shape = (width, heads, width // heads)
        self.query, self.key, self.value = (weight(*shape) for _ in range(3))
        self.out = weight(heads, width // heads, width)

    def __call__(self, x: Any) -> Any:
        query, key, value = (
            tf.einsum("btc,chd->bthd", x, one) for one in (self.query, self.key, self.value)
        )
        scores = tf.nn.softmax(tf.einsum("bqhd,bkhd->bhqk", query, key))
        mixed = tf.einsum("bhqk,bkhd->bqhd", scores, value)
        return tf.einsum("bthd,hdc->btc", mixed, self.out)


class Functions(tf.Module):  # type: ignore[misc]
    """Products in all the ways that TensorFlow has for them."""

    def __init__(self, width: int = 8, hidden: int = 12) -> None:
        super().__init__()
        self.first = weight(width, hidden)
        self.second = weight(hidden, hidden)
        self.third = weight(width, hidden)
        self.vector = weight(width)

    def __call__(self, x: Any) -> Any:
        hidden = tf.nn.relu(x @ self.first)
        hidden = tf.tensordot(hidden, self.second, [[2], [0]])
        alike = tf.nn.softmax(tf.linalg.matmul(hidden, hidden, transpose_b=True))
        mixed = tf.matmul(alike, hidden)
        out = tf.matmul(mixed, tf.broadcast_to(self.third, (1, 8, 12)), transpose_b=True)
        return out + tf.linalg.matvec(out, self.vector)[..., None]


class Attention(tf.Module):  # type: ignore[misc]
    """Attention by hand: of a sequence to itself, or to another of another width."""

    def __init__(self, width: int = 16, memory: int = 16, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.query = Dense(width, width)
        self.key, self.value = Dense(memory, width), Dense(memory, width)
        self.out = Dense(width, width)

    def __call__(self, x: Any, memory: Any = None) -> Any:
        memory = x if memory is None else memory
        query, key, value = (
            self._split(one) for one in (self.query(x), self.key(memory), self.value(memory))
        )
        size = tf.cast(tf.shape(query)[-1], query.dtype)
        scores = tf.matmul(query, key, transpose_b=True) / tf.sqrt(size)
        mixed = tf.matmul(tf.nn.softmax(scores), value)
        joined = tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), tf.shape(x))
        return x + self.out(joined)

    def _split(self, x: Any) -> Any:
        sizes = (*x.shape[:2], self.heads, x.shape[2] // self.heads)
        return tf.transpose(tf.reshape(x, sizes), (0, 2, 1, 3))


class GroupedQueries(tf.Module):  # type: ignore[misc]
    """Causal attention in which several queries share keys and values."""

    def __init__(self, width: int = 32, heads: int = 8, key_heads: int = 2) -> None:
        super().__init__()
        self.shared = heads // key_heads
        self.size = width // heads
        self.query = Dense(width, width, bias=False)
        self.key = Dense(width, key_heads * self.size, bias=False)
        self.value = Dense(width, key_heads * self.size, bias=False)
        self.out = Dense(width, width, bias=False)

    def __call__(self, x: Any) -> Any:
        batch, steps, width = x.shape
        query, key, value = (
            tf.reshape(layer(x), (batch, steps, -1, self.size))
            for layer in (self.query, self.key, self.value)
        )
        key, value = (tf.repeat(one, self.shared, axis=2) for one in (key, value))
        scores = tf.einsum("bqhd,bkhd->bhqk", query, key)
        seen = tf.linalg.band_part(tf.ones((steps, steps)), -1, 0)
        scores = tf.nn.softmax(tf.where(seen > 0, scores, -1e9))
        mixed = tf.einsum("bhqk,bkhd->bqhd", scores, value)
        return self.out(tf.reshape(mixed, (batch, steps, width)))


class GRU(tf.Module):  # type: ignore[misc]
    """A recurrence that ``tf.while_loop`` takes along a sequence, and a classifier of its end."""

    def __init__(self, inputs: int = 6, hidden: int = 5, classes: int = 3) -> None:
        super().__init__()
        self.into = Dense(inputs, 3 * hidden)
        self.within = Dense(hidden, 3 * hidden)
        self.head = Dense(hidden, classes)
        self.hidden = hidden

    def __call__(self, x: Any) -> Any:
        steps = tf.shape(x)[1]

        def once_more(at: Any, state: Any) -> tuple[Any, Any]:
            given = tf.split(self.into(x[:, at]), 3, axis=-1)
            kept = tf.split(self.within(state), 3, axis=-1)
            update, reset = (tf.sigmoid(given[gate] + kept[gate]) for gate in range(2))
            new = tf.tanh(given[2] + reset * kept[2])
            return at + 1, update * state + (1 - update) * new

        start = (0, tf.zeros((x.shape[0], self.hidden)))
        return self.head(tf.while_loop(lambda at, _: at < steps, once_more, start)[1])


class LSTM(tf.Module):  # type: ignore[misc]
    """A recurrence by ``tf.scan``, which returns every state."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.gates = Dense(inputs + hidden, 4 * hidden)
        self.hidden = hidden

    def __call__(self, x: Any) -> Any:
        def once_more(before: tuple[Any, Any], x: Any) -> tuple[Any, Any]:
            gates = self.gates(tf.concat((x, before[0]), -1))
            into, forget, new, out = tf.split(gates, 4, axis=-1)
            cell = tf.sigmoid(forget) * before[1] + tf.sigmoid(into) * tf.tanh(new)
            return tf.sigmoid(out) * tf.tanh(cell), cell

        nothing = tf.zeros((x.shape[0], self.hidden))
        states = tf.scan(once_more, tf.transpose(x, (1, 0, 2)), (nothing, nothing))
        return tf.transpose(states[0], (1, 0, 2))


class Bidirectional(tf.Module):  # type: ignore[misc]
    """Layers of LSTMs, each in both directions, and a classifier of the end."""

    def __init__(self, inputs: int = 6, hidden: int = 5, classes: int = 3) -> None:
        super().__init__()
        self.layers = [(LSTM(width, hidden), LSTM(width, hidden)) for width in (inputs, 2 * hidden)]
        self.head = Dense(2 * hidden, classes)

    def __call__(self, x: Any) -> Any:
        for forward, backward in self.layers:
            turned = tf.reverse(backward(tf.reverse(x, (1,))), (1,))
            x = tf.concat((forward(x), turned), -1)
        return self.head(x[:, -1])


class Experts(tf.Module):  # type: ignore[misc]
    """A mixture of experts: each token fetches the weights of those that it is routed to."""

    def __init__(self, width: int = 16, hidden: int = 24, experts: int = 4, chosen: int = 2):
        super().__init__()
        self.chosen = chosen
        self.router = Dense(width, experts, bias=False)
        self.up = weight(experts, width, hidden)
        self.down = weight(experts, hidden, width)

    def __call__(self, x: Any) -> Any:
        shares, indices = tf.math.top_k(tf.nn.softmax(self.router(x)), self.chosen)
        up, down = tf.gather(self.up, indices), tf.gather(self.down, indices)
        hidden = tf.nn.silu(tf.einsum("btc,btech->bteh", x, up))
        each = tf.einsum("bteh,btehc->btec", hidden, down)
        return tf.reduce_sum(each * shares[..., None], axis=-2)


class Tied(tf.Module):  # type: ignore[misc]
    """A language model whose head is its embedding."""

    def __init__(self, vocabulary: int = 50, width: int = 16) -> None:
        super().__init__()
        self.table = weight(vocabulary, width)
        self.hidden = Dense(width, width)

    def __call__(self, tokens: Any) -> Any:
        words = tf.nn.embedding_lookup(self.table, tokens)
        return tf.matmul(tf.tanh(self.hidden(words)), self.table, transpose_b=True)


class Twice(tf.Module):  # type: ignore[misc]
    """A block that is called twice, on images of two sizes."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.kernel = weight(3, 3, channels, channels)
        self.bias = weight(channels)

    def block(self, x: Any) -> Any:
        return tf.nn.relu(tf.nn.conv2d(x, self.kernel, 1, "SAME") + self.bias)

    def __call__(self, x: Any) -> Any:
        return self.block(tf.nn.max_pool2d(self.block(x), 2, 2, "VALID"))


class FakeQuantised(tf.Module):  # type: ignore[misc]
    """A convolution whose numbers are rounded as integers would be, as in training for them."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = weight(3, 3, 8, 12)
        self.low, self.high = (tf.Variable(value, trainable=False) for value in (-6.0, 6.0))

    def __call__(self, x: Any) -> Any:
        image = tf.quantization.fake_quant_with_min_max_vars(x, self.low, self.high)
        kernel = tf.quantization.fake_quant_with_min_max_args(self.kernel, -1, 1)
        return tf.nn.conv2d(image, kernel, 1, "VALID")


class Int8Weights(tf.Module):  # type: ignore[misc]
    """A linear layer whose weight is stored as integers, with a scale for each column."""

    def __init__(self, inputs: int = 16, outputs: int = 24) -> None:
        super().__init__()
        self.weight = _integers(inputs, outputs)
        self.scales = tf.Variable(tf.random.uniform((outputs,)), trainable=False)
        self.bias = weight(outputs)

    def __call__(self, x: Any) -> Any:
        return tf.matmul(x, tf.cast(self.weight, x.dtype) * self.scales) + self.bias


class Int8Products(tf.Module):  # type: ignore[misc]
    """A linear layer whose product is one of integers."""

    def __init__(self, inputs: int = 16, outputs: int = 24) -> None:
        super().__init__()
        self.weight = _integers(inputs, outputs)
        self.scale = tf.Variable(0.02, trainable=False)

    def __call__(self, x: Any) -> Any:
        most = tf.reduce_max(tf.abs(x)) / 127
        rounded = tf.cast(tf.round(x / most), tf.int8)
        product = tf.matmul(rounded, self.weight, output_type=tf.int32)
        return tf.cast(product, x.dtype) * most * self.scale


def _integers(*shape: int) -> tf.Variable:
    numbers = tf.random.uniform(shape, -128, 128, tf.int32)
    return tf.Variable(tf.cast(numbers, tf.int8), trainable=False)


class Adaptive(tf.Module):  # type: ignore[misc]
    """A step that is repeated until what it says it has done adds up: its trips depend on data."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.step = Dense(width, width)
        self.halt = Dense(width, 1)

    def __call__(self, x: Any) -> Any:
        def once_more(x: Any, done: Any) -> tuple[Any, Any]:
            x = tf.tanh(self.step(x))
            return x, done + tf.sigmoid(self.halt(x))

        start = (x, tf.zeros_like(x[..., :1]))
        return tf.while_loop(lambda _, done: tf.reduce_mean(done) < 2, once_more, start)[0]


class Looping(tf.Module):  # type: ignore[misc]
    """A step that a Python loop over a tensor repeats, of which TensorFlow makes an operator."""

    def __init__(self, width: int = 16, steps: int = 5) -> None:
        super().__init__()
        self.step = Dense(width, width)
        self.steps = steps

    @tf.function  # type: ignore[untyped-decorator]
    def __call__(self, x: Any) -> Any:
        for _ in tf.range(self.steps):
            x = tf.tanh(self.step(x))
        return x


class Branching(tf.Module):  # type: ignore[misc]
    """One of two layers of different sizes: which, the data says."""

    def __init__(self, width: int = 16, hidden: int = 40) -> None:
        super().__init__()
        self.small = Dense(width, width)
        self.large = MLP(width, hidden, width)

    def __call__(self, x: Any) -> Any:
        some = tf.reduce_sum(tf.square(x)) > 0
        return tf.cond(some, lambda: self.large(x), lambda: self.small(x))


class Trimming(tf.Module):  # type: ignore[misc]
    """A text classifier that cuts the padding off: sizes depend on what the tokens are."""

    def __init__(self, vocabulary: int = 50, width: int = 16, longest: int = 32) -> None:
        super().__init__()
        self.table = weight(vocabulary, width)
        self.positions = weight(longest, width)
        self.kernel = weight(3, width, width)
        self.head = Dense(width, 2)

    def __call__(self, tokens: Any) -> Any:
        length = tf.reduce_max(tf.reduce_sum(tf.cast(tokens != 0, tf.int32), 1))
        x = tf.gather(self.table, tokens[:, :length]) + self.positions[:length]
        x = tf.nn.relu(tf.nn.conv1d(x, self.kernel, 1, "SAME"))
        return self.head(tf.reduce_mean(x, 1))


class SmallNetwork(tf.Module):  # type: ignore[misc]
    """A classifier of images of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = weight(3, 3, 3, 8)
        self.gamma, self.beta = weight(8), weight(8)
        self.mean, self.variance = (
            tf.Variable(value, trainable=False) for value in (tf.zeros(8), tf.ones(8))
        )
        self.head = Dense(8, 10)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3))])  # type: ignore[untyped-decorator]
    def __call__(self, x: Any) -> Any:
        x = tf.nn.conv2d(x, self.kernel, 2, "SAME")
        x = tf.nn.batch_normalization(x, self.mean, self.variance, self.beta, self.gamma, 1e-3)
        return self.head(tf.reduce_mean(tf.nn.relu(x), (1, 2)))
