"""Walking a model: loops, branches, integers, the unknown; sums over layers; the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import Convention, Cost, Kind, Model, Node, Operation, Place, Report, Use, product
from analyzer.analysis import report_on
from analyzer.conventions import ANALYZER, BUILT_IN, Surroundings
from analyzer.engine import Bound
from analyzer.errors import UnknownNameError
from analyzer.ops import (
    CAST,
    Branch,
    Elementwise,
    Embedding,
    Fused,
    Linear,
    MatrixProduct,
    Repeat,
    Softmax,
    Unknown,
    free,
)
from tests.graphs import Graph

PRODUCT = MatrixProduct(batch=1, m=2, k=3, n=4)
MACS = 2 * 3 * 4


def report(model: Model, convention: str = "analyzer") -> Report:
    return report_on(model, next(known for known in BUILT_IN if known.name == convention))


def loop(net: Graph, times: int, *, exact: bool = True, layer: str = "") -> None:
    """Repeat one product."""
    with net.builder.body() as nodes:
        net.run(PRODUCT, [net.tensor(2, 3)], [net.tensor(2, 4)], layer=layer)
    net.run(Repeat(body=tuple(nodes), times=times, exact=exact), layer=layer)


# -------------------------------------------------------------------------------------- loops


@given(st.lists(st.integers(0, 4), max_size=4))
def test_nested_loops_multiply(trips: list[int]) -> None:
    net = Graph()
    with net.builder.body() as body:
        net.run(PRODUCT, [net.tensor(2, 3)], [net.tensor(2, 4)])
    nodes: list[Node] = body
    times = 1
    for trip in trips:
        with net.builder.body() as outer:
            net.run(Repeat(body=tuple(nodes), times=trip))
        nodes = outer
        times *= trip
    for node in nodes:
        net.run(node.operation, node.inputs, node.outputs)
    counted = report(net.build())
    assert counted.totals.macs == MACS * times
    assert counted.totals.flops == 2 * MACS * times
    assert counted.notes == ()
    assert [entry.times for entry in counted.entries] == [times]


def test_a_loop_of_unknown_length_is_a_lower_bound() -> None:
    net = Graph("decoder")
    loop(net, 3, exact=False, layer="decoder")
    loop(net, 3, exact=False, layer="decoder")
    counted = report(net.build())
    assert counted.totals.macs == 2 * 3 * MACS
    (note,) = counted.notes  # the same words once
    assert "'decoder'" in note
    assert "3 counted" in note
    assert "lower bounds" in note
    assert counted.coverage.bound is Bound.LOWER
    assert not counted.coverage.complete
    assert "≥ " in str(counted)


# ------------------------------------------------------------------------------------ branches


def branch(*macs: int, taken: int | None = None, unknown: bool = False) -> Report:
    net = Graph()
    ways = []
    for rows in macs:
        with net.builder.body() as nodes:
            net.run(
                Linear(rows=rows, in_features=1, out_features=1, bias=False),
                [net.tensor(rows)],
                [net.tensor(rows)],
            )
            if unknown and rows == min(macs):
                net.run(Unknown(name="vendor::magic"))
        ways.append(tuple(nodes))
    net.run(Branch(alternatives=tuple(ways), taken=taken), [net.tensor(1)], [net.tensor(1)])
    return report(net.build())


def test_the_way_that_is_taken_is_counted() -> None:
    for taken, macs in enumerate((5, 7, 2)):
        counted = branch(5, 7, 2, taken=taken)
        assert counted.totals.macs == macs
        assert counted.notes == ()
        assert counted.coverage.bound is Bound.EXACT


def test_of_unknown_ways_the_costliest_is_counted() -> None:
    counted = branch(5, 7, 2)
    assert counted.totals.macs == 7
    (note,) = counted.notes
    assert "5 MACs and 10 FLOPs or 7 MACs and 14 FLOPs or 2 MACs and 4 FLOPs" in note
    assert "upper bounds" in note
    assert counted.coverage.bound is Bound.UPPER
    assert counted.coverage.complete  # nothing is missing; some of it may not run
    assert "≤ 7" in str(counted)


def test_a_branch_with_the_unknown_in_it_bounds_nothing() -> None:
    counted = branch(5, 7, unknown=True)
    (note,) = counted.notes
    assert "no bound" in note
    assert counted.coverage.bound is Bound.NEITHER
    assert counted.to_dict()["coverage"]["bound"] == "no bound"


def ways_of(*bodies: Sequence[Operation]) -> Report:
    """Return what is counted of a branch with these operations in its ways."""
    net = Graph()
    ways = []
    for body in bodies:
        with net.builder.body() as nodes:
            for operation in body:
                net.run(operation, [net.tensor(3)], [net.tensor(3)])
        ways.append(tuple(nodes))
    net.run(Branch(alternatives=tuple(ways)))
    return report(net.build())


def test_a_way_with_fewer_macs_and_more_of_other_work_makes_no_bound() -> None:
    dense = Linear(rows=1, in_features=3, out_features=3, bias=False)
    sines = Elementwise(function="sin", elements=2 * 9 + 1)
    counted = ways_of([dense], [sines])
    assert (counted.totals.macs, counted.totals.flops) == (9, 18)
    assert counted.coverage.bound is Bound.NEITHER  # 19 FLOPs may run
    assert not counted.coverage.complete
    assert "another way has more of other work" in counted.notes[0]
    as_much = ways_of([dense], [Elementwise(function="sin", elements=2 * 9)])
    assert as_much.coverage.bound is Bound.UPPER


def test_what_may_be_more_in_a_way_that_is_not_counted_makes_no_bound() -> None:
    net = Graph()
    with net.builder.body() as inner:
        loop(net, 1, exact=False)
    with net.builder.body() as other:
        for _ in range(2):
            net.run(PRODUCT, [net.tensor(2, 3)], [net.tensor(2, 4)])
    net.run(Branch(alternatives=(tuple(inner), tuple(other))))
    counted = report(net.build())
    assert counted.totals.macs == 2 * MACS
    assert counted.coverage.bound is Bound.NEITHER


def test_a_way_that_does_nothing_hides_no_other() -> None:
    unknown = [Unknown(name="vendor::magic")]
    for counted in (ways_of([], unknown), ways_of(unknown, [])):
        assert counted.coverage.bound is Bound.NEITHER
        assert [unknown.operation for unknown in counted.coverage.unknown] == ["vendor::magic"]


def test_bounds_stay_with_the_layers_they_come_from() -> None:
    net = Graph("exact", "decoder")
    loop(net, 2, layer="exact")
    loop(net, 3, exact=False, layer="decoder")
    counted = report(net.build())
    assert counted["exact"].figures.bound is Bound.EXACT
    assert counted["decoder"].figures.bound is Bound.LOWER
    assert counted.layers[0].own.bound is Bound.EXACT
    assert counted.layers[0].figures.bound is Bound.LOWER


def test_ways_without_macs_are_compared_by_their_other_work() -> None:
    net = Graph()
    ways = []
    for function in ("relu", "sigmoid", "add"):
        with net.builder.body() as nodes:
            net.run(Elementwise(function=function, elements=3), [net.tensor(3)], [net.tensor(3)])
        ways.append(tuple(nodes))
    net.run(Branch(alternatives=tuple(ways)))
    assert report(net.build()).totals.flops == 3 * 4


# ------------------------------------------------------------------------ integers, the unknown


def test_work_on_integers_is_no_floating_point_work() -> None:
    net = Graph()
    net.run(PRODUCT, [net.tensor(2, 3, dtype="int8")] * 2, [net.tensor(2, 4, dtype="int32")])
    net.run(
        Elementwise(function="add", elements=5),
        [net.tensor(5, dtype="int64")],
        [net.tensor(5, dtype="int64")],
    )
    totals = report(net.build()).totals
    assert totals.macs == MACS
    assert totals.flops == 0
    assert totals.flops_by_category == {}
    assert totals.integer_ops == 2 * MACS + 5


def test_one_float_among_the_tensors_makes_floating_point_work() -> None:
    net = Graph()
    mask = net.tensor(5, dtype="bool")
    net.run(Elementwise(function="greater", elements=5), [net.tensor(5)], [mask])
    net.run(PRODUCT)  # of tensors that nobody told: not called integers
    totals = report(net.build()).totals
    assert totals.flops == 5 + 2 * MACS
    assert totals.integer_ops == 0


def test_the_unknown_is_never_zero_and_never_silent() -> None:
    net = Graph("a", "b")
    for layer in ("a", "b", "a"):
        net.run(Unknown(name="vendor::magic"), layer=layer)
    net.run(PRODUCT, layer="a")
    net.run(free("cast", because=CAST), layer="a")
    net.run(Embedding(look_ups=2, vocabulary=5, width=3), layer="b")
    counted = report(net.build())
    coverage = counted.coverage
    assert (coverage.operations, coverage.counted, coverage.free) == (6, 1, 2)
    assert not coverage.complete
    (unknown,) = coverage.unknown
    assert unknown.to_dict() == {"operation": "vendor::magic", "count": 3, "layers": ["a", "b"]}
    (note,) = counted.notes
    assert note.startswith("3 × vendor::magic")
    assert "lower bounds" in note
    assert counted.totals.macs == MACS


def test_what_only_the_unknown_reads_may_be_learnable() -> None:
    net = Graph()
    for name, shape in (("weight", (3, 4)), ("scale", (1,)), ("shape", (2,))):
        net.builder.parameter(name, shape=shape, dtype="int8", kind=Kind.CONSTANT)
    uses = [Use(name, "") for name in ("weight", "scale", "shape")]
    net.run(Unknown(name="vendor::packed"), uses=uses)
    net.run(free("reshape", because=CAST), uses=uses[2:])
    counted = report(net.build())
    assert counted.coverage.unsettled_parameters == 12
    assert counted.totals.parameters.constants == 12 + 1 + 2
    assert "12 stored elements" in counted.notes[-1]
    assert "Parameters (learnable), at least" in str(counted)


def test_a_model_without_a_graph_has_parameters_and_no_counts() -> None:
    net = Graph()
    net.builder.parameter("w", shape=(3, 4), dtype="float16")
    counted = report(net.builder.build(inputs=[], outputs=[], graph=False))
    totals = counted.totals
    assert totals.parameters.total == 12
    assert totals.memory.parameter_bytes == 24
    assert (totals.macs, totals.flops, totals.integer_ops) == (None, None, None)
    assert totals.flops_by_category is None
    assert (totals.memory.peak_activation_bytes, totals.memory.peak_bytes) == (None, None)
    assert (counted[""].macs, counted[""].flops) == (None, None)


# --------------------------------------------------------------------------------- conventions


def test_a_convention_changes_what_is_counted_and_not_the_model() -> None:
    net = Graph()
    net.run(Linear(rows=2, in_features=3, out_features=4, bias=True), [net.tensor(2, 3)])
    net.run(Softmax(rows=2, size=4), [net.tensor(2, 4)])
    model = net.build()
    flops = {
        name: report(model, name).totals.flops for name in ("analyzer", "torch", "torchvision")
    }
    assert flops == {"analyzer": 2 * MACS + 8 + 2 * 18, "torch": 2 * MACS, "torchvision": MACS}
    assert report(model, "torch").coverage.free == 1
    assert {report(model, name).totals.macs for name in flops} == {MACS}


def test_unknown_stays_unknown_under_every_convention() -> None:
    net = Graph()
    net.run(Unknown(name="vendor::magic"))
    for convention in BUILT_IN:
        (entry,) = report(net.build(), convention.name).entries
        assert entry.cost is None


def test_each_step_of_a_fused_operation_is_counted_under_a_convention() -> None:
    dense = Linear(rows=2, in_features=3, out_features=4, bias=True)
    net = Graph()
    net.run(Fused(name="dense relu", steps=(dense, Elementwise(function="relu", elements=8))))
    (entry,) = report(net.build(), "torchvision").entries
    assert entry.work.flops == entry.work.macs == MACS
    assert entry.cost == Cost(macs=dense.cost().macs, flops_per_mac=1)


def test_costs_that_count_a_mac_differently_do_not_add_up() -> None:
    one, two = (Cost(macs=product(a=2), flops_per_mac=count) for count in (1, 2))
    with pytest.raises(ValueError, match=r"a MAC cannot be \[1, 2\] FLOPs"):
        Cost.of_all((one, two))


def test_a_rule_is_asked_at_each_place_only_if_it_looks_around() -> None:
    net = Graph("left", "right")
    for layer in ("left", "right", "left"):
        net.run(PRODUCT, [net.tensor(2, 3)], [net.tensor(2, 4)], layer=layer)
    model = net.build()
    asked: list[str] = []

    def plain(place: Place) -> Cost:
        asked.append("plain")
        return place.cost

    def looking(place: Place) -> Cost:
        asked.append(place.layer.path)
        if place.layer.path == "right":
            return Cost(free="it is on the right")
        return place.cost

    for rule, macs in ((plain, 3 * MACS), (looking, 2 * MACS)):
        convention = Convention(name="mine", version=1, description="", otherwise=rule)
        assert report_on(model, convention).totals.macs == macs
    assert asked == ["plain", "left", "right", "left"]


def test_what_a_place_tells() -> None:
    net = Graph("outer", "outer/inner")
    net.builder.parameter("kernel", shape=(3, 4), dtype="float32")
    for _ in range(2):
        net.run(
            PRODUCT,
            [net.tensor(2, 3)],
            [net.tensor(2, 4)],
            layer="outer/inner",
            uses=[Use("kernel", "kernel")],
        )
        net.run(free("reshape", because="a view"), layer="outer/inner")
        net.builder.called("outer/inner", [net.tensor(2, 4)])
    model = net.build()
    around = Surroundings(model)
    assert model.nodes is not None
    first, second = (Place(node, around) for node in model.nodes[::2])
    assert not first.looked_around
    assert [layer.path for layer in second.layers] == ["outer/inner", "outer", ""]
    assert second.looked_around
    assert second.leaf
    assert [parameter.name for parameter in second.read] == ["kernel"]
    assert second.held == second.read
    assert second.call == model.nodes[2:]
    assert first.call == model.nodes[:2]


# ---------------------------------------------------------------------------- layers, parameters


@pytest.fixture
def shared() -> Report:
    """Two branches of a tree that share a kernel, one of them with state and a frozen kernel."""
    net = Graph("left", "right")
    builder = net.builder
    builder.parameter("both", shape=(4, 4), dtype="float32")
    builder.parameter("frozen", shape=(4, 3), dtype="float16", trainable=False)
    builder.parameter("statistics", shape=(3,), dtype="float32", kind=Kind.STATE)
    builder.parameter("mask", shape=(7,), dtype="bool", kind=Kind.CONSTANT)
    for side in ("left", "right"):
        builder.layer(f"{side}/dense", type="Dense", parent=side, parameters=["both"])
    builder.layer("right/norm", type="Norm", parent="right")
    x = net.tensor(2, 4)
    a = net.dense(x, 4, "both", "left/dense")
    b = net.dense(a, 4, "both", "right/dense")
    c = net.dense(b, 3, "frozen", "right/norm")
    net.run(
        Elementwise(function="add", elements=6),
        [c],
        [net.tensor(2, 3)],
        uses=[Use("statistics", "running mean")],
        layer="right/norm",
    )
    builder.called("left/dense", [a])
    return report(builder.build(inputs=[x], outputs=[c]))


def test_a_layer_sums_its_sublayers(shared: Report) -> None:
    assert {layer.path: layer.macs for layer in shared.layers} == {
        "": 88,
        "left": 32,
        "right": 56,
        "left/dense": 32,
        "right/dense": 32,
        "right/norm": 24,
    }
    assert {layer.path: layer.own.macs for layer in shared.layers if layer.own.macs} == {
        "left/dense": 32,
        "right/dense": 32,
        "right/norm": 24,
    }
    assert sum(layer.own.flops or 0 for layer in shared.layers) == shared.totals.flops
    assert shared[""].flops == shared.totals.flops
    assert [layer.depth for layer in shared.layers] == [0, 1, 1, 2, 2, 2]


def test_shared_parameters_are_counted_once(shared: Report) -> None:
    counts = shared.totals.parameters
    assert (counts.total, counts.trainable, counts.frozen) == (28, 16, 12)
    assert (counts.state, counts.constants, counts.active) == (3, 7, 28)
    assert shared[""].parameters == counts
    assert shared["left"].parameters.total == 16
    assert shared["right"].parameters.total == 28
    assert shared["left/dense"].shared_with == ("right/dense",)
    assert shared["right/dense"].shared_with == ("left/dense",)
    assert shared["right/norm"].shared_with == ()
    memory = shared.totals.memory
    assert (memory.parameter_bytes, memory.state_bytes, memory.constant_bytes) == (88, 12, 7)


def test_layers_are_found_by_path_or_last_name(shared: Report) -> None:
    assert shared["right/norm"] is shared["norm"]
    assert shared[""].path == ""
    with pytest.raises(UnknownNameError, match=r"ambiguous.*left/dense, right/dense"):
        shared["dense"]
    with pytest.raises(
        UnknownNameError, match="'right/nom' is not in net; did you mean right/norm"
    ):
        shared["right/nom"]
    with pytest.raises(
        UnknownNameError, match=r"'zzz' is not in net; it has left, right, left/dense"
    ):
        shared["zzz"]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=8))
def test_layers_add_up_whatever_the_tree(work: list[tuple[int, int]]) -> None:
    paths = ["a", "a/b", "a/b/c", "d", "d/e"]
    net = Graph(*paths)
    for at, rows in work:
        net.run(
            Linear(rows=rows, in_features=2, out_features=3, bias=True),
            [net.tensor(rows, 2)],
            [net.tensor(rows, 3)],
            layer=["", *paths][at],
        )
    counted = report(net.build())
    for layer in counted.layers:
        inside = [
            other
            for other in counted.layers
            if other is layer or layer.path == "" or other.path.startswith(f"{layer.path}/")
        ]
        assert layer.macs == sum(other.own.macs or 0 for other in inside)
        assert layer.flops == sum(other.own.flops or 0 for other in inside)
    totals = counted.totals
    assert totals.flops_by_category is not None
    assert sum(totals.flops_by_category.values()) == totals.flops == counted[""].flops


def test_report_as_data(shared: Report) -> None:
    data = shared.to_dict()
    assert list(data) == [
        "schema_version",
        "model",
        "notes",
        "inputs",
        "convention",
        "convention_version",
        "totals",
        "coverage",
        "layers",
    ]
    assert data["convention"] == ANALYZER.name
    assert data["inputs"] == [{"name": "", "shape": [2, 4], "dtype": "float32"}]
    assert list(data["totals"]) == [
        "parameters",
        "macs",
        "flops",
        "flops_by_category",
        "integer_ops",
        "memory",
    ]
    dense = data["layers"][3]
    assert dense["path"] == "left/dense"
    assert dense["calls"] == 1
    assert dense["outputs"] == [{"shape": [2, 4], "dtype": "float32"}]
    assert dense["shared_with"] == ["right/dense"]
    assert set(dense["own"]) == {"parameters", "macs", "flops"}
    assert set(map(type, _leaves(data))) <= {str, int, bool, type(None)}


def _leaves(data: Any) -> list[Any]:
    if isinstance(data, dict):
        assert all(isinstance(key, str) for key in data)
        return [leaf for value in data.values() for leaf in _leaves(value)]
    if isinstance(data, list):
        return [leaf for value in data for leaf in _leaves(value)]
    return [data]
