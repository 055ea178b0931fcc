"""What every importer must do, whatever it reads."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from analyzer.analysis import parameter_counts
from analyzer.api import analyze
from analyzer.dtypes import BITS
from analyzer.errors import ModelError
from analyzer.importer import Importer, Request
from analyzer.ir import Model, Node, Tensor
from analyzer.ops import Branch, Repeat
from analyzer.report import Report

__all__ = ["ImporterConformance"]


class ImporterConformance:
    """Tests of an importer and one model that it reads.

    A subclass, whose name begins with ``Test``, defines the fixtures ``importer``, ``model`` and
    ``expected_total``; it may define ``request_for_model`` where the model does not tell its
    inputs, and :meth:`fingerprint` where the model cannot be pickled.
    """

    @pytest.fixture
    def importer(self) -> Importer:
        """Return the importer under test."""
        pytest.fail("define a fixture 'importer' that returns the importer under test")

    @pytest.fixture
    def model(self) -> object:
        """Return a small native model."""
        pytest.fail("define a fixture 'model' that returns a small native model")

    @pytest.fixture
    def expected_total(self) -> int:
        """Return how many learnable parameters the model has, counted without the importer."""
        pytest.fail("define a fixture 'expected_total', the model's learnable parameters")

    @pytest.fixture
    def request_for_model(self) -> Request:
        """Return what is asked of the importer besides the model."""
        return Request(name="model", source="the conformance kit")

    def fingerprint(self, model: object) -> object:
        """Return something that is equal before and after, if the model was left alone."""
        return pickle.dumps(model)

    @pytest.fixture
    def read(self, importer: Importer, model: object, request_for_model: Request) -> Model:
        """Return the representation of the model."""
        return importer.read(model, request_for_model)

    @pytest.fixture
    def report(self, read: Model) -> Report:
        """Return the report on the model."""
        return analyze(read)

    def test_it_accepts_its_model(self, importer: Importer, model: object) -> None:
        assert importer.accepts(model)

    @pytest.mark.parametrize("stranger", [None, 3, "text", object(), {}, [], Importer])
    def test_it_rejects_strangers(self, importer: Importer, stranger: object) -> None:
        assert not importer.accepts(stranger)

    def test_reading_twice_gives_the_same(
        self, importer: Importer, model: object, request_for_model: Request, read: Model
    ) -> None:
        assert importer.read(model, request_for_model) == read

    def test_the_model_is_left_as_it_was(
        self, importer: Importer, model: object, request_for_model: Request
    ) -> None:
        before = self.fingerprint(model)
        importer.read(model, request_for_model)
        assert self.fingerprint(model) == before

    def test_it_finds_the_learnable_parameters(self, report: Report, expected_total: int) -> None:
        assert report.totals.parameters.total == expected_total

    def test_names_are_unique(self, read: Model) -> None:
        for names in ([one.path for one in read.layers], [one.name for one in read.parameters]):
            assert len(names) == len(set(names))

    def test_there_is_one_root_and_parents_come_first(self, read: Model) -> None:
        seen: set[str | None] = {None}
        for layer in read.layers:
            assert layer.parent in seen
            seen.add(layer.path)
        assert [layer.path for layer in read.layers if layer.parent is None] == [""]

    def test_every_parameter_has_a_layer(self, read: Model) -> None:
        held = {name for layer in read.layers for name in layer.parameters}
        assert held == {parameter.name for parameter in read.parameters}

    def test_every_operation_ran_in_a_layer(self, read: Model) -> None:
        layers = {layer.path for layer in read.layers}
        assert {node.layer for node in _walk(read.nodes or ())} <= layers

    def test_tensors_are_concrete(self, read: Model) -> None:
        for tensor in _tensors(read):
            assert all(type(size) is int and size >= 0 for size in tensor.shape), tensor
            assert tensor.dtype in BITS, tensor

    def test_totals_are_sums_over_layers(self, read: Model, report: Report) -> None:
        held = {name for layer in read.layers for name in layer.parameters}
        owned = (one for one in read.parameters if one.name in held)
        assert parameter_counts(owned) == report.totals.parameters
        assert report[""].parameters == report.totals.parameters
        if read.nodes is not None:
            for figure in ("macs", "flops"):
                whole = getattr(report.totals, figure)
                assert sum(getattr(layer.own, figure) for layer in report.layers) == whole
                assert getattr(report[""], figure) == whole

    def test_zero_is_never_silent(self, report: Report) -> None:
        for entry in report.entries:
            if entry.cost is None:
                unknown = {one.operation for one in report.coverage.unknown}
                assert entry.node.operation.kind in unknown
                assert any(entry.node.operation.kind in note for note in report.notes)
            elif any(tensor.elements for tensor in entry.node.outputs):
                assert entry.cost.free or entry.cost.by_category, (
                    f"{entry.node.native} costs nothing and does not say why"
                )

    def test_the_report_survives_json(self, report: Report) -> None:
        assert json.loads(json.dumps(report.to_dict())) == report.to_dict()

    def test_a_damaged_file_is_an_error_in_one_line(
        self, importer: Importer, request_for_model: Request, tmp_path: Path
    ) -> None:
        for suffix in importer.suffixes:
            path = tmp_path / f"damaged{suffix}"
            path.write_bytes(b"\x00\xffdamaged")
            assert importer.takes(path)
            with pytest.raises(ModelError) as caught:
                importer.read(importer.load(path), request_for_model)
            assert path.name in str(caught.value)
            assert len(str(caught.value).splitlines()) == 1


def _walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Go through nodes and those inside their loops and branches."""
    for node in nodes:
        yield node
        match node.operation:
            case Repeat(body=body):
                yield from _walk(body)
            case Branch(alternatives=alternatives):
                for way in alternatives:
                    yield from _walk(way)


def _tensors(model: Model) -> Iterator[Tensor]:
    yield from (*model.inputs, *model.outputs)
    for layer in model.layers:
        yield from layer.outputs
    for node in _walk(model.nodes or ()):
        yield from (*node.inputs, *node.outputs)
