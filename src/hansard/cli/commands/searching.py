"""`hansard search`: where something was said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from ..context import SESSION, Run, pass_run, resolve
from ..output import minute, output_option, say, shortened, write
from ..problems import NOTHING

if TYPE_CHECKING:
    from ...model.requests import Hit, Page

WAIT_S: Final = 300
"""A program that asks through the API is answered at once and told that there may be more; a person waits."""

IDLE_S: Final = 1.0
"""A search that took less did not index: it would have gone on for two seconds."""
IDLE_MAX: Final = 20
PAUSE_S: Final = 0.1

COLUMNS: Final = (("short", "SESSION"), ("seq", "SEQ"), ("when", "WHEN"), ("role", "ROLE"), ("snippet", "TEXT"))


def _complete(search: Callable[[], Page[Hit]]) -> Page[Hit]:
    """The page once all text is indexed, which each search brings forward; as it is after WAIT_S.

    A search that does not use its time to index has nothing left that it could index: what is missing then can't be
    read, and no waiting helps. It may also have met another process at the same work, so it is asked again for a while.
    """
    began = time.monotonic()
    idle = 0
    page = search()
    told = False
    while not page.complete and idle < IDLE_MAX and time.monotonic() - began < WAIT_S:
        if not told:
            say("the text of the logs is being indexed; this may take a moment ...")
            told = True
        asked = time.monotonic()
        page = search()
        if time.monotonic() - asked < IDLE_S:
            idle += 1
            time.sleep(PAUSE_S)
        else:
            idle = 0
    return page


@click.command("search")
@click.argument("query", nargs=-1, required=True)
@click.option("--session", type=SESSION, help="Only in this session, also in what was compacted away.")
@click.option("--rank", is_flag=True, help="Best first instead of newest first.")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--after", metavar="CURSOR", help="Go on behind the page that named this cursor.")
@output_option()
@pass_run
def search_command(
    run: Run, *, query: tuple[str, ...], session: str | None, rank: bool, limit: int, after: str | None, output: str
) -> int:
    """Search what was said, newest first. All words must be there.

    \b
    Examples:
      hansard search race condition
      hansard search '"tide table" -draft role:assistant'
      hansard search 'tool:bash is:error project:api after:2026-11-01' -o jsonl

    The language: words, "a phrase", prefix*, -not, and role: agent: user: project: model: tool: after: before: is:error
    is:pinned. Any text is a valid search; one that begins with - stands behind --. -o id gives the sessions. The exit
    code is 1 if nothing was found.
    """
    from ...query import parse

    store = run.listing()
    which = None if session is None else resolve(store, session)
    order = "rank" if rank else "newest"
    text = " ".join(query)
    page = _complete(lambda: store.search(text, session=which, order=order, limit=limit, after=after))
    rows: list[dict[str, Any]] = [
        {
            "session": hit.session,
            "id": hit.session,
            "seq": hit.seq,
            "at": hit.at,
            "role": hit.role,
            "snippet": hit.snippet,
            "score": hit.score,
            "title": hit.title,
        }
        for hit in page
    ]
    if output == "id":
        rows = list({row["id"]: row for row in rows}.values())
    elif output in ("table", "md"):
        short = shortened(row["id"] for row in rows)
        rows = [{**row, "when": minute(row["at"]), "short": short[row["id"]]} for row in rows]
    for note in parse(text, now_us=0).notes:
        say(note)
    write(run, rows, COLUMNS, output=output, spare=("role", "when"))
    if not page.complete:
        say("not all text could be indexed, so there may be more; `hansard check` says which sessions can't be read")
    if page.cursor is not None:
        say(f"there is more: --after {page.cursor}, or a larger --limit")
    if not rows:
        say("nothing was found")
        return NOTHING
    return 0
