"""Figures and plans as a part of a page of the documentation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from ..page import between
from ..report import Figure
from .asking import Plan

SHOWN = (
    "the latest 50 of a user", "find by metadata, one session", "find by a label, 1 of 100", "search a rare word",
)  # fmt: skip


def write(path: Path, figures: Sequence[Figure], plans: Sequence[Plan], about: dict[str, str | int | None]) -> None:
    """Put them between the two marks of a page."""
    day = dt.datetime.now(tz=dt.UTC).date()
    said = ", ".join(f"{name} {value}" for name, value in about.items())
    lines = [
        f"Measured {day}: {said}.",
        "",
        "| figure | value | 95 % | target | verdict | |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.name} | {one.shown} {one.unit} | {one.range} | {one.wanted} | {one.verdict} | {one.note} |"
        for one in figures
    ]
    for plan in plans:
        if plan.name in SHOWN:
            lines += ["", f"{plan.name[0].upper()}{plan.name[1:]}:", "", "```text", *map(_short, plan.lines), "```"]
    between(path, "\n".join(lines))


def _short(line: str) -> str:
    """Ids and words are bytes and long."""
    return line if len(line) <= 150 else f"{line[:147]}..."
