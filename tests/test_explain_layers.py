"""Which layers are explained when a pattern or a type is asked for, and how much of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import analyzer
from analyzer import Explanation, Explanations, Report, UsageError
from analyzer.errors import UnknownNameError
from tests import models
from tests.commands import error, run
from tests.graphs import Graph


def encoder() -> nn.Module:
    layers = [nn.Sequential(nn.Linear(16, 16), nn.ReLU()) for _ in range(12)]
    return nn.Sequential(*layers, nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4))


@pytest.fixture(scope="module")
def report() -> Report:
    return analyzer.analyze(encoder(), (1, 1, 16))


def paths(explanation: Explanation | Explanations) -> list[str]:
    return [part.layer.path for part in explanation.explained]


def test_a_pattern_is_held_against_the_path_and_its_last_part(report: Report) -> None:
    assert paths(report.explain("1?.0")) == ["10.0", "11.0"]
    assert paths(report.explain("1[23]")) == ["12", "13"]
    assert paths(report.explain("?.1")) == [f"{at}.1" for at in range(10)]
    assert len(report.explain("*").explained) == len(report.layers) - 1


def test_a_name_is_no_pattern(report: Report) -> None:
    graph = Graph("a[0]", "a0")
    x = graph.tensor(4)
    graph.step(x, layer="a[0]", size=4)
    found = analyzer.analyze(graph.build(inputs=[x])).explain("a[0]")
    assert isinstance(found, Explanation)
    assert found.layer.path == "a[0]"


@pytest.mark.parametrize("name", ["Conv1d", "conv1d", "Convolution", "conv*"])
def test_a_type_is_the_frameworks_or_what_is_computed(report: Report, name: str) -> None:
    assert paths(report.explain(type=name)) == ["12"]


def test_a_type_among_others(report: Report) -> None:
    assert paths(report.explain("1*", type="linear")) == ["1.0", "10.0", "11.0"]
    assert paths(report.explain("3", type="relu")) == ["3.1"]
    blocks = report.explain(type="Sequential")
    assert all(not part.parts for part in blocks.explained)


def test_several_are_a_sequence(report: Report) -> None:
    found = report.explain("1*", type="linear")
    assert isinstance(found, Explanations)
    assert len(found) == 3
    assert [one.learnable.value for one in found] == [16 * 16 + 16] * 3
    assert found[0].layer is report["1.0"]
    assert repr(found) == "<Explanations of 3 layers: 1*, type linear>"
    assert found._repr_markdown_().startswith("# ")


@pytest.mark.parametrize(
    ("asked", "type", "message"),
    [
        ("nothing*", None, "a layer that fits 'nothing*' is not in Sequential; it has 0, 0.0, 0.1"),
        (
            None,
            "Convv1d",
            "no layer is of type 'Convv1d', nor does what is called so; did you mean Conv1d",
        ),
        (None, "Zebra", "there are Sequential, Linear and 6 more"),
        ("0", "Conv1d", "no layer is of type 'Conv1d'"),
    ],
)
def test_what_is_not_there(
    report: Report, asked: str | None, type: str | None, message: str
) -> None:
    with pytest.raises(UnknownNameError) as failed:
        report.explain(asked, type=type)
    assert message in str(failed.value)


def test_a_misspelt_pattern_is_answered_with_names_that_are_close() -> None:
    done = run("explain", "tests.models:small", "laier*")
    assert "did you mean layer" in error(done, 2)
    assert "'linne' is not one of" in error(run("explain", "x", "--detail", "linne"), 2)
    with pytest.raises(UsageError, match="detail 'much' is not known; choose line or lesson"):
        analyzer.analyze(models.small()).explain().render(detail="much")


def test_layers_that_are_alike_share_a_line(report: Report) -> None:
    lines = report.explain().render("markdown", detail="line").splitlines()
    (dense,) = (line for line in lines if "Linear" in line)
    assert dense.startswith("| ×12: 0.0 … 11.0 | Linear | 1×1×16 | 16·16 + 16 = 272 |")
    footer = lines[-1].replace("*", "").split(" | ")
    totals = report.totals
    stored = totals.memory.parameter_bytes + totals.memory.state_bytes
    wanted = (totals.parameters.total, totals.macs, totals.flops, stored)
    assert footer[3:] == [f"{wanted[0]:,}", f"{wanted[1]:,}", f"{wanted[2]:,}", f"{wanted[3]:,} |"]


def test_the_whole_lesson_of_every_layer(report: Report) -> None:
    text = report.explain().render("markdown", detail="lesson")
    assert text.count("## 0.0 · Linear") == 1
    assert "The same holds for 1.0, 2.0 and 9 more." in text
    assert "## 13 · BatchNorm1d" in text
    assert text.count("### MACs") == 4  # of each sort of layer


def test_one_layer_alone_is_a_lesson(report: Report) -> None:
    asked, named = report.explain(type="Conv1d"), report.explain("12")
    assert asked.render("markdown") == named.render("markdown")
    assert len(named.render(detail="line").splitlines()) == 5


def test_tied_weights_are_added_once() -> None:
    model = nn.Sequential(nn.Embedding(50, 8), nn.Linear(8, 50, bias=False))
    model[1].weight = model[0].weight
    found = analyzer.analyze(model, analyzer.InputSpec(shape=(1, 3), dtype="int64"))
    lines = found.explain().render("markdown", detail="line").splitlines()
    assert lines[-1].split(" | ")[3] == "**400**"
    assert "parameters are shared with 1; a total counts them once" in str(found["0"].explain())


def test_frozen_parameters_are_marked() -> None:
    dense = nn.Linear(3, 2)
    dense.weight.requires_grad_(False)
    text = analyzer.analyze(dense, (1, 3)).explain().render("markdown")
    assert "| kernel | learnable, frozen |" in text
    assert "| bias | learnable |" in text


def test_what_a_layer_gives_when_it_is_called_several_times(tmp_path: Path) -> None:
    class Again(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.dense(self.dense(x).relu())  # type: ignore[no-any-return]

    path = str(tmp_path / "again.onnx")
    torch.onnx.export(Again().eval(), (torch.zeros(2, 8),), path, dynamo=True, verbose=False)
    found = analyzer.analyze(path)["dense"]
    assert found.calls == 2
    assert [tensor.shape for tensor in found.outputs] == [(2, 8)]


def test_the_command_says_what_the_library_says(report: Report) -> None:
    done = run("explain", "tests.models:small", "--type", "Convolution", "--format", "json")
    explained = analyzer.analyze(models.small()).explain(type="Convolution").to_dict()
    found = json.loads(done.stdout)
    assert found["layers"] == explained["layers"]
    assert found["asked"] == "type Convolution"
