"""Every operation that TensorFlow registers, and what the graphs of many of them read as."""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from analyzer_tensorflow import mapping
from analyzer_tensorflow.mapping_uncounted import UNCOUNTED, why_uncounted
from analyzer_tensorflow.special import SPECIAL

PLUGIN = Path(mapping.__file__).parent


def registered() -> set[str]:
    """Return the types of all operations that TensorFlow registers."""
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    buffer = pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    return {one.name for one in op_def_pb2.OpList.FromString(buffer).op}


def test_every_operation_is_counted_free_read_or_named() -> None:
    known = {*mapping.TABLE, *SPECIAL}
    missing = sorted(name for name in registered() - known if not why_uncounted(name))
    assert not missing


def test_tables_name_what_there_is_and_each_once() -> None:
    everything = registered()
    families = [set(table) for table in mapping.FAMILIES]
    assert sum(map(len, families)) == len(mapping.TABLE)
    assert not mapping.TABLE.keys() & SPECIAL.keys()
    assert {*mapping.TABLE, *SPECIAL} <= everything
    assert {*mapping.KEEPS_STORED, *mapping.SAME_STORAGE, *mapping.SIZES, *mapping.DRAWN} <= (
        mapping.TABLE.keys()
    )
    rest = everything - mapping.TABLE.keys() - SPECIAL.keys()
    useless = [one for one in UNCOUNTED if not any(fnmatchcase(name, one) for name in rest)]
    assert not useless


@pytest.mark.parametrize("path", sorted(PLUGIN.glob("*.py")), ids=lambda path: path.name)
def test_tables_are_sorted(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict) and len(node.keys) > 8:
            keys = [str(key.value) for key in node.keys if isinstance(key, ast.Constant)]
            assert keys == sorted(keys)
