"""`hansard fork`, `rename`, `rewind` and `tag`: changes that append, and lose nothing."""

from __future__ import annotations

import click

from ..context import SESSION, Run, pass_run
from ..output import dumps, output_option, safe, say, write
from ..rows import labels_from, session_row


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
        click.echo(dumps(session_row(made.info), indent=2))
    else:
        click.echo(safe(made.id))
    return 0


@click.command("rename")
@click.argument("session", type=SESSION)
@click.argument("title", required=False)
@click.option("--clear", is_flag=True, help="Go back to the title that follows from the first prompt.")
@pass_run
def rename_command(run: Run, *, session: str, title: str | None, clear: bool) -> int:
    """Give a session a title. Generated titles never replace it.

    \b
    Examples:
      hansard rename @last 'Tide table an hour off'
      hansard rename @last --clear
    """
    if (title is None) != clear:
        msg = "give a title, or --clear, exactly one of them"
        raise click.UsageError(msg)
    found = run.session(session)
    found.rename(title)
    say(f"{found.id}: {found.title or 'no title'}")
    return 0


@click.command("rewind")
@click.argument("session", type=SESSION)
@click.option(
    "--to",
    type=click.IntRange(0),
    required=True,
    metavar="SEQ",
    help="The new visible end; 0: before the first message.",
)
@pass_run
def rewind_command(run: Run, *, session: str, to: int) -> int:
    """Move the visible end of a session; what came after stays on record as a branch.

    \b
    Examples:
      hansard rewind @last --to 8
      hansard show @last --all
    """
    found = run.session(session)
    before = found.info.head
    found.rewind(to=to)
    say(f"{found.id}: the visible end is entry {to}; to go back: hansard rewind {found.id} --to {before}")
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
        click.echo(dumps(now, indent=2))
    else:
        write(
            run,
            [{"key": key, "value": value} for key, value in now.items()],
            (("key", "KEY"), ("value", "VALUE")),
            output="table",
        )
    return 0
