"""The conformance kit catches what it is there to catch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from analyzer import Cost, Importer, Model, ModelBuilder, ModelError, Operation, Request, analyze
from analyzer.testing import ImporterConformance
from tests import models


class Settled(Importer):
    """Reads lists, each into the same model."""

    name = "settled"
    framework = "settled"
    suffixes = (".settled",)

    def accepts(self, model: object) -> bool:
        return type(model) is list and bool(model)

    def read(self, model: Any, request: Request) -> Model:
        return models.normed()

    def load(self, path: Path) -> object:
        raise ModelError(f"{str(path)!r} is damaged")


class TestAGoodImporterPasses(ImporterConformance):
    @pytest.fixture
    def importer(self) -> Importer:
        return Settled()

    @pytest.fixture
    def model(self) -> object:
        return ["a model"]

    @pytest.fixture
    def expected_total(self) -> int:
        return analyze(models.normed()).totals.parameters.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent(Operation):
    """Costs nothing and does not say why."""

    def cost(self) -> Cost:
        return Cost()


def silent() -> Model:
    builder = ModelBuilder(name="silent", framework="hand", framework_version="1", source="")
    builder.layer("", type="Silent")
    x = builder.tensor((1, 4), "float32")
    y = builder.tensor((1, 4), "float32")
    builder.add(Silent(), inputs=[x], outputs=[y], native="silent")
    return builder.build(inputs=[x], outputs=[y])


def test_a_silent_zero_is_caught(kit: ImporterConformance) -> None:
    with pytest.raises(AssertionError, match="silent costs nothing and does not say why"):
        kit.test_zero_is_never_silent(analyze(silent()))
    kit.test_zero_is_never_silent(analyze(models.odd()))


@pytest.fixture
def kit() -> ImporterConformance:
    return ImporterConformance()


def homeless(model: Model) -> Model:
    layers = tuple(replace(layer, parameters=()) for layer in model.layers)
    return replace(model, layers=layers)


def twice(model: Model) -> Model:
    return replace(model, parameters=model.parameters * 2)


def orphaned(model: Model) -> Model:
    return replace(model, layers=model.layers[2:])


def negative(model: Model) -> Model:
    return replace(model, inputs=(replace(model.inputs[0], shape=(1, -1)),))


def symbolic(model: Model) -> Model:
    return replace(model, outputs=(replace(model.outputs[0], shape=("batch",)),))  # type: ignore[arg-type]


def untyped(model: Model) -> Model:
    return replace(model, inputs=(replace(model.inputs[0], dtype="float"),))


@pytest.mark.parametrize(
    ("spoil", "test"),
    [
        (homeless, "test_every_parameter_has_a_layer"),
        (twice, "test_names_are_unique"),
        (orphaned, "test_there_is_one_root_and_parents_come_first"),
        (orphaned, "test_every_operation_ran_in_a_layer"),
        (negative, "test_tensors_are_concrete"),
        (symbolic, "test_tensors_are_concrete"),
        (untyped, "test_tensors_are_concrete"),
    ],
)
def test_a_spoilt_model_is_caught(
    kit: ImporterConformance, spoil: Callable[[Model], Model], test: str
) -> None:
    good = models.normed()
    getattr(kit, test)(good)
    with pytest.raises(AssertionError):
        getattr(kit, test)(spoil(good))


def test_an_importer_that_changes_the_model_is_caught(kit: ImporterConformance) -> None:
    class Meddling(Settled):
        def read(self, model: Any, request: Request) -> Model:
            model.append("something")
            return models.normed()

    with pytest.raises(AssertionError):
        kit.test_the_model_is_left_as_it_was(Meddling(), ["a model"], Request())


def test_an_importer_that_takes_everything_is_caught(kit: ImporterConformance) -> None:
    class Greedy(Settled):
        def accepts(self, model: object) -> bool:
            return True

    with pytest.raises(AssertionError):
        kit.test_it_rejects_strangers(Greedy(), object())


def test_a_loader_that_shows_its_own_errors_is_caught(
    kit: ImporterConformance, tmp_path: Path
) -> None:
    class Careless(Settled):
        def load(self, path: Path) -> object:
            raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        kit.test_a_damaged_file_is_an_error_in_one_line(Careless(), Request(), tmp_path)
