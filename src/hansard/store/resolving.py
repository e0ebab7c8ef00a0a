"""What people type for a session: its id, the beginning of it, its slug, @last, or @n for the n-th row of a listing."""

from __future__ import annotations

import re
from typing import Any, Final

from ..backend import Backend
from ..codec.names import check_id
from ..errors import Corrupt, Invalid, NotFound
from ..model.requests import ANY
from ..query import All, Condition, Field, where

_ROW: Final = re.compile(r"@([1-9][0-9]{0,6})")
_SHOWN: Final = 5
_LAST_CHARACTER: Final = "\U0010ffff"


def resolve(backend: Backend, text: str) -> str:
    """The id that is meant: an exact id first, then @last and @n, then a slug, then the beginning of one id.

    Raises:
        NotFound: nothing fits.
        Invalid: more than one session fits; names some of them.
    """
    if not isinstance(text, str) or not text:
        msg = "a session is named by its id, the beginning of it, its slug, @last or @1, @2 …; this is empty"
        raise Invalid(msg)
    if _is_id(backend, text):
        return text
    row = _ROW.fullmatch(text)
    if text == "@last" or row is not None:
        return _row(backend, 1 if row is None else int(row.group(1)))
    for condition in (Field("slug", "=", text), _beginning(text)):
        found = [info.id for info in backend.find(condition, order="-created", limit=_SHOWN + 1, cursor=None)]
        if len(found) == 1:
            return found[0]
        if found:
            named = ", ".join(found[:_SHOWN]) + (" …" if len(found) > _SHOWN else "")
            msg = f"{text!r} fits more than one session: {named}. Type more of the id"
            raise Invalid(msg)
    msg = f"no session has the id, the slug or the beginning {text!r}"
    raise NotFound(msg)


def get(backend: Backend, session: str | None, *, agent: Any, user: Any, number: int | None) -> str:
    """As Store.get says."""
    if (session is None) == (number is None):
        msg = "get: an id or a slug, or else the number of a session of an agent and a user"
        raise Invalid(msg)
    owner = {name: value for name, value in (("agent", agent), ("user", user)) if value is not ANY}
    if session is None:
        found = [info.id for info in backend.find(where(number=number, **owner), order="id", limit=2, cursor=None)]
        what = f"number {number}"
    elif is_there(backend, check_id(session)):
        # What is damaged says whose it was only in the listing.
        mine = not owner or len(backend.find(where(id=session, **owner), order="id", limit=1, cursor=None)) > 0
        found, what = [session] if mine else [], repr(session)
    else:
        found = [info.id for info in backend.find(where(slug=session, **owner), order="id", limit=2, cursor=None)]
        what = repr(session)
    if len(found) > 1:
        msg = (
            f"{what} is the slug or number of more than one session, such as {found[0]!r} and {found[1]!r}; give the id"
        )
        raise Invalid(msg)
    if not found:
        msg = f"session {what} does not exist in this {backend.name} store; find() lists those that do"
        raise NotFound(msg)
    return found[0]


def _is_id(backend: Backend, text: str) -> bool:
    try:
        return is_there(backend, text)
    except Invalid:
        return False


def is_there(backend: Backend, session: str) -> bool:
    """Whether a session has this id; a damaged one is there."""
    try:
        backend.info(session)
    except NotFound:
        return False
    except Corrupt:
        return True
    return True


def _beginning(text: str) -> Condition:
    return All((Field("id", ">=", text), Field("id", "<=", text + _LAST_CHARACTER)))


def _row(backend: Backend, number: int) -> str:
    cursor: str | None = None
    seen = 0
    while True:
        page = backend.find(where(), order="-activity", limit=min(number - seen, 200), cursor=cursor)
        seen += len(page)
        if seen == number:
            return page.items[-1].id
        if page.cursor is None:
            msg = f"there is no session @{number}; the store has {seen}" if seen else "the store has no sessions yet"
            raise NotFound(msg)
        cursor = page.cursor
