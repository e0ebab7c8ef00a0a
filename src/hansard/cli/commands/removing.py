"""`hansard rm` and `hansard erase`: the two commands that take something away, and ask first."""

from __future__ import annotations

import click

from ..context import SESSION, Run, confirm, pass_run
from ..output import dumps, output_option, plural, safe, say


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
    chosen = list({found.id: found for found in (store.resolve(name) for name in sessions)}.values())
    going = list(dict.fromkeys(
        name for found in chosen for name in (found.id, *(child.id for child in found.children(recursive=True)))
    ))  # fmt: skip
    if not dry_run:
        children = len(going) - len(chosen)
        also = f" and {plural(children, 'sub-agent session')}" if children else ""
        titles = ", ".join(f"{found.id} ({found.title})" if found.title else found.id for found in chosen[:3])
        more = " …" if len(chosen) > 3 else ""
        confirm(safe(f"Remove {plural(len(chosen), 'session')}{also}: {titles}{more}?"), yes=yes)
        for found in chosen:
            store.delete(found, force=force)
    if output == "json":
        click.echo(dumps({"removed": [] if dry_run else going, "would_remove": going if dry_run else []}, indent=2))
    else:
        for name in going:
            click.echo(safe(name))
    if dry_run:
        say("nothing was removed")
    return 0


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
    wanted = _numbers(seqs)
    confirm(safe(f"Erase {plural(len(wanted), 'entry', 'entries')} of {found.id} for good?"), yes=yes)
    done = found.erase(wanted, reason=reason, by=by)
    if output == "json":
        import msgspec

        click.echo(dumps(msgspec.to_builtins(done), indent=2))
        return 0
    say(f"erased: {', '.join(map(str, done.seqs))}")
    for what, names in (("attachments that went with them", done.attachments), ("forks that showed them", done.forks)):
        if names:
            say(f"{what}: {', '.join(names)}")
    for words in done.unreached:
        say(f"not reached: {words}")
    return 0


def _numbers(given: tuple[str, ...]) -> list[int]:
    """Numbers and ranges as typed.

    Raises:
        click.BadParameter: one is neither.
    """
    found: list[int] = []
    for item in given:
        first, _, last = item.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal() or int(last or first) < int(first):
            msg = f"{item!r} is neither a number nor a range such as 14-20"
            raise click.BadParameter(msg)
        found += range(int(first), int(last or first) + 1)
    return found
