"""Operators: the table, composites kept whole, and what is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import analyzer
from analyzer import Operation, Report, ops
from analyzer_torch.mapping import FAMILIES, TABLE


class Function(nn.Module):
    """A module that is one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Any:
        return self.function(*tensors)


def operations(report: Report) -> list[Operation]:
    """Return the operations that cost something."""
    nodes = report.model.nodes or ()
    return [node.operation for node in nodes if not isinstance(node.operation, ops.Free)]


def run(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Report:
    return analyzer.analyze(Function(function), list(shapes) if len(shapes) > 1 else shapes[0])


def only(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Operation:
    (found,) = operations(run(function, *shapes))
    return found


class TestTable:
    def test_names_are_sorted_and_belong_to_one_family(self) -> None:
        for family in FAMILIES:
            assert list(family) == sorted(family, key=str.lower)
        assert len(TABLE) == sum(map(len, FAMILIES))

    def test_in_place_and_out_are_the_same_operation(self) -> None:
        for function in (torch.relu, torch.relu_, lambda x: torch.add(x, 1, out=x)):
            assert isinstance(only(function, (2, 3)), ops.Elementwise)


class TestUnknown:
    def test_is_listed_and_makes_a_lower_bound(self) -> None:
        report = run(lambda x: torch.linalg.eigvalsh(x) @ x, (3, 3))
        (unknown,) = report.coverage.unknown
        assert unknown.operation == "aten._linalg_eigh"
        assert not report.coverage.complete
        assert any("lower bound" in note for note in report.notes)
        assert report.totals.macs == 9

    def test_composites_are_taken_apart_by_pytorch(self) -> None:
        report = run(F.cosine_similarity, (2, 8), (2, 8))
        assert report.coverage.complete
        assert report.totals.flops


class TestScattering:
    @pytest.mark.parametrize(
        ("function", "additions"),
        [
            (lambda x, i: torch.zeros_like(x).scatter(0, i, x), 0),
            (lambda x, i: torch.zeros_like(x).scatter(0, i, x, reduce="add"), 12),
            (lambda x, i: torch.zeros_like(x).scatter_add(0, i, x), 12),
            (lambda x, i: torch.zeros_like(x).index_add(0, i[:, 0], x), 12),
            (lambda x, i: torch.zeros_like(x).index_add(0, i[:, 0], x, alpha=2), 24),
            (lambda x, i: torch.zeros_like(x).index_put((i[:, 0],), x), 0),
        ],
    )
    def test_combining_is_work_and_writing_is_not(
        self, function: Callable[..., Any], additions: int
    ) -> None:
        inputs = (torch.zeros(3, 4), torch.zeros(3, 4, dtype=torch.long))
        report = analyzer.analyze(Function(function), inputs)
        assert report.coverage.complete
        assert report.totals.flops == additions

    def test_accumulation_at_unknown_places_is_unknown(self) -> None:
        report = run(lambda x: x.index_put((x[0] > 0,), x[:1], accumulate=True), (3, 3))
        assert [unknown.operation for unknown in report.coverage.unknown] == ["aten.index_put"]


class TestContractions:
    @pytest.mark.parametrize(
        ("function", "shapes"),
        [
            (torch.matmul, ((2, 3, 4), (4, 5))),
            (torch.matmul, ((5, 2, 3, 4), (2, 4, 5))),
            (torch.mm, ((3, 4), (4, 5))),
            (torch.bmm, ((2, 3, 4), (2, 4, 5))),
            (torch.addmm, ((3, 5), (3, 4), (4, 5))),
            (torch.baddbmm, ((2, 3, 5), (2, 3, 4), (2, 4, 5))),
            (F.linear, ((2, 3, 4), (5, 4))),
            (F.conv1d, ((2, 4, 9), (6, 4, 3))),
            (lambda x, w: F.conv2d(x, w, padding="same", groups=2), ((1, 4, 9, 9), (6, 2, 5, 3))),
            (lambda x, w: F.conv2d(x, w, stride=2, dilation=2), ((1, 4, 9, 9), (6, 4, 3, 3))),
            (F.conv3d, ((1, 4, 5, 6, 7), (6, 4, 2, 3, 3))),
            (F.conv_transpose1d, ((2, 4, 9), (4, 6, 3))),
            (
                lambda x, w: F.conv_transpose2d(x, w, stride=2, output_padding=1, groups=2),
                ((1, 4, 9, 9), (4, 3, 3, 3)),
            ),
            (lambda a, b: torch.einsum("bij,bjk->bik", a, b), ((2, 3, 4), (2, 4, 5))),
            (lambda a, b: torch.einsum("...ij,...jk->...ik", a, b), ((7, 2, 3, 4), (7, 2, 4, 5))),
            (lambda a, b: torch.einsum("bij,kj", a, b), ((2, 3, 4), (5, 4))),
            (F.scaled_dot_product_attention, ((2, 4, 5, 8), (2, 4, 7, 8), (2, 4, 7, 6))),
            (F.scaled_dot_product_attention, ((2, 5, 8), (2, 7, 8), (2, 7, 8))),
            (
                lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
                ((2, 8, 5, 16), (2, 2, 7, 16), (2, 2, 7, 16)),
            ),
        ],
    )
    def test_macs_are_those_of_the_flop_counter(
        self, function: Callable[..., Any], shapes: tuple[tuple[int, ...], ...]
    ) -> None:
        with FlopCounterMode(display=False) as counter:
            function(*(torch.empty(shape, device="meta") for shape in shapes))
        report = run(function, *shapes)
        assert 2 * (report.totals.macs or 0) == counter.get_total_flops() > 0
        assert len(operations(report)) == 1

    @pytest.mark.parametrize(
        ("function", "shapes", "macs"),
        [
            (torch.mv, ((3, 4), (4,)), 12),
            (torch.dot, ((4,), (4,)), 4),
            (lambda a, b: torch.einsum("i,j->ij", a, b), ((3,), (4,)), 0),
        ],
    )
    def test_what_the_flop_counter_lacks(
        self, function: Callable[..., Any], shapes: tuple[tuple[int, ...], ...], macs: int
    ) -> None:
        assert run(function, *shapes).totals.macs == macs

    @pytest.mark.parametrize(("beta", "alpha", "scaled"), [(1, 1, 0), (0, 2, 30), (3, 2, 60)])
    def test_factors_of_a_product_are_multiplications(
        self, beta: int, alpha: int, scaled: int
    ) -> None:
        found = only(
            lambda c, a, b: torch.baddbmm(c, a, b, beta=beta, alpha=alpha),
            *((2, 3, 5), (2, 3, 4), (2, 4, 5)),
        )
        expected = ops.MatrixProduct(batch=2, m=3, k=4, n=5, addend=beta != 0, scaled=scaled)
        assert found == expected

    def test_bilinear_layers_are_the_matrix_products_that_they_are(self) -> None:
        model = nn.Bilinear(4, 5, 3)
        with FlopCounterMode(display=False) as counter:
            left, right = torch.empty(14, 4, device="meta"), torch.empty(14, 5, device="meta")
            between = torch.einsum("bi,oij->boj", left, torch.empty(3, 4, 5, device="meta"))
            torch.einsum("boj,bj->bo", between, right)
        report = analyzer.analyze(model, ((2, 7, 4), (2, 7, 5)))
        assert report.coverage.complete
        assert 2 * (report.totals.macs or 0) == counter.get_total_flops()
        assert [p.role for p in report.model.parameters] == ["kernel", "bias"]

    @pytest.mark.filterwarnings("ignore:Using padding='same'")
    def test_same_padding_puts_the_odd_one_behind(self) -> None:
        found = only(lambda x, w: F.conv1d(x, w, padding="same"), (1, 2, 9), (3, 2, 4))
        assert isinstance(found, ops.Convolution)
        assert found.padding == ((1, 2),)

    def test_kernels_of_einsum_have_its_labels_for_axes(self) -> None:
        class Projects(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(torch.zeros(4, 8, 6))

            def forward(self, x: Tensor) -> Tensor:
                return torch.einsum("bnd,hde->bhne", x, self.weight)

        (kernel,) = analyzer.analyze(Projects(), (2, 5, 8)).model.parameters
        assert (kernel.role, kernel.axes) == ("kernel", ("h", "d", "e"))

    def test_a_stored_matrix_makes_a_dense_layer(self) -> None:
        class Projects(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(torch.zeros(4, 5))

            def forward(self, x: Tensor) -> Tensor:
                return x @ self.weight

        report = analyzer.analyze(Projects(), (2, 3, 4))
        assert operations(report) == [ops.Linear(rows=6, in_features=4, out_features=5, bias=False)]
        (parameter,) = report.model.parameters
        assert (parameter.role, parameter.axes) == ("kernel", ("input features", "output features"))

    def test_masks(self) -> None:
        q = (1, 2, 5, 8)

        def masks(mask: Any, causal: bool = False) -> ops.Mask:
            found = only(
                lambda x: F.scaled_dot_product_attention(x, x, x, mask(x), is_causal=causal), q
            )
            assert isinstance(found, ops.Attention)
            return found.mask

        assert masks(lambda x: None) is ops.Mask.NONE
        assert masks(lambda x: None, causal=True) is ops.Mask.CAUSAL
        assert masks(lambda x: x.new_ones(5, 5, dtype=torch.bool)) is ops.Mask.BOOLEAN
        assert masks(lambda x: x.new_zeros(5, 5)) is ops.Mask.ADDITIVE


class TestRecurrent:
    @pytest.mark.parametrize(
        ("module", "parameters"), [(nn.LSTM, 1664), (nn.GRU, 1248), (nn.RNN, 416)]
    )
    def test_parameters(self, module: Callable[..., nn.Module], parameters: int) -> None:
        report = analyzer.analyze(module(8, 16), (5, 2, 8))
        (found,) = operations(report)
        assert isinstance(found, ops.Recurrent)
        assert (found.batch, found.steps) == (2, 5)
        assert report.totals.parameters.total == parameters
        assert sum(count.value for count in found.parameter_counts().values()) == parameters
        roles = {p.name: p.role for p in report.model.parameters}
        assert roles == {
            "weight_ih_l0": "kernel",
            "weight_hh_l0": "recurrent kernel",
            "bias_ih_l0": "bias",
            "bias_hh_l0": "recurrent bias",
        }

    @pytest.mark.parametrize("module", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
    def test_cells(self, module: Callable[..., nn.Module]) -> None:
        report = analyzer.analyze(module(8, 16), (2, 8))
        (found,) = operations(report)
        assert isinstance(found, ops.Recurrent)
        assert (found.batch, found.steps, found.hidden_size) == (2, 1, 16)
        counts = sum(count.value for count in found.parameter_counts().values())
        assert counts == report.totals.parameters.total

    @pytest.mark.parametrize("batch_first", [False, True])
    def test_layers_directions_and_projections(self, batch_first: bool) -> None:
        model = nn.LSTM(
            8, 16, num_layers=3, bidirectional=True, proj_size=4, batch_first=batch_first
        )
        report = analyzer.analyze(model, (2, 5, 8) if batch_first else (5, 2, 8))
        (found,) = operations(report)
        assert isinstance(found, ops.Recurrent)
        assert (found.batch, found.steps, found.layers, found.directions) == (2, 5, 3, 2)
        counts = sum(count.value for count in found.parameter_counts().values())
        assert counts == report.totals.parameters.total
        gates = 4 * 16
        first = gates * (8 + 4) + 16 * 4
        above = gates * (2 * 4 + 4) + 16 * 4
        assert report.totals.macs == 2 * 5 * 2 * (first + 2 * above)
        assert {p.role for p in report.model.parameters} >= {"projection kernel"}

    def test_packed_sequences_run_only_the_steps_that_exist(self) -> None:
        class Packed(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.rnn = nn.GRU(8, 16, batch_first=True)

            def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
                packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
                spread, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0])
                return spread

        given = {"x": (3, 7, 8), "lengths": torch.tensor([7, 4, 2])}
        report = analyzer.analyze(Packed(), given)
        assert report.totals.macs == (7 + 4 + 2) * 3 * 16 * (8 + 16)
        assert report.model.outputs[0].shape == (7, 3, 16)

    def test_a_stack_of_them(self) -> None:
        class Stack(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding(100, 8)
                self.lstm = nn.LSTM(8, 16, bidirectional=True, batch_first=True)
                self.gru = nn.GRU(32, 16, batch_first=True)
                self.rnn = nn.RNN(16, 16, batch_first=True)
                self.dense = nn.Linear(16, 5)

            def forward(self, tokens: Tensor) -> Tensor:
                steps, _ = self.lstm(self.embedding(tokens))
                steps, _ = self.gru(steps)
                steps, _ = self.rnn(steps)
                result: Tensor = self.dense(steps[:, -1])
                return result

        model = Stack()
        report = analyzer.analyze(model, {"tokens": torch.zeros(2, 7, dtype=torch.int64)})
        kinds = [found.kind for found in operations(report)]
        assert kinds == ["Embedding", "LSTM", "GRU", "simple RNN", "Linear"]
        lstm, gru, rnn = 2 * 4 * 16 * (8 + 16), 3 * 16 * (32 + 16), 16 * (16 + 16)
        assert report.totals.macs == 2 * 7 * (lstm + gru + rnn) + 2 * 16 * 5
        assert report.totals.parameters.total == sum(p.numel() for p in model.parameters())


class TestAttentionModules:
    @pytest.mark.parametrize("cross", [False, True])
    @pytest.mark.parametrize("weights", [False, True])
    def test_multihead_attention(self, cross: bool, weights: bool) -> None:
        class Attends(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

            def forward(self, x: Tensor, y: Tensor) -> Tensor:
                source = y if cross else x
                found, _ = self.attention(x, source, source, need_weights=weights)
                assert isinstance(found, Tensor)
                return found

        keys = 7 if cross else 5
        report = analyzer.analyze(Attends(), [(2, 5, 16), (2, 7, 16)])
        projections = 2 * (5 + keys + keys + 5) * 16 * 16
        assert report.totals.macs == projections + 2 * 4 * 5 * keys * (4 + 4)
        assert report.coverage.complete
        whole = any(isinstance(found, ops.Attention) for found in operations(report))
        assert whole is not weights

    def test_encoder_without_its_fast_path(self) -> None:
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        model = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        report = analyzer.analyze(model, (2, 5, 16))
        each = 2 * 5 * (4 * 16 * 16 + 2 * 16 * 32) + 2 * 4 * 5 * 5 * (4 + 4)
        assert report.totals.macs == 3 * each
        assert report.coverage.complete


class TestOthers:
    @pytest.mark.parametrize(
        ("function", "shape", "expected"),
        [
            (F.relu6, (4,), ops.Elementwise(function="relu6", elements=4)),
            (nn.ReLU6(), (4,), ops.Elementwise(function="relu6", elements=4)),
            (F.hardswish, (4,), ops.Elementwise(function="hard swish", elements=4)),
            (nn.GELU("tanh"), (4,), ops.Elementwise(function="gelu tanh", elements=4)),
            (lambda x: x.clamp(min=0), (4,), ops.Elementwise(function="maximum", elements=4)),
            (lambda x: 1 - x, (4,), ops.Elementwise(function="subtract", elements=4)),
            (
                lambda x: torch.add(x, x, alpha=2),
                (4,),
                ops.Elementwise(function="multiply and add", elements=4),
            ),
            (lambda x: x.max(), (4,), ops.Reduction(function="max", in_elements=4, out_elements=1)),
            (lambda x: x.softmax(-1), (2, 3), ops.Softmax(rows=2, size=3)),
            (
                lambda x: F.log_softmax(x, 0),
                (2, 3),
                ops.Softmax(rows=3, size=2, logarithm=True),
            ),
            (
                lambda x: F.layer_norm(x, (3,)),
                (2, 3),
                ops.Normalization(style="layer", groups=2, size=3),
            ),
            (
                lambda x: F.group_norm(x, 2),
                (2, 4, 3),
                ops.Normalization(style="group", groups=4, size=6),
            ),
            (
                lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
                (1, 2, 3, 3),
                ops.Interpolation(method="linear", axes=2, out_elements=72),
            ),
        ],
    )
    def test_whole(
        self, function: Callable[..., Any], shape: tuple[int, ...], expected: Operation
    ) -> None:
        assert only(function, shape) == expected

    @pytest.mark.parametrize(
        "function",
        [
            nn.AdaptiveAvgPool2d(1),
            lambda x: x.mean((2, 3)),
            lambda x: x.mean((-1, -2), keepdim=True),
            lambda x: F.adaptive_avg_pool2d(x, (1, 1)),
        ],
    )
    def test_a_global_average_is_pooling(self, function: Callable[..., Any]) -> None:
        assert only(function, (1, 8, 7, 7)).kind == "GlobalAveragePooling"

    def test_dropout_is_free_in_inference_only(self) -> None:
        model = nn.Dropout(0.5)
        assert analyzer.analyze(model, (4,)).totals.flops == 0
        assert analyzer.analyze(model, (4,), mode="train").totals.flops == 8

    def test_batch_statistics_in_training(self) -> None:
        model = nn.BatchNorm2d(4)
        for mode in ("inference", "train"):
            found = operations(analyzer.analyze(model, (2, 4, 3, 3), mode=mode))[-1]
            assert isinstance(found, ops.BatchNormalization)
            assert found.training is (mode == "train")

    def test_views_share_their_storage(self) -> None:
        report = run(lambda x: x.reshape(6).view(3, 2).t().contiguous(), (2, 3))
        nodes = report.model.nodes or ()
        free = [node.operation for node in nodes if isinstance(node.operation, ops.Free)]
        assert [one.because == ops.VIEW for one in free] == [True, True, True, False]
        assert report.totals.memory.peak_activation_bytes == 24

    def test_masks_of_known_values_select_a_known_number(self) -> None:
        mask = torch.arange(6) % 2 == 0
        report = run(lambda x: x[mask] @ x[:3].t(), (6, 4))
        assert report.totals.macs == 3 * 3 * 4
        assert not report.notes

    def test_tensors_made_in_forward_mix_with_those_without_data(self) -> None:
        def fills(x: Tensor) -> Tensor:
            made = torch.zeros(2, 3)
            made[0] = x[0]
            made += x
            return made.to("cpu") * torch.arange(3)

        report = run(fills, (2, 3))
        assert report.coverage.complete
        assert report.totals.flops == 12

    def test_inside_vmap(self) -> None:
        report = analyzer.analyze(Function(torch.vmap(nn.Linear(4, 3))), (2, 4))
        assert report.totals.macs == 2 * 4 * 3
