"""Operations of Keras, one by one: all are known, and read as PyTorch's of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import ops
from torch.nn import functional as F

from analyzer import Bound, Report, analyze
from analyzer.ops import Branch, Convolution, Elementwise, Interpolation, Repeat, Sampling, Unknown
from analyzer_keras.control import CONTROL
from analyzer_keras.mapping import FOLLOWED, TABLE, TABLES
from analyzer_keras.mapping_uncounted import UNCOUNTED

Shape = tuple[int, ...]
Shapes = tuple[Shape, ...]

# ----------------------------------------------------------------------------- nothing is left out

NO_OPERATIONS = {"Function", "SegmentReduction"}
"""Classes that others are made of: a graph of operations, and what four reductions share."""

COMPUTE_NOTHING = {"custom_gradient", "dtype", "is_tensor"}
MADE_OF_NUMBERS = {"empty", "eye", "identity", "ones", "tri", "zeros"}
MADE_OF_OTHERS = {"abs", "cond", "conj", "diff", "pad", "vectorize"}


def operations() -> set[str]:
    from keras.src.ops.operation import Operation

    def below(kind: Any) -> set[Any]:
        kinds = [one for one in kind.__subclasses__() if not issubclass(one, keras.layers.Layer)]
        return set(kinds).union(*map(below, kinds))

    return {kind.__name__ for kind in below(Operation) if kind.__module__.startswith("keras.src")}


def test_every_operation_is_known() -> None:
    known = TABLE.keys() | UNCOUNTED.keys() | FOLLOWED | NO_OPERATIONS
    assert sorted(operations() - known) == [], "in no table: map them, or name them uncounted"
    assert sorted(known - operations()) == [], "not in Keras any more"


def test_every_function_is_made_of_operations() -> None:
    """A function of ``keras.ops`` that tells nothing of itself would be lost."""
    silent = {
        name
        for module in (ops, ops.image, ops.linalg, ops.nn, ops.numpy)
        for name, one in vars(module).items()
        if callable(one)
        and not {"symbolic_call", "any_symbolic_tensors"} & set(one.__code__.co_names)
    }
    assert silent == COMPUTE_NOTHING | MADE_OF_NUMBERS | MADE_OF_OTHERS


def test_tables_are_in_order_and_apart() -> None:
    tables: tuple[dict[str, Any], ...] = (*TABLES, UNCOUNTED, CONTROL)
    for table in tables:
        assert list(table) == sorted(table)
    names = [name for table in tables[:-1] for name in table]
    names += FOLLOWED
    assert len(names) == len(set(names))


# -------------------------------------------------------------------------------- as PyTorch reads


def of_keras(function: Callable[..., Any], *shapes: Shape) -> Report:
    class Layer(keras.layers.Layer):  # type: ignore[misc]
        def call(self, *inputs: Any) -> Any:
            return function(*inputs)

        def compute_output_spec(self, *inputs: Any) -> Any:  # Keras's is not right for all
            return keras.KerasTensor(inputs[0].shape, dtype=inputs[0].dtype)

    inputs = [keras.layers.Input(shape[1:], batch_size=shape[0]) for shape in shapes]
    return analyze(keras.Model(inputs, Layer()(*inputs)))


def of_torch(function: Callable[..., Any], *shapes: Shape) -> Report:
    class Module(torch.nn.Module):
        def forward(self, *inputs: torch.Tensor) -> Any:
            return function(*inputs)

    return analyze(Module(), list(shapes) if len(shapes) > 1 else shapes[0])


def cost(report: Report) -> tuple[int | None, int | None]:
    assert report.coverage.complete, report.notes
    return report.totals.macs, report.totals.flops


MATRIX, BATCH, VECTOR = (4, 4), (3, 4, 4), (9,)
PAIR: Shapes = ((5, 6), (5, 6))
SAME: dict[str, tuple[Callable[..., Any], Callable[..., Any], Shapes]] = {
    "angle": (ops.angle, torch.angle, ((5, 6),)),
    "argsort": (ops.argsort, torch.argsort, ((5, 6),)),
    "cdist": (ops.cdist, torch.cdist, ((3, 4), (5, 4))),
    "cholesky": (ops.cholesky, torch.linalg.cholesky, (BATCH,)),
    "corrcoef": (ops.corrcoef, torch.corrcoef, ((4, 7),)),
    "count_nonzero": (
        lambda x: ops.count_nonzero(x, axis=1),
        lambda x: torch.count_nonzero(x, dim=1),
        ((5, 6),),
    ),
    "cross": (ops.cross, torch.linalg.cross, ((5, 3), (5, 3))),
    "cumsum": (lambda x: ops.cumsum(x, 1), lambda x: torch.cumsum(x, 1), ((5, 6),)),
    "det": (ops.det, torch.linalg.det, (BATCH,)),
    "diff": (lambda x: ops.diff(x, n=2), lambda x: torch.diff(x, n=2), ((5, 6),)),
    "erfinv": (ops.erfinv, torch.erfinv, ((5, 6),)),
    "exp2": (ops.exp2, torch.exp2, ((5, 6),)),
    "fft": (
        lambda x, y: ops.fft((x, y)),
        lambda x, y: torch.fft.fft(torch.complex(x, y)),
        ((3, 12), (3, 12)),
    ),
    "fold": (
        lambda x: ops.fold(x, (4, 4), 2, stride=2),
        lambda x: F.fold(x, (4, 4), 2, stride=2),
        ((2, 12, 4),),
    ),
    "glu": (ops.glu, F.glu, ((5, 6),)),
    "hard_shrink": (ops.hard_shrink, F.hardshrink, ((5, 6),)),
    "heaviside": (ops.heaviside, torch.heaviside, PAIR),
    "hypot": (ops.hypot, torch.hypot, PAIR),
    "i0": (ops.i0, torch.i0, ((5, 6),)),
    "inv": (ops.inv, torch.linalg.inv, (BATCH,)),
    "irfft": (
        lambda x, y: ops.irfft((x, y)),
        lambda x, y: torch.fft.irfft(torch.complex(x, y)),
        ((3, 7), (3, 7)),
    ),
    "kron": (ops.kron, torch.kron, ((2, 3), (4, 5))),
    "ldexp": (ops.ldexp, torch.ldexp, PAIR),
    "logaddexp": (ops.logaddexp, torch.logaddexp, PAIR),
    "logsumexp": (lambda x: ops.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1), ((5, 6),)),
    "lu_factor": (ops.lu_factor, torch.linalg.lu_factor, (BATCH,)),
    "nan_to_num": (ops.nan_to_num, torch.nan_to_num, ((5, 6),)),
    "nansum": (lambda x: ops.nansum(x, 1), lambda x: torch.nansum(x, 1), ((5, 6),)),
    "nextafter": (ops.nextafter, torch.nextafter, PAIR),
    "norm": (ops.norm, torch.linalg.norm, (MATRIX,)),
    "norm of order 3": (
        lambda x: ops.norm(x, ord=3, axis=1),
        lambda x: torch.linalg.vector_norm(x, ord=3, dim=1),
        (MATRIX,),
    ),
    "polar": (ops.polar, torch.polar, PAIR),
    "quantile": (
        lambda x: ops.quantile(x, [0.1, 0.5], axis=1),
        lambda x: torch.quantile(x, torch.tensor([0.1, 0.5]), dim=1),
        ((5, 6),),
    ),
    "resize": (
        lambda x: ops.image.resize(x, (4, 5), "bicubic", data_format="channels_first"),
        lambda x: F.interpolate(x, (4, 5), mode="bicubic"),
        ((1, 3, 8, 9),),
    ),
    "resize, antialiased": (
        lambda x: ops.image.resize(x, (4, 5), antialias=True, data_format="channels_first"),
        lambda x: F.interpolate(x, (4, 5), mode="bilinear", antialias=True),
        ((1, 3, 8, 9),),
    ),
    "rfft": (ops.rfft, torch.fft.rfft, ((3, 12),)),
    "searchsorted": (ops.searchsorted, torch.searchsorted, ((7,), (5,))),
    "signbit": (ops.signbit, torch.signbit, ((5, 6),)),
    "sinc": (ops.sinc, torch.sinc, ((5, 6),)),
    "slogdet": (ops.slogdet, torch.linalg.slogdet, (BATCH,)),
    "soft_shrink": (ops.soft_shrink, F.softshrink, ((5, 6),)),
    "solve": (ops.solve, torch.linalg.solve, (BATCH, (3, 4, 2))),
    "solve_triangular": (
        ops.solve_triangular,
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=True),
        (BATCH, (3, 4, 2)),
    ),
    "sort": (ops.sort, torch.sort, ((5, 6),)),
    "stft": (
        lambda x: ops.stft(x, 8, 4, 8),
        lambda x: torch.stft(x, 8, 4, window=torch.hann_window(8), return_complex=True),
        ((2, 64),),
    ),
    "top_k": (lambda x: ops.top_k(x, 3), lambda x: torch.topk(x, 3), ((5, 9),)),
    "trace": (ops.trace, torch.trace, ((4, 5),)),
}


@pytest.mark.parametrize("name", sorted(SAME))
def test_an_operation_costs_what_pytorchs_does(name: str) -> None:
    ours, theirs, shapes = SAME[name]
    assert cost(of_keras(ours, *shapes)) == cost(of_torch(theirs, *shapes))


def test_losses_cost_what_pytorchs_do() -> None:
    rows, classes = 5, 7
    found = of_keras(ops.binary_crossentropy, (rows, classes), (rows, classes))
    theirs = of_torch(
        lambda p, y: F.binary_cross_entropy(p, y, reduction="none"),
        (rows, classes),
        (rows, classes),
    )
    assert cost(found) == cost(theirs)
    sparse = of_keras(
        lambda y, p: ops.sparse_categorical_crossentropy(y[:, 0] > 0, p, from_logits=True),
        (rows, 1),
        (rows, classes),
    )
    theirs = of_torch(
        lambda y, p: F.cross_entropy(p, (y[:, 0] > 0).long(), reduction="none"),
        (rows, 1),
        (rows, classes),
    )
    assert cost(sparse) == cost(theirs)


def test_complex_numbers_have_costs_of_their_own() -> None:
    def product(x: Any) -> Any:
        z = ops.view_as_complex(x)
        return ops.exp(z * z)

    def theirs(x: Any) -> Any:
        z = torch.view_as_complex(x)
        return torch.exp(z * z)

    assert cost(of_keras(product, (5, 2))) == cost(of_torch(theirs, (5, 2)))


# -------------------------------------------------------------------------------------- and images


def only(report: Report) -> Any:
    (node,) = report.model.nodes or ()
    return node.operation


def test_a_resize_may_first_be_cut_or_padded() -> None:
    """To a square of twice the size: one axis of 8 × 12 is then left as it is."""

    def resized(**settings: bool) -> Any:
        size = (12, 12) if "pad_to_aspect_ratio" in settings else (8, 8)
        return only(of_keras(lambda x: ops.image.resize(x, size, **settings), (1, 8, 12, 3)))

    assert resized(crop_to_aspect_ratio=True).kind == "resize"  # 8 × 8 of it, nothing to compute
    assert resized(pad_to_aspect_ratio=True).kind == "resize"
    plain = resized()
    assert isinstance(plain, Interpolation)
    assert plain.axes == 1


def test_images_that_are_moved_are_read_between_their_elements() -> None:
    report = of_keras(ops.image.affine_transform, (2, 8, 9, 3), (2, 8))
    product, sampling = only(report).steps
    assert product.cost().macs.value == 2 * 8 * 9 * 3 * 2
    assert sampling == Sampling(
        method="linear", points=2 * 8 * 9, axes=2, channels=3, normalized=False
    )
    report = of_keras(lambda x, at: ops.image.map_coordinates(x, at, 0), (8, 9), (2, 7))
    assert only(report).points == 7


def test_a_blur_is_a_convolution_of_each_channel() -> None:
    blurred = only(of_keras(lambda x: ops.image.gaussian_blur(x, (3, 5)), (2, 8, 9, 3)))
    assert isinstance(blurred, Convolution)
    assert blurred.groups == 3
    assert blurred.cost().macs.value == 2 * 8 * 9 * 3 * 3 * 5


# ------------------------------------------------------------------------------- loops and branches


def test_maps_and_scans_repeat_what_they_do() -> None:
    x = (6, 4)
    for mapped in (ops.map, ops.vectorized_map):
        report = of_keras(lambda x, mapped=mapped: mapped(ops.tanh, x), x)
        assert only(report).times == 6
        assert report.totals.flops == 6 * 4
    report = of_keras(lambda x: ops.scan(lambda s, v: (s + v, s * v), ops.zeros(4), x), x)
    assert report.totals.flops == 6 * (4 + 4)
    report = of_keras(lambda x: ops.scan(lambda s, _: (s * x, s), ops.zeros(x.shape), length=7), x)
    assert report.totals.flops == 7 * 6 * 4


@pytest.mark.parametrize("length", range(1, 12))
def test_an_associative_scan_combines_as_often_as_keras_does(length: int) -> None:
    calls = []

    def combine(a: Any, b: Any) -> Any:
        calls.append(a.shape[0])
        return a + b

    ops.associative_scan(combine, np.zeros((length, 3), "float32"))
    report = of_keras(lambda x: ops.associative_scan(ops.add, x), (length, 3))
    assert report.totals.flops == 3 * sum(calls)


def test_a_loop_runs_as_often_as_its_condition_says() -> None:
    def loop(x: Any) -> Any:
        return ops.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, ops.tanh(a)), (0, x))

    report = of_keras(loop, (3, 4))
    assert report.totals.flops == 5 * 3 * 4
    assert report.coverage.complete

    report = of_keras(lambda x: ops.fori_loop(2, 6, lambda i, a: ops.tanh(a), x), (3, 4))
    assert report.totals.flops == 4 * 3 * 4


def test_a_loop_that_looks_at_numbers_runs_at_least_once() -> None:
    def loop(x: Any) -> Any:
        return ops.while_loop(lambda a: ops.max(a) < 5, ops.tanh, x)

    report = of_keras(loop, (3, 4))
    (repeat,) = [
        node.operation for node in report.model.nodes or () if isinstance(node.operation, Repeat)
    ]
    assert (repeat.times, repeat.exact) == (1, False)
    assert any("trip count is not known" in note for note in report.notes)


def test_a_loop_that_looks_at_numbers_runs_as_often_as_it_may_at_most() -> None:
    def step(a: Any) -> Any:
        a = ops.cond(ops.sum(a) > 0, lambda: a @ a, lambda: a)
        return ops.fori_loop(0, 2, lambda _, a: a @ a, a)

    report = of_keras(lambda x: ops.while_loop(lambda a: ops.max(a) < 5, step, x, 7), MATRIX)
    assert (report.totals.macs, report.coverage.bound) == (7 * 3 * 4 * 4 * 4, Bound.UPPER)


def test_a_branch_is_followed_both_ways() -> None:
    def branch(x: Any) -> Any:
        return ops.cond(ops.sum(x) > 0, lambda: ops.tanh(x), lambda: ops.matmul(x, x))

    report = of_keras(branch, MATRIX)
    (found,) = [
        node.operation for node in report.model.nodes or () if isinstance(node.operation, Branch)
    ]
    kinds = [[node.operation.kind for node in way] for way in found.alternatives]
    assert kinds == [["tanh"], ["MatrixProduct"]]
    assert report.totals.macs == 4 * 4 * 4

    ways = [ops.tanh, ops.exp, ops.square]
    report = of_keras(lambda x: ops.switch(ops.cast(x[0, 0], "int32"), ways, x), MATRIX)
    assert any(isinstance(node.operation, Branch) for node in report.model.nodes or ())


def test_a_branch_that_is_known_is_the_only_one() -> None:
    report = of_keras(lambda x: ops.cond(False, lambda: x @ x, lambda: ops.tanh(x)), MATRIX)
    assert cost(report) == (0, 16)
    report = of_keras(lambda x: ops.switch(7, [ops.tanh, lambda y: y @ y], x), MATRIX)
    assert report.totals.macs == 4 * 4 * 4


# ----------------------------------------------------------------------------------- and by chance


def test_random_numbers_for_a_tensor_are_drawn_for_free() -> None:
    """Whoever draws them by which algorithm; what is dropped out is a mask and a scale."""
    random = keras.random
    report = of_keras(lambda x: random.dropout(x, 0.5), (3, 4))
    assert only(report) == Elementwise(function="dropout", elements=12)
    assert cost(of_keras(random.shuffle, (3, 4))) == (0, 0)
    report = of_keras(lambda x: random.categorical(x, 5), (3, 4))
    assert (report.model.outputs[0].shape, cost(report)) == ((3, 5), (0, 0))
    for draw in (random.gamma, lambda shape, x: random.binomial(shape, 2.0, x)):
        report = of_keras(lambda x, draw=draw: draw((7,), x), (7,))
        assert (report.model.outputs[0].shape, cost(report)) == ((7,), (0, 0))


def test_dropout_of_attention_in_training_is_one_operation() -> None:
    attention = keras.layers.Attention(dropout=0.5)
    inputs = keras.layers.Input((7, 6))
    report = analyze(keras.Model(inputs, attention([inputs, inputs])), mode="train")
    kinds = [node.operation.kind for node in report.model.nodes or ()]
    assert kinds == ["transpose", "MatrixProduct", "Softmax", "dropout", "MatrixProduct"]


# ------------------------------------------------------------------------------- what is not known


def test_what_is_not_counted_says_so() -> None:
    report = of_keras(lambda x: ops.svd(x, compute_uv=False), MATRIX)
    assert isinstance(only(report), Unknown)
    assert not report.coverage.complete


def test_a_result_as_large_as_its_numbers_say_is_told() -> None:
    """What follows is counted for the least that there can be, and said to be so."""
    report = of_keras(lambda x: ops.tanh(ops.nonzero(x)[0]), MATRIX)
    places, function = (node.operation for node in report.model.nodes or ())
    assert (places.kind, function) == ("nonzero", Elementwise(function="tanh", elements=1))
    assert report.coverage.bound is Bound.LOWER
    assert any("depends on data" in note for note in report.notes)

    report = of_keras(lambda x: ops.bincount(ops.cast(x[0], "int32"), minlength=9), MATRIX)
    assert report.model.outputs[0].shape == (9,)
