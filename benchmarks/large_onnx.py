"""Large ONNX files: seconds and memory of a whole process, beside ``onnx.load`` alone.

    python -m benchmarks.large_onnx

The first file has 28 MatMuls of 3584² with their weights inline, 1.4 GB; the second is beyond the 2
GiB that protobuf reads; the third has 20,000 nodes and next to no weights. The files are written
with holes where the weights are, so that they take no place. Runs alternate; medians are shown.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.onnx_files import write_chain, write_many_nodes

RUNS = 3
MEASURE = """
import time
start = time.perf_counter()
{}
print(time.perf_counter() - start)
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""
OURS = "import analyzer; analyzer.analyze({!r})"
THEIRS = "import onnx; onnx.load({!r})"


def measured(code: str) -> tuple[float, int]:
    """Return the seconds and the most KiB of a new process; 0 where it fails."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(code)], capture_output=True, text=True, check=False
    )
    seconds, kib = done.stdout.split() or ("0", "0")
    return float(seconds), int(kib)


def main() -> None:
    table = Table("file", "bytes", "ours, s", "MiB", "onnx.load, s", "MiB", "ratio")
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, f"{name}.onnx") for name in ("inline", "beyond", "nodes")}
        write_chain(files["inline"], layers=28, features=3584)
        write_chain(files["beyond"], layers=300, features=1500)
        write_many_nodes(files["nodes"], 5000)
        for name, path in files.items():
            pairs = [
                (measured(OURS.format(str(path))), measured(THEIRS.format(str(path))))
                for _ in range(RUNS)
            ]
            ours = statistics.median(one[0] for one, _ in pairs)
            theirs = statistics.median(other[0] for _, other in pairs)
            table.add_row(
                name,
                f"{path.stat().st_size:,}",
                f"{ours:.2f}",
                f"{max(one[1] for one, _ in pairs) / 1024:.0f}",
                f"{theirs:.2f}" if theirs else "refuses it",
                f"{max(other[1] for _, other in pairs) / 1024:.0f}",
                f"{ours / theirs:.2f}" if theirs else "",
            )
    Console().print(table)


if __name__ == "__main__":
    main()
