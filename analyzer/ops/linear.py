"""Matrix products: dense layers, products of two activations, einsum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from analyzer.expression import ZERO, Expression, Factor, product, total
from analyzer.ops.base import Cost, Operation, complex_macs, complex_sums
from analyzer.ops.elementwise import FUNCTIONS

__all__ = ["Einsum", "Linear", "MatrixProduct"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Operation):
    """A dense layer: ``(rows, in_features) @ (in_features, out_features) → (rows, out_features)``.

    With ``complex_numbers`` each MAC is four of real numbers, and each addition two.

    >>> Linear(rows=1, in_features=4, out_features=3, bias=True).cost().macs.numbers()
    '1·4·3'
    """

    rows: int
    in_features: int
    out_features: int
    bias: bool
    complex_numbers: bool = False

    lesson: ClassVar[str] = (
        "A dense layer connects every input feature to every output feature. Each connection is "
        "one weight, and each weight is used once for every row (every image, every token)."
    )
    roles: ClassVar[Mapping[str, str]] = {
        "kernel": "one weight for each pair of an input feature and an output feature",
        "bias": "one number an output feature, added after the products are summed",
    }

    def cost(self) -> Cost:
        macs = product(
            rows=self.rows, input_features=self.in_features, output_features=self.out_features
        )
        bias = product(rows=self.rows, output_features=self.out_features) if self.bias else ZERO
        return Cost(
            macs=complex_macs(macs, self.complex_numbers),
            bias=complex_sums(bias, self.complex_numbers),
        )

    def parameter_counts(self) -> Mapping[str, Expression]:
        kernel = product(input_features=self.in_features, output_features=self.out_features)
        bias = product(one_bias_an_output_feature=self.out_features)
        return {"kernel": kernel, "bias": bias} if self.bias else {"kernel": kernel}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixProduct(Operation):
    """A product of matrices: ``(batch, m, k) @ (batch, k, n) → (batch, m, n)``.

    ``batch`` is the number of products after broadcasting; a vector is a matrix with one row or
    column. ``addend`` says that a third tensor is added to the result, and ``scaled`` how many
    elements (of the product, of the addend) are multiplied by a number before that. With
    ``complex_numbers`` each MAC is four of real numbers, and each addition two.

    >>> MatrixProduct(batch=2, m=3, k=4, n=5, scaled=30).cost().flops.value
    270
    """

    batch: int
    m: int
    k: int
    n: int
    addend: bool = False
    scaled: int = 0
    complex_numbers: bool = False

    lesson: ClassVar[str] = (
        "Each element of the result is a sum of k products: k multiplications and k additions, "
        "the sum starting at zero."
    )
    roles: ClassVar[Mapping[str, str]] = {
        "kernel": "one weight for each element of the matrices that are multiplied by",
        "bias": "one number for each place at which it is added to the products",
    }

    def cost(self) -> Cost:
        macs = product(batch=self.batch, m=self.m, k=self.k, n=self.n)
        addend = product(batch=self.batch, m=self.m, n=self.n) if self.addend else ZERO
        return Cost(
            macs=complex_macs(macs, self.complex_numbers),
            bias=complex_sums(addend, self.complex_numbers),
            elementwise=_products(product(scaled_elements=self.scaled), self.complex_numbers),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Einsum(Operation):
    """A sum of products over labelled axes, such as ``abc,cd->abd``.

    Attributes:
        operands: labels of each operand, one character an axis; an ellipsis is written out.
        output: labels of the result.
        sizes: size of every label.
        path: pairs of operands contracted in turn, as positions in a list from which both are
            taken and to whose end the result is put; empty means from left to right.
        complex_numbers: each MAC is four of real numbers, each addition two.
    """

    operands: tuple[str, ...]
    output: str
    sizes: tuple[tuple[str, int], ...]
    path: tuple[tuple[int, int], ...] = ()
    complex_numbers: bool = False

    lesson: ClassVar[str] = (
        "Labels that only one operand has, and the result lacks, are summed away first. Then two "
        "operands at a time are multiplied over all labels they have between them; where a label "
        "is summed, each multiplication goes with an addition."
    )
    roles: ClassVar[Mapping[str, str]] = {
        "kernel": "one weight for each combination of its axes",
    }

    def cost(self) -> Cost:
        pending = ["".join(dict.fromkeys(operand)) for operand in self.operands]
        reductions: list[Expression] = []
        macs: list[Expression] = []
        products: list[Expression] = []
        steps = self.path or ((0, 1),) * (len(pending) - 1)
        if len(pending) == 1:
            pending[0] = self._sum_away(pending[0], set(self.output), reductions)
        for first, second in steps:
            left, right = pending[first], pending[second]
            pending = [text for at, text in enumerate(pending) if at not in (first, second)]
            wanted = set(self.output).union(*pending)
            left = self._sum_away(left, wanted | set(right), reductions)
            right = self._sum_away(right, wanted | set(left), reductions)
            labels = "".join(dict.fromkeys(left + right))
            result = "".join(label for label in labels if label in wanted)
            (products if result == labels else macs).append(self._size(labels))
            # The result takes the first place, so that "from left to right" is (0, 1) each time.
            pending = [*pending, result] if self.path else [result, *pending]
        return Cost(
            macs=complex_macs(total(macs), self.complex_numbers),
            elementwise=_products(total(products), self.complex_numbers),
            reduction=complex_sums(total(reductions), self.complex_numbers),
        )

    def _sum_away(self, labels: str, keep: set[str], reductions: list[Expression]) -> str:
        kept = "".join(label for label in labels if label in keep)
        if kept != labels:
            gone = self._size("".join(label for label in labels if label not in keep))
            if gone.value > 1:
                one_less = total((Factor(gone.names(), gone.value), Factor("1", -1)))
                reductions.append(product(self._size(kept), one_less) if kept else one_less)
        return kept

    def _size(self, labels: str) -> Expression:
        sizes = dict(self.sizes)
        return product(*(Factor(label, sizes[label]) for label in labels))


def _products(count: Expression, complex_numbers: bool) -> Expression:
    """Multiplications without a sum: one of complex numbers is 4 products and 2 sums of parts."""
    if not (complex_numbers and count.value):
        return count
    flops = FUNCTIONS["complex multiply"].flops
    return product(Factor("operations of complex multiply", flops), count)
