"""Every operator of PyTorch: counted, taken apart, or named as not counted, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import pytest
import torch
import torch._prims
import torch.distributed._functional_collectives
import torchvision  # registers its operators
from torch._ops import OpOverload

from analyzer.ops import why_uncounted
from analyzer_torch.decompositions import decomposition_of
from analyzer_torch.mapping import FAMILIES, TABLE
from analyzer_torch.mapping_uncounted import UNCOUNTED

NAMESPACES = {
    "_c10d_functional", "_c10d_functional_autograd", "aten", "prims", "quantized", "torchvision",
}  # fmt: skip
COMPILERS = ("_low_memory_max_pool", "_unsafe_index_put", "inductor_", "prepare_softmax")
"""How operators begin that are there only once somebody has imported the compiler."""
SINCE = {
    "_c10d_functional.wait_tensors": "2.15",
    "_cudnn_attention_forward_no_dropout_inplace": "2.15",
    "_philox_randint": "2.15",
    "_scaled_addmm": "2.15",
}
"""Names in our tables → the version of PyTorch that brought them; older ones may lack them."""
COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd

Overloads = dict[str, list[OpOverload]]


@cache
def overloads() -> Overloads:
    """Return every operator of these namespaces that a dispatcher runs, without its ``out=``."""
    assert torchvision.__version__
    found: Overloads = defaultdict(list)
    for schema in torch._C._jit_get_all_schemas():
        namespace, _, name = schema.name.partition("::")
        full = f"{schema.name}.{schema.overload_name}" if schema.overload_name else schema.name
        if namespace not in NAMESPACES or not torch._C._dispatch_has_kernel(full):
            continue
        if namespace == "prims" and (name == "fma" or name.startswith(COMPILERS)):
            continue
        if any(argument.is_out for argument in schema.arguments):
            continue
        packet = getattr(getattr(torch.ops, namespace), name)
        bare = name[:-1] if name.endswith("_") and not name.endswith("__") else name
        known_as = bare if namespace == "aten" else f"{namespace}.{bare}"
        found[known_as].append(getattr(packet, schema.overload_name or "default"))
    return found


def taken_apart(func: OpOverload) -> bool:
    """Say whether PyTorch makes it of others, for every device alike or by its decompositions."""
    composite = torch._C._dispatch_has_kernel_for_dispatch_key(func._name, COMPOSITE)
    return composite or decomposition_of(func) is not None


def neither_counted_nor_taken_apart() -> Iterator[str]:
    for name, funcs in overloads().items():
        if name not in TABLE and not all(map(taken_apart, funcs)):
            yield name


def yet_to_come() -> set[str]:
    return {name for name, version in SINCE.items() if torch.__version__ < version}


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_every_operator_has_its_place() -> None:
    left = set(neither_counted_nor_taken_apart())
    unexplained = sorted(name for name in left if not why_uncounted(name, UNCOUNTED))
    assert not unexplained, "in no table: map them, or name them in mapping_uncounted"
    for pattern, why in UNCOUNTED.items():
        found = any(why_uncounted(name, {pattern: why}) for name in left)
        assert found or pattern in yet_to_come(), pattern


def test_what_is_counted_is_not_called_uncounted_by_its_name() -> None:
    for pattern in UNCOUNTED:
        assert pattern not in TABLE
    assert list(UNCOUNTED) == sorted(UNCOUNTED, key=str.lower)


def test_names_exist() -> None:
    elsewhere = {name for name in TABLE if "." in name and name.partition(".")[0] not in NAMESPACES}
    assert set(TABLE) - elsewhere - yet_to_come() <= set(overloads())
    assert set(SINCE) <= set(TABLE) | set(UNCOUNTED)
    assert len(TABLE) == sum(map(len, FAMILIES))
