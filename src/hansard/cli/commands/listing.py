"""`hansard ls`: the sessions of a store as a table or as data."""

from __future__ import annotations

from typing import Any, Final

import click

from ..context import SESSION, TIME, Run, in_tree, pass_run, resolve
from ..output import minute, output_option, say, shortened, write
from ..problems import NOTHING
from ..rows import labels_from, session_row

COLUMNS: Final = (
    ("row", "@"), ("short", "ID"), ("title", "TITLE"), ("agent", "AGENT"), ("project", "PROJECT"),
    ("status", "STATUS"), ("message_count", "MSGS"), ("active", "LAST ACTIVITY"),
)  # fmt: skip


@click.command("ls")
@click.option("--agent", help="Only those of this agent.")
@click.option("--user", help="Only those of this user.")
@click.option("--project", help="Only those of this project.")
@click.option("--model", help="Only those that last used this model.")
@click.option("--status", help="Only those with this status: running, completed, error …")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Only those with this label; repeatable.")
@click.option("--since", type=TIME, help="Only those active at or after this time, e.g. 2026-11-01, or 7d.")
@click.option("--until", type=TIME, help="Only those last active before this time.")
@click.option("--tree", type=SESSION, help="Only this session and those that hang on it: its sub-agents, at any depth.")
@click.option("--pinned", is_flag=True, help="Only pinned ones, sub-agents among them.")
@click.option("--waiting", is_flag=True, help="Only those that wait for an answer, sub-agents among them.")
@click.option(
    "--damaged",
    is_flag=True,
    help="Only those in which damage was found, sub-agents among them; `hansard check` looks for it.",
)
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
    run: Run, *, tree: str | None, order: str, limit: int, after: str | None, output: str, **narrowing: Any
) -> int:
    """List sessions, newest first.

    \b
    Examples:
      hansard ls
      hansard ls --project api --since 2026-11-01 -o jsonl
      hansard ls --status running -o id
    """
    filters = _filters(**narrowing)
    store = run.listing()
    if tree is not None:
        filters |= in_tree(resolve(store, tree))
    page = store.find(order=order, limit=limit, after=after, **filters)
    numbered = not filters and after is None and order == "-activity"
    rows = [{**session_row(info), **({"row": f"@{number}"} if numbered else {})} for number, info in enumerate(page, 1)]
    columns = COLUMNS if numbered else COLUMNS[1:]
    if output in ("table", "md"):
        short = shortened(row["id"] for row in rows)
        rows = [
            {
                **row,
                "short": short[row["id"]],
                "status": "damaged" if row["damaged"] else row["status"],
                "active": minute(row["activity_at"] or row["updated_at"]),
            }
            for row in rows
        ]
    write(run, rows, columns, output=output, spare=("agent", "project", "message_count", "status", "active"))
    if page.cursor is not None:
        say(f"there are more: --after {page.cursor}, or a larger --limit")
    if not rows:
        say("no sessions" + (" meet these filters" if filters else " yet; `hansard import PATH` brings some in"))
        return NOTHING
    return 0


def _filters(
    *, labels: tuple[str, ...], since: str | None, until: str | None, everything: bool, pinned: bool, waiting: bool,
    damaged: bool, **equal: str | None,
) -> dict[str, Any]:  # fmt: skip
    """The filters of `find` that the options ask for."""
    filters: dict[str, Any] = {name: value for name, value in equal.items() if value is not None}
    if labels:
        filters["labels"] = labels_from(labels)
    if since is not None:
        filters["activity_after"] = since
    if until is not None:
        filters["activity_before"] = until
    flags = {"pinned": pinned, "has_question": waiting, "damaged": damaged}
    filters |= {name: True for name, wanted in flags.items() if wanted}
    if everything or any(flags.values()):
        # Whoever looks for what needs a person means sub-agents as well.
        filters["all_kinds"] = True
    return filters
