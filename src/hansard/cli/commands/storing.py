"""`hansard store`: the store itself."""

from __future__ import annotations

import re
from typing import Any

import click

from ..context import Run, pass_run
from ..output import Progress, dumps, output_option, say, write


@click.group("store")
def store_command() -> None:
    """Look after the store itself.

    \b
    Examples:
      hansard store where
      hansard store health
      hansard store status
    """


@store_command.command("where")
@output_option("table", "json")
@pass_run
def where_command(run: Run, *, output: str) -> int:
    """Say which store is meant, why, and whether it is there.

    \b
    Example:
      hansard store where
    """
    from ...errors import NotFound

    url, why = run.where()
    try:
        backend: str | None = run.open().backend_name
    except NotFound:
        backend = None
    if output == "json":
        click.echo(
            dumps({"store": _shown(url), "said_by": why, "exists": backend is not None, "backend": backend}, indent=2)
        )
    else:
        click.echo(_shown(url))
        say(f"said by {why}; " + (f"a {backend} store" if backend else "there is no store yet"))
    return 0


@store_command.command("health")
@output_option("table", "json")
@pass_run
def health_command(run: Run, *, output: str) -> int:
    """Prove that a write can be made durable, leaving nothing behind.

    \b
    Example:
      hansard store health
    """
    import msgspec

    health = run.open().health()
    if output == "json":
        click.echo(dumps(msgspec.to_builtins(health), indent=2))
        return 0
    rows: list[dict[str, Any]] = [{"name": "backend", "value": health.backend}, {"name": "ok", "value": health.ok}]
    rows += [{"name": name, "value": str(value)} for name, value in health.details.items()]
    write(run, rows, (("name", "WHAT"), ("value", "VALUE")), output="table")
    return 0


@store_command.command("reindex")
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


@store_command.command("init")
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
    click.echo(_shown(url))
    say("the store is there")
    return 0


@store_command.command("status")
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
        from ...errors import NotFound

        try:
            there: dict[str, Any] = {"there": True, "backend": run.open().backend_name}
        except NotFound:
            there = {"there": False}
        pending: list[dict[str, Any]] = []
    else:
        with found:
            status = found.status()
        there = {"there": status.there, "backend": "postgres", "migrations": list(status.done)}
        pending = [_row_of(one) for one in status.pending]
    if output == "json":
        click.echo(dumps({**there, "pending": pending}, indent=2))
        return 0
    rows = [{"name": name, "value": str(value)} for name, value in there.items()]
    rows += [{"name": "pending", "value": f"{one['number']:04} {one['name']} ({one['phase']})"} for one in pending]
    write(run, rows, (("name", "WHAT"), ("value", "VALUE")), output="table")
    return 0


@store_command.command("migrate")
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


def _shown(url: str) -> str:
    """A URL without its password."""
    return re.sub(r"(//[^/:@]*):[^/]*@", r"\1:***@", url)


def _row_of(migration: Any) -> dict[str, Any]:
    return {"number": migration.number, "name": migration.name, "phase": migration.phase}
