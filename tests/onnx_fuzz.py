"""Damages real models at random, and looks at what the importer makes of them.

Runs in a process of its own, with a limit on its memory and on the time of each model:

    python -m tests.onnx_fuzz examples seed

What is being analysed lies in ``damaged.onnx`` of the working directory, so that it is still there
when the process is not. A failure is told by its traceback alone: the models are long.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

import analyzer
from analyzer import AnalyzerError
from tests.onnx_files import varint
from tests.onnx_runs import model, stored

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
MEMORY = 2 << 30  # bytes of addresses more than at the start
SECONDS = 20  # a model; the machine may be busy
LONGEST_LINE = 2000
MANY = 500
NUMBERS = [0, 1, 2, 3, 7, 127, 128, 255, 256, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1]
NUMBERS = [*NUMBERS, *(-number for number in NUMBERS[1:]), -(2**63)]


def _control() -> onnx.ModelProto:
    """A loop, a branch, a scan, a function and a sparse weight in one model."""
    inner = helper.make_graph(
        [
            helper.make_node("Add", ["v", "w"], ["v2"]),
            helper.make_node("Identity", ["c"], ["c2"]),
            helper.make_node("Identity", ["v2"], ["s"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", 7, []),
            helper.make_tensor_value_info("c", 9, []),
            helper.make_tensor_value_info("v", 1, [2, 4]),
        ],
        [onnx.ValueInfoProto(name=name) for name in ("c2", "v2", "s")],
    )
    branches = [
        helper.make_graph(
            [helper.make_node(operator, ["v9"], [f"z{operator}"])],
            operator,
            [],
            [onnx.ValueInfoProto(name=f"z{operator}")],
        )
        for operator in ("Relu", "Neg")
    ]
    scan = helper.make_graph(
        [helper.make_node("Add", ["q", "r"], ["q2"]), helper.make_node("Identity", ["r"], ["t"])],
        "scan",
        [
            helper.make_tensor_value_info("q", 1, [4]),
            helper.make_tensor_value_info("r", 1, [4]),
        ],
        [onnx.ValueInfoProto(name=name) for name in ("q2", "t")],
    )
    nodes = [
        helper.make_node("Constant", [], ["times"], value_int=5),
        helper.make_node("Constant", [], ["start"], value_floats=[0.0, 1.0, 2.0, 3.0]),
        helper.make_node("Loop", ["times", "", "x"], ["v9", "s9"], body=inner),
        helper.make_node("If", ["p"], ["z"], then_branch=branches[0], else_branch=branches[1]),
        helper.make_node("Scan", ["start", "z"], ["q9", "t9"], body=scan, num_scan_inputs=1),
        helper.make_node("Shape", ["s9"], ["size"]),
        helper.make_node("Reshape", ["s9", "size"], ["flat"]),
        helper.make_node("Twice", ["flat"], ["y"], domain="mine"),
    ]
    made = model(
        nodes, {"x": ["batch", 4], "p": []}, ["y", "t9"], [stored("w", 2, 4)], types={"p": 9}
    )
    made.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            stored("k", 2), numpy_helper.from_array(np.asarray([1, 5])), [4, 4]
        )
    )
    made.functions.append(
        helper.make_function(
            "mine",
            "Twice",
            ["a"],
            ["b"],
            [helper.make_node("Add", ["a", "a"], ["b"])],
            [helper.make_opsetid("", 17)],
        )
    )
    made.opset_import.append(helper.make_opsetid("mine", 1))
    return made


def samples(many: bool) -> list[bytes]:
    """Return the models to damage; ``many`` adds one of each operator, which takes a while."""
    names = ("light_bvlc_alexnet", "light_squeezenet", "light_shufflenet")
    files = [(LIGHT / f"{name}.onnx").read_bytes() for name in names]
    files += [_control().SerializeToString()] * 3
    if many:
        from onnx.backend.test.case.node import collect_testcases

        each = {case.name.split("_")[1]: case.model for case in collect_testcases(None)}
        files += [case.SerializeToString() for case in each.values() if case is not None]
    return files


# Bytes


def _damage_bytes(content: bytes, draw: Callable[..., Any]) -> bytes:
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.sampled_from([1, 2, 5, 50]))
        match draw(st.integers(0, 5)):
            case 0:
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                data[at : at + 1] = varint(draw(st.sampled_from([2**31, 2**63, 2**64 - 1])))
            case 4:
                data[at : at + length] = draw(st.binary(max_size=20))
            case _:
                del data[at:]
    return bytes(data)


# Messages


def _messages(message: Any) -> Iterator[Any]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if field.is_repeated else (value,):
                yield from _messages(one)


def _damage_message(content: bytes, draw: Callable[..., Any]) -> bytes:
    made = onnx.ModelProto.FromString(content)
    messages = list(_messages(made))
    for _ in range(draw(st.integers(1, 4))):
        message = draw(st.sampled_from(messages))
        fields = message.DESCRIPTOR.fields
        field = fields[draw(st.integers(0, len(fields) - 1))]
        values = getattr(message, field.name)
        kind = draw(st.integers(0, 4))
        if field.is_repeated and len(values) and kind == 0:
            del values[draw(st.integers(0, len(values) - 1))]
        elif field.is_repeated and len(values) and kind == 1:
            values.append(values[draw(st.integers(0, len(values) - 1))])
        elif kind == 2:
            message.ClearField(field.name)
        elif field.message_type is None:
            try:
                new = _new_value(field, draw)
                if field.is_repeated:
                    values.append(new)
                else:
                    setattr(message, field.name, new)
            except (ValueError, TypeError):  # a number that the field cannot hold
                continue
    return bytes(made.SerializeToString())


def _new_value(field: Any, draw: Callable[..., Any]) -> Any:
    match field.cpp_type:
        case field.CPPTYPE_STRING if field.type == field.TYPE_BYTES:
            return draw(st.binary(max_size=9))
        case field.CPPTYPE_STRING:
            return draw(st.sampled_from(["", "x", "w", "Conv", "If", "Loop", "MatMul", "ai.onnx"]))
        case field.CPPTYPE_FLOAT | field.CPPTYPE_DOUBLE:
            return draw(st.sampled_from([0.0, -1.0, 1e30, float("nan")]))
        case _:
            return draw(st.sampled_from(NUMBERS))


def examine(content: bytes) -> None:
    """Analyse a damaged model: a report comes, or an error of one line, soon.

    Raises:
        AssertionError: it does not.
    """
    Path("damaged.onnx").write_bytes(content)
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    said = ""
    try:
        report = analyzer.analyze("damaged.onnx")
        assert report.totals.macs is None or report.totals.macs >= 0
        assert report.totals.flops is None or report.totals.flops >= 0
    except AnalyzerError as error:
        said = str(error)
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert "\n" not in said
    assert len(said) < LONGEST_LINE


def main(examples: int, start: int) -> int:
    """Damage and analyse so many models; return the exit code."""
    whole = samples(examples > MANY)
    for content in whole:
        examine(content)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))

    @seed(start)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, len(whole) - 1), st.booleans(), st.data())
    def damage(which: int, inside: bool, data: st.DataObject) -> None:
        damaged = (_damage_message if inside else _damage_bytes)(whole[which], data.draw)
        try:
            examine(damaged)
        except (Exception, RecursionError) as error:
            traceback.print_exception(error)
            os._exit(1)  # the file of this model stays

    damage()
    return 0


if __name__ == "__main__":
    faulthandler.enable()
    sys.exit(main(*map(int, sys.argv[1:])))
