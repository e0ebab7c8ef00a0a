"""`hansard usage`: what the calls of models took."""

from __future__ import annotations

from typing import Any, Final

import click

from ..context import SESSION, TIME, Run, in_tree, pass_run, resolve
from ..output import output_option, plain, say, write
from ..problems import NOTHING
from ..rows import labels_from

COLUMNS: Final = (
    ("calls", "CALLS"), ("input", "INPUT"), ("output", "OUTPUT"), ("cache_read", "CACHE READ"),
    ("cache_write", "CACHE WRITE"), ("reasoning", "REASONING"), ("cost", "COST"),
)  # fmt: skip


@click.command("usage")
@click.option(
    "--by", default="day,model", show_default=True, metavar="GROUP,...",
    help="day, month, model, provider, project, agent, user, session, root, kind; empty: one sum.",
)  # fmt: skip
@click.option("--since", type=TIME, help="Only calls at or after this time, e.g. 2026-11-01, or 7d.")
@click.option("--until", type=TIME, help="Only calls before this time.")
@click.option("--session", type=SESSION, help="Only this session, with its sub-agents.")
@click.option("--agent", help="Only sessions of this agent, with their sub-agents.")
@click.option("--user", help="Only sessions of this user.")
@click.option("--project", help="Only sessions of this project.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Only those with this label; repeatable.")
@output_option("table", "json", "jsonl", "md")
@pass_run
def usage_command(
    run: Run,
    *,
    by: str,
    since: str | None,
    until: str | None,
    session: str | None,
    labels: tuple[str, ...],
    output: str,
    **equal: str | None,
) -> int:
    """Sum up what the calls of models took: tokens, and US dollars where they are known. Each call counts once.

    \b
    Examples:
      hansard usage
      hansard usage --by project,agent --since 2026-11-01
      hansard usage --by month -o json
    """
    groups = [name.strip() for name in by.split(",") if name.strip()]
    filters: dict[str, Any] = {name: value for name, value in equal.items() if value is not None}
    if labels:
        filters["labels"] = labels_from(labels)
    store = run.listing()
    if session is not None:
        filters |= in_tree(resolve(store, session))
    found = store.usage(by=groups, since=since, until=until, **filters)
    rows = [{**one.by, **plain(one.usage)} for one in found]
    if output in ("table", "md"):
        rows = [{**row, "cost": f"{row['cost']:.4f}" if row["cost"] else ""} for row in rows]
    write(run, rows, (*((name, name.upper()) for name in groups), *COLUMNS), output=output)
    if not rows:
        say("no calls of models on record" + (" meet this" if filters or since or until else ""))
        return NOTHING
    return 0
