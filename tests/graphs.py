"""Graphs of operations built by hand, for tests of what is done with a model once it is read."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer import Model, ModelBuilder, Tensor, Use
from analyzer.ops import VIEW, Elementwise, Linear, Operation, free

__all__ = ["Graph"]


class Graph:
    """A builder with short words for what tests say often."""

    def __init__(self, *layers: str) -> None:
        self.builder = ModelBuilder(
            name="net", framework="by hand", framework_version="1", source="tests"
        )
        self.builder.layer("", type="Network")
        for path in layers:
            parent = path.rpartition("/")[0]
            self.builder.layer(path, type="Layer", parent=parent)

    def tensor(self, *shape: int, dtype: str = "float32", of: Tensor | None = None) -> Tensor:
        """Make a tensor, in the storage of another where one is given."""
        return self.builder.tensor(shape, dtype, storage=of.storage if of else None)

    def run(
        self,
        operation: Operation,
        reads: Iterable[Tensor] = (),
        writes: Iterable[Tensor] = (),
        *,
        layer: str = "",
        uses: Iterable[Use] = (),
    ) -> None:
        """Execute an operation."""
        self.builder.add(
            operation,
            inputs=reads,
            outputs=writes,
            uses=uses,
            layer=layer,
            native=operation.kind.lower(),
        )

    def step(
        self, *reads: Tensor, size: int = 1, dtype: str = "float32", layer: str = ""
    ) -> Tensor:
        """Compute one number for each of ``size`` elements."""
        made = self.tensor(size, dtype=dtype)
        self.run(Elementwise(function="relu", elements=size), reads, [made], layer=layer)
        return made

    def in_place(self, base: Tensor) -> Tensor:
        """Change a tensor where it is."""
        made = self.tensor(*base.shape, of=base)
        self.run(Elementwise(function="relu", elements=base.elements), [base], [made])
        return made

    def view(self, base: Tensor, *shape: int) -> Tensor:
        """Look at a tensor in another shape."""
        made = self.tensor(*shape, of=base)
        self.run(free("reshape", because=VIEW), [base], [made])
        return made

    def dense(self, x: Tensor, width: int, kernel: str, layer: str = "") -> Tensor:
        """Multiply with a stored kernel that is declared already."""
        made = self.tensor(x.shape[0], width)
        self.run(
            Linear(rows=x.shape[0], in_features=x.shape[1], out_features=width, bias=False),
            [x],
            [made],
            layer=layer,
            uses=[Use(kernel, "kernel", ("input features", "output features"))],
        )
        return made

    def build(self, inputs: Iterable[Tensor] = (), outputs: Iterable[Tensor] = ()) -> Model:
        """Return the model."""
        return self.builder.build(inputs=inputs, outputs=outputs)
