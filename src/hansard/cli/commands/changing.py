"""`hansard fork`, `rename`, `rewind`, `branches` and `tag`: changes that append, and lose nothing."""

from __future__ import annotations

from typing import Final

import click

from ..context import SESSION, Run, pass_run
from ..output import echo_id, minute, output_option, plain, say, write, write_json
from ..problems import NOTHING
from ..rows import labels_from, session_row, told

BRANCHES: Final = (
    ("head", "END"), ("fork_point", "SHARED UP TO"), ("message_count", "MSGS"), ("visible", "VISIBLE"),
    ("when", "LAST MESSAGE"),
)  # fmt: skip


@click.command("fork")
@click.argument("session", type=SESSION)
@click.option("--at", type=click.IntRange(1), metavar="SEQ", help="Continue after this entry; default: the last one.")
@click.option("--id", "identifier", help="The id of the new session; default: a new one.")
@click.option("--title", help="Its title.")
@output_option("id", "json")
@pass_run
def fork_command(
    run: Run, *, session: str, at: int | None, identifier: str | None, title: str | None, output: str
) -> int:
    """Make a new session that continues another one; its id goes to stdout.

    \b
    Examples:
      hansard fork @last
      hansard fork 0199d3b2 --at 12 --title 'the other way'

    It costs the same whatever the length. The origin is not changed; deleting it later leaves the fork whole.
    """
    made = run.session(session).fork(at=at, id=identifier, title=title)
    if output == "json":
        write_json(session_row(made.info))
    else:
        echo_id(made.id)
    return 0


@click.command("rename")
@click.argument("session", type=SESSION)
@click.argument("title", required=False)
@click.option("--clear", is_flag=True, help="Go back to the title that follows from the first prompt.")
@output_option("table", "json")
@pass_run
def rename_command(run: Run, *, session: str, title: str | None, clear: bool, output: str) -> int:
    """Give a session a title. Generated titles never replace it.

    \b
    Examples:
      hansard rename @last 'Tide table an hour off'
      hansard rename @last --clear
    """
    if (title is None) != clear:
        msg = "give a title, or --clear, exactly one of them"
        raise click.UsageError(msg)
    if title is not None and not title.strip():
        msg = "the title is empty; --clear goes back to the one that follows from the first prompt"
        raise click.UsageError(msg)
    found = run.session(session)
    found.rename(title)
    return told(found, found.title or "no title", output)


@click.command("rewind")
@click.argument("session", type=SESSION)
@click.option(
    "--to",
    type=click.IntRange(0),
    required=True,
    metavar="SEQ",
    help="The new visible end; 0: before the first message.",
)
@output_option("table", "json")
@pass_run
def rewind_command(run: Run, *, session: str, to: int, output: str) -> int:
    """Move the visible end of a session; what came after stays on record as a branch.

    \b
    Examples:
      hansard rewind @last --to 8
      hansard branches @last
      hansard show @last --all
    """
    found = run.session(session)
    before = found.info.head
    found.rewind(to=to)
    back = f"; to go back: hansard rewind {found.id} --to {before}" if before != to else ""
    return told(found, f"the visible end is entry {to}{back}", output)


@click.command("branches")
@click.argument("session", type=SESSION)
@output_option("table", "json", "jsonl", "md")
@pass_run
def branches_command(run: Run, *, session: str, output: str) -> int:
    """List the branches of a session, the oldest first: each way that its conversation took, by its last entry.

    \b
    Examples:
      hansard branches @last
      hansard rewind @last --to 12

    Rewinding to an END makes that branch the visible one, and forking there continues it elsewhere. The exit code is 1
    if the session has no messages.
    """
    found = run.session(session)
    rows = [plain(branch) for branch in found.branches()]
    shown = [{**row, "when": minute(row["at"])} for row in rows] if output in ("table", "md") else rows
    write(run, shown, BRANCHES, output=output)
    if not rows:
        say(f"{found.id}: no messages")
        return NOTHING
    return 0


@click.command("tag")
@click.argument("session", type=SESSION)
@click.argument("labels", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--remove", multiple=True, metavar="KEY", help="Remove this label; repeatable.")
@output_option("table", "json")
@pass_run
def tag_command(run: Run, *, session: str, labels: tuple[str, ...], remove: tuple[str, ...], output: str) -> int:
    """Set or remove labels, then print all that the session has.

    \b
    Examples:
      hansard tag @last ticket=OPS-114 kind=bug
      hansard tag @last --remove kind
      hansard ls --label ticket=OPS-114
    """
    found = run.session(session)
    if labels or remove:
        found.tag(labels_from(labels), remove=remove)
    now = found.info.labels
    if output == "json":
        write_json(now)
    else:
        write(
            run,
            [{"key": key, "value": value} for key, value in now.items()],
            (("key", "KEY"), ("value", "VALUE")),
            output="table",
        )
    return 0
