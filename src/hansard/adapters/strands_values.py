"""Bytes under keys: each key a session that its key names, whose newest write counts. Older writes are erased in lots."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Final

from ..errors import AlreadyExists, Invalid, NotFound
from ..limits import ID_BYTES_MAX
from ..model.entry import Entry, event
from ..store import Session, Store

KIND: Final = "strands-value"
"""Kind of the sessions that hold a value; they are no roots to be listed."""

_WRITE: Final = "strands.write"
_INLINE_MAX: Final = 2048
_LOT: Final = 16


class Values:
    """Values of a store by their keys."""

    def __init__(self, store: Store, name: str) -> None:
        """`name` keeps the keys of several programs apart."""
        self.store = store
        self._name = name

    def write(self, key: str, data: bytes) -> None:
        """The value is durable under the key."""
        while True:
            session = self._made(key)
            try:
                written = self._write(session, data)
            except NotFound:
                # Another writer deleted the key in between; this write is the later one.
                continue
            if len(written) >= _LOT:
                self._forget(session, written)
            return

    def read(self, key: str) -> bytes | None:
        """The value under the key; None if there is none.

        Raises:
            NotFound: the bytes of the newest one are missing.
        """
        missing = 0
        while True:
            try:
                session = self.store.get(self._id(key))
                written = filter(_is_write, session.entries(newest_first=True, kinds="event"))
                entry = next(written, None)
            except NotFound:
                return None
            if entry is None:
                return None
            try:
                return self._value(session, entry)
            except NotFound:
                # It was replaced and erased, or the key was deleted, between the two looks; or else it is lost.
                if entry.seq == missing and self.store.exists(session.id):
                    raise
                missing = entry.seq

    def delete(self, key: str) -> None:
        """Nothing is under the key."""
        self.store.delete(self._id(key), force=True)

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with this, sorted."""
        found = self.store.sessions(kind=KIND, project=self._name)
        return sorted(key for info in found if str(key := info.metadata.get("key", "")).startswith(prefix))

    def _id(self, key: str) -> str:
        identity = f"{KIND}:{self._name}/{key}"
        data = identity.encode("utf-8", "surrogatepass")
        return identity if len(data) <= ID_BYTES_MAX else f"{KIND}:{self._name}/~{sha256(data).hexdigest()}"

    def _made(self, key: str) -> Session:
        identity = self._id(key)
        try:
            return self.store.get(identity)
        except NotFound:
            pass
        try:
            return self.store.create(id=identity, kind=KIND, project=self._name, metadata={"key": key}, title=key)
        except AlreadyExists:
            return self.store.get(identity)

    def _write(self, session: Session, data: bytes) -> list[int]:
        """Write, and give the seqs of the writes that are on record, the newest first."""
        if len(data) <= _INLINE_MAX or "attachments" not in self.store.capabilities:
            session.append(event(_WRITE, {"data": b64encode(data).decode("ascii")}))
        else:
            kept = session.attach(data, record=False)
            session.append(event(_WRITE, {"attachment": kept.sha256, "size": kept.size}))
        written = (entry for entry in session.entries(newest_first=True, kinds="event") if _is_write(entry))
        return [entry.seq for _, entry in zip(range(_LOT), written, strict=False)]

    def _forget(self, session: Session, written: list[int]) -> None:
        if "erase" in self.store.capabilities:
            session.erase(written[2:], reason="replaced by a later value")

    def _value(self, session: Session, entry: Entry) -> bytes:
        if "data" in entry.body:
            return b64decode(entry.body["data"])
        return session.attachment(entry.body["attachment"])


def _is_write(entry: Entry) -> bool:
    return not entry.erased and isinstance(entry.body, dict) and entry.body.get("type") == _WRITE


def path_of(key: str) -> str:
    """The key as a path: runs of `/` count as one, and none is at an end.

    Raises:
        Invalid: it is empty, or leads out of where it stands.
    """
    path = beginning_of(key).strip("/")
    if not path:
        msg = "Storage key must not be empty"
        raise Invalid(msg)
    return path


def beginning_of(prefix: str) -> str:
    """The beginning of keys as a path; a `/` at its end stays.

    Raises:
        Invalid: it leads out of where it stands.
    """
    if "\\" in prefix or ".." in prefix.split("/"):
        msg = f"Invalid storage key '{prefix}': give a path with / and without .."
        raise Invalid(msg)
    pieces = [piece for piece in prefix.split("/") if piece]
    return "/".join(pieces) + ("/" if pieces and prefix.endswith("/") else "")
