"""What an answer is worth, and that one tool's end is not the end of the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analyzer.document import Items, Table, Text
from benchmarks.accuracy import FRAMEWORKS, part, running
from benchmarks.accuracy.judging import OURS, Row, Verdict, judged
from benchmarks.peers import Figures
from benchmarks.truth import Truth

TRUTH = Truth(macs=1000, parameters=30)


@pytest.mark.parametrize(
    ("told", "verdict", "text"),
    [
        ({"macs": 1000}, Verdict.RIGHT, "✓"),
        ({"flops": 2000}, Verdict.RIGHT, "✓"),
        ({"flops": 1000, "tool": "fvcore"}, Verdict.RIGHT, "✓"),
        ({"macs": 1031}, Verdict.WRONG, "+3.1 %"),
        ({"macs": 0}, Verdict.WRONG, "-100 %"),
        ({"macs": 13_620}, Verdict.WRONG, "+1,300 %"),
        ({"flops": 2062, "tool": "xla"}, Verdict.TOGETHER, "+3.1 %, all"),
        ({"flops": 1900, "tool": "xla"}, Verdict.WRONG, "-5 %"),
        ({"flops": 2000, "tool": "xla"}, Verdict.RIGHT, "✓"),
        ({"macs": 1100, "bound": "upper bound"}, Verdict.BOUND, "+10 %, a bound"),
        ({"macs": 900, "bound": "upper bound"}, Verdict.WRONG, "-10 %"),
        ({"macs": 900, "bound": "lower bound"}, Verdict.BOUND, "-10 %, a bound"),
        ({"macs": 900, "bound": "no bound"}, Verdict.WRONG, "-10 %"),
        ({}, Verdict.NOT_SUPPORTED, "—"),
        ({"failed": "KeyError: 'x'"}, Verdict.CRASHED, "crashed"),
        ({"failed": "not there", "installed": False}, Verdict.NOT_INSTALLED, "not installed"),
    ],
)
def test_what_an_answer_is_worth(told: dict[str, Any], verdict: Verdict, text: str) -> None:
    macs, _ = judged(Figures(**{"tool": "some", **told}), TRUTH)
    assert (macs.verdict, macs.text) == (verdict, text)


def test_a_bound_is_one_of_work_not_of_parameters() -> None:
    figures = Figures(tool=OURS, macs=1100, parameters=30, bound="upper bound")
    macs, parameters = judged(figures, TRUTH)
    assert macs.why == "upper bound"
    assert parameters.verdict is Verdict.RIGHT


def test_nothing_multiplied_has_no_share() -> None:
    macs, _ = judged(Figures(tool="some", macs=5), Truth(macs=0, parameters=0))
    assert macs.text == "none there"


def test_who_leaves_padding_out_is_held_to_the_truth_without_it() -> None:
    padded = Truth(macs=1000, unpadded=900, parameters=30)
    macs = {tool: judged(Figures(tool=tool, flops=1800), padded)[0] for tool in ("xla", "some")}
    assert (macs["xla"].text, macs["some"].text) == ("✓", "-10 %")


def rows(*figures: Figures, covers: str = "") -> dict[str, Any]:
    """Judge figures of one model, as the part keeps them."""
    return {
        "name": "Some framework",
        "versions": {"some": "1"},
        "rows": [
            Row(
                framework="some",
                case="a network",
                covers=covers,
                tool=figure.tool,
                version="1",
                **dict(zip(("macs", "parameters"), judged(figure, TRUTH), strict=True)),
            ).to_dict()
            for figure in figures
        ],
    }


def test_to_be_wrong_is_a_failure_whoever_else_is_right() -> None:
    good = Figures(tool=OURS, macs=1000, parameters=30)
    peer = Figures(tool="peer", macs=1000)
    assert part.failures({"some": rows(good, peer)}) == []
    for bad in (
        Figures(tool=OURS, macs=999, parameters=30),
        Figures(tool=OURS, failed="KeyError: 'x'"),
        Figures(tool=OURS, parameters=30),
    ):
        assert part.failures({"some": rows(bad, peer)})
    (line,) = part.failures({"some": rows(Figures(tool=OURS, macs=999, parameters=30))})
    assert line == "Some framework, a network: MACs are 1,000, ours says 999 (-0.1 %)"


def test_a_bound_will_do_only_where_data_decide_and_nobody_knows() -> None:
    bound = Figures(tool=OURS, macs=900, parameters=30, bound="lower bound")
    wrong, right = Figures(tool="peer", macs=999), Figures(tool="peer", macs=1000)
    assert part.failures({"some": rows(bound, wrong, covers="control flow")}) == []
    assert part.failures({"some": rows(bound, right, covers="control flow")})
    assert part.failures({"some": rows(bound, wrong, covers="convolution")})


def test_the_tables_say_who_is_how_far_off() -> None:
    found = rows(
        Figures(tool=OURS, macs=1000, parameters=30),
        Figures(tool="far", macs=1100),
        Figures(tool="peer", failed="RuntimeError: " + "long " * 99),
    )
    blocks = list(part.present({"some": json.loads(json.dumps(found))}))
    overview, summary, macs = [block for block in blocks if isinstance(block, Table)]
    assert overview.rows == (("Some framework", 1, 1, 0, 0, "nobody"),)
    verdicts = ("MACs right", "MACs wrong", "MACs crashed")
    besides = ("parameters right", "what it counts besides")
    assert summary.columns == ("tool", "version", *verdicts, *besides)
    assert summary.rows == (
        (OURS, "1", 1, 0, 0, 1, ""),
        ("far", "1", 0, 1, 0, None, ""),
        ("peer", "1", 0, 0, 1, None, ""),
    )
    assert macs.rows == (("a network", 1000, "✓", "+10 %"),)
    told = "Parameters of all 1 models are told rightly by analyzer."
    assert told in [block.text for block in blocks if isinstance(block, Text)]
    crashes = [block for block in blocks if isinstance(block, Items)][-1]
    (line,) = crashes.items
    assert str(line).endswith(" … (a network)")
    assert len(str(line)) < 200


def test_a_tool_that_brings_its_process_down_or_never_ends_has_crashed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(FRAMEWORKS, "made up", "tests.accuracy_framework")
    found = {row.tool: row.macs for row in running.rows("made up", quick=True, patience=3)}
    assert {tool: answer.verdict for tool, answer in found.items()} == {
        "falls": Verdict.CRASHED,
        "sleeps": Verdict.CRASHED,
        "raises": Verdict.CRASHED,
        "absent": Verdict.NOT_INSTALLED,
        "right": Verdict.RIGHT,
    }
    assert found["falls"].why == "the process ended with code 7"
    assert found["sleeps"].why == "no answer in 3 seconds"
    assert found["raises"].why == "KeyError: 'none'"


def test_some_tools_may_be_asked_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FRAMEWORKS, "made up", "tests.accuracy_framework")
    assert [row.tool for row in running.rows("made up", quick=True, asked=["right"])] == ["right"]


def test_versions_stand_beside_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FRAMEWORKS, "made up", "tests.accuracy_framework")
    assert running.listed("made up") == {
        "name": "Made up",
        "versions": {"pytest": pytest.__version__},
    }
