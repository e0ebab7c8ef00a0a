"""Messages of pydantic-ai in a session, as JSON: what it wrote is given back verbatim, what others wrote is translated."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterator
from itertools import chain
from typing import Final, NamedTuple

from ..errors import NotFound
from ..model.entry import Json, NewEntry
from ..model.info import Message
from ..payloads.pydantic_ai import encode
from ..store import Session, Store
from .attached import Results, own_payload, with_files

FORMAT: Final = "pydantic-ai"
"""Format of the raw payloads that are written here."""

_KNOWN_MAX: Final = 10_000


class Placed(NamedTuple):
    """A message with its place in the session."""

    id: str
    seq: int
    parent_id: str | None
    text: str
    """The message in pydantic-ai's JSON."""


def message_entry(
    text: str, *, kind: str, parts: Collection[str], entry_id: str, at: str = "", model: Json = None
) -> NewEntry:
    """The message that keeps a payload verbatim. `kind` and `parts` are its own kind and those of its parts."""
    role = "assistant"
    if kind == "request":
        answers = {"tool-return", "retry-prompt"}
        role = "user" if "user-prompt" in parts else "tool" if answers & {*parts} else "system" if parts else "user"
    body: dict[str, Json] = {"role": role, "raw": {"format": FORMAT, "text": text}}
    if isinstance(model, str):
        body["model"] = model
    return NewEntry(kind="message", body=body, id=entry_id, at=at)


def history(session: Session, *, to: int, limit: int | None) -> list[Placed]:
    """The newest `limit` messages of the path to an entry, in order, each with the id of the one before it."""
    # One more than asked for, because it is the parent of the first.
    shown = session.messages(to=to, limit=None if limit is None else limit + 1)
    tools: dict[str, str] = {}
    results = Results(whole=False)
    found: list[Placed] = []
    before: str | None = None
    for message in shown:
        found.append(Placed(message.id, message.seq, before, _text(session, message, tools, results)))
        before = message.id
    return found if limit is None else found[len(found) - limit :] if limit < len(found) else found


def _text(session: Session, message: Message, tools: dict[str, str], results: Results) -> str:
    wanted = results.wanted(message.parts)
    for part in wanted:
        if part.get("type") == "tool_call":
            tools[str(part.get("id", ""))] = str(part.get("name", ""))
    own = own_payload(session, message, format=FORMAT)
    if own is not None:
        return own
    parts = with_files(wanted, session.attachment)
    text = json.dumps(encode(message.role, parts, at=message.at, tools=tools), ensure_ascii=False)
    # pydantic takes no lone surrogates: each is shown as the character that stands for what can't be read.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Places:
    """Where entries lie, by their ids: what was found once is looked at first. Threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mutex = threading.Lock()
        self._known: dict[str, tuple[str, int]] = {}

    def find(self, entry_id: str, *, first: str | None = None) -> tuple[str, int]:
        """The session and seq of an entry; `first` is a session that is likely to have it.

        Raises:
            NotFound: no session has it.
        """
        known = self._known.get(entry_id)
        for where in chain((known[0] if known else None, first), self._others()):
            if where is None:
                continue
            try:
                return where, self.seq(self._store.get(where), entry_id)
            except NotFound:
                continue
        msg = f"no session of this store has an entry {entry_id!r}"
        raise NotFound(msg)

    def _others(self) -> Iterator[str]:
        """All sessions, which are listed only when the likely ones do not have the entry."""
        yield from (info.id for info in self._store.sessions(order="-updated"))

    def seq(self, session: Session, entry_id: str) -> int:
        """The number of an entry in a session.

        Raises:
            NotFound: the session does not have it.
        """
        where, seq = self._known.get(entry_id, ("", 0))
        if where == session.id and 0 < seq <= session.seq and session.entry(seq).id == entry_id:
            return seq
        for entry in session.entries(newest_first=True):
            if entry.id == entry_id:
                self.remember(entry_id, session.id, entry.seq)
                return entry.seq
        msg = f"session {session.id!r} has no entry {entry_id!r}"
        raise NotFound(msg)

    def expect(self, entry_id: str, session: str) -> None:
        """Look into this session first for an entry of which nothing is known."""
        if entry_id not in self._known:
            self.remember(entry_id, session, 0)

    def remember(self, entry_id: str, session: str, seq: int) -> None:
        """Note where an entry lies."""
        with self._mutex:
            self._known.pop(entry_id, None)
            self._known[entry_id] = (session, seq)
            while len(self._known) > _KNOWN_MAX:
                del self._known[next(iter(self._known))]
