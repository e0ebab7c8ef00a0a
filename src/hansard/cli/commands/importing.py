"""`hansard import`: transcripts of coding agents, and archives of other stores, into this one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..context import Run, pass_run
from ..output import Progress, megabytes, output_option, plain, plural, say, write, write_json
from ..problems import DAMAGED, NOT_FOUND, NOTHING

if TYPE_CHECKING:
    from ...formats.report import FileReport, ImportReport
    from ...store import Store

COLUMNS: Final = (
    ("path", "FILE"), ("format", "FORMAT"), ("session_count", "SESSIONS"), ("added", "ADDED"), ("already", "ALREADY"),
    ("trouble", "TROUBLE"),
)  # fmt: skip
LISTED_MAX: Final = 20
"""Things of a kind that are told one by one; -o json has all that the report holds."""


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

    Running it again adds only what is new, and the table has only files with something new or wrong. Every line is kept
    byte for byte, also one that can't be understood; the result names such lines. A torn last line is left for the next
    time. With damage in a file the exit code is 6, and everything else is in. Of several paths one may not be there:
    that is told, the others come in, and the exit code is 3.
    """
    missing = [path for path in paths if not Path(path).exists()]
    there = [path for path in paths if path not in missing] or list(paths)
    store = run.filled(dry_run=dry_run)
    archives = [path for path in there if _is_archive(path)]
    others = [path for path in there if path not in archives]
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
    for path in missing:
        say(f"{path}: no such file or folder; the others were looked at")
    if report.damaged:
        return DAMAGED
    if missing:
        return NOT_FOUND
    return 0 if totals["sessions"] or totals["documents"] else NOTHING


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
        write_json(report.to_json())
        return
    if output == "id":
        ids = dict.fromkeys(session.id for file in report.files for session in file.sessions)
        write(run, ({"id": name} for name in ids), (), output="id")
        return
    if output == "jsonl":
        write(run, map(plain, report.files), COLUMNS, output=output)
        return
    # What is there already is counted below the table: whoever imports every day looks for what is new, or wrong.
    rows = map(_told, report.files)
    write(run, (row for row in rows if row["added"] or row["trouble"]), COLUMNS, output=output)
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
    unreadable = [(file.path, line) for file in report.files for line in file.unreadable]
    for path, line in unreadable[:LISTED_MAX]:
        say(f"{path}:{line.line}: {line.reason}; kept as it is")
    _say_more(len(unreadable), "unreadable line")
    for file in report.files:
        for damage in file.damage[:LISTED_MAX]:
            say(f"{file.path}: {damage.place}: {damage.reason}")
        _say_more(len(file.damage), "damage")
        for note in (*file.notes[:LISTED_MAX], *(session.note for session in file.sessions if session.note)):
            say(f"{file.path}: {note}")
        _say_more(len(file.notes), "note")


def _say_more(count: int, word: str) -> None:
    if count > LISTED_MAX:
        say(f"... {plural(count - LISTED_MAX, f'more {word}')}; -o json has all")
