"""What people write themselves, held to PyTorch's own counter on the same numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import analyzer
from tests.torch_truth import check_against_torch


class UNet(nn.Module):
    """Transposed convolutions, and maps that skip levels."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, width, 3, padding=1)
        self.bottom = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, 2)
        self.out = nn.Conv2d(2 * width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        high = F.relu(self.down(x))
        low = F.relu(self.bottom(F.max_pool2d(high, 2)))
        return torch.sigmoid(self.out(torch.cat([self.up(low), high], 1)))


class Generator(nn.Sequential):
    """Transposed convolutions from one place to an image."""

    def __init__(self) -> None:
        super().__init__(
            nn.Unflatten(1, (32, 1, 1)),
            nn.ConvTranspose2d(32, 16, 4, 1, 0, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 8, 4, 2, 1, groups=4, output_padding=1),
            nn.Tanh(),
        )


class Tagger(nn.Module):
    """Packed sequences of different lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, 16)
        self.lstm = nn.LSTM(16, 24, 2, bidirectional=True, batch_first=True)
        self.tags = nn.Linear(48, 7)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False
        )
        steps, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        tags: Tensor = self.tags(steps)
        return tags


class Twins(nn.Module):
    """One tower for two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return F.cosine_similarity(self.tower(a), self.tower(b))


class Tied(nn.Module):
    """A language model whose output weights are its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        encoded = self.encoder(self.embedding(tokens) * 4, mask=mask, is_causal=True)
        scores: Tensor = self.head(encoded)
        return scores


class SpelledAttention(nn.Module):
    """Attention by einsum."""

    def __init__(self) -> None:
        super().__init__()
        self.project, self.out = nn.Linear(16, 48, bias=False), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.project(x).view(batch, length, 3, 4, 4).permute(2, 0, 3, 1, 4)
        scores = torch.einsum("bhid,bhjd->bhij", q, k) / math.sqrt(4)
        hidden = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        weights = scores.masked_fill(hidden, float("-inf")).softmax(-1)
        mixed = torch.einsum("bhij,bhjd->bhid", weights, v).transpose(1, 2)
        result: Tensor = self.out(mixed.reshape(batch, length, width))
        return result


class Splines(nn.Module):
    """A Kolmogorov–Arnold layer: learned splines on the edges."""

    def __init__(self, inputs: int = 4, outputs: int = 3, pieces: int = 5, order: int = 3) -> None:
        super().__init__()
        self.order = order
        knots = torch.linspace(-1, 1, pieces + 2 * order + 1)
        self.register_buffer("knots", knots.expand(inputs, -1).contiguous())
        self.splines = nn.Parameter(torch.randn(outputs, inputs, pieces + order))
        self.base = nn.Parameter(torch.randn(outputs, inputs))

    def forward(self, x: Tensor) -> Tensor:
        y, knots = x.unsqueeze(-1), self.get_buffer("knots")
        bases = ((y >= knots[:, :-1]) & (y < knots[:, 1:])).to(x.dtype)
        for k in range(1, self.order + 1):
            left = (y - knots[:, : -(k + 1)]) / (knots[:, k:-1] - knots[:, : -(k + 1)])
            right = (knots[:, k + 1 :] - y) / (knots[:, k + 1 :] - knots[:, 1:-k])
            bases = left * bases[..., :-1] + right * bases[..., 1:]
        return F.linear(F.silu(x), self.base) + F.linear(bases.flatten(1), self.splines.flatten(1))


class Radiance(nn.Module):
    """Points along rays, encoded by sines, and composed."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.colour, self.density = (
            nn.Linear(63, 64),
            nn.Linear(64, 3),
            nn.Linear(64, 1),
        )

    def forward(self, points: Tensor) -> Tensor:
        angles = (points[..., None] * 2.0 ** torch.arange(10, device=points.device)).flatten(-2)
        hidden = F.relu(self.inside(torch.cat([points, angles.sin(), angles.cos()], -1)))
        opacity = 1 - torch.exp(-F.softplus(self.density(hidden)))
        passed = torch.cumprod(torch.cat([torch.ones_like(opacity[:, :1]), 1 - opacity], 1), 1)
        return (opacity * passed[:, :-1] * torch.sigmoid(self.colour(hidden))).sum(1)


class GraphAttention(nn.Module):
    """Messages along edges, gathered by scatter."""

    def __init__(self) -> None:
        super().__init__()
        self.project, self.out = nn.Linear(8, 16), nn.Linear(16, 4)
        self.attention = nn.Parameter(torch.randn(32))

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        h = self.project(nodes)
        source, target = edges
        scores = F.leaky_relu(torch.cat([h[source], h[target]], -1) @ self.attention)
        highest = torch.full((len(nodes),), -1e9).scatter_reduce(0, target, scores, "amax")
        weights = (scores - highest[target]).exp()
        sums = torch.zeros(len(nodes)).scatter_add(0, target, weights)
        messages = h[source] * (weights / sums[target])[:, None]
        gathered: Tensor = self.out(F.elu(torch.zeros_like(h).index_add(0, target, messages)))
        return gathered.mean(0)


class Experts(nn.Module):
    """A mixture of experts by a loop over a list."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(8, 4)
        self.experts = nn.ModuleList(nn.Linear(8, 8) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        weights, chosen = self.router(x).softmax(-1).topk(2)
        result = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            row, place = torch.where(chosen == number)
            result.index_add_(0, row, expert(x[row]) * weights[row, place, None])
        return result


class Steps(nn.Module):
    """A cell in a loop of Python."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(4, 8)

    def forward(self, sequence: Tensor) -> Tensor:
        hidden = cell = sequence.new_zeros(sequence.shape[1], 8)
        for step in sequence:
            hidden, cell = self.cell(step, (hidden, cell))
        return hidden


class Capsules(nn.Module):
    """Routing by agreement."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 6, 3, 4, 5))

    def forward(self, x: Tensor) -> Tensor:
        votes = (x[:, :, None, None, :] @ self.weight).squeeze(3)
        agreed = torch.zeros(votes.shape[:3], device=x.device)
        for _ in range(3):
            result = (agreed.softmax(2)[..., None] * votes).sum(1)
            length = result.norm(dim=-1, keepdim=True)
            result = length**2 / (1 + length**2) * result / length
            agreed = agreed + (votes * result[:, None]).sum(-1)
        return result


class Normalized(nn.Module):
    """Weights that are made of others."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))
        self.other = nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.other(self.one(x))
        return result


class Early(nn.Module):
    """A loop that ends when the numbers say so."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.ModuleList(nn.Linear(8, 8) for _ in range(6))

    def forward(self, x: Tensor) -> Tensor:
        for number, step in enumerate(self.steps):
            x = step(x)
            if x.abs().mean() > 5 or number == 3:
                break
        return x


TOKENS = torch.arange(27).view(3, 9)
CASES: list[tuple[type[nn.Module], tuple[Any, ...]]] = [
    (Capsules, (torch.ones(2, 6, 4),)),
    (Early, (torch.ones(2, 8),)),
    (Experts, (torch.arange(48.0).view(6, 8),)),
    (Generator, (torch.ones(2, 32),)),
    (GraphAttention, (torch.ones(5, 8), torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]]))),
    (Normalized, (torch.ones(2, 8),)),
    (Radiance, (torch.ones(10, 12, 3),)),
    (SpelledAttention, (torch.ones(2, 6, 16),)),
    (Splines, (torch.ones(7, 4),)),
    (Steps, (torch.ones(5, 2, 4),)),
    (Tagger, (TOKENS, torch.tensor([9, 4, 6]))),
    (Tied, (TOKENS,)),
    (Twins, (torch.ones(2, 8), torch.ones(2, 8))),
    (UNet, (torch.ones(1, 3, 32, 32),)),
]


@pytest.mark.parametrize(("kind", "inputs"), CASES, ids=lambda one: getattr(one, "__name__", ""))
def test_macs_are_those_of_the_flop_counter(kind: type[nn.Module], inputs: tuple[Any, ...]) -> None:
    check_against_torch(kind().eval(), inputs, real=True)


def test_bilinear_layers_and_transformers_of_pytorch() -> None:
    check_against_torch(nn.Bilinear(4, 5, 6), (torch.ones(3, 4), torch.ones(3, 5)), real=True)
    whole = nn.Transformer(16, 2, 1, 1, 32, batch_first=True).eval()
    check_against_torch(whole, (torch.ones(1, 5, 16), torch.ones(1, 4, 16)), real=True)


def test_shared_modules_count_every_call_and_every_weight_once() -> None:
    report = check_against_torch(Twins(), (torch.ones(2, 8), torch.ones(2, 8)), real=True)
    assert report["tower"].calls == 2
    tied = check_against_torch(Tied().eval(), (TOKENS,), real=True)
    assert tied["head"].shared_with == ("embedding",)


class Cast(nn.Module):
    """A module that is cast in ``forward``, as routers of experts are."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        self.inner = self.inner.to(torch.float64)
        result: Tensor = self.inner(x.double())
        return result


def test_a_module_that_is_cast_keeps_its_weights() -> None:
    model = Cast()
    weight = model.inner.weight
    before, memory = weight.detach().clone(), weight.data_ptr()
    report = analyzer.analyze(model, (1, 3))
    assert report["inner"].outputs[0].dtype == "float64"
    assert model.inner.weight is weight
    assert weight.data_ptr() == memory
    assert torch.equal(weight, before)
