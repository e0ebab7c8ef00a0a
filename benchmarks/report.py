"""Figures: printed as they come, one line each, and kept for --json."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Literal

Sign = Literal["<=", ">=", "=="]


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure, with the target that it has, if any."""

    name: str
    value: float
    unit: str
    sign: Sign
    target: float | None
    note: str

    @property
    def verdict(self) -> str:
        """Ok, short, or - where there is no target."""
        if self.target is None:
            return "-"
        met = {
            "<=": self.value <= self.target,
            ">=": self.value >= self.target,
            "==": self.value == self.target,
        }[self.sign]
        return "ok" if met else "short"

    def __str__(self) -> str:
        wanted = "-" if self.target is None else f"{self.sign} {self.target:g}"
        shown = f"{self.value:.0f}" if self.unit in ("bytes", "syncs") else f"{self.value:.2f}"
        return f"{self.name:<44} {shown:>9} {self.unit:<6} {wanted:<8} {self.verdict:<6} {self.note}".rstrip()


class Report:
    """All figures of one run."""

    def __init__(self) -> None:
        """Nothing measured yet."""
        self.figures: list[Figure] = []

    def add(
        self, name: str, value: float, unit: str, target: float | None = None, *, sign: Sign = "<=", note: str = ""
    ) -> None:
        """Print a figure and keep it."""
        figure = Figure(name, value, unit, sign, target, note)
        self.figures.append(figure)
        print(figure, flush=True)

    @property
    def short(self) -> bool:
        """A figure misses its target."""
        return any(figure.verdict == "short" for figure in self.figures)

    def save(self, path: Path, machine: dict[str, str | int | None]) -> None:
        """Write everything as JSON."""
        rows = [{**dataclasses.asdict(figure), "verdict": figure.verdict} for figure in self.figures]
        path.write_text(json.dumps({"machine": machine, "figures": rows}, indent=2) + "\n")
