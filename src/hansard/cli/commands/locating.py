"""`hansard path`: where the files of a session lie, for cat, jq and friends."""

from __future__ import annotations

import click

from ..context import SESSION, Run, folder_of, pass_run, resolve
from ..output import echo_path


@click.command("path")
@click.argument("session", type=SESSION)
@pass_run
def path_command(run: Run, *, session: str) -> int:
    """Print the folder of a session.

    \b
    Examples:
      hansard path @last
      jq .kind "$(hansard path @last)/log.jsonl"

    Read there as you like. Writing is for Hansard alone: `check` tells any other change.
    """
    store = run.listing()
    echo_path(folder_of(store, resolve(store, session).id))
    return 0
