"""The command as its users meet it: every command and option, and what happens when it is wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import analyzer
from analyzer.cli import main
from tests.commands import error, run

SMALL = "tests.models:small"
ODD = "tests.models:odd"
ROOT = Path(__file__).parent.parent
FORMATS = ("table", "json", "csv", "markdown", "html")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="analyzer")


def output(*arguments: str) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def failure(*arguments: str) -> tuple[int, str]:
    """Return exit code and the one line of an error."""
    done = invoke(*arguments)
    (line,) = done.stderr.splitlines()
    assert done.stdout == ""
    assert line.startswith("error: ")
    assert "Traceback" not in line
    return done.exit_code, line.removeprefix("error: ")


# What it does


def test_help_and_version() -> None:
    for command in ((), ("summary",), ("explain",), ("compare",), ("plugins",)):
        assert output(*command, "--help") == output(*command, "-h")
        assert "Usage: analyzer" in output(*command, "--help")
    assert output("--version") == f"analyzer, version {analyzer.__version__}\n"


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "analyzer", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith(f"{analyzer.__version__}\n")


def test_without_a_command_it_helps() -> None:
    done = invoke()
    assert done.exit_code == 2
    assert "Commands:" in done.stderr


def test_every_option_has_help() -> None:
    for command in main.commands.values():
        assert command.help
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, option.name


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "command",
    [
        ("summary", SMALL),
        ("explain", SMALL),
        ("explain", SMALL, "layer1"),
        ("compare", SMALL, ODD),
        ("plugins",),
    ],
)
def test_every_command_in_every_format(command: tuple[str, ...], format: str, folder: Path) -> None:
    text = output(*command, "--format", format)
    match format:
        case "json":
            assert isinstance(json.loads(text), dict)
        case "csv":
            rows = list(csv.reader(io.StringIO(text)))
            assert len(rows) > 1
            assert len({len(row) for row in rows}) == 1
        case "html":
            assert text.startswith('<div class="analyzer">')
        case "markdown":
            assert text.startswith("# ")
    assert output(*command, "--format", format, "--output", "there.txt") == ""
    assert (folder / "there.txt").read_text(encoding="utf-8") == text


def test_summary_says_what_the_library_says() -> None:
    report = analyzer.analyze(SMALL)
    shown = output("summary", SMALL)
    for figure in (report.totals.parameters.total, report.totals.macs, report.totals.flops):
        assert f"{figure:,}" in shown
    assert json.loads(output("summary", SMALL, "--format", "json")) == report.to_dict()


def test_depth() -> None:
    shown = output("summary", SMALL, "--depth", "0")
    assert "Conv2d" not in shown
    assert "deeper layers are folded into these" in shown
    data = json.loads(output("summary", SMALL, "--depth", "0", "--format", "json"))
    assert [layer["path"] for layer in data["layers"]] == [""]
    rows = output("summary", SMALL, "--depth", "0", "--format", "csv").splitlines()
    assert len(rows) == 2


def test_convention() -> None:
    totals = json.loads(output("summary", SMALL, "--format", "json"))["totals"]
    torch = output("summary", SMALL, "--convention", "torch", "--format", "json")
    assert json.loads(torch)["convention"] == "torch"
    assert json.loads(torch)["totals"]["flops"] == 2 * totals["macs"] < totals["flops"]
    thop = output("summary", SMALL, "--convention", "thop")
    assert "convention thop 1 (what it calls MACs stands under FLOPs)" in thop
    assert "thop 0.1.1: reads no models of " in thop


def test_arguments_are_literals_or_else_strings() -> None:
    arguments = ("--arg", "filters=8", "--arg", "activation=sigmoid")
    got = json.loads(output("summary", SMALL, *arguments, "--format", "json"))
    wanted = analyzer.analyze(SMALL, arguments={"filters": 8, "activation": "sigmoid"})
    assert got == wanted.to_dict()


def test_the_working_directory_is_searched(folder: Path) -> None:
    (folder / "nearby_models.py").write_text("from tests.models import small as mine\n")
    assert "Total" in output("summary", "nearby_models:mine")


def test_explain_by_the_last_part_of_the_path() -> None:
    assert output("explain", ODD, "block.one").startswith("block.one · Swirl\n")
    assert "not known, and not zero" in output("explain", ODD, "block.one")


def test_what_is_not_known_is_marked() -> None:
    shown = output("summary", ODD)
    assert "1 × odd.swirl could not be counted: the totals are lower bounds" in shown
    assert "≥ 4" in shown
    rows = {row["path"]: row for row in csv.DictReader(io.StringIO(
        output("summary", ODD, "--format", "csv")))}  # fmt: skip
    assert rows[""]["complete"] == rows["block.one"]["complete"] == "no"
    assert rows["other.one"]["complete"] == "yes"
    assert "≥ 0" in output("explain", ODD)


def test_compare_arguments_of_one_side() -> None:
    compared = ("compare", SMALL, SMALL, "--format", "json")
    assert json.loads(output(*compared, "--arg", "filters=8"))["verdict"] == "identical"
    for side in ("--arg-a", "--arg-b"):
        found = json.loads(output(*compared, side, "filters=8"))
        assert found["verdict"] == "different"
        assert set(found["comparisons"][0]["remainder"].values()) == {0}


def test_compare_several() -> None:
    compared = ("compare", SMALL, SMALL, SMALL, "--arg-c", "filters=8")
    found = json.loads(output(*compared, "--format", "json"))
    assert [one["verdict"] for one in found["comparisons"]] == ["identical", "different"]
    assert found["verdict"] == "different"
    assert len(found["models"]) == 3
    assert invoke(*compared, "--expect", "equivalent").exit_code == 1
    assert invoke(*compared, "--arg", "filters=8", "--expect", "identical").exit_code == 0


def test_compare_layers() -> None:
    compared = ("compare", SMALL, SMALL, "--arg-b", "activation=sigmoid", "--layers")
    assert "matched with differences" in output(*compared)
    rows = list(csv.DictReader(io.StringIO(output(*compared, "--format", "csv"))))
    assert [row["Status"] for row in rows] == ["matched", "different", "matched"]
    assert [row["First"] for row in rows] == ["layer0", "layer1", "layer2"]


def test_compare_a_file_of_tensors() -> None:
    shown = output("compare", SMALL, "tests.models:stored")
    assert "its work is unknown" in shown
    assert "Different: they differ in learnable parameters." in shown


def test_expect() -> None:
    assert output("compare", SMALL, SMALL, "--expect", "identical")
    other = ("compare", SMALL, SMALL, "--arg-b", "activation=sigmoid", "--expect")
    assert "quivalent" in output(*other, "equivalent")
    done = invoke(*other, "identical")
    assert done.exit_code == 1
    assert done.stderr == "the models are equivalent, not identical\n"
    assert "Why" in done.stdout
    done = invoke("compare", ODD, ODD, "--arg-b", "swirl=other", "--expect", "equivalent")
    assert done.exit_code == 1
    assert done.stderr == "whether the models are equivalent cannot be told\n"


def test_plugins_lists_everything() -> None:
    listed = json.loads(output("plugins", "--format", "json"))
    names = {plugin["name"] for plugin in listed["plugins"]}
    assert {"keras", "onnx", "tensorflow", "torch"} <= names
    shown = output("plugins")
    for name in (*listed["conventions"], *listed["formats"], "PyTorch", "Keras", "ONNX", ".onnx"):
        assert name in shown


# What is wrong


@pytest.mark.parametrize(
    ("arguments", "exit_code", "expected"),
    [
        (("summary",), 2, "Missing argument 'MODEL'; see 'analyzer summary --help'"),
        (("compare", SMALL), 2, "Missing argument 'B'"),
        (("sumary", SMALL), 2, "No such command 'sumary'"),
        (("summary", SMALL, "--fromat", "json"), 2, "--format"),
        (("summary", SMALL, "extra"), 2, "unexpected extra argument"),
        (("summary", SMALL, "--format", "nope"), 2, "format 'nope' is not known; known are csv"),
        (("plugins", "--format", "nope"), 2, "format 'nope' is not known"),
        (("summary", SMALL, "--convention", "nope"), 2, "convention 'nope' is not known; known"),
        (("summary", SMALL, "--input", "1x-3"), 2, "input '1x-3' is not understood; write"),
        (("summary", SMALL, "--input", "1x3:float7"), 2, "dtype 'float7' is not known"),
        (("summary", SMALL, "--input", "1x3"), 2, "leave the inputs out"),
        (("summary", SMALL, "--dim", "n"), 2, "--dim 'n' is not understood; write name=size"),
        (("summary", SMALL, "--dim", "n=0"), 2, "--dim 'n=0' is not understood"),
        (("summary", SMALL, "--arg", "filters"), 2, "--arg 'filters' is not understood; write"),
        (("summary", SMALL, "--arg", "filtres=3"), 2, "filtres"),
        (("summary", SMALL, "--batch", "0"), 2, "'--batch'"),
        (("summary", SMALL, "--batch", "many"), 2, "'--batch'"),
        (("summary", SMALL, "--depth", "-1"), 2, "'--depth'"),
        (("summary", SMALL, "--mode", "dream"), 2, "'--mode'"),
        (("compare", SMALL, SMALL, "--expect", "luck"), 2, "'--expect'"),
        (("compare", SMALL, SMALL, "--arg-a", "x"), 2, "--arg 'x' is not understood"),
        (("compare", SMALL, SMALL, "--input-b", "?"), 2, "input '?' is not understood"),
        (("compare", SMALL, SMALL, "--arg-c", "x=1"), 2, "--arg-c 'x=1': there are 2 models, a to"),
        (("compare", SMALL, SMALL, SMALL, "--input-d", "1"), 2, "there are 3 models, a to c"),
        (("compare", *[SMALL] * 27), 2, "27 models are too many; compare takes 26"),
        (("summary", SMALL, "--output", "no/such/folder"), 2, "--output 'no/such/folder' cannot"),
        (("summary", SMALL, "--output", "."), 2, "--output '.' cannot be written: Is a directory"),
        (("summary", ""), 3, "'' names no model; give a file or module:callable"),
        (("summary", "missing.onnx"), 3, "'missing.onnx': no such file; give a file or"),
        (("summary", "there.txt"), 3, "'there.txt': no importer takes '.txt' files; there are"),
        (("summary", "there"), 3, "'there': no importer takes a file without a suffix"),
        (("summary", "tests.models:MADE", "--arg", "a=1"), 2, "--arg is for what makes a model"),
        (("summary", "nomodule:model"), 3, "'nomodule:model': there is no module 'nomodule'"),
        (("summary", "tests.nomodule:model"), 3, "there is no module 'tests.nomodule'"),
        (("summary", "needs_more:model"), 3, "importing needs_more raised ModuleNotFoundError"),
        (("summary", "broken_module:model"), 3, "importing broken_module raised SyntaxError"),
        (("summary", "leaves:model"), 3, "importing leaves raised SystemExit: 2; "),
        (("summary", "tests.models:smal"), 3, "has no 'smal'; did you mean small?"),
        (("summary", "tests.models:zzz"), 3, "has no 'zzz'; check the spelling"),
        (("summary", "tests.models:raises"), 3, "raises() raised RuntimeError: no such layer;"),
        (("summary", "tests.models:NUMBER"), 3, "an object of type builtins.int, neither a model"),
        (("summary", "tests.models:stranger"), 3, "tests.models:stranger gave what no importer"),
        (("explain", SMALL, "laier1"), 2, "did you mean layer1"),
        (("explain", SMALL, "nothing like it"), 2, "is not in network; it has layer0, layer1"),
        (("explain", ODD, "one"), 2, "is ambiguous in odd; it could be block.one, other.one?"),
        (("explain", ODD, "two.one"), 2, "layer 'two.one' is not in odd; did you mean"),
    ],
)  # fmt: skip
def test_errors_are_one_line(
    arguments: tuple[str, ...], exit_code: int, expected: str, folder: Path
) -> None:
    (folder / "there.txt").write_text("hello")
    (folder / "there").write_text("hello")
    (folder / "needs_more.py").write_text("import surely_not_installed\n")
    (folder / "broken_module.py").write_text("def (\n")
    (folder / "leaves.py").write_text("raise SystemExit(2)\n")
    code, line = failure(*arguments)
    assert expected in line
    assert code == exit_code


def test_a_format_is_refused_before_the_model_is_read() -> None:
    code, line = failure("summary", "tests.models:raises", "--format", "nope")
    assert (code, "format 'nope'" in line) == (2, True)


@pytest.mark.parametrize(
    ("target", "package", "command"),
    [
        ("torchvision.models:resnet18", "torchvision", "pip install 'model-analyzer[torch]'"),
        ("torch.nn:Identity", "torch", "pip install 'model-analyzer[torch]'"),
        ("keras.applications:ResNet50", "keras", "pip install 'model-analyzer[keras]'"),
        ("model.onnx", "onnx", "pip install 'model-analyzer[onnx]'"),
        ("model.keras", "keras", "pip install 'model-analyzer[keras]'"),
        ("model.pt2", "torch", "pip install 'model-analyzer[torch]'"),
    ],
)
def test_a_framework_that_is_not_installed(
    target: str, package: str, command: str, folder: Path
) -> None:
    if ":" not in target:
        (folder / target).write_bytes(b"")
    hidden = ("torch", "torchvision", "tensorflow", "keras", "onnx")
    line = error(run("summary", target, hidden=hidden, cwd=folder), 3)
    assert command in line
    assert repr(package) in line


def test_debug_shows_the_traceback_before_the_line() -> None:
    for arguments in (("--debug", "summary", "missing.onnx"), ("summary", "no.onnx", "--debug")):
        done = run(*arguments)
        assert done.returncode == 3
        lines = done.stderr.splitlines()
        assert lines[0].startswith("Traceback")
        assert lines[-1].startswith("error: ")
    assert "Traceback" not in run("summary", "missing.onnx").stderr


def test_a_fault_of_ours_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("analyzer.analyses.report_on", fail)
    code, line = failure("summary", SMALL)
    assert code == 3
    assert "ZeroDivisionError: two lines; run again with --debug" in line
    done = invoke("summary", SMALL, "--debug")
    assert "Traceback" in done.stderr


def test_a_stream_that_lacks_a_sign_is_no_fault() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "analyzer", "summary", ODD],
        env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(ROOT)},
        capture_output=True, check=True,
    )  # fmt: skip
    assert done.stderr == b""
    assert "1×4" in done.stdout.decode("cp1252")
    assert "? 4" in done.stdout.decode("cp1252")


def test_a_closed_pipe_is_no_fault() -> None:
    code = "from analyzer.cli import main; main(['plugins'])"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.stderr == ""
