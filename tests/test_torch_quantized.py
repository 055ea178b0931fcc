"""Weights that are stored as something else than they are."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from math import prod
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.ao import quantization as torch_quantization

import analyzer
from analyzer import AnalyzerError, Report, ops

IN, HIDDEN, OUT, ROWS = 64, 32, 16, 4
ELEMENTS = IN * HIDDEN + HIDDEN + HIDDEN * OUT + OUT
MACS = ROWS * (IN * HIDDEN + HIDDEN * OUT)

quantization: Any = torch_quantization  # its functions have no types

pytestmark = [
    pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch.*"),
]


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(IN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, OUT))


def check(report: Report, *, weight_bytes: int) -> None:
    """Compare with the network that is not quantised: its elements and MACs, other bytes."""
    totals = report.totals
    assert report.coverage.complete
    assert totals.parameters.total == ELEMENTS
    assert totals.macs == MACS
    assert totals.memory.parameter_bytes == weight_bytes


class TestPacked:
    """Modules of PyTorch whose weights are packed in objects."""

    @pytest.mark.parametrize(("dtype", "width"), [(torch.qint8, 1), (torch.float16, 2)])
    def test_dynamic(self, dtype: torch.dtype, width: int) -> None:
        model = quantization.quantize_dynamic(network(), {nn.Linear}, dtype=dtype)
        report = analyzer.analyze(model, (ROWS, IN))
        biases = HIDDEN + OUT
        check(report, weight_bytes=width * (ELEMENTS - biases) + 4 * biases)
        assert report["0"].parameters.total == IN * HIDDEN + HIDDEN
        assert report["0"].macs == ROWS * IN * HIDDEN
        roles = {parameter.name: parameter.role for parameter in report.model.parameters}
        assert (roles["0.weight"], roles["0.bias"]) == ("kernel", "bias")
        assert any("real numbers" in note and "linear_dynamic" in note for note in report.notes)

    def test_static(self) -> None:
        class Network(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.start, self.end = quantization.QuantStub(), quantization.DeQuantStub()
                self.convolution, self.relu = nn.Conv2d(3, 4, 3), nn.ReLU()
                self.dense = nn.Linear(4, 2)

            def forward(self, image: Tensor) -> Any:
                features = self.relu(self.convolution(self.start(image)))
                return self.end(self.dense(features.mean((2, 3))))

        plain, model = Network().eval(), Network().eval()
        model.qconfig = quantization.get_default_qconfig()
        quantization.prepare(model, inplace=True)
        model(torch.randn(1, 3, 8, 8))
        quantization.convert(model, inplace=True)
        shape = (1, 3, 8, 8)
        report, floats = analyzer.analyze(model, shape), analyzer.analyze(plain, shape)
        assert report.coverage.complete
        assert report.totals.parameters.total == floats.totals.parameters.total
        assert report.totals.macs == floats.totals.macs
        assert report["convolution"].macs == floats["convolution"].macs
        assert (report.totals.integer_ops or 0) > 2 * (report.totals.macs or 0)


class Scaled(Tensor):
    """A wrapper around integers and their scale."""

    integers: Tensor
    scale: Tensor

    @staticmethod
    def __new__(cls, integers: Tensor, scale: Tensor) -> Scaled:
        made: Scaled = Tensor._make_wrapper_subclass(
            cls, integers.shape, dtype=scale.dtype, device=integers.device
        )
        made.integers, made.scale = integers, scale
        return made

    def __init__(self, integers: Tensor, scale: Tensor) -> None:
        pass

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["integers", "scale"], None

    @classmethod
    def __tensor_unflatten__(cls, inner: dict[str, Tensor], *_: Any) -> Scaled:
        return cls(inner["integers"], inner["scale"])

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is torch.ops.aten.detach.default:
            return cls(args[0].integers, args[0].scale)
        plain = [
            arg.integers.to(arg.scale.dtype) * arg.scale if isinstance(arg, cls) else arg
            for arg in args
        ]
        return func(*plain, **(kwargs or {}))


class TestSubclasses:
    def test_a_wrapper_runs_its_own_operators(self) -> None:
        model = nn.Linear(IN, OUT)
        integers, scale = torch.zeros(OUT, IN, dtype=torch.int8), torch.ones(OUT, 1)
        model.weight = nn.Parameter(Scaled(integers, scale), requires_grad=False)
        report = analyzer.analyze(model, (ROWS, IN))
        plain = analyzer.analyze(nn.Linear(IN, OUT), (ROWS, IN))
        assert report.coverage.complete
        assert report.totals.parameters.total == plain.totals.parameters.total
        assert report.totals.parameters.frozen == IN * OUT
        assert report.totals.memory.parameter_bytes == IN * OUT + 4 * OUT + 4 * OUT
        assert report.totals.macs == plain.totals.macs
        assert plain.totals.flops is not None
        assert report.totals.flops == plain.totals.flops + IN * OUT  # each weight gets its scale
        assert not report.notes

    @pytest.mark.skipif(find_spec("torchao") is None, reason="needs torchao")
    def test_torchao(self) -> None:
        ways: Any = import_module("torchao.quantization")
        biases = 4 * (HIDDEN + OUT)
        for config in (ways.Int8WeightOnlyConfig, ways.Int8DynamicActivationInt8WeightConfig):
            model: Any = network()
            ways.quantize_(model, config())
            held = [inner for at in (0, 2) for inner in vars(model[at].weight).values()]
            weights = sum(inner.nbytes for inner in held if isinstance(inner, Tensor))
            check(analyzer.analyze(model, (ROWS, IN)), weight_bytes=weights + biases)

    def test_fake_parameters(self) -> None:
        with FakeTensorMode():
            model = network()
        check(analyzer.analyze(model, (ROWS, IN)), weight_bytes=4 * ELEMENTS)

    def test_sparse_parameters_are_refused(self) -> None:
        model = nn.Linear(4, 4, bias=False)
        model.weight = nn.Parameter(torch.eye(4).to_sparse(), requires_grad=False)
        with pytest.raises(AnalyzerError, match=r"'weight' is sparse \(sparse_coo\).*to_dense"):
            analyzer.analyze(model, (2, 4))

    @pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
    def test_nested_inputs_are_refused(self, layout: torch.layout) -> None:
        parts = [torch.zeros(3, IN), torch.zeros(5, IN)]
        nested = torch.nested.nested_tensor(parts, layout=layout)
        with pytest.raises(AnalyzerError, match=r"has no shape of plain sizes.*padded"):
            analyzer.analyze(network(), nested)


class Nibbles(nn.Module):
    """A dense layer as GPTQ stores it: eight weights of four bits in an integer."""

    def __init__(self, in_features: int, out_features: int, group: int = 16) -> None:
        super().__init__()
        self.in_features, self.out_features, self.group = in_features, out_features, group
        groups = in_features // group
        self.qweight: Tensor
        self.scales: Tensor
        packed = torch.zeros(in_features // 8, out_features, dtype=torch.int32)
        self.register_buffer("qweight", packed)
        self.register_buffer("scales", torch.ones(groups, 1, out_features))

    def forward(self, x: Tensor) -> Tensor:
        shifts = torch.arange(0, 32, 4)[:, None]
        weight = (self.qweight[:, None] >> shifts & 15).view(-1, self.group, self.out_features)
        return x @ (weight * self.scales).view(self.in_features, self.out_features)


class TestSeveralInOne:
    def test_gptq(self) -> None:
        report = analyzer.analyze(Nibbles(IN, OUT), (ROWS, IN))
        (weight,) = (p for p in report.model.parameters if p.name == "qweight")
        assert (weight.shape, weight.dtype) == ((IN, OUT), "uint4")
        assert weight.stored_bytes == IN * OUT // 2
        counts = report.totals.parameters
        assert (counts.total, counts.constants) == (IN * OUT, IN // 16 * OUT)
        assert report.totals.macs == ROWS * IN * OUT

    def test_weights_that_remember_their_shape(self) -> None:
        model = nn.Linear(IN, OUT, bias=False)
        packed = torch.zeros(IN * OUT // 2, 1, dtype=torch.uint8)
        model.weight = nn.Parameter(packed, requires_grad=False)
        model.weight.quant_state = SimpleNamespace(shape=torch.Size((OUT, IN)))  # type: ignore[attr-defined]
        model.forward = lambda x: x[:, :OUT] * model.weight[0, 0]  # type: ignore[method-assign, assignment]
        report = analyzer.analyze(model, (ROWS, IN))
        (weight,) = report.model.parameters
        assert (weight.shape, weight.dtype) == ((OUT, IN), "uint4")
        assert weight.stored_bytes == prod(packed.shape)


@pytest.fixture
def process_group() -> Iterator[None]:
    """Pretend that there are four machines."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    distributed.init_process_group("fake", rank=0, world_size=4, store=FakeStore())
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("process_group")
class TestDistributed:
    def test_fully_sharded(self) -> None:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        model = network()
        mesh = init_device_mesh("cpu", (4,))
        for module in (model[0], model[2], model):
            fully_shard(module, mesh=mesh)
        before = {name: id(parameter) for name, parameter in model.named_parameters()}
        report = analyzer.analyze(model, (ROWS, IN))
        check(report, weight_bytes=4 * ELEMENTS)
        assert report["0"].macs == ROWS * IN * HIDDEN
        assert {name: id(parameter) for name, parameter in model.named_parameters()} == before

    def test_wrapped(self) -> None:
        model = nn.parallel.DistributedDataParallel(network())
        check(analyzer.analyze(model, (ROWS, IN)), weight_bytes=4 * ELEMENTS)


class TestPrograms:
    """Exported programs with the operators in which PyTorch spells quantisation out."""

    class Quantized(nn.Module):
        """A dense layer as a program has it: integers that are unpacked, between rounded ones."""

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("integers", torch.ones(OUT, IN, dtype=torch.int8))
            self.bias = nn.Parameter(torch.zeros(OUT))

        def forward(self, x: Tensor) -> Tensor:
            operators = torch.ops.quantized_decomposed
            scale, zero = operators.choose_qparams.tensor(x, 0, 255, 1e-5, torch.uint8)
            limits = (scale, zero, 0, 255, torch.uint8)
            x = operators.dequantize_per_tensor.tensor(
                operators.quantize_per_tensor.tensor(x, *limits), *limits
            )
            weight = operators.dequantize_per_tensor.default(
                self.integers, 0.5, 0, -127, 127, torch.int8
            )
            return nn.functional.linear(x, weight, self.bias)

    @pytest.mark.parametrize("exported", [False, True])
    def test_a_weight_of_integers(self, exported: bool) -> None:
        import_module("torch.ao.quantization.fx._decomposed")  # it registers the operators
        model = self.Quantized()
        inputs = torch.ones(ROWS, IN)
        given: Any = torch.export.export(model, (inputs,)) if exported else model
        report = analyzer.analyze(given, inputs)
        assert report.coverage.complete
        assert report.totals.parameters.total == IN * OUT + OUT
        assert report.totals.parameters.constants == 0
        assert report.totals.memory.parameter_bytes == IN * OUT + 4 * OUT
        assert report.totals.macs == ROWS * IN * OUT
        quantized = ops.Elementwise(function="quantize", elements=ROWS * IN).cost().flops
        unpacked = ops.Elementwise(function="dequantize", elements=ROWS * IN).cost().flops
        bias = ROWS * OUT
        limits = 2 * (ROWS * IN - 1) + 7
        work = quantized.value + unpacked.value + bias + limits
        assert report.totals.flops == 2 * report.totals.macs + work
