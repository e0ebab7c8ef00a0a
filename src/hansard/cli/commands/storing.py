"""`hansard store`: the store itself."""

from __future__ import annotations

from typing import Any

import click

from ..context import Run, pass_run
from ..output import Progress, echo_path, output_option, say, write, write_json
from ..problems import UNAVAILABLE


@click.group("store")
def store_command() -> None:
    """Look after the store itself.

    \b
    Examples:
      hansard store where
      hansard store health
      hansard store status
    """


@store_command.command("where", short_help="Say which store is meant, and whether it is there.")
@output_option("table", "json")
@pass_run
def where_command(run: Run, *, output: str) -> int:
    """Say which store is meant, why, and whether it is there.

    \b
    Example:
      hansard store where
    """
    url, why = run.where()
    store = run.there()
    backend = store and store.backend_name
    if output == "json":
        write_json({"store": url, "said_by": why, "exists": backend is not None, "backend": backend})
    else:
        echo_path(url)
        say(f"said by {why}; " + (f"a {backend} store" if backend else "there is no store yet"))
    return 0


@store_command.command("health", short_help="Prove that a write can be made durable.")
@output_option("table", "json")
@pass_run
def health_command(run: Run, *, output: str) -> int:
    """Prove that a write can be made durable, leaving nothing behind.

    \b
    Example:
      hansard store health
    """
    health = run.open().health()
    if output == "json":
        write_json(health)
        return 0 if health.ok else UNAVAILABLE
    rows: list[dict[str, Any]] = [{"name": "backend", "value": health.backend}, {"name": "ok", "value": health.ok}]
    rows += [{"name": name, "value": str(value)} for name, value in health.details.items()]
    write(run, rows, (("name", "WHAT"), ("value", "VALUE")), output="table")
    if not health.ok:
        say("nothing can be written there; `hansard copy` brings the store to a disk that can be written")
    return 0 if health.ok else UNAVAILABLE


@store_command.command("reindex", short_help="Make the indexes anew from the logs.")
@pass_run
def reindex_command(run: Run) -> int:
    """Make everything that is derived anew from the logs, while readers and writers go on.

    \b
    Example:
      hansard store reindex
    """
    with Progress() as progress:
        run.open().reindex(progress)
    say("the index is made anew")
    return 0


@store_command.command("init", short_help="Make the store if it is not there.")
@pass_run
def init_command(run: Run) -> int:
    """Make the store if it is not there: a folder, or the tables in a PostgreSQL database.

    \b
    Examples:
      hansard store init
      hansard -S postgresql://hansard@db.internal/hansard store init
    """
    url, _ = run.where()
    run.open(create=True)
    echo_path(url)
    say("the store is there")
    return 0


@store_command.command("status", short_help="Say whether the tables are those of this version.")
@output_option("table", "json")
@pass_run
def status_command(run: Run, *, output: str) -> int:
    """Say whether the store is there and which changes of its tables are still to be made.

    \b
    Example:
      hansard -S postgresql://hansard@db.internal/hansard store status
    """
    from ...opening import tables

    found = tables(run.url)
    if found is None:
        store = run.there()
        there: dict[str, Any] = {"there": store is not None, "backend": store and store.backend_name}
        pending: list[dict[str, Any]] = []
    else:
        with found:
            status = found.status()
        there = {"there": status.there, "backend": "postgres", "migrations": list(status.done)}
        pending = [_row_of(one) for one in status.pending]
    if output == "json":
        write_json({**there, "pending": pending})
        return 0
    rows = [{"name": name, "value": str(value)} for name, value in there.items()]
    rows += [{"name": "pending", "value": f"{one['number']:04} {one['name']} ({one['phase']})"} for one in pending]
    write(run, rows, (("name", "WHAT"), ("value", "VALUE")), output="table")
    return 0


@store_command.command("migrate", short_help="Change the tables to what this version needs.")
@click.option("--plan", is_flag=True, help="Print what would be run, and run nothing.")
@click.option(
    "--phase", type=click.Choice(["pre", "post"]), help="Only what runs before, or after, the new version is deployed."
)
@pass_run
def migrate_command(run: Run, *, plan: bool, phase: str | None) -> int:
    """Change the tables of a PostgreSQL store to what this version needs; however many start this, each step runs once.

    \b
    Examples:
      hansard -S postgresql://hansard@db.internal/hansard store migrate --plan
      hansard -S postgresql://hansard@db.internal/hansard store migrate --phase pre
    """
    from ...opening import tables

    found = tables(run.url)
    if found is None:
        run.open()
        say("this store has no tables; there is nothing to migrate")
        return 0
    with found:
        if plan:
            for one in found.status().pending:
                if phase in (None, one.phase):
                    click.echo(f"-- {one.number:04} {one.name} ({one.phase})\n{one.text}")
            return 0
        done = found.migrate(phase=phase)
    for one in done:
        click.echo(f"{one.number:04} {one.name} ({one.phase})")
    say(f"{len(done)} migrations done" if done else "nothing was pending")
    return 0


def _row_of(migration: Any) -> dict[str, Any]:
    return {"number": migration.number, "name": migration.name, "phase": migration.phase}
