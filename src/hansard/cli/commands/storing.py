"""`hansard store`: the store itself."""

from __future__ import annotations

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
        click.echo(dumps({"store": url, "said_by": why, "exists": backend is not None, "backend": backend}, indent=2))
    else:
        click.echo(url)
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
