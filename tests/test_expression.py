"""A count and its derivation are one object."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer import Expression, Factor, product, total
from analyzer.expression import ONE, ZERO

names = st.sampled_from(["batch", "output height", "filters", "kernel width"])
factors = st.builds(Factor, names, st.integers(0, 9))


def _combined(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return (
        st.lists(parts, max_size=3).map(lambda terms: product(*terms))
        | st.lists(parts, max_size=3).map(total)
        | st.tuples(parts, parts).map(lambda pair: pair[0] + pair[1])
        | st.tuples(parts, parts).map(lambda pair: pair[0] * pair[1])
    )


expressions: st.SearchStrategy[Expression] = st.recursive(factors, _combined, max_leaves=12)


@given(expressions)
def test_numbers_work_out_to_the_value(expression: Expression) -> None:
    assert eval(expression.numbers().replace("·", "*").replace("−", "-")) == expression.value


@given(expressions)
def test_names_work_out_to_the_value(expression: Expression) -> None:
    leaves: dict[str, int] = {}
    renamed = _with_unique_names(expression, leaves)
    text = renamed.names().replace("×", "*").replace("−", "-")
    assert eval(text, {}, leaves) == expression.value


def _with_unique_names(expression: Expression, leaves: dict[str, int]) -> Expression:
    from analyzer.expression import Product, Sum

    match expression:
        case Factor():
            name = f"x{len(leaves)}"
            leaves[name] = expression.value
            return Factor(name, expression.value)
        case Product(factors=parts):
            return Product(tuple(_with_unique_names(part, leaves) for part in parts))
        case Sum(terms=parts):
            return Sum(tuple(_with_unique_names(part, leaves) for part in parts))
    raise TypeError(expression)


@given(expressions, expressions)
def test_arithmetic_is_that_of_the_values(a: Expression, b: Expression) -> None:
    assert (a + b).value == a.value + b.value
    assert (a * b).value == a.value * b.value
    assert bool(a) is (a.value != 0)


@given(st.lists(expressions, max_size=4))
def test_total_and_product_of_many(parts: list[Expression]) -> None:
    assert total(parts).value == sum(part.value for part in parts)
    value = 1
    for part in parts:
        value *= part.value
    assert product(*parts).value == value


@given(expressions, expressions)
def test_equal_expressions_are_interchangeable(a: Expression, b: Expression) -> None:
    if a == b:
        assert hash(a) == hash(b)
        assert (a.value, a.names(), a.numbers()) == (b.value, b.names(), b.numbers())


def test_reading() -> None:
    assert ONE.numbers() == ONE.names() == "1"
    assert ZERO.numbers() == ZERO.names() == "0"
    less = total((Factor("window", 9), Factor("1", -1)))
    assert product(product(outputs=4), less).names() == "outputs × (window − 1)"
    assert product(product(outputs=4), less).numbers() == "4·(9 − 1)"
    assert total((Factor("a", -2), Factor("b", 5))).numbers() == "− 2 + 5"
    assert total([product(a=2), ZERO, product(b=3)]).names() == "a + b"
    assert repr(product(a=2, b=1000)) == "<a × b = 2·1000 = 2,000>"


def test_kinds_differ_even_where_values_agree() -> None:
    assert Factor("a", 2) != Factor("b", 2)
    assert Factor("a", 2) != total((Factor("a", 1), Factor("a", 1)))
    assert Factor("a", 2) != 2
    assert product(a=2, b=3) == product(a=2, b=3)
