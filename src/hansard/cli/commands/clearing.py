"""`hansard gc` and `hansard reset`: the store rid of what nothing refers to, or of everything."""

from __future__ import annotations

import click

from ..context import Run, pass_run
from ..output import output_option, plural, safe, say, write_json
from ..problems import Problem


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@output_option("table", "json")
@pass_run
def gc_command(run: Run, *, dry_run: bool, output: str) -> int:
    """Remove what nothing refers to: attachments that no entry names, leftovers of crashed writers.

    \b
    Examples:
      hansard gc --dry-run
      hansard gc

    Nothing younger than an hour is touched: an entry may be about to name it.
    """
    found = run.open().collect_garbage(dry_run=dry_run)
    if output == "json":
        write_json({"removed": [] if dry_run else found, "would_remove": found if dry_run else []})
        return 0
    for one in found:
        click.echo(safe(f"{one.what} {one.name} {one.session}".rstrip()))
    size = sum(one.size for one in found)
    say(f"{plural(len(found), 'thing')}, {size} bytes" + ("; nothing was removed" if dry_run else " removed"))
    return 0


@click.command("reset")
@click.option("-y", "--yes", is_flag=True, help="Mean it; without this nothing is done.")
@click.option("--force", is_flag=True, help="Also if sessions are pinned, running or leased.")
@output_option("table", "json")
@pass_run
def reset_command(run: Run, *, yes: bool, force: bool, output: str) -> int:
    """Remove all sessions and documents: the store is as new. For development; there is no way back.

    \b
    Example:
      hansard --store ./trial reset --yes
    """
    url, why = run.where()
    if not yes:
        msg = f"everything in {url} ({why}) would be removed for good. Nothing was done."
        raise Problem(msg, code="usage", hint="add --yes to mean it", exit_code=2)
    count = run.open().reset(force=force)
    if output == "json":
        write_json({"removed": count})
    else:
        say(f"{plural(count, 'session')} removed; {url} is as new")
    return 0
