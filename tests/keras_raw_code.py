"""Layers whose code calls a backend directly, the same for each backend, and what is read of them.

Run as a program under a ``KERAS_BACKEND``; it writes what it found as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from analyzer import analyze

BACKEND = keras.backend.backend()
Array = Any


class Backend:
    """The few functions that the layers below need, as each backend has them."""

    gelu: Callable[[Array], Array]
    softmax: Callable[[Array], Array]
    einsum: Callable[..., Array]
    matmul: Callable[[Array, Array], Array]
    take: Callable[[Array, Array], Array]
    concatenate: Callable[[list[Array]], Array]
    convolve: Callable[[Array, Array], Array]
    loop: Callable[[int, Callable[[Array], Array], Array], Array]
    cumsum: Callable[[Array], Array]

    def __init__(self) -> None:
        getattr(self, f"_{BACKEND}")()

    def _jax(self) -> None:
        import jax
        from jax import lax
        from jax import numpy as jnp

        self.gelu, self.softmax = jax.nn.gelu, jax.nn.softmax
        self.einsum = jnp.einsum
        self.matmul = lambda x, w: x @ w
        self.take = lambda table, at: table.value[at]
        self.concatenate = lambda parts: jnp.concatenate(parts, -1)
        self.convolve = lambda x, w: lax.conv_general_dilated(
            x, w.value, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        self.loop = lambda times, step, x: lax.fori_loop(0, times, lambda _, x: step(x), x)
        self.cumsum = lambda x: jnp.cumsum(x, 1)

    def _tensorflow(self) -> None:
        import tensorflow as tf

        def loop(times: int, step: Callable[[Array], Array], x: Array) -> Array:
            start = tf.constant(0)
            return tf.while_loop(
                lambda at, x: at < times, lambda at, x: (at + 1, step(x)), (start, x)
            )[1]

        self.gelu = lambda x: tf.nn.gelu(x, approximate=True)
        self.softmax, self.einsum, self.matmul = tf.nn.softmax, tf.einsum, tf.matmul
        self.take = tf.gather
        self.concatenate = lambda parts: tf.concat(parts, -1)
        self.convolve = lambda x, w: tf.nn.conv2d(x, w, 2, "VALID")
        self.loop = loop
        self.cumsum = lambda x: tf.cumsum(x, 1)

    def _torch(self) -> None:
        import torch
        from torch.nn import functional

        def loop(times: int, step: Callable[[Array], Array], x: Array) -> Array:
            for _ in range(times):
                x = step(x)
            return x

        self.gelu = lambda x: functional.gelu(x, approximate="tanh")
        self.softmax = lambda x: torch.softmax(x, -1)
        self.einsum = torch.einsum
        self.matmul = torch.matmul
        self.take = lambda table, at: functional.embedding(at, table.value)
        self.concatenate = lambda parts: torch.cat(parts, -1)
        self.convolve = lambda x, w: functional.conv2d(
            x.permute(0, 3, 1, 2), w.value.permute(3, 2, 0, 1), stride=2
        ).permute(0, 2, 3, 1)
        self.loop = loop
        self.cumsum = lambda x: torch.cumsum(x, 1)


raw = Backend()


class Attending(layers.Layer):  # type: ignore[misc]
    """A dense layer, gelu, and attention of everything to everything."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 8), name="kernel")
        self.bias = self.add_weight(shape=(8,), name="bias")

    def call(self, x: Array) -> Array:
        x = raw.gelu(raw.matmul(x, self.kernel) + self.bias)
        shares = raw.softmax(raw.einsum("bqd,bkd->bqk", x, x))
        return raw.matmul(shares, x)


class LookingUp(layers.Layer):  # type: ignore[misc]
    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=(50, 6), name="embeddings")

    def call(self, tokens: Array) -> Array:
        return raw.cumsum(raw.take(self.table, tokens))


class Convolving(layers.Layer):  # type: ignore[misc]
    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(3, 3, shape[-1], 4), name="kernel")

    def call(self, x: Array) -> Array:
        return raw.convolve(x, self.kernel)


class Holding(layers.Layer):  # type: ignore[misc]
    """Raw code between layers that stay whole, one of them raw itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = layers.Dense(6, activation="gelu", name="dense")
        self.attend = layers.MultiHeadAttention(2, 3, name="attend")
        self.recur = layers.LSTM(6, return_sequences=True, name="recur")
        self.raw = Attending(name="raw")

    def build(self, shape: Any) -> None:
        self.dense.build(shape)
        self.attend.build(shape, shape)
        self.recur.build(shape)
        self.raw.build((*shape[:-1], 12))

    def call(self, x: Array) -> Array:
        x = raw.concatenate([self.dense(x), self.recur(self.attend(x, x))])
        return self.raw(x) * 2.0


class Looping(layers.Layer):  # type: ignore[misc]
    """A layer that stays whole, in a loop of the backend."""

    def build(self, shape: Any) -> None:
        self.dense = layers.Dense(shape[-1], name="dense")
        self.dense.build(shape)

    def call(self, x: Array) -> Array:
        return raw.loop(7, self.dense, x)


class Block(keras.Model):  # type: ignore[misc]
    """A subclassed model whose own code is raw."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.embed = layers.Embedding(20, 6, name="embed")
        self.norm = layers.LayerNormalization(name="norm")
        self.head = layers.Dense(3, name="head")

    def call(self, tokens: Array) -> Array:
        return self.head(raw.gelu(self.norm(self.embed(tokens))))


class Own:
    """Layers of one backend, whose code the others do not have."""

    @staticmethod
    def jax() -> dict[str, Any]:
        import jax
        from jax import lax
        from jax import numpy as jnp

        class Deciding(layers.Layer):  # type: ignore[misc]
            def call(self, x: Array) -> Array:
                return lax.cond(jnp.sum(x) > 0, lambda x: x @ x.T @ x, lambda x: x * 2.0, x)

        class Scanning(layers.Layer):  # type: ignore[misc]
            def build(self, shape: Any) -> None:
                self.kernel = self.add_weight(shape=(shape[-1], shape[-1]), name="kernel")
                self.noise = keras.random.SeedGenerator(0)

            def call(self, x: Array) -> Array:
                def step(state: Array, row: Array) -> tuple[Array, Array]:
                    state = jnp.tanh(state @ self.kernel + row)
                    return state, state

                noise = jax.random.normal(jax.random.key(0), x.shape)
                return lax.scan(step, x[0], x + noise)[1]

        class Mapping(layers.Layer):  # type: ignore[misc]
            def build(self, shape: Any) -> None:
                self.kernel = self.add_weight(shape=(shape[-1], 3), name="kernel")

            def call(self, x: Array) -> Array:
                return jax.vmap(jax.checkpoint(lambda row: row @ self.kernel))(x)

        return {"deciding": Deciding(), "mapping": Mapping(), "scanning": Scanning()}

    @staticmethod
    def torch() -> dict[str, Any]:
        import torch

        class Asking(layers.Layer):  # type: ignore[misc]
            def call(self, x: Array) -> Array:
                return x @ x.T if float(x.sum()) > 0 else x

        module = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.GELU())
        wrapped = layers.TorchModuleWrapper(module, output_shape=(3, 5))
        return {"asking": Asking(), "wrapping": wrapped}

    @staticmethod
    def tensorflow() -> dict[str, Any]:
        return {}


def with_input(layer: Any, *shape: int, dtype: str = "float32") -> Any:
    place = keras.Input(shape, dtype=dtype, name="place")
    return keras.Model(place, layer(place), name="model")


def with_shape(layer: Any) -> Any:
    """Return a model whose input has no open size."""
    place = keras.Input(batch_shape=(3, 4), name="place")
    return keras.Model(place, layer(place), name="model")


def block() -> Any:
    made = Block(name="model")
    made(keras.ops.zeros((2, 5), "int32"))
    return made


CASES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "attending": lambda: (with_input(Attending(name="mine"), 5, 6), (2, 5, 6)),
    "block": lambda: (block(), (2, 5)),
    "convolving": lambda: (with_input(Convolving(name="mine"), 9, 9, 3), (2, 9, 9, 3)),
    "holding": lambda: (with_input(Holding(name="mine"), 5, 6), (2, 5, 6)),
    "looking up": lambda: (with_input(LookingUp(name="mine"), 5, dtype="int32"), (2, 5)),
    "looping": lambda: (with_input(Looping(name="mine"), 4), (2, 4)),
}


def found(model: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    before = [keras.ops.convert_to_numpy(one).tobytes() for one in model.variables]
    report = analyze(model, inputs=[shape])
    after = [keras.ops.convert_to_numpy(one).tobytes() for one in model.variables]
    return {
        "macs": report.totals.macs,
        "flops": report.totals.flops,
        "unknown": [one.operation for one in report.coverage.unknown],
        "bound": report.coverage.bound.words,
        "calls": {layer.path: layer.calls for layer in report.model.layers},
        "macs of layers": {layer.path: layer.figures.macs for layer in report.layers},
        "roles": {one.name: one.role for one in report.model.parameters},
        "parameters": sum(one.elements for one in report.model.parameters),
        "count_params": model.count_params(),
        "untouched": before == after,
        "outputs": [one.shape for one in report.model.outputs],
    }


def torch_counts(model: Any, shape: tuple[int, ...]) -> int | None:
    """Return the MACs that PyTorch itself counts when the model runs on it."""
    if BACKEND != "torch":
        return None
    from tests.keras_torch_truth import counted_macs

    dtype = "int32" if model.layers[0].name == "embed" else model.inputs[0].dtype
    return counted_macs(model, [keras.ops.ones(shape, dtype)])


def main() -> None:
    made = {name: make() for name, make in CASES.items()}
    for name, layer in getattr(Own, BACKEND)().items():
        layer.build((3, 4))
        made[name] = (with_shape(layer), (3, 4))
    results = {
        name: {**found(model, shape), "counted": torch_counts(model, shape)}
        for name, (model, shape) in made.items()
    }
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
