"""`hansard export`: a session as a file for people, for other programs, or for another store."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final

import click

from ..context import SESSION, Run, pass_run, resolve
from ..output import Progress, dumps, plural, say, with_file, write_bytes
from ..problems import CONFLICT, NOTHING
from ..rows import message_row, on_record

if TYPE_CHECKING:
    from ...model.info import Message
    from ...store import Session

FORMATS: Final = ("md", "html", "jsonl", "raw", "hansard", "archive")
DIRECTORIES: Final = ("bamboo", "crabtalk", "oxios", "a3s")
"""Formats of `hansard.formats.directories`, spelled out so that a help text imports nothing."""
MEANT: Final = {"md": {"--all", "--full", "--events"}, "html": {"--all", "--full", "--events"}, "jsonl": {"--all"}}
"""The options that each format takes; the others take none."""


@click.command("export")
@click.argument("sessions", nargs=-1, required=True, type=SESSION, metavar="SESSION... [DIR]")
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice((*FORMATS, *DIRECTORIES)),
    default="md",
    show_default=True,
    help="See below.",
)
@click.option(
    "-O",
    "--out",
    type=click.Path(dir_okay=False),
    help="Write to this file, which appears only when it is whole; - is stdout.",
)
@click.option(
    "--all", "everything", is_flag=True, help="md, html, jsonl: every message on record, not only the visible ones."
)
@click.option("--full", is_flag=True, help="md, html: long tool results in full.")
@click.option("--events", is_flag=True, help="md, html: events, usage and updates between the messages.")
@pass_run
def export_command(
    run: Run, *, sessions: tuple[str, ...], format_: str, out: str | None, everything: bool, full: bool, events: bool
) -> int:
    """Write a session to stdout or a file, or sessions into the directory of another program.

    \b
    Examples:
      hansard export @last > session.md
      hansard export 0199d3b2 --format html -O session.html
      hansard export 0199d3b2 --format archive -O session.hansard.zip
      hansard export 0199d3b2 @last --format oxios ./workspace

    \b
    Formats:
      md       one Markdown document
      html     one page that loads nothing
      jsonl    the messages, decoded, one a line
      raw      the lines of the file it was imported from, byte for byte
      hansard  the session's own log, byte for byte, each line verified
      archive  a zip with the session, its sub-agents and attachments, for `hansard import`; takes several sessions
      oxios    a state directory of oxios; a3s: a store of a3s-code; bamboo: a home of bamboo; crabtalk: sessions of
               crabtalk. Take several sessions, and the directory last

    The exit code is 4 if a session was refused; the others are written all the same.
    """
    chosen = {name for name, given in (("--all", everything), ("--full", full), ("--events", events)) if given}
    if meaningless := sorted(chosen - MEANT.get(format_, set())):
        msg = f"{' and '.join(meaningless)} can't be used with --format {format_}, which always gives all that it can hold"
        raise click.UsageError(msg)
    if format_ in DIRECTORIES:
        return _directory(run, sessions, format_, out)
    if format_ == "archive":
        return _archive(run, sessions, out)
    if len(sessions) > 1:
        msg = f"--format {format_} takes one session; archive and the directories of other programs take several"
        raise click.UsageError(msg)
    session = run.session("".join(sessions))
    if format_ == "raw":
        return _raw(session, out)
    if format_ == "hansard":
        write_bytes(_native(session), out)
        return 0
    messages = on_record(session, salvage=False) if everything else session.history()
    pieces = _pieces(session, format_, messages, full=full, events=events)
    write_bytes((piece.encode("utf-8", "replace") for piece in pieces), out)
    return 0


def _directory(run: Run, given: tuple[str, ...], format_: str, out: str | None) -> int:
    if len(given) < 2 or out is not None:
        msg = f"--format {format_} writes a directory: hansard export SESSION... DIR --format {format_}"
        raise click.UsageError(msg)
    from ...formats.directories import export_directory

    *names, folder = given
    store = run.listing()
    ids = list(dict.fromkeys(resolve(store, name).id for name in names))
    report = export_directory(store, ids, folder, format=format_)
    for written in report.written:
        for note in written.notes:
            say(f"{written.id}: {note}")
    for refused in report.refused:
        say(f"{refused.id}: not written: {refused.reason}")
    count = sum(len(written.files) for written in report.written) + len(report.documents)
    say(f"{plural(len(report.written), 'session')} in {plural(count, 'file')} of {folder}")
    return CONFLICT if report.refused else 0


def _archive(run: Run, names: Iterable[str], out: str | None) -> int:
    from ...formats.archive import write_archive

    if out is None and sys.stdout.isatty():
        msg = "an archive is not for terminals; give -O FILE, or redirect stdout"
        raise click.UsageError(msg)
    store = run.listing()
    ids = [resolve(store, name).id for name in names]
    with Progress() as progress:
        with_file(out, lambda file: write_archive(store, ids, file, progress=progress))
    return 0


def _raw(session: Session, out: str | None) -> int:
    from ...formats import raw_lines

    lines = raw_lines(session.entries(), session.attachment)
    first = next(lines, None)
    if first is None:
        say("this session was not imported from a file, so it has no raw lines; --format hansard gives its log")
        return NOTHING
    write_bytes(chain([first], lines), out)
    return 0


def _native(session: Session) -> Iterator[bytes]:
    from ...formats.native import write_native

    count = session.info.attachment_count
    if count:
        say(f"the log names {plural(count, 'attachment')} that it does not hold; --format archive takes them along")
    return write_native(Run.backend_of(session).lines(session.id))


def _pieces(session: Session, format_: str, messages: Iterable[Message], *, full: bool, events: bool) -> Iterator[str]:
    if format_ == "jsonl":
        return (dumps(message_row(message)) + "\n" for message in messages)
    beside = session.entries() if events else ()
    if format_ == "md":
        from ...formats.markdown import write_markdown

        return write_markdown(session.info, messages, events=beside, full=full)
    from ...formats.html import write_html

    return write_html(session.info, messages, events=beside, attachment=session.attachment, full=full)
