"""What the table of a report says besides its figures."""

from __future__ import annotations

import pytest

import analyzer
from analyzer import Kind, Model, ModelBuilder, Report
from analyzer.document import Document, Table
from analyzer.render.table import render

TREE = ("encoder", "encoder.table", "encoder.dense", "decoder", "decoder.table", "head")


def model(*shared: str, kind: Kind = Kind.LEARNABLE) -> Model:
    """Return a tree of layers that each hold 5 elements, and 800 that some hold together."""
    builder = ModelBuilder(name="tied", framework="hand", framework_version="1", source="tests")
    builder.parameter("both", shape=(100, 8), dtype="float32", kind=kind)
    builder.layer("", type="Tied", parameters=["both"] if "" in shared else [])
    for path in TREE:
        builder.parameter(f"{path}.own", shape=(5,), dtype="float32", kind=kind)
        held = [f"{path}.own", *(["both"] if path in shared else [])]
        builder.layer(path, type="Any", parent=path.rpartition(".")[0], parameters=held)
    return builder.build(inputs=[], outputs=[])


def marked(report: Report, *, depth: int = 2) -> list[str]:
    """Return the names of the rows whose figures are marked."""
    rows = report.render("markdown", depth=depth).partition("Totals")[0].splitlines()
    return [row.split("|")[1].replace("&nbsp;", "").strip() for row in rows if "| † " in row]


@pytest.mark.parametrize("kind", [Kind.LEARNABLE, Kind.STATE])
def test_what_layers_hold_together_is_marked(kind: Kind) -> None:
    report = analyzer.analyze(model("encoder.table", "head", kind=kind))
    assert marked(report) == ["encoder", "table", "head"]
    assert marked(report, depth=1) == ["encoder", "head"]
    line = (
        "† 800 elements stand in more than one layer (encoder.table, head) and are counted once "
        "in the total."
    )
    for format in ("table", "markdown", "html"):
        assert line in report.render(format)


def test_a_row_that_holds_all_of_it_is_not_marked() -> None:
    report = analyzer.analyze(model("encoder.table", "encoder.dense"))
    assert marked(report) == ["table", "dense"]
    assert "†" not in report.render("table", depth=1)


def test_the_model_itself_may_hold_it() -> None:
    report = analyzer.analyze(model("", "decoder.table"))
    assert marked(report) == ["(the model itself)", "decoder", "table"]
    assert "(the model itself, decoder.table)" in report.render("table")


def test_nothing_is_marked_where_nothing_is_shared() -> None:
    assert "†" not in analyzer.analyze(model("head")).render("table")


def test_odd_names_do_not_break_a_table_of_markdown() -> None:
    builder = ModelBuilder(name="<net>", framework="hand", framework_version="1", source="tests")
    builder.layer("", type="Net")
    builder.layer("<lambda>", type="a|b\nc", parent="")
    text = analyzer.analyze(builder.build(inputs=[], outputs=[])).render("markdown")
    (row,) = (line for line in text.splitlines() if "lambda" in line)
    assert row.startswith("| \\<lambda> | a\\|b c | ")
    assert text.startswith("# \\<net> · hand 1")


def test_a_layer_that_ran_and_gave_no_tensor_says_so() -> None:
    builder = ModelBuilder(name="net", framework="hand", framework_version="1", source="tests")
    builder.layer("", type="Net")
    builder.layer("ran", type="Any", parent="")
    builder.layer("idle", type="Any", parent="")
    builder.called("ran")
    text = analyzer.analyze(builder.build(inputs=[], outputs=[])).render("markdown")
    assert "| ran | Any | — | 0 |" in text
    assert "| idle | Any |  | 0 |" in text


@pytest.mark.parametrize(("excess", "lines"), [(0, 1), (1, 2)])
def test_a_cell_is_broken_only_where_the_table_does_not_fit(excess: int, lines: int) -> None:
    pipe, spaces = 160, 5  # around the table, and between its columns
    long = "x" * (pipe - spaces - len("name") + excess)
    table = Table(columns=("name", "held"), rows=(("one", long),))
    drawn = render(Document(blocks=(table,), table=table, data={})).splitlines()
    assert len(drawn[3:]) == lines
    assert sum(line.count("x") for line in drawn) == len(long)
