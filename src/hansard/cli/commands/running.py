"""`hansard runs`: what agents did, how it went and what it took."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any, Final

import click

from ..context import SESSION, Run, pass_run, resolve
from ..output import dumps, minute, output_option, plain, say, write
from ..problems import NOTHING

COLUMNS: Final = (
    ("id", "RUN"), ("session", "SESSION"), ("agent", "AGENT"), ("status", "STATUS"), ("started", "STARTED"),
    ("steps", "STEPS"), ("tokens", "TOKENS"), ("cost", "COST"), ("told", "TASK OR ERROR"),
)  # fmt: skip


@click.command("runs")
@click.option("--status", multiple=True, help="running, dead, completed, error, cancelled; repeatable.")
@click.option("--session", type=SESSION, help="Only runs of this session.")
@click.option("--agent", help="Only runs of this agent.")
@click.option("--user", help="Only runs on sessions of this user.")
@click.option("--project", help="Only runs on sessions of this project.")
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@output_option()
@pass_run
def runs_command(
    run: Run,
    *,
    status: tuple[str, ...],
    session: str | None,
    agent: str | None,
    limit: int,
    output: str,
    **equal: str | None,
) -> int:
    """List runs, those of the most active session first. A run is dead if its lease ran out before it ended.

    \b
    Examples:
      hansard runs
      hansard runs --status dead --status error -o json
    """
    asked: dict[str, Any] = {name: value for name, value in equal.items() if value is not None}
    if status:
        asked["run_status"] = status
    if agent is not None:
        asked["run_agent"] = agent
    store = run.listing()
    if session is not None:
        asked["id"] = resolve(store, session).id
    rows: list[dict[str, Any]] = []
    for found in islice(store.runs(**asked), min(limit, sys.maxsize)):
        row: dict[str, Any] = plain(found)
        if output in ("table", "md"):
            usage = found.usage
            row |= {
                "started": minute(found.started_at),
                "tokens": usage.input + usage.output + usage.cache_read + usage.cache_write,
                "cost": f"{usage.cost:.4f}" if usage.cost else "",
                "told": _words(found.error) or found.task,
            }
        rows.append(row)
    write(run, rows, COLUMNS, output=output)
    if not rows:
        say("no runs" + (" meet this" if asked else " on record"))
        return NOTHING
    return 0


def _words(error: Any) -> str:
    """What an error says, whatever it is; "" if there is none."""
    said = error.get("message") if isinstance(error, dict) else error
    if said is None:
        said = error
    return said if isinstance(said, str) else "" if said is None else dumps(said)
