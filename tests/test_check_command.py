"""``analyzer check`` as its users meet it: models named in a file, formats for CI, and mistakes."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import analyzer
from analyzer.checking.annotations import annotated
from analyzer.checking.figures import FIGURES
from analyzer.checking.junit import junit
from analyzer.checking.result import Check, Checked, Finding, Status
from analyzer.checking.settings import SETTINGS
from analyzer.cli import main
from analyzer.errors import ModelError
from tests.commands import run
from tests.test_schema import validator

SMALL = "tests.models:small"
ODD = "tests.models:odd"
FORMATS = ("table", "json", "csv", "markdown", "html", "latex")
PROJECT = """
[tool.analyzer.defaults]
complete = true
max-parameters = "5M"

[tool.analyzer.models.tiny]
model = "tests.models:small"
arg = { filters = 4 }
max-macs = "300M"
max-peak = "512KiB"
expect-parameters = 10_362

[tool.analyzer.models.wide]
model = "nearby:wide"
input = ["x=1x3"]
"""
NEARBY = """
from analyzer import ModelBuilder, ops

def wide():
    raise ValueError("no weights\\nhere")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "nearby.py").write_text(NEARBY)
    return folder


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ("check", *arguments), prog_name="analyzer")


def passed(*arguments: str) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def failed(exit_code: int, *arguments: str) -> Result:
    done = invoke(*arguments)
    assert done.exit_code == exit_code, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr
    return done


def refused(*arguments: str) -> str:
    """Return the one line of a request that was wrong from the start."""
    done = failed(2, *arguments)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line.removeprefix("error: ")


# One model, and several


@pytest.mark.parametrize("format", FORMATS)
def test_every_format(format: str, folder: Path) -> None:
    options = ("--max-macs", "300M", "--complete", "--format", format)
    text = passed(SMALL, *options)
    match format:
        case "json":
            validator("check-1.json").validate(json.loads(text))
        case "csv":
            first, *rows = csv.reader(io.StringIO(text))
            assert [row[first.index("status")] for row in rows] == ["ok", "ok"]
            assert {len(row) for row in rows} == {len(first)}
        case _:
            assert "300,000,000" in text
    assert passed(SMALL, *options, "--output", "there.txt") == ""
    assert (folder / "there.txt").read_text(encoding="utf-8").rstrip("\n") == text.rstrip("\n")


def test_it_is_what_the_library_says() -> None:
    got = json.loads(passed(SMALL, "--max-macs", "300M", "--format", "json"))
    wanted = analyzer.check(SMALL, max_macs="300M").to_dict()
    assert wanted["models"][0].pop("name") == "network"
    assert got["models"][0].pop("name") == SMALL
    assert got == wanted


def test_a_broken_budget() -> None:
    done = failed(1, SMALL, "--max-macs", "37,887", "--max-parameters", "5M")
    reason = "MACs: 37,888, which is 1 (less than 0.01%) over the 37,887 allowed"
    assert done.stderr == f"error: {SMALL}: {reason}\n"
    assert reason in done.stdout
    assert passed(SMALL, "--expect-macs", "37,888")
    failed(1, SMALL, "--expect-macs", "37,889")


def test_options_for_reading() -> None:
    assert passed(SMALL, "--expect-macs", "56,832", "--arg", "filters=6")
    done = failed(1, SMALL, "--max-flops", "1", "--convention", "torch")
    assert "FLOPs: 75,776," in done.stdout


def test_one_broken_model_does_not_hide_the_others() -> None:
    listed = (SMALL, "tests.models:raises", ODD, "missing.onnx", "tests.models:stored", SMALL)
    done = failed(1, *listed, "--max-macs", "300M", "--format", "json")
    told = json.loads(done.stdout)
    validator("check-1.json").validate(told)
    assert [model["name"] for model in told["models"]] == [*dict.fromkeys(listed)]
    assert [model["passed"] for model in told["models"]] == [True, False, False, False, False]
    assert [bool(model["error"]) for model in told["models"]] == [False, True, False, True, False]
    assert "4 of 5 models failed: tests.models:raises, tests.models:odd" in done.stderr


@pytest.mark.parametrize(
    ("models", "exit_code"),
    [
        ((SMALL, "missing.onnx"), 3),
        (("missing.onnx",), 3),
        ((SMALL, "tests.models:raises"), 3),
        ((ODD, "missing.onnx"), 1),
        ((SMALL, ODD), 1),
    ],
)
def test_exit_codes(models: tuple[str, ...], exit_code: int) -> None:
    failed(exit_code, *models, "--max-macs", "300M")


def test_a_fault_of_ours_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    from analyzer import api

    def fail(model: object, *_: object, **__: object) -> object:
        if model == ODD:
            raise ZeroDivisionError("two\nlines")
        return analyze(model)

    analyze = api.analyze
    monkeypatch.setattr("analyzer.api.analyze", fail)
    done = failed(3, ODD, SMALL, "--max-macs", "300M")
    assert "ZeroDivisionError: two lines; run again with --debug" in done.stdout
    assert "1 of 2 models failed" in done.stderr
    assert "Traceback" in invoke(ODD, "--max-macs", "300M", "--debug").stderr


# Settings


def test_a_project(project: Path) -> None:
    done = failed(3)
    assert "1 of 2 models passed" in done.stdout
    assert "raised ValueError: no weights here" in done.stdout
    told = json.loads(passed("tiny", "--format", "json"))
    names = [finding["name"] for finding in told["models"][0]["findings"]]
    assert names == ["max-parameters", "max-macs", "max-peak", "expect-parameters", "complete"]
    assert told["models"][0]["name"] == "tiny"


def test_the_command_line_goes_before_the_file(project: Path) -> None:
    assert "300,000,000" in passed("tiny")
    assert "400,000,000" in passed("tiny", "--max-macs", "400M")
    failed(1, "tiny", "--arg", "filters=6")
    assert passed("tiny", SMALL, "--max-macs", "300M")


def test_it_is_found_from_below_and_by_name(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = project / "a" / "b"
    below.mkdir(parents=True)
    (below.parent / "pyproject.toml").write_text("[tool.other]\n")
    monkeypatch.chdir(below)
    assert passed("tiny")
    monkeypatch.chdir(project.parent)
    assert passed("tiny", "--config", str(project / "pyproject.toml"))
    done = failed(3, "wide", "--config", str(project / "pyproject.toml"))
    assert "no weights here" in done.stdout  # its module was found beside the file


def test_paths_are_from_where_the_file_is(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    other = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [other])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset), project / "relu.onnx")
    (project / "pyproject.toml").write_text(
        "[tool.analyzer.models.relu]\nmodel = 'relu.onnx'\nexpect-flops = 4\n"
        "baseline = 'kept/{name}.json'\n"
    )
    below = project / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert passed("--write-baseline")
    assert (project / "kept" / "relu.json").exists()
    assert passed()
    assert (
        "relu.onnx" in json.loads((project / "kept" / "relu.json").read_text())["model"]["source"]
    )


def test_baselines(folder: Path) -> None:
    baseline = ("--baseline", "before.json")
    passed(SMALL, *baseline, "--write-baseline")
    # Writing is what `summary` writes.
    summary = CliRunner().invoke(main, ("summary", SMALL, "--format", "json")).stdout
    assert (folder / "before.json").read_text(encoding="utf-8") == summary
    assert "as the baseline" in passed(SMALL, *baseline)
    done = failed(1, SMALL, *baseline, "--arg", "filters=6")
    assert "MACs: grew by 18,944 (50.00%), from 37,888 to 56,832; most in" in done.stdout
    assert passed(SMALL, *baseline, "--arg", "filters=6", "--allow-growth", "50%")
    failed(1, SMALL, *baseline, "--arg", "filters=6", "--allow-growth", "49.9%")
    assert passed(SMALL, *baseline, "--arg", "filters=6", "--write-baseline")
    assert passed(SMALL, *baseline, "--arg", "filters=6")


def test_a_baseline_that_is_not_there_is_told_of_its_model() -> None:
    done = failed(2, SMALL, "--max-macs", "300M", "--baseline", "no.json")
    assert "could not be compared" in done.stdout
    assert "baseline 'no.json' cannot be read: No such file or directory" in done.stderr
    done = failed(2, SMALL, "--max-macs", "300M", "--baseline", ".", "--write-baseline")
    assert "baseline '.' cannot be written: Is a directory" in done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool.analyzer", "pyproject.toml is no TOML: "),
        (b"\xff", "pyproject.toml is no TOML: "),
        ("tool = 3", "pyproject.toml, [tool] is no table but 3"),
        ("[tool]\nanalyzer = 3", "[tool.analyzer] is no table but 3"),
        ("[tool.analyzer]", "[tool.analyzer] names no model; write [tool.analyzer.models.NAME]"),
        ("[tool.analyzer]\nmodel = 3", "[tool.analyzer]: there is no 'model' in it; it has the t"),
        ("[tool.analyzer]\nmodels = 3", "[tool.analyzer.models] is no table but 3"),
        ("[tool.analyzer.models]\na = 3", "[tool.analyzer.models.a] is no table but 3"),
        ("[tool.analyzer.models.a]", "[tool.analyzer.models.a], model: None is no model; give"),
        ("[tool.analyzer.models.a]\nmodel = 3", "models.a], model: 3 is no model; give a file or"),
        ("[tool.analyzer.models.a]\nmodel = 'm:a'", "nothing is asked of a; give a budget"),
        ("[tool.analyzer.defaults]\nmodel = 'a'\n[tool.analyzer.models.a]\nmodel = 'm:a'",
         "[tool.analyzer.defaults], model: there is no setting 'model'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file(text: str | bytes, told: str, folder: Path) -> None:
    path = folder / "pyproject.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert told in refused("--config", "pyproject.toml")
    if "names" not in told:
        assert told in refused()


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("max-mac = 3", "max-mac: there is no setting 'max-mac'; did you mean max-macs"),
        ("zzz = 3", "zzz: there is no setting 'zzz'; there are input, arg, batch"),
        ("max-macs = '3X'", "max-macs: '3X': the unit 'X' is not known; write a whole number"),
        ("max-macs = 3.5", 'max-macs: 3.5 is not exact; write a text, as in "4.1G"'),
        ("max-macs = true", "max-macs: True is not understood"),
        ("max-macs = -1", "max-macs: -1 is less than nothing"),
        ("max-macs = []", "max-macs: [] is neither a number nor a text"),
        ("max-peak = '3M'", "max-peak: '3M': the unit 'M' is not known; write bytes"),
        ("max-macs = 1979-05-27", "is neither a number nor a text"),
        ("complete = 'yes'", "complete: 'yes' is neither true nor false"),
        ("batch = 0", "batch: 0 is no positive integer"),
        ("batch = true", "batch: True is no positive integer"),
        ("mode = 'dream'", "mode: 'dream' is not inference or train"),
        ("convention = 'nope'", "convention: convention 'nope' is not known"),
        ("convention = 3", "convention: 3 is no text"),
        ("input = 3", "input: 3 is no input; write it as for --input"),
        ("input = []", "input: [] is no input"),
        ("input = [[1, 3]]", "input: [[1, 3]] is no input"),
        ("input = '1x-3'", "input: input '1x-3' is not understood; write"),
        ("arg = 3", "arg: 3 is no table of names and values"),
        ("dim = { n = 0 }", "dim: 0 is no positive integer"),
        ("baseline = 3", "baseline: 3 is no text"),
        ("baseline = ''", "baseline: '' is no text"),
        ("allow-growth = 0.5", "allow-growth: 0.5 is not exact"),
        ("allow-growth = '5'", "allow-growth: '5' is not understood; write a percentage"),
    ],
)
def test_what_is_wrong_with_a_setting(setting: str, told: str, folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        f"[tool.analyzer.models.first]\nmodel = 'x:y'\nmax-flops = 1\n"
        f"[tool.analyzer.models.tiny]\nmodel = '{SMALL}'\n{setting}\n"
    )
    line = refused()
    assert line.startswith("pyproject.toml, [tool.analyzer.models.tiny], ")
    assert told in line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no MODEL is given, and no pyproject.toml from here on up has a [tool.analyzer]"),
        ((SMALL,), f"nothing is asked of {SMALL}; give a budget, as in --max-macs 300M"),
        ((SMALL, "--max-macs"), "Option '--max-macs' requires an argument"),
        ((SMALL, "--max-mac", "3"), "No such option '--max-mac'"),
        ((SMALL, "--max-macs", "3X"), "--max-macs: '3X': the unit 'X' is not known; write a wh"),
        ((SMALL, "--max-macs", "-1"), "--max-macs: '-1' is not understood"),
        ((SMALL, "--max-peak", "5M"), "--max-peak: '5M': the unit 'M' is not known; write bytes"),
        ((SMALL, "--expect-parameters", "x"), "--expect-parameters: 'x' is not understood"),
        ((SMALL, "--complete", "--allow-growth", "1"), "--allow-growth: '1' is not understood"),
        ((SMALL, "--complete", "--input", "?"), "--input: input '?' is not understood"),
        ((SMALL, "--complete", "--dim", "n"), "--dim 'n' is not understood"),
        ((SMALL, "--complete", "--arg", "n"), "--arg 'n' is not understood"),
        ((SMALL, "--complete", "--mode", "dream"), "'--mode'"),
        ((SMALL, "--complete", "--convention", "nope"), "--convention: convention 'nope' is not"),
        ((SMALL, "--complete", "--format", "nope"), "format 'nope' is not known"),
        ((SMALL, "--complete", "--annotations", "nope"), "'--annotations'"),
        ((SMALL, "--complete", "--config", "no.toml"), "no.toml cannot be read: No such file"),
        ((SMALL, "--complete", "--config", "."), "cannot be read: Is a directory"),
        ((SMALL, "--complete", "--junit", "no/such.xml"), "--junit 'no/such.xml' cannot be writ"),
        ((SMALL, "--complete", "--write-baseline"), f"{SMALL} has no baseline to write; say wh"),
        ((SMALL, ODD, "--baseline", "b.json"), "2 models have the baseline 'b.json'; give each"),
    ],
)
def test_what_is_wrong_with_an_option(arguments: tuple[str, ...], told: str) -> None:
    assert told in refused(*arguments)


def test_a_name_goes_before_a_file_of_that_name(project: Path) -> None:
    (project / "tiny").mkdir()
    assert "of 2 models passed" in failed(3).stdout
    assert passed("tiny", "tests.models:small", "--complete", "--max-macs", "1M")


def test_names_that_are_not_there(project: Path) -> None:
    assert "names no model 'tinny'; did you mean tiny?" in refused("tinny")
    assert "did you mean tiny, wide?" in refused("zzz")
    failed(3, "missing.onnx", "--max-macs", "1")


# For machines


def check_of(text: str) -> Check:
    """Return a check that tells this text wherever it tells one."""
    finding = Finding(rule="complete", status=Status.BROKEN, reason=text)
    models = (
        Checked(name=text, report=None, findings=(finding,)),
        Checked(name="unread", report=None, findings=(), error=ModelError(text)),
    )
    return Check(models=models)


def test_junit(folder: Path) -> None:
    listed = (SMALL, ODD, "missing.onnx", "--max-macs", "300M", "--complete")
    failed(1, *listed, "--junit", "junit.xml")
    top = ElementTree.parse(folder / "junit.xml").getroot()
    assert top.attrib["tests"] == "5"
    assert top.attrib["failures"] == "2"
    assert top.attrib["errors"] == "1"
    suites = {suite.attrib["name"]: suite for suite in top}
    assert list(suites) == [SMALL, ODD, "missing.onnx"]
    told = {
        case.attrib["name"]: [result.tag for result in case]
        for suite in top
        for case in suite
        if suite.attrib["name"] != SMALL
    }
    assert told == {"max-macs": ["failure"], "complete": ["failure"], "read": ["error"]}
    assert "no such file" in suites["missing.onnx"][0][0].attrib["message"]


@pytest.mark.parametrize(
    "text", ["a <b> & \"c\" 'd' ]]> é ≥ 😀", "\x00\x1b[1m\ud800", "100% a,b:c"]
)
def test_what_is_odd_stays_well_formed(text: str) -> None:
    found = check_of(text)
    top = ElementTree.fromstring(junit(found))
    readable = "\x00" not in text
    assert (top[0].attrib["name"] == text) is readable
    assert (top[0][0][0].attrib["message"] == text) is readable
    for line in annotated(found, "a,b:c.toml"):
        assert "\n" not in line


def read_as_the_runner_does(line: str) -> tuple[dict[str, str], str]:
    """Read a command of a log as GitHub's runner does: split first, then unescape."""
    assert line.startswith("::error ")
    head, _, message = line.removeprefix("::error ").partition("::")
    properties = dict(part.split("=", 1) for part in head.split(","))
    for escaped, text in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        properties = {name: value.replace(escaped, text) for name, value in properties.items()}
        if text not in ":,":
            message = message.replace(escaped, text)
    return properties, message


def test_annotations(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("100% a,b:c::d", "%0A %25", "plain"):
        (broken, unread) = annotated(check_of(text), "a,b:c.toml")
        properties, message = read_as_the_runner_does(broken)
        assert message == text
        assert properties == {"file": "a,b:c.toml", "title": f"analyzer check: {text}"}
        assert read_as_the_runner_does(unread)[1] == text
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project))
    done = failed(1, "tiny", "--max-macs", "1", "--format", "json")
    assert json.loads(done.stdout)["passed"] is False
    command, _ = done.stderr.splitlines()
    properties, message = read_as_the_runner_does(command)
    assert properties == {"file": "pyproject.toml", "title": "analyzer check: tiny"}
    assert message.startswith("MACs: 37,888, which is 37,887")
    assert len(invoke("tiny", "--max-macs", "1", "--annotations", "none").stderr.splitlines()) == 1
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert len(invoke("tiny", "--max-macs", "1").stderr.splitlines()) == 1
    shown = invoke("tiny", "--max-macs", "1", "--annotations", "github").stderr.splitlines()
    assert len(shown) == 2
    assert passed("tiny", "--annotations", "github")


NO_SETTINGS = {
    "annotations", "config", "debug", "format", "help", "junit", "output", "write-baseline",
}  # fmt: skip


def test_every_option_that_says_what_is_asked_is_a_setting() -> None:
    check = main.commands["check"]
    names = {
        parameter.opts[0].removeprefix("--")
        for parameter in check.params
        if isinstance(parameter, click.Option)
    }
    assert names - NO_SETTINGS == set(SETTINGS)
    page = (Path(__file__).parent.parent / "docs" / "check.md").read_text(encoding="utf-8")
    for name in (*FIGURES, *(name for name in SETTINGS if "-" not in name), "allow-growth"):
        assert f"`{name}`" in page


@pytest.mark.slow
def test_one_network_of_four_frameworks_has_one_budget() -> None:
    file = Path(__file__).parent.parent / "examples" / "budgets.toml"
    told = json.loads(passed("--config", str(file), "--format", "json"))
    assert [len(model["findings"]) for model in told["models"]] == [4, 4, 4, 4]


def test_the_hook_runs_the_command() -> None:
    text = (Path(__file__).parent.parent / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    (entry,) = [line for line in text.splitlines() if "entry:" in line]
    _, _, command = entry.partition("entry: ")
    program, *arguments = command.split()
    assert program == "analyzer"
    assert main.commands[arguments[0]]
    assert "pass_filenames: false" in text


def test_it_starts_without_what_it_does_not_need() -> None:
    code = (
        "from analyzer.cli import main; main(['check', '--help'], standalone_mode=False); "
        "print(); print('junitparser' in sys.modules, 'tomllib' in sys.modules)"
    )
    done = run(code=code)
    assert done.stdout.splitlines()[-1] == "False False"


def test_a_process_of_its_own(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "analyzer", "check", "wide"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "no weights here" in done.stdout
