"""`hansard rm` and `hansard erase`: the two commands that take something away, and ask first."""

from __future__ import annotations

import re
from typing import Final

import click

from ..context import SESSION, Run, confirm, pass_run, resolve
from ..output import echo_id, output_option, plural, safe, say, write_json

_RANGE: Final = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")


@click.command("rm")
@click.argument("sessions", nargs=-1, required=True, type=SESSION, metavar="SESSION...")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option("--force", is_flag=True, help="Also if one of them is pinned, running or leased.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@output_option("id", "json")
@pass_run
def rm_command(run: Run, *, sessions: tuple[str, ...], yes: bool, force: bool, dry_run: bool, output: str) -> int:
    """Remove sessions with their sub-agents. Forks of them keep all that they show.

    \b
    Examples:
      hansard rm 0199d3b2
      hansard ls --label kind=trial -o id | xargs hansard rm --yes

    Without a terminal it needs --yes. The ids that went, sub-agents included, go to stdout.
    """
    store = run.listing()
    chosen = list({found.id: found for found in (resolve(store, name) for name in sessions)}.values())
    trees = [(found, [found.id, *(child.id for child in found.children(recursive=True))]) for found in chosen]
    going = list(dict.fromkeys(name for _, names in trees for name in names))
    if dry_run:
        _tell(going, output, dry_run=True)
        say("nothing was removed")
        return 0
    children = len(going) - len(chosen)
    also = f" and {plural(children, 'sub-agent session')}" if children else ""
    titles = ", ".join(f"{found.id} ({found.title})" if found.title else found.id for found in chosen[:3])
    more = " …" if len(chosen) > 3 else ""
    confirm(safe(f"Remove {plural(len(chosen), 'session')}{also}: {titles}{more}?"), yes=yes)
    gone: dict[str, None] = {}
    try:
        for found, names in trees:
            store.delete(found, force=force)
            gone |= dict.fromkeys(names)
    finally:
        # Also where one may not go, or the program is ended: what went before is gone.
        _tell(list(gone), output, dry_run=False)
    return 0


def _tell(names: list[str], output: str, *, dry_run: bool) -> None:
    if output == "json":
        write_json({"removed": [] if dry_run else names, "would_remove": names if dry_run else []})
        return
    for name in names:
        echo_id(name)


@click.command("erase")
@click.argument("session", type=SESSION)
@click.argument("seqs", nargs=-1, required=True, metavar="SEQ[-SEQ]...")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option("--reason", help="Why; it is kept in the record.")
@click.option("--by", help="Who; it is kept in the record.")
@output_option("table", "json")
@pass_run
def erase_command(
    run: Run, *, session: str, seqs: tuple[str, ...], yes: bool, reason: str | None, by: str | None, output: str
) -> int:
    """Clear the content of entries for good, wherever the store holds it. Numbers and hashes stay, so `check` is clean.

    \b
    Examples:
      hansard erase 0199d3b2 14 --reason 'a password'
      hansard erase 0199d3b2 14-20 31 --yes

    It reaches log, index, search, attachments and forks in this store; copies and backups it can't reach, and says so.
    """
    found = run.session(session)
    wanted = _numbers(seqs, last=found.seq)
    confirm(safe(f"Erase {plural(len(wanted), 'entry', 'entries')} of {found.id} for good?"), yes=yes)
    done = found.erase(wanted, reason=reason, by=by)
    if output == "json":
        write_json(done)
        return 0
    say(f"erased: {', '.join(map(str, done.seqs))}")
    for what, names in (("attachments that went with them", done.attachments), ("forks that showed them", done.forks)):
        if names:
            say(f"{what}: {', '.join(names)}")
    for words in done.unreached:
        say(f"not reached: {words}")
    return 0


def _numbers(given: tuple[str, ...], *, last: int) -> list[int]:
    """Numbers and ranges as typed, none of them beyond the last entry.

    Raises:
        click.BadParameter: one is neither, or names entries that are not there.
    """
    found: list[int] = []
    for item in given:
        said = _RANGE.fullmatch(item)
        first, end = (int(said[1]), int(said[2] or said[1])) if said else (0, 0)
        if not 1 <= first <= end <= last:
            shown = item if len(item) <= 40 else f"{item[:40]}…"
            msg = f"{shown!r} is no entry from 1 to {last}, nor a range of them such as 14-20"
            raise click.BadParameter(msg)
        found += range(first, end + 1)
    return found
