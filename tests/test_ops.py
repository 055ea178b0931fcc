"""Every counting rule, held to the textbook algorithm run on numbers that count themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import TypeVar

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from analyzer import ops
from analyzer.errors import ModelError
from analyzer.expression import ZERO, Factor, product, total
from analyzer.ops import (
    FUNCTIONS,
    REDUCTIONS,
    Category,
    Cell,
    Convolution,
    Cost,
    Elementwise,
    Linear,
    Mask,
    Normalization,
    Operation,
    Pooling,
    PoolKind,
    Recurrent,
    Reduction,
    Softmax,
)
from tests.oracle import ORACLES, check, functions, run
from tests.oracle.number import Array, Tally
from tests.oracle.recurrent import run_recurrent
from tests.oracle.strategies import OPERATIONS, convolutions, recurrents

KINDS: list[type[Operation]] = sorted(OPERATIONS, key=lambda kind: kind.__name__)

WITHOUT_ORACLE: dict[type[Operation], str] = {
    ops.Branch: "it costs what its alternatives do: test_engine",
    ops.Embedding: "free, with the reason: test_free_operations_say_why",
    ops.Free: "free, with the reason: test_free_operations_say_why",
    ops.Repeat: "it costs what its body does: test_engine",
    ops.Unknown: "its cost is not known: test_unknown_is_not_zero",
}


def exported() -> list[type[Operation]]:
    found = (getattr(ops, name) for name in ops.__all__)
    return [
        kind
        for kind in found
        if isinstance(kind, type) and issubclass(kind, Operation) and not inspect.isabstract(kind)
    ]


# ------------------------------------------------------------------------------------ the proof


@pytest.mark.parametrize("kind", KINDS)
def test_rule_counts_what_the_textbook_algorithm_does(kind: type[Operation]) -> None:
    @given(OPERATIONS[kind])
    def holds(operation: Operation) -> None:
        check(operation)

    holds()


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("bias", [False, True])
def test_function_costs_its_formula(name: str, bias: bool) -> None:
    check(Elementwise(function=name, elements=3, bias=bias))


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_reduction_costs_its_formula(name: str, size: int) -> None:
    check(Reduction(function=name, in_elements=3 * size, out_elements=3))


def test_every_operation_has_an_oracle_and_arbitrary_examples() -> None:
    assert set(exported()) == set(ORACLES) | set(WITHOUT_ORACLE)
    assert set(ORACLES) == set(OPERATIONS)
    assert not set(ORACLES) & set(WITHOUT_ORACLE)


def test_every_function_has_a_formula_and_no_formula_is_left_over() -> None:
    written = [*functions.UNARY, *functions.BINARY, *functions.TERNARY]
    assert sorted(written) == sorted(FUNCTIONS)
    assert sorted(functions.REDUCING) == sorted(REDUCTIONS)


# ---------------------------------------------------------------- the comparison itself is tested


class ForgetsGroups(Convolution):
    """Every filter sees every input channel."""

    __slots__ = ()

    def cost(self) -> Cost:
        right = Convolution.cost(self)
        return Cost(macs=right.macs * Factor("groups", self.groups), bias=right.bias)


class CountsOutputsOfTransposed(Convolution):
    """A transposed convolution counted as if it were an ordinary one."""

    __slots__ = ()

    def cost(self) -> Cost:
        return Convolution.cost(_copy(Convolution, self, transposed=False))


class SkipsPadding(Convolution):
    """Taps on padding left out, guessed from the share of the map in the padded map."""

    __slots__ = ()

    def cost(self) -> Cost:
        right = Convolution.cost(self)
        tapped = int(any(before + after for before, after in self.padding))
        return Cost(macs=total((right.macs, Factor("padding", -tapped))), bias=right.bias)


class BiasIsAMac(Linear):
    """A bias counted as one more input."""

    __slots__ = ()

    def cost(self) -> Cost:
        width = self.in_features + int(self.bias)
        return Cost(macs=product(rows=self.rows, inputs=width, outputs=self.out_features))


class FiveAnElement(Softmax):
    """The usual rule of thumb."""

    __slots__ = ()

    def cost(self) -> Cost:
        return Cost(softmax=product(rows=self.rows, size=self.size, five=5))


class ForgetsSums(Recurrent):
    """The two products of a gate are not added to each other."""

    __slots__ = ()

    def cost(self) -> Cost:
        right = Recurrent.cost(self)
        runs = self.batch * self.steps * self.directions * self.layers * self.hidden_size
        wrong = Factor("too few", right.elementwise.value - runs * self.cell.gates)
        return Cost(
            macs=right.macs, bias=right.bias, activation=right.activation, elementwise=wrong
        )


class NarrowUpperLayers(Recurrent):
    """Upper layers read one direction only."""

    __slots__ = ()

    def cost(self) -> Cost:
        right = Recurrent.cost(self)
        one_way = Recurrent.cost(_copy(Recurrent, self, directions=1))
        return Cost(
            macs=one_way.macs * Factor("directions", self.directions),
            bias=right.bias,
            activation=right.activation,
            elementwise=right.elementwise,
        )


class CountsComparisonAsWindow(Pooling):
    """A maximum of k counted as k, an average as k + 1."""

    __slots__ = ()

    def cost(self) -> Cost:
        windows = product(batch=self.batch, channels=self.channels)
        for size in (*self.out_spatial, *self.kernel):
            windows = windows * Factor("size", size)
        return Cost(pooling=windows)


class OtherCategory(Normalization):
    """The right number in the wrong place."""

    __slots__ = ()

    def cost(self) -> Cost:
        return Cost(elementwise=Normalization.cost(self).normalization)


_Kind = TypeVar("_Kind", bound=Operation)


def _copy(kind: type[_Kind], operation: Operation, **changes: object) -> _Kind:
    # Fields of every operation are the arguments of its class, and a subclass adds none.
    values = {field.name: getattr(operation, field.name) for field in fields(operation)}  # type: ignore[arg-type]
    return kind(**values | changes)


@pytest.mark.parametrize(
    "wrong",
    [
        BiasIsAMac,
        CountsComparisonAsWindow,
        CountsOutputsOfTransposed,
        FiveAnElement,
        ForgetsGroups,
        ForgetsSums,
        NarrowUpperLayers,
        OtherCategory,
        SkipsPadding,
    ],
)
def test_a_wrong_rule_is_caught(wrong: type[Operation]) -> None:
    right = wrong.__mro__[1]

    @settings(max_examples=200, report_multiple_bugs=False, phases=[Phase.generate])
    @given(OPERATIONS[right])
    def holds(operation: Operation) -> None:
        check(_copy(wrong, operation))

    with pytest.raises(AssertionError):
        holds()


def test_a_copy_that_is_right_passes() -> None:
    @given(OPERATIONS[Convolution])
    def holds(operation: Operation) -> None:
        check(_copy(type("Same", (Convolution,), {"__slots__": ()}), operation))

    holds()


# --------------------------------------------------------------------------------- parameters


@given(convolutions())
def test_convolution_parameters_are_the_weights_that_it_reads(operation: Convolution) -> None:
    class Recorder(Tally):
        shapes: list[tuple[int, ...]]

        def __init__(self) -> None:
            super().__init__()
            self.shapes = []

        def random(self, *shape: int) -> Array:
            self.shapes.append(shape)
            return super().random(*shape)

    tally = Recorder()
    ORACLES[Convolution](operation, tally)
    _image, *stored = tally.shapes
    assert _needed(operation) == sum(product_of(shape) for shape in stored)


@given(recurrents())
def test_recurrent_parameters_are_the_weights_that_it_reads(operation: Recurrent) -> None:
    stored = run_recurrent(operation, Tally())
    assert _needed(operation) == sum(weights.elements for weights in stored)


@given(st.booleans(), st.booleans())
def test_only_parameters_that_are_there_are_counted(scale: bool, offset: bool) -> None:
    batch = ops.BatchNormalization(elements=8, channels=4, scale=scale, offset=offset)
    layer = Normalization(style="layer", groups=2, size=4, features=4, scale=scale, offset=offset)
    learned = {role for role, there in (("scale", scale), ("offset", offset)) if there}
    assert set(batch.parameter_counts()) == learned | {"running mean", "running variance"}
    assert set(layer.parameter_counts()) == learned
    dense = Linear(rows=1, in_features=2, out_features=3, bias=scale)
    assert ("bias" in dense.parameter_counts()) is scale


def product_of(shape: tuple[int, ...]) -> int:
    return product(*(Factor("size", size) for size in shape)).value


def _needed(operation: Operation) -> int:
    return sum(count.value for count in operation.parameter_counts().values())


@pytest.mark.parametrize("kind", exported())
def test_a_role_that_is_counted_is_also_explained(kind: type[Operation]) -> None:
    if kind in OPERATIONS:

        @given(OPERATIONS[kind])
        def holds(operation: Operation) -> None:
            assert set(operation.parameter_counts()) <= set(operation.roles)
            assert operation.lesson
            assert operation.kind

        holds()


# ------------------------------------------------------------------------- what nothing is done for


def test_free_operations_say_why() -> None:
    for operation in (
        ops.free("reshape", because=ops.VIEW),
        ops.Embedding(look_ups=3, vocabulary=10, width=4),
        Elementwise(function="select", elements=3),
        ops.Interpolation(method="nearest", axes=2, out_elements=4),
        Reduction(function="sum", in_elements=0, out_elements=0),
        Reduction(function="sum", in_elements=0, out_elements=2),
        Reduction(function="max", in_elements=2, out_elements=2),
    ):
        cost = operation.cost()
        assert cost is not None
        assert cost.free
        assert cost.flops.value == cost.macs.value == 0


def test_unknown_is_not_zero() -> None:
    unknown: Operation = ops.Unknown(name="vendor::magic")
    assert unknown.cost() is None


def test_nothing_is_negative_where_there_is_nothing() -> None:
    for operation in (
        Softmax(rows=3, size=0),
        ops.Attention(batch=1, heads=2, kv_heads=2, queries=0, keys=0, qk_width=4, v_width=4),
        Normalization(style="L2", groups=2, size=0, centered=False, averaged=False),
        Linear(rows=0, in_features=3, out_features=2, bias=True),
    ):
        cost = operation.cost()
        assert cost is not None
        assert all(work.value >= 0 for work in cost.by_category.values())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Elementwise(function="wibble", elements=1), "'wibble' is not known"),
        (lambda: Reduction(function="wibble", in_elements=1, out_elements=1), "not known"),
        (lambda: Reduction(function="sum", in_elements=5, out_elements=2), "do not divide"),
        (lambda: ops.Interpolation(method="wibble", axes=1, out_elements=1), "not known"),
        (lambda: _image_convolution(groups=3), "groups=3 does not divide in_channels=4"),
        (lambda: _image_convolution(groups=0), "groups=0"),
    ],
)
def test_a_record_that_makes_no_sense_is_an_error(
    make: Callable[[], Operation], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        make()


# ------------------------------------------------------------------------- how derivations read


def _image_convolution(groups: int = 1, transposed: bool = False) -> Convolution:
    return Convolution(
        batch=1,
        in_channels=4,
        out_channels=8,
        groups=groups,
        in_spatial=(5, 6),
        out_spatial=(3, 4),
        kernel=(3, 3),
        stride=(1, 1),
        dilation=(1, 1),
        padding=((0, 0), (0, 0)),
        bias=True,
        transposed=transposed,
    )


def test_convolution_reads_well() -> None:
    cost = _image_convolution().cost()
    assert cost.macs.names() == (
        "batch × output height × output width × filters × input channels"
        " × kernel height × kernel width"
    )
    assert cost.bias.names() == "batch × output height × output width × filters"
    assert "input channels per group" in _image_convolution(groups=2).cost().macs.names()
    transposed = _image_convolution(groups=2, transposed=True).cost().macs.names()
    assert transposed == (
        "batch × input height × input width × input channels × filters per group"
        " × kernel height × kernel width"
    )


def test_softmax_reads_well() -> None:
    assert Softmax(rows=2, size=10).cost().softmax.names() == (
        "rows × (comparisons for the maximum − 1 + subtractions of the maximum + exponentials"
        " + additions − 1 + divisions)"
    )
    logarithm = Softmax(rows=2, size=10, logarithm=True).cost().softmax
    assert logarithm.numbers() == "2·(10 − 1 + 10 + 10 + 10 − 1 + 1 + 10)"


def test_attention_reads_well() -> None:
    cost = ops.Attention(
        batch=1, heads=2, kv_heads=1, queries=3, keys=4, qk_width=5, v_width=6, mask=Mask.ADDITIVE
    ).cost()
    assert cost.macs.numbers() == "1·2·3·4·(5 + 6)"
    assert cost.elementwise.names() == "batch × heads × queries × keys × (scale + add mask)"


def test_reductions_read_well() -> None:
    plain = Reduction(function="sum", in_elements=12, out_elements=3).cost().reduction
    assert plain.names() == "results × (elements each − 1)"
    assert plain.numbers() == "3·(4 − 1)"
    spread = Reduction(function="variance", in_elements=12, out_elements=3).cost().reduction
    assert spread.numbers() == "3·(2·(4 − 1) + 2·4 + 2)"


def test_normalization_reads_well() -> None:
    rule = ops.BatchNormalization(elements=8, channels=2, scale=True, offset=True).cost()
    assert rule.normalization.names() == (
        "elements × (subtract mean + divide by deviation + scale + offset)"
        " + channels × (add ε + square root)"
    )


def test_recurrent_reads_well() -> None:
    cell = Recurrent(cell=Cell.LSTM, batch=1, steps=2, input_size=3, hidden_size=4, biases=2)
    cost = cell.cost()
    assert cost.macs.names() == "batch × time steps × gates × hidden × (inputs + hidden)"
    assert cost.macs.numbers() == "1·2·4·4·(3 + 4)"
    assert cost.activation.numbers() == "1·2·4·(3·4 + 2·1)"
    assert cost.bias.names() == "batch × time steps × hidden × gates × biases a gate"


@pytest.mark.parametrize("kind", KINDS)
def test_derivations_give_their_value(kind: type[Operation]) -> None:
    @given(OPERATIONS[kind])
    def holds(operation: Operation) -> None:
        cost = operation.cost()
        assert cost is not None
        derived = [*cost.by_category.values(), *operation.parameter_counts().values()]
        for expression in [cost.macs, cost.flops, *derived]:
            python = expression.numbers().replace("·", "*").replace("−", "-")
            assert eval(python) == expression.value
            assert "_" not in expression.names()

    holds()


# ------------------------------------------------------------------------------ figures by hand


def test_recurrent_parameters_of_the_frameworks() -> None:
    def parameters(cell: Cell, biases: int) -> int:
        return _needed(
            Recurrent(cell=cell, batch=1, steps=1, input_size=8, hidden_size=16, biases=biases)
        )

    assert [parameters(Cell.LSTM, biases) for biases in (1, 2)] == [1600, 1664]
    assert [parameters(Cell.SIMPLE, biases) for biases in (1, 2)] == [400, 416]
    assert [parameters(Cell.GRU, biases) for biases in (1, 2)] == [1200, 1248]


MAPS: list[tuple[tuple[int, ...], tuple[int, ...], bool]] = [
    ((2, 3, 4, 5), (2, 3), True),
    ((2, 4, 5, 3), (1, 2), True),
    ((2, 3, 4, 5, 6), (-1, -2, -3), True),
    ((2, 3, 4), (2,), False),
    ((2, 3, 4, 5), (3,), False),
    ((2, 3, 4, 5), (0, 1), False),
    ((), (), False),
]


@pytest.mark.parametrize(("shape", "axes", "pooled"), MAPS)
def test_mean_over_a_map_is_pooling_and_another_is_not(
    shape: tuple[int, ...], axes: tuple[int, ...], pooled: bool
) -> None:
    mean = ops.mean_over(shape, axes)
    cost = mean.cost()
    assert mean.kind == ("GlobalAveragePooling" if pooled else "mean")
    assert cost is not None
    assert cost.flops.value == product_of(shape)
    check(mean)


def test_cost_adds_up_by_category() -> None:
    cost = Cost(macs=product(pairs=5), bias=product(places=3), softmax=ZERO)
    assert {category: work.value for category, work in cost.by_category.items()} == {
        Category.CONTRACTION: 10,
        Category.BIAS: 3,
    }
    assert cost.flops.names() == "operations a MAC × pairs + places"
    assert run(
        Pooling(
            pool=PoolKind.MAX,
            batch=1,
            channels=1,
            in_spatial=(4,),
            out_spatial=(2,),
            kernel=(2,),
            stride=(2,),
            dilation=(1,),
            padding=((0, 0),),
        )
    ).flops_by_category == {Category.POOLING: 2}
