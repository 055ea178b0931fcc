"""ONNX files of any size, written without their weights: the place of these is left empty."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def varint(number: int) -> bytes:
    """Write a number as protobuf does."""
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    return bytes([*written, number])


def field(number: int, content: bytes) -> bytes:
    """Write a field that has its length in front."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def write_chain(path: Path, layers: int, features: int) -> int:
    """Write a chain of square MatMuls with inline float32 weights of zero; return its MACs.

    Holes of a file take no place on a disk that knows them, and no time to write.
    """
    nodes = [
        helper.make_node("MatMul", [f"x{at}", f"w{at}"], [f"x{at + 1}"], name=f"/{at}/MatMul")
        for at in range(layers)
    ]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["batch", features])],
        [helper.make_tensor_value_info(f"x{layers}", TensorProto.FLOAT, None)],
    ).SerializeToString()
    weight_bytes = 4 * features * features
    heads = []
    for at in range(layers):
        head = TensorProto(name=f"w{at}", data_type=1, dims=[features, features])
        before = head.SerializeToString() + varint(9 << 3 | 2) + varint(weight_bytes)
        heads.append(varint(5 << 3 | 2) + varint(len(before) + weight_bytes) + before)
    model = onnx.ModelProto(ir_version=8, opset_import=[helper.make_opsetid("", 17)])
    length = len(graph) + sum(map(len, heads)) + layers * weight_bytes
    with path.open("wb") as file:
        file.write(model.SerializeToString() + varint(7 << 3 | 2) + varint(length) + graph)
        for before in heads:
            file.write(before)
            file.seek(weight_bytes, 1)
        file.truncate()
    return layers * features * features


def write_many_nodes(path: Path, blocks: int) -> None:
    """Write a network of four nodes a block."""
    nodes = []
    for at in range(blocks):
        scope = f"/stage{at // 100}/block{at % 100}"
        nodes += [
            helper.make_node(
                "Conv", [f"x{at}", "w", "b"], [f"c{at}"], name=f"{scope}/conv/Conv",
                kernel_shape=[3, 3], pads=[1, 1, 1, 1],
            ),
            helper.make_node("Relu", [f"c{at}"], [f"r{at}"], name=f"{scope}/act/Relu"),
            helper.make_node("Add", [f"r{at}", f"x{at}"], [f"a{at}"], name=f"{scope}/Add"),
            helper.make_node("Identity", [f"a{at}"], [f"x{at + 1}"], name=f"{scope}/Identity"),
        ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "many",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["batch", 8, 16, 16])],
        [helper.make_tensor_value_info(f"x{blocks}", TensorProto.FLOAT, None)],
        [
            TensorProto(name="w", data_type=1, dims=[8, 8, 3, 3]),
            TensorProto(name="b", data_type=1, dims=[8]),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
