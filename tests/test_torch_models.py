"""Whole models: counts equal PyTorch's own instrumented runs, and the known answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import WeightsEnum

import analyzer
from analyzer import InputSpec, ModelError, Report
from analyzer_torch.defaults import inputs_for, told
from analyzer_torch.zoo import without_weights
from examples import cnn_torch
from tests.torch_truth import held_bytes

QUICK = (
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "mobilenet_v3_small",
    "resnet50",
    "shufflenet_v2_x0_5",
    "swin_v2_t",
    "vit_b_16",
)
FAMILIES = (torchvision.models, torchvision.models.segmentation, torchvision.models.video)


def published() -> Iterator[tuple[str, WeightsEnum]]:
    """Every set of weights that torchvision has, each with the size that it was trained for."""
    for family in FAMILIES:
        for name in torchvision.models.list_models(module=family):
            for weights in torchvision.models.get_model_weights(name):
                yield name, weights


def target(name: str) -> str:
    builder = torchvision.models.get_model_builder(name)
    return f"{builder.__module__}:{builder.__name__}"


def built(name: str, **arguments: object) -> nn.Module:
    """Build without weights, on ``meta`` to save time; regnets compute with numbers to be built."""
    builder = torchvision.models.get_model_builder(name)
    arguments = without_weights(target(name), builder, arguments)
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        model = builder(**arguments)
    assert isinstance(model, nn.Module)
    return model.to("meta")


def told_input(name: str, model: nn.Module) -> InputSpec:
    (spec,) = told(target(name), model, 1).inputs
    assert isinstance(spec, InputSpec)
    return spec


def counted_by_torch(model: nn.Module, shape: tuple[int, ...]) -> int:
    """MACs as PyTorch's own counter sees them on ``meta``, without the fused encoder."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model.eval()(torch.empty(shape, device="meta"))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    flops: int = counter.get_total_flops()
    macs, rest = divmod(flops, 2)
    assert rest == 0
    return macs


def check_against_torch(model: nn.Module, shape: tuple[int, ...]) -> Report:
    report = analyzer.analyze(model, shape)
    memory = report.totals.memory
    assert report.totals.macs == counted_by_torch(model, shape)
    assert report.totals.parameters.total == sum(p.numel() for p in model.parameters())
    assert report.coverage.complete
    assert not report.notes
    assert memory.peak_activation_bytes is not None
    assert memory.eager_peak_activation_bytes is not None
    assert memory.peak_activation_bytes <= memory.eager_peak_activation_bytes
    return report


@pytest.mark.parametrize("name", QUICK)
def test_macs_are_those_of_the_flop_counter(name: str) -> None:
    model = built(name)
    spec = told_input(name, model)
    check_against_torch(model, spec.shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "weights"), [pytest.param(*one, id=f"{one[0]}-{one[1].name}") for one in published()]
)
def test_published_figures_of_every_torchvision_model(name: str, weights: WeightsEnum) -> None:
    (spec,) = inputs_for(weights, 1)
    arguments: dict[str, object] = {}
    if name.startswith("vit"):
        arguments["image_size"] = spec.shape[-1]
    if name.startswith(("deeplab", "fcn")):
        arguments["aux_loss"] = True
    totals = check_against_torch(built(name, **arguments), spec.shape).totals
    assert totals.macs is not None
    # Published to three digits behind the point, and cut off rather than rounded in places.
    assert abs(totals.macs - weights.meta["_ops"] * 1e9) <= 1e6
    if name not in ("googlenet", "inception_v3"):  # published without their auxiliary heads
        assert totals.parameters.total == weights.meta["num_params"]


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        ("convnext_tiny", 28_589_128, 4_455_531_264),
        ("densenet121", 7_978_856, 2_834_161_664),
        ("efficientnet_b0", 5_288_548, 385_814_752),
        ("mobilenet_v2", 3_504_872, 300_774_272),
        ("resnet50", 25_557_032, 4_089_184_256),
        ("vgg19", 143_667_240, 19_632_062_464),
        ("vit_b_16", 86_567_656, 17_563_828_224),
    ],
)
def test_known_answers(name: str, parameters: int, macs: int) -> None:
    report = analyzer.analyze(built(name), (1, 3, 224, 224))
    assert (report.totals.parameters.total, report.totals.macs) == (parameters, macs)


def test_fresh_googlenet_is_analysed_as_inference() -> None:
    report = analyzer.analyze("torchvision.models:googlenet")
    assert report.totals.macs == 1_498_376_192


def test_training_runs_the_auxiliary_heads() -> None:
    # The heads alone take 8,372,224 MACs, besides what inference computes.
    report = analyzer.analyze("torchvision.models:googlenet", mode="train", batch_size=2)
    assert report.totals.macs == 2 * 1_506_748_416
    assert report.totals.flops_by_category is not None
    model = torchvision.models.googlenet(init_weights=False).train()
    assert report.totals.parameters.total == sum(p.numel() for p in model.parameters())


class TestMemory:
    def test_resnet50(self) -> None:
        memory = analyzer.analyze("torchvision.models:resnet50").totals.memory
        assert memory.parameter_bytes == 102_228_128
        assert memory.state_bytes == 212_904
        assert memory.eager_peak_activation_bytes == 10_436_608

    def test_densenet121(self) -> None:
        memory = analyzer.analyze("torchvision.models:densenet121").totals.memory
        assert memory.eager_peak_activation_bytes == 10_035_200

    def test_mobilenet_v2(self) -> None:
        memory = analyzer.analyze("torchvision.models:mobilenet_v2").totals.memory
        assert memory.eager_peak_activation_bytes == 10_436_608
        assert memory.peak_activation_bytes == 9_633_792

    def test_vit_b_16_has_fused_attention(self) -> None:
        memory = analyzer.analyze("torchvision.models:vit_b_16").totals.memory
        assert memory.eager_peak_activation_bytes == 7_867_392

    @pytest.mark.parametrize(
        "name",
        [
            "densenet121",
            "mobilenet_v2",
            "resnet50",
            "squeezenet1_0",
            pytest.param("convnext_tiny", marks=pytest.mark.slow),
            pytest.param("efficientnet_b0", marks=pytest.mark.slow),
            pytest.param("googlenet", marks=pytest.mark.slow),
            pytest.param("regnet_y_400mf", marks=pytest.mark.slow),
            pytest.param("swin_t", marks=pytest.mark.slow),
            pytest.param("vgg11", marks=pytest.mark.slow),
            pytest.param("vit_b_16", marks=pytest.mark.slow),
        ],
    )
    def test_eager_peak_is_what_memtracker_measures(self, name: str) -> None:
        model = built(name).eval().to_empty(device="cpu")
        with torch.no_grad():
            for tensor in (*model.parameters(), *model.buffers()):
                tensor.zero_()
        spec = told_input(name, model)
        image = torch.zeros(spec.shape)
        sizes = held_bytes(model, image)
        measured = sizes["Total"] - sizes["PARAM"] - sizes["BUFFER"] - image.nbytes
        found = analyzer.analyze(model, spec).totals.memory.eager_peak_activation_bytes
        assert found is not None
        assert abs(found - measured) <= measured // 1000


class TestFirstCnn:
    @pytest.fixture
    def report(self) -> Report:
        return analyzer.analyze(cnn_torch.build(), (1, 3, 32, 32))

    def test_parameters_of_each_layer(self, report: Report) -> None:
        found = {layer.path: layer.figures.parameters.total for layer in report.layers}
        assert found["Conv1"] == 3 * 3 * 3 * 32 + 32
        assert found["Conv2"] == 18_496
        assert found["Conv3"] == 73_856
        assert found["Conv4"] == 33_024
        assert found["Dense"] == 2_621_450
        assert found[""] == 2_747_722
        assert found["Flatten"] == found["ReLU1"] == 0

    def test_macs_of_each_layer(self, report: Report) -> None:
        places = 32 * 32
        found = {layer.path: layer.figures.macs for layer in report.layers}
        assert found["Conv1"] == places * 3 * 3 * 3 * 32
        assert found["Conv4"] == places * 128 * 256
        assert found["Dense"] == 262_144 * 10

    def test_kernels_name_their_axes(self, report: Report) -> None:
        kernel = next(p for p in report.model.parameters if p.name == "Conv1.weight")
        assert kernel.role == "kernel"
        assert kernel.axes == ("filters", "input channels", "kernel height", "kernel width")


class TestExportedPrograms:
    def test_file_counts_like_the_module(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        path = tmp_path_factory.mktemp("pt2") / "cnn.pt2"
        model = cnn_torch.build().eval()
        program = torch.export.export(model, (torch.zeros(1, 3, 32, 32),))
        torch.export.save(program, path)
        whole = analyzer.analyze(model, (1, 3, 32, 32)).totals
        assert analyzer.analyze(path).totals.macs == whole.macs
        assert analyzer.analyze(program).totals.parameters == whole.parameters
        assert analyzer.analyze(program).totals.flops == whole.flops

    def test_layers_are_those_of_the_module(self) -> None:
        class Looped(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.blocks = nn.ModuleList(
                    nn.Sequential(nn.Linear(4, 4), nn.GELU()) for _ in range(2)
                )
                self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
                self.unused = nn.Linear(9, 9)

            def forward(self, x: Tensor) -> Tensor:
                for block in (*self.blocks, self.blocks[0]):
                    x = block(x)
                attended: Tensor = self.attention(x, x, x, need_weights=False)[0]
                return x + attended

        model = Looped().eval()
        program = torch.export.export(model, (torch.zeros(2, 3, 4),))
        nodes = len(program.graph.nodes)
        module, exported = analyzer.analyze(model, (2, 3, 4)), analyzer.analyze(program)
        for path in ("", "blocks", "blocks.0", "blocks.0.0", "blocks.0.1", "blocks.1", "attention"):
            one, other = (
                report[path] if path else report.layers[0] for report in (module, exported)
            )
            assert (one.calls, one.own.macs, one.own.flops) == (
                other.calls,
                other.own.macs,
                other.own.flops,
            )
            assert one.parameters == other.parameters
            assert one.outputs == other.outputs
            assert other.type == one.type or path == "blocks"
        assert exported["unused"].parameters.total == 90
        assert not exported["unused"].calls
        assert len(program.graph.nodes) == nodes

    def test_inputs_by_position_and_by_name(self) -> None:
        class Scaled(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.dense, self.side = nn.Linear(4, 3), nn.Linear(2, 3)

            def forward(self, x: Tensor, extra: Tensor) -> Tensor:
                return torch.add(self.dense(x), self.side(extra))

        model = Scaled().eval()
        program = torch.export.export(model, (torch.zeros(2, 4),), {"extra": torch.zeros(2, 2)})
        macs = 2 * 4 * 3 + 2 * 2 * 3
        assert analyzer.analyze(program).totals.macs == macs
        assert analyzer.analyze(program, ((2, 4), (2, 2))).totals.macs == macs
        assert analyzer.analyze(program, {"x": (2, 4), "extra": (2, 2)}).totals.macs == macs
        assert analyzer.analyze(program, {"extra": (2, 2), "x": (2, 4)}).totals.macs == macs
        with pytest.raises(analyzer.InputError, match="3x4"):
            analyzer.analyze(program, ((3, 4), (2, 2)))

    def test_damaged_file(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        path = tmp_path_factory.mktemp("pt2") / "cnn.pt2"
        program = torch.export.export(cnn_torch.build().eval(), (torch.zeros(1, 3, 32, 32),))
        torch.export.save(program, path)
        whole = path.read_bytes()
        for damaged in (b"", b"not an archive", whole[: len(whole) // 2]):
            path.write_bytes(damaged)
            with pytest.raises(ModelError, match=r"cnn\.pt2"):
                analyzer.analyze(path)
