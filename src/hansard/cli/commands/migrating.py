"""`hansard migrate`: another program's sessions brought in, and told one by one what each of them became."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from ..context import Run, pass_run
from ..output import Progress, megabytes, output_option, plain, plural, say, write, write_json
from ..problems import DAMAGED, NOTHING
from .importing import tell_trouble

if TYPE_CHECKING:
    from ...formats.report import ImportReport
    from ...store import Store

COLUMNS: Final = (
    ("source", "SOURCE"), ("id", "SESSION"), ("kind", "KIND"), ("title", "TITLE"), ("messages", "MESSAGES"),
    ("status", "STATUS"), ("added", "ADDED"), ("trouble", "TROUBLE"),
)  # fmt: skip


@click.command("migrate")
@click.argument("directory", metavar="DIR", type=click.Path(exists=False))
@click.option(
    "--format", "format_", default="auto", show_default=True, help="bamboo, crabtalk …; auto looks into the folder."
)
@click.option("--dry-run", is_flag=True, help="Say what would be imported, and write nothing.")
@output_option("table", "json", "jsonl", "md", "id")
@pass_run
def migrate_command(run: Run, *, directory: str, format_: str, dry_run: bool, output: str) -> int:
    """Import a directory of another program, and report what each session became.

    \b
    Examples:
      hansard migrate ~/.bamboo
      hansard migrate ~/.crabtalk --dry-run
      hansard migrate ./state -o json

    The directory is only read. Running it again adds only what is new. With damage in a file the exit code is 6, and
    everything else is in.
    """
    from ...formats import import_paths

    store = run.filled(dry_run=dry_run)
    with Progress(megabytes) as progress:
        report = import_paths(store, [directory], format=format_, progress=progress, dry_run=dry_run)
    rows = list(_rows(store, report))
    if output == "json":
        write_json({"directory": directory, "sessions": rows, **report.to_json()})
    else:
        write(run, (row for row in rows if row["id"] or output != "id"), COLUMNS, output=output)
    if output in ("table", "md"):
        tell_trouble(report)
    totals = report.totals
    would = "would be " if dry_run else ""
    say(
        f"{plural(sum(bool(row['id']) for row in rows), 'session')}, "
        f"{plural(totals['added'] - totals['documents'], 'entry', 'entries')} {would}added, "
        + (f"{plural(totals['documents'], 'document')} {would}written, " if totals["documents"] else "")
        + f"{plural(totals['damaged'], 'damaged file')}"
    )
    if report.damaged:
        return DAMAGED
    return 0 if rows or totals["documents"] else NOTHING


def _rows(store: Store, report: ImportReport) -> Iterator[dict[str, Any]]:
    """One row for each session, and one for each file of which none came in."""
    for file in report.files:
        damage, notes = plain(file.damage), list(file.notes)
        if file.skipped:
            yield {"path": file.path, "format": file.format, "source": file.path, "id": "", "trouble": file.skipped}
        elif damage and not file.sessions:
            told = {"damage": damage, "trouble": plural(len(damage), "damage", "damages")}
            yield {"path": file.path, "format": file.format, "source": file.path, "id": "", **told}
        for session in file.sessions:
            said = [*notes, *([session.note] if session.note else [])]
            yield {
                "path": file.path,
                "format": file.format,
                "source": session.source or file.path,
                "id": session.id,
                **_facts(store, session.id),
                "added": session.added,
                "already": session.already,
                "entries": session.entries,
                "damage": damage,
                "notes": said,
                "trouble": ", ".join([plural(len(damage), "damage", "damages")] * bool(damage) + said),
            }


def _facts(store: Store, identity: str) -> dict[str, Any]:
    """What a session is now; nothing in a dry run of one that is not there."""
    from ...errors import NotFound

    try:
        info = store.info(identity)
    except NotFound:
        return {}
    return {
        "kind": info.kind, "parent": info.parent, "title": info.title, "agent": info.agent, "user": info.user,
        "status": info.status, "messages": info.message_count, "calls": info.usage.calls, "created_at": info.created_at,
        "updated_at": info.updated_at,
    }  # fmt: skip
