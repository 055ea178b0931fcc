"""The benchmark of time and memory: what it measures is so, and what it promises is held."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import pytest

from analyzer.document import Table
from benchmarks import startup
from benchmarks.measuring import child, in_turns, median, run
from benchmarks.targets import Target, missed, table

MEGABYTE = 2**20


def holds(megabytes: int) -> dict[str, int]:
    """Hold some memory in a process of its own: bytes of one, for zeros would take no place."""
    return {"held": len(b"\1" * (megabytes * MEGABYTE))}


def fails(why: str) -> dict[str, int]:
    raise ValueError(why)


def dies() -> dict[str, int]:
    os.abort()


def chatters() -> dict[str, int]:
    sys.stdout.write("a library says something")
    return {"said": 1}


def works(seconds: float) -> dict[str, float]:
    start = time.process_time()
    while time.process_time() - start < seconds:
        pass
    return {"worked": seconds}


def test_the_peak_of_a_process_is_its_own() -> None:
    little, much = (child(holds, megabytes=megabytes) for megabytes in (1, 101))
    assert much["held"] == 101 * MEGABYTE
    assert much["peak_bytes"] - little["peak_bytes"] == pytest.approx(100 * MEGABYTE, rel=0.05)


def test_time_is_of_the_whole_process() -> None:
    found = child(works, seconds=0.5)["process"]
    assert found["processor"] >= 0.5
    assert found["wall"] >= 0.5


def test_a_process_that_fails_is_a_result() -> None:
    found = child(fails, why="no such model")
    assert found["failed"] == "ended with code 1: ValueError: no such model"
    assert found["process"]["processor"] > 0
    assert child(dies)["failed"].startswith("ended with code -6")


def test_what_is_printed_besides_does_no_harm() -> None:
    assert child(chatters)["said"] == 1


def test_bytecode_is_kept_and_one_core_is_used() -> None:
    process = run("-c", "import os, sys; print(sys.dont_write_bytecode, os.environ)")
    assert process.output.startswith("False")
    assert "'OMP_NUM_THREADS': '1'" in process.output


def test_contenders_take_turns_and_the_first_round_warms_up() -> None:
    called: list[str] = []

    def contender(name: str) -> Any:
        def call() -> int:
            called.append(name)
            return len(called)

        return call

    given = in_turns({name: contender(name) for name in "ab"}, 2)
    assert "".join(called) == "abbaab"
    assert given == {"a": [4, 5], "b": [3, 6]}


def test_median() -> None:
    samples = [{"wall": seconds} for seconds in (1.0, 4.0, 2.0)]
    assert median(samples, "wall") == 2


def test_a_target_is_met_or_told() -> None:
    targets = [
        Target(name="seconds", measured=0.2, limit=0.2),
        Target(name="ratio", measured=1.234, limit=1),
    ]
    assert missed(targets) == ["target missed: ratio is 1.23, and may be 1"]
    assert [row[-1] for row in table(targets).rows] == ["met", "missed"]


def startup_data(*, quick: bool = False, seconds: float = 0.1, **packages: str) -> dict[str, Any]:
    names = (startup.BARE, *startup.COMMANDS)
    samples = [{"wall": seconds, "processor": seconds}] * 3
    return {
        "quick": quick,
        "commands": {
            name: {"samples": samples, "modules": 9, "packages": list(packages)} for name in names
        },
    }


def test_startup_is_held_to_its_limits_except_in_a_quick_look() -> None:
    assert startup.failures(startup_data()) == []
    slow = startup.failures(startup_data(seconds=0.5))
    assert [line.split(",")[0] for line in slow] == [
        "target missed: analyzer --help", "target missed: analyzer plugins",
    ]  # fmt: skip
    assert startup.failures(startup_data(seconds=0.5, quick=True)) == []
    assert len(startup.failures(startup_data(torch="", click=""))) == 3


def test_startup_is_presented() -> None:
    tables = [block for block in startup.present(startup_data()) if isinstance(block, Table)]
    assert tables[0].rows[0][:3] == (startup.BARE, 100, 100)
    assert len(tables[0].rows) == 4
