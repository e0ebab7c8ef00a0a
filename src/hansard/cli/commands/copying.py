"""`hansard copy`: sessions or a whole store to another store, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from ..context import SESSION, Run, await_index, pass_run, resolve
from ..output import Progress, output_option, plural, say, write
from ..problems import DAMAGED, NOTHING

if TYPE_CHECKING:
    from ...model.requests import Finding
    from ...store import Copied

COLUMNS: Final = (("id", "SESSION"), ("seq", "ENTRIES"), ("added", "ADDED"), ("result", "RESULT"))


@click.command("copy")
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.option(
    "--session", "sessions", multiple=True, type=SESSION, help="Only this session with its sub-agents; repeatable."
)
@click.option("--as", "as_", metavar="ID", help="With one --session: under another id, its entries chained anew.")
@output_option()
@pass_run
def copy_command(run: Run, *, source: str, target: str, sessions: tuple[str, ...], as_: str | None, output: str) -> int:
    """Copy everything, or some sessions, from one store to another. The same bytes, so the same hashes verify there.

    \b
    Examples:
      hansard copy ~/.hansard /mnt/backup/hansard
      hansard copy file:A file:B --session 0199d3b2

    Running it again copies only what is new. A session that is there with other content is a conflict, and the others
    are copied all the same.
    """
    if as_ is not None and len(sessions) != 1:
        msg = "--as goes with exactly one --session"
        raise click.UsageError(msg)
    here = run.open(source)
    await_index(here)
    there = run.open(target, create=True)
    failed: tuple[Finding, ...] = ()
    documents = 0
    with Progress() as progress:
        if sessions:
            chosen = [resolve(here, name).id for name in sessions]
            copied = tuple(here.copy(chosen, there, as_=as_, progress=progress))
        else:
            report = here.copy_store(there, progress=progress)
            copied, failed, documents = report.copied, report.failed, len(report.documents)
    rows = [_row(one) for one in copied] + [_failed(one) for one in failed]
    write(run, rows, COLUMNS, output=output)
    added = sum(one.added for one in copied)
    say(
        f"{plural(len(copied), 'session')} copied, {plural(added, 'entry', 'entries')} added, "
        f"{plural(documents, 'document')} written, {len(failed)} failed"
    )
    if any(one.severity == "damage" for one in failed):
        return DAMAGED
    return NOTHING if failed else 0


def _row(one: Copied) -> dict[str, Any]:
    result = "new" if one.new else "grown" if one.added else "unchanged"
    return {"id": one.id, "seq": one.seq, "added": one.added, "new": one.new, "result": result}


def _failed(one: Finding) -> dict[str, Any]:
    return {"id": one.session, "seq": None, "added": 0, "new": False, "result": f"failed: {one.message}"}
