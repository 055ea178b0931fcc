"""JUnit XML: each model a suite, each thing that was asked of it a case."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from analyzer.checking.result import Check, Checked, Finding, Status

if TYPE_CHECKING:
    from junitparser import TestCase

__all__ = ["junit"]

_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(check: Check) -> bytes:
    """Write a check as JUnit XML, in UTF-8.

    What is broken or cannot be told is a failure, a model that could not be read an error.
    """
    from junitparser import Error, JUnitXml, TestCase, TestSuite

    written = JUnitXml("analyzer check")
    for model in check.models:
        suite = TestSuite(_text(model.name))
        if model.error is not None:
            case = TestCase("read", _class(model))
            case.result = Error(_text(model.reasons[0]), type(model.error).__name__)
            suite.append(case)
        for finding in model.findings:
            suite.append(_case(model, finding))
        written.append(suite)
    written.update_statistics()
    buffer = io.BytesIO()
    written.write(buffer, pretty=True)
    return buffer.getvalue()


def _case(model: Checked, finding: Finding) -> TestCase:
    from junitparser import Failure, TestCase

    case = TestCase(finding.name, _class(model))
    if finding.status is not Status.OK:
        case.result = Failure(_text(finding.reason), finding.status.value)
    elif finding.reason:
        case.system_out = _text(finding.reason)
    return case


def _class(model: Checked) -> str:
    return f"analyzer.{_text(model.name)}"


def _text(text: str) -> str:
    """Replace what XML has no way to write."""
    return _NOT_IN_XML.sub("\ufffd", text)
