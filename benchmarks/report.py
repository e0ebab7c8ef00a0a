"""Figures: printed as they come, one line each, and kept for --json."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Literal

from .basics import Spread

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
    low: float
    high: float
    """Where the true value is with 95 %; both are the value itself where it is no median of rounds."""

    @property
    def verdict(self) -> str:
        """Ok, short (the whole interval misses the target), or - where there is no target."""
        if self.target is None:
            return "-"
        met = {
            "<=": self.low <= self.target,
            ">=": self.high >= self.target,
            "==": self.value == self.target,
        }[self.sign]
        return "ok" if met else "short"

    @property
    def wanted(self) -> str:
        """The target as text."""
        return "-" if self.target is None else f"{self.sign} {self.target:g}"

    @property
    def shown(self) -> str:
        """The value as text, without its unit."""
        return f"{self.value:.0f}" if self.unit in ("bytes", "syncs") else f"{self.value:.2f}"

    @property
    def range(self) -> str:
        """The interval as text; "" where there is none."""
        return f"{self.low:.2f}-{self.high:.2f}" if self.low < self.high else ""

    def __str__(self) -> str:
        note = "  ".join(filter(None, (self.range, self.note)))
        return f"{self.name:<48} {self.shown:>9} {self.unit:<6} {self.wanted:<8} {self.verdict:<6} {note}".rstrip()


class Report:
    """All figures of one run."""

    def __init__(self) -> None:
        """Nothing measured yet."""
        self.figures: list[Figure] = []

    def add(
        self,
        name: str,
        value: float | Spread,
        unit: str,
        target: float | None = None,
        *,
        sign: Sign = "<=",
        note: str = "",
    ) -> None:
        """Print a figure and keep it."""
        if isinstance(value, Spread):
            figure = Figure(name, value.median, unit, sign, target, note, value.low, value.high)
        else:
            figure = Figure(name, value, unit, sign, target, note, value, value)
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
