"""Writes what the docs take from the code: ``python docs/generate.py``.

``operations.md`` comes from the counting rules: a rule answers for an example of its operation, and
its answer, an expression of named factors, is what stands on the page. So the page cannot say
anything but what is counted. ``plugins.md`` shows the plugin that the tests install.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields
from enum import Enum
from pathlib import Path
from textwrap import fill
from typing import Any

from analyzer import Expression, Operation, ops
from analyzer.conventions import BUILT_IN as CONVENTIONS
from analyzer.ops import FUNCTIONS, REDUCTIONS, Steps
from analyzer_keras.jaxpr_uncounted import UNCOUNTED as UNCOUNTED_IN_JAX
from analyzer_keras.mapping_uncounted import UNCOUNTED as UNCOUNTED_IN_KERAS
from analyzer_onnx.mapping_uncounted import UNCOUNTED as UNCOUNTED_IN_ONNX
from analyzer_tensorflow.mapping_uncounted import UNCOUNTED as UNCOUNTED_IN_TENSORFLOW
from analyzer_torch.mapping_uncounted import UNCOUNTED as UNCOUNTED_IN_TORCH

DOCS = Path(__file__).parent
PLUGIN = DOCS.parent / "tests" / "third_party_plugin" / "analyzer_tinystack.py"

EXAMPLES: tuple[Operation, ...] = (
    ops.Linear(rows=1, in_features=128, out_features=10, bias=True),
    ops.MatrixProduct(batch=12, m=7, k=64, n=7),
    ops.Einsum(
        operands=("btd", "dhk"),
        output="bthk",
        sizes=(("b", 1), ("t", 7), ("d", 32), ("h", 4), ("k", 8)),
    ),
    ops.Convolution(
        batch=1, in_channels=3, out_channels=32, groups=1, in_spatial=(32, 32),
        out_spatial=(32, 32), kernel=(3, 3), stride=(1, 1), dilation=(1, 1),
        padding=((1, 1), (1, 1)), bias=True,
    ),
    ops.Convolution(
        batch=1, in_channels=32, out_channels=16, groups=1, in_spatial=(8, 8),
        out_spatial=(16, 16), kernel=(2, 2), stride=(2, 2), dilation=(1, 1),
        padding=((0, 0), (0, 0)), bias=True, transposed=True,
    ),
    ops.Attention(batch=1, heads=12, kv_heads=12, queries=197, keys=197, qk_width=64, v_width=64),
    ops.Recurrent(
        cell=ops.Cell.LSTM, batch=1, steps=10, input_size=8, hidden_size=16, biases=1
    ),
    ops.Recurrent(
        cell=ops.Cell.GRU, batch=1, steps=10, input_size=8, hidden_size=16, biases=2,
        reset_after=True,
    ),
    ops.Recurrent(
        cell=ops.Cell.SIMPLE, batch=1, steps=10, input_size=8, hidden_size=16, biases=1
    ),
    ops.Embedding(look_ups=7, vocabulary=1000, width=32),
    ops.BatchNormalization(elements=4096, channels=64, scale=True, offset=True),
    ops.Normalization(style="layer", groups=7, size=32, features=32, scale=True, offset=True),
    ops.Normalization(style="RMS", groups=7, size=32, features=32, scale=True, centered=False),
    ops.LocalResponseNormalization(elements=4096, size=5),
    ops.Softmax(rows=7, size=10),
    ops.Softmax(rows=7, size=10, logarithm=True),
    ops.Pooling(
        pool=ops.PoolKind.MAX, batch=1, channels=64, in_spatial=(8, 8), out_spatial=(4, 4),
        kernel=(2, 2), stride=(2, 2), dilation=(1, 1), padding=((0, 0), (0, 0)),
    ),
    ops.Pooling(
        pool=ops.PoolKind.AVERAGE, batch=1, channels=64, in_spatial=(8, 8), out_spatial=(4, 4),
        kernel=(2, 2), stride=(2, 2), dilation=(1, 1), padding=((0, 0), (0, 0)),
    ),
    ops.AdaptivePooling(
        pool=ops.PoolKind.AVERAGE, batch=1, channels=64, in_spatial=(8, 8), out_spatial=(1, 1)
    ),
    ops.AdaptivePooling(
        pool=ops.PoolKind.AVERAGE, batch=1, channels=64, in_spatial=(8, 8), out_spatial=(3, 3)
    ),
    ops.Interpolation(method="linear", axes=2, out_elements=4096),
    ops.Interpolation(
        method="cubic", axes=2, out_elements=3072, antialiased=((64, 32), (64, 32))
    ),
    ops.Sampling(method="linear", points=4096, axes=2, channels=64),
    ops.Elementwise(function="gelu", elements=4096),
    ops.Reduction(function="mean", in_elements=4096, out_elements=64),
    ops.Sort(rows=1, size=1000, kept=5),
    ops.Sort(rows=1, size=1000, kept=1000),
    ops.Search(look_ups=100, size=7),
    ops.NonMaximumSuppression(batch=1, boxes=1000),
    ops.FourierTransform(rows=1, sizes=(512,)),
    ops.FourierTransform(rows=1, sizes=(14, 14), real=True, scaled=True),
    ops.Factorization(method="Cholesky", batch=1, size=64),
    ops.Factorization(method="LU", batch=1, size=64),
    ops.TriangularSolve(batch=1, size=64, columns=8),
    ops.Fused(
        name="embedding bag",
        steps=(
            ops.Embedding(look_ups=20, vocabulary=1000, width=32),
            ops.Reduction(function="sum", in_elements=640, out_elements=128, ragged=True),
        ),
    ),
    ops.Repeat(body=(), times=10),
    ops.Branch(alternatives=((), ())),
    ops.free("reshape", because=ops.VIEW),
    ops.Unknown(name="package.operation"),
)  # fmt: skip
"""One of every kind; a test holds that none is left out."""

INTRODUCTION = """\
<!-- Written by docs/generate.py from the rules in analyzer/ops. Change those, not this page. -->
# Operations and their costs

Importers translate every native operation into one of these. Each stands here with an example, and
with what its rule answers for it: the factors, and the numbers of the example. FLOPs are twice the
MACs, and besides them what the other lines say. See [what is counted](conventions.md).

```python
from analyzer import ops
```
"""


def pages() -> dict[Path, str]:
    """Return each generated page's text."""
    plugins, reconcile = DOCS / "plugins.md", DOCS / "reconcile.md"
    return {
        DOCS / "operations.md": operations_page(),
        plugins: with_plugin(plugins.read_text(encoding="utf-8")),
        reconcile: with_conventions(reconcile.read_text(encoding="utf-8")),
    }


def with_plugin(text: str) -> str:
    """Put the plugin's source into the block that waits for it."""
    before, marker, after = text.partition(
        f"<!-- {PLUGIN.name}, put here by docs/generate.py -->\n"
    )
    _, fence, rest = after.removeprefix("```python\n").partition("```\n")
    return f"{before}{marker}```python\n{PLUGIN.read_text(encoding='utf-8')}{fence}{rest}"


def with_conventions(text: str) -> str:
    """Put the table of conventions where it belongs."""
    before, marker, after = text.partition("<!-- put here by docs/generate.py -->\n")
    _, _, rest = after.partition("\n\n")
    rows = [
        f"| `{one.name}` | {one.checked} | {one.word if one.number else ''} | "
        f"{'yes' if one.parameters else ''} | {one.description} |"
        for one in CONVENTIONS
        if one.checked
    ]
    head = ("| name | held to | its number | parameters | what it counts |", "| --- " * 5 + "|")
    return "\n".join([f"{before}{marker}".rstrip("\n"), *head, *rows, "", rest])


def operations_page() -> str:
    """Return the page of operations."""
    parts = (_operations(), _functions(), _reductions(), _free(), _uncounted())
    return "\n".join([INTRODUCTION, *(text for part in parts for text in part)])


def _operations() -> Iterator[str]:
    kind: type[Operation] | None = None
    for example in EXAMPLES:
        if type(example) is not kind:
            kind = type(example)
            yield f"## {kind.__name__}\n"
            yield from _description(kind)
            if isinstance(kind.lesson, str):  # a free one has a lesson for each of its own
                yield f"{_wrapped(kind.lesson)}\n"
        listed = "" if example.kind == kind.__name__ else f"\n\nListed as **{example.kind}**."
        yield f"```python\n{_record(example)}\n```{listed}\n"
        yield from _costs(example)


def _description(kind: type[Operation]) -> Iterator[str]:
    """Yield what the record's docstring says, up to its first section or doctest."""
    for paragraph in (inspect.getdoc(kind) or "").split("\n\n"):
        if paragraph.startswith(("Attributes:", "Raises:", ">>>")):
            return
        yield _wrapped(paragraph.replace("``", "`").replace(":data:", "")) + "\n"


def _record(example: Operation) -> str:
    """Write a record as ruff would format it, without the fields that are at their defaults."""
    record: Any = example
    given = [
        f"{one.name}={_value(getattr(record, one.name))}"
        for one in fields(record)
        if getattr(record, one.name) != one.default
    ]
    name, inside = f"ops.{type(example).__name__}", ", ".join(given)
    if len(name) + len(inside) <= 98:
        return f"{name}({inside})"
    if len(inside) <= 96:
        return f"{name}(\n    {inside}\n)"
    return "\n".join([f"{name}(", *(f"    {one}," for one in given), ")"])


def _value(value: object) -> str:
    if isinstance(value, Enum):
        return f"ops.{type(value).__name__}.{value.name}"
    if isinstance(value, tuple) and value and isinstance(value[0], Operation):
        return "".join(["(\n", *(f"        {_record(step)},\n" for step in value), "    )"])
    return repr(value).replace("'", '"')


def _wrapped(text: str) -> str:
    return fill(" ".join(text.split()), 100, break_long_words=False, break_on_hyphens=False)


def _costs(example: Operation) -> Iterator[str]:
    cost = example.cost()
    if cost is None:
        yield "Its cost is not known: it is listed, and the totals are lower bounds.\n"
        return
    lines: list[tuple[str, Expression]] = []
    if cost.macs.value:
        lines.append(("MACs", cost.macs))
    lines += [
        (f"FLOPs, {category}", flops)
        for category, flops in cost.by_category.items()
        if category is not ops.Category.CONTRACTION
    ]
    lines += [(f"parameters, {role}", count) for role, count in example.parameter_counts().items()]
    if cost.free:
        yield f"Free: {cost.free}.\n"
    if lines:
        yield "| | factors | numbers | |\n| --- | --- | --- | ---: |"
        for what, expression in lines:
            yield (
                f"| {what} | {expression.names()} | {expression.numbers()} | {expression.value:,} |"
            )
        yield ""


def _functions() -> Iterator[str]:
    yield "## Functions of one element\n"
    yield "What `Elementwise` knows, with the decomposition that is counted for each element.\n"
    yield "| function | FLOPs | decomposition | category |\n| --- | ---: | --- | --- |"
    for name, function in sorted(FUNCTIONS.items()):
        formula = function.formula.replace("|", "\\|")
        yield f"| {name} | {function.flops} | {formula} | {function.category} |"
    yield ""


def _reductions() -> Iterator[str]:
    yield "## Reductions of n elements to one\n"
    yield "What `Reduction` knows.\n"
    yield "| reduction | FLOPs | decomposition |\n| --- | --- | --- |"
    for name, steps in sorted(REDUCTIONS.items()):
        formula = steps.formula.replace("|", "\\|")
        yield f"| {name} | {_steps(steps)} | {formula} |"
    yield ""


def _steps(steps: Steps) -> str:
    combine = "n − 1" if steps.combines == 1 else f"{steps.combines}·(n − 1)"
    element = {0: "", 1: " + n"}.get(steps.element, f" + {steps.element}·n")
    return combine + element + (f" + {steps.result}" if steps.result else "")


def _free() -> Iterator[str]:
    yield "## Why an operation is free\n"
    yield "Nothing is free by omission. A free operation gives one of these reasons, or its own:\n"
    for name in ("VIEW", "COPY", "LOOK_UP", "FILL", "CAST", "NO_OP"):
        yield f"- `{name}`: {getattr(ops, name)}"
    yield ""


def _uncounted() -> Iterator[str]:
    yield "## Operators of PyTorch that are not counted yet\n"
    yield _wrapped(
        "Every other operator of `torch.ops.aten`, `prims`, `torchvision` and `_c10d_functional` "
        "is counted, free with a reason, or taken apart by PyTorch; a test holds that. A `*` "
        "stands for anything. A run that meets one of these lists it as unknown, and its totals "
        "are lower bounds. So it does with functions of complex numbers that the table above lacks."
    )
    yield from _reasons(UNCOUNTED_IN_TORCH)
    yield "## Operations of Keras that are not counted yet\n"
    yield _wrapped(
        "Every other operation of `keras.ops` is counted, free with a reason, or made of others; a "
        "test holds that. A model that uses one of these lists it as unknown, and its totals are "
        "lower bounds. So it does where how much an operation gives depends on what flows."
    )
    yield from _reasons(UNCOUNTED_IN_KERAS)
    yield "## Primitives of JAX that are not counted yet\n"
    yield _wrapped(
        "Code of a Keras layer that calls JAX directly is read by JAX's own equations. Every other "
        "primitive of JAX is counted, free with a reason, or read as a loop, a branch or a call; a "
        "test holds that. A `*` stands for anything."
    )
    yield from _reasons(UNCOUNTED_IN_JAX)
    yield "## Operators of ONNX that are not counted yet\n"
    yield _wrapped(
        "Every other operator of ONNX (`ai.onnx`, `ai.onnx.ml` and the previews, in all versions) "
        "and of ONNX Runtime (`com.microsoft`) is counted, or free with a reason; a test holds "
        "that. A file that has one of these lists it as unknown, and its totals are lower bounds. "
        "So it does with operators of any other domain, unless the file itself defines them."
    )
    yield from _reasons(UNCOUNTED_IN_ONNX)
    yield "## Operations of TensorFlow that are not counted yet\n"
    yield _wrapped(
        "Every other operation that TensorFlow registers is counted, free with a reason, or read "
        "as a loop, a branch or a call; a test holds that. A graph that has one of these lists it "
        "as unknown, and its totals are lower bounds. So it does with custom operations."
    )
    yield from _reasons(UNCOUNTED_IN_TENSORFLOW)


def _reasons(uncounted: dict[str, str]) -> Iterator[str]:
    yield "\n| operators | why |\n| --- | --- |"
    for pattern, why in uncounted.items():
        yield f"| `{pattern}` | {why} |"
    yield ""


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
