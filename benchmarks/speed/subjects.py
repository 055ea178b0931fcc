"""What is measured, each in a process of its own: reports in turns with the other tools."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from benchmarks.accuracy.judging import OURS, told_macs
from benchmarks.light import light_files
from benchmarks.measuring import in_turns, turned
from benchmarks.peers.running import uncopied
from benchmarks.speed.networks import NETWORKS, classifier

__all__ = ["OURS", "asked", "classifiers", "large", "light", "network", "whole"]

Found = dict[str, Any]


def ours(model: Any, *inputs: Any) -> Found:
    """Make a whole report, and say what it took."""
    import analyzer

    start = time.process_time()
    report = analyzer.analyze(model, *inputs)
    seconds = time.process_time() - start
    return {"seconds": seconds, "macs": report.totals.macs, "failed": "", "report": report}


def ours_and_engine(model: Any, *inputs: Any) -> Found:
    """Make a whole report; then say what the engine takes of that."""
    from analyzer.analysis import report_on

    found = ours(model, *inputs)
    report = found["report"]
    start = time.process_time()
    report_on(report.model, report.convention)
    return {**found, "engine": time.process_time() - start}


def theirs(tool: Callable[..., Any], *given: Any) -> Found:
    """Run another tool, and say what it took: that its model was copied before is not in it."""
    found = tool(*given)
    return {
        "seconds": found.processor_seconds,
        "macs": told_macs(found),
        "failed": found.failed,
    }


def contest(contenders: Mapping[str, Callable[[], Found]], rounds: int) -> Found:
    """Run contenders in turns; who fails in the first round is not asked again.

    The first round warms up, and is what is measured only where there is no other.
    """
    first = in_turns(contenders, 1, warm=False)
    fit = {name: call for name, call in contenders.items() if not first[name][0]["failed"]}
    given = in_turns(fit, rounds, warm=False) if rounds else first
    return {name: _told(found, given.get(name, [found])) for name, (found,) in first.items()}


def _told(first: Found, samples: list[Found]) -> Found:
    """Put the samples of a contender together; those that failed took no time."""
    good = [sample for sample in samples if not sample["failed"]]
    failed = next((sample["failed"] for sample in samples if sample["failed"]), "")
    figures = ("seconds", "engine") if "engine" in first else ("seconds",)
    return {
        **{what: [sample[what] for sample in good] for what in figures},
        "macs": first["macs"],
        "failed": "" if good else failed,
    }


def asked(*, name: str) -> Found:
    """Say who is asked about a network."""
    return {"tools": [OURS, *NETWORKS[name].tools()]}


def network(*, name: str, rounds: int, only: Sequence[str] = ()) -> Found:
    """Measure a report beside each tool that takes the network, or beside these."""
    warnings.simplefilter("ignore")
    found = NETWORKS[name]
    given = found.make()
    contenders = {OURS: partial(ours_and_engine, *given)} | {
        tool: partial(theirs, run, *given)
        for tool, run in found.tools().items()
        if tool in only or not only
    }
    truth = None if found.truth is None else found.truth(*given)
    return {"truth": truth, "tools": contest(contenders, rounds)}


def whole(*, name: str, tool: str) -> Found:
    """Do in a process of its own all that one answer needs: imports, the model, and the tool."""
    warnings.simplefilter("ignore")
    found = NETWORKS[name]
    given = found.make()
    if tool == OURS:
        made = ours(*given)
    else:
        with uncopied():
            made = theirs(found.tools()[tool], *given)
    if made["failed"]:
        raise RuntimeError(made["failed"])
    return {"macs": made["macs"]}


def classifiers(*, most: int | None) -> Found:
    """Measure the classifiers of torchvision, once each after a run; each time another begins."""
    import torch
    import torchvision

    network(name="small CNN", rounds=0)
    tools = NETWORKS["ResNet-50"].tools()
    found = {}
    for at, name in enumerate(torchvision.models.list_models(module=torchvision.models)[:most]):
        model, image = classifier(name)
        with torch.no_grad():
            model(image)
        contenders = {OURS: partial(ours, model, image)} | {
            tool: partial(theirs, run, model, image) for tool, run in tools.items()
        }
        found[name] = contest(turned(contenders, at), 0)
    return {"models": found}


def light(*, rounds: int, most: int | None) -> Found:
    """Measure the light models that come with onnx, loaded before."""
    import onnx

    from benchmarks.peers.onnx import TOOLS

    found = {}
    for path in light_files()[:most]:
        model = onnx.load(path)
        contenders = {OURS: partial(ours_and_engine, model)} | {
            tool: partial(theirs, run, model) for tool, run in TOOLS.items()
        }
        found[path.stem] = contest(contenders, rounds)
    return {"models": found}


def large(*, path: str, by: str, features: int) -> Found:
    """Read a large file in one way; what it took is what the whole process took."""
    if by == OURS:
        import analyzer

        return {"macs": analyzer.analyze(path).totals.macs}
    if by == "onnx.load":
        import onnx

        onnx.load(path)
        return {"macs": None}
    import numpy as np

    from benchmarks.peers.onnx import TOOLS

    with uncopied():
        found = theirs(TOOLS[by], path, [np.ones((1, features), np.float32)])
    if found["failed"]:
        raise RuntimeError(found["failed"])
    return {"macs": found["macs"]}
