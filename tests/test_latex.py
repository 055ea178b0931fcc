"""What is written in LaTeX compiles: with TeX where there is one, by its grammar anywhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylatexenc.latexwalker import LatexWalker

import analyzer
from analyzer.document import Document, Formula, Heading, Items, Table, Text
from analyzer.expression import product
from analyzer.latex import latex_text
from analyzer.render.latex import render
from tests import models

TEX = shutil.which("pdflatex")
needs_tex = pytest.mark.skipif(TEX is None, reason="there is no LaTeX here")
ODD = "50 % of {all} \\ $x_1^2$ & #3 ~ <a|b> \"q\" 'r' `s` — … → ≥ ⌊γ⌋ √2ˣ 中文 é ½·¼ ⁻¹ █ 🙂"
HOST = r"""\documentclass{report}
\usepackage{amsmath,array,booktabs,longtable}
\begin{document}
First. \input{one.tex} Then. \input{two.tex} Last.
\end{document}
"""


def odd() -> Document:
    """Return a document in which every block and every cell holds what is hard to write."""
    formula = Formula(expression=product(**{"a_b": 3, ODD: 1000}), label=ODD, result=ODD, unit=ODD)
    table = Table(
        columns=(ODD, "number", "formula"),
        rows=((ODD, 1234567, formula), ("  " + "path.to/some_layer" * 9, None, 0.5)),
        footer=("Total", 1, ""),
        title=ODD,
    )
    return Document(
        blocks=(
            *(Heading(text=ODD, level=level) for level in range(1, 6)),
            Text(text=ODD),
            Text(text=formula),
            Text(text=f"{ODD}\n  two\n\n", code=True),
            Items(items=(ODD, formula, "[x] *")),
            table,
        ),
        table=table,
        data={},
    )


def compiled(folder: Path, name: str) -> str:
    """Compile a file, and return what TeX said."""
    done = subprocess.run(
        [str(TEX), "-interaction=nonstopmode", "-halt-on-error", name],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, said[-3000:]
    assert "Missing character" not in said
    return said


def body(text: str) -> str:
    """Return what stands in the document."""
    return text.partition("\\fi\n")[2].removesuffix("\\analyzerend")


@needs_tex
def test_what_is_odd_compiles(tmp_path: Path) -> None:
    (tmp_path / "odd.tex").write_text(render(odd()), encoding="ascii")
    compiled(tmp_path, "odd.tex")


@needs_tex
def test_every_result_compiles_by_itself_and_in_another_document(tmp_path: Path) -> None:
    report = analyzer.analyze(models.small())
    texts = {
        "one.tex": report.explain().to_latex(detail="lesson"),
        "two.tex": report.render("latex"),
        "three.tex": analyzer.compare(report, analyzer.analyze(models.normed())).render("latex"),
        "four.tex": report.explain().to_latex(),
        "host.tex": HOST,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    compiled(tmp_path, "host.tex")
    for name in ("one.tex", "three.tex", "four.tex"):
        assert not re.search(r"Overfull \\hbox \(\d\d", compiled(tmp_path, name))


def test_what_is_odd_has_the_grammar_of_latex() -> None:
    text = render(odd())
    assert text.isascii()
    LatexWalker(body(text), tolerant_parsing=False).get_latex_nodes()
    assert r"\texttt{U+4E2D}" in text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_is_ascii_and_balanced(text: str) -> None:
    encoded = latex_text(text)
    assert encoded.isascii()
    LatexWalker(encoded, tolerant_parsing=False).get_latex_nodes()
