"""Pages of the catalogue: keyset paging over an index, with what is newer than the rows laid over them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import apsw

from ...model.info import SessionInfo
from ...model.requests import Page
from ...query import Condition, check_limit, encode_cursor, find_cursor, matches, order_field, order_key
from ...query.order import TITLE_KEY_CHARS
from .conditions import Sql, anchored, compiled, only_listed
from .rows import clamp, clean, decode_info

Read: TypeAlias = Callable[[Callable[[apsw.Connection], list[Any]]], list[Any]]
Key: TypeAlias = tuple[str | int, str]

_CHUNK_MAX: Final = 1_000
_BY_LISTED: Final = frozenset(("activity_at", "updated_at", "created_at"))
"""Orders whose index has `listed` before them."""
_RARE: Final = frozenset(("id", "parent", "root"))
"""Fields of which few sessions share a value: their index comes before any that gives the order."""
_WITH_ACTIVITY: Final = frozenset(("user", "agent", "project", "status"))
"""Fields whose index gives the order of activity, too."""
_EXPRESSIONS: Final = {"title": f"substr(ifnull(s.title, ''), 1, {TITLE_KEY_CHARS})"}
"""As `query.title_key`; the column holds the title cleaned."""


class _Plan(NamedTuple):
    where: Sql
    branches: tuple[str, ...]
    value: str
    descending: bool


def list_sessions(
    read: Read,
    condition: Condition,
    *,
    order: str,
    limit: int,
    cursor: str | None,
    over: Mapping[str, SessionInfo | None],
) -> Page[SessionInfo]:
    """The page that `hansard.query.find_all` would make of all sessions.

    Raises:
        Invalid: order, limit or cursor are not such, or the condition names what there is not.
    """
    check_limit(limit)
    field, descending = order_field(order)
    # A condition that makes no sense is refused also by an empty catalogue.
    matches(condition, SessionInfo(id=""))
    after = None if cursor is None else find_cursor(cursor, order)
    plan = _plan(condition, field, descending=descending)
    found = _stored(read, plan, condition, after, wanted=limit + 1, without=over)
    if over:
        found += _laid_over(over, condition, order, after, descending=descending)
        found.sort(key=lambda item: item[0], reverse=descending)
    following = encode_cursor(order, *found[limit - 1][0]) if len(found) > limit else None
    return Page(tuple(info for _, info in found[:limit]), following)


def _plan(condition: Condition, field: str, *, descending: bool) -> _Plan:
    where = compiled(condition)
    better = _RARE | _WITH_ACTIVITY if field == "activity_at" else _RARE
    if field not in _BY_LISTED or anchored(condition, better):
        branches: tuple[str, ...] = ("1",)
    elif only_listed(condition):
        branches = ("s.listed = 1",)
    else:
        branches = ("s.listed = 0", "s.listed = 1")
    return _Plan(where, branches, _EXPRESSIONS.get(field, f"s.{field}"), descending)


def _laid_over(
    over: Mapping[str, SessionInfo | None], condition: Condition, order: str, after: Key | None, *, descending: bool
) -> list[tuple[Key, SessionInfo]]:
    found = [(order_key(info, order), info) for info in over.values() if info is not None and matches(condition, info)]
    if after is not None:
        found = [item for item in found if (item[0] < after if descending else item[0] > after)]
    return found


def _stored(
    read: Read,
    plan: _Plan,
    condition: Condition,
    after: Key | None,
    *,
    wanted: int,
    without: Collection[str],
) -> list[tuple[Key, SessionInfo]]:
    found: list[tuple[Key, SessionInfo]] = []
    size = wanted + len(without)
    while True:
        size = min(size, _CHUNK_MAX)
        sql, parameters = _page_sql(plan, after, size)
        chunk = read(lambda con, sql=sql, parameters=parameters: _rows(con, sql, parameters))
        for value, identifier, info in chunk:
            if identifier in without:
                continue
            if plan.where.exact or matches(condition, info):
                found.append(((value, identifier), info))
                if len(found) == wanted:
                    return found
        if len(chunk) < size:
            return found
        after = chunk[-1][0], chunk[-1][1]
        size *= 4


def _rows(con: apsw.Connection, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
    # Where the connection is in use, so that an info which can't be read counts as damage of the file.
    found: list[Any] = con.execute(sql, parameters).fetchall()
    return [(value, identifier, decode_info(body, state)) for value, identifier, body, state in found]


def _page_sql(plan: _Plan, after: Key | None, size: int) -> tuple[str, tuple[Any, ...]]:
    direction, beyond = ("DESC", "<") if plan.descending else ("ASC", ">")
    order = f"ORDER BY 1 {direction}, 2 {direction} LIMIT {size:d}"
    behind = "" if after is None else f"AND ({plan.value}, s.id) {beyond} (?, ?)"
    place = () if after is None else (_bound(after[0]), clean(after[1]))
    one = (*plan.where.parameters, *place)
    picks = [
        f"SELECT * FROM (SELECT {plan.value} AS v, s.id AS i, s.n AS n FROM sessions s "  # noqa: S608 - no values
        f"WHERE {branch} AND ({plan.where.text}) {behind} {order})"
        for branch in plan.branches
    ]
    inner = " UNION ALL ".join(picks) + (f" {order}" if len(picks) > 1 else "")
    sql = (
        f"SELECT p.v, p.i, b.info, st.state FROM ({inner}) p CROSS JOIN bodies b ON b.n = p.n "  # noqa: S608
        f"LEFT JOIN states st ON st.n = p.n {order}"
    )
    return sql, one * len(picks)


def _bound(value: str | int) -> str | int:
    # What a cursor holds is somebody else's text; a column holds it cleaned, and so it is compared.
    return clamp(value) if isinstance(value, int) else clean(value)
