"""Small networks on which tools that hook modules and patch functions disagree with everybody."""

from __future__ import annotations

import timm
import torch
import transformers
from torch import Tensor, nn, zeros
from torch.nn import functional

from tests.reconciled_networks import Called, First, Network

__all__ = ["NETWORKS"]


class Holders(nn.Module):
    """One layer that two others hold."""

    def __init__(self) -> None:
        super().__init__()
        held = nn.Linear(8, 8)
        self.first = nn.Sequential(held, nn.ReLU())
        self.second = nn.Sequential(held, nn.GELU())

    def forward(self, x: Tensor) -> object:
        return self.second(self.first(x))


class Weighed(nn.Module):
    """Self-attention that returns its weights: it is spelled out in products of matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> object:
        return self.attention(x, x, x, attn_mask=mask)[0]


class Products(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(zeros(8))

    def forward(self, x: Tensor) -> list[Tensor]:
        squares = torch.bmm(x, x.transpose(1, 2))
        return [
            torch.matmul(squares, x),
            torch.baddbmm(x, squares, x),
            torch.addmm(self.weight, x[0], zeros(8, 8)),
            torch.matmul(zeros(5, 8), self.weight),
            torch.matmul(x[0], x.transpose(1, 2)),
            torch.mm(x[0], x[0].t()),
            torch.mv(x[0], self.weight),
            torch.einsum("bij,bkj->bik", x, x),
        ]


class Fed(nn.Module):
    """A dense layer that is fed something that is not contiguous."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(3, 5)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> list[object]:
        across = x.transpose(1, 2)
        return [
            self.dense(across),
            self.dense(self.activation(across)),
            self.dense(across.contiguous()),
            self.dense(across[:, 1:]),
            self.dense(across[:1]),
            self.dense(across[0]),
            self.dense(across.transpose(0, 1).reshape(4, 2, 3)),
        ]


class Turned(nn.Module):
    """Dense layers on what was turned around, once and twice."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(6, 7)
        self.square = nn.Linear(6, 6)

    def forward(self, x: Tensor, square: Tensor) -> list[object]:
        turned = x.transpose(0, 1)
        first = self.square(square)  # before a view of it that has the same sizes is made
        return [
            self.dense(turned),
            self.dense(turned.transpose(0, 1)),
            self.dense(torch.sigmoid(turned).transpose(0, 1)),
            first,
            self.square(square.transpose(1, 2)),
        ]


class Decoder(nn.Module):
    """Attention after attention, of which each turns batch and steps around."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.decoder = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: Tensor) -> object:
        mixed, _ = self.attention(x, x, x, need_weights=False)
        return self.decoder(x, self.encoder(mixed))


class Stored(nn.Module):
    """A dense layer on a stored tensor, as the position bias of Swin V2."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", zeros(1, 5, 5, 4))
        self.dense = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.dense(self.table)
        return found + x


class Biased(nn.Module):
    """Attention whose weights have a learned bias added, from a table as in BEiT, or as it is."""

    def __init__(self, *, table: bool) -> None:
        super().__init__()
        self.bias = nn.Parameter(zeros(9, 2)) if table else nn.Parameter(zeros(2, 5, 5))
        self.dense = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> object:
        heads = self.dense(x).unflatten(-1, (2, 4)).transpose(1, 2)
        bias: Tensor = self.bias
        if bias.dim() == 2:
            bias = bias[torch.arange(25) % 9].view(5, 5, 2).permute(2, 0, 1).contiguous()
        return functional.scaled_dot_product_attention(heads, heads, heads, bias.unsqueeze(0))


class OneQuery(nn.Module):
    """Attention of a class token to all others, as in CaiT."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(8, 8)
        self.out = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> object:
        heads = self.dense(x).unflatten(-1, (2, 4)).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(heads[:, :, :1], heads, heads)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Grouped(nn.Module):
    """Attention whose heads share keys and values, or that has one head."""

    def __init__(self, heads: int, shared: int) -> None:
        super().__init__()
        self.heads, self.shared = heads, shared
        self.query = nn.Linear(8, heads * 4)
        self.out = nn.Linear(heads * 4, 5)

    def forward(self, x: Tensor) -> object:
        query = self.query(x).unflatten(-1, (self.heads, 4)).transpose(1, 2)
        keys = query[:, : self.shared]
        is_grouped = self.heads != self.shared
        mixed = functional.scaled_dot_product_attention(query, keys, keys, enable_gqa=is_grouped)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Hidden(nn.Module):
    """A model of transformers that returns one tensor."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> object:
        return self.model(tokens, use_cache=False).last_hidden_state


def _bert(attention: str) -> nn.Module:
    return Hidden(
        transformers.BertModel(
            transformers.BertConfig(
                hidden_size=16,
                num_attention_heads=2,
                num_hidden_layers=2,
                intermediate_size=32,
                vocab_size=50,
                max_position_embeddings=20,
                attn_implementation=attention,
            )
        )
    )


def _gpt2(attention: str) -> nn.Module:
    return Hidden(
        transformers.GPT2Model(
            transformers.GPT2Config(
                n_embd=16,
                n_head=2,
                n_layer=2,
                vocab_size=50,
                n_positions=20,
                bos_token_id=0,
                eos_token_id=0,
                attn_implementation=attention,
            )
        )
    )


_ACTIVATIONS = (
    nn.PReLU(), nn.LeakyReLU(), nn.ELU(), nn.ReLU6(), nn.SiLU(), nn.Hardswish(), nn.GELU("tanh"),
    nn.Tanh(), nn.Softmax(-1), nn.LogSoftmax(-1),
)  # fmt: skip
_TOKENS = zeros(2, 7, dtype=torch.long)
_ENCODER = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

NETWORKS: dict[str, Network] = {
    "BERT": (_bert("sdpa"), (_TOKENS,)),
    "BERT, eager": (_bert("eager"), (_TOKENS,)),
    "GPT-2": (_gpt2("sdpa"), (_TOKENS,)),
    "GPT-2, eager": (_gpt2("eager"), (_TOKENS,)),
    "LSTM, one sequence": (First(nn.LSTM(5, 7)), (zeros(4, 5),)),
    "RNN without biases": (First(nn.RNN(5, 7, bias=False)), (zeros(1, 4, 5),)),
    "activations": (
        nn.Sequential(nn.Linear(8, 8), *_ACTIVATIONS),
        (zeros(2, 8),),
    ),
    "attention of one head": (Grouped(1, 1), (zeros(1, 5, 8),)),
    "attention, grouped": (Grouped(4, 2), (zeros(2, 5, 8),)),
    "attention of one query": (OneQuery(), (zeros(1, 5, 8),)),
    "attention, biased": (Biased(table=False), (zeros(2, 5, 8),)),
    "attention, biased by a table": (Biased(table=True), (zeros(2, 5, 8),)),
    "attention of timm": (nn.Sequential(timm.layers.Attention(8, 2)), (zeros(2, 5, 8),)),
    "decoder layer": (Decoder(), (zeros(2, 3, 8),)),
    "encoder layer": (_ENCODER, (zeros(2, 3, 8),)),
    "stored tensor": (Stored(), (zeros(1, 3),)),
    "turned": (Turned(), (zeros(2, 5, 6), zeros(1, 6, 6))),
    "encoder layer, steps first": (nn.TransformerEncoderLayer(8, 2, 16), (zeros(3, 2, 8),)),
    "even kernels": (
        nn.Sequential(nn.Conv2d(3, 4, 4, padding="same"), nn.InstanceNorm2d(4), nn.AvgPool2d(2)),
        (zeros(2, 3, 8, 8),),
    ),
    "held twice": (Holders(), (zeros(3, 8),)),
    "not contiguous": (Fed(), (zeros(2, 3, 4),)),
    "products": (Products(), (zeros(3, 4, 8),)),
    "resized": (
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 4, 3)),
        (zeros(2, 3, 4, 4),),
    ),
    "softmax by name": (
        nn.Sequential(nn.Linear(4, 4), Called(lambda x: nn.functional.softmax(x, -1))),
        (zeros(2, 4),),
    ),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2, groups=2), (zeros(2, 4, 5, 5),)),
    "weights of attention": (Weighed(), (zeros(3, 2, 8),)),
    "weights of attention, masked": (Weighed(), (zeros(3, 2, 8), zeros(3, 3))),
}
