"""Budgets: quantities, what is within them and what nobody can tell, and growth over a baseline."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import analyzer
from analyzer import Bound, Check, UsageError
from analyzer.checking.baseline import grown, write_baseline
from analyzer.checking.figures import FIGURES
from analyzer.checking.judge import at_most, exactly
from analyzer.checking.quantities import parse_bytes, parse_count, parse_percent
from analyzer.checking.result import Checked, Finding, Status
from analyzer.errors import AnalyzerError, CheckError
from tests import models

# Quantities


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("25557032", 25_557_032),
        ("25,557,032", 25_557_032),
        ("25_557_032", 25_557_032),
        (" 5M ", 5_000_000),
        ("300 M", 300_000_000),
        ("4.1G", 4_100_000_000),
        ("7B", 7_000_000_000),
        ("1.000000001G", 1_000_000_001),
        ("12k", 12_000),
        ("2T", 2 * 10**12),
        (12, 12),
    ],
)
def test_counts(text: int | str, count: int) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("512KiB", 2**19),
        ("2MiB", 2**21),
        ("1.5GB", 1_500_000_000),
        ("1.5 GiB", 3 * 2**29),
        ("12 kB", 12_000),
        ("12KB", 12_000),
        ("8B", 8),
        ("1,024", 1024),
        ("0.5TiB", 2**39),
    ],
)
def test_bytes(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@given(st.decimals(min_value=0, max_value=10**9, places=6), st.sampled_from("KMGT"))
def test_no_digit_is_lost(number: Decimal, unit: str) -> None:
    exact = Fraction(number) * 1000 ** ("KMGT".index(unit) + 1)
    if exact.denominator == 1:
        assert parse_count(f"{number:f}{unit}") == exact
    else:
        with pytest.raises(UsageError, match="no whole number"):
            parse_count(f"{number:f}{unit}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("5Q", "the unit 'Q' is not known"),
        ("5MiB", "the unit 'MiB' is not known"),
        ("300m", "the unit 'm' is not known"),
        ("1.5", "is 1.5, no whole number"),
        ("1.0005K", "is 1000.5, no whole number"),
        ("12,34", "is not understood"),
        ("-3", "is not understood"),
        (-3, "is less than nothing"),
        ("", "is not understood"),
        ("M", "is not understood"),
        ("1e6", "is not understood"),
        ("0x10", "is not understood"),
        ("٣", "is not understood"),
        ("9" * 5000, "is not understood"),
        (True, "is not understood"),
    ],
)
def test_what_is_no_count(text: int | str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as error:
        parse_count(text)
    assert "write a whole number" in str(error.value)


def test_a_size_says_which_bytes_are_meant() -> None:
    with pytest.raises(UsageError, match="'5M': the unit 'M' is not known; write bytes, or a numb"):
        parse_bytes("5M")


def test_percentages() -> None:
    assert parse_percent("1%") == Fraction(1, 100)
    assert parse_percent("0.1 %") == Fraction(1, 1000)
    assert parse_percent("0") == parse_percent(0) == 0
    for wrong in ("1", 1, "-1%", "one%", "", "1%%", False):
        with pytest.raises(UsageError, match="write a percentage"):
            parse_percent(wrong)


# Budgets

BOUNDS = (Bound.EXACT, Bound.LOWER, Bound.UPPER, Bound.NEITHER)
UNKNOWN = {"operation": "odd.swirl", "count": 1, "layers": ["block"]}


def report(macs: int | None, bound: Bound = Bound.EXACT, **more: Any) -> dict[str, Any]:
    """Return the JSON of a report that holds these MACs."""
    data = json.loads(json.dumps(analyzer.analyze(models.small()).to_dict()))
    data["totals"]["macs"] = macs
    data["coverage"]["bound"] = bound.words
    if bound is Bound.LOWER:
        data["coverage"]["unknown"] = [UNKNOWN]
    data.update(more)
    loaded: dict[str, Any] = data
    return loaded


def possible(value: int, bound: Bound) -> range:
    """Return what the true figure may be, near enough to 10 for these tests."""
    low = 0 if Bound.UPPER in bound else value
    high = 20 if Bound.LOWER in bound else value
    return range(low, high + 1)


def expected(truths: list[bool]) -> Status:
    """Say what can be told: what holds of every figure that may be the true one."""
    return Status.OK if all(truths) else Status.UNKNOWN if any(truths) else Status.BROKEN


@pytest.mark.parametrize(("bound", "value"), [*product(BOUNDS, (9, 10, 11))])
def test_a_bound_is_never_taken_for_the_figure(bound: Bound, value: int) -> None:
    at = report(value, bound)
    for judge, holds in ((at_most, int.__le__), (exactly, int.__eq__)):
        finding = judge("macs", 10, at)
        assert finding.status is expected([holds(true, 10) for true in possible(value, bound)])
        assert bool(finding.reason) == (finding.status is not Status.OK)
        assert (finding.value, finding.limit, finding.bound) == (value, 10, bound)


def test_what_is_not_known_does_not_pass() -> None:
    found = analyzer.check(models.stored(), max_macs="300M", max_peak="1MiB", max_parameters=12)
    (of,) = found.models
    told = {finding.name: finding.status for finding in of.findings}
    assert told == {
        "max-parameters": Status.OK,
        "max-macs": Status.UNKNOWN,
        "max-peak": Status.UNKNOWN,
    }
    assert of.reasons[0] == "MACs: not known, for there is no graph, only parameters"
    assert not found.passed
    eager = analyzer.check(models.small(), max_eager_peak="1GiB").models[0].findings[0]
    assert eager.status is Status.UNKNOWN
    assert "no run of this model could be watched" in eager.reason


def test_every_figure_is_that_of_the_report() -> None:
    made = analyzer.analyze(models.normed())
    totals = made.totals
    truth = {
        "parameters": totals.parameters.total,
        "trainable": totals.parameters.trainable,
        "active": totals.parameters.active,
        "state": totals.parameters.state,
        "macs": totals.macs,
        "flops": totals.flops,
        "integer-ops": totals.integer_ops,
        "parameter-bytes": totals.memory.parameter_bytes,
        "size": totals.memory.parameter_bytes
        + totals.memory.state_bytes
        + totals.memory.constant_bytes,
        "peak": totals.memory.peak_activation_bytes,
        "eager-peak": totals.memory.eager_peak_activation_bytes,
        "memory": totals.memory.peak_bytes,
    }
    assert list(truth) == list(FIGURES)
    for name, value in truth.items():
        assert at_most(name, 10**9, made.to_dict()).value == value
    exact: dict[str, Any] = {
        f"expect_{name.replace('-', '_')}": value
        for name, value in truth.items()
        if value is not None
    }
    assert analyzer.check(made, **exact).passed
    for name, value in exact.items():
        wrong = analyzer.check(made, **{**exact, name: value + 1})
        assert not wrong.passed
        assert "1 less than the" in wrong.models[0].reasons[0]


def test_what_only_unknown_operations_read_bounds_the_parameters() -> None:
    at = report(8)
    at["coverage"]["unsettled_parameters"] = 5
    assert at_most("parameters", 10**6, at).status is Status.UNKNOWN
    assert at_most("parameters", 1, at).status is Status.BROKEN
    assert at_most("size", 10**6, at).status is Status.OK
    assert at_most("macs", 8, at).status is Status.OK
    assert "5 stored elements" in at_most("trainable", 10**6, at).reason


def test_complete() -> None:
    assert analyzer.check(models.small(), complete=True).passed
    for model, lacking in (
        (models.odd(), "1 × odd.swirl in block.one"),
        (models.stored(), "there is no graph, only parameters"),
    ):
        (found,) = analyzer.check(model, complete=True).models
        assert found.reasons[0].startswith(f"not complete: {lacking}")
        assert found.missing[0].startswith(lacking)
        # It is told though nobody asked.
        (found,) = analyzer.check(model, max_parameters="5M").models
        assert found.passed
        assert found.missing[0].startswith(lacking)


# Baselines


def test_growth_is_named_with_its_layers(tmp_path: Path) -> None:
    before, after = analyzer.analyze(models.small()), analyzer.analyze(models.small(filters=6))
    write_baseline(before, tmp_path / "new" / "before.json")
    for baseline in (before, tmp_path / "new" / "before.json", str(tmp_path / "new/before.json")):
        found = analyzer.check(after, baseline=baseline).models[0]
        told = {finding.figure: finding for finding in found.findings}
        grew = after.totals.parameters.total - before.totals.parameters.total
        parameters = told["parameters"]
        assert parameters.status is Status.BROKEN
        assert f"grew by {grew:,}" in parameters.reason
        assert sum(layer.amount for layer in parameters.layers) == grew
        by_layer = {layer.path: layer.own.parameters.total for layer in after.layers}
        for layer in parameters.layers:
            assert layer.after == by_layer[layer.layer]
            assert f"{layer.layer} +{layer.amount:,}" in parameters.reason
    assert analyzer.check(before, baseline=after).passed
    assert analyzer.check(before, baseline=before).passed


@given(
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.decimals(min_value=0, max_value=200, places=3),
)
def test_growth_is_allowed_to_the_digit(old: int, new: int, percent: Decimal) -> None:
    allowed = parse_percent(f"{percent:f}%")
    (finding,) = (
        finding for finding in grown(report(old), report(new), allowed) if finding.figure == "macs"
    )
    assert (finding.status is Status.OK) == (new <= old * (1 + Fraction(percent) / 100))


@pytest.mark.parametrize(("old", "new", "value"), [*product(BOUNDS, BOUNDS, (9, 10, 11))])
def test_growth_between_bounds(old: Bound, new: Bound, value: int) -> None:
    before = report(10, old)
    after = report(value, new)
    (finding,) = (one for one in grown(before, after, Fraction(0)) if one.figure == "macs")
    truths = [b >= a for b in possible(10, old) for a in possible(value, new)]
    if old is new and old is not Bound.EXACT:
        # What is counted is compared, and the finding says so.
        assert finding.status is (Status.OK if value <= 10 else Status.BROKEN)
        assert f"{old.words} then and now" in finding.reason
    else:
        assert finding.status is expected(truths)
    # Where something else is unknown, nothing can be told.
    after["coverage"]["unknown"] = [{**UNKNOWN, "count": 2}]
    (finding,) = (one for one in grown(before, after, Fraction(0)) if one.figure == "macs")
    assert finding.status is expected(truths)


def test_a_figure_that_one_side_does_not_know() -> None:
    for before, after, told in (
        (report(None), report(8), "not known in the baseline; make it anew"),
        (report(8), report(None), "not known any more"),
    ):
        (finding,) = (one for one in grown(before, after, Fraction(0)) if one.figure == "macs")
        assert finding.status is Status.UNKNOWN
        assert told in finding.reason
    names = [finding.figure for finding in grown(report(None), report(None), Fraction(0))]
    assert "macs" not in names
    assert "parameters" in names


def test_a_new_layer_is_called_new() -> None:
    before, after = report(8), report(9)
    after["layers"].append({**after["layers"][-1], "path": "extra"})
    after["layers"][-1]["own"]["macs"] = 1
    before["totals"]["macs"] = sum(layer["own"]["macs"] for layer in before["layers"])
    after["totals"]["macs"] = before["totals"]["macs"] + 1
    (finding,) = (one for one in grown(before, after, Fraction(0)) if one.figure == "macs")
    assert finding.reason.endswith("most in extra +1 (new)")


def test_layers_are_not_named_by_a_baseline_that_was_cut(tmp_path: Path) -> None:
    cut = report(0)
    del cut["layers"][1:]
    cut["totals"] = analyzer.analyze(models.small()).to_dict()["totals"]
    (tmp_path / "cut.json").write_text(json.dumps(cut))
    found = analyzer.check(models.small(filters=6), baseline=tmp_path / "cut.json").models[0]
    assert found.failures
    assert not any(finding.layers for finding in found.findings)


@pytest.mark.parametrize(("key", "value", "told"), [("shape", [7, 9], True), ("name", "y", False)])
def test_other_inputs_are_told(tmp_path: Path, key: str, value: object, told: bool) -> None:
    before = report(8)
    before["inputs"][0][key] = value
    (tmp_path / "before.json").write_text(json.dumps(before))
    (found,) = analyzer.check(models.small(), baseline=tmp_path / "before.json").models
    assert any("in the baseline, and are" in note for note in found.notes) is told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is no report in JSON"),
        ("[" * 100_000, "is no report in JSON"),
        ("[]", "is no report in JSON"),
        ("3", "is no report in JSON"),
        ("{}", "is no report in JSON"),
        (b"\xff", "is no report in JSON"),
        ('{"schema_version": "2.0"}', "is of schema version 2.0, and this analyzer reads 1."),
        ('{"schema_version": "1.0"}', "is no whole report in JSON (KeyError: 'coverage')"),
        (json.dumps(report(8, layers=3)), "is no whole report"),
        (json.dumps(report(8, layers=[{"path": "x"}])), "is no whole report"),
        (json.dumps(report(8, inputs=None)), "is no whole report"),
        (json.dumps(report(8) | {"totals": {"macs": 1.5}}), "is no whole report"),
        (json.dumps(report(8, convention="torch")), "was made under convention torch 1, and this"),
        (json.dumps(report(8, convention_version=2)), "was made under convention analyzer 2"),
    ],
)
def test_what_is_no_baseline(text: str | bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as error:
        analyzer.check(models.small(), baseline=path)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


# The library


def test_require() -> None:
    found = analyzer.check(models.small(), max_macs="300M")
    assert found.require() is found
    with pytest.raises(CheckError) as error:
        analyzer.check(models.small(), max_macs=37_887).require()
    assert str(error.value) == (
        "network: MACs: 37,888, which is 1 (less than 0.01%) over the 37,887 allowed"
    )
    unread = Checked(name="a", report=None, findings=(), error=UsageError("no input"))
    broken = Checked(
        name="b", report=None, findings=(Finding(rule="complete", status=Status.BROKEN),)
    )
    with pytest.raises(UsageError, match="a: no input"):
        Check(models=(unread,)).require()
    with pytest.raises(CheckError, match=r"^2 of 2 models failed: a, b$"):
        Check(models=(unread, broken)).require()


@pytest.mark.parametrize("format", ["table", "markdown", "html"])
def test_bounds_and_notes_are_shown(format: str) -> None:
    text = analyzer.check(models.odd(), max_macs=0, max_flops=3).render(format)
    assert "≥ 4" in text
    assert "could not be counted: the totals are lower bounds" in text
    odd = analyzer.analyze(models.odd())
    again = analyzer.check(odd, baseline=odd).render(format)
    assert again.count("what was counted is compared") == 1  # for all figures together
    assert str(analyzer.check(models.small(), max_macs=0)).startswith("network · hand: failed")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "nothing is asked of the Model; give a budget"),
        ({"max_macs": 1, "allow_growth": "1%"}, "the Model may grow, and no baseline says"),
        ({"max_mac": 1}, "max_mac: there is no setting 'max-mac'; did you mean max-macs"),
        ({"min_macs": 1}, "check() takes no 'min_macs'; a budget is max_… or expect_…"),
        ({"max_macs": "3X"}, "max_macs: '3X': the unit 'X' is not known"),
        ({"max_macs": 3.5}, 'max_macs: 3.5 is not exact; write a text, as in "4.1G"'),
        ({"max_macs": [3]}, "max_macs: [3] is neither a number nor a text"),
        ({"max_peak": "3M"}, "max_peak: '3M': the unit 'M' is not known; write bytes"),
        ({"complete": 1}, "complete: 1 is neither true nor false"),
        ({"baseline": 1}, "baseline: 1 is no text"),
        ({"max_macs": 1, "allow_growth": "1"}, "allow_growth: '1' is not understood; write a perc"),
    ],
)
def test_what_the_library_refuses(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as error:
        analyzer.check(models.small(), **asked)
    assert told in str(error.value)


def test_reports_are_taken_as_they_are() -> None:
    made = analyzer.analyze(models.small(), convention="torch")
    (found,) = analyzer.check(made, max_macs="1M").models
    assert found.report is made
    assert "counted under the convention torch 1" in found.notes
    with pytest.raises(UsageError, match="network is a report already; leave inputs"):
        analyzer.check(made, (1, 3, 8, 8), max_macs="1M")


def test_what_cannot_be_read_raises() -> None:
    with pytest.raises(AnalyzerError, match="no such file"):
        analyzer.check("missing.onnx", max_macs=1)
