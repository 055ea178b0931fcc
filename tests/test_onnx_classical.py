"""Classical models: linear ones, support vectors, trees, scaling of features."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from analyzer_onnx.mapping_trees import depths
from tests.onnx_runs import run
from tests.onnx_spelled import CLASSICAL, Spelled, build, check, numbers, op, outputs, report

ROWS, FEATURES = 5, 4
X = {"x": numbers(ROWS, FEATURES)}


def classical(op_type: str, inputs: str, results: str, **attributes: Any) -> Any:
    return op(op_type, inputs, results, CLASSICAL, **attributes)


def as_it_ran(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Run a model, hold the shapes of its results to those, and return them."""
    ran = run(model, X)
    assert [shape for shape, _ in outputs(model)] == [one.shape for one in ran.values()]
    return ran


CASES: dict[str, Spelled] = {
    "Scaler": Spelled(
        whole=[classical("Scaler", "x", "y", offset=[0.5] * FEATURES, scale=[2.0] * FEATURES)],
        parts=[op("Sub", "x half", "a"), op("Mul", "a two", "y")],
        inputs=X,
        weights={"half": np.float32(0.5), "two": np.float32(2)},
    ),
    "Normalizer, by absolute values": Spelled(
        whole=[classical("Normalizer", "x", "y", norm="L1")],
        parts=[op("ReduceL1", "x last", "a"), op("Div", "x a", "y")],
        inputs=X,
        weights={"last": np.array([1])},
    ),
    "Normalizer, by squares": Spelled(
        whole=[classical("Normalizer", "x", "y", norm="L2")],
        parts=[op("ReduceL2", "x last", "a"), op("Div", "x a", "y")],
        inputs=X,
        weights={"last": np.array([1])},
    ),
    "Binarizer": Spelled(
        whole=[classical("Binarizer", "x", "y", threshold=0.5)],
        parts=[op("Greater", "x half", "a"), op("Cast", "a", "y", to=1)],
        inputs=X,
        weights={"half": np.float32(0.5)},
    ),
    "Imputer": Spelled(
        whole=[
            classical("Imputer", "x", "y", imputed_value_floats=[2.0], replaced_value_float=0.0)
        ],
        parts=[op("Equal", "x zero", "a"), op("Where", "a two x", "y")],
        inputs=X,
        weights={"zero": np.float32(0), "two": np.float32(2)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operator_and_the_graph_that_spells_it_out(name: str) -> None:
    check(CASES[name])


def test_weights_of_linear_models_are_in_the_node() -> None:
    kernel, bias = numbers(3, FEATURES), numbers(3)
    settings = {"coefficients": kernel.reshape(-1).tolist(), "intercepts": bias.tolist()}
    regressor = build([classical("LinearRegressor", "x", "y", targets=3, **settings)], X, {}, ["y"])
    np.testing.assert_allclose(as_it_ran(regressor)["y"], X["x"] @ kernel.T + bias, atol=1e-5)
    classifier = build(
        [classical("LinearClassifier", "x", "l z", classlabels_ints=[0, 1, 2], multi_class=1,
                   post_transform="SOFTMAX", **settings)],
        X, {}, ["l", "z"],
    )  # fmt: skip
    as_it_ran(classifier)
    for model in (regressor, classifier):
        totals = report(model).totals
        assert totals.macs == ROWS * kernel.size
        assert totals.parameters.total == kernel.size + bias.size


@pytest.mark.parametrize("kind", ["LINEAR", "POLY", "RBF", "SIGMOID"])
def test_support_vectors(kind: str) -> None:
    vectors, weights = numbers(6, FEATURES), numbers(6)
    gamma, offset, degree = 0.5, 0.25, 2.0
    node = classical(
        "SVMRegressor", "x", "y", kernel_type=kind, kernel_params=[gamma, offset, degree],
        n_supports=6, support_vectors=vectors.reshape(-1).tolist(), coefficients=weights.tolist(),
        rho=[0.125],
    )  # fmt: skip
    model = build([node], X, {}, ["y"])
    dot = X["x"] @ vectors.T
    away = ((X["x"][:, None] - vectors) ** 2).sum(axis=-1)
    kernel = {
        "LINEAR": dot,
        "POLY": (gamma * dot + offset) ** degree,
        "RBF": np.exp(-gamma * away),
        "SIGMOID": np.tanh(gamma * dot + offset),
    }[kind]
    expected = kernel @ weights + 0.125
    np.testing.assert_allclose(as_it_ran(model)["y"][:, 0], expected, atol=1e-4)
    totals = report(model).totals
    products = 0 if kind == "RBF" else ROWS * vectors.size
    assert totals.macs == products + ROWS * 6
    assert totals.parameters.total == vectors.size + weights.size


class Trees:
    """Random trees in the lists that an operator takes, and the walk through them."""

    def __init__(self, seed: int, number: int, deepest: int, *, full: bool) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[dict[str, Any]] = []
        self.votes: list[tuple[int, int, float]] = []
        self.comparisons = 0
        for tree in range(number):
            self._grow(tree, [0], deepest, full)

    def _grow(self, tree: int, count: list[int], left: int, full: bool) -> int:
        number, count[0] = count[0], count[0] + 1
        node: dict[str, Any] = {"tree": tree, "number": number}
        self.nodes.append(node)
        if not left or (number and not full and self.random.random() < 0.3):
            node |= {"mode": "LEAF", "yes": 0, "no": 0, "feature": 0, "value": 0.0}
            self.votes.append((tree, number, float(self.random.normal())))
            return number
        node |= {
            "mode": "BRANCH_LEQ",
            "feature": int(self.random.integers(FEATURES)),
            "value": float(self.random.normal()),
            "yes": self._grow(tree, count, left - 1, full),
            "no": self._grow(tree, count, left - 1, full),
        }
        return number

    def attributes(self, votes: str) -> dict[str, Any]:
        names = {
            "nodes_treeids": "tree", "nodes_nodeids": "number", "nodes_modes": "mode",
            "nodes_featureids": "feature", "nodes_values": "value", "nodes_truenodeids": "yes",
            "nodes_falsenodeids": "no",
        }  # fmt: skip
        lists: dict[str, Any] = {
            name: [node[key] for node in self.nodes] for name, key in names.items()
        }
        trees, numbers_, weights = zip(*self.votes, strict=True)
        lists |= {f"{votes}_treeids": trees, f"{votes}_nodeids": numbers_}
        return lists | {f"{votes}_weights": weights, f"{votes}_ids": [0] * len(weights)}

    def walk(self, row: np.ndarray) -> float:
        """Return the sum of the votes for a row, counting comparisons and sums."""
        place = {(node["tree"], node["number"]): node for node in self.nodes}
        total = 0.0
        for tree in sorted({node["tree"] for node in self.nodes}):
            node = place[tree, 0]
            while node["mode"] != "LEAF":
                self.comparisons += 1
                way = "yes" if row[node["feature"]] <= np.float32(node["value"]) else "no"
                node = place[tree, node[way]]
            for one, number, weight in self.votes:
                if (one, number) == (tree, node["number"]):
                    self.comparisons += 1  # a sum, which counts alike
                    total += weight
        return total


@pytest.mark.parametrize("full", [True, False])
def test_trees(full: bool) -> None:
    trees = Trees(3, number=4, deepest=5, full=full)
    node = classical("TreeEnsembleRegressor", "x", "y", n_targets=1, **trees.attributes("target"))
    model = build([node], X, {}, ["y"])
    expected = [trees.walk(row) for row in X["x"]]
    np.testing.assert_allclose(as_it_ran(model)["y"][:, 0], expected, atol=1e-5)
    found = report(model)
    assert found.totals.parameters.total == len(trees.nodes)  # a threshold, or a vote, each
    flops = found.totals.flops or 0
    if full:
        assert flops == trees.comparisons
        assert not found.notes
    else:
        assert flops > trees.comparisons
        assert "upper bounds" in found.notes[0]


def test_trees_that_classify() -> None:
    trees = Trees(5, number=3, deepest=3, full=True)
    attributes = trees.attributes("class")
    attributes["class_ids"] = [at % 3 for at in range(len(trees.votes))]
    node = classical(
        "TreeEnsembleClassifier", "x", "l z", classlabels_int64s=[0, 1, 2],
        post_transform="SOFTMAX", **attributes,
    )  # fmt: skip
    model = build([node], X, {}, ["l", "z"])
    as_it_ran(model)
    softmax = ROWS * (5 * 3 - 2)
    assert report(model).totals.flops == ROWS * (3 * 3 + 3 + 2) + softmax


def test_trees_that_go_in_circles_are_no_trees() -> None:
    with pytest.raises(ValueError, match="circle"):
        depths([0], [True, True], [1, 0], [1, 0])
