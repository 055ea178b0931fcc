"""Which importer a file goes to, and what becomes of arguments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from analyzer import Importer, Model, ModelBuilder, Request, UsageError
from analyzer.errors import NoImporterError
from analyzer.sources import find_model


class Lines(Importer):
    """Reads text files: one parameter a line."""

    name = "lines"
    framework = "Lines"
    suffixes: ClassVar[tuple[str, ...]] = (".lines",)

    def accepts(self, model: object) -> bool:
        return isinstance(model, list)

    def load(self, path: Path) -> object:
        return path.read_text(encoding="utf-8").split()

    def read(self, model: object, request: Request) -> Model:
        assert isinstance(model, list)
        builder = ModelBuilder(
            name=request.name, framework="Lines", framework_version="1", source=request.source
        )
        builder.layer("", type="Lines")
        for name in model:
            builder.parameter(name, shape=(2,), dtype="int8")
        return builder.build(inputs=[], outputs=[], graph=False)


class Folders(Lines):
    """Takes any folder with a ``names`` in it, and arguments for it."""

    name = "folders"
    suffixes: ClassVar[tuple[str, ...]] = ()

    def takes(self, path: Path) -> bool:
        return (path / "names").is_file()

    def load(self, path: Path) -> object:
        return self.load_with(path, {})

    def load_with(self, path: Path, arguments: Mapping[str, object]) -> object:
        found = (path / "names").read_text(encoding="utf-8").split()
        return [str(arguments.get("prefix", "")) + name for name in found]


IMPORTERS: dict[str, Importer] = {"folders": Folders(), "lines": Lines()}


def names(path: Path, arguments: Mapping[str, object] | None = None) -> list[str]:
    model = find_model(path, IMPORTERS, arguments).read(Request())
    assert model.source == str(path)
    return [parameter.name for parameter in model.parameters]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.lines"
    path.write_text("a b")
    return path


def test_by_its_suffix(file: Path) -> None:
    assert names(file) == ["a", "b"]


def test_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("a b")
    assert names(tmp_path) == ["a", "b"]
    assert names(tmp_path, {"prefix": "x"}) == ["xa", "xb"]


def test_arguments_for_what_takes_none(file: Path) -> None:
    with pytest.raises(UsageError, match=r"some\.lines.* is made; leave out width, depth$"):
        names(file, {"width": 1, "depth": 2})


def test_a_folder_that_nobody_takes(tmp_path: Path) -> None:
    with pytest.raises(NoImporterError, match="a folder without a model"):
        names(tmp_path)


def test_arguments_for_an_object() -> None:
    with pytest.raises(UsageError, match=r"an object of type builtins\.list is one; leave it out"):
        find_model(["a"], IMPORTERS, {"width": 1})
