"""What goes to stdout: tables, JSON, JSON Lines, Markdown or bare ids, made fit for terminals; and progress on stderr.

rich is imported only for tables. JSON is written in ASCII, so that no text of a transcript can steer a terminal.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self, TypeAlias

import click

from .problems import Problem

if TYPE_CHECKING:
    from .context import Run

Row: TypeAlias = Mapping[str, Any]
"""One line of output: what JSON shows whole, and a table by its columns."""

Columns: TypeAlias = Sequence[tuple[str, str]]
"""(key of the row, heading); numbers are set to the right."""

FORMATS: Final = ("table", "json", "jsonl", "md", "id")
_WIDE: Final = 100_000
"""Columns of an output that is no terminal: nothing is cut there."""
_DRAW_AFTER_S: Final = 0.5
_DRAW_EVERY_S: Final = 0.1


def output_option(*formats: str) -> Callable[[Any], Any]:
    """The option -o with these formats, the first one being the default."""
    return click.option(
        "-o", "--output", type=click.Choice(formats or FORMATS), default=(formats or FORMATS)[0], show_default=True,
        help="How the result is written to stdout.",
    )  # fmt: skip


def dumps(value: object, *, indent: int | None = None) -> str:
    """JSON in ASCII, whatever the value holds.

    Raises:
        Problem: it holds a number that is too long to be written out.
    """
    try:
        return json.dumps(value, indent=indent)
    except (ValueError, RecursionError) as error:
        msg = f"this can't be written as JSON: {error}"
        raise Problem(msg, code="unsupported", hint="hansard export --format hansard has every byte") from None


def write(run: Run, rows: Iterable[Row], columns: Columns, *, output: str, key: str = "id") -> int:
    """Write rows in one of the formats, as they come where the format allows; how many there were."""
    if output == "jsonl":
        return _each(rows, lambda row: click.echo(dumps(row)))
    if output == "id":
        return _each(rows, lambda row: click.echo(safe(row[key])))
    found = list(rows)
    if output == "json":
        click.echo(dumps(found, indent=2))
    elif output == "md":
        _markdown(found, columns)
    elif found:
        _table(run, found, columns)
    return len(found)


def _each(rows: Iterable[Row], show: Callable[[Row], object]) -> int:
    count = 0
    for row in rows:
        show(row)
        count += 1
    return count


def _table(run: Run, rows: Sequence[Row], columns: Columns) -> None:
    """Columns aligned; on a terminal they fit its width, elsewhere nothing is cut."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    on_terminal = sys.stdout.isatty()
    color: dict[str, Any] = {"always": {"force_terminal": True}, "never": {"no_color": True}}.get(run.color, {})
    console = Console(file=sys.stdout, highlight=False, width=None if on_terminal else _WIDE, **color)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, heading in columns:
        number = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(heading, justify="right" if number else "left", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(cell(row.get(name))) for name, _ in columns))
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()), color=True)


def _markdown(rows: Sequence[Row], columns: Columns) -> None:
    from ..formats.contained import literal

    click.echo("| " + " | ".join(heading for _, heading in columns) + " |")
    click.echo("|" + " --- |" * len(columns))
    for row in rows:
        click.echo("| " + " | ".join(literal(cell(row.get(name))) for name, _ in columns) + " |")


def cell(value: object) -> str:
    """A value on one line of a table, safe to print."""
    from ..formats.safe import one_line

    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:,}" if isinstance(value, int) else one_line(str(value))


def safe(text: str) -> str:
    """A text that a terminal can show and can't be steered by."""
    from ..formats.safe import readable

    return readable(text)


def minute(at: str) -> str:
    """A time to the minute, in UTC."""
    return f"{at[:10]} {at[11:16]}" if len(at) == 27 else at


def say(text: str) -> None:
    """Tell the person something on stderr."""
    sys.stderr.write(safe(text) + "\n")


def write_bytes(pieces: Iterable[bytes], path: str | None) -> None:
    """Write to a file, which appears only when it is whole, or to stdout."""
    with_file(path, lambda out: out.writelines(pieces))


def with_file(path: str | None, fill: Callable[[BinaryIO], object]) -> None:
    """Let `fill` write to stdout, or to a file that takes the place of `path` only when it is whole."""
    if path is None:
        sys.stdout.flush()
        fill(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    goal = Path(path)
    draft = goal.with_name(f".{goal.name}.{os.getpid()}.partial")
    try:
        with draft.open("xb") as out:
            fill(out)
        draft.replace(goal)
    finally:
        draft.unlink(missing_ok=True)


class Progress:
    """A line on stderr that says how far it has come; only on a terminal, and only if it takes a while."""

    def __init__(self, unit: Callable[[int], str] = str) -> None:
        """Count in `unit`."""
        self._unit = unit
        self._on = sys.stderr.isatty()
        self._next = time.monotonic() + _DRAW_AFTER_S
        self._drawn = False

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` (0: not known) is done."""
        now = time.monotonic()
        if not self._on or now < self._next:
            return
        self._next = now + _DRAW_EVERY_S
        share = f"{100 * done // total:3d} %  {self._unit(done)} of {self._unit(total)}" if total else self._unit(done)
        sys.stderr.write(f"\r\x1b[K{share}  {cell(what)[-60:]}")
        sys.stderr.flush()
        self._drawn = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def megabytes(size: int) -> str:
    """A size as people read it."""
    return f"{size / 1_000_000:,.1f} MB"


def plural(count: int, word: str, words: str = "") -> str:
    """A count with its word: `1 session`, `2 sessions`, `3 entries`."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"
