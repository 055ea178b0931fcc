"""One model under every convention: the steps add up, and a number finds who tells it."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import analyzer
from analyzer import (
    Convention,
    Cost,
    Model,
    Operation,
    Place,
    Reconciliation,
    UsageError,
    Use,
    product,
)
from analyzer.analysis import report_on
from analyzer.cli import main
from analyzer.conventions import ANALYZER
from analyzer.discovery import registry
from analyzer.errors import UnknownNameError
from analyzer.ops import (
    Attention,
    Branch,
    Elementwise,
    Fused,
    Linear,
    MatrixProduct,
    Repeat,
    Softmax,
    Unknown,
)
from analyzer.reconciling.reconciliation import reconcile_report
from analyzer.reconciling.sought import Figure, Sought
from tests import models
from tests.graphs import Graph
from tests.test_docs import generate

PRODUCT = MatrixProduct(batch=1, m=2, k=3, n=4)
DENSE = Linear(rows=2, in_features=3, out_features=4, bias=True)
RELU = Elementwise(function="relu", elements=8)
OPERATIONS = (
    PRODUCT,
    DENSE,
    RELU,
    Softmax(rows=2, size=4),
    Attention(batch=1, heads=2, kv_heads=2, queries=3, keys=5, qk_width=4, v_width=4),
    Fused(name="dense relu", steps=(DENSE, RELU)),
    Unknown(name="vendor::magic"),
)


def network(chosen: list[int], trips: int) -> Model:
    """Run operations, one of each of two ways of a branch, and all of them in a loop."""
    net = Graph()
    with net.builder.body() as body:
        for at in chosen:
            net.run(OPERATIONS[at], [net.tensor(2, 3)], [net.tensor(2, 4)])
    with net.builder.body() as other:
        net.run(Softmax(rows=100, size=4), [net.tensor(2, 3)], [net.tensor(2, 4)])
    net.run(Repeat(body=tuple(body), times=trips))
    net.run(Branch(alternatives=(tuple(body), tuple(other))))
    return net.build()


def adds_up(found: Reconciliation) -> None:
    """Check that each number is our MACs and the steps, and what the report says."""
    macs = found.report.totals.macs
    assert macs is not None
    for one in found.told:
        if one.convention.number is None:  # it tells parameters alone
            assert (one.number, one.terms) == (None, ())
            continue
        assert one.number == macs + sum(term.amount for term in one.terms)
        assert one.number == report_on(found.report.model, one.convention).number
        assert all(term.amount for term in one.terms)
        assert len({(term.operation, term.reason) for term in one.terms}) == len(one.terms)


@given(st.lists(st.integers(0, len(OPERATIONS) - 1), max_size=5), st.integers(0, 3))
def test_the_steps_add_up(chosen: list[int], trips: int) -> None:
    found = analyzer.reconcile(network(chosen, trips))
    assert len(found.told) == len(registry().conventions)
    adds_up(found)


@pytest.mark.parametrize("example", generate().EXAMPLES, ids=lambda example: example.kind)
@pytest.mark.parametrize("framework", ["by hand", "ONNX", "PyTorch"])
def test_every_convention_answers_for_every_operation(framework: str, example: Operation) -> None:
    net = Graph()
    net.builder.framework = framework
    for role, count in example.parameter_counts().items():
        net.builder.parameter(role, shape=(count.value,), dtype="float32")
    uses = [Use(role, role) for role in example.parameter_counts()]
    if example.bodies() == ():
        net.run(example, [net.tensor(1, 3, 8, 8)] * 2, [net.tensor(1, 3, 8, 8)], uses=uses)
        net.builder.called("", [net.tensor(1, 3, 8, 8)])
        adds_up(analyzer.reconcile(net.build()))


def test_steps_are_named_by_operation_and_reason() -> None:
    net = Graph()
    for _ in range(3):
        net.run(DENSE, [net.tensor(2, 3)], [net.tensor(2, 4)])
    net.run(Softmax(rows=2, size=4), [net.tensor(2, 4)])
    found = analyzer.reconcile(net.build(), conventions=["analyzer", "torchvision", "thop"])
    steps = [(term.operation, term.reason, term.operations, term.amount)
             for term in found["analyzer"].terms]  # fmt: skip
    assert steps == [
        ("", "2 operations a MAC", 3, 72),
        ("Softmax", "softmax", 1, 36),
        ("Linear", "bias", 3, 24),
    ]
    assert found["torchvision"].terms == ()
    assert [(term.operation, term.amount) for term in found["thop"].terms] == [("Softmax", 22)]


def test_a_branch_whose_costliest_way_is_another_one_is_a_step() -> None:
    def only_softmax(place: Place) -> Cost:
        own = place.cost
        return Cost(softmax=own.softmax) if own.softmax else Cost(free="it is no softmax")

    net = Graph()
    with net.builder.body() as one:
        net.run(PRODUCT, [net.tensor(2, 3)], [net.tensor(2, 4)])
    with net.builder.body() as other:
        net.run(Softmax(rows=2, size=4), [net.tensor(2, 4)])
    net.run(Branch(alternatives=(tuple(one), tuple(other))))
    mine = Convention(name="mine", version=1, description="", otherwise=only_softmax)
    found = reconcile_report(report_on(net.build(), ANALYZER), [mine])
    adds_up(found)
    assert [(term.reason, term.amount) for term in found["mine"].terms] == [
        ("softmax", 36),
        ("another way of a branch is the costliest", -24),
    ]


def test_work_on_integers_is_no_flops_of_ours_and_in_the_number_of_tools() -> None:
    net = Graph()
    net.run(PRODUCT, [net.tensor(2, 3, dtype="int8")], [net.tensor(2, 4, dtype="int32")])
    net.run(PRODUCT, [net.tensor(2, 3)], [net.tensor(2, 4)])
    found = analyzer.reconcile(net.build(), conventions=["analyzer", "torchvision"])
    adds_up(found)
    assert found["analyzer"].number == found.report.totals.flops == 48
    assert found["torchvision"].number == found.report.totals.macs == 48
    assert ("operations on integers are no FLOPs", -24) in [
        (term.reason, term.amount) for term in found["analyzer"].terms
    ]


def test_a_bias_is_a_step_of_its_own_where_the_macs_are_counted_otherwise() -> None:
    net = Graph()
    x = net.tensor(2, 3)
    net.run(DENSE, [x], [net.tensor(2, 4)])
    found = analyzer.reconcile(net.build(inputs=[x]), conventions=["ptflops"])
    adds_up(found)
    assert [(term.operation, term.reason, term.amount) for term in found["ptflops"].terms] == [
        ("Linear", "for one of 2 examples", -12),
        ("Linear", "bias, for one of 2 examples", 4),
    ]


def test_a_tool_whose_number_is_its_macs() -> None:
    def halved(place: Place) -> Cost:
        kept = product(half=place.cost.macs.value // 2)
        return Cost(macs=kept, bias=place.cost.bias, because="it sees half of them")

    mine = Convention(
        name="mine", version=1, description="", otherwise=halved, number="macs", word="MAdds"
    )
    net = Graph()
    net.run(DENSE, [net.tensor(2, 3)], [net.tensor(2, 4)])
    (told,) = reconcile_report(report_on(net.build(), ANALYZER), [mine]).told
    assert told.number == 12
    assert [(term.reason, term.amount) for term in told.terms] == [("it sees half of them", -12)]


def test_a_model_without_a_graph_has_parameters_only() -> None:
    found = analyzer.reconcile(models.stored(), number=12)
    assert {one.number for one in found.told} == {None}
    assert found["fvcore"].parameters == 12
    assert {answer.how for answer in found.answers} == {"exactly"}
    assert "12 is exactly 12: parameters of analyzer, " in str(found)


def test_what_is_not_known_bounds_every_number() -> None:
    found = analyzer.reconcile(models.odd())
    numbers = [one for one in found.told if one.convention.number]
    assert {one.bound.words for one in numbers} == {"lower bound"}
    assert "≥ 0" in str(found)
    assert any("could not be counted" in note for note in found.to_dict()["notes"])


def test_models_of_other_frameworks_are_told_so() -> None:
    told = analyzer.reconcile(models.small())["thop"]
    assert told.note == "reads no models of hand; counted as if the same were written in PyTorch"


def test_reports_and_names() -> None:
    report = analyzer.analyze(models.small(), convention="torch")
    found = analyzer.reconcile(report, conventions=["thop", "torch", "thop"])
    assert [one.convention.name for one in found.told] == ["thop", "torch"]
    assert found.report.convention is ANALYZER
    with pytest.raises(UnknownNameError, match="convention 'fvcore' is not known; known are"):
        found["fvcore"]
    with pytest.raises(UsageError, match="are names; give a list"):
        analyzer.reconcile(report, conventions="thop")


# A number that somebody told

FIGURES = (Figure("fvcore", "flops", 4_111_512_576), Figure("analyzer", "parameters", 25_557_032))


@pytest.mark.parametrize(
    ("number", "value", "how"),
    [
        (4_111_512_576, 4_111_512_576, "exactly"),
        ("4,111,512,576", 4_111_512_576, "exactly"),
        ("4_111_512_576 FLOPs", 4_111_512_576, "exactly"),
        ("4.11G", 4_110_000_000, "rounded"),
        ("4.1 GMACs", 4_100_000_000, "rounded"),
        ("4.1e9", 4_100_000_000, "rounded"),
        ("4.1B", 4_100_000_000, "rounded"),
        ("4111M", 4_111_000_000, "cut off"),
        ("25.6M params", 25_600_000, "rounded"),
        ("25.5 m", 25_500_000, "cut off"),
        ("8.22GFLOPs", 8_220_000_000, "twice"),
        ("2.06g", 2_060_000_000, "half of"),
        (".5k", 500, "the nearest"),
        ("4111512577", 4_111_512_577, "the nearest"),
    ],
)
def test_numbers(number: str | int, value: int, how: str) -> None:
    sought = Sought.of(number)
    assert sought.value == value
    (answer,) = sought.among(FIGURES)
    assert answer.how == how


@pytest.mark.parametrize(
    "number", ["", "x", "-4", "4.1.1", "4 Q", "nan", "1e999", "4e", "4G!", True, "1/2"]
)
def test_numbers_that_are_none(number: str) -> None:
    with pytest.raises(UsageError, match="is not understood; write it as in"):
        Sought.of(number)


@given(st.integers(1, 10**13), st.integers(0, 6))
def test_a_rounded_figure_is_found(value: int, digits: int) -> None:
    given = f"{Decimal(value) / 10**9:.{digits}f}G"
    sought = Sought.of(given)
    (answer,) = sought.among([Figure("mine", "MACs", value)])
    assert answer.how in {"exactly", "rounded", "cut off"}
    assert abs(sought.value - value) * 2 <= sought.step


def test_nothing_to_look_among() -> None:
    assert Sought.of("4G").among([Figure("mine", "MACs", None)]) == ()


# The command


def output(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["reconcile", "tests.models:small", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_table() -> None:
    text = output("--number", "1.5k", "--convention", "thop", "--convention", "torchvision")
    assert "thop 0.1.1" in text
    assert "fvcore" not in text
    assert "From our MACs to each number" in text
    assert "torchvision's FLOPS are our MACs as they are." in text


@pytest.mark.parametrize("format", ["json", "csv", "markdown", "html"])
def test_formats(format: str) -> None:
    text = output("--format", format)
    assert "thop" in text
    if format == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        for name in {row["convention"] for row in rows}:
            mine = [row for row in rows if row["convention"] == name]
            if mine[0]["number"]:
                assert sum(int(row["amount"]) for row in mine) == int(mine[0]["number"])
            else:
                assert name == "keras"
    if format == "json":
        for one in json.loads(text)["conventions"]:
            amounts = [step["amount"] for step in one["steps"]]
            if one["number"] is None:
                assert (one["name"], amounts) == ("keras", [])
            else:
                assert json.loads(text)["macs"] + sum(amounts) == one["number"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--convention", "nope"), "convention 'nope' is not known; known are analyzer"),
        (("--number", "many"), "number 'many' is not understood"),
        (("--depth", "1"), "No such option"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], expected: str) -> None:
    # A model that does not exist: what is misspelt is told before it is looked for.
    result = CliRunner().invoke(main, ["reconcile", "no.such:model", *arguments])
    assert result.exit_code == 2
    assert expected in result.output
    assert len(result.output.splitlines()) == 1


# Whole networks


@pytest.mark.slow
def test_resnet50_and_vision_transformer() -> None:
    found = analyzer.reconcile("torchvision.models:resnet50", number="4.11G")
    adds_up(found)
    fvcore = found["fvcore"]
    assert fvcore.number == 4_111_512_576
    assert [(term.operation, term.amount) for term in fvcore.terms] == [
        ("BatchNormalization", 22_227_968),
        ("GlobalAveragePooling", 100_352),
    ]
    assert [answer.figure.convention for answer in found.answers] == ["fvcore"]
    adds_up(analyzer.reconcile("torchvision.models:vit_b_16"))
