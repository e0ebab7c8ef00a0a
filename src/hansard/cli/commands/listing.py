"""`hansard ls`: the sessions of a store as a table or as data."""

from __future__ import annotations

from typing import Any, Final

import click

from ..context import Run, pass_run
from ..output import minute, output_option, say, write
from ..problems import NOTHING
from ..rows import labels_from, session_row

COLUMNS: Final = (
    ("row", "@"), ("short", "ID"), ("title", "TITLE"), ("agent", "AGENT"), ("project", "PROJECT"),
    ("status", "STATUS"), ("message_count", "MSGS"), ("active", "LAST ACTIVITY"),
)  # fmt: skip
SHORT: Final = 13


@click.command("ls")
@click.option("--agent", help="Only those of this agent.")
@click.option("--user", help="Only those of this user.")
@click.option("--project", help="Only those of this project.")
@click.option("--model", help="Only those that last used this model.")
@click.option("--status", help="Only those with this status: running, completed, error …")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Only those with this label; repeatable.")
@click.option("--since", metavar="TIME", help="Only those active at or after this time, e.g. 2026-11-01.")
@click.option("--until", metavar="TIME", help="Only those last active before this time.")
@click.option("--pinned", is_flag=True, help="Only pinned ones.")
@click.option("--waiting", is_flag=True, help="Only those that wait for an answer.")
@click.option("--damaged", is_flag=True, help="Only those in which damage was found; `hansard check` looks for it.")
@click.option("--all", "everything", is_flag=True, help="Sub-agents as well.")
@click.option(
    "--order",
    default="-activity",
    show_default=True,
    help="activity, updated, created, touched, title, id or seq; - before it: descending.",
)
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--after", metavar="CURSOR", help="Go on behind the page that named this cursor.")
@output_option()
@pass_run
def ls_command(
    run: Run,
    *,
    labels: tuple[str, ...],
    since: str | None,
    until: str | None,
    everything: bool,
    pinned: bool,
    waiting: bool,
    damaged: bool,
    order: str,
    limit: int,
    after: str | None,
    output: str,
    **equal: str | None,
) -> int:
    """List sessions, newest first.

    \b
    Examples:
      hansard ls
      hansard ls --project api --since 2026-11-01 -o jsonl
      hansard ls --status running -o id
    """
    filters: dict[str, Any] = {name: value for name, value in equal.items() if value is not None}
    if labels:
        filters["labels"] = labels_from(labels)
    if since is not None:
        filters["activity_after"] = since
    if until is not None:
        filters["activity_before"] = until
    if pinned:
        filters["pinned"] = True
    if waiting:
        filters["has_question"] = True
    if damaged:
        filters["damaged"] = True
    if everything:
        filters["all_kinds"] = True
    page = run.listing().find(order=order, limit=limit, after=after, **filters)
    numbered = not filters and after is None and order == "-activity"
    rows = [{**session_row(info), **({"row": f"@{number}"} if numbered else {})} for number, info in enumerate(page, 1)]
    columns = COLUMNS if numbered else COLUMNS[1:]
    shown = rows if output in ("json", "jsonl", "id") else [_told(row) for row in rows]
    write(run, shown, columns, output=output)
    if page.cursor is not None:
        say(f"there are more: --after {page.cursor}, or a larger --limit")
    if not rows:
        say("no sessions" + (" meet these filters" if filters else " yet; `hansard import PATH` brings some in"))
        return NOTHING
    return 0


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """The row as a table shows it."""
    identifier = row["id"]
    short = identifier if len(identifier) <= SHORT + 1 else identifier[:SHORT] + "…"
    return {**row, "short": short, "active": minute(row["activity_at"] or row["updated_at"])}
