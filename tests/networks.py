"""Small networks built by hand, for tests that need no framework."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer import Kind, Model, ModelBuilder, Tensor, Use
from analyzer.ops import BatchNormalization, Convolution, Elementwise, Linear


class Network:
    """A plain image network, layer upon layer.

    >>> Network(channels=3, size=8).convolution(4).dense(10).build().parameters[0].elements
    108
    """

    def __init__(self, *, channels: int = 3, size: int = 16, prefix: str = "layer") -> None:
        self.builder = ModelBuilder(
            name="network", framework="hand", framework_version="1", source="tests"
        )
        self.builder.layer("", type="Network")
        self.prefix = prefix
        self.count = 0
        self.channels = channels
        self.size = size
        self.image = self.builder.tensor((1, channels, size, size), "float32", name="image")
        self.last: Tensor = self.image

    def convolution(
        self, filters: int, *, kernel: int = 3, stride: int = 1, bias: bool = True
    ) -> Network:
        path = self._layer("Conv")
        size = -(-self.size // stride)
        uses = [self._parameter(f"{path}.w", (filters, self.channels, kernel, kernel), "kernel")]
        if bias:
            uses.append(self._parameter(f"{path}.b", (filters,), "bias"))
        operation = Convolution(
            batch=1,
            in_channels=self.channels,
            out_channels=filters,
            groups=1,
            in_spatial=(self.size, self.size),
            out_spatial=(size, size),
            kernel=(kernel, kernel),
            stride=(stride, stride),
            dilation=(1, 1),
            padding=((kernel // 2, kernel // 2),) * 2,
            bias=bias,
        )
        self.channels, self.size = filters, size
        output = self.builder.tensor((1, filters, size, size), "float32")
        return self._add(path, operation, output, uses)

    def norm(self) -> Network:
        path = self._layer("BatchNorm")
        uses = [
            self._parameter(f"{path}.{name}", (self.channels,), role, kind)
            for name, role, kind in (
                ("gamma", "scale", Kind.LEARNABLE),
                ("beta", "offset", Kind.LEARNABLE),
                ("mean", "running mean", Kind.STATE),
                ("variance", "running variance", Kind.STATE),
            )
        ]
        operation = BatchNormalization(
            elements=self.last.elements, channels=self.channels, scale=True, offset=True
        )
        return self._add(path, operation, self.builder.tensor(self.last.shape, "float32"), uses)

    def activation(self, function: str = "relu") -> Network:
        path = self._layer("Activation")
        operation = Elementwise(function=function, elements=self.last.elements)
        return self._add(path, operation, self.builder.tensor(self.last.shape, "float32"), [])

    def dense(self, units: int, *, bias: bool = True, spelled: bool = False) -> Network:
        """Add a dense layer; ``spelled`` writes its bias as an operation of its own."""
        path = self._layer("Dense")
        features = self.last.elements
        uses = [self._parameter(f"{path}.w", (features, units), "kernel")]
        operation = Linear(
            rows=1, in_features=features, out_features=units, bias=bias and not spelled
        )
        added = [self._parameter(f"{path}.b", (units,), "bias")] if bias else []
        output = self.builder.tensor((1, units), "float32")
        self._add(path, operation, output, uses if spelled else uses + added)
        if spelled and bias:
            addition = Elementwise(function="add", elements=units, bias=True)
            self._add(path, addition, self.builder.tensor((1, units), "float32"), added)
        return self

    def build(self) -> Model:
        return self.builder.build(inputs=[self.image], outputs=[self.last])

    def _layer(self, type: str) -> str:
        path = f"{self.prefix}{self.count}"
        self.count += 1
        self.builder.layer(path, type=type, parent="")
        return path

    def _parameter(
        self, name: str, shape: Sequence[int], role: str, kind: Kind = Kind.LEARNABLE
    ) -> Use:
        self.builder.parameter(name, shape=shape, dtype="float32", kind=kind)
        return Use(name, role)

    def _add(self, path: str, operation: object, output: Tensor, uses: list[Use]) -> Network:
        assert isinstance(operation, (BatchNormalization, Convolution, Elementwise, Linear))
        self.builder.add(
            operation,
            inputs=[self.last],
            outputs=[output],
            uses=uses,
            layer=path,
            native=operation.kind,
        )
        self.builder.called(path, [output])
        self.last = output
        return self
