"""Comparisons of networks built by hand: every difference has its reason, and nothing is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import analyzer
from analyzer.comparing.comparison import Comparison, compare_reports
from analyzer.comparing.reasons import Amount
from analyzer.errors import UsageError
from analyzer.ir import Model
from tests.models import odd, stored
from tests.networks import Network

Layers = list[tuple[str, int]]


def compared(a: Network, b: Network) -> Comparison:
    found = compare_reports(analyzer.analyze(a.build()), analyzer.analyze(b.build()))
    assert found.remainder == Amount()
    return found


def reasons(comparison: Comparison) -> dict[str, Amount]:
    return {difference.reason: difference.amount for difference in comparison.differences}


def network(layers: Layers, prefix: str = "layer") -> Network:
    made = Network(prefix=prefix)
    for kind, filters in layers:
        match kind:
            case "convolution":
                made.convolution(filters)
            case "pointwise":
                made.convolution(filters, kernel=1, bias=False)
            case "norm":
                made.norm()
            case "relu":
                made.activation()
    return made.dense(10)


def layer_lists() -> st.SearchStrategy[Layers]:
    kinds = st.sampled_from(["convolution", "pointwise", "norm", "relu"])
    return st.lists(st.tuples(kinds, st.integers(1, 6)), min_size=1, max_size=8)


@given(layer_lists())
def test_a_model_is_identical_to_itself_whatever_its_layers_are_called(layers: Layers) -> None:
    found = compared(network(layers), network(layers, prefix="other"))
    assert found.verdict == "identical"
    assert found.differences == ()


@given(layer_lists(), layer_lists())
def test_reasons_add_up_for_any_two_networks(a: Layers, b: Layers) -> None:
    compared(network(a), network(b))


@given(layer_lists(), st.data())
def test_a_layer_taken_away_is_exactly_the_difference(layers: Layers, data: st.DataObject) -> None:
    """Relu keeps every shape, so nothing but itself differs."""
    at = data.draw(st.integers(0, len(layers)))
    found = compared(network([*layers[:at], ("relu", 1), *layers[at:]]), network(layers))
    (difference,) = found.differences
    assert difference.reason == "relu in one model only"
    assert difference.amount.parameters == difference.amount.macs == 0
    assert difference.layers_b == ()
    assert found.verdict == "equivalent"


def test_bias_present_or_absent() -> None:
    found = compared(
        Network().convolution(4).dense(10), Network().convolution(4, bias=False).dense(10)
    )
    assert reasons(found) == {
        "bias of Convolution present or absent": Amount(
            parameters=4, flops=4 * 16 * 16, stored_bytes=16
        )
    }


def test_bias_spelled_out_is_no_difference_in_cost() -> None:
    found = compared(Network().dense(10), Network().dense(10, spelled=True))
    assert found.differences == ()
    assert found.verdict == "equivalent"


def test_stride_in_another_place() -> None:
    a = Network().convolution(4, kernel=1, stride=2, bias=False).norm().convolution(8, bias=False)
    b = Network().convolution(4, kernel=1, bias=False).norm()
    found = compared(a, b.convolution(8, stride=2, bias=False))
    # The first convolution and its norm work on 8×8 places instead of 16×16.
    less = 16 * 16 - 8 * 8
    assert reasons(found) == {
        "stride in another place": Amount(macs=-3 * 4 * less, flops=-(2 * 3 * 4 + 4 * 4) * less)
    }


def test_batch_norm_folded() -> None:
    found = compared(
        Network().convolution(4, bias=False).norm().dense(10), Network().convolution(4).dense(10)
    )
    assert list(reasons(found)) == ["batch norm folded into the convolution before it"]


def test_batch_norm_absent_or_folded_cannot_be_told_where_both_have_a_bias() -> None:
    found = compared(Network().convolution(4).norm().dense(10), Network().convolution(4).dense(10))
    assert list(reasons(found)) == ["batch norm absent, or folded into the convolution before it"]


def test_number_of_classes() -> None:
    found = compared(Network().convolution(4).dense(10), Network().convolution(4).dense(20))
    assert list(reasons(found)) == ["head or number of classes"]
    assert found.verdict == "different"


def test_verdict_and_what_it_is_at_least() -> None:
    same = compared(Network().dense(10), Network().dense(10))
    assert same.is_at_least("identical")
    assert same.is_at_least("equivalent")
    other = compared(Network().dense(10), Network().dense(11))
    assert not other.is_at_least("equivalent")


def test_where_the_work_is_unknown_it_cannot_be_told_whether_models_are_equivalent() -> None:
    def verdict(a: Model, b: Model) -> str:
        found = analyzer.compare(a, b)
        assert isinstance(found, Comparison)
        assert found.is_at_least("different")
        return found.verdict

    assert verdict(odd(), odd()) == "identical"
    assert verdict(odd(), odd(activation="sigmoid")) == "equivalent"  # the unknown is the same
    assert verdict(odd(), odd(swirl="odd.twirl")) == "cannot be told"
    assert verdict(stored(), stored()) == "identical"
    twelve = Network(channels=12, size=1).convolution(1, kernel=1, bias=False).build()
    assert twelve.parameters[0].elements == stored().parameters[0].elements
    assert verdict(twelve, stored()) == "cannot be told"
    assert verdict(Network().dense(4).build(), stored()) == "different"


def test_reports_under_different_conventions_are_refused() -> None:
    model = Network().dense(10).build()
    reports = [analyzer.analyze(model, convention=name) for name in ("analyzer", "torch")]
    with pytest.raises(UsageError, match="analyse both under one"):
        compare_reports(*reports)


@pytest.mark.parametrize("format", ["table", "markdown", "html", "csv", "json"])
def test_a_comparison_renders_in_every_format(format: str) -> None:
    found = compared(Network().convolution(4).dense(10), Network().convolution(8).dense(10))
    assert "width of a layer" in found.render(format)
