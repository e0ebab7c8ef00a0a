"""Logs made by hand, and a shelf that holds them: what formats are tested on without a backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

import msgspec

from hansard.codec.line import GENESIS, decode_line, encode_line, seal
from hansard.codec.names import new_id
from hansard.errors import Conflict, Corrupt, NotFound
from hansard.model.entry import Entry, NewEntry, message
from hansard.model.info import Attachment, Segment, SessionInfo
from hansard.model.requests import Created, Page

NOW = 1_795_000_000_000_000


def log_of(session: str, *new: NewEntry, origin: Sequence[bytes] = (), groups: int = 1, **created) -> list[bytes]:
    """The lines of a session: `created` and the entries, `groups` entries a commit; `origin`: the lines it continues."""
    body = {"session": session, "kind": "root", "format": 1, "needs": [], **created}
    seq, previous = 0, GENESIS
    if origin:
        last, first = decode_line(origin[-1]), decode_line(origin[0])
        seq, previous = last.seq, bytes.fromhex(last.hash)
        body["segments"] = [{"session": first.body["session"], "last": seq, "hash": last.hash}]
    lines = []
    entries = [NewEntry(kind="created", body=body), *new]
    for number, entry in enumerate(entries):
        ends = (number + 1) % groups == 0 or number + 1 == len(entries)
        begins = seq + 1 - number % groups
        sealed = seal(entry, now_us=NOW + number)
        commit = (begins, NOW) if ends else None
        line, previous = encode_line(sealed, seq + 1, previous, parent=entry.parent, commit=commit)
        lines.append(line)
        seq += 1
    return lines


def says(text: str, **fields) -> NewEntry:
    """A user message."""
    return message("user", text, id=new_id(), **fields)


def attached(data: bytes, **said) -> NewEntry:
    """The entry that names an attachment."""
    return NewEntry(kind="attachment", body={"sha256": sha256(data).hexdigest(), "size": len(data), **said})


class Shelf:
    """Sessions by id, as far as archives need a backend. `receive` keeps what it gets and checks nothing but identity."""

    def __init__(self, **logs: list[bytes]) -> None:
        self.logs: dict[str, list[bytes]] = dict(logs)
        self.prefixes: dict[str, list[bytes]] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.complete = True

    def keep(self, session: str, *data: bytes) -> None:
        """Put attachments beside a session."""
        self.files.setdefault(session, {}).update({sha256(one).hexdigest(): one for one in data})

    def info(self, session: str) -> SessionInfo:
        if session not in self.logs:
            text = f"session {session!r} does not exist"
            raise NotFound(text)
        body = decode_line(self.logs[session][0]).body
        return SessionInfo(
            id=session,
            root=body.get("root", session),
            parent=body.get("parent"),
            depth=body.get("depth", 0),
            segments=msgspec.convert(body.get("segments", ()), tuple[Segment, ...]),
            seq=decode_line(self.logs[session][-1]).seq,
        )

    def find(self, where, *, order: str, limit: int, cursor: str | None) -> Page[SessionInfo]:
        assert (where.name, where.op, order) == ("root", "=", "id")
        found = [info for info in map(self.info, sorted(self.logs)) if info.root == where.value]
        rest = [info for info in found if cursor is None or info.id > cursor]
        more = rest[1:]
        return Page(tuple(rest[:1]), cursor=rest[0].id if more else None, complete=self.complete)

    def lines(self, session: str, *, after: int = 0) -> Iterator[bytes]:
        return iter([line for line in self.logs[session] if decode_line(line).seq > after])

    def entries(
        self, session: str, *, after=0, before=None, newest_first=False, on_damage="raise", known=None
    ) -> Iterator[Entry]:
        body = decode_line(self.logs[session][0]).body
        found = list(self.prefixes.get(session, ()))
        for segment in () if found else body.get("segments", ()):
            found += self.logs[segment["session"]][len(found) : segment["last"]]
        entries = map(decode_line, [*found, *self.logs[session]])
        return (entry for entry in entries if after < entry.seq and (before is None or entry.seq < before))

    def attachment(self, session: str, sha256: str) -> bytes:
        try:
            return self.files[session][sha256]
        except KeyError:
            text = f"no attachment {sha256}"
            raise NotFound(text) from None

    def receive(self, session: str, lines: Iterable[bytes], attachments: Iterable[tuple[Attachment, bytes]]) -> Created:
        got = list(lines)
        start = next(
            number
            for number, line in enumerate(got)
            if (entry := decode_line(line)).kind == "created" and entry.body["session"] == session
        )
        own, there = got[start:], self.logs.get(session)
        if there is not None and own[: len(there)] != there:
            text = f"session {session!r} has other content"
            raise Conflict(text, seq=len(there))
        for attachment, data in attachments:
            if sha256(data).hexdigest() != attachment.sha256 or len(data) != attachment.size:
                raise Corrupt(attachment.sha256)
            self.keep(session, data)
        self.logs[session] = own
        if start:
            self.prefixes[session] = got[:start]
        return Created(session, decode_line(own[-1]).seq, new=there is None)
