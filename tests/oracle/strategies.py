"""Arbitrary small operations of every kind."""

from __future__ import annotations

from itertools import combinations
from math import prod

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from analyzer.ops import (
    FUNCTIONS,
    REDUCTIONS,
    AdaptivePooling,
    Attention,
    BatchNormalization,
    Cell,
    Convolution,
    Einsum,
    Elementwise,
    Factorization,
    FourierTransform,
    Fused,
    Interpolation,
    Linear,
    LocalResponseNormalization,
    Mask,
    MatrixProduct,
    NonMaximumSuppression,
    Normalization,
    Operation,
    Pooling,
    PoolKind,
    Recurrent,
    Reduction,
    Sampling,
    Search,
    Softmax,
    Sort,
    TriangularSolve,
)

small = st.integers(1, 4)
tiny = st.integers(1, 3)


def _sizes(draw: DrawFn, rank: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(draw(st.integers(low, high)) for _ in range(rank))


@st.composite
def convolutions(draw: DrawFn, transposed: bool | None = None) -> Convolution:
    rank = draw(tiny)
    groups = draw(st.integers(1, 3))
    kernel = _sizes(draw, rank, 1, 3)
    stride, dilation = _sizes(draw, rank, 1, 3), _sizes(draw, rank, 1, 2)
    padding = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(rank))
    flipped = draw(st.booleans()) if transposed is None else transposed
    spans = [step * (width - 1) + 1 for width, step in zip(kernel, dilation, strict=True)]
    in_spatial: tuple[int, ...]
    out_spatial: tuple[int, ...]
    if flipped:
        in_spatial = _sizes(draw, rank, 1, 4 if rank < 3 else 2)
        full = [
            (size - 1) * jump + span + draw(st.integers(0, jump - 1))
            for size, jump, span in zip(in_spatial, stride, spans, strict=True)
        ]
        # Cropping must leave something.
        padding = tuple(
            (min(before, (size - 1) // 2), min(after, (size - 1) // 2))
            for (before, after), size in zip(padding, full, strict=True)
        )
        out_spatial = tuple(
            size - before - after for size, (before, after) in zip(full, padding, strict=True)
        )
    else:
        out_spatial = _sizes(draw, rank, 1, 3 if rank < 3 else 2)
        shapes = [
            ((count - 1) * jump + span, before, after, jump)
            for count, jump, span, (before, after) in zip(
                out_spatial, stride, spans, padding, strict=True
            )
        ]
        padding = tuple(
            (min(before, (need - 1) // 2), min(after, (need - 1) // 2))
            for need, before, after, _ in shapes
        )
        in_spatial = tuple(
            need - before - after + draw(st.integers(0, jump - 1))
            for (need, _, _, jump), (before, after) in zip(shapes, padding, strict=True)
        )
    return Convolution(
        batch=draw(st.integers(1, 2)),
        in_channels=groups * draw(st.integers(1, 2)),
        out_channels=groups * draw(st.integers(1, 2)),
        groups=groups,
        in_spatial=in_spatial,
        out_spatial=out_spatial,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=padding,
        bias=draw(st.booleans()),
        transposed=flipped,
        complex_numbers=draw(st.booleans()),
    )


@st.composite
def einsums(draw: DrawFn) -> Einsum:
    labels = "abcde"
    operands = tuple(
        draw(st.lists(st.text(labels, max_size=3), min_size=1, max_size=4)),
    )
    used = sorted(set("".join(operands)))
    kept = [label for label in used if draw(st.booleans())]
    path: list[tuple[int, int]] = []
    if draw(st.booleans()):
        for left in range(len(operands), 1, -1):
            pair = draw(st.sampled_from(list(combinations(range(left), 2))))
            path.append(pair if draw(st.booleans()) else (pair[1], pair[0]))
    return Einsum(
        operands=operands,
        output="".join(draw(st.permutations(kept))),
        sizes=tuple((label, draw(tiny)) for label in used),
        path=tuple(path),
        complex_numbers=draw(st.booleans()),
    )


@st.composite
def attentions(draw: DrawFn) -> Attention:
    kv_heads = draw(st.integers(1, 2))
    return Attention(
        batch=draw(st.integers(1, 2)),
        heads=kv_heads * draw(tiny),
        kv_heads=kv_heads,
        queries=draw(small),
        keys=draw(small),
        qk_width=draw(small),
        v_width=draw(small),
        mask=draw(st.sampled_from(Mask)),
        scaled=draw(st.booleans()),
        dropout=draw(st.booleans()),
    )


@st.composite
def recurrents(draw: DrawFn) -> Recurrent:
    cell = draw(st.sampled_from(Cell))
    lstm = cell is Cell.LSTM
    return Recurrent(
        cell=cell,
        batch=draw(st.integers(1, 2)),
        steps=draw(tiny),
        input_size=draw(small),
        hidden_size=draw(small),
        biases=draw(st.integers(0, 2)),
        layers=draw(tiny),
        directions=draw(st.integers(1, 2)),
        reset_after=cell is Cell.GRU and draw(st.booleans()),
        projection=draw(st.integers(0, 3)) if lstm else 0,
        peepholes=lstm and draw(st.booleans()),
        activation=draw(st.sampled_from(["tanh", "relu", "linear", "scaled tanh"])),
        gate_activation=draw(st.sampled_from(["sigmoid", "hard sigmoid", "hard sigmoid of keras"])),
        dropout=draw(st.booleans()),
        clipped=draw(st.booleans()),
        coupled=lstm and draw(st.booleans()),
    )


@st.composite
def batch_normalizations(draw: DrawFn) -> BatchNormalization:
    channels = draw(small)
    return BatchNormalization(
        elements=channels * draw(small),
        channels=channels,
        scale=draw(st.booleans()),
        offset=draw(st.booleans()),
        training=draw(st.booleans()),
        running_statistics=draw(st.booleans()),
    )


@st.composite
def normalizations(draw: DrawFn) -> Normalization:
    size = draw(small)
    centered = draw(st.booleans())
    return Normalization(
        style=draw(st.sampled_from(["layer", "group", "instance", "RMS", "L2"])),
        groups=draw(small),
        size=size,
        features=size,
        scale=draw(st.booleans()),
        offset=draw(st.booleans()),
        centered=centered,
        averaged=centered or draw(st.booleans()),
        epsilon=draw(st.booleans()),
    )


@st.composite
def poolings(draw: DrawFn) -> Pooling:
    rank = draw(tiny)
    kernel = _sizes(draw, rank, 1, 3)
    stride, dilation = _sizes(draw, rank, 1, 3), _sizes(draw, rank, 1, 2)
    in_spatial = _sizes(draw, rank, 1, 5 if rank < 3 else 3)
    padding = tuple(
        (draw(st.integers(0, width // 2)), draw(st.integers(0, width // 2))) for width in kernel
    )
    # Every start of a window lies on the map or the padding before it: a last window may hang over.
    out_spatial = tuple(
        draw(st.integers(1, (size + before - 1) // jump + 1))
        for size, (before, _), jump in zip(in_spatial, padding, stride, strict=True)
    )
    pool = draw(st.sampled_from(PoolKind))
    if pool is PoolKind.AVERAGE:
        dilation = (1,) * rank  # no framework has dilated averages, whose windows may be empty
    return Pooling(
        pool=pool,
        batch=draw(st.integers(1, 2)),
        channels=draw(st.integers(1, 2)),
        in_spatial=in_spatial,
        out_spatial=out_spatial,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=padding,
        count_padding=draw(st.booleans()),
    )


@st.composite
def adaptive_poolings(draw: DrawFn) -> AdaptivePooling:
    rank = draw(tiny)
    return AdaptivePooling(
        pool=draw(st.sampled_from(PoolKind)),
        batch=draw(st.integers(1, 2)),
        channels=draw(st.integers(1, 2)),
        in_spatial=_sizes(draw, rank, 1, 6 if rank < 3 else 3),
        out_spatial=_sizes(draw, rank, 1, 5 if rank < 3 else 3),
    )


@st.composite
def reductions(draw: DrawFn) -> Reduction:
    results = draw(st.integers(0, 4))
    ragged = draw(st.booleans())
    more = draw(st.integers(0, 4)) if results else 0
    return Reduction(
        function=draw(st.sampled_from(sorted(REDUCTIONS))),
        in_elements=results + more if ragged else results * more,
        out_elements=results,
        ragged=ragged,
    )


@st.composite
def interpolations(draw: DrawFn) -> Interpolation:
    if draw(st.booleans()):
        method = draw(st.sampled_from(["nearest", "linear", "cubic"]))
        return Interpolation(method=method, axes=draw(tiny), out_elements=draw(st.integers(0, 4)))
    axes = draw(st.integers(1, 2))
    sizes = tuple((draw(st.integers(1, 9)), draw(st.integers(1, 6))) for _ in range(axes))
    return Interpolation(
        method=draw(st.sampled_from(["linear", "cubic", "lanczos"])),
        axes=axes,
        out_elements=draw(st.integers(0, 2)) * prod(after for _, after in sizes),
        antialiased=sizes,
    )


@st.composite
def fused(draw: DrawFn) -> Fused:
    steps = st.one_of(
        st.builds(Linear, rows=tiny, in_features=tiny, out_features=tiny, bias=st.booleans()),
        st.builds(Elementwise, function=st.sampled_from(["relu", "select"]), elements=tiny),
        reductions(),
    )
    return Fused(name="together", steps=tuple(draw(st.lists(steps, max_size=3))))


OPERATIONS: dict[type[Operation], SearchStrategy[Operation]] = {
    AdaptivePooling: adaptive_poolings(),
    Attention: attentions(),
    BatchNormalization: batch_normalizations(),
    Convolution: convolutions(),
    Einsum: einsums(),
    Elementwise: st.builds(
        Elementwise,
        function=st.sampled_from(sorted(FUNCTIONS)),
        elements=st.integers(0, 5),
        bias=st.just(False),
    ),
    Factorization: st.builds(
        Factorization,
        method=st.sampled_from(["Cholesky", "LU"]),
        batch=st.integers(0, 2),
        size=st.integers(0, 5),
    ),
    FourierTransform: st.builds(
        FourierTransform,
        rows=st.integers(0, 2),
        sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
        real=st.booleans(),
        scaled=st.booleans(),
    ),
    Fused: fused(),
    Interpolation: interpolations(),
    Linear: st.builds(
        Linear,
        rows=small,
        in_features=small,
        out_features=small,
        bias=st.booleans(),
        complex_numbers=st.booleans(),
    ),
    LocalResponseNormalization: st.builds(
        LocalResponseNormalization, elements=st.integers(1, 9), size=st.integers(1, 5)
    ),
    MatrixProduct: st.builds(
        MatrixProduct,
        batch=small,
        m=small,
        k=small,
        n=small,
        addend=st.booleans(),
        scaled=st.integers(0, 9),
        complex_numbers=st.booleans(),
    ),
    NonMaximumSuppression: st.builds(
        NonMaximumSuppression, batch=st.integers(0, 2), boxes=st.integers(0, 6)
    ),
    Normalization: normalizations(),
    Pooling: poolings(),
    Recurrent: recurrents(),
    Reduction: reductions(),
    Sampling: st.builds(
        Sampling,
        method=st.sampled_from(["nearest", "linear", "cubic"]),
        points=st.integers(0, 2),
        axes=st.integers(1, 2),
        channels=st.integers(1, 3),
        normalized=st.booleans(),
    ),
    Search: st.builds(Search, look_ups=st.integers(0, 3), size=st.integers(0, 9)),
    Softmax: st.builds(
        Softmax, rows=st.integers(0, 4), size=st.integers(1, 6), logarithm=st.booleans()
    ),
    Sort: st.builds(Sort, rows=st.integers(0, 2), size=st.integers(0, 17), kept=st.integers(0, 17)),
    TriangularSolve: st.builds(
        TriangularSolve,
        batch=st.integers(0, 2),
        size=st.integers(1, 5),
        columns=st.integers(0, 3),
        unit_diagonal=st.booleans(),
    ),
}
"""For each kind of operation, a strategy that makes any small one of it."""
