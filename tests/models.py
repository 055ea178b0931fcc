"""Models, and things that are none, for ``module:callable``: ``tests.models:small``."""

from __future__ import annotations

from analyzer import Model, ModelBuilder, ops
from tests.networks import Network

NUMBER = 3


def small(filters: int = 4, activation: str = "relu") -> Model:
    """Return a network of one convolution, an activation and a dense layer."""
    return Network().convolution(filters).activation(activation).dense(10).build()


def normed() -> Model:
    """Return a network that stores statistics."""
    return Network().convolution(4, bias=False).norm().dense(10).build()


def odd(swirl: str = "odd.swirl", activation: str = "relu") -> Model:
    """Return a model with an operation that nobody knows."""
    builder = ModelBuilder(name="odd", framework="hand", framework_version="1", source="tests")
    builder.layer("", type="Odd")
    builder.layer("block.one", type="Swirl", parent="")
    builder.layer("other.one", type="ReLU", parent="")
    x = builder.tensor((1, 4), "float32", name="x")
    y = builder.tensor((1, 4), "float32")
    z = builder.tensor((1, 4), "float32")
    relu = ops.Elementwise(function=activation, elements=4)
    builder.add(ops.Unknown(name=swirl), inputs=[x], outputs=[y], layer="block.one", native="swirl")
    builder.add(relu, inputs=[y], outputs=[z], layer="other.one", native="relu")
    return builder.build(inputs=[x], outputs=[z])


def stored() -> Model:
    """Return a model without a graph: only what it stores is known."""
    builder = ModelBuilder(name="stored", framework="hand", framework_version="1", source="tests")
    builder.layer("", type="Stored")
    builder.parameter("w", shape=(4, 3), dtype="float32", role="kernel")
    return builder.build(inputs=[], outputs=[], graph=False)


def raises() -> Model:
    """Fail in two lines, as a stranger's factory may."""
    raise RuntimeError("no such\nlayer")


def stranger() -> object:
    """Return what no importer takes."""
    return object()


MADE = small()
