"""Heads kept elsewhere: the one proof against a log that was cut at a commit, or chained anew as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from ..backend import Backend
from ..errors import Corrupt, HansardError, Invalid, NotFound
from ..model.requests import Finding
from ..query import EVERYTHING
from .queries import sessions_of

Heads: TypeAlias = Mapping[str, Sequence[int | str]]
"""Session id → [seq, hash] of an entry that was its last one when the heads were written."""


def heads_of(backend: Backend) -> dict[str, list[int | str]]:
    """The last seq and hash of every session; plain JSON, to be kept where who can write the store can't."""
    found: dict[str, list[int | str]] = {}
    for info in sessions_of(backend, EVERYTHING, order="id", complete=True):
        found[info.id] = [info.seq, info.hash]
    return found


def compare(backend: Backend, heads: Heads, session: str | None = None) -> Iterator[Finding]:
    """What differs from the heads: a session that is gone, is shorter, or has another entry where the head was.

    Raises:
        Invalid: the heads are not {id: [seq, hash]}.
    """
    if not isinstance(heads, Mapping):
        msg = f"heads: a dict of session id to [seq, hash], as heads() gives, not {type(heads).__name__}"
        raise Invalid(msg)
    for kept, head in heads.items():
        seq, link = _head(kept, head)
        if session is None or kept == session:
            yield from _compare(backend, kept, seq, link)


def _head(session: str, head: object) -> tuple[int, str]:
    if isinstance(head, list | tuple) and len(head) == 2 and type(head[0]) is int and isinstance(head[1], str):
        return head[0], head[1]
    msg = f"heads: session {session!r} has {head!r}, not [seq, hash]"
    raise Invalid(msg)


def _compare(backend: Backend, session: str, seq: int, link: str) -> Iterator[Finding]:
    try:
        info = backend.info(session)
        if info.seq < seq:
            msg = f"the log ends at entry {info.seq}, but entry {seq} was there when the heads were kept: it was cut"
            yield Finding(session, "damage", msg)
            return
        entry = next(backend.entries(session, after=seq - 1, before=seq + 1), None)
    except NotFound:
        yield Finding(session, "damage", f"the session is gone; it had {seq} entries when the heads were kept")
    except Corrupt as error:
        yield Finding(session, "damage", str(error), path=error.path, line=error.line, offset=error.offset)
    except HansardError as error:
        yield Finding(session, "damage", f"the session can't be compared with the heads: {error}")
    else:
        if entry is None or entry.hash != link:
            msg = f"entry {seq} is not the one that was there when the heads were kept: the log was chained anew"
            yield Finding(session, "damage", msg)
