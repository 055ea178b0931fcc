"""Peak memory, by hand and against a simulation that allocates and frees step by step."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from analyzer import Allocation, Model, Tensor
from analyzer.memory import eager_peak_bytes, peak_activation_bytes, unique_bytes
from analyzer.ops import Branch, Elementwise, Repeat
from tests.graphs import Graph

# ---------------------------------------------------------------------------- worked by hand


def test_a_chain_needs_two_neighbours() -> None:
    net = Graph()
    x = net.tensor(100)
    a = net.step(x, size=10)
    b = net.step(a, size=30)
    c = net.step(b, size=5)
    # a and b: 40 numbers; b and c: 35. The input is not among them.
    assert peak_activation_bytes(net.build([x], [c])) == 4 * 40


def test_what_is_read_late_lives_until_then() -> None:
    net = Graph()
    x = net.tensor(1)
    skip = net.step(x, size=10)
    a = net.step(skip, size=20)
    b = net.step(a, size=20)
    y = net.step(b, skip, size=10)
    assert peak_activation_bytes(net.build([x], [y])) == 4 * (10 + 20 + 20)


def test_outputs_live_to_the_end() -> None:
    net = Graph()
    x = net.tensor(1)
    early = net.step(x, size=10)
    a = net.step(x, size=20)
    b = net.step(a, size=20)
    assert peak_activation_bytes(net.build([x], [early, b])) == 4 * (10 + 20 + 20)
    assert peak_activation_bytes(net.build([x], [b])) == 4 * (20 + 20)


def test_what_nobody_reads_is_still_written() -> None:
    net = Graph()
    x = net.tensor(1)
    net.step(x, size=50)
    y = net.step(x, size=5)
    assert peak_activation_bytes(net.build([x], [y])) == 4 * 50


def test_views_and_in_place_results_take_nothing() -> None:
    net = Graph()
    x = net.tensor(1)
    a = net.step(x, size=12)
    b = net.in_place(net.view(a, 3, 4))
    y = net.step(b, size=1)
    assert peak_activation_bytes(net.build([x], [y])) == 4 * (12 + 1)


def test_a_view_keeps_its_base() -> None:
    net = Graph()
    x = net.tensor(1)
    base = net.step(x, size=12)
    view = net.view(base, 3, 4)
    a = net.step(x, size=30)
    y = net.step(a, view, size=1)
    assert peak_activation_bytes(net.build([x], [y])) == 4 * (12 + 30 + 1)


def test_inputs_and_parameters_changed_in_place_are_no_activations() -> None:
    net = Graph()
    net.builder.parameter("w", shape=(6,), dtype="float32")
    x = net.tensor(8)
    stored = net.builder.tensor((6,), "float32", storage=net.builder.storage_of("w"))
    net.in_place(x)
    net.in_place(stored)
    y = net.step(x, stored, size=2)
    assert peak_activation_bytes(net.build([x], [y])) == 4 * 2
    assert peak_activation_bytes(net.build([x], [x])) == 4 * 2


def test_a_model_that_does_nothing() -> None:
    net = Graph()
    x = net.tensor(8)
    assert peak_activation_bytes(net.build([x], [x])) == 0
    assert peak_activation_bytes(net.builder.build(inputs=[], outputs=[], graph=False)) is None


def test_types_have_their_width() -> None:
    net = Graph()
    x = net.tensor(1)
    a = net.step(x, size=5, dtype="float64")
    b = net.step(a, size=3, dtype="int4")
    assert peak_activation_bytes(net.build([x], [b])) == 5 * 8 + 2


def _loop(net: Graph, outside: Tensor, times: int) -> tuple[Tensor, Tensor]:
    """A loop of two steps over a tensor from outside; return the body's result and the loop's."""
    with net.builder.body() as body:
        inner = net.step(outside, size=20)
        last = net.step(inner, size=30)
    result = net.tensor(30)
    net.run(Repeat(body=tuple(body), times=times), [], [result])
    return last, result


def test_a_loop_holds_its_result_and_what_its_body_needs() -> None:
    net = Graph()
    x = net.tensor(1)
    outside = net.step(x, size=10)
    _, result = _loop(net, outside, 5)
    y = net.step(result, size=1)
    # The body reads `outside`, which therefore lives through the loop, though no input says so.
    assert peak_activation_bytes(net.build([x], [y])) == 4 * (10 + 30 + 20 + 30)


def test_a_body_that_writes_the_result_itself_takes_it_once() -> None:
    net = Graph()
    x = net.tensor(1)
    outside = net.step(x, size=10)
    with net.builder.body() as body:
        inner = net.step(outside, size=20)
        last = net.step(inner, size=30)
    net.run(Repeat(body=tuple(body), times=5), [], [last])
    assert peak_activation_bytes(net.build([x], [last])) == 4 * (10 + 30 + 20)


def test_a_loop_that_never_runs_needs_nothing_inside() -> None:
    net = Graph()
    x = net.tensor(1)
    _, result = _loop(net, x, 0)
    assert peak_activation_bytes(net.build([x], [result])) == 4 * 30


def test_a_branch_needs_its_largest_way_or_the_one_that_is_taken() -> None:
    for taken, inside in ((None, 40), (0, 15), (1, 40)):
        net = Graph()
        x = net.tensor(1)
        with net.builder.body() as small:
            net.step(x, size=15)
        with net.builder.body() as large:
            net.step(x, size=40)
        result = net.tensor(2)
        ways = (tuple(small), tuple(large))
        net.run(Branch(alternatives=ways, taken=taken), [x], [result])
        assert peak_activation_bytes(net.build([x], [result])) == 4 * (2 + inside)


def test_eager_peak_is_the_highest_level() -> None:
    steps = [Allocation(bytes=size, layer="") for size in (5, 7, -5, 4, -7, 8)]
    assert eager_peak_bytes(steps) == 12
    assert eager_peak_bytes([]) == 0
    assert eager_peak_bytes(None) is None


def test_shared_storage_is_counted_once() -> None:
    net = Graph()
    x = net.tensor(4)
    assert unique_bytes([x, net.tensor(2, 2, of=x), net.tensor(3)]) == 4 * (4 + 3)


# -------------------------------------------------------------------------- against a simulation


@dataclass
class Simulated:
    """Memory that is really handed out: a reference count a storage, freed when it is zero."""

    model: Model
    held: dict[int, int] = field(default_factory=dict)
    peak: int = 0

    def run(self) -> int:
        model = self.model
        assert model.nodes is not None
        waiting: dict[int, int] = {}
        for node in model.nodes:
            for tensor in (*node.inputs, *node.outputs):
                waiting[tensor.storage] = waiting.get(tensor.storage, 0) + 1
        for tensor in model.outputs:
            waiting[tensor.storage] = waiting.get(tensor.storage, 0) + 1
        given_storages = {tensor.storage for tensor in model.inputs}
        for node in model.nodes:
            for tensor in node.outputs:
                if tensor.storage not in given_storages:
                    self.held.setdefault(tensor.storage, tensor.bytes)
            self.peak = max(self.peak, sum(self.held.values()))
            for tensor in (*node.inputs, *node.outputs):
                waiting[tensor.storage] -= 1
                if not waiting[tensor.storage]:
                    self.held.pop(tensor.storage, None)
        return self.peak


@st.composite
def graphs(draw: st.DrawFn) -> Model:
    net = Graph()
    known = [net.tensor(draw(st.integers(0, 9))) for _ in range(draw(st.integers(1, 2)))]
    inputs = tuple(known)
    for _ in range(draw(st.integers(0, 12))):
        reads = draw(st.lists(st.sampled_from(known), max_size=3))
        what = draw(st.sampled_from(["step", "step", "step", "view", "in place", "two results"]))
        base = draw(st.sampled_from(known))
        match what:
            case "step":
                known.append(net.step(*reads, size=draw(st.integers(0, 20))))
            case "view":
                known.append(net.view(base, 1, *base.shape))
            case "in place":
                known.append(net.in_place(base))
            case "two results":
                pair = [net.tensor(draw(st.integers(1, 9))) for _ in range(2)]
                net.run(Elementwise(function="add", elements=1), reads, pair)
                known += pair
    return net.build(inputs, draw(st.lists(st.sampled_from(known), max_size=3)))


@given(graphs())
def test_peak_is_what_a_simulation_really_holds(model: Model) -> None:
    assert peak_activation_bytes(model) == Simulated(model).run()


@given(graphs(), st.integers(1, 3))
def test_a_graph_in_a_loop_needs_what_it_needs_alone(model: Model, times: int) -> None:
    assert model.nodes is not None
    alone = Simulated(model).run()
    net = Graph()
    net.run(Repeat(body=model.nodes, times=times), model.inputs, ())
    looped = peak_activation_bytes(net.build(model.inputs))
    assert looped is not None
    # Inside, what is returned need not outlive its last use.
    assert looped <= alone
    if not model.outputs:
        assert looped == alone
