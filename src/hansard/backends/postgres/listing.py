"""Pages of sessions: keyset paging over the table, in the orders that `hansard.query.find_all` gives."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, LiteralString, TypeAlias

from ...errors import Corrupt, NotFound
from ...model.info import SessionInfo
from ...model.requests import Page
from ...query import (
    All,
    Condition,
    Field,
    Has,
    check_limit,
    encode_cursor,
    find_cursor,
    matches,
    order_field,
    order_key,
    title_key,
)
from ..derive import detached
from .conditions import NO_MARKS, SPANS, Marks, Sql, compiled, marks_in, span_of
from .core import SQL, Core
from .rows import DAMAGED, LISTED, STALE, Head, clamp, raw, unraw, without_renewal

Key: TypeAlias = tuple[str | int, str]

_CHUNK_MAX: Final = 1_000
_RARE_MAX: Final = 2_000
"""With a mark that fewer sessions have, those are fetched and sorted; with others the order is walked."""
_SOME_MAX: Final = 20_000
"""Those who have a mark that fewer have are read before the order is walked."""
_WALKED_MAX: Final = 30_000
"""Sessions of an order that are looked through for a mark, at most."""
_COUNTED_S: Final = 30.0
_COUNTED_MAX: Final = 1_000
_STALE_MAX: Final = 1_000
"""Sessions that one call folds anew; with more, the page says that it is not complete."""
_COLUMNS: Final[Mapping[str, LiteralString]] = {
    "activity_at": "s.activity_at", "updated_at": "s.updated_at", "created_at": "s.created_at",
    "touched_us": "s.touched_us", "title": "s.title_key", "id": "s.session", "seq": "s.seq",
}  # fmt: skip
_PLAIN: Final[LiteralString] = " FROM hansard.sessions s WHERE s.tenant = %s"
_WALK: Final[LiteralString] = (
    " FROM hansard.sessions w CROSS JOIN LATERAL ("
    "SELECT * FROM hansard.sessions i WHERE i.tenant = w.tenant AND i.root = w.root AND i.session = w.session OFFSET 0) s"
    " WHERE w.tenant = %s AND w.listed"
)
"""The order is read from its index alone, and only the rows of those that are found."""
HEAD: Final[LiteralString] = (
    "s.root, s.session, s.seq, s.hash, s.first_seq, s.fold_version, s.fold, s.state, s.renewed_fence, s.renewed_us, false"
)


def find(core: Core, where: Condition, *, order: str, limit: int, cursor: str | None) -> Page[SessionInfo]:
    """The page that `hansard.query.find_all` would make of all sessions.

    Raises:
        Invalid: order, limit or cursor are not such, or the condition names what there is not.
    """
    check_limit(limit)
    field, descending = order_field(order)
    # A condition that makes no sense is refused also by an empty store.
    matches(where, SessionInfo(id=""))
    after = None if cursor is None else find_cursor(cursor, order)
    complete = freshen(core)
    marks, lead = _marks(core, where)
    walks = order == "-activity" and not marks.rare and bool(marks.some) and _says_no_more(where)
    walks = walks and _only_listed(where)
    sql = _listed(where, compiled(where, marks.led_by(lead) if walks else marks))
    walk = _listed(where, compiled(where, marks._replace(asked_of="w"))) if walks else None
    horizon = _horizon(core) if walks else ""
    found: list[SessionInfo] = []
    size = limit + 1
    while True:
        size = min(size, _CHUNK_MAX)
        text, parameters = _page_sql(walk or sql, field, after, size, descending=descending, horizon=walk and horizon)
        rows = core.db.page(text, (core.tenant, *parameters))
        if walk is not None and horizon and len(rows) < size:
            # They are not among the sessions that were active last: begin with those who have the mark.
            walk = None
            continue
        for row in rows:
            info = known_info(core, Head(*row[:11]))
            if info is not None and (sql.exact or matches(where, info)):
                found.append(info)
        if len(found) > limit or len(rows) < size:
            break
        after = _place_of(rows[-1])
        size *= 4
    following = encode_cursor(order, *order_key(found[limit - 1], order)) if len(found) > limit else None
    return Page(tuple(detached(info) for info in found[:limit]), following, complete)


def _marks(core: Core, where: Condition) -> tuple[Marks, int | None]:
    """How many sessions have those of the marks that a condition asks for, as far as that matters; the rarest of some."""
    marks = marks_in(where)
    if not marks:
        return NO_MARKS, None
    counts = _counts(core, marks)
    rare = frozenset(mark for mark, count in counts.items() if count < _RARE_MAX)
    some = {mark: count for mark, count in counts.items() if _RARE_MAX <= count < _SOME_MAX}
    return Marks(core.tenant, rare, frozenset(some)), min(some, key=some.__getitem__, default=None)


def _horizon(core: Core) -> str:
    """The span behind which no order is walked for a mark, as so many sessions were active since; "" if there are fewer."""
    now = time.monotonic()
    span, seen = core.horizon
    if seen < now - _COUNTED_S:
        found = core.db.rows(SQL["horizon"], {"tenant": core.tenant, "most": _WALKED_MAX})
        span = found[0][0] if found else ""
        core.horizon = span, now
    return span


def _counts(core: Core, marks: Sequence[int]) -> dict[int, int]:
    """How many sessions have each mark, up to a number.

    What was counted lately is not counted again: nothing but how the server looks for them depends on it.
    """
    now, known = time.monotonic(), core.holders
    counts = {
        mark: found[0] for mark in marks if (found := known.get(mark)) is not None and found[1] > now - _COUNTED_S
    }
    missing = [mark for mark in marks if mark not in counts]
    if missing:
        asked = {"tenant": core.tenant, "marks": missing, "most": _SOME_MAX}
        counts |= dict(core.db.rows(SQL["holders"], asked))
        if len(known) > _COUNTED_MAX:
            known.clear()
        known |= {mark: (counts[mark], now) for mark in missing}
    return counts


def freshen(core: Core) -> bool:
    """Fold the sessions anew whose rows say nothing that can be used; whether none is left."""
    asked = {"tenant": core.tenant, "damaged": DAMAGED, "most": _STALE_MAX}
    stale = core.db.rows(SQL["stale"], asked)
    for _, session in stale:
        try:
            core.refreshed(unraw(session))
        except (NotFound, Corrupt):
            continue
    return len(stale) < _STALE_MAX


def known_info(core: Core, head: Head) -> SessionInfo | None:
    """What a session is, of its row; None if it has gone."""
    info = head.known_info()
    if head.fold_version not in (STALE, DAMAGED) and head.folded() is None:
        try:
            info = core.info(head.id)
        except NotFound:
            return None
        except Corrupt:
            info = head.known_info()
    return without_renewal(info)


def _listed(where: Condition, sql: Sql) -> Sql:
    """Say plainly that only listed kinds are asked for, where that is so: an index has them apart."""
    if not _only_listed(where):
        return sql
    return Sql("s.listed AND (" + sql.text + ")", sql.parameters, sql.exact)


def _only_listed(where: Condition) -> bool:
    if isinstance(where, All):
        return any(_only_listed(item) for item in where.items)
    if not isinstance(where, Field) or where.name != "kind":
        return False
    wanted = where.value if where.op == "in" else (where.value,) if where.op == "=" else ()
    return bool(wanted) and all(isinstance(item, str) and item in LISTED for item in wanted)


def _says_no_more(where: Condition) -> bool:
    """Whether nothing is asked for but kinds, labels and metadata, all of them together."""
    if isinstance(where, All):
        return all(_says_no_more(item) for item in where.items)
    return isinstance(where, Has) or (isinstance(where, Field) and where.name == "kind")


def _place_of(row: Any) -> Key:
    value = row[11]
    return (unraw(bytes(value)) if isinstance(value, bytes | memoryview) else value), unraw(bytes(row[1]))


def _page_sql(
    where: Sql, field: str, after: Key | None, size: int, *, descending: bool, horizon: str | None
) -> tuple[LiteralString, tuple[Any, ...]]:
    """With a horizon the order is walked, up to there."""
    walks = horizon is not None
    direction: LiteralString = " DESC" if descending else " ASC"
    beyond: LiteralString = "<" if descending else ">"
    # With a span before it, the order is the same, and an index has it.
    span: LiteralString = "w.active_in" if walks else SPANS.get(field, "")
    columns: list[LiteralString] = [*([span] if span else []), _COLUMNS[field], "s.session"]
    behind: LiteralString = ""
    place: list[Any] = []
    if after is not None:
        behind = " AND (" + ", ".join(columns) + ") " + beyond + " (" + ", ".join(["%s" for _ in columns]) + ")"
        bound = _bound(field, after[0])
        place = [*([span_of(field, bound)] if span else []), bound, raw(after[1])]
        if walks:
            behind += " AND w.active_in " + beyond + "= %s"
            place.append(span_of(field, bound))
    if horizon:
        behind += " AND w.active_in > %s"
        place.append(horizon)
    order: LiteralString = ", ".join([column + direction for column in columns])
    text: LiteralString = (
        "SELECT " + HEAD + ", " + _COLUMNS[field] + (_WALK if walks else _PLAIN) + " AND (" + where.text + ")"
        + behind + " ORDER BY " + order + " LIMIT %s"
    )  # fmt: skip
    return text, (*where.parameters, *place, size)


def _bound(field: str, value: str | int) -> Any:
    if isinstance(value, int):
        return clamp(value)
    if field == "id":
        return raw(value)
    return raw(title_key(value)) if field == "title" else value.replace("\0", "\ufffd")
