"""Small PyTorch networks on which tools disagree, for the conventions that say what each counts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn, zeros
from torch.nn import functional
from torchvision.ops import DeformConv2d

__all__ = ["NETWORKS", "Called", "First"]

Network = tuple[nn.Module, tuple[Tensor, ...]]


class First(nn.Module):
    """The first of what a module gives."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *inputs: Tensor) -> object:
        given = self.inner(*inputs)
        return given[0] if isinstance(given, tuple) else given


class Called(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


class Encoder(nn.Module):
    def __init__(self, *, norm_first: bool = False, activation: str = "relu") -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        layer = nn.TransformerEncoderLayer(
            8, 2, 16, batch_first=True, norm_first=norm_first, activation=activation
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 11)

    def forward(self, tokens: Tensor) -> object:
        return self.head(self.layers(self.embedding(tokens)))


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 7, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(14, 3)

    def forward(self, x: Tensor) -> object:
        return self.head(self.lstm(x)[0])


class LayerNorm(nn.LayerNorm):
    """One that bears the name of another: tools that go by the type do not know it."""


class Shared(nn.Module):
    """One layer in three holders, called four times."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Sequential(nn.Linear(4, 4))
        self.b = nn.Sequential(self.a[0])
        self.c = self.a[0]
        self.d = self.a

    def forward(self, x: Tensor) -> object:
        return self.d(self.c(self.b(self.a(x))))


class Twice(nn.Module):
    """Modules that run twice, on maps of different sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, bias=False)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> object:
        return self.norm(self.convolution(self.norm(self.convolution(x))))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> object:
        return self.head(self.embedding(tokens))


class Functional(nn.Module):
    """Parameters that functions use."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(zeros(5, 4))
        self.gain = nn.Parameter(torch.ones(5))
        self.bias_table = nn.Parameter(torch.ones(5))

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight) * self.gain + self.bias_table


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Functional()
        self.scale = nn.Parameter(torch.ones(5))

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = self.inner(x) * self.scale
        return scaled


class Deformed(nn.Module):
    """A convolution that reads between the places of its map, with a mask or without one."""

    def __init__(self, *, masked: bool) -> None:
        super().__init__()
        self.offsets = nn.Conv2d(3, 18, 3, padding=1)
        self.weights = nn.Conv2d(3, 9, 3, padding=1) if masked else None
        self.deformed = DeformConv2d(3, 5, 3, padding=1)

    def forward(self, x: Tensor) -> object:
        mask = self.weights(x) if self.weights else None
        return self.deformed(x, self.offsets(x), mask)


class Uncalled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(4, 4)
        self.unused = nn.Sequential(nn.Linear(4, 9), nn.ReLU())

    def forward(self, x: Tensor) -> object:
        return self.used(x)


def _einsum(equation: str) -> nn.Module:
    return Called(lambda *operands: torch.einsum(equation, *operands))


_IMAGE = zeros(2, 3, 16, 16)
_STEPS = zeros(2, 5, 6)
_TOKENS = zeros(2, 5, dtype=torch.long)

NETWORKS: dict[str, Network] = {
    "1-d": (nn.Sequential(nn.Conv1d(3, 6, 3, groups=3), nn.BatchNorm1d(6)), (zeros(2, 3, 9),)),
    "3-d": (
        nn.Sequential(nn.Conv3d(3, 6, 3), nn.AvgPool3d(2, 1), nn.AdaptiveAvgPool3d(1)),
        (zeros(2, 3, 7, 7, 7),),
    ),
    "GRU": (First(nn.GRU(6, 7, 2, batch_first=True)), (_STEPS,)),
    "GRU cell": (First(nn.GRUCell(6, 7)), (zeros(2, 6),)),
    "LSTM": (First(nn.LSTM(6, 7, 3, bidirectional=True)), (_STEPS,)),
    "LSTM cell": (First(nn.LSTMCell(6, 7)), (zeros(2, 6),)),
    "LSTM with a projection": (First(nn.LSTM(6, 7, 2, proj_size=3, batch_first=True)), (_STEPS,)),
    "LSTM without biases": (First(nn.LSTM(6, 7, bias=False, batch_first=True)), (_STEPS,)),
    "RNN": (First(nn.RNN(6, 7, 2)), (_STEPS,)),
    "activations": (
        nn.Sequential(
            nn.PReLU(), nn.LeakyReLU(), nn.GELU(), nn.Softmax(1), nn.Softmax(-1), nn.LogSoftmax(1),
            nn.Sigmoid(), nn.SiLU(), nn.ReLU6(), nn.Hardswish(),
        ),
        (_IMAGE,),
    ),
    "attention": (First(nn.MultiheadAttention(8, 2)), (zeros(2, 3, 8),) * 3),
    "attention, a function": (
        Called(lambda q, k: functional.scaled_dot_product_attention(q, k, k)),
        (zeros(2, 3, 4, 8), zeros(2, 3, 5, 8)),
    ),
    "bag of embeddings": (nn.Sequential(nn.EmbeddingBag(10, 4)), (_TOKENS,)),
    "batched product": (Called(torch.matmul), (zeros(2, 3, 4), zeros(2, 4, 5))),
    "bilinear": (nn.Bilinear(3, 4, 5), (zeros(2, 3), zeros(2, 4))),
    "broadcast product": (Called(torch.matmul), (zeros(3, 4), zeros(2, 4, 5))),
    "convolution": (nn.Conv2d(3, 8, 3, padding=1, groups=1), (_IMAGE,)),
    "deformable convolution": (Deformed(masked=False), (_IMAGE,)),
    "deformable convolution, masked": (Deformed(masked=True), (_IMAGE,)),
    "einsum that fvcore knows": (_einsum("bij,bkj->bik"), (zeros(3, 12, 45), zeros(3, 37, 45))),
    "einsum that numpy rounds": (
        _einsum("bhid,bhjd->bhij"), (zeros(3, 7, 123, 45), zeros(3, 7, 371, 45)),
    ),
    "einsum without a sum": (_einsum("bi,bj->bij"), (zeros(3, 123), zeros(3, 371))),
    "embedding": (nn.Sequential(nn.Embedding(10, 4)), (_TOKENS,)),
    "encoder": (Encoder(), (_TOKENS,)),
    "encoder, norms first": (Encoder(norm_first=True, activation="gelu"), (_TOKENS,)),
    "functions": (Functional(), (zeros(2, 3, 4),)),
    "functions and modules": (Scaled(), (zeros(2, 3, 4),)),
    "linear": (nn.Linear(4, 5), (zeros(2, 3, 4),)),
    "norms": (
        nn.Sequential(
            nn.GroupNorm(3, 3), nn.InstanceNorm2d(3), nn.InstanceNorm2d(3, affine=True),
            nn.BatchNorm2d(3, affine=False), nn.BatchNorm2d(3), nn.LayerNorm(16), nn.RMSNorm(16),
            nn.LayerNorm(16, elementwise_affine=False), nn.LocalResponseNorm(2),
        ),
        (_IMAGE,),
    ),
    "norm of one's own": (nn.Sequential(LayerNorm(16)), (_IMAGE,)),
    "pooling": (
        nn.Sequential(nn.AvgPool2d(3, 1), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(5)), (_IMAGE,),
    ),
    "pooling, 1-d": (
        nn.Sequential(nn.AvgPool1d(3, 1), nn.AdaptiveAvgPool1d(5), nn.AdaptiveMaxPool1d(1)),
        (zeros(2, 3, 32),),
    ),
    "product with a vector": (Called(torch.mv), (zeros(3, 4), zeros(4))),
    "resizing": (
        nn.Sequential(
            nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.UpsamplingNearest2d(8), nn.UpsamplingBilinear2d(12),
            nn.Upsample(size=16, mode="bicubic"),
        ),
        (_IMAGE,),
    ),
    "resizing, 1-d": (
        nn.Sequential(nn.Upsample(scale_factor=2, mode="linear"), nn.Upsample(scale_factor=2)),
        (zeros(2, 3, 8),),
    ),
    "shared": (Shared(), (zeros(1, 4),)),
    "tagger": (Tagger(), (_STEPS,)),
    "tied": (Tied(), (_TOKENS,)),
    "transposed convolution": (nn.Sequential(nn.ConvTranspose2d(3, 4, 3, 2)), (_IMAGE,)),
    "twice": (Twice(), (_IMAGE,)),
    "uncalled": (Uncalled(), (zeros(2, 4),)),
    "vector product": (Called(torch.matmul), (zeros(4), zeros(2, 4, 5))),
}  # fmt: skip
"""Modules and what they are called with, by what is special in them."""
