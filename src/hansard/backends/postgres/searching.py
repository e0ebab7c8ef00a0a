"""Searching: the index proposes places newest first, and each is checked against the entry that stands there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, LiteralString

import msgspec

from ...codec.line import decode_line
from ...errors import Corrupt
from ...model.entry import Entry
from ...model.info import SessionInfo
from ...model.requests import Hit, Page
from ...query import And, Or, Phrase, Search, Text, Without, Word
from ...query.condition import EVERYTHING, matches
from ...query.hits import Asked, Found, NewestKey, asked, find_in, page_of, session_matches
from ...query.pieces import calls_of
from . import textindex
from .conditions import compiled
from .core import Core
from .listing import freshen, known_info
from .packing import line_at
from .rows import Head, raw, unraw
from .textindex import LARGE, TEXTS, call_key, spelled, tag

_SECONDS: Final = 2.0
"""For catching up before a search; what takes longer is said to be missing."""
_FIRST_STEP: Final = 64
_STEP_MAX: Final = 4_096
_CHECKED: Final = 256
"""Places whose entries are in memory at the same time."""
_NOTHING: Final = ""
_PLACES: Final[LiteralString] = (
    "SELECT t.root, t.session, t.seq, t.at_us FROM hansard.texts t WHERE t.tenant = %s AND t.tool = %s"
)
_ORDER: Final[LiteralString] = " ORDER BY at_us DESC, session, seq DESC LIMIT %s"
_ESTIMATE: Final[LiteralString] = (
    "EXPLAIN (FORMAT JSON) SELECT FROM hansard.texts WHERE tenant = %s AND words @@ %s::tsquery "
    "UNION ALL SELECT FROM hansard.texts WHERE tenant = %s"
)


class _Place(msgspec.Struct, frozen=True):
    """An entry that may be meant."""

    root: bytes
    session: bytes
    seq: int
    at_us: int

    @property
    def key(self) -> NewestKey:
        """Its place in the newest-first order."""
        return -self.at_us, unraw(self.session), -self.seq


def search(
    core: Core,
    search: Search,
    background: textindex.Background,
    *,
    session: str | None,
    order: Literal["newest", "rank"],
    limit: int,
    cursor: str | None,
) -> Page[Hit]:
    """As the contract says."""
    request = asked(search, order=order, limit=limit, cursor=cursor)
    matches(search.condition, SessionInfo(id=""))
    if session is not None:
        core.head(session)
    complete = freshen(core)
    if not textindex.catch_up(core, session=session, seconds=_SECONDS):
        complete = False
        background.go_on()
    words = _words(core.tenant, search.text)
    titles: dict[str, str | None] = {}
    found: list[Found] = []
    if words != _NOTHING:
        for one in _found(core, search, request, words=words, session=session, titles=titles):
            found.append(one)
            if len(found) == request.wanted:
                break
    return page_of(request, found, titles, complete=complete)


def _found(
    core: Core,
    search: Search,
    request: Asked,
    *,
    words: str | None,
    session: str | None,
    titles: dict[str, str | None],
) -> Iterator[Found]:
    """What a search finds, newest first, behind the place that the request names."""
    common = session is None and _is_common(core, _query(core.tenant, search, words))
    after = request.after_newest
    step = min(max(request.wanted, _FIRST_STEP), _STEP_MAX) if request.order == "newest" else _STEP_MAX
    infos: dict[bytes, SessionInfo | None] = {}
    while True:
        rows = _fetch(core, search, words, session=session, after=after, step=step, walk=common)
        # An entry of several pieces comes once for each that fits, one after the other.
        places = list(dict.fromkeys(rows))
        for first in range(0, len(places), _CHECKED):
            yield from _checked(core, search, places[first : first + _CHECKED], infos, titles)
        if len(rows) < step:
            return
        after = rows[-1].key
        step = min(step * 2, _STEP_MAX)


def _fetch(
    core: Core,
    search: Search,
    words: str | None,
    *,
    session: str | None,
    after: NewestKey | None,
    step: int,
    walk: bool,
) -> list[_Place]:
    """The next places of the index. What was said and what tools said is asked apart: each lies in its order there.

    With `walk` the server may go along the order until it has enough; else it is to sort what the words find.
    """
    where, parameters = _conditions(core, search, words, session=session, after=after)
    tools = [*([False] if search.in_said else []), *([True] if search.in_tools else [])]
    first: LiteralString = _PLACES + where + ("" if walk else " OFFSET 0")
    one: LiteralString = "SELECT * FROM (" + first + ") AS found" + _ORDER  # noqa: S608 - no values
    text, asked = one, [value for tool in tools for value in (core.tenant, tool, *parameters, step)]
    if len(tools) == 2:
        text = "SELECT * FROM ((" + one + ") UNION ALL (" + one + ")) AS found" + _ORDER  # noqa: S608 - no values
        asked.append(step)
    return [_Place(*row) for row in core.db.page(text, asked)] if tools else []


def _is_common(core: Core, query: str | None) -> bool:
    """Whether so many places have what the engine looks for that a walk along the order soon meets enough of them.

    The server's own estimate says so: it knows how often the common words are, and that the others are rarer. Left to
    itself it would also walk for a rare one, through the whole index.
    """
    if not query:
        return True
    plan = core.db.page(_ESTIMATE, (core.tenant, query, core.tenant))[0][0][0]["Plan"]
    while len(plan.get("Plans", ())) == 1:
        plan = plan["Plans"][0]
    numbers = [one.get("Plan Rows", 0) for one in plan.get("Plans", ())]
    # Found by words, each costs a look into the table; on the walk the share of those that do not count does.
    return len(numbers) == 2 and numbers[0] ** 2 >= _FIRST_STEP * numbers[1]


def _conditions(
    core: Core, search: Search, words: str | None, *, session: str | None, after: NewestKey | None
) -> tuple[LiteralString, list[Any]]:
    """What a place must meet beside its tenant and whether a tool said it."""
    texts: list[LiteralString] = []
    parameters: list[Any] = []
    query = _query(core.tenant, search, words)
    if query:
        texts.append(" AND t.words @@ %s::tsquery")
        parameters.append(query)
    if session is not None:
        texts.append(" AND t.session = %s AND t.root = %s")
        parameters += [raw(session), core.head(session).root]
    if search.condition != EVERYTHING:
        where = compiled(search.condition)
        texts.append(
            " AND EXISTS (SELECT FROM hansard.sessions s WHERE s.tenant = t.tenant AND s.root = t.root "
            "AND s.session = t.session AND (" + where.text + "))"
        )
        parameters += where.parameters
    if after is not None:
        texts.append(" AND (-t.at_us, t.session, -t.seq) > (%s, %s, %s) AND t.at_us <= %s")
        parameters += [after[0], raw(after[1]), after[2], -after[0]]
    nothing: LiteralString = ""
    return nothing.join(texts), parameters


def _query(tenant: bytes, search: Search, words: str | None) -> str | None:
    """What the engine looks for; None for every row."""
    groups = [
        [] if words is None else [words, _quoted(spelled(tenant, LARGE, ""))],
        [_quoted(spelled(tenant, "r", tag(role))) for role in search.roles],
        [_tool(tenant, name) for name in search.tools],
        [_quoted(spelled(tenant, "e", "1"))] if search.errors else [],
    ]
    return " & ".join(f"({' | '.join(group)})" for group in groups if group) or None


def _tool(tenant: bytes, name: str) -> str:
    if name.endswith("*"):
        return _quoted(spelled(tenant, "t", tag(name[:-1])), prefix=True)
    return _quoted(spelled(tenant, "t", tag(name)))


def _quoted(word: str, *, prefix: bool = False) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}':*" if prefix else f"'{escaped}'"


def _words(tenant: bytes, text: Text | None) -> str | None:
    """What finds a superset of a text; None for everything, _NOTHING for nothing."""
    match text:
        case None | Without():
            return None
        case Word():
            return _quoted(spelled(tenant, "w", text.token), prefix=text.prefix)
        case Phrase():
            last = len(text.tokens) - 1
            pieces = [
                _quoted(spelled(tenant, "w", token), prefix=text.prefix and number == last)
                for number, token in enumerate(text.tokens)
            ]
            return "(" + " & ".join(pieces) + ")" if pieces else None
        case Or():
            found = [_words(tenant, item) for item in text.items]
            if None in found:
                return None
            return " | ".join(f"({one})" for one in found if one) or _NOTHING
        case And():
            found = [_words(tenant, item) for item in text.items]
            if _NOTHING in found:
                return _NOTHING
            return " & ".join(f"({one})" for one in found if one is not None) or None


def _checked(
    core: Core,
    search: Search,
    places: Sequence[_Place],
    infos: dict[bytes, SessionInfo | None],
    titles: dict[str, str | None],
) -> Iterator[Found]:
    """Those of the places that the search finds, in their order."""
    _load_infos(core, places, infos)
    wanted = [place for place in places if _fits(search, infos.get(place.session))]
    entries, amends = _load_entries(core, wanted, infos)
    shown = [(place, entry) for place in wanted if (entry := entries.get((place.session, place.seq))) is not None]
    calls = _load_calls(core, shown, amends)
    for place, entry in shown:
        info = infos[place.session]
        if info is None:
            continue
        own = {call: name for call, (seq, name) in calls.get(place.session, {}).items() if seq <= place.seq}
        for call, name in calls_of(entry).items():
            own.setdefault(call, name)
        one = find_in(search, info, entry, amendment=amends.get((place.session, place.seq)), calls=own)
        if one is not None:
            titles[info.id] = info.title
            yield one


def _fits(search: Search, info: SessionInfo | None) -> bool:
    return info is not None and session_matches(search, info)


def _load_infos(core: Core, places: Sequence[_Place], infos: dict[bytes, SessionInfo | None]) -> None:
    new = {place.session: place.root for place in places if place.session not in infos}
    if not new:
        return
    infos.update(dict.fromkeys(new))
    keys = {"tenant": core.tenant, "roots": list(new.values()), "sessions": list(new)}
    for row in core.db.rows(TEXTS["heads"], keys):
        infos[row[1]] = known_info(core, Head(*row))


def _load_entries(
    core: Core, places: Sequence[_Place], infos: dict[bytes, SessionInfo | None]
) -> tuple[dict[tuple[bytes, int], Entry], dict[tuple[bytes, int], Entry]]:
    """The entries at places, and the last amendment of each that has one."""
    aims: dict[tuple[bytes, int], int] = {}
    keys: dict[tuple[bytes, int], bytes] = {}
    for place in places:
        info = infos.get(place.session)
        amend = max((seq for seq, aim in info.amendments if aim == place.seq), default=0) if info is not None else 0
        keys[place.session, place.seq] = place.root
        if amend:
            aims[place.session, place.seq] = amend
            keys[place.session, amend] = place.root
    asked = {
        "tenant": core.tenant, "roots": list(keys.values()), "sessions": [session for session, _ in keys],
        "seqs": [seq for _, seq in keys],
    }  # fmt: skip
    found: dict[tuple[bytes, int], Entry] = {}
    for session, seq, first, data in core.db.rows(TEXTS["lines"], asked) if keys else ():
        line = line_at(seq, first, data)
        try:
            found[session, seq] = decode_line(line or b"")
        except (ValueError, Corrupt):
            continue
    return found, {key: found[key[0], amend] for key, amend in aims.items() if (key[0], amend) in found}


def _load_calls(
    core: Core, shown: Sequence[tuple[_Place, Entry]], amends: dict[tuple[bytes, int], Entry]
) -> dict[bytes, dict[str, tuple[int, str]]]:
    """For each session, the calls that its places answer: id → (seq, tool)."""
    wanted: dict[tuple[bytes, bytes], tuple[bytes, str]] = {}
    for place, entry in shown:
        amend = amends.get((place.session, place.seq))
        for call in textindex.answered(entry) | (textindex.answered(amend) if amend is not None else set()):
            wanted[place.session, call_key(call)] = (place.root, call)
    if not wanted:
        return {}
    asked = {
        "tenant": core.tenant, "roots": [root for root, _ in wanted.values()],
        "sessions": [session for session, _ in wanted], "calls": [call for _, call in wanted],
    }  # fmt: skip
    found: dict[bytes, dict[str, tuple[int, str]]] = {}
    for session, key, seq, name in core.db.rows(TEXTS["calls_of"], asked):
        call = wanted[session, bytes(key)][1]
        found.setdefault(session, {})[call] = (seq, unraw(bytes(name)))
    return found
