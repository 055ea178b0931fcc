"""How costs grow: formulas against closed forms, and against analyses at other sizes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch import nn

import analyzer
from analyzer import InputError, ModelError, Scaling, UsageError, scale
from analyzer.scaling.polynomial import Polynomial
from tests import scaled
from tests.test_schema import validator

FIGURES = ("parameters", "macs", "flops", "peak_activation_bytes", "peak_bytes")


def terms(scaling: Scaling, figure: str, spent_on: str | None = None) -> dict[str, Fraction]:
    """Return a polynomial's coefficients by monomial, spelt ``bss`` for b·s²."""
    every = [*scaling.formulas] if spent_on is None else [*scaling.shares]
    (found,) = (one for one in every if one.figure == figure and one.spent_on == (spent_on or ""))
    assert found.polynomial is not None, str(found)
    symbols = [each.symbol for each in scaling.variables]
    return {
        "".join(symbol * power for symbol, power in zip(symbols, powers, strict=True)): value
        for powers, value in found.polynomial.terms.items()
    }


def check_elsewhere(
    scaling: Scaling, model: object, inputs: object = None, *, seed: int, **options: Any
) -> None:
    """Hold every formula to analyses at sizes that were not looked at."""
    draw = Random(seed)
    for _ in range(4):
        for formula in scaling.formulas:
            assert formula, f"{formula.figure}: {formula}"
        claimed = scaling.formulas[0].fit.sizes
        point = tuple(draw.choice(list(sizes)) for sizes in claimed)
        dims = {
            name: size
            for variable, size in zip(scaling.variables, point, strict=True)
            for name in variable.names
        }
        report = analyzer.analyze(model, inputs, dims=dims, **options)
        for name, value in totals(report).items():
            formula = scaling[name]
            if all(size in sizes for size, sizes in zip(point, formula.fit.sizes, strict=True)):
                assert formula.fit(point) == value, (name, point)


def totals(report: analyzer.Report) -> Mapping[str, int | None]:
    memory = report.totals.memory
    return {
        "parameters": report.totals.parameters.total,
        "macs": report.totals.macs,
        "flops": report.totals.flops,
        "peak_activation_bytes": memory.peak_activation_bytes,
        "peak_bytes": memory.peak_bytes,
    }


# Closed forms


def test_a_dense_layer() -> None:
    scaling = scale(nn.Linear(4, 5), "{batch}x4", vary="batch")
    assert terms(scaling, "macs") == {"b": 4 * 5}
    assert terms(scaling, "flops") == {"b": 2 * 4 * 5 + 5}
    assert terms(scaling, "parameters") == {"": 4 * 5 + 5}
    assert terms(scaling, "input_bytes") == {"b": 4 * 4}
    assert terms(scaling, "peak_activation_bytes") == {"b": 4 * 5}
    assert terms(scaling, "peak_bytes") == {"": 4 * 25, "b": 4 * 9}
    assert scaling["macs"](b=10) == 200
    assert str(scaling["macs"]) == "20·b"


def test_an_lstm() -> None:
    scaling = scale(
        nn.LSTM(8, 16, 2, batch_first=True),
        "{batch}x{steps}x8",
        vary={"batch": (1, 8), "steps": (1, 50)},
    )
    first, second = 4 * 16 * (8 + 16), 4 * 16 * (16 + 16)
    assert terms(scaling, "macs") == {"bs": first + second}
    assert terms(scaling, "macs", "recurrent cells") == {"bs": first + second}


def test_a_transformer_in_its_width_length_and_batch() -> None:
    """Kaplan et al. (2020): 24·d² operations of products a token and layer, and 4·s·d besides."""
    layers = 2
    scaling = scale(
        "tests.scaled:encoder",
        {"src": "{batch}x{sequence}x{d}"},
        arguments={"d": "{d}"},
        vary={"batch": None, "sequence": (8, 128), "d": (16, 64, 4)},
    )
    assert terms(scaling, "macs") == {"bsdd": 12 * layers, "bssd": 2 * layers}
    assert terms(scaling, "flops", "dense layers") == {"bsdd": 24 * layers}
    assert terms(scaling, "flops", "attention products") == {"bssd": 4 * layers}
    # Four biases of attention, two of the rest (4·d and d), and two norms of two.
    assert terms(scaling, "parameters") == {"dd": 12 * layers, "d": (4 + 4 + 1 + 4) * layers}
    boundaries = {
        (one.figure, one.larger): one.boundary
        for one in scaling.overtakings
        if {one.larger, one.smaller} == {"attention products", "dense layers"}
    }
    # 2·s·d² exceeds 12·s·d² / s where s > 6·d
    assert boundaries["macs", "attention products"] == Polynomial({(0, 0, 1): Fraction(6)})
    assert "MACs of attention products exceed those of dense layers where s > 6·d" in str(scaling)
    check_elsewhere(
        scaling,
        "tests.scaled:encoder",
        {"src": "{batch}x{sequence}x{d}"},
        arguments={"d": "{d}"},
        seed=1,
    )


@pytest.mark.parametrize("name", ["BertModel", "GPT2Model"])
def test_language_models_by_their_configuration(name: str) -> None:
    import transformers

    hidden, layers = 32, 3
    settings: dict[str, Any] = {
        "BertModel": {"hidden_size": hidden, "num_hidden_layers": layers,
                      "num_attention_heads": 4, "intermediate_size": 4 * hidden,
                      "vocab_size": 99, "max_position_embeddings": 300},
        "GPT2Model": {"n_embd": hidden, "n_layer": layers, "n_head": 4, "vocab_size": 99,
                      "n_positions": 300},
    }[name]  # fmt: skip
    kind = getattr(transformers, name)
    with torch.device("meta"):
        model = kind(kind.config_class(**settings))
    scaling = scale(model, vary={"batch": (1, 16), "sequence": (16, 600)})
    assert len(scaling.samples) <= 20
    pooler = {"b": hidden * hidden} if name == "BertModel" else {}
    dense = {"bs": 12 * layers * hidden**2, **pooler}
    assert terms(scaling, "macs", "dense layers") == dense
    assert terms(scaling, "macs", "attention products") == {"bss": 2 * layers * hidden}
    assert terms(scaling, "macs") == {"bss": 2 * layers * hidden, **dense}
    if name == "BertModel":
        # It has 300 positions: longer inputs are refused, and nothing is said of them.
        assert scaling["macs"].fit.sizes[1][-1] == 300
        assert (1, 301) in scaling.refused
    check_elsewhere(scaling, model, seed=2)
    crossing = next(one for one in scaling.overtakings if one.figure == "macs")
    pooled = hidden * hidden if name == "BertModel" else 0
    dense_at = [
        12 * layers * hidden**2 * size + pooled for size in (crossing.since - 1, crossing.since)
    ]
    products = [2 * layers * hidden * size**2 for size in (crossing.since - 1, crossing.since)]
    assert (crossing.larger, crossing.smaller) == ("attention products", "dense layers")
    assert products[0] <= dense_at[0]
    assert products[1] > dense_at[1]


# Where cost is no polynomial


def test_strides_leave_multiples() -> None:
    scaling = scale(
        scaled.strided(),
        "1x3x{height}x{width}",
        vary={"height": (20, 90), "width": (21, 80)},
    )
    macs = scaling["macs"]
    assert macs.fit.multiple_of == (4, 4)
    # 27·4 products at each of h/2·w/2 places, 36·8 at each of h/4·w/4, and the dense layer.
    assert terms(scaling, "macs") == {
        "hw": Fraction(27 * 4, 4) + Fraction(36 * 8, 16),
        "": 8 * 5,
    }
    assert scaling["input_bytes"].fit.multiple_of == (1, 1)
    assert scaling["parameters"].fit.sizes == (range(20, 91), range(21, 81))
    for point, sample in scaling.samples.items():
        assert (macs.fit(point) == sample.figures["macs"]) or any(size % 4 for size in point)
    text = str(scaling)
    assert "h from 20 to 88, a multiple of 4; w from 24 to 80, a multiple of 4" in text
    assert "What was measured" in text
    draw = Random(5)
    for _ in range(5):
        height, width = draw.randrange(20, 91, 4), draw.randrange(24, 81, 4)
        report = analyzer.analyze(scaled.strided(), (1, 3, height, width))
        assert macs(h=height, w=width) == report.totals.macs
        assert scaling["peak_bytes"](h=height, w=width) == report.totals.memory.peak_bytes


def test_what_no_formula_fits_is_told_and_measured() -> None:
    scaling = scale(scaled.Padded(), "1x{n}", vary={"n": range(7, 400, 3)})
    assert scaling["macs"].fit.multiple_of == (5,)
    assert terms(scaling, "macs") == {"nn": Fraction(1, 5)}
    scaling = scale(scaled.Padded(), "1x{n}", vary={"n": (51, 54)})
    assert not scaling["macs"].fit or scaling["macs"](n=52) == 11 * 11 * 5


def test_the_peak_of_memory_is_the_largest_of_several() -> None:
    scaling = scale(scaled.Wide(), "1x{n}", vary={"n": (1, 60)})
    for size in range(1, 61):
        report = analyzer.analyze(scaled.Wide(), (1, size))
        assert scaling["peak_activation_bytes"](n=size) == (
            report.totals.memory.peak_activation_bytes
        )
        assert scaling["peak_bytes"](n=size) == report.totals.memory.peak_bytes
    assert len(scaling["peak_bytes"].fit.pieces) > 1
    assert scaling["peak_bytes"].polynomial is None
    assert " from 1 to " in str(scaling)


def test_sizes_that_the_model_refuses() -> None:
    scaling = scale(scaled.Short(), "{batch}x{steps}", vary={"batch": (1, 4), "steps": (1, 40)})
    assert terms(scaling, "flops") == {"bs": 1}
    assert scaling["flops"].fit.sizes[1] == range(3, 13)
    refused = {steps: message for (_, steps), message in scaling.refused.items()}
    assert {2, 13} <= set(refused)
    assert "13 steps are too many or too few" in refused[13]
    assert "Sizes that the model refuses" in str(scaling)


def test_sizes_that_must_divide() -> None:
    scaling = scale(scaled.Split(), "3x{n}", vary={"n": (40, 300)})
    assert scaling["flops"].fit.multiple_of == (16,)
    check_elsewhere(scaling, scaled.Split(), "3x{n}", seed=3)


def test_a_model_that_takes_one_size() -> None:
    class One(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.view(1, 32)

    with pytest.raises(InputError, match=r"takes only n = 32: .*shape"):
        scale(One(), "1x{n}", vary={"n": (20, 32)})
    with pytest.raises((InputError, ModelError), match="shape"):
        scale(One(), "1x{n}", vary={"n": (20, 31)})


def test_bounds_stay_bounds() -> None:
    scaling = scale(scaled.Stray(), "{batch}x4", vary="batch")
    assert scaling["flops"].bound is analyzer.Bound.LOWER
    assert str(scaling["flops"]) == "≥ 4·b"
    assert str(scaling["parameters"]) == "0"
    data = scaling.to_dict()
    assert not data["complete"]
    assert data["bound"] == "lower bound"
    assert any("could not be counted" in note for note in scaling.notes)


# Every framework


def test_onnx_with_dynamic_axes(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    shape = ["batch", "sequence", 8]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Transpose", ["h"], ["t"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["h", "t"], ["s"]),
        helper.make_node("MatMul", ["s", "h"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "attends",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [helper.make_tensor("w", TensorProto.FLOAT, [8, 8], [0.5] * 64)],
    )
    path = tmp_path / "attends.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    scaling = scale(path, vary={"batch": None, "sequence": (2, 64)})
    assert terms(scaling, "macs") == {"bs": 64, "bss": 2 * 8}
    assert terms(scaling, "macs", "products of activations") == {"bss": 16}
    (crossing,) = (one for one in scaling.overtakings if one.figure == "macs")
    assert (crossing.before, crossing.since, crossing.others) == (4, 5, (None, None))
    assert terms(scale(path, vary="sequence"), "macs") == {"s": 64, "ss": 16}
    with pytest.raises(
        InputError, match=r"'steps': the model has no open dim.*'batch', 'sequence'"
    ):
        scale(path, vary="steps")


def test_keras_with_open_sizes() -> None:
    keras = pytest.importorskip("keras")
    tokens = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(50, 16)(tokens)
    attended = keras.layers.MultiHeadAttention(2, 8)(embedded, embedded)
    model = keras.Model(tokens, keras.layers.GRU(4)(attended))
    scaling = scale(model, vary={"batch": (1, 5), "sequence": (4, 40)})
    assert terms(scaling, "macs") == {"bs": 4 * 16 * 16 + 3 * 4 * (16 + 4), "bss": 2 * 16}
    assert {each.spent_on for each in scaling.shares if each.figure == "macs"} == {
        "attention products", "dense layers", "recurrent cells"
    }  # fmt: skip
    image = keras.Input((None, None, 3))
    net = keras.Model(image, keras.layers.Conv2D(4, 3, padding="same")(image))
    scaling = scale(net, vary={"height,width": (16, 64)})
    assert terms(scaling, "macs") == {"hh": 27 * 4}


def test_programs_of_torch_export() -> None:
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=64)
    program = torch.export.export(
        scaled.encoder(d=8, layers=1, heads=2).eval(),
        (torch.zeros(2, 16, 8),),
        dynamic_shapes={"src": {0: batch, 1: length}},
    )
    scaling = scale(program, vary={"batch": (2, 8), "sequence": (4, 64)})
    assert terms(scaling, "macs") == {"bs": 12 * 64, "bss": 2 * 8}
    with pytest.raises(InputError, match=r"'width'.*it has 'batch', 'sequence'"):
        scale(program, vary={"width": (2, 8)})


def test_sizes_that_a_library_tells() -> None:
    import torchvision

    model = torchvision.models.squeezenet1_1()
    with torch.device("meta"):
        named = scale("torchvision.models:squeezenet1_1", vary={"height,width": (193, 257, 16)})
    given = scale(model, "1x3x{h}x{h}", vary={"h": (193, 257, 16)})
    assert named["macs"].fit == given["macs"].fit
    report = analyzer.analyze("torchvision.models:squeezenet1_1", dims={"height": 193})
    assert report.model.dims == {"batch": 1, "channels": 3, "height": 193, "width": 224}


# What comes out


def test_the_json_is_by_the_schema() -> None:
    cases = [
        scale(nn.Linear(4, 5), "{batch}x4", vary="batch"),
        scale(scaled.strided(), "1x3x{h}x{w}", vary={"h": (20, 60), "w": (21, 50)}),
        scale(scaled.Short(), "{batch}x{steps}", vary={"batch": (1, 4), "steps": (1, 40)}),
        scale(scaled.Wide(), "1x{n}", vary={"n": (1, 60)}),
    ]
    for scaling in cases:
        data = scaling.to_dict()
        validator("scaling-1.json").validate(data)
        assert json.loads(scaling.render("json")) == data
        for formula in data["formulas"]:
            made, proved = formula["made_of"], formula["proved_at"]
            assert not [point for point in made if point in proved]
            assert bool(formula["largest_of"]) == bool(proved) == (formula["reason"] is None)


def test_every_format() -> None:
    scaling = scale(
        scaled.encoder(d=16), "{batch}x{sequence}x16", vary={"batch": None, "sequence": (8, 300)}
    )
    lines = scaling.render("csv").splitlines()
    assert lines[0].startswith("batch,sequence,parameters,macs,flops")
    assert len(lines) == 1 + len(scaling.samples)
    page = scaling.render("html")
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert scaling._repr_html_() == page
    markdown = scaling.render("markdown")
    assert "```text\nMACs by sequence, at b = 1\n" in markdown
    assert "24·b·s" not in markdown
    assert "exceed those of dense layers from s = 97 on" in str(scaling)
    assert "MACs by sequence" in scaling.render("latex")


# Wrong use


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ([], "nothing is to be varied"),
        (3, "no mapping of names"),
        ({3: None}, "no name of a size"),
        ("n=9..3", "no two sizes from 9 to 3"),
        ("n=5..5", "no two sizes"),
        ("n=0..5", "give positive ones"),
        ("n=5", "not understood"),
        ("n=1..x", "not understood"),
        ("=1..4", "not understood"),
        ("n=1..9:0", "a step of 0"),
        ("n,n=1..9", "varied twice"),
        ({"n": (1, 2, 3, 4)}, "give a range, or the first and the last"),
        ({"n": 7}, "give a range, or the first and the last"),
        ({"n": (1, 9, 0)}, "give a range, or the first and the last"),
        ({"n": range(9, 1, -1)}, "no two sizes"),
        ({"m": (1, 9)}, "nothing tells the size 'n'"),
        ({"n": (1, 9), "m": (1, 9)}, "'m': the model has no open dimension"),
    ],
)
def test_what_cannot_be_varied(vary: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        scale(nn.Linear(4, 5), "{n}x4", vary=vary)


def test_what_is_fixed_is_not_varied() -> None:
    with pytest.raises(UsageError, match="size 'n' is both fixed and varied"):
        scale(nn.Linear(4, 5), "{n}x4", vary={"n": (1, 8)}, dims={"n": 5})


def test_models_without_open_sizes() -> None:
    from tests import models

    with pytest.raises(UsageError, match="leave the sizes out"):
        scale(models.small(), vary="batch")
    with pytest.raises(InputError, match="forward needs 'input'"):
        scale(nn.Linear(4, 5), vary="batch")
    with pytest.raises(InputError, match=r"'batch': .*it has none at all"):
        scale(nn.Linear(4, 5), (1, 4), vary="batch")


def test_too_many_analyses() -> None:
    class Odd(nn.Module):
        def forward(self, *sizes: torch.Tensor) -> Any:
            return [one.repeat(hash(tuple(one.shape)) % 7 + 1) for one in sizes]

    with pytest.raises(UsageError, match="no end is in sight"):
        scale(
            Odd(),
            ["{a}", "{b}", "{c}", "{d}", "{e}", "{f}"],
            vary=dict.fromkeys("abcdef", (1, 999)),
        )


def test_no_such_figure() -> None:
    scaling = scale(nn.Linear(4, 5), "{batch}x4", vary="batch")
    with pytest.raises(KeyError, match="there are parameters, macs"):
        scaling["magic"]


def layers_drawn(draw: Random) -> nn.Sequential:
    """Make a stack of convolutions and pools of any kernel, stride, padding and dilation."""
    channels = 2
    layers: list[nn.Module] = []
    for _ in range(draw.randint(1, 3)):
        kernel, stride = draw.randint(1, 4), draw.choice((1, 1, 2, 2, 3))
        padding = draw.randint(0, kernel // 2)
        if draw.random() < 0.3:
            layers.append(nn.MaxPool1d(kernel, stride, padding, ceil_mode=draw.random() < 0.5))
        else:
            out = draw.randint(1, 4)
            dilation = draw.randint(1, 2)
            layers.append(nn.Conv1d(channels, out, kernel, stride, padding, dilation))
            channels = out
        layers.append(draw.choice((nn.ReLU(), nn.GELU(), nn.BatchNorm1d(channels))))
    return nn.Sequential(*layers)


SLOW = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 12)]


@pytest.mark.parametrize("seed", [0, 1, 2, *SLOW])
def test_no_claim_is_wrong(seed: int) -> None:
    """Strides and windows of all kinds: whatever is said holds at sizes that were not looked at."""
    draw = Random(seed)
    model = layers_drawn(draw)
    scaling = scale(model, "{batch}x2x{n}", vary={"batch": (1, 6), "n": (30, 200)})
    assert scaling["parameters"]
    assert scaling["input_bytes"]
    for _ in range(25):
        batch, size = draw.randint(1, 6), draw.randint(30, 200)
        found = totals(analyzer.analyze(model, (batch, 2, size)))
        for name, value in found.items():
            fit = scaling[name].fit
            if fit and batch in fit.sizes[0] and size in fit.sizes[1]:
                assert fit((batch, size)) == value, (name, batch, size, str(scaling[name]))
    period = 1
    for layer in model:
        stride: Any = getattr(layer, "stride", 1)
        period *= stride if isinstance(stride, int) else stride[0]
    assert not scaling["macs"] or period % scaling["macs"].fit.multiple_of[1] == 0
    # What the strides come to is tried: there is a formula.
    assert scaling["macs"], (period, scaling["macs"])
