"""`hansard backup` and `hansard restore`: a whole store kept elsewhere, and brought back."""

from __future__ import annotations

import click

from ..context import Run, await_index, pass_run
from ..output import Progress, echo_path, output_option, plural, say, write_json
from ..problems import CONFLICT, DAMAGED, NOTHING


@click.command("backup")
@click.argument("place", metavar="DIR|FILE.zip", type=click.Path())
@output_option("table", "json")
@pass_run
def backup_command(run: Run, *, place: str, output: str) -> int:
    """Back the whole store up, verified, while writers go on.

    \b
    Examples:
      hansard backup /mnt/backup/2026-11-21
      hansard backup ~/hansard-2026-11-21.zip

    It holds everything that was acknowledged before it began. The place must not be there before; it appears when the
    backup is whole. A folder is a store of its own, which `hansard -S DIR ls` reads. The exit code is 6 if something
    was too damaged to be backed up; the rest is in the backup.
    """
    store = run.open()
    await_index(store)
    with Progress() as progress:
        made = store.backup(place, progress=progress)
    if output == "json":
        write_json(made)
    else:
        echo_path(made.path)
    say(f"{plural(len(made.sessions), 'session')}, {plural(made.documents, 'version')} of documents")
    for one in made.failed:
        say(f"not in the backup: {one.session or 'the store'}: {one.message}")
    return DAMAGED if made.failed else 0


@click.command("restore")
@click.argument("place", metavar="DIR|FILE.zip", type=click.Path())
@click.option("--overwrite", is_flag=True, help="Replace sessions that are there with other entries.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@output_option("table", "json")
@pass_run
def restore_command(run: Run, *, place: str, overwrite: bool, dry_run: bool, output: str) -> int:
    """Bring a backup into the store. It is verified first, and stays as it is.

    \b
    Examples:
      hansard -S ./fresh restore ~/hansard-2026-11-21.zip
      hansard restore /mnt/backup/2026-11-21 --dry-run

    Sessions get what they lack and keep what they have more. One that is there with other entries is left as it is,
    and told; the exit code is then 4. With --overwrite it is replaced, and told.
    """
    store = run.filled(dry_run=dry_run)
    with Progress() as progress:
        done = store.restore(place, overwrite=overwrite, dry_run=dry_run, progress=progress)
    if output == "json":
        write_json(done)
    for name in done.replaced:
        say(f"{name} {'would be' if dry_run else 'was'} replaced: it was there with other entries")
    for one in (*done.conflicts, *done.failed):
        say(f"{one.session or 'the store'}: {one.message}")
    counts = f"{len(done.new)} new, {len(done.grown)} grown, {len(done.unchanged)} unchanged"
    say(f"{counts}, {len(done.replaced)} replaced, {len(done.conflicts)} conflicts, {len(done.failed)} failed")
    if done.failed:
        return NOTHING
    return CONFLICT if done.conflicts else 0
