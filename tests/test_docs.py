"""Everything that the documentation shows is run, and what is generated is up to date."""

from __future__ import annotations

import doctest
import importlib.util
import json
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from sybil.typing import Parser

from tests.commands import run

ROOT = Path(__file__).parent.parent
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
HEAVY = re.compile(r"applications|torchvision|timm|examples")


# One process for all commands of a page, so that a framework is loaded once.
RUN_ALL = """
import json
from click.testing import CliRunner
from analyzer.cli import main
commands = json.loads(sys.argv[1])
runs = [CliRunner().invoke(main, command, prog_name="analyzer") for command in commands]
print(json.dumps([run.output for run in runs]))
"""


class Console:
    """Collects the ``$ analyzer …`` lines of a page, and compares what they print.

    ``...`` stands for anything. ``$ cat FILE`` makes the file that it shows; other commands are not
    run. Heavy commands, those on whole networks, are run only when asked for.
    """

    def __init__(self, folder: Path, path: Path, *, heavy: bool) -> None:
        self.folder = folder
        self.path = path
        self.heavy = heavy
        self.commands: list[list[str]] = []
        self.shown: list[str] = []

    def __call__(self, example: Example) -> None:
        for shown in str(example.parsed).split("\n$ "):
            command, _, expected = shown.removeprefix("$ ").partition("\n")
            words = shlex.split(command)
            if words[0] == "cat" and not self.heavy:
                (self.folder / words[1]).write_text(expected, encoding="utf-8")
            elif words[0] == "analyzer" and bool(HEAVY.search(command)) == self.heavy:
                self.commands.append(words[1:])
                self.shown.append(expected)

    def check(self) -> None:
        if not self.commands:
            return
        done = run(json.dumps(self.commands), cwd=self.folder, path=self.path, code=RUN_ALL)
        assert done.returncode == 0, done.stderr
        printed = json.loads(done.stdout.splitlines()[-1])
        for command, shown, output in zip(self.commands, self.shown, printed, strict=True):
            assert matches(output, shown), (
                f"$ analyzer {shlex.join(command)}\n{output}\nis not what the page shows:\n{shown}"
            )


def matches(printed: str, shown: str) -> bool:
    """Say whether a command printed what a page shows."""
    lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
    wanted = shown.strip("\n").replace("\t...", "...").replace("...\t", "...")
    checker = doctest.OutputChecker()
    return checker.check_output(f"{wanted}\n", "\n".join([*lines, ""]), doctest.ELLIPSIS)


def parse(page: Path, console: Console, *, python: bool) -> Document:
    parsers: list[Parser] = [CodeBlockParser("console", console)]
    if python:
        parsers.append(PythonCodeBlockParser())
    return Sybil(parsers=parsers).parse(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_blocks(page: Path, tmp_path: Path, third_party_path: Path) -> None:
    console = Console(tmp_path, third_party_path, heavy=False)
    for example in parse(page, console, python=True).examples():
        example.evaluate()
    console.check()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_whole_networks(page: Path, third_party_path: Path) -> None:
    console = Console(ROOT, third_party_path, heavy=True)
    for example in parse(page, console, python=False).examples():
        example.evaluate()
    console.check()


def test_a_page_that_shows_something_else_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ analyzer --version\nanalyzer, version 0.0.0\n```\n")
    console = Console(tmp_path, tmp_path, heavy=False)
    (example,) = parse(page, console, python=True).examples()
    example.evaluate()
    with pytest.raises(AssertionError, match="is not what the page shows"):
        console.check()


def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date() -> None:
    for path, text in generate().pages().items():
        assert path.read_text(encoding="utf-8") == text, (
            f"{path.name} is not what the code says now; run: python docs/generate.py"
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
