"""Everything that the documentation shows is run, and what is generated is up to date."""

from __future__ import annotations

import doctest
import importlib.util
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


class Console:
    """Runs the ``$ analyzer …`` lines of a block and compares what they print.

    ``...`` stands for anything. ``$ cat FILE`` makes the file that it shows; other commands are not
    run. Heavy commands, those on whole networks, are run only when asked for.
    """

    def __init__(self, folder: Path, path: Path, *, heavy: bool) -> None:
        self.folder = folder
        self.path = path
        self.heavy = heavy

    def __call__(self, example: Example) -> None:
        for shown in str(example.parsed).split("\n$ "):
            command, _, expected = shown.removeprefix("$ ").partition("\n")
            words = shlex.split(command)
            if words[0] == "cat":
                (self.folder / words[1]).write_text(expected, encoding="utf-8")
            elif words[0] == "analyzer" and bool(HEAVY.search(command)) == self.heavy:
                self.check(words[1:], command, expected)

    def check(self, arguments: list[str], command: str, expected: str) -> None:
        done = run(*arguments, cwd=self.folder, path=self.path)
        printed = "\n".join(line.rstrip() for line in (done.stdout + done.stderr).splitlines())
        matches = doctest.OutputChecker().check_output
        wanted = expected.strip("\n").replace("\t...", "...").replace("...\t", "...")
        flags = doctest.ELLIPSIS
        assert matches(f"{wanted}\n", f"{printed.strip(chr(10))}\n", flags), (
            f"$ {command}\n{printed}\n--- is not what the page shows:\n{expected}"
        )


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


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_whole_networks(page: Path, third_party_path: Path) -> None:
    console = Console(ROOT, third_party_path, heavy=True)
    for example in parse(page, console, python=False).examples():
        if "$ cat" not in str(example.parsed):
            example.evaluate()


def test_a_page_that_shows_something_else_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ analyzer --version\nanalyzer, version 0.0.0\n```\n")
    (example,) = parse(page, Console(tmp_path, tmp_path, heavy=False), python=True).examples()
    with pytest.raises(AssertionError, match="is not what the page shows"):
        example.evaluate()


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
