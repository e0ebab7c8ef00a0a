"""`hansard pin`, `unpin`, `clear` and `latest`: what people do with single sessions beside reading them."""

from __future__ import annotations

import click

from ..context import SESSION, Run, confirm, pass_run, resolve
from ..output import echo_id, output_option, plural, safe, say, write_json
from ..problems import NOTHING
from ..rows import session_row


@click.command("pin")
@click.argument("sessions", nargs=-1, required=True, type=SESSION, metavar="SESSION...")
@output_option("table", "json")
@pass_run
def pin_command(run: Run, *, sessions: tuple[str, ...], output: str) -> int:
    """Pin sessions. What is pinned is not removed by cleanup, prune or rm, nor is what it hangs on.

    \b
    Examples:
      hansard pin @last
      hansard ls --pinned
    """
    return _pin(run, sessions, output, pinned=True)


@click.command("unpin")
@click.argument("sessions", nargs=-1, required=True, type=SESSION, metavar="SESSION...")
@output_option("table", "json")
@pass_run
def unpin_command(run: Run, *, sessions: tuple[str, ...], output: str) -> int:
    """Take the pin of sessions away.

    \b
    Example:
      hansard unpin 0199d3b2
    """
    return _pin(run, sessions, output, pinned=False)


def _pin(run: Run, sessions: tuple[str, ...], output: str, *, pinned: bool) -> int:
    store = run.listing()
    chosen = [resolve(store, name) for name in sessions]
    for session in chosen:
        session.update(pinned=pinned)
        say(f"{session.id}: {'pinned' if pinned else 'not pinned'}")
    if output == "json":
        write_json([session_row(session.info) for session in chosen])
    return 0


@click.command("clear")
@click.argument("session", type=SESSION)
@click.option("--erase", is_flag=True, help="Also take what was said away from the record, for good.")
@click.option("--drop-system", is_flag=True, help="Don't keep the system message either.")
@click.option("--reason", help="With --erase: why; it is kept in the record.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@output_option("table", "json")
@pass_run
def clear_command(
    run: Run, *, session: str, erase: bool, drop_system: bool, reason: str | None, yes: bool, output: str
) -> int:
    """Begin a session afresh: nothing but its system message is shown or found. Title, labels and costs stay.

    \b
    Examples:
      hansard clear @last
      hansard clear 0199d3b2 --erase --yes

    Without --erase everything stays on record, and `hansard rewind` leads back to it.
    """
    found = run.session(session)
    if erase:
        confirm(safe(f"Erase all that was said in {found.id} for good?"), yes=yes)
    before = found.info.head
    done = found.clear(keep_system=not drop_system, erase=erase, reason=reason)
    if output == "json":
        write_json({"session": found.id, "erased": done})
        return 0
    if done is None:
        say(f"{found.id}: cleared; to go back: hansard rewind {found.id} --to {before}")
        return 0
    say(f"{found.id}: cleared, {plural(len(done.seqs), 'entry', 'entries')} erased")
    for words in done.unreached:
        say(f"not reached: {words}")
    return 0


@click.command("latest")
@click.option("--agent", help="The agent; without it, sessions that name none.")
@click.option("--user", help="The user; without it, sessions that name none.")
@click.option("--active", is_flag=True, help="The one that was active last, not the one that was made last.")
@pass_run
def latest_command(run: Run, *, agent: str | None, user: str | None, active: bool) -> int:
    """Print the id of the newest session of exactly this agent and user. The exit code is 1 if they have none.

    \b
    Example:
      hansard show "$(hansard latest --agent coder --user ana)"
    """
    found = run.listing().latest(agent=agent, user=user, order="activity" if active else "created")
    if found is None:
        owner = " and ".join(
            f"of {what} {name!r}" if name else f"without {article} {what}"
            for article, what, name in (("an", "agent", agent), ("a", "user", user))
        )
        say(f"no session {owner}; `hansard ls` lists all")
        return NOTHING
    echo_id(found.id)
    return 0
