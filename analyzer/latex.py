r"""Words as LaTeX: what means something to TeX, and what it does not know, is spelled out.

What comes out compiles with pdfLaTeX, XeLaTeX and LuaLaTeX alike, and stands in a formula's
``\text{…}`` as well as in a paragraph.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from pylatexenc.latexencode import (
    RULE_DICT,
    UnicodeToLatexConversionRule,
    UnicodeToLatexEncoder,
)

__all__ = ["latex_count", "latex_text"]

_RAISED = {"<super>": r"\textsuperscript{%s}", "<sub>": r"\textsubscript{%s}"}
"""How letters are set that Unicode has above or below the line."""

_OWN = {
    ord("|"): r"\textbar",
    **{
        ord(sign): rf"\ensuremath{{{symbol}}}"
        for sign, symbol in {
            "¬": r"\lnot",
            "²": "^2",
            "³": "^3",
            "·": r"\cdot",
            "¹": "^1",
            "¼": r"\tfrac14",
            "½": r"\tfrac12",
            "×": r"\times",
            "†": r"\dagger",
            "→": r"\to",
        }.items()
    },
}
"""What needs no other fonts than those that every TeX has."""


@cache
def latex_text(text: str) -> str:
    r"""Write words as LaTeX.

    >>> latex_text("γ × 50 % of layer_1")
    '\\ensuremath{\\gamma} \\ensuremath{\\times} 50 \\% of layer\\_1'
    >>> latex_text("2ˣ"), latex_text("中")
    ('2\\textsuperscript{x}', '\\texttt{U+4E2D}')
    """
    encoded: str = _encoder().unicode_to_latex(text)
    return encoded


def latex_count(value: int) -> str:
    """Group the digits of a number in a formula, where a bare comma would be set as one of a list.

    >>> latex_count(-884736)
    '-884{,}736'
    """
    return f"{value:,}".replace(",", "{,}")


@cache
def _encoder() -> UnicodeToLatexEncoder:
    rule = UnicodeToLatexConversionRule(RULE_DICT, _OWN)
    return UnicodeToLatexEncoder(
        conversion_rules=[rule, "defaults"],
        replacement_latex_protection="braces",
        unknown_char_policy=_spelled,
        unknown_char_warning=False,
    )


def _spelled(character: str) -> str:
    how, _, base = unicodedata.decomposition(character).partition(" ")
    if how in _RAISED:
        return _RAISED[how] % latex_text("".join(chr(int(code, 16)) for code in base.split()))
    return rf"\texttt{{U+{ord(character):04X}}}"
