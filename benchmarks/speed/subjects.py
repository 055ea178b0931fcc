"""What is measured, each in a process of its own: reports in turns with the other tools."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from benchmarks.measuring import in_turns
from benchmarks.speed.networks import NETWORKS, classifier, light_files

__all__ = ["OURS", "classifiers", "large", "light", "network", "whole"]

OURS = "model-analyzer"

Found = dict[str, Any]


def ours(model: Any, *inputs: Any) -> Found:
    """Make a whole report, and say what it took; then what the engine takes of that."""
    import analyzer
    from analyzer.analysis import report_on

    start = time.process_time()
    report = analyzer.analyze(model, *inputs)
    seconds = time.process_time() - start
    start = time.process_time()
    report_on(report.model, report.convention)
    engine = time.process_time() - start
    return {"seconds": seconds, "engine": engine, "macs": report.totals.macs, "failed": ""}


def theirs(tool: Callable[..., Any], *given: Any) -> Found:
    """Run another tool, and say what it took: that its model was copied before is not in it."""
    found = tool(*given)
    macs = found.macs
    if macs is None and found.flops is not None:  # what fvcore calls flops are MACs
        macs = found.flops if found.tool == "fvcore" else found.flops / 2
    return {"seconds": found.processor_seconds, "macs": macs, "failed": found.failed}


def contest(contenders: Mapping[str, Callable[[], Found]], rounds: int) -> Found:
    """Run contenders in turns; who fails in the first round is not asked again.

    The first round warms up, and is what is measured only where there is no other.
    """
    first = in_turns(contenders, 1, warm=False)
    fit = {name: call for name, call in contenders.items() if not first[name][0]["failed"]}
    given = in_turns(fit, rounds, warm=False) if rounds else first
    return {
        name: {
            **{
                what: [sample[what] for sample in given[name]] if name in fit else []
                for what in ("seconds", "engine")
                if what in found
            },
            "macs": found["macs"],
            "failed": found["failed"],
        }
        for name, (found,) in first.items()
    }


def network(*, name: str, rounds: int) -> Found:
    """Measure a report beside each tool that takes the network."""
    warnings.simplefilter("ignore")
    found = NETWORKS[name]
    given = found.make()
    contenders = {OURS: partial(ours, *given)} | {
        tool: partial(theirs, run, *given) for tool, run in found.tools().items()
    }
    truth = None if found.truth is None else found.truth(*given)
    return {"truth": truth, "tools": contest(contenders, rounds)}


def whole(*, name: str, tool: str) -> Found:
    """Do in a process of its own all that one answer needs: imports, the model, and the tool."""
    warnings.simplefilter("ignore")
    found = NETWORKS[name]
    given = found.make()
    return ours(*given) if tool == OURS else theirs(found.tools()[tool], *given)


def classifiers(*, most: int | None) -> Found:
    """Measure the classifiers of torchvision, once each after a small network that warms up."""
    import torchvision

    network(name="small CNN", rounds=0)
    tools = NETWORKS["ResNet-50"].tools()
    found = {}
    for name in torchvision.models.list_models(module=torchvision.models)[:most]:
        given = classifier(name)
        contenders = {OURS: partial(ours, *given)} | {
            tool: partial(theirs, run, *given) for tool, run in tools.items()
        }
        found[name] = contest(contenders, 0)
    return {"models": found}


def light(*, rounds: int, most: int | None) -> Found:
    """Measure the light models that come with onnx, loaded before, beside onnx-tool."""
    import onnx

    from benchmarks.peers.onnx import onnx_tool

    found = {}
    for path in light_files()[:most]:
        model = onnx.load(path)
        contenders = {
            OURS: partial(ours, model),
            "onnx-tool": partial(theirs, onnx_tool, model),
        }
        found[path.stem] = contest(contenders, rounds)
    return {"models": found}


def large(*, path: str, by: str) -> Found:
    """Read a large file in one way; what it took is what the whole process took."""
    if by == OURS:
        import analyzer

        return {"macs": analyzer.analyze(path).totals.macs}
    if by == "onnx.load":
        import onnx

        onnx.load(path)
        return {"macs": None}
    from benchmarks.peers.onnx import TOOLS

    figures = TOOLS[by](path)
    if figures.failed:
        raise RuntimeError(figures.failed)
    return {"macs": figures.macs}
