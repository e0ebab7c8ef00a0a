"""Asking `search.db`: a search becomes a query of the engine that finds all that may be meant, newest first.

What the engine proposes is a superset. Each place is then checked against the entry itself, by the functions that all
backends share, so nothing that was erased, amended, deleted or merely looks similar is ever returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import apsw
import msgspec

from ...query import And, Or, Phrase, Search, Text, Without, Word
from ...query.hits import NewestKey
from .textrows import bucket_at, bucket_of, first_place, tag

FIRST_STEP: Final = 64
"""Candidates that are fetched at first, or as many as hits are wanted; each further step fetches twice as many."""

STEP_MAX: Final = 4_096

_TOP: Final = (1 << 63) - 1
_NOTHING: Final = ""


class Candidate(msgspec.Struct, frozen=True):
    """An entry that may be meant."""

    session: str
    seq: int
    at_us: int

    @property
    def key(self) -> NewestKey:
        """Its place in the newest-first order."""
        return -self.at_us, self.session, -self.seq


class Query(msgspec.Struct, frozen=True):
    """A search as the engine takes it."""

    said: bool
    output: bool
    match: str | None
    """None: every row."""


def query_of(search: Search, numbers: Sequence[int] | None) -> Query | None:
    """The query for a search in the sessions of these numbers (None: all); None if nothing can be found."""
    words = _words(search.text)
    if words == _NOTHING or (numbers is not None and not numbers):
        return None
    clauses = [] if words is None else [f"words : ({words})"]
    groups = [
        [] if numbers is None else [f'"s{number}"' for number in numbers],
        [f'"{tag("r", role)}"' for role in search.roles],
        [_tool(name) for name in search.tools],
        ['"e1"'] if search.errors else [],
    ]
    clauses += [f"tags : ({' OR '.join(group)})" for group in groups if group]
    match = " AND ".join(f"({clause})" for clause in clauses) or None
    return Query(search.in_said, search.in_tools, match)


def _tool(name: str) -> str:
    return f'"{tag("t", name[:-1])}" *' if name.endswith("*") else f'"{tag("t", name)}"'


def _words(text: Text | None) -> str | None:
    """What finds a superset of a text; None for everything, _NOTHING for nothing."""
    match text:
        case None | Without():
            return None
        case Word():
            return _quoted(text.token, prefix=text.prefix)
        case Phrase():
            return _quoted(" ".join(text.tokens), prefix=text.prefix)
        case Or():
            found = [_words(item) for item in text.items]
            if None in found:
                return None
            return " OR ".join(f"({one})" for one in found if one) or _NOTHING
        case And():
            return _all(text)


def _all(text: And) -> str | None:
    found = [_words(item) for item in text.items if not isinstance(item, Without)]
    if _NOTHING in found:
        return _NOTHING
    wanted = " AND ".join(f"({one})" for one in found if one is not None)
    if not wanted:
        return None
    # Only of words and phrases does the engine find exactly what is meant; more must not be left out.
    unwanted = [item.item for item in text.items if isinstance(item, Without)]
    excluded = " OR ".join(f"({_words(item)})" for item in unwanted if isinstance(item, Word | Phrase))
    return f"({wanted}) NOT ({excluded})" if excluded else wanted


def _quoted(words: str, *, prefix: bool) -> str:
    escaped = words.replace('"', '""')
    return f'"{escaped}" *' if prefix else f'"{escaped}"'


def candidates(
    read: Callable[[Callable[[apsw.Connection], list[Any]]], list[Any]],
    query: Query,
    *,
    after: NewestKey | None,
    wanted: int,
) -> Iterator[Candidate]:
    """Entries that may be meant, in the newest-first order behind `after`, each once; about `wanted` will be taken."""
    top = _TOP if after is None else first_place(bucket_of(-after[0]) + 1)
    step = min(max(wanted, FIRST_STEP), STEP_MAX)
    while True:
        rows = read(lambda con, top=top, step=step: _fetch(con, query, 0, top, step))
        if not rows:
            return
        # The last bucket of a full step may go on below it: it is left for the next step, or fetched whole.
        cut = first_place(bucket_at(rows[-1][0]))
        if len(rows) == step:
            whole = [row for row in rows if row[0] >= first_place(bucket_at(cut) + 1)]
            if whole:
                rows, cut = whole, first_place(bucket_at(cut) + 1)
            else:
                rows = read(lambda con, top=top, cut=cut: _fetch(con, query, cut, top, -1))
            more = True
        else:
            more = False
        found = {Candidate(session, seq, at_us).key: Candidate(session, seq, at_us) for _, session, seq, at_us in rows}
        for key in sorted(found):
            if after is None or key > after:
                yield found[key]
        if not more:
            return
        top = cut
        step = min(step * 2, STEP_MAX)


def _fetch(con: apsw.Connection, query: Query, low: int, top: int, limit: int) -> list[Any]:
    """The newest rows with `low <= row id < top`: (row id, session, seq, at), newest first; -1: all of them."""
    found: list[Any] = []
    for table, wanted, tool in (("said", query.said, 0), ("output", query.output, 1)):
        if not wanted:
            continue
        if query.match is None:
            sql = """
                SELECT p.place, s.id, p.seq, p.at_us FROM places p CROSS JOIN sessions s ON s.n = p.n
                WHERE p.tool = ?1 AND p.place >= ?2 AND p.place < ?3 ORDER BY p.place DESC LIMIT ?4
            """
            found += con.execute(sql, (tool, low, top, limit)).fetchall()
            continue
        sql = f"""
            SELECT f.rowid, s.id, p.seq, p.at_us
            FROM {table} f CROSS JOIN places p ON p.place = f.rowid CROSS JOIN sessions s ON s.n = p.n
            WHERE f.{table} MATCH ?1 AND f.rowid >= ?2 AND f.rowid < ?3 ORDER BY f.rowid DESC LIMIT ?4
        """  # noqa: S608 - one of two names
        found += con.execute(sql, (query.match, low, top, limit)).fetchall()
    found.sort(key=lambda row: row[0], reverse=True)
    return found if limit < 0 else found[:limit]
