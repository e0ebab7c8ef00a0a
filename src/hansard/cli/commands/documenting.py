"""`hansard documents`: Markdown and JSON documents of the store, or of one session, with their versions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..context import SESSION, Run, confirm, pass_run
from ..output import output_option, safe, say, write, write_bytes, write_json
from ..problems import NOTHING

if TYPE_CHECKING:
    from ...model.documents import Document
    from ...store.documents import Documents

COLUMNS = (
    ("category", "CATEGORY"), ("name", "NAME"), ("kind", "KIND"), ("version", "VERSION"), ("size", "SIZE"), ("at", "AT"),
)  # fmt: skip


def _of_session(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--session", type=SESSION, help="A document of this session, not of the store.")(command)


def _named(command: Callable[..., Any]) -> Callable[..., Any]:
    """What says which document is meant."""
    kind = click.option("--kind", type=click.Choice(["md", "json"]), help="Which, where the name stands for both.")
    category = click.option("-c", "--category", default="", help="Its category, such as plans or memory/facts.")
    return click.argument("name")(category(kind(_of_session(command))))


def _documents(run: Run, session: str | None, *, create: bool = False) -> Documents:
    if session is not None:
        return run.session(session).documents
    return run.open(create=create).documents


def _row(document: Document) -> dict[str, Any]:
    key = document.key
    return {
        "category": key.category, "name": key.name, "kind": key.kind, "version": document.version,
        "size": document.size, "at": document.at, "sha256": document.sha256 or None, "deleted": not document.sha256,
    }  # fmt: skip


@click.group("documents")
def documents_command() -> None:
    """Keep documents beside sessions: plans, memories, shared state, with every version.

    \b
    Examples:
      hansard documents ls
      hansard documents put plan -c plans plan.md
      hansard documents get plan -c plans
    """


@documents_command.command("ls", short_help="List documents, all or of a category.")
@click.argument("category", required=False)
@_of_session
@output_option("table", "json", "jsonl", "md")
@pass_run
def ls_command(run: Run, *, category: str | None, session: str | None, output: str) -> int:
    """List documents: all, or those of a category and of those nested in it. The exit code is 1 if there are none.

    \b
    Examples:
      hansard documents ls
      hansard documents ls plans -o json
      hansard documents ls --session @last
    """
    found = [_row(one) for one in _documents(run, session).list(category) if one.sha256]
    write(run, found, COLUMNS, output=output)
    if not found:
        say("no documents" + (f" in {category}" if category else ""))
        return NOTHING
    return 0


@documents_command.command("get", short_help="Write a document to stdout or a file.")
@_named
@click.option("--version", type=click.IntRange(1), metavar="N", help="As it was in this version.")
@click.option("-f", "--file", type=click.Path(dir_okay=False), help="Write it to this file; default: stdout.")
@pass_run
def get_command(
    run: Run, *, name: str, category: str, kind: str | None, session: str | None, version: int | None, file: str | None
) -> int:
    """Write the bytes of a document to stdout or to a file.

    \b
    Examples:
      hansard documents get plan -c plans
      hansard documents get plan -c plans --version 2 -f plan-before.md
    """
    data = _documents(run, session).read(name, category=category, kind=kind, version=version)
    write_bytes([data], file)
    return 0


@documents_command.command("put", short_help="Save a file as the next version of a document.")
@_named
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--expect", type=click.IntRange(0), metavar="N", help="Only if this is its version; 0: only if it is new."
)
@output_option("table", "json")
@pass_run
def put_command(
    run: Run, *, name: str, category: str, kind: str | None, session: str | None, file: str | None, expect: int | None,
    output: str,
) -> int:  # fmt: skip
    """Save a file, or what comes on stdin, as the next version of a document.

    The kind is that of --kind, else the file's by its ending, else md. The same content again is no new version. With
    --expect the exit code is 4 if somebody has written meanwhile.

    \b
    Examples:
      hansard documents put plan -c plans plan.md
      echo '{"n": 1}' | hansard documents put counters --kind json --expect 3
    """
    data = sys.stdin.buffer.read() if file in (None, "-") else Path(file or "").read_bytes()
    found = kind or ("json" if file is not None and file.endswith(".json") else "md")
    saved = _documents(run, session, create=True).save(name, data, category=category, kind=found, expect=expect)
    if output == "json":
        write_json(_row(saved))
    else:
        say(f"{safe(name)}: version {saved.version}, {saved.size} bytes")
    return 0


@documents_command.command("rm")
@_named
@click.option("--history", is_flag=True, help="Take its earlier versions away, too, for good.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@pass_run
def rm_command(
    run: Run, *, name: str, category: str, kind: str | None, session: str | None, history: bool, yes: bool
) -> int:
    """Remove a document. Its earlier versions stay readable, unless --history. The exit code is 1 if it was not there.

    \b
    Examples:
      hansard documents rm plan -c plans
      hansard documents rm plan -c plans --history --yes
    """
    documents = _documents(run, session)
    if history:
        confirm(safe(f"Remove {name} with all its versions for good?"), yes=yes)
    if not documents.delete(name, category=category, kind=kind, history=history):
        say(f"{safe(name)}: there was no such document")
        return NOTHING
    say(f"{safe(name)}: removed" + (", with its history" if history else ""))
    return 0


@documents_command.command("history", short_help="List all versions of a document.")
@_named
@output_option("table", "json", "jsonl", "md")
@pass_run
def history_command(run: Run, *, name: str, category: str, kind: str | None, session: str | None, output: str) -> int:
    """List all versions of a document, the oldest first, deletions among them.

    \b
    Example:
      hansard documents history plan -c plans
    """
    found = [_row(one) for one in _documents(run, session).versions(name, category=category, kind=kind)]
    columns = (("version", "VERSION"), ("size", "SIZE"), ("at", "AT"), ("deleted", "DELETED"), ("sha256", "SHA-256"))
    write(run, found, columns, output=output)
    if not found:
        say(f"{safe(name)}: there never was such a document")
        return NOTHING
    return 0
