"""`hansard cleanup` and `hansard prune`: sessions that nobody needs, taken away by rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

from ..context import Run, confirm, pass_run
from ..output import echo_id, output_option, plural, say, write_json
from ..problems import NOTHING

if TYPE_CHECKING:
    from ...store import Cleaned

_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@click.command("cleanup")
@click.argument("mode", type=click.Choice(["empty", "children", "all"]))
@click.option("--drop-pinned", is_flag=True, help="Remove pinned ones, too.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@output_option("id", "json")
@pass_run
def cleanup_command(run: Run, *, mode: str, drop_pinned: bool, dry_run: bool, yes: bool, output: str) -> int:
    """Remove sessions that are empty (nothing but system messages), all sub-agents, or all sessions.

    \b
    Examples:
      hansard cleanup empty --dry-run
      hansard cleanup children --yes

    What is pinned, running, leased or damaged stays, with all that it hangs on. The ids that went go to stdout.
    """
    store = run.listing()
    kind: Any = mode
    if not dry_run:
        going = len(store.cleanup(kind, keep_pinned=not drop_pinned, dry_run=True).deleted)
        if going:
            confirm(f"Remove {plural(going, 'session')}?", yes=yes)
    return _tell(store.cleanup(kind, keep_pinned=not drop_pinned, dry_run=dry_run), output)


@click.command("prune")
@click.option("--max-age", metavar="AGE", help="Those that nobody touched for longer: 30d, 12h, 90m, 2w.")
@click.option("--max-sessions", type=click.IntRange(1), metavar="N", help="All but the newest so many.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@output_option("id", "json")
@pass_run
def prune_command(
    run: Run, *, max_age: str | None, max_sessions: int | None, dry_run: bool, yes: bool, output: str
) -> int:
    """Remove sessions by age or number, the oldest first. A tree is as old as its newest change.

    \b
    Examples:
      hansard prune --max-age 90d --dry-run
      hansard prune --max-sessions 1000 --yes

    What is pinned, running, leased, damaged or touched meanwhile stays. Forks keep what they show. The ids that went go
    to stdout.
    """
    import hansard

    if max_age is None and max_sessions is None:
        msg = "give --max-age, --max-sessions, or both"
        raise click.UsageError(msg)
    policy = hansard.RetentionPolicy(max_age=None if max_age is None else _seconds(max_age), max_sessions=max_sessions)
    store = run.listing()
    if not dry_run:
        going = len(store.prune(policy, dry_run=True).deleted)
        if going:
            confirm(f"Remove {plural(going, 'session')}?", yes=yes)
    return _tell(store.prune(policy, dry_run=dry_run), output)


def _seconds(age: str) -> float:
    found = _AGE.fullmatch(age.strip().lower())
    if found is None:
        msg = f"{age!r} is no age; write a number and s, m, h, d or w, such as 30d"
        raise click.BadParameter(msg)
    return float(found[1]) * _SECONDS[found[2]]


def _tell(done: Cleaned, output: str) -> int:
    if output == "json":
        write_json(done)
    else:
        for name in done.deleted:
            echo_id(name)
        for kept in done.kept:
            say(f"{kept.id} stays: {kept.reason}")
    for error in done.errors:
        say(f"{error.session} could not be removed: {error.message}")
    what = "would go; nothing was removed" if done.dry_run else "removed"
    say(f"{plural(len(done.deleted), 'session')} {what}")
    return NOTHING if done.errors else 0
