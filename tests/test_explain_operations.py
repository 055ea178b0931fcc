"""Every operation that has a rule is explained in every format, and its numbers work out."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html import unescape

import pytest
from pylatexenc.latexwalker import LatexWalker

import analyzer
from analyzer import Explanation, Expression, Factor, Kind, Model, ModelBuilder, Operation, Use, ops
from analyzer.expression import Product, Quotient, Sum
from analyzer.ops import FUNCTIONS, REDUCTIONS
from analyzer.render import BUILT_IN
from tests.formulas import latex_formulas, plain_formulas, worked_out
from tests.test_docs import generate

EVERY: dict[str, Operation] = {
    **{f"{at} {one.kind}": one for at, one in enumerate(generate().EXAMPLES)},
    "depthwise": ops.Convolution(
        batch=2, in_channels=8, out_channels=8, groups=8, in_spatial=(9, 9), out_spatial=(5, 5),
        bias=False, kernel=(3, 3), stride=(2, 2), dilation=(1, 1), padding=((1, 1), (0, 1)),
    ),
    "deep": ops.Recurrent(
        cell=ops.Cell.LSTM, batch=2, steps=5, input_size=3, hidden_size=4, biases=2, layers=2,
        directions=2, projection=2,
    ),
}  # fmt: skip
FORMULAS: dict[str, Operation] = {
    **{name: ops.Elementwise(function=name, elements=12) for name in FUNCTIONS},
    **{name: ops.Reduction(function=name, in_elements=12, out_elements=4) for name in REDUCTIONS},
}
WITHOUT_A_NODE = (ops.Repeat, ops.Branch)
"""They are laid open: what is inside them is explained."""


def model_of(operation: Operation) -> Model:
    """Return a model in which one layer runs one operation, with the parameters that it needs."""
    builder = ModelBuilder(name="one", framework="hand", framework_version="1", source="tests")
    builder.layer("", type="Model")
    builder.layer("it", type="Layer", parent="")
    uses = []
    for role, count in operation.parameter_counts().items():
        kind = Kind.STATE if role.startswith("running") else Kind.LEARNABLE
        builder.parameter(role, shape=(count.value,), dtype="float16", kind=kind)
        uses.append(Use(role, role))
    x, y = builder.tensor((2, 6), "float32"), builder.tensor((3, 4), "float32")
    builder.add(operation, inputs=[x], outputs=[y], uses=uses, layer="it", native="it")
    builder.called("it", [y])
    return builder.build(inputs=[x], outputs=[y])


def derived(explanation: Explanation) -> Iterator[Expression]:
    """Yield every derivation that an explanation of a layer must show."""
    yield from (parameter.expression for parameter in explanation.parameters)
    for step in explanation.steps:
        yield from filter(None, (step.macs, *step.work.values()))
        yield from filter(None, (step.traffic.read, step.traffic.written))


def factors(expression: Expression) -> Iterator[str]:
    match expression:
        case Factor(name=name):
            yield name
        case Product(factors=parts) | Sum(terms=parts):
            for part in parts:
                yield from factors(part)
        case Quotient():
            yield from factors(expression.dividend)
            yield from factors(expression.divisor)


def squeezed(text: str) -> str:
    """Take the spaces away, for a format may break lines anywhere."""
    return re.sub(r"\s|•", "", unescape(re.sub(r"&nbsp;|</?[a-z][^<>]*>", "", text)))


@pytest.fixture(params=[name for name, one in EVERY.items() if type(one) not in WITHOUT_A_NODE])
def explained(request: pytest.FixtureRequest) -> Explanation:
    return analyzer.analyze(model_of(EVERY[request.param]))["it"].explain()


@pytest.mark.parametrize("format", ["table", "markdown", "html"])
def test_what_people_read(
    explained: Explanation, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analyzer.render.table._PIPE_WIDTH", 1000)  # so that no cell is broken
    text = explained.render(format)
    for expression in derived(explained):
        assert squeezed(expression.names()) in squeezed(text).replace("\\|", "|")
        assert squeezed(expression.numbers()) in squeezed(text)
    (step,) = explained.steps
    assert step.entry.node.operation.lesson
    assert squeezed(step.entry.node.operation.lesson) in squeezed(text).replace("\\|", "|")
    if step.entry.cost is None:
        assert "not known, and not zero" in text
    elif step.free:
        assert squeezed(step.free) in squeezed(text)


def test_the_numbers_of_the_text_work_out(explained: Explanation) -> None:
    text = explained.render("markdown")
    formulas = plain_formulas(text)
    wanted = [one for step in explained.steps for one in (step.macs, *step.work.values())]
    assert len(formulas) >= sum(one.numbers() != str(one.value) for one in wanted if one)
    for numbers, value in formulas:
        assert worked_out(numbers) == value, numbers
    for expression in derived(explained):
        assert worked_out(expression.numbers()) == expression.value


def test_the_formulas_of_latex_work_out(explained: Explanation) -> None:
    text = explained.to_latex()
    assert text.isascii()
    body = text.partition("\\fi\n")[2].removesuffix("\\analyzerend")
    LatexWalker(body, tolerant_parsing=False).get_latex_nodes()
    shown = dict.fromkeys(latex_formulas(text))
    for numbers, value in shown:
        assert worked_out(numbers) == value, numbers
    for step in explained.steps:
        for expression in (step.macs, *step.work.values(), step.traffic.read):
            if expression and expression.latex_numbers() != str(expression.value):
                assert (expression.latex_numbers(), expression.value) in shown
                assert expression.latex_names() in text


def test_what_programs_read(explained: Explanation) -> None:
    (layer,) = json.loads(explained.render("json"))["layers"]
    (operation,) = layer["operations"]
    (step,) = explained.steps
    counted = [tensor["elements"] for tensor in layer["tensors"]]
    counted += [tensor["bytes"] for tensor in layer["tensors"]]
    counted += [operation["macs"], operation["bytes_read"], operation["bytes_written"]]
    counted += operation["work"]
    for one in counted:
        assert worked_out(one["numbers"]) == one["count"]
    named = " ".join(one["factors"] for one in counted)
    for expression in derived(explained):
        assert all(name in named for name in factors(expression))
    assert operation["lesson"] == step.entry.node.operation.lesson
    assert operation["known"] == (step.entry.cost is not None)

    (row,) = csv.DictReader(io.StringIO(explained.render("csv")))
    assert worked_out(row["Derivation"]) == int(row["Parameters"])
    assert worked_out(row["MACs derived"]) == int(row["MACs"])
    assert worked_out(row["FLOPs derived"]) == int(row["FLOPs"])


@pytest.mark.parametrize("name", FORMULAS)
def test_every_formula_is_told(name: str) -> None:
    explained = analyzer.analyze(model_of(FORMULAS[name]))["it"].explain()
    text = unescape(explained.render("html"))
    (step,) = explained.steps
    assert (FUNCTIONS[name] if name in FUNCTIONS else REDUCTIONS[name]).formula in text
    assert step.entry.node.operation.lesson in text
    for work in step.work.values():
        assert f"{work.names()} = {work.numbers()} = {work.value}" in text
        assert worked_out(work.numbers()) == work.value


def test_every_operation_is_here() -> None:
    kinds = [getattr(ops, name) for name in ops.__all__]
    exported = {kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Operation)}
    assert {type(one) for one in EVERY.values()} == exported - {Operation}
    assert {renderer.name for renderer in BUILT_IN} == {
        "csv", "html", "json", "latex", "markdown", "table",
    }  # fmt: skip


def test_a_loop_is_explained_by_what_runs_in_it() -> None:
    builder = ModelBuilder(name="one", framework="hand", framework_version="1", source="tests")
    builder.layer("", type="Model")
    x, y = builder.tensor((2, 6), "float32"), builder.tensor((2, 6), "float32")
    with builder.body() as nodes:
        dense = ops.Linear(rows=2, in_features=6, out_features=6, bias=False)
        builder.add(dense, inputs=[x], outputs=[y], native="mm")
    builder.add(ops.Repeat(body=tuple(nodes), times=10), inputs=[x], outputs=[y], native="loop")
    explanation = analyzer.analyze(builder.build(inputs=[x], outputs=[y])).explain()
    assert explanation.macs.names() == "runs × rows × input features × output features"
    assert explanation.macs.numbers() == "10·2·6·6"
    assert "runs × input × bytes an element = 10·12·4 = 480" in explanation.render("markdown")
