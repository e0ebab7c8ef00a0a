"""`hansard import`: transcripts of coding agents, and archives of other stores, into this one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..context import Run, pass_run
from ..output import Progress, megabytes, output_option, plural, say, write
from ..problems import DAMAGED, NOTHING

if TYPE_CHECKING:
    from ...formats.report import FileReport, ImportReport
    from ...store import Store

COLUMNS: Final = (
    ("path", "FILE"), ("format", "FORMAT"), ("session_count", "SESSIONS"), ("added", "ADDED"), ("already", "ALREADY"),
    ("trouble", "TROUBLE"),
)  # fmt: skip
LISTED_MAX: Final = 20
"""Unreadable lines that are told one by one on a terminal; -o json has all that the report holds."""


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=False))
@click.option(
    "--format",
    "format_",
    default="auto",
    show_default=True,
    help="claude-code, codex, jsonl …; auto looks into each file and folder.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be imported, and write nothing.")
@output_option("table", "json", "jsonl", "id")
@pass_run
def import_command(run: Run, *, paths: tuple[str, ...], format_: str, dry_run: bool, output: str) -> int:
    """Bring transcripts into the store: files, folders, other programs' directories, and archives of our own.

    \b
    Examples:
      hansard import ~/.claude/projects
      hansard import ~/.codex/sessions --dry-run
      hansard import ~/.bamboo ~/.crabtalk
      hansard import session.hansard.zip

    Running it again adds only what is new. Every line is kept byte for byte, also one that can't be understood; the
    result names such lines. A torn last line is left for the next time. With damage in a file the exit code is 6, and
    everything else is in.
    """
    store = store_for(run, dry_run=dry_run)
    archives = [path for path in paths if _is_archive(path)]
    others = [path for path in paths if path not in archives]
    from ...formats.report import ImportReport

    report = ImportReport(dry_run=dry_run)
    with Progress(megabytes) as progress:
        if others:
            from ...formats import import_paths

            report = import_paths(store, others, format=format_, progress=progress, dry_run=dry_run)
        for path in archives:
            report.files.append(_take_archive(store, path, dry_run=dry_run))
    _write(run, report, output)
    totals = report.totals
    would = "would be " if dry_run else ""
    say(
        f"{plural(totals['files'], 'file')}: {plural(totals['sessions'], 'session')}, "
        f"{plural(totals['added'] - totals['documents'], 'entry', 'entries')} {would}added, {totals['already']:,} lines already there, "
        f"{totals['unreadable']:,} unreadable, {totals['torn']:,} torn, {plural(totals['skipped'], 'file')} passed over"
        + (f", {plural(totals['documents'], 'document')} {would}written" if totals["documents"] else "")
        + (f", {plural(totals['damaged'], 'file')} damaged" if totals["damaged"] else "")
    )
    if report.damaged:
        return DAMAGED
    return 0 if totals["sessions"] or totals["documents"] else NOTHING


def store_for(run: Run, *, dry_run: bool) -> Store:
    """The store to import into; a dry run doesn't make one where there is none."""
    from ...errors import NotFound

    if not dry_run:
        return run.open(create=True)
    try:
        return run.open()
    except NotFound:
        return run.open("memory:", create=True)


def _is_archive(path: str) -> bool:
    """Whether a path is a zip file by its first bytes."""
    try:
        if not Path(path).is_file():
            return False  # A pipe would have us wait for its writer.
        with Path(path).open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def _take_archive(store: Store, path: str, *, dry_run: bool) -> FileReport:
    from ...formats.archive import Archive, read_archive
    from ...formats.report import FileReport, SessionReport

    report = FileReport(path, "archive")
    with Path(path).open("rb") as file:
        if dry_run:
            with Archive(file, place=path) as archive:
                for packed in archive.manifest.sessions:
                    archive.verify(packed)
                    report.sessions.append(SessionReport(packed.id))
            return report
        for received in read_archive(store, file, place=path):
            report.sessions.append(SessionReport(received.id, added=received.added, entries=received.seq))
    return report


def _write(run: Run, report: ImportReport, output: str) -> None:
    if output == "json":
        from ..output import dumps

        click.echo(dumps(report.to_json(), indent=2))
        return
    import msgspec

    if output == "id":
        ids = dict.fromkeys(session.id for file in report.files for session in file.sessions)
        write(run, ({"id": name} for name in ids), (), output="id")
        return
    rows = (msgspec.to_builtins(file) if output == "jsonl" else _told(file) for file in report.files)
    write(run, rows, COLUMNS, output=output)
    if output == "table":
        tell_trouble(report)


def _told(file: FileReport) -> dict[str, Any]:
    """The row of one file."""
    trouble = file.skipped or ", ".join(
        words
        for count, words in (
            (len(file.unreadable), f"{plural(len(file.unreadable), 'unreadable line')}"),
            (file.torn, f"torn line {file.torn}"),
            (len(file.damage), "damaged"),
        )
        if count
    )
    return {
        "path": file.path,
        "format": file.format,
        "session_count": len(file.sessions),
        "added": file.added,
        "already": sum(session.already for session in file.sessions),
        "trouble": trouble,
    }


def tell_trouble(report: ImportReport) -> None:
    """Say on stderr what could not be read, or came in otherwise than it was."""
    told = 0
    for file in report.files:
        for line in file.unreadable:
            if told == LISTED_MAX:
                say("more lines could not be read; -o json lists them")
                return
            say(f"{file.path}:{line.line}: {line.reason}; kept as it is")
            told += 1
        for damage in file.damage[:LISTED_MAX]:
            say(f"{file.path}: {damage.place}: {damage.reason}")
        for note in file.notes[:LISTED_MAX]:
            say(f"{file.path}: {note}")
        for session in file.sessions:
            if session.note:
                say(f"{file.path}: {session.note}")
