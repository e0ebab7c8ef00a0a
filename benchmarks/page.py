"""Figures as a page of the documentation: a table, and a plot of each figure beside its target."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from .report import Figure

BEGIN = "<!-- figures: begin -->"
END = "<!-- figures: end -->"
ROW = 22
LABELS = 330
WIDTH = 360


def write(path: Path, figures: Sequence[Figure], machine: dict[str, str | int | None]) -> None:
    """Put the table between the two marks of a page, and the plot beside the page."""
    plot = path.with_suffix(".svg")
    plot.write_text(_plot([one for one in figures if one.target is not None]), encoding="utf-8")
    day = dt.datetime.now(tz=dt.UTC).date()
    said = ", ".join(f"{name} {value}" for name, value in machine.items())
    rows = [
        f"| {one.name} | {one.shown} {one.unit} | {one.range} | {one.wanted} | {one.verdict} | {one.note} |"
        for one in figures
    ]
    table = ["| figure | value | 95 % | target | verdict | |", "|---|---|---|---|---|---|", *rows]
    body = [f"Measured {day}: {said}.", "", f"![each figure beside its target]({plot.name})", "", *table]
    between(path, "\n".join(body))


def between(path: Path, body: str) -> None:
    """Put text between the two marks of a page."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    if not rest or not after:
        msg = f"{path}: the marks {BEGIN} and {END} are missing"
        raise SystemExit(msg)
    path.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", encoding="utf-8")


def _plot(figures: Sequence[Figure]) -> str:
    """Bars of value over target; the line is the target. Where more is better, the bar is target over value."""
    size = f'width="{LABELS + WIDTH + 60}" height="{ROW * len(figures) + 10}"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">']
    for number, one in enumerate(figures):
        target = one.target or 1
        share = one.value / target if one.sign != ">=" else target / one.value if one.value else 2.0
        length = min(share, 2.0) * WIDTH / 2
        top = 5 + ROW * number
        color = "#b33" if one.verdict == "short" else "#4a7"
        lines += [
            f'<text x="{LABELS - 8}" y="{top + 13}" text-anchor="end">{escape(one.name)}</text>',
            f'<rect x="{LABELS}" y="{top + 2}" width="{length:.1f}" height="{ROW - 8}" fill="{color}"/>',
            f'<text x="{LABELS + length + 4:.1f}" y="{top + 13}">{one.shown} {escape(one.unit)}</text>',
        ]
    middle = LABELS + WIDTH / 2
    lines.append(f'<line x1="{middle}" y1="0" x2="{middle}" y2="{ROW * len(figures) + 10}" stroke="#333"/>')
    return "\n".join([*lines, "</svg>", ""])
