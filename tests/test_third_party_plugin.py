"""A plugin that is really installed, with a format of its own and every hook."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from analyzer import Importer
from analyzer.testing import ImporterConformance
from tests.commands import distribution, error, run

STACK = """\
image  input  8
first  dense  16 bias
bend   relu
mix    hadamard
last   dense  4
"""


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    path = tmp_path / "small.stack"
    path.write_text(STACK)
    return path


def summary(path: Path, *arguments: str, plugin: Path) -> dict[str, Any]:
    done = run("summary", str(path), "--format", "json", *arguments, path=plugin)
    assert done.stderr == ""
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_it_is_found_by_its_entry_point(third_party_path: Path) -> None:
    listed = json.loads(run("plugins", "--format", "json", path=third_party_path).stdout)
    (plugin,) = (one for one in listed["plugins"] if one["name"] == "tinystack")
    assert plugin["error"] is None
    assert plugin["distribution"] == "analyzer-tinystack 1.0"
    assert plugin["provides"] == [
        "importer tinystack",
        "convention fused",
        "format tsv",
        "operation tinystack.hadamard",
    ]
    assert "analyzer-tinystack 1.0" in run("plugins", path=third_party_path).stdout
    assert "tinystack" not in run("plugins").stdout


def test_summary(third_party_path: Path, stack: Path) -> None:
    report = summary(stack, "--batch", "3", plugin=third_party_path)
    assert report["model"] == {
        "name": "small",
        "framework": "tinystack",
        "framework_version": "1.0",
        "source": str(stack),
    }
    totals = report["totals"]
    assert totals["parameters"]["total"] == 8 * 16 + 16 + 16 * 4
    assert totals["macs"] == 3 * (8 * 16 + 16 * 4)
    assert totals["flops"] == 2 * totals["macs"] + 3 * (16 + 16 + 16 * 4)
    assert report["coverage"]["complete"]


def test_an_unknown_layer_is_listed_and_makes_a_bound(third_party_path: Path, stack: Path) -> None:
    stack.write_text(STACK + "odd swirl\n")
    report = summary(stack, plugin=third_party_path)
    assert report["coverage"]["unknown"] == [
        {"operation": "tinystack.swirl", "count": 1, "layers": ["odd"]}
    ]
    assert not report["coverage"]["complete"]
    shown = run("summary", str(stack), path=third_party_path).stdout
    assert "1 × tinystack.swirl could not be counted: the totals are lower bounds" in shown
    (row,) = (line.split() for line in shown.splitlines() if line.strip().startswith("odd"))
    assert row == ["odd", "swirl", "1×4", "0", "≥", "0", "≥", "0"]


def test_explain(third_party_path: Path, stack: Path) -> None:
    taught = run("explain", str(stack), "first", path=third_party_path).stdout
    assert "8·16 + 16 = 144" in taught
    assert "rows × size × steps = 1·16·4 = 64" in (
        run("explain", str(stack), "mix", path=third_party_path).stdout
    )


def test_compare(third_party_path: Path, stack: Path) -> None:
    other = stack.with_name("other.stack")
    other.write_text(STACK.replace("16 bias", "16"))
    done = run("compare", str(stack), str(other), "--format", "json", path=third_party_path)
    (found,) = json.loads(done.stdout)["comparisons"]
    assert found["verdict"] == "different"
    assert sum(one["parameters"] for one in found["differences"]) == 16
    assert set(found["remainder"].values()) == {0}


def test_convention_and_format(third_party_path: Path, stack: Path) -> None:
    fused = summary(stack, "--convention", "fused", plugin=third_party_path)["totals"]
    plain = summary(stack, plugin=third_party_path)["totals"]
    assert plain["flops"] - fused["flops"] == plain["macs"]
    told = run("reconcile", str(stack), "--convention", "fused", path=third_party_path).stdout
    assert "fused's FLOPs" in told
    tsv = run("summary", str(stack), "--format", "tsv", path=third_party_path).stdout
    comma = run("summary", str(stack), "--format", "csv", path=third_party_path).stdout
    assert list(csv.reader(io.StringIO(tsv), delimiter="\t")) == list(
        csv.reader(io.StringIO(comma))
    )


@pytest.mark.parametrize(
    ("text", "arguments", "exit_code", "expected"),
    [
        ("nonsense\n", (), 3, "is no tinystack model: line 1: 'nonsense' has no kind"),
        (STACK, ("--input", "1x9"), 2, "one input of shape (rows, 8); got 1x9"),
        (STACK.replace("16", "12"), (), 3, "size 12 is not a power of 2; pad its input"),
    ],
)
def test_its_errors_are_one_line(
    third_party_path: Path,
    stack: Path,
    text: str,
    arguments: tuple[str, ...],
    exit_code: int,
    expected: str,
) -> None:
    stack.write_text(text)
    done = run("summary", str(stack), *arguments, path=third_party_path)
    assert expected in error(done, exit_code)


def test_a_plugin_that_raises_stops_nothing(third_party_path: Path, stack: Path) -> None:
    folder = stack.parent
    distribution(folder, "bad", {"bad": "bad"}, bad="raise ValueError('two\\nlines')")
    distribution(folder, "exits", {"exits": "exits"}, exits="raise SystemExit('no')")
    distribution(folder, "half", {"half": "half"}, half=HALF)
    distribution(
        folder,
        "typo",
        {"typo": "typo"},
        typo="import analyzer\n@analyzer.hookimpl\ndef analyzer_importer(): return []\n",
    )
    for item in third_party_path.iterdir():
        (folder / item.name).symlink_to(item)
    done = run("plugins", "--format", "json", path=folder)
    listed = {one["name"]: one for one in json.loads(done.stdout)["plugins"]}
    assert listed["bad"]["error"] == "ValueError: two lines"
    assert listed["exits"]["error"] == "SystemExit: no"
    assert "KeyError: 'oops'" in listed["half"]["error"]
    assert listed["half"]["provides"] == []
    assert "unknown hook 'analyzer_importer'" in listed["typo"]["error"]
    assert listed["tinystack"]["error"] is None
    assert "broken: ValueError: two lines" in run("plugins", path=folder).stdout
    report = summary(stack, plugin=folder)
    assert report["coverage"]["complete"]
    assert "format 'half' is not known" in error(run("plugins", "--format", "half", path=folder), 2)


HALF = """
from analyzer import Renderer, hookimpl

@hookimpl
def analyzer_renderers():
    return [Renderer(name="half", description="", render=str)]

@hookimpl
def analyzer_operations():
    raise KeyError("oops")
"""

IMPORTER = """
from analyzer import Importer, hookimpl

class Mine(Importer):
    name = "torch"
    framework = "Mine"

    def accepts(self, model):
        return False

    def read(self, model, request):
        raise AssertionError("nothing is accepted")

@hookimpl
def analyzer_importers():
    return [Mine()]
"""


@pytest.mark.parametrize("command", [("plugins",), ("summary", "small.stack")])
def test_two_plugins_of_one_name(tmp_path: Path, command: tuple[str, ...]) -> None:
    distribution(tmp_path, "one", {"same": "one"}, one="")
    distribution(tmp_path, "other", {"same": "other"}, other="")
    line = error(run(*command, path=tmp_path), 3)
    assert line.startswith("two plugins are named 'same': one of one 1.0 and other of other 1.0")


@pytest.mark.parametrize("command", [("plugins",), ("summary", "small.stack")])
def test_two_importers_of_one_name(tmp_path: Path, command: tuple[str, ...]) -> None:
    distribution(tmp_path, "mine", {"mine": "mine"}, mine=IMPORTER)
    line = error(run(*command, path=tmp_path), 3)
    assert line.startswith("two plugins give the importer 'torch': 'mine' and 'torch'")


def test_a_built_in_name_is_taken(tmp_path: Path) -> None:
    text = HALF.replace('"half"', '"json"').replace('raise KeyError("oops")', "return {}")
    distribution(tmp_path, "mine", {"mine": "mine"}, mine=text)
    line = error(run("plugins", path=tmp_path), 3)
    assert "the format 'json': 'analyzer' and 'mine'" in line


class TestConformance(ImporterConformance):
    @pytest.fixture
    def importer(self, third_party_path: Path, monkeypatch: pytest.MonkeyPatch) -> Importer:
        monkeypatch.syspath_prepend(third_party_path)
        import analyzer_tinystack

        return analyzer_tinystack.StackImporter()

    @pytest.fixture
    def model(self, importer: Importer, stack: Path) -> object:
        return importer.load(stack)

    @pytest.fixture
    def expected_total(self) -> int:
        return 8 * 16 + 16 + 16 * 4


class TestConformanceOfAnUnknownLayer(TestConformance):
    @pytest.fixture
    def stack(self, tmp_path: Path) -> Path:
        path = tmp_path / "odd.stack"
        path.write_text(STACK + "odd swirl\n")
        return path
