"""The JSON of reports and comparisons, held to the schemas that are shipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

import analyzer
from analyzer.report import SCHEMA_VERSION
from tests import models
from tests.commands import run

NAMES = (
    "check-1.json", "comparison-1.json", "explanation-1.json", "reconciliation-1.json",
    "report-1.json", "scaling-1.json",
)  # fmt: skip
FACTORIES = ("small", "normed", "odd", "stored")


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (files("analyzer") / "schema" / name).read_text(encoding="utf-8")
    )
    return loaded


def validator(name: str) -> Draft202012Validator:
    known = [(name, Resource.from_contents(schema(name))) for name in NAMES]
    registry: Registry[Any] = Registry().with_resources(known)
    return Draft202012Validator(schema(name), registry=registry)


def objects(part: object) -> Iterator[dict[str, Any]]:
    """Yield every schema of an object inside a schema."""
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield part
        for inner in part.values():
            yield from objects(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from objects(inner)


@pytest.mark.parametrize("name", NAMES)
def test_the_schemas_are_strict(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    found = list(objects(schema(name)))
    assert found
    for part in found:
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])


@pytest.mark.parametrize("name", NAMES)
def test_the_schemas_bear_the_version(name: str) -> None:
    assert SCHEMA_VERSION.split(".")[0] in name


def test_the_categories_are_all_there() -> None:
    totals = schema("report-1.json")["$defs"]["totals"]["properties"]
    assert list(totals["flops_by_category"]["properties"]) == [*map(str, analyzer.Category)]


@pytest.mark.parametrize("factory", FACTORIES)
def test_reports(factory: str) -> None:
    report = analyzer.analyze(getattr(models, factory)()).to_dict()
    validator("report-1.json").validate(report)
    layer = report["layers"][0]
    assert (factory == "stored") == (report["totals"]["macs"] is None)
    assert (factory == "stored") == (layer["flops"] is None)


@pytest.mark.parametrize("factory", ["small", "odd", "stored"])
def test_the_command_writes_what_the_library_returns(factory: str) -> None:
    done = run("summary", f"tests.models:{factory}", "--format", "json")
    assert json.loads(done.stdout) == analyzer.analyze(f"tests.models:{factory}").to_dict()


def test_comparisons() -> None:
    a, b = models.small(), models.normed()
    check = validator("comparison-1.json")
    for one, other in ((a, b), (b, a), (a, a), (models.odd(), a)):
        check.validate(analyzer.compare(one, other).to_dict())
    done = run("compare", "tests.models:small", "tests.models:normed", "--format", "json")
    compared = analyzer.compare("tests.models:small", "tests.models:normed")
    assert json.loads(done.stdout) == compared.to_dict()


@pytest.mark.parametrize("factory", FACTORIES)
def test_explanations(factory: str) -> None:
    check = validator("explanation-1.json")
    report = analyzer.analyze(getattr(models, factory)())
    check.validate(report.explain().to_dict())
    for layer in report.layers:
        check.validate(layer.explain().to_dict())


def test_explanations_of_several_layers() -> None:
    done = run("explain", "tests.models:small", "*", "--format", "json")
    explained = analyzer.analyze(models.small()).explain("*").to_dict()
    assert json.loads(done.stdout)["layers"] == explained["layers"]
    validator("explanation-1.json").validate(json.loads(done.stdout))


@pytest.mark.parametrize("factory", FACTORIES)
def test_reconciliations(factory: str) -> None:
    source = f"tests.models:{factory}"
    data = analyzer.reconcile(source, number="1.5k").to_dict()
    validator("reconciliation-1.json").validate(data)
    validator("reconciliation-1.json").validate(analyzer.reconcile(source).to_dict())
    done = run("reconcile", source, "--number", "1.5k", "--format", "json")
    assert json.loads(done.stdout) == data


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("totals", "macs"), 1.5),
        (("totals", "flops"), "many"),
        (("totals", "parameters", "total"), None),
        (("totals", "memory", "peak_bytes"), -1),
        (("totals", "flops_by_category"), {"magic": 1}),
        (("coverage", "complete"), 1),
        (("surprise",), 1),
    ],
)
def test_what_is_wrong_is_refused(where: tuple[str, ...], value: object) -> None:
    report = analyzer.analyze(models.small()).to_dict()
    part = report
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value
    with pytest.raises(ValidationError):
        validator("report-1.json").validate(report)
