"""The builder: what importers say, what it keeps, what it refuses."""

from __future__ import annotations

import pytest

from analyzer import Allocation, Kind, ModelBuilder, ModelError, Use
from analyzer.ops import Elementwise, Linear

RELU = Elementwise(function="relu", elements=4)
DENSE = Linear(rows=1, in_features=4, out_features=4, bias=False)


@pytest.fixture
def builder() -> ModelBuilder:
    made = ModelBuilder(name="net", framework="by hand", framework_version="1", source="tests")
    made.layer("", type="Network")
    made.layer("dense", type="Dense", parent="")
    return made


def test_parameters_know_their_size_and_bytes(builder: ModelBuilder) -> None:
    builder.parameter("plain", shape=(3, 4), dtype="float16")
    builder.parameter("packed", shape=(3, 4), dtype="int4", stored_bytes=8)
    builder.parameter("experts", shape=(8, 2), dtype="float32", active_elements=4)
    plain, packed, experts = builder.build(inputs=[], outputs=[]).parameters
    assert (plain.elements, plain.stored_bytes, plain.active_elements) == (12, 24, 12)
    assert (packed.elements, packed.stored_bytes) == (12, 8)
    assert (experts.elements, experts.active_elements) == (16, 4)


@pytest.mark.parametrize("kind", list(Kind))
def test_only_what_is_learnable_is_trainable(builder: ModelBuilder, kind: Kind) -> None:
    builder.parameter("w", shape=(2,), dtype="float32", kind=kind)
    (parameter,) = builder.build(inputs=[], outputs=[]).parameters
    assert parameter.trainable is (kind is Kind.LEARNABLE)


def test_first_use_gives_role_axes_and_owner(builder: ModelBuilder) -> None:
    builder.layer("head", type="Dense", parent="")
    builder.parameter("w", shape=(4, 4), dtype="float32")
    builder.parameter("unused", shape=(2,), dtype="float32")
    axes = ("input features", "output features")
    for layer, role in (("head", "kernel"), ("dense", "embedding")):
        use = Use("w", role, axes if role == "kernel" else ())
        builder.add(DENSE, inputs=[], outputs=[], native="matmul", uses=[use], layer=layer)
    model = builder.build(inputs=[], outputs=[])
    assert (model.parameters[0].role, model.parameters[0].axes) == ("kernel", axes)
    held = {layer.path: layer.parameters for layer in model.layers}
    assert held == {"": ("unused",), "dense": (), "head": ("w",)}


def test_layers_keep_what_they_declare(builder: ModelBuilder) -> None:
    builder.parameter("w", shape=(4, 4), dtype="float32")
    builder.layer("head", type="Dense", parent="", parameters=["w"], aliases=["tail"])
    y = builder.tensor((1, 4), "float32")
    builder.called("head")
    builder.called("head", [y])
    head = builder.build(inputs=[], outputs=[]).layers[-1]
    assert (head.calls, head.outputs, head.aliases) == (2, (y,), ("tail",))
    assert (head.parameters, head.parent) == (("w",), "")


def test_storages_are_new_unless_they_are_given(builder: ModelBuilder) -> None:
    builder.parameter("w", shape=(4,), dtype="float32")
    a, b = (builder.tensor((4,), "float32") for _ in range(2))
    view = builder.tensor((2, 2), "float32", storage=a.storage)
    of_parameter = builder.storage_of("w")
    assert len({a.storage, b.storage, of_parameter}) == 3
    assert view.storage == a.storage


def test_a_body_is_collected_apart_even_when_it_fails(builder: ModelBuilder) -> None:
    builder.add(RELU, inputs=[], outputs=[], native="before")
    with builder.body() as outer:
        builder.add(RELU, inputs=[], outputs=[], native="outer")
        with builder.body() as inner:
            builder.add(RELU, inputs=[], outputs=[], native="inner")
    with pytest.raises(ZeroDivisionError), builder.body():
        raise ZeroDivisionError
    builder.add(RELU, inputs=[], outputs=[], native="after")
    nodes = builder.build(inputs=[], outputs=[]).nodes
    assert nodes is not None
    assert [node.native for node in nodes] == ["before", "after"]
    assert [node.native for node in outer] == ["outer"]
    assert [node.native for node in inner] == ["inner"]


def test_notes_and_allocations_are_kept(builder: ModelBuilder) -> None:
    for _ in range(2):
        builder.note("read from its graph")
    step = Allocation(bytes=4, layer="dense")
    model = builder.build(inputs=[], outputs=[], allocations=[step])
    assert model.notes == ("read from its graph",)
    assert model.allocations == (step,)
    assert builder.build(inputs=[], outputs=[]).allocations is None
    assert builder.build(inputs=[], outputs=[], graph=False).nodes is None


def test_what_makes_no_sense_is_refused(builder: ModelBuilder) -> None:
    builder.parameter("w", shape=(4,), dtype="float32")
    with pytest.raises(ModelError, match="layer 'dense' is declared twice"):
        builder.layer("dense", type="Dense", parent="")
    with pytest.raises(ModelError, match="its parent 'block' is not declared before it"):
        builder.layer("block/dense", type="Dense", parent="block")
    with pytest.raises(ModelError, match="parameter 'w' is declared twice"):
        builder.parameter("w", shape=(4,), dtype="float32")
    with pytest.raises(ModelError, match="ran in layer 'nowhere', which is not declared"):
        builder.add(RELU, inputs=[], outputs=[], native="relu", layer="nowhere")
    with pytest.raises(ModelError, match="parameter 'v' is used in 'dense'"):
        builder.add(
            RELU, inputs=[], outputs=[], native="relu", layer="dense", uses=[Use("v", "bias")]
        )
    with pytest.raises(ModelError, match="dtype 'float33' is not known"):
        builder.parameter("v", shape=(4,), dtype="float33")
