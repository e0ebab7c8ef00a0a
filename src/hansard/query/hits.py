"""From an entry to a hit: the one place that decides whether a search finds an entry, whatever engine proposed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from ..codec import times
from ..errors import Invalid
from ..limits import SEARCH_RANKED_MAX
from ..model.entry import NODES, Entry
from ..model.info import SessionInfo
from ..model.requests import Hit, Page
from .condition import matches
from .matching import doc_of, is_in, score, snippet
from .order import check_limit, decode_cursor, encode_cursor
from .pieces import Piece, pieces
from .search import TOOL_ROLE, Search
from .tokens import tokens

Order: TypeAlias = Literal["newest", "rank"]
NewestKey: TypeAlias = tuple[int, str, int]
"""Sorts newest first: (-time in microseconds, session id, -seq)."""

_SHAPES: Final[dict[str, tuple[type, ...]]] = {"newest": (int, str, int), "rank": (int, float, int, str, int)}


class Found(msgspec.Struct, frozen=True):
    """An entry that a search finds, with what is needed to score it and to show it."""

    session: str
    entry: Entry
    at_us: int
    piece: Piece
    doc: str

    @property
    def key(self) -> NewestKey:
        """Its place in the newest-first order."""
        return -self.at_us, self.session, -self.entry.seq


def session_matches(search: Search, info: SessionInfo) -> bool:
    """Whether entries of this session can be found: its fields and the words of its title.

    Raises:
        Invalid: the condition names what there is not.
    """
    if not matches(search.condition, info):
        return False
    return search.title is None or is_in(search.title, doc_of(tokens(info.title or "")))


def find_in(
    search: Search, info: SessionInfo, entry: Entry, *, amendment: Entry | None, calls: Mapping[str, str]
) -> Found | None:
    """The entry with the piece of it that a search finds, None if it finds nothing.

    `amendment` is the last amend entry that names this one. A title is found while the session has it; what was said
    before the session was cleared is not found any more.
    """
    if entry.seq < info.cleared and entry.kind in NODES:
        return None
    shown = amended(entry, amendment)
    if shown is None:
        return None
    eligible = [piece for piece in pieces(shown, calls=calls) if is_eligible(search, piece)]
    if not eligible or (eligible[0].role == "title" and _title_of(entry) != info.title):
        return None
    docs = [doc_of(piece.tokens) for piece in eligible]
    for piece, doc in zip(eligible, docs, strict=True):
        if is_in(search.text, doc, docs):
            return Found(info.id, entry, times.microseconds(entry.at), piece, doc)
    return None


def amended(entry: Entry, amendment: Entry | None) -> Entry | None:
    """The entry as a search sees it: with the body of its amendment; None if that hides it, or was erased.

    What is hidden because a summary stands for it (`archived`) is still found, as is what a compaction covers.
    """
    if amendment is None:
        return entry
    body = amendment.body
    if amendment.erased or not isinstance(body, dict):
        return None
    if body.get("hide") is True:
        return entry if body.get("archived") is True else None
    shown = body.get("body")
    return msgspec.structs.replace(entry, body=shown) if isinstance(shown, dict) else None


def is_eligible(search: Search, piece: Piece) -> bool:
    """Whether a piece is one that the search looks at: by role, tool and error."""
    if not (search.in_tools if piece.role == TOOL_ROLE else search.in_said):
        return False
    if (search.roles and piece.role not in search.roles) or piece.role in search.without_roles:
        return False
    if search.errors is not None and piece.is_error is not search.errors:
        return False
    if search.tools and not _named(search.tools, piece.tools):
        return False
    return not (search.without_tools and _named(search.without_tools, piece.tools))


def _named(wanted: Iterable[str], names: Sequence[str]) -> bool:
    folded = [name.casefold() for name in names]
    return any(
        any(name.startswith(one[:-1]) for name in folded) if one.endswith("*") else one in folded for one in wanted
    )


def _title_of(entry: Entry) -> str | None:
    body = entry.body if entry.kind == "created" else entry.body.get("set")
    return body.get("title")


# -- pages -------------------------------------------------------------------------------------------------------------


class Asked(msgspec.Struct, frozen=True):
    """A page that was asked for, its arguments checked."""

    search: Search
    order: Order
    limit: int
    now_us: int | None = None
    """What ranks of this and the pages before are counted from; None on the first page."""
    after_score: float = 0.0
    after: NewestKey | None = None
    """The place in the newest-first order that the page before ended at."""

    @property
    def after_newest(self) -> NewestKey | None:
        """Where candidates begin: ranking looks at the newest hits on every page."""
        return self.after if self.order == "newest" else None

    @property
    def wanted(self) -> int:
        """How many of the newest hits are needed: one more than the page shows, to know whether another follows."""
        return self.limit + 1 if self.order == "newest" else SEARCH_RANKED_MAX


def asked(search: Search, *, order: Order, limit: int, cursor: str | None) -> Asked:
    """Check the arguments of a search.

    Raises:
        Invalid: order, limit or cursor are not such.
    """
    check_limit(limit)
    if order not in _SHAPES:
        msg = f"no order {order!r} of hits; there are {', '.join(_SHAPES)}"
        raise Invalid(msg)
    if cursor is None:
        return Asked(search, order, limit)
    key = decode_cursor(cursor, order, _SHAPES[order])
    if order == "newest":
        return Asked(search, order, limit, after=(-key[0], key[1], -key[2]))
    return Asked(search, order, limit, now_us=key[0], after_score=key[1], after=(-key[2], key[3], -key[4]))


def page_of(asked: Asked, found: Sequence[Found], titles: Mapping[str, str | None], *, complete: bool) -> Page[Hit]:
    """The page of hits from the newest `asked.wanted` that were found, newest first."""
    if asked.order == "newest":
        shown = found[: asked.limit]
        hits = [_hit(asked.search, one, _score(asked.search, one, one.at_us), titles) for one in shown]
        more = len(found) > asked.limit
        last = shown[-1] if more else None
        following = None if last is None else encode_cursor("newest", last.at_us, last.session, last.entry.seq)
        return Page(tuple(hits), following, complete)
    now_us = asked.now_us if asked.now_us is not None else max((one.at_us for one in found), default=0)
    ranked = sorted((-_score(asked.search, one, now_us), one.key, number) for number, one in enumerate(found))
    if asked.after is not None:
        ranked = [item for item in ranked if item[:2] > (-asked.after_score, asked.after)]
    page = ranked[: asked.limit]
    hits = [_hit(asked.search, found[number], -negative, titles) for negative, _, number in page]
    if len(ranked) <= asked.limit:
        return Page(tuple(hits), None, complete)
    negative, _, number = page[-1]
    one = found[number]
    following = encode_cursor("rank", now_us, -negative, one.at_us, one.session, one.entry.seq)
    return Page(tuple(hits), following, complete)


def _score(search: Search, one: Found, now_us: int) -> float:
    return score(search.text, one.doc, role=one.piece.role, at_us=one.at_us, now_us=now_us)


def _hit(search: Search, one: Found, value: float, titles: Mapping[str, str | None]) -> Hit:
    return Hit(
        session=one.session,
        seq=one.entry.seq,
        at=one.entry.at,
        role=one.piece.role,
        snippet=snippet(one.piece.text, search.text),
        score=value,
        title=titles.get(one.session),
    )
