"""Plots: as text for terminals and Markdown, as a picture in SVG for HTML."""

from __future__ import annotations

from typing import Any

from analyzer.document import Plot
from analyzer.units import short_text

__all__ = ["draw", "picture"]

_LOOKS = (
    ("white", "#"), ("red", "+"), ("green", "x"), ("yellow", "o"), ("blue", "*"), ("magenta", "@"),
)  # fmt: skip
"""Colours and marks of lines; more lines begin again."""

_HEIGHT = 16


def draw(plot: Plot, *, width: int, colours: bool = False) -> str:
    """Draw a plot in characters, at most that many wide."""
    import plotille

    figure = plotille.Figure()
    figure.width = max(width - 24, 40)
    figure.height = _HEIGHT
    figure.with_colors = colours
    figure.origin = False
    figure.x_label, figure.y_label = plot.x, ""
    figure.register_label_formatter(float, _label)
    figure.register_label_formatter(int, _label)
    highest = max(y for _, points in plot.series for _, y in points)
    figure.set_y_limits(min_=0, max_=highest or 1)
    sizes = [x for _, points in plot.series for x, _ in points]
    figure.set_x_limits(min_=min(sizes), max_=max(sizes) + (min(sizes) == max(sizes)))
    for at, (_, points) in enumerate(plot.series):
        colour, mark = _LOOKS[at % len(_LOOKS)]
        figure.plot(*_columns(points), lc=colour)
        figure.scatter(*_columns(points[:: max(len(points) // 8, 1)]), lc=colour, marker=mark)
    legend = "   ".join(
        f"{_LOOKS[at % len(_LOOKS)][1]} {name}" for at, (name, _) in enumerate(plot.series)
    )
    lines = figure.show(legend=False).replace("\u2800", " ").splitlines()[1:]  # no name for y
    return "\n".join([plot.title, *(line.rstrip() for line in lines), legend])


def picture(plot: Plot) -> str:
    """Draw a plot as an element of SVG that needs nothing from elsewhere."""
    import leather

    chart = leather.Chart(plot.title)
    for name, points in plot.series:
        chart.add_line(points, name=name)
    chart.add_x_axis(name=plot.x, tick_formatter=_tick)
    chart.add_y_axis(tick_formatter=_tick)
    highest = max(y for _, points in plot.series for _, y in points)
    chart.add_y_scale(0, highest or 1)
    svg: str = chart.to_svg(width=760, height=420)
    return svg


def _columns(points: tuple[tuple[int, int], ...]) -> tuple[list[int], list[int]]:
    return [x for x, _ in points], [y for _, y in points]


def _label(value: float, chars: int, delta: float, left: bool = False) -> str:
    text = short_text(value)
    return text.ljust(chars) if left else text.rjust(chars)


def _tick(value: Any, *_: object) -> str:
    return short_text(float(value))
