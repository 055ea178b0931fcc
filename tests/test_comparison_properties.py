"""What holds of every comparison, of networks at random: branches, loops, shared layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

import analyzer
from analyzer import Model, ModelBuilder, Report, Tensor, Use, ops
from analyzer.comparing.comparison import Comparison, compare_reports
from analyzer.comparing.reasons import Amount

ROWS, WIDTH = 3, 4
FUNCTIONS = ("gelu", "relu", "sigmoid", "tanh")


class Block(NamedTuple):
    """A part of a network, from rows of ``WIDTH`` features to rows of as many.

    Attributes:
        kind: ``dense``, ``function``, ``branches``, ``shared`` or ``loop``.
        sizes: widths of the branches; how often it runs.
        function: which one.
        bias: whether dense layers have one.
    """

    kind: str
    sizes: tuple[int, ...] = (2,)
    function: str = "relu"
    bias: bool = True


class Net:
    """Builds a network block by block; ``turned`` runs the branches of each in another order."""

    def __init__(self, blocks: Sequence[Block], *, prefix: str, turned: bool) -> None:
        self.builder = ModelBuilder(name="net", framework="mine", framework_version="1", source="")
        self.builder.layer("", type="Net")
        self.prefix, self.turned = prefix, turned
        self.count = 0
        first = last = self.rows(WIDTH)
        for block in blocks:
            last = self.block(block, last)
        self.model: Model = self.builder.build(inputs=[first], outputs=[last])

    def rows(self, width: int) -> Tensor:
        return self.builder.tensor((ROWS, width), "float32")

    def layer(self, kind: str) -> str:
        self.count += 1
        path = f"{self.prefix}{self.count}"
        self.builder.layer(path, type=kind, parent="")
        return path

    def block(self, block: Block, last: Tensor) -> Tensor:
        match block.kind:
            case "dense":
                return self.dense(last, WIDTH, bias=block.bias)
            case "function":
                return self.apply(block.function, last)
            case "shared":
                path = self.weights(WIDTH, WIDTH, bias=block.bias)
                for _ in range(block.sizes[0]):
                    last = self.multiply(path, last, WIDTH, bias=block.bias)
                return last
            case "loop":
                with self.builder.body() as body:
                    made = self.dense(last, WIDTH, bias=block.bias)
                repeat = ops.Repeat(body=tuple(body), times=block.sizes[0])
                self.builder.add(repeat, inputs=[last], outputs=[made], native="loop")
                return made
        ends: dict[int, Tensor] = {}
        order = list(enumerate(block.sizes))
        for at, width in reversed(order) if self.turned else order:
            wide = self.apply(block.function, self.dense(last, width, bias=block.bias))
            ends[at] = self.dense(wide, WIDTH, bias=block.bias)
        joined = last
        for at, _ in order:
            joined = self.apply("add", joined, ends[at])
        return joined

    def dense(self, last: Tensor, width: int, *, bias: bool) -> Tensor:
        path = self.weights(last.shape[-1], width, bias=bias)
        return self.multiply(path, last, width, bias=bias)

    def weights(self, features: int, width: int, *, bias: bool) -> str:
        path = self.layer("Dense")
        self.builder.parameter(f"{path}.kernel", shape=(features, width), dtype="float32")
        if bias:
            self.builder.parameter(f"{path}.bias", shape=(width,), dtype="float32")
        return path

    def multiply(self, path: str, last: Tensor, width: int, *, bias: bool) -> Tensor:
        made = self.rows(width)
        uses = [Use(f"{path}.kernel", "kernel")]
        uses += [Use(f"{path}.bias", "bias")] if bias else []
        dense = ops.Linear(rows=ROWS, in_features=last.shape[-1], out_features=width, bias=bias)
        self.builder.add(
            dense, inputs=[last], outputs=[made], uses=uses, layer=path, native="dense"
        )
        return made

    def apply(self, function: str, *read: Tensor) -> Tensor:
        made = self.rows(read[0].shape[-1])
        applied = ops.Elementwise(function=function, elements=made.elements)
        path = self.layer(function)
        self.builder.add(applied, inputs=read, outputs=[made], layer=path, native=function)
        return made


def report(blocks: Sequence[Block], *, prefix: str = "layer", turned: bool = False) -> Report:
    return analyzer.analyze(Net(blocks, prefix=prefix, turned=turned).model)


def compared(a: Report, b: Report) -> Comparison:
    found = compare_reports(a, b)
    assert found.remainder == Amount()
    by_layer = Amount()
    for pair in found.layers:
        for _, amount in pair.differences:
            by_layer = by_layer + amount
    assert by_layer == whole(found)
    assert all(difference.reason.strip() for difference in found.differences)
    return found


def whole(comparison: Comparison) -> Amount:
    return sum((difference.amount for difference in comparison.differences), start=Amount())


def blocks() -> st.SearchStrategy[Block]:
    widths = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)
    return st.builds(
        Block,
        kind=st.sampled_from(["dense", "function", "branches", "shared", "loop"]),
        sizes=widths,
        function=st.sampled_from(FUNCTIONS),
        bias=st.booleans(),
    )


def nets(*, least: int = 1) -> st.SearchStrategy[list[Block]]:
    return st.lists(blocks(), min_size=least, max_size=6)


@given(nets())
def test_a_net_is_identical_to_itself_by_other_names(net: list[Block]) -> None:
    found = compared(report(net), report(net, prefix="other"))
    assert found.verdict == "identical"
    assert found.differences == ()
    assert {pair.status for pair in found.layers} == {"matched"}


@given(nets(), nets())
def test_one_way_is_minus_the_other(a: list[Block], b: list[Block]) -> None:
    forth, back = compared(report(a), report(b)), compared(report(b), report(a))
    assert whole(forth) == Amount() - whole(back)
    assert forth.verdict == back.verdict
    assert (forth.matched, forth.only_a) == (back.matched, back.only_b)


@given(nets(), nets(), st.text("xyz", min_size=1, max_size=3))
def test_names_of_layers_change_nothing(a: list[Block], b: list[Block], prefix: str) -> None:
    plain, named = compared(report(a), report(b)), compared(report(a), report(b, prefix=prefix))
    amounts = [[(it.reason, it.amount) for it in one.differences] for one in (plain, named)]
    assert amounts[0] == amounts[1]


@given(nets())
def test_the_order_of_siblings_changes_nothing(net: list[Block]) -> None:
    """Branches that do not read each other may run in any order."""
    found = compared(report(net), report(net, turned=True))
    assert found.is_at_least("equivalent")
    assert found.differences == ()
    assert found.only_a == found.only_b == 0


@given(nets(least=2), st.data())
def test_a_block_taken_away_is_exactly_the_difference(
    net: list[Block], data: st.DataObject
) -> None:
    net = [block._replace(function="relu") for block in net]  # so that it is plain which is missing
    at = data.draw(st.integers(0, len(net) - 1))
    less = [*net[:at], *net[at + 1 :]]
    found = compared(report(net), report(less))
    assert found.only_b == 0
    alone = report([net[at]]).totals
    assert whole(found) == Amount(
        parameters=alone.parameters.total,
        macs=alone.macs or 0,
        flops=alone.flops or 0,
        stored_bytes=alone.memory.stored_bytes,
    )
    # Nothing stands apart from what is missing: all reasons are of something in one model only.
    assert {pair.status for pair in found.layers} <= {"matched", "only_a"}
