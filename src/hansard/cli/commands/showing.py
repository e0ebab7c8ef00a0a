"""`hansard show`: a transcript to read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ..context import SESSION, Run, pass_run
from ..output import Row, output_option, say, write
from ..problems import NOTHING
from ..rows import entry_row, message_row, on_record
from ..transcript import print_head, print_message

if TYPE_CHECKING:
    from ...model.info import Message
    from ...store import Session


@click.command("show")
@click.argument("session", type=SESSION)
@click.option("-n", "--last", type=click.IntRange(1), help="Only the newest so many messages (with --raw: entries).")
@click.option("--from", "first", type=click.IntRange(0), metavar="SEQ", help="From this entry on.")
@click.option("--to", "last_seq", type=click.IntRange(0), metavar="SEQ", help="Up to this entry.")
@click.option(
    "--all", "everything", is_flag=True, help="Every message on record: compacted ones and other branches too."
)
@click.option("--prompts", is_flag=True, help="Only what the user said.")
@click.option("--full", is_flag=True, help="Long tool results in full.")
@click.option(
    "--raw", is_flag=True, help="The entries of the record as JSON Lines (-o json: as one list), nothing decoded."
)
@click.option("--salvage", is_flag=True, help="Read around damage instead of stopping at it.")
@output_option("table", "json", "jsonl", "md")
@pass_run
def show_command(
    run: Run,
    *,
    session: str,
    last: int | None,
    first: int | None,
    last_seq: int | None,
    everything: bool,
    prompts: bool,
    full: bool,
    raw: bool,
    salvage: bool,
    output: str,
) -> int:
    """Show a session as it would be sent to a model: the visible messages, from the last compaction on.

    \b
    Examples:
      hansard show @last
      hansard show 0199d3b2 --last 20
      hansard show 0199d3b2 --prompts --all
      hansard show 0199d3b2 --raw --from 100 --to 120

    The text is stripped of control sequences; `hansard export --format raw` has every byte.
    """
    low, high = first or 0, last_seq
    if high is not None and low > high:
        msg = f"there is nothing from entry {low} up to entry {high}: --from is the smaller number"
        raise click.UsageError(msg)
    if raw and (everything or prompts or full or output == "md"):
        msg = "--raw gives all entries as they are; --all, --prompts, --full and -o md are for messages"
        raise click.UsageError(msg)
    found = run.session(session)
    if raw:
        rows = _raw(found, low, high, last, salvage=salvage)
        return 0 if write(run, rows, (), output="json" if output == "json" else "jsonl") else NOTHING
    messages: Iterable[Message] = (
        on_record(found, salvage=salvage) if everything else found.history(on_damage="skip" if salvage else "raise")
    )
    messages = (message for message in messages if message.seq >= low and (high is None or message.seq <= high))
    if prompts:
        messages = (message for message in messages if message.role == "user")
    chosen = list(messages)
    chosen = chosen[-last:] if last else chosen
    if output in ("json", "jsonl"):
        write(run, (message_row(message) for message in chosen), (), output=output)
    elif output == "md":
        from ...formats.markdown import write_markdown

        for piece in write_markdown(found.info, chosen, full=full):
            click.echo(piece, nl=False)
    else:
        _transcript(run, found, chosen, full=full, salvage=salvage)
    if not chosen:
        say("no messages here" + ("" if everything else "; --all looks at the whole record"))
    return 0 if chosen else NOTHING


def _transcript(run: Run, session: Session, messages: list[Message], *, full: bool, salvage: bool) -> None:
    if not salvage:
        print_head(run, session.info)
    for message in messages:
        print_message(run, message, full=full)


def _raw(session: Session, low: int, high: int | None, last: int | None, *, salvage: bool) -> Iterable[Row]:
    entries = session.entries(
        after=max(0, low - 1),
        before=None if high is None else high + 1,
        limit=last,
        newest_first=last is not None,
        on_damage="skip" if salvage else "raise",
    )
    return map(entry_row, entries if last is None else reversed(list(entries)))
