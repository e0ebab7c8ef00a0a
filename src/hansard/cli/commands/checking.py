"""`hansard check`: the proof that the store holds what was put into it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..context import SESSION, Run, pass_run, resolve
from ..output import dumps, output_option, plural, say, with_file, write
from ..problems import DAMAGED

if TYPE_CHECKING:
    from ...model.requests import Finding
    from ...store import Store

COLUMNS: Final = (("severity", "SEVERITY"), ("session", "SESSION"), ("place", "PLACE"), ("message", "WHAT"))


@click.command("check")
@click.option("--session", type=SESSION, help="Only this session.")
@click.option(
    "--heads",
    type=click.Path(dir_okay=False),
    help="Compare with the heads in this file; if it is not there, write them to it.",
)
@click.option("--update", is_flag=True, help="With --heads: after a clean comparison, write the heads of now.")
@click.option("--repair", is_flag=True, help="Move what is damaged to quarantine; nothing is deleted.")
@output_option("table", "json", "jsonl", "md")
@pass_run
def check_command(run: Run, *, session: str | None, heads: str | None, update: bool, repair: bool, output: str) -> int:
    """Verify every line, hash chain and attachment.

    \b
    Examples:
      hansard check
      hansard check --session 0199d3b2 -o json
      hansard check --heads /mnt/other-disk/heads.json

    A log that was cut behind a commit, or chained anew as a whole, is whole in itself: only heads that were kept where
    the store's writer can't reach them show it. The exit code is 6 if there is damage, 0 if there is none; notes (the
    tail of a crashed writer) are no damage.
    """
    if update and heads is None:
        msg = "--update goes with --heads FILE"
        raise click.UsageError(msg)
    store = run.listing() if heads is not None else run.open()
    which = None if session is None else resolve(store, session)
    kept = _read(heads) if heads is not None else None
    found = store.check(which, heads=kept, repair=repair)
    damage = sum(finding.severity == "damage" for finding in found)
    rows = [_row(finding) for finding in found]
    write(run, map(_told, rows) if output in ("table", "md") else rows, COLUMNS, output=output, spare=("severity",))
    if heads is not None and not damage and (kept is None or update):
        _keep(store, heads)
    said = f"{plural(damage, 'place')} damaged" if damage else "no damage"
    notes = len(found) - damage
    say(said + (f", {plural(notes, 'note')}" if notes else ""))
    if repair and found:
        say("what could be set aside was moved to quarantine; `hansard check` says what is left")
    return DAMAGED if damage else 0


def _row(finding: Finding) -> dict[str, Any]:
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return {
        "severity": finding.severity,
        "session": finding.session,
        "message": finding.message,
        "path": finding.path,
        "line": finding.line,
        "offset": finding.offset,
        "place": place + (f" (byte {finding.offset})" if finding.line else ""),
    }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """The row as a table shows it, the place told once."""
    told = row["message"].removeprefix(f"{row['path']}: ").removeprefix(f"line {row['line']} at byte {row['offset']}: ")
    return {**row, "message": told}


def _read(path: str) -> dict[str, list[int | str]] | None:
    """The heads that were kept; None if there are none yet.

    Raises:
        Invalid: the file holds something else.
    """
    from ...errors import Invalid

    try:
        return json.loads(Path(path).read_bytes())["heads"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path} does not hold heads as --heads writes them ({error}); name another file"
        raise Invalid(msg) from None


def _keep(store: Store, path: str) -> None:
    now = store.heads()
    with_file(path, lambda out: out.write(dumps({"heads": now}, indent=2).encode() + b"\n"))
    say(f"{path}: the heads of {plural(len(now), 'session')}; keep it where who can write the store can't")
