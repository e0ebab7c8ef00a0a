"""Messages and entries on a terminal: headings, text, folded tool results, and nothing that steers the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from .output import cell, echo_styled, minute, safe

if TYPE_CHECKING:
    from ..formats.view import Block
    from ..model.entry import Entry
    from ..model.info import Message, SessionInfo
    from .context import Run

_COLORS: Final = {"user": "cyan", "assistant": "green", "tool": "yellow", "system": "magenta"}


def _echo(run: Run, text: str, **style: str | bool) -> None:
    """Print a text that is made safe first, in a style if colours are wanted."""
    echo_styled(run, safe(text), **style)


def print_head(run: Run, info: SessionInfo) -> None:
    """What is known of a session, a fact a line."""
    from ..formats import view

    _echo(run, cell(view.title(info)), bold=True)
    for name, value in view.facts(info):
        _echo(run, f"  {name + ':':<15}{cell(value)}", dim=True)


def print_message(run: Run, message: Message, *, full: bool = False) -> None:
    """A message: one heading with number, role and time, then its parts."""
    from ..formats import view

    words = [f"#{message.seq}" if message.seq else "#–", message.role]
    words += [word for word in (message.name, message.agent, message.model) if word]
    if message.at:
        words.append(minute(message.at))
    if message.synthetic:
        words.append("(made by Hansard)")
    if message.pending:
        words.append("(waits for an answer)")
    click.echo()
    _echo(run, cell("  ".join(words)), fg=_COLORS.get(message.role, "white"), bold=True)
    for block in view.blocks(message.parts):
        _print_block(run, block, full=full)


def _print_block(run: Run, block: Block, *, full: bool) -> None:
    from ..formats import view

    if block.kind == "text":
        _echo(run, block.text)
        return
    if block.kind == "file":
        where = block.file.sha256[:12] if block.file is not None else block.text
        _echo(run, f"  [file] {cell(block.label)}, {view.describe(block.file)} {cell(where)}".rstrip(), dim=True)
        return
    label = {
        "reasoning": "reasoning",
        "call": "call",
        "result": "error" if block.is_error else "result",
        "data": "data",
    }
    _echo(run, f"  [{label[block.kind]}] {cell(block.label)}".rstrip(), fg="red" if block.is_error else "yellow")
    shown, note = view.cut(safe(block.text), full=full, lines=12, characters=2_000)
    for line in shown.split("\n") if shown else ():
        _echo(run, f"    {line}", dim=True)
    if note:
        _echo(run, f"    … {note} (--full shows all)", dim=True)


def print_entry(run: Run, entry: Entry) -> None:
    """An entry of the record: messages in full, others on one line."""
    from ..formats import view
    from ..model.info import Message
    from ..payloads import parts_of

    if entry.kind == "message" and not entry.erased and isinstance(entry.body, dict):
        role = str(entry.body.get("role"))
        print_message(run, Message(entry.seq, role, tuple(parts_of(entry.body)), at=entry.at, agent=entry.agent))
        return
    for item in view.items([entry]):
        click.echo()
        _echo(run, cell(f"#{item.seq}  {item.kind}  {minute(item.at)}  {item.text}"), dim=True)
    if entry.kind == "compaction":
        click.echo()
        _echo(run, cell(f"#{entry.seq}  compaction  {minute(entry.at)}"), dim=True)
