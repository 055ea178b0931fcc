"""Files of tensors: parameters and bytes are those of the model that wrote them; nothing is run."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import torchvision
from safetensors import SafetensorError, safe_open
from torch import nn

import analyzer
from analyzer import (
    AnalyzerError,
    InputError,
    ModelError,
    Report,
    Request,
    UsageError,
    normalize_inputs,
)
from analyzer.testing import ImporterConformance
from analyzer_torch import TorchImporter

RAN: list[str] = []


class Harmful:
    """What a stranger may pickle."""

    def __reduce__(self) -> Any:
        return RAN.append, ("ran",)


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(8, 2))


def check(report: Report, model: nn.Module) -> None:
    """Compare with what the module itself tells; of a file, kinds are known by names alone."""
    totals = report.totals
    memory = totals.memory
    assert totals.parameters.total == sum(p.numel() for p in model.parameters())
    assert memory.parameter_bytes == sum(p.nbytes for p in model.parameters())
    assert totals.parameters.state + totals.parameters.constants == sum(
        b.numel() for b in model.buffers()
    )
    assert totals.macs is None
    assert totals.flops is None
    assert memory.peak_activation_bytes is None
    assert any("no model" in note for note in report.notes)
    whole = analyzer.analyze(model, (1, 3, 3, 4)) if isinstance(model, nn.Sequential) else None
    if whole is not None:
        assert totals.parameters.state == whole.totals.parameters.state


FOUR = '"dtype":"F32","shape":[1],"data_offsets"'
WRONG = (
    f'{{"a":{{{FOUR}:[0,4]}},"a":{{{FOUR}:[4,8]}}}}',
    f'{{"a":{{{FOUR}:[0,4]}},"b":{{{FOUR}:[0,4]}}}}',
    f'{{"a":{{{FOUR}:[4,8]}}}}',
    f'{{"a":{{{FOUR}:[-4,0]}}}}',
    '{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}',
    '{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}',
    '{"a":{"dtype":"F32","shape":"1","data_offsets":[0,4]}}',
)
"""Headers of files of eight bytes: a name twice, bytes used twice, a gap, numbers that are none."""


def headed(header: str) -> bytes:
    return struct.pack("<Q", len(header)) + header.encode() + bytes(8)


class TestSafetensors:
    def test_a_model(self, tmp_path: Path) -> None:
        model, path = torchvision.models.resnet18(), tmp_path / "resnet.safetensors"
        safetensors.torch.save_file(model.state_dict(), path, metadata={"format": "pt"})
        report = analyzer.analyze(path)
        check(report, model)
        assert report.model.framework == "safetensors"
        assert report["layer1.0.conv1"].parameters.total == model.layer1[0].conv1.weight.numel()
        assert report["layer1"].parameters.total == sum(
            p.numel() for p in model.layer1.parameters()
        )
        assert "layer1.0.conv1" in report.render("csv")

    def test_weights_are_not_read(self, tmp_path: Path) -> None:
        elements, path = 10**12, tmp_path / "huge.safetensors"
        told = {
            "a.weight": {"dtype": "F16", "shape": [elements], "data_offsets": [0, 2 * elements]}
        }
        header = json.dumps(told).encode()
        with path.open("wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            file.truncate(8 + len(header) + 2 * elements)  # a hole, no bytes on the disk
        report = analyzer.analyze(path)
        assert report.totals.parameters.total == elements
        assert report.totals.memory.parameter_bytes == 2 * elements

    def test_bytes_of_every_type(self, tmp_path: Path) -> None:
        kinds = ["BF16", "F16", "F32", "F64", "F8_E4M3", "F8_E5M2", "F8_E8M0", "C64"]
        tensors: dict[str, dict[str, Any]] = {}
        path, end = tmp_path / "kinds.safetensors", 0
        sizes = {"BF16": 2, "F16": 2, "F32": 4, "F64": 8, "C64": 8}
        for kind in kinds:
            taken = 6 * sizes.get(kind, 1)
            tensors[f"{kind}.weight"] = {
                "dtype": kind, "shape": [2, 3], "data_offsets": [end, end + taken],
            }  # fmt: skip
            end += taken
        for kind, taken in (("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6)):  # eight elements packed
            tensors[f"{kind}.weight"] = {
                "dtype": kind, "shape": [8], "data_offsets": [end, end + taken],
            }  # fmt: skip
            end += taken
        header = json.dumps(tensors).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(end))
        with safe_open(path, "pt") as opened:  # the library takes it for sound
            assert set(opened.keys()) == set(tensors)
        totals = analyzer.analyze(path).totals
        assert totals.memory.parameter_bytes == end
        assert totals.parameters.total == 6 * len(kinds) + 3 * 8

    def test_packed_weights_keep_their_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "packed.safetensors"
        tensors = {
            "layer.qweight": torch.zeros(4, 8, dtype=torch.int32),
            "layer.scales": torch.zeros(2, 8, dtype=torch.float16),
            "layer.qzeros": torch.zeros(2, 1, dtype=torch.int32),
        }
        safetensors.torch.save_file(tensors, path)
        totals = analyzer.analyze(path).totals
        assert totals.memory.parameter_bytes == tensors["layer.qweight"].nbytes
        assert totals.memory.constant_bytes == sum(
            tensor.nbytes for name, tensor in tensors.items() if name != "layer.qweight"
        )

    def test_shards(self, tmp_path: Path) -> None:
        model = small()
        places = {}
        for at, name in enumerate(model.state_dict()):
            file = f"model-{at % 2 + 1:05}-of-00002.safetensors"
            places[name] = file
        for file in set(places.values()):
            part = {name: t for name, t in model.state_dict().items() if places[name] == file}
            safetensors.torch.save_file(part, tmp_path / file)
        index = tmp_path / "model.safetensors.index.json"
        index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
        check(analyzer.analyze(index), model)
        check(analyzer.analyze(tmp_path), model)
        one = analyzer.analyze(tmp_path / "model-00001-of-00002.safetensors")
        assert any("file 1 of 2" in note for note in one.notes)

        index.write_text(json.dumps({"weight_map": {**places, "more.weight": file}}))
        with pytest.raises(ModelError, match=r"'more\.weight'.*do not belong together"):
            analyzer.analyze(index)
        (tmp_path / file).unlink()
        with pytest.raises(ModelError, match="not there beside it"):
            analyzer.analyze(index)
        for wrong in ("{", "[]", '{"weight_map": [1]}', '{"weight_map": {"a": "../b"}}'):
            index.write_text(wrong)
            with pytest.raises(ModelError, match=r"model\.safetensors\.index\.json"):
                analyzer.analyze(index)

    def test_damage(self, tmp_path: Path) -> None:
        path = tmp_path / "small.safetensors"
        safetensors.torch.save_file(small().state_dict(), path)
        whole = path.read_bytes()
        length = struct.unpack("<Q", whole[:8])[0]
        entry = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}'
        for damaged in (
            b"",
            b"short",
            whole[:-1],
            whole[: 8 + length // 2],
            b"\xff" * 64,
            struct.pack("<Q", 2) + b"[]",
            struct.pack("<Q", len(entry)) + entry + bytes(4),
            struct.pack("<Q", 14) + b'{"a": {"b":1}}',
            *map(headed, WRONG),
        ):
            path.write_bytes(damaged)
            with pytest.raises(ModelError, match=r"small\.safetensors") as caught:
                analyzer.analyze(path)
            assert "\n" not in str(caught.value)
            with pytest.raises(SafetensorError):  # nor does the library take it
                safetensors.torch.load_file(path)


class TestCheckpoints:
    @pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".ckpt"])
    def test_a_state_dict(self, suffix: str, tmp_path: Path) -> None:
        model, path = small(), tmp_path / f"small{suffix}"
        torch.save(model.state_dict(), path)
        report = analyzer.analyze(path)
        check(report, model)
        assert report["1"].parameters.state == 4 + 4 + 1

    def test_old_files(self, tmp_path: Path) -> None:
        model, path = small(), tmp_path / "small.pth"
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)
        check(analyzer.analyze(path), model)

    @pytest.mark.parametrize(
        "around",
        [
            lambda state: {"state_dict": state, "epoch": 3},
            lambda state: {"model": state, "args": {"lr": 0.1}},
            lambda state: {"model": {"state_dict": state}},
            lambda state: {"epoch": 3, "weights_of_the_thing": state},
        ],
    )
    def test_what_training_scripts_write(self, around: Any, tmp_path: Path) -> None:
        model, path = small(), tmp_path / "small.ckpt"
        torch.save(around(model.state_dict()), path)
        check(analyzer.analyze(path), model)

    def test_the_optimizer_is_no_model(self, tmp_path: Path) -> None:
        model, path = small(), tmp_path / "small.pt"
        optimizer = torch.optim.Adam(model.parameters())
        model(torch.zeros(2, 3, 3, 4)).sum().backward()
        optimizer.step()
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)
        report = analyzer.analyze(path)
        check(report, model)
        assert any(note.startswith("not part of the model") for note in report.notes)
        torch.save({"optimizer": optimizer.state_dict()}, path)
        with pytest.raises(ModelError, match="none of it is a model"):
            analyzer.analyze(path)

    def test_a_tensor_beside_the_model_is_no_part_of_it(self, tmp_path: Path) -> None:
        model, path = small(), tmp_path / "small.pt"
        moments = {"state": {0: {"exp_avg": torch.zeros(5, 4)}}}
        best = torch.tensor(0.5)
        torch.save({"model": model.state_dict(), "optimizer": moments, "best": best}, path)
        report = analyzer.analyze(path)
        check(report, model)
        assert any("optimizer" in note and "best" in note for note in report.notes)
        torch.save({**model.state_dict(), "optimizer": moments}, path)
        check(analyzer.analyze(path), model)

    def test_tensors_of_different_files_are_never_tied(self, tmp_path: Path) -> None:
        model = nn.Sequential(*(nn.Linear(40, 50) for _ in range(4)))
        places = {name: f"part{name[0]}.bin" for name in model.state_dict()}
        for file in set(places.values()):
            part = {name: t for name, t in model.state_dict().items() if places[name] == file}
            torch.save(part, tmp_path / file)
        index = tmp_path / "pytorch_model.bin.index.json"
        index.write_text(json.dumps({"weight_map": places}))
        totals = analyzer.analyze(index).totals
        assert totals.parameters.total == sum(p.numel() for p in model.parameters())

    @pytest.mark.filterwarnings("ignore:Sparse")
    def test_sparse_tensors_have_the_bytes_of_their_parts(self, tmp_path: Path) -> None:
        dense, path = torch.eye(8), tmp_path / "sparse.pt"
        rows, pairs = dense.to_sparse_csr(), dense.to_sparse()
        empty = torch.zeros(8, 8).to_sparse()
        torch.save({"a.weight": rows, "b.weight": pairs, "c.weight": empty}, path)
        totals = analyzer.analyze(path).totals
        assert totals.parameters.total == 3 * 64
        assert totals.memory.parameter_bytes == sum(
            part.nbytes
            for part in (
                rows.values(), rows.crow_indices(), rows.col_indices(),
                pairs._values(), pairs._indices(),
            )
        )  # fmt: skip

    def test_a_container_inside_itself(self, tmp_path: Path) -> None:
        path, endless = tmp_path / "endless.pt", list[Any]()
        endless.append(endless)
        torch.save({"state": endless}, path)
        with pytest.raises(ModelError, match=r"endless\.pt.*inside itself"):
            analyzer.analyze(path)

    def test_two_models(self, tmp_path: Path) -> None:
        path = tmp_path / "gan.pt"
        torch.save({"generator": small().state_dict(), "critic": small().state_dict()}, path)
        report = analyzer.analyze(path)
        assert report.totals.parameters.total == 2 * sum(p.numel() for p in small().parameters())
        assert report["generator"].parameters == report["critic"].parameters

    def test_tied_weights_are_one(self, tmp_path: Path) -> None:
        path = tmp_path / "tied.pt"
        weight = torch.zeros(5, 3)
        torch.save({"table.weight": weight, "head.weight": weight, "head.bias": weight[0]}, path)
        report = analyzer.analyze(path)
        assert report.totals.parameters.total == 15 + 3
        assert report["head"].shared_with == ("table",)

    def test_memory_is_mapped(self, tmp_path: Path) -> None:
        model, path = small(), tmp_path / "small.pt"
        torch.save(model.state_dict(), path)
        before = path.stat().st_atime_ns, path.read_bytes()
        analyzer.analyze(path)
        assert path.read_bytes() == before[1]

    @pytest.mark.parametrize("zipped", [True, False])
    @pytest.mark.parametrize(
        ("saved", "kind"),
        [
            (small(), "torch.nn.modules.container.Sequential"),
            ({"model": small()}, "torch.nn.modules.container.Sequential"),
            (Harmful(), "getattr"),
            ([Harmful()], "getattr"),
        ],
    )
    def test_pickled_code_is_never_run(
        self, saved: object, kind: str, zipped: bool, tmp_path: Path
    ) -> None:
        path = tmp_path / "whole.pt"
        torch.save(saved, path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(ModelError, match=r"whole\.pt.*would run code.*state_dict") as caught:
            analyzer.analyze(path)
        assert kind in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not RAN

    @pytest.mark.parametrize("saved", [{}, {"epoch": 3}, 5, [1, 2], "text"])
    def test_nothing_to_count(self, saved: object, tmp_path: Path) -> None:
        path = tmp_path / "other.pt"
        torch.save(saved, path)
        with pytest.raises(ModelError, match=r"other\.pt.*without tensors"):
            analyzer.analyze(path)

    def test_one_tensor(self, tmp_path: Path) -> None:
        path = tmp_path / "one.pt"
        torch.save(torch.zeros(3, 4), path)
        assert analyzer.analyze(path).totals.parameters.total == 12

    def test_damage(self, tmp_path: Path) -> None:
        path = tmp_path / "small.pt"
        torch.save(small().state_dict(), path)
        whole = path.read_bytes()
        for damaged in (b"", b"hello", whole[: len(whole) // 2], whole[:100], b"\x80\x02."):
            path.write_bytes(damaged)
            with pytest.raises(ModelError, match=r"small\.pt") as caught:
                analyzer.analyze(path)
            assert "\n" not in str(caught.value)


def test_layers_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "many.safetensors"
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(12)))
    safetensors.torch.save_file(model.state_dict(), path)
    report = analyzer.analyze(path)
    assert [layer.path for layer in report.layers[1:]] == list(map(str, range(12)))
    why = report["7"].explain().parameters[0].why
    assert "no graph" in why


class TestConformance(ImporterConformance):
    """What every importer must do, damaged files of every suffix included."""

    @pytest.fixture
    def importer(self) -> TorchImporter:
        return TorchImporter()

    @pytest.fixture
    def model(self) -> nn.Module:
        return small()

    @pytest.fixture
    def expected_total(self) -> int:
        return sum(p.numel() for p in small().parameters())

    @pytest.fixture
    def request_for_model(self) -> Request:
        return Request(inputs=normalize_inputs((1, 3, 3, 4)), name="small")

    def fingerprint(self, model: object) -> object:
        assert isinstance(model, nn.Module)
        return model.training, {name: one.tolist() for name, one in model.state_dict().items()}


class TestRequests:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "small.pt"
        torch.save(small().state_dict(), path)
        return path

    def test_inputs_have_nowhere_to_go(self, path: Path) -> None:
        with pytest.raises(InputError, match=r"small\.pt.*nothing to give inputs to \(1x3x8x8\)"):
            analyzer.analyze(path, (1, 3, 8, 8))

    def test_arguments_neither(self, path: Path) -> None:
        with pytest.raises(UsageError, match=r"--arg is for .* leave out width$"):
            analyzer.analyze(path, arguments={"width": 3})

    def test_what_is_taken(self, path: Path, tmp_path: Path) -> None:
        assert TorchImporter().takes(path)
        for suffix in TorchImporter.suffixes:
            assert TorchImporter().takes(tmp_path / f"some{suffix.upper()}")
        assert not TorchImporter().takes(tmp_path)
        for content in ("{}", "[", '{"class_name": "Functional"}', "null"):
            (tmp_path / "config.json").write_text(content)
            assert not TorchImporter().takes(tmp_path / "config.json")
            assert not TorchImporter().takes(tmp_path)

    def test_every_error_is_of_ours(self, tmp_path: Path) -> None:
        for suffix in TorchImporter.suffixes:
            folder = tmp_path / f"folder{suffix}"
            folder.mkdir()
            with pytest.raises(AnalyzerError):
                analyzer.analyze(folder)


def test_a_report_of_a_file_has_its_schema(tmp_path: Path) -> None:
    import jsonschema

    path = tmp_path / "small.pt"
    torch.save(small().state_dict(), path)
    root = Path(analyzer.__file__).parent / "schema" / "report-1.json"
    schema: Mapping[str, Any] = json.loads(root.read_text())
    jsonschema.validate(analyzer.analyze(path).to_dict(), schema)
