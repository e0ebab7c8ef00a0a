"""`hansard tail`: the newest entries, and those that come."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..context import SESSION, Run, pass_run
from ..output import dumps, output_option, say, write
from ..problems import NOTHING
from ..rows import entry_row
from ..transcript import print_entry

if TYPE_CHECKING:
    from ...model.entry import Entry


@click.command("tail")
@click.argument("session", type=SESSION)
@click.option("-n", "--last", type=click.IntRange(0), default=10, show_default=True, help="Begin with so many entries.")
@click.option("-f", "--follow", is_flag=True, help="Go on with entries as they come, from any process; Ctrl-C ends it.")
@click.option("--kind", "kinds", multiple=True, help="Only entries of this kind: message, event, usage …; repeatable.")
@output_option("table", "json", "jsonl")
@pass_run
def tail_command(run: Run, *, session: str, last: int, follow: bool, kinds: tuple[str, ...], output: str) -> int:
    """Show the newest entries of the record, whatever their kind.

    \b
    Examples:
      hansard tail @last
      hansard tail -f 0199d3b2 --kind message
      hansard tail -f 0199d3b2 -o jsonl | jq .kind
    """
    if follow and output == "json":
        msg = "-o json gives one list, which ends; with -f use -o jsonl"
        raise click.UsageError(msg)
    found = run.session(session)
    seen = found.seq
    newest = list(found.entries(before=seen + 1, limit=last, newest_first=True, kinds=kinds or None))[::-1]
    if output == "json":
        write(run, map(entry_row, newest), (), output=output)
        return 0 if newest else NOTHING
    for entry in newest:
        _show(run, entry, output)
    if follow:
        sys.stdout.flush()
        for entry in found.tail(seen):
            if not kinds or entry.kind in kinds:
                _show(run, entry, output)
                sys.stdout.flush()
    elif last and not newest:
        say("no entries" + (f" of kind {', '.join(kinds)}" if kinds else ""))
        return NOTHING
    return 0


def _show(run: Run, entry: Entry, output: str) -> None:
    if output == "jsonl":
        click.echo(dumps(entry_row(entry)))
    else:
        print_entry(run, entry)
