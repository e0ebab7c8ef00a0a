"""What goes to stdout: tables, JSON, JSON Lines, Markdown or bare ids, made fit for terminals; and progress on stderr.

JSON is written in ASCII, so that no text of a transcript can steer a terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self, TypeAlias, cast

import click

from .problems import Problem

if TYPE_CHECKING:
    from .context import Run

Row: TypeAlias = Mapping[str, Any]
"""One line of output: what JSON shows whole, and a table by its columns."""

Columns: TypeAlias = Sequence[tuple[str, str]]
"""(key of the row, heading); numbers are set to the right."""

FORMATS: Final = ("table", "json", "jsonl", "md", "id")
SHORT: Final = 13
"""Characters that tell apart ids that were made a millisecond after each other."""
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


def plain(value: Any) -> Any:
    """A value of the API as JSON has it, every field in its place: the same thing looks the same in every command."""
    import msgspec

    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("Iterable[Any]", value)]
    return msgspec.to_builtins(value)


def write_json(value: Any) -> None:
    """Write one value of the API as indented JSON."""
    click.echo(dumps(plain(value), indent=2))


def write(
    run: Run, rows: Iterable[Row], columns: Columns, *, output: str, key: str = "id", spare: Sequence[str] = ()
) -> int:
    """Write rows in one of the formats, as they come where the format allows; how many there were.

    `spare` names the columns that a table leaves out first where a terminal is too narrow for all.
    """
    if output == "jsonl":
        return _each(rows, lambda row: click.echo(dumps(row)))
    if output == "id":
        return _each(rows, lambda row: echo_id(row[key]))
    found = list(rows)
    if output == "json":
        write_json(found)
    elif output == "md":
        _markdown(found, columns)
    elif found:
        _table(run, found, columns, spare)
    return len(found)


def _each(rows: Iterable[Row], show: Callable[[Row], object]) -> int:
    count = 0
    for row in rows:
        show(row)
        count += 1
    return count


def _table(run: Run, rows: Sequence[Row], columns: Columns, spare: Sequence[str]) -> None:
    """Columns aligned; on a terminal they fit its width, elsewhere nothing is cut."""
    from .table import Column, lay_out

    table: list[Column] = []
    for name, heading in columns:
        values = [row.get(name) for row in rows]
        table.append(Column(name, heading, [cell(value) for value in values], right=all(map(_is_number, values))))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    heading, *lines = lay_out(table, width=width, spare=spare)
    echo_styled(run, heading, bold=True)
    for line in lines:
        click.echo(line)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def echo_styled(run: Run, text: str, **style: Any) -> None:
    """Print a text that is safe already, in a style if colours are wanted."""
    click.echo(click.style(text, **style) if style and _colored(run) else text, color=True)


def _colored(run: Run) -> bool:
    if run.color != "auto":
        return run.color == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


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


def echo_id(name: str) -> None:
    """Print an id on a line of its own: one that holds a line break must not be taken for two, the second perhaps another's."""
    click.echo(safe(name).replace("\n", "\N{SYMBOL FOR NEWLINE}"))


def shortened(ids: Iterable[str]) -> dict[str, str]:
    """Ids for a table, each by its beginning: enough of it to tell it from the others there, and at least SHORT."""
    found: dict[str, str] = {}
    ordered = sorted(set(ids))
    for before, one, after in zip(["", *ordered], ordered, [*ordered[1:], ""], strict=False):
        needed = max(SHORT, _shared(before, one) + 1, _shared(one, after) + 1)
        found[one] = one if len(one) <= needed + 1 else one[:needed] + "…"
    return found


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


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
    """Let `fill` write to stdout (also for `-`), or to a file that takes the place of `path` only when it is whole.

    The file is durable then, and as private as the one that it replaces. A pipe or a device is written to as it is.

    Raises:
        Problem: the folder of the file is not there, or can't be written to.
    """
    from ..store.folders import sync_folder

    if path is None or path == "-":
        sys.stdout.flush()
        fill(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    goal = Path(path)
    if goal.exists() and not goal.is_file():
        with goal.open("wb") as out:
            fill(out)
        return
    # Through a link: what it names is replaced, not the link.
    goal = goal.resolve()
    draft = goal.with_name(f".{goal.name}.{os.urandom(6).hex()}.partial")
    try:
        out = draft.open("xb")
    except OSError as error:
        code = "not-found" if isinstance(error, FileNotFoundError) else "unavailable"
        msg = f"{path} can't be written: {goal.parent}: {error.strerror}"
        raise Problem(msg, code=code, hint="name a file in a folder that is there and that you may write to") from None
    try:
        with out:
            if goal.exists():
                os.fchmod(out.fileno(), stat.S_IMODE(goal.stat().st_mode))
            fill(out)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(goal)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(goal.parent)


def echo_path(path: str | Path) -> None:
    """Print a path as its bytes are, so that whoever reads it can open it."""
    click.echo(os.fsencode(path))


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
        from .table import cut

        now = time.monotonic()
        if not self._on or now < self._next:
            return
        self._next = now + _DRAW_EVERY_S
        share = f"{100 * done // total:3d} %  {self._unit(done)} of {self._unit(total)}" if total else self._unit(done)
        # A line that the terminal had to wrap could not be drawn over.
        room = min(100, shutil.get_terminal_size().columns - 1)
        place = cut(cell(what), max(0, room - len(share) - 2), end=False)
        sys.stderr.write(f"\r\x1b[K{cut(f'{share}  {place}', room)}")
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
