"""Entry points are those that ``importlib.metadata`` finds, found sooner."""

from __future__ import annotations

import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from analyzer.errors import PluginError
from analyzer.installed import EntryPoint, entry_points
from tests.commands import distribution, error, run

_GROUP = "analyzer.plugins"


_GROUPS = {point.group for one in metadata.distributions() for point in one.entry_points}


@pytest.mark.parametrize("group", sorted(_GROUPS))
def test_all_that_is_installed_is_found(group: str) -> None:
    expected = {
        (point.name, point.value, f"{point.dist.name} {point.dist.version}")
        for point in metadata.entry_points(group=group)
        if point.dist is not None
    }
    found = {(point.name, point.value, point.distribution) for point in entry_points(group)}
    assert found == expected


def test_the_first_of_a_name_on_the_path_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("second", "first"):
        distribution(tmp_path / folder, "some_plugin", {"Some.Name": f"{folder}:of [extra]"})
        monkeypatch.syspath_prepend(tmp_path / folder)
    (found,) = (one for one in entry_points(_GROUP) if one.name == "Some.Name")
    assert found.value == "first:of [extra]"
    assert found.distribution == "some_plugin 1.0"


def test_older_ways_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = distribution(tmp_path, "old", {"old": "math:tau"}) / "old-1.0.dist-info"
    (folder / "METADATA").rename(folder / "PKG-INFO")
    folder.rename(tmp_path / "old.egg-info")
    monkeypatch.syspath_prepend(tmp_path)
    (found,) = (one for one in entry_points(_GROUP) if one.name == "old")
    assert found == EntryPoint(name="old", value="math:tau", distribution="old 1.0")


def test_archives_on_the_path_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = distribution(tmp_path / "folder", "packed", {"packed": "math"})
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    monkeypatch.syspath_prepend(tmp_path / "packed.zip")
    names = {one.name for one in entry_points(_GROUP)}
    assert names == {"keras", "onnx", "packed", "tensorflow", "torch"}


def test_a_finder_of_somebody_else_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finder(metadata.DistributionFinder):
        def find_distributions(
            self, context: metadata.DistributionFinder.Context | None = None
        ) -> list[metadata.Distribution]:
            return [Own()]

        def find_spec(self, *_: object) -> None:
            """Find no modules."""

    class Own(metadata.Distribution):
        def read_text(self, filename: str) -> str | None:
            texts = {
                "METADATA": "Metadata-Version: 2.1\nName: own\nVersion: 3\n",
                "entry_points.txt": f"[{_GROUP}]\nown = math\n",
            }
            return texts.get(filename)

        def locate_file(self, path: object) -> Path:
            return Path(str(path))

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    (found,) = (one for one in entry_points(_GROUP) if one.name == "own")
    assert found.distribution == "own 3"


@pytest.mark.parametrize(
    "point",
    [
        ("no_such_module", ModuleNotFoundError),
        ("math:no_such_name", AttributeError),
        ("math.tau", ModuleNotFoundError),
    ],
)
def test_what_is_not_there(point: tuple[str, type[Exception]]) -> None:
    value, kind = point
    with pytest.raises(kind):
        EntryPoint(name="one", value=value, distribution="one 1").load()


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = distribution(tmp_path, "odd", {"odd": "math"})
    (folder / "odd-1.0.dist-info" / "entry_points.txt").write_text(f"[{_GROUP}]\nno sign\n")
    message = error(run("plugins", path=folder), 3)
    assert "odd-1.0.dist-info" in message
    assert message.endswith("install it again")
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(PluginError, match="no sign"):
        entry_points(_GROUP)
