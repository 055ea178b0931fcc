"""What holds for the whole project: documented, within its borders, light to start."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

import analyzer
from analyzer import Operation, errors, ops
from analyzer.cli import main
from analyzer.conventions import BUILT_IN as CONVENTIONS
from analyzer.hookspecs import HookSpecs
from analyzer.importer import Importer
from analyzer.ops import FUNCTIONS, REDUCTIONS
from analyzer.render import BUILT_IN as RENDERERS
from tests.commands import run
from tests.test_docs import generate

ROOT = Path(__file__).parent.parent
CORE = sorted((ROOT / "analyzer").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
THIRD_PARTY = [ROOT / "tests" / "third_party_plugin" / "analyzer_tinystack.py"]
FRAMEWORKS = {
    "jax", "keras", "onnx", "onnxruntime", "safetensors", "tensorflow", "tf2onnx", "timm", "torch",
    "torchvision", "transformers",
}  # fmt: skip
PUBLIC_MODULES = ("analyzer", "analyzer.document", "analyzer.dtypes", "analyzer.errors",
                  "analyzer.ops", "analyzer.testing")  # fmt: skip
HOOKS = sorted(name for name in vars(HookSpecs) if name.startswith("analyzer_"))
LINES_AT_MOST = 420


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def docs(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def imports(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield every module that a file imports, with each name taken from it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, None) for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from ((module, alias.name) for alias in names)


# Documented


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_say_arguments_return_value_and_who_wins(hook: str) -> None:
    text = inspect.getdoc(getattr(HookSpecs, hook)) or ""
    headings = [line for line in text.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == ["Arguments:", "Returns:", "Who wins:"]


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_stand_in_the_docs_with_their_signature(hook: str) -> None:
    signature = inspect.signature(getattr(HookSpecs, hook))
    arguments = ", ".join(str(one) for name, one in signature.parameters.items() if name != "self")
    assert f"### `{hook}({arguments}) -> {signature.return_annotation}`\n" in docs("plugins.md")


def test_the_third_party_plugin_implements_every_hook() -> None:
    text = THIRD_PARTY[0].read_text(encoding="utf-8")
    assert re.findall(r"@hookimpl\ndef (\w+)\(", text) == sorted(HOOKS, key=text.index)
    assert set(re.findall(r"@hookimpl\ndef (\w+)\(", text)) == set(HOOKS)


def test_every_command_and_option_stands_in_the_docs() -> None:
    text = docs("commands.md")
    for name, command in main.commands.items():
        assert f"`analyzer {name}" in text
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                if parameter.hidden:  # one of a series, of which the first two are shown
                    continue
                (option,) = parameter.opts
                assert f"`{option}" in text, option
                if isinstance(parameter.type, click.Choice):
                    assert all(choice in text for choice in parameter.type.choices)
            else:
                assert str(parameter.name).upper() in text


def test_every_convention_and_format_stands_in_the_docs() -> None:
    for convention in CONVENTIONS:
        assert f"| `{convention.name}` |" in docs("conventions.md")
    for renderer in RENDERERS:
        assert f"`{renderer.name}`" in docs("commands.md")


def test_every_operation_function_and_reduction_stands_in_the_docs() -> None:
    text = docs("operations.md")
    kinds = {
        kind for name in ops.__all__
        if inspect.isclass(kind := getattr(ops, name)) and issubclass(kind, Operation)
    }  # fmt: skip
    assert {type(example) for example in generate().EXAMPLES} == kinds - {Operation}
    for kind in kinds - {Operation}:
        assert f"\n## {kind.__name__}\n" in text
    for name in (*FUNCTIONS, *REDUCTIONS):
        assert f"\n| {name} |" in text, name
    for category in analyzer.Category:
        assert category in docs("conventions.md")


def test_every_file_suffix_stands_in_the_docs() -> None:
    from analyzer.discovery import registry

    for importer in registry().importers.values():
        for suffix in importer.suffixes:
            assert f"`{suffix}`" in docs("commands.md")


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(analyzer.__path__, "analyzer."):
        yield importlib.import_module(found.name)


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.__name__)
def test_everything_public_has_a_docstring(module: ModuleType) -> None:
    assert module.__doc__
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(thing):
            assert thing.__doc__, name
        elif inspect.isclass(thing):
            # A dataclass without a docstring is given its signature for one.
            assert thing.__doc__, name
            assert not thing.__doc__.startswith(f"{name}("), name
            for attribute, value in vars(thing).items():
                if not attribute.startswith(("_", "test_")) and (
                    inspect.isfunction(value) or isinstance(value, property)
                ):
                    assert inspect.getdoc(getattr(thing, attribute)), f"{name}.{attribute}"


# Public names


def test_the_stub_names_exactly_what_is_public() -> None:
    tree = ast.parse((ROOT / "analyzer" / "__init__.pyi").read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(analyzer.__all__)
    (listed,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert listed == sorted(listed)
    assert set(listed) == set(analyzer.__all__) <= set(dir(analyzer))


@pytest.mark.parametrize("name", sorted(analyzer.__all__))
def test_public_names_have_docstrings(name: str) -> None:
    text = getattr(analyzer, name).__doc__
    assert text
    assert not text.startswith(f"{name}(")


def test_the_tree_of_errors_is_drawn_whole() -> None:
    drawn = re.findall(r"^[│├└─ ]*(\w+Error)\b(?: +(\d))?", errors.__doc__ or "", re.MULTILINE)
    assert sorted(name for name, _ in drawn) == sorted(errors.__all__)
    for name, exit_code in drawn:
        assert not exit_code or getattr(errors, name).exit_code == int(exit_code)


# Borders


@pytest.mark.parametrize("path", [*PLUGINS, *THIRD_PARTY], ids=name_of)
def test_plugins_import_public_names_only(path: Path) -> None:
    for module, name in imports(path):
        if module.partition(".")[0] != "analyzer":
            continue
        assert module in PUBLIC_MODULES, module
        assert name is not None, f"import {module}: take names from it"
        assert name in importlib.import_module(module).__all__, f"{module}.{name}"


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_imports_neither_frameworks_nor_plugins(path: Path) -> None:
    for module, _ in imports(path):
        top = module.partition(".")[0]
        assert top not in FRAMEWORKS
        assert not top.startswith("analyzer_")
        assert top != "pytest" or "testing" in path.parts


@pytest.mark.parametrize("path", [*CORE, *PLUGINS], ids=name_of)
def test_modules_stay_small(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LINES_AT_MOST, "it is two modules"


@pytest.mark.parametrize(
    "code",
    [
        "import analyzer",
        "from analyzer.cli import main; main(['--help'], standalone_mode=False)",
        "from analyzer.cli import main; main(['plugins'], standalone_mode=False)",
        "import analyzer_keras, analyzer_onnx, analyzer_tensorflow, analyzer_torch",
        "import analyzer; [getattr(analyzer, name) for name in analyzer.__all__]",
    ],
)
def test_no_framework_is_imported_before_it_is_needed(code: str) -> None:
    after = "; import json; print(); print(json.dumps(sorted(sys.modules)))"
    done = run(code=code + after)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert loaded.isdisjoint(FRAMEWORKS)


def test_onnx_is_analysed_without_the_other_frameworks() -> None:
    import onnx

    light = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    code = (
        "from analyzer.cli import main; import json; "
        "main(sys.argv[1:], standalone_mode=False); print(); print(json.dumps(sorted(sys.modules)))"
    )
    done = run("summary", str(light / "light_squeezenet.onnx"), code=code)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert "onnx" in loaded
    assert loaded.isdisjoint({"torch", "tensorflow", "keras", "jax"})


def test_importers_name_an_extra_that_exists() -> None:
    from importlib.metadata import metadata

    from analyzer.discovery import registry

    extras = metadata("model-analyzer").get_all("Provides-Extra") or []
    for importer in registry().importers.values():
        assert importer.extra in extras
        assert importer.requirement == f"model-analyzer[{importer.extra}]"
        assert type(importer).read is not Importer.read


def test_the_project_speaks_of_nothing_that_its_users_do_not_have() -> None:
    absent = re.compile(r"(?<!\w)shared/")
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if any(part.startswith(".") and part != ".ci" for part in parts) or "golden" in parts:
            continue
        if path.is_file() and path.suffix in {".py", ".pyi", ".md", ".toml", ".yml", ".json", ""}:
            if path == Path(__file__):
                continue
            assert not absent.search(path.read_text(encoding="utf-8")), name_of(path)
