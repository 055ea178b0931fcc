"""Small modules, written as people write them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "Adaptive",
    "Attention",
    "Branching",
    "Cross",
    "EinsumAttention",
    "Experts",
    "Functions",
    "GroupedQueries",
    "Int8Linear",
    "Looping",
    "Recurrent",
    "Tied",
    "Trimming",
    "Twice",
]


class Recurrent(nn.Module):
    """A recurrent layer over a sequence, and a classifier of its last step."""

    def __init__(self, layer: nn.RNNBase, classes: int = 3) -> None:
        super().__init__()
        self.layer = layer
        directions = 2 if layer.bidirectional else 1
        self.head = nn.Linear(directions * layer.hidden_size, classes)

    def forward(self, x: Tensor) -> Tensor:
        steps, _ = self.layer(x)
        out: Tensor = self.head(steps[:, -1])
        return out


class EinsumAttention(nn.Module):
    """Attention of which every product is an einsum."""

    def __init__(self, width: int = 16, heads: int = 4) -> None:
        super().__init__()
        shape = (width, heads, width // heads)
        self.query = nn.Parameter(torch.randn(shape))
        self.key = nn.Parameter(torch.randn(shape))
        self.value = nn.Parameter(torch.randn(shape))
        self.out = nn.Parameter(torch.randn(heads, width // heads, width))

    def forward(self, x: Tensor) -> Tensor:
        query = torch.einsum("btc,chd->bthd", x, self.query)
        key = torch.einsum("btc,chd->bthd", x, self.key)
        value = torch.einsum("btc,chd->bthd", x, self.value)
        scores = torch.einsum("bqhd,bkhd->bhqk", query, key).softmax(-1)
        mixed = torch.einsum("bhqk,bkhd->bqhd", scores, value)
        return torch.einsum("bthd,hdc->btc", mixed, self.out)


class Functions(nn.Module):
    """Products between no layers: operators and functions on parameters."""

    def __init__(self, width: int = 8, hidden: int = 12) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(width, hidden))
        self.second = nn.Parameter(torch.randn(hidden, hidden))
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.third = nn.Parameter(torch.randn(width, hidden))

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(x @ self.first)
        hidden = torch.addmm(self.bias, hidden[0], self.second).unsqueeze(0)
        alike = torch.bmm(hidden, hidden.transpose(1, 2)).softmax(-1)
        return functional.linear(torch.matmul(alike, hidden), self.third)


class Attention(nn.Module):
    """Self-attention by the layer that PyTorch has for it."""

    def __init__(self, width: int = 16, heads: int = 4) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        mixed: Tensor = self.attention(y, y, y, need_weights=False)[0]
        return x + mixed


class Cross(nn.Module):
    """Attention to another sequence, of another length and width."""

    def __init__(self, width: int = 16, memory: int = 12, heads: int = 4) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(
            width, heads, kdim=memory, vdim=memory, batch_first=True
        )

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        mixed: Tensor = self.attention(x, memory, memory, need_weights=False)[0]
        return mixed


class GroupedQueries(nn.Module):
    """Causal attention in which several queries share keys and values."""

    def __init__(self, width: int = 32, heads: int = 8, key_heads: int = 2) -> None:
        super().__init__()
        self.size = width // heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, key_heads * self.size, bias=False)
        self.value = nn.Linear(width, key_heads * self.size, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, _ = x.shape
        query, key, value = (
            layer(x).view(batch, steps, -1, self.size).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, enable_gqa=True
        )
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, steps, -1))
        return out


class Experts(nn.Module):
    """A mixture of experts: each takes the tokens that were routed to it."""

    def __init__(self, width: int = 16, hidden: int = 24, experts: int = 4, chosen: int = 2):
        super().__init__()
        self.chosen = chosen
        self.router = nn.Linear(width, experts, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, width))
            for _ in range(experts)
        )

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        weights, indices = self.router(flat).softmax(-1).topk(self.chosen, dim=-1)
        out = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            token, place = torch.where(indices == number)
            out[token] += weights[token, place, None] * expert(flat[token])
        return out.view_as(x)


class Tied(nn.Module):
    """A language model whose head is its embedding."""

    def __init__(self, vocabulary: int = 50, width: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.hidden = nn.Linear(width, width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.tanh(self.hidden(self.embedding(tokens))))
        return logits


class Twice(nn.Module):
    """A block that is called twice, on images of two sizes."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block(self.pool(self.block(x)))
        return out


class Int8Linear(nn.Module):
    """A layer whose weight is stored as integers, with a scale for each row."""

    weight: Tensor
    scales: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        weight = torch.randint(-128, 128, (outputs, inputs), dtype=torch.int8)
        self.register_buffer("weight", weight)
        self.register_buffer("scales", torch.rand(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch._weight_int8pack_mm(x, self.weight, self.scales)


class Adaptive(nn.Module):
    """A step that is repeated until what it says it has done adds up: its trips depend on data."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.step = nn.Linear(width, width)
        self.halt = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        done = x.new_zeros(x.shape[:-1])
        while done.mean() < 2:
            x = torch.tanh(self.step(x))
            done = done + torch.sigmoid(self.halt(x)).squeeze(-1)
        return x


class Looping(nn.Module):
    """A step that ``torch.while_loop`` repeats."""

    def __init__(self, width: int = 16, steps: int = 5) -> None:
        super().__init__()
        self.step = nn.Linear(width, width)
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        def going_on(done: Tensor, x: Tensor) -> Tensor:
            return done < self.steps

        def once_more(done: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
            return done + 1, torch.tanh(self.step(x))

        run: Callable[..., tuple[Tensor, Tensor]] = torch.while_loop
        return run(going_on, once_more, (torch.tensor(0), x))[1]


class Branching(nn.Module):
    """One of two layers of different sizes: which, the data says."""

    def __init__(self, width: int = 16, hidden: int = 40) -> None:
        super().__init__()
        self.small = nn.Linear(width, width)
        self.large = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.cond(x.square().sum() > 0, self.large, self.small, (x,))
        return out


class Trimming(nn.Module):
    """A text classifier that cuts the padding off: sizes depend on what the tokens are."""

    def __init__(self, vocabulary: int = 50, width: int = 16, longest: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)
        self.positions = nn.Parameter(torch.randn(longest, width))
        self.convolution = nn.Conv1d(width, width, 3, padding=1)
        self.head = nn.Linear(width, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        length = int((tokens != 0).sum(1).max())
        x = self.embedding(tokens[:, :length]) + self.positions[:length]
        x = torch.relu(self.convolution(x.transpose(1, 2)))
        logits: Tensor = self.head(x.mean(-1))
        return logits
